/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys on a token (SoftHSM in a folder of its own): names of keys, each way to sign with each kind of key and inside the sandbox,
 * what is not signed, what is said when something is missing. */
// link: ledger sandbox ipc base
// libs: -lcrypto -lconfig -lseccomp -lcap-ng
#include "../../gw/token/form.c"
#include "../../gw/token/keys.c"
#include "../../gw/token/module.c"

#include <sys/wait.h>
#include <unistd.h>

#include "ledger.h"
#include "sandbox.h"
#include "tap.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define TEXT STR("what is signed")

static char folder[64];

static bool shell(const char *text)
{
    char line[1024];
    snprintf(line, sizeof line, "cd %s && { %s; } >>out 2>&1", folder, text);
    return system(line) == 0;
}

static bool make_token(void)
{
    char conf[128];
    strcpy(folder, "/tmp/lockgate-token-XXXXXX");
    if (!mkdtemp(folder))
        return false;
    snprintf(conf, sizeof conf, "%s/conf", folder);
    setenv("SOFTHSM2_CONF", conf, 1);
    return shell("mkdir tokens && printf 'directories.tokendir = %s/tokens\\nlog.level = ERROR\\n' \"$PWD\" >conf"
                 " && softhsm2-util --init-token --free --label gate --so-pin 87654321 --pin 123456"
                 " && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key"
                 " && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key"
                 " && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.key"
                 " && openssl genpkey -algorithm ED25519 -out ed.key"
                 " && n=10; for k in rsa p256 p384 ed; do n=$((n + 1)); softhsm2-util --import $k.key --token gate --label $k --id $n --pin 123456 || exit 1;"
                 "    openssl req -x509 -key $k.key -subj /CN=low.example -days 2 -out $k.pem || exit 1; done");
}

/* ---- names ---- */

static void names(void)
{
    static const struct { const char *text; bool good; } rows[] = {
        { "pkcs11:token=gate;object=tls", true }, { "pkcs11:object=tls;token=gate;type=private", true }, { "pkcs11:token=gate;id=%01%fF", true },
        { "pkcs11:token=my%20gate;object=a%3bb", true }, { "pkcs11:", false }, { "pkcs11:token=gate", false }, { "pkcs11:object=tls", false },
        { "pkcs11:token=gate;object=a;object=b", false }, { "pkcs11:token=gate;object=tls;type=public", false },
        { "pkcs11:token=gate;object=tls;pin-value=1234", false }, { "pkcs11:token=gate;object=tls?pin-source=/x", false },
        { "pkcs11:token=gate;object=%zz", false }, { "pkcs11:token=gate;object=%4", false }, { "pkcs11:token=gate;object=a%00b", false },
        { "pkcs11:token=gate;object=", false }, { "pkcs11:token=123456789012345678901234567890123;object=a", false }, { "pkcs11:token=gate;;object=a", false },
        { "pkcs11:token=gate;id=", false }, { "tls/key.pem", false },
    };
    struct pkcs11_uri u = { .token = "" };
    const char *what = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ok((pkcs11_uri_parse(rows[i].text, &u, &what) == 0) == rows[i].good, "%s is %s", rows[i].text, rows[i].good ? "a name" : "no name");
    ok(pkcs11_uri_parse("pkcs11:token=my%20gate;object=a%3bb;id=%01%fF", &u, &what) == 0 && strcmp(u.token, "my gate") == 0 &&
        strcmp(u.object, "a;b") == 0 && u.id_n == 2 && u.id[0] == 1 && u.id[1] == 0xff, "percent signs are read");
}

/* ---- what the journal may have signed ---- */

static void forms(void)
{
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const struct { const char *text; bool good; } rows[] = {
        { "gate/journal\n17\n" ROOT "\n", true }, { "cosignature/v1\ntime 1700000000\ngate/journal\n0\n" ROOT "\n", true },
        { "gate/journal\n17\n" ROOT, false }, { "gate/journal\n17\n" ROOT "\nmore\n", false }, { "other/journal\n17\n" ROOT "\n", false },
        { "gate/journal\n017\n" ROOT "\n", false }, { "gate/journal\n\n" ROOT "\n", false }, { "gate/journal\n17\nAAAA\n", false },
        { "cosignature/v1\ngate/journal\n17\n" ROOT "\n", false }, { "cosignature/v1\ntime x\ngate/journal\n17\n" ROOT "\n", false },
        { "", false }, { "gate/journal2\n17\n" ROOT "\n", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ok(!form_note_wrong(str_c(rows[i].text), "gate/journal") == rows[i].good, "checkpoint text %zu is %s", i + 1, rows[i].good ? "signed" : "not signed");
}

/* ---- signing ---- */

static bool good(const struct token_key *k, const struct scheme *s, const unsigned char *sig, size_t n)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p;
    bool fine = EVP_DigestVerifyInit_ex(c, &p, s->digest, NULL, NULL, k->pub, NULL) == 1;
    if (fine && s->way >= WAY_PSS_256 && s->way <= WAY_PSS_512)
        fine = EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1;
    fine = fine && EVP_DigestVerify(c, sig, n, (const unsigned char *)TEXT.p, TEXT.n) == 1;
    EVP_MD_CTX_free(c);
    return fine;
}

static void each_way(struct module *m, const struct keys *k, const char *where)
{
    unsigned char sig[SIGNATURE_MAX];
    size_t n;
    for (size_t i = 0; i < k->n; i++)
        for (size_t j = 0; j < sizeof schemes / sizeof schemes[0]; j++) {
            const struct scheme *s = &schemes[j];
            bool fits = EVP_PKEY_is_a(k->v[i].pub, s->type);
            int err = keys_sign(m, &k->v[i], s->id, TEXT, sig, &n);
            if (fits)
                ok(err == 0 && good(&k->v[i], s, sig, n), "%s: %s signs with scheme %04x", where, k->v[i].uri, s->id);
            else if (err != GW_ERR(PROTO))
                ok(false, "%s: %s does not sign with scheme %04x", where, k->v[i].uri, s->id);
        }
}

/* The same behind the door: each signature opens and locks the token's files. */
static void in_sandbox(struct module *m, const struct keys *k)
{
    char tokens[80];
    int status = 0;
    snprintf(tokens, sizeof tokens, "%s/tokens", folder);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        const char *below[] = { tokens, NULL };
        struct sandbox_options o = { .write_below = below };
        if (sandbox_enter(SANDBOX_TOKEN, &o) < 0)
            _exit(3);
        tap_bad = 0;
        for (int i = 0; i < 3; i++)
            each_way(m, k, "sandbox");
        fflush(stdout);
        _exit(tap_bad ? 1 : 0);
    }
    waitpid(pid, &status, 0);
    tap_n += 3 * 13; /* of the child: thirteen ways, three times */
    if (!ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "every key signs inside the sandbox"))
        diag("status %x", (unsigned)status);
}

static EVP_PKEY *pub(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.pem", folder, name);
    return public_of(path);
}

static void signing(void)
{
    static struct gw_conf conf = { .path = "conf" };
    struct token_key v[4] = {
        { .uri = "pkcs11:token=gate;object=rsa", .asker = IPC_KEEPER, .pub = pub("rsa") },
        { .uri = "pkcs11:token=gate;object=p256", .asker = IPC_KEEPER, .pub = pub("p256") },
        { .uri = "pkcs11:token=gate;id=%13", .asker = IPC_KEEPER, .pub = pub("p384") },
        { .uri = "pkcs11:token=gate;object=ed", .asker = IPC_JOURNAL },
    };
    struct token_key strange = { .uri = "pkcs11:token=gate;object=p256", .asker = IPC_KEEPER, .pub = pub("p384") };
    struct token_key missing = { .uri = "pkcs11:token=gate;object=nothing", .asker = IPC_KEEPER, .pub = pub("rsa") };
    struct token_key wrong_kind = { .uri = "pkcs11:token=gate;object=p256", .asker = IPC_JOURNAL };
    struct keys k = { v, 4 };
    struct module *m = NULL;

    ok(module_open("/nowhere.so", "gate", "123456", &m) == GW_ERR(CONF), "a module that is not there");
    ok(module_open("libm.so.6", "gate", "123456", &m) == GW_ERR(CONF), "a library that is no module");
    ok(module_open(MODULE, "other", "123456", &m) == GW_ERR(CONF), "a token that is not there");
    ok(module_open(MODULE, "gate", "654321", &m) == GW_ERR(CONF), "a wrong PIN");
    if (!ok(module_open(MODULE, "gate", "123456", &m) == 0, "the module loads and logs in"))
        return;
    ok(keys_try(&conf, m, &(struct keys){ &strange, 1 }) == GW_ERR(CONF), "a key of another certificate is found out");
    ok(keys_try(&conf, m, &(struct keys){ &missing, 1 }) == GW_ERR(CONF), "a key that is not there");
    ok(keys_try(&conf, m, &(struct keys){ &wrong_kind, 1 }) == GW_ERR(CONF), "the journal's must be Ed25519");
    ok(keys_try(&conf, m, &k) == 0, "all keys are found, and sign");
    ok(keys_find(&k, IPC_KEEPER, str_c(v[0].uri)) == &v[0] && !keys_find(&k, IPC_JOURNAL, str_c(v[0].uri)) && !keys_find(&k, IPC_KEEPER, str_c(v[3].uri)),
        "each asker has its own");
    each_way(m, &k, "open");
    in_sandbox(m, &k);
    for (size_t i = 0; i < 4; i++)
        EVP_PKEY_free(v[i].pub);
    EVP_PKEY_free(strange.pub);
    EVP_PKEY_free(missing.pub);
    EVP_PKEY_free(wrong_kind.pub);
    module_close(m);
}

int main(void)
{
    char line[96];
    log_init("token", LOG_L_ERROR);
    names();
    forms();
    if (access(MODULE, R_OK) != 0) {
        ok(true, "signing # SKIP softhsm2 is not installed");
        return done_testing();
    }
    if (ok(make_token(), "a token with four keys"))
        signing();
    snprintf(line, sizeof line, "rm -rf %s", folder);
    (void)!system(line);
    return done_testing();
}
