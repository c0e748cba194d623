// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal with its signing key on a token, which the test plays: records wait for nothing, only what is good for the public key
 * becomes a checkpoint, what does not come is a record, and the end is signed. */
#include <openssl/evp.h>

#include "journal_fault_rig.h"
#include "tap.h"

static EVP_PKEY *key;
static struct ipc *token;
static struct buf fields;
static uint64_t told;

static void configure(struct rig *r)
{
    FILE *f;

    r->more = "key = \"pkcs11:token=gate;object=journal\";";
    rig_conf(r, "1MiB", "1s");
    f = fopen(r->conf, "a");
    if (!f || fputs("pkcs11 = { module = \"/m.so\"; pin_file = \"/pin\"; };\n", f) < 0 || fclose(f) != 0)
        rig_die("cannot write the configuration");
}

static void write_public(struct rig *r)
{
    char path[200], line[LED_VKEY_MAX];
    unsigned char pub[32];
    size_t n = sizeof pub;
    FILE *f;

    (void)mkdir(r->keys, 0755);
    snprintf(path, sizeof path, "%s/journal.pub", r->keys);
    if (EVP_PKEY_get_raw_public_key(key, pub, &n) != 1 || led_vkey_text("gate.example/journal", pub, line) < 0 || !(f = fopen(path, "w")) ||
        fputs(line, f) < 0 || fclose(f) != 0)
        rig_die("cannot write the public key");
}

/* One line of a guard, and whether it becomes durable. */
static bool tell(struct rig *r)
{
    struct ipc_msg m;
    struct msg_durable d = { 0 };

    rig_fields(&fields, ++told, "x");
    if (rig_line(r->guard[0], 5, told, LINE_TARGET_NONE, buf_str(&fields)) < 0)
        rig_die("cannot send");
    while (d.number < told && rig_next(r->guard[0], 10000, &m) == 1)
        if (m.type == IPC_M_DURABLE)
            (void)!ipc_get_durable(&m, &d);
    return d.number == told;
}

/* Both questions of one checkpoint, answered by `by`, or with zeros where that is NULL. */
static bool answer(EVP_PKEY *by, int ms)
{
    for (int i = 0; i < 2; i++) {
        unsigned char sig[64] = { 0 };
        size_t n = sizeof sig;
        struct ipc_msg m;
        struct msg_sign q;
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        bool good = rig_next(token, ms, &m) == 1 && ipc_get_sign(&m, &q) == 0 && str_eq(q.domain, STR("pkcs11:token=gate;object=journal")) &&
            (!by || (EVP_DigestSignInit(c, NULL, NULL, NULL, by) == 1 && EVP_DigestSign(c, sig, &n, (const unsigned char *)q.input.p, q.input.n) == 1)) &&
            ipc_put_signed(token, &(struct msg_signed){ .ask = q.ask, .signature = { (const char *)sig, n } }) == 0 && ipc_flush(token) == 0;
        EVP_MD_CTX_free(c);
        if (!good)
            return false;
    }
    return true;
}

/* Does a file of the journal hold this text, within two seconds? */
static bool holds(struct rig *r, const char *name, const char *text)
{
    for (int i = 0; i < 100; i++) {
        char path[200], *p = NULL;
        size_t n = 0;
        FILE *f;
        bool found = false;
        snprintf(path, sizeof path, "%s/%s", r->journal, name);
        if ((f = fopen(path, "r"))) {
            found = getdelim(&p, &n, 0, f) > 0 && strstr(p, text);
            fclose(f);
        }
        free(p);
        if (found)
            return true;
        usleep(20000);
    }
    return false;
}

static off_t notes(struct rig *r)
{
    char path[200];
    struct stat st = { 0 };
    snprintf(path, sizeof path, "%s/checkpoints", r->journal);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

#define LINES "0000000001.jsonl"

int main(int argc, char **argv)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct ipc *keeper;
    struct rig r;
    off_t size;

    (void)argc;
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    buf_init(&fields, 65536);
    rig_new(&r, argv[0], "1MiB", "1s");
    configure(&r);
    ok(rig_start(&r, 1) == 78, "without the public half it does not start");
    rig_close(&r);
    write_public(&r);
    ok(rig_start(&r, 1) == 0, "with it, it does; no private key is here");
    ok(tell(&r), "no token: a record becomes durable");
    ok(holds(&r, LINES, "checkpoint-late") && notes(&r) == 0, "and that there is no checkpoint is a record");
    token = rig_link(&r, IPC_TOKEN, 0, 0);
    ok(answer(key, 5000) && holds(&r, "checkpoints", "gate.example/journal\n"), "what the token signs becomes a checkpoint");
    ok(holds(&r, LINES, "checkpoint-again"), "which is a record too");
    ok(answer(key, 5000), "that one is signed as well");
    usleep(200000);
    size = notes(&r);
    ok(tell(&r) && answer(other, 5000), "another key signs");
    usleep(200000);
    ok(notes(&r) == size && holds(&r, LINES, "not good for keys/journal.pub"), "no checkpoint, but a record");
    ok(answer(NULL, 5000), "zeros");
    usleep(200000);
    ok(notes(&r) == size, "are none either");
    keeper = rig_link(&r, IPC_KEEPER, 0, 0);
    ok(ipc_put_signed(keeper, &(struct msg_signed){ .ask = 2, .signature = STR("x") }) == 0 && ipc_flush(keeper) == 0 &&
        holds(&r, LINES, "a signature that nobody asked for"), "a signature from the keeper breaks its channel");
    ok(ipc_put_stop(r.parent, &(struct msg_stop){ }) == 0 && ipc_flush(r.parent) == 0, "the end is asked for");
    while (answer(key, 1000)) /* one that was under way, then the last */
        ;
    ok(rig_ended(&r, 10000) == 0, "it ends in order");
    ok(notes(&r) > size, "with a last checkpoint");
    int st = rig_verify(&r);
    ok(st == 0 || st == -1, "the whole verifies with the token's public key%s", st == -1 ? " # SKIP lockgate is not built" : "");
    ipc_free(token);
    ipc_free(keeper);
    rig_close(&r);
    rig_free(&r);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    buf_clear(&fields);
    return done_testing();
}
