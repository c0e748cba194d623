/* SPDX-License-Identifier: GPL-3.0-or-later
 * Minting: what a CA must be like, what a certificate is like that the keeper makes, what a token's CA key signs, when a new one is made
 * and who gets it. */
// link: record ipc base
// libs: -lcrypto -licuuc -licudata
#include "../../gw/keeper/serve.c"

#include "../../gw/edge/cert.c"
#include "../../gw/keeper/away.c"
#include "../../gw/keeper/chains.c"
#include "../../gw/keeper/keys.c"
#include "../../gw/keeper/mint.c"

#include <sys/socket.h>

#include "tap.h"

/* gw/token's own list of keys has names that the keeper's has too */
#undef LOCKGATE_TOKEN_H
#define LOCKGATE_TOKEN_H
const char *leaf_wrong(struct str input, X509 *ca, const struct gw_conf *conf, enum gw_side side, int64_t now);
#include "../../gw/token/leaf.c"

#define DAY 86400

static void is(const char *got, const char *want, const char *name)
{
    if (!ok(strcmp(got, want) == 0, "%s", name))
        diag("%s", got);
}

/* ---- a configuration, and CAs for its high side ---- */

static struct gw_domain high_domains[] = { { .name = { "high.example", 12 } } };
static struct gw_domain low_domains[] = { { .name = { "low.example", 11 } }, { .name = { "rooms.low.example", 17 } }, { .name = { "given.example", 13 } } };
static struct gw_certificate high_certificates[] = { { .domain = { "given.example", 13 }, .chain = (char[]){ "x" }, .key = (char[]){ "x" } },
    { .domain = { "low.example", 11 } }, { .domain = { "rooms.low.example", 17 } } };
static struct gw_conf conf = { .path = (char[]){ "conf" }, .limits = { .signatures = 1000 }, .side = {
    [GW_HIGH] = { .domains = high_domains, .n_domains = 1, .certificates = high_certificates, .n_certificates = 3, .mint = { .life = 7 * DAY * 1000LL } },
    [GW_LOW] = { .domains = low_domains, .n_domains = 3 } } };

static EVP_PKEY *generate(const char *kind)
{
    if (strncmp(kind, "RSA", 3) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(kind + 4));
    if (strncmp(kind, "P-", 2) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    if (value && !add(x, &ctx, nid, value)) {
        diag("no extension from: %s", value);
        exit(1);
    }
}

static X509 *authority(EVP_PKEY *k, const char *basic, const char *usage, const char *names, long days)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -10 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(x), days * DAY);
    X509_set_pubkey(x, k);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"gate for high", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    extension(x, NID_basic_constraints, basic);
    extension(x, NID_key_usage, usage);
    extension(x, NID_subject_key_identifier, "hash");
    extension(x, NID_name_constraints, names);
    X509_sign(x, k, EVP_PKEY_is_a(k, "ED25519") ? NULL : EVP_sha256());
    return x;
}

#define BASIC "critical,CA:TRUE,pathlen:0"
#define USAGE "critical,keyCertSign,cRLSign"
#define NAMES "critical,permitted;DNS:low.example"

static const struct { const char *name, *basic, *usage, *names, *want; } cas[] = {
    { "as the README makes it", BASIC, USAGE, NAMES, NULL },
    { "each name by itself", BASIC, USAGE, "critical,permitted;DNS:low.example,permitted;DNS:rooms.low.example", NULL },
    { "no other address, mail or URI at all", BASIC, USAGE, NAMES ",excluded;IP:0.0.0.0/0.0.0.0,excluded;email:.", NULL },
    { "in other case", BASIC, USAGE, "critical,permitted;DNS:LOW.Example", NULL },
    { "no constraints", BASIC, USAGE, NULL, "no critical nameConstraints" },
    { "constraints that a server may pass over", BASIC, USAGE, "permitted;DNS:low.example", "no critical nameConstraints" },
    { "constraints of something else", BASIC, USAGE, "critical,permitted;email:low.example", "do not permit \"low.example\"; wanted: permitted;DNS:low.example" },
    { "only what is excluded", BASIC, USAGE, "critical,excluded;DNS:high.example", "do not permit \"low.example\"" },
    { "one of two names", BASIC, USAGE, "critical,permitted;DNS:rooms.low.example", "do not permit \"low.example\"" },
    { "all below, but not itself", BASIC, USAGE, "critical,permitted;DNS:.low.example", "do not permit \"low.example\"" },
    { "permitted and excluded", BASIC, USAGE, NAMES ",excluded;DNS:rooms.low.example", "do not permit \"rooms.low.example\"" },
    { "a parent of both sides", BASIC, USAGE, "critical,permitted;DNS:example", "permit \"example\", and so \"high.example\", which lives on side high itself" },
    { "this side's own as well", BASIC, USAGE, NAMES ",permitted;DNS:high.example", "permit \"high.example\"" },
    { "a stranger's as well", BASIC, USAGE, NAMES ",permitted;DNS:bank.example", "permit \"bank.example\", which is no domain of side low, nor a parent of one" },
    { "not a CA", "critical,CA:FALSE", USAGE, NAMES, "it is no CA's certificate" },
    { "no basicConstraints", NULL, USAGE, NAMES, "it is no CA's certificate" },
    { "a CA that makes CAs", "critical,CA:TRUE", USAGE, NAMES, "it could make further CAs" },
    { "a CA of one more step", "critical,CA:TRUE,pathlen:1", USAGE, NAMES, "it could make further CAs" },
    { "a key for signatures only", BASIC, "critical,digitalSignature", NAMES, "its key may not sign certificates" },
    { "no key usage", BASIC, NULL, NAMES, "its key may not sign certificates" },
};

static void what_a_ca_must_be(void)
{
    static const struct { const char *name, *base; bool in; } within[] = {
        { "low.example", "low.example", true }, { "rooms.low.example", "low.example", true }, { "LOW.example", "low.Example", true },
        { "yellow.example", "low.example", false }, { "example", "low.example", false }, { "low.example", ".low.example", false },
        { "rooms.low.example", ".low.example", true }, { "low.example", "", true }, { "low.example", "example", true },
        { "low.example", "ample", false }, { "low.example.evil", "low.example", false } };
    EVP_PKEY *k = generate("P-256"), *weak = generate("RSA 1024");
    char text[512];
    for (size_t i = 0; i < sizeof within / sizeof within[0]; i++)
        ok(mint_within(str_c(within[i].name), str_c(within[i].base)) == within[i].in, "\"%s\" is %sin \"%s\"", within[i].name, within[i].in ? "" : "not ",
            within[i].base);
    for (size_t i = 0; i < sizeof cas / sizeof cas[0]; i++) {
        X509 *x = authority(k, cas[i].basic, cas[i].usage, cas[i].names, 100);
        strcpy(text, "nothing");
        bool fits = mint_ca_fits(x, &conf, GW_HIGH, text, sizeof text);
        if (!ok(cas[i].want ? !fits && strstr(text, cas[i].want) : fits, "a CA with: %s", cas[i].name))
            diag("%s", text);
        X509_free(x);
    }
    X509 *x = authority(weak, BASIC, USAGE, NAMES, 100);
    ok(!mint_ca_fits(x, &conf, GW_HIGH, text, sizeof text) && strstr(text, "not supported"), "a CA with: RSA of 1024 bits");
    X509_free(x);
    x = authority(k, BASIC, USAGE, NAMES, 100);
    ok(!mint_ca_fits(x, &conf, GW_LOW, text, sizeof text), "a CA with: the other side's constraints");
    X509_free(x);
    EVP_PKEY_free(k);
    EVP_PKEY_free(weak);
}

/* ---- one certificate ---- */

static bool sign(const struct mint_ca *ca, X509 *draft, unsigned char *sig, size_t *n)
{
    unsigned char *input;
    size_t n_input;
    bool good = mint_input(draft, &input, &n_input) == 0 && keys_sign(ca->key, mint_scheme(ca->key), (struct str){ (const char *)input, n_input }, sig, n) == 0;
    OPENSSL_free(input);
    return good;
}

static int mint(const struct mint_ca *ca, const char *name, EVP_PKEY *key, struct buf *to)
{
    unsigned char sig[SIGNATURE_MAX];
    size_t n = 0;
    X509 *x = mint_draft(ca, str_c(name), key, time(NULL));
    int err = x && sign(ca, x, sig, &n) ? mint_finish(x, ca, str_c(name), (struct str){ (const char *)sig, n }, to) : GW_ERR(NOMEM);
    X509_free(x);
    return err;
}

static int64_t until(const X509 *x) { return seconds_of(X509_get0_notAfter(x)) - time(NULL); }

static void what_is_made(void)
{
    static const char *const kinds[] = { "RSA 2048", "P-256", "P-384", "P-521", "ED25519" };
    EVP_PKEY *key = generate("P-256"), *other = generate("P-256");
    char name[200];
    for (size_t i = 0; i < 5; i++) {
        struct mint_ca ca = { .key = generate(kinds[i]), .above = sk_X509_new_null(), .life = 7 * DAY };
        struct buf chain = { 0 };
        X509 *leaf = NULL;
        STACK_OF(X509) *above = NULL;
        ca.x = authority(ca.key, BASIC, USAGE, NAMES, 100);
        ok(mint(&ca, "low.example", key, &chain) == 0 && cert_chain(buf_str(&chain), &leaf, &above) == 0, "%s: a certificate is made", kinds[i]);
        if (leaf) {
            ok(X509_verify(leaf, ca.key) == 1 && EVP_PKEY_eq(X509_get0_pubkey(leaf), key) == 1 && sk_X509_num(above) == 0,
                "signed by the CA, for the key; a self-signed CA is not sent along");
            ok(X509_get_version(leaf) == 2 && X509_get_key_usage(leaf) == KU_DIGITAL_SIGNATURE &&
                X509_get_extended_key_usage(leaf) == (XKU_SSL_SERVER | XKU_SSL_CLIENT) && X509_check_ca(leaf) == 0, "for signatures, as server and client");
            ok(X509_get0_authority_key_id(leaf) && X509_get0_subject_key_id(leaf) && X509_check_issued(ca.x, leaf) == X509_V_OK, "with both identifiers");
            ok(until(leaf) > 7 * DAY - 60 && until(leaf) <= 7 * DAY && seconds_of(X509_get0_notBefore(leaf)) <= time(NULL) - 3500, "from an hour ago, for seven days");
            ok(ASN1_STRING_length(X509_get0_serialNumber(leaf)) > 8, "with a long serial number");
        }
        X509_free(leaf);
        sk_X509_pop_free(above, X509_free);
        ok(mint(&ca, "high.example", key, &chain) == GW_ERR(CRYPTO) && buf_size(&chain) == 0, "none comes out that the CA's constraints do not permit");
        mint_clear(&ca);
        buf_clear(&chain);
    }
    struct mint_ca ca = { .key = generate("P-256"), .above = sk_X509_new_null(), .life = 7 * DAY };
    struct buf a = { 0 }, b = { 0 };
    unsigned char sig[SIGNATURE_MAX];
    size_t n = 0;
    X509 *x, *leaf = NULL;
    STACK_OF(X509) *above = NULL;
    ca.x = authority(ca.key, BASIC, USAGE, NAMES, 3);
    ok(mint(&ca, "low.example", key, &a) == 0 && mint(&ca, "low.example", key, &b) == 0 && !str_eq(buf_str(&a), buf_str(&b)), "no two are the same");
    ok(cert_chain(buf_str(&a), &leaf, &above) == 0 && until(leaf) <= 3 * DAY, "none outlives its CA");
    GENERAL_NAMES *san = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    ok(san && sk_GENERAL_NAME_num(san) == 1 && sk_GENERAL_NAME_value(san, 0)->type == GEN_DNS && cert_names(leaf, STR("low.example"), STR("low.example"), true),
        "one dNSName and no other name");
    GENERAL_NAMES_free(san);
    X509_free(leaf);
    sk_X509_pop_free(above, X509_free);
    memset(name, 'a', 60);
    strcpy(name + 60, ".rooms.low.example");
    ok(mint(&ca, name, key, &a) == 0 && cert_chain(buf_str(&a), &leaf, &above) == 0 && X509_NAME_entry_count(X509_get_subject_name(leaf)) == 0,
        "a name too long for a common name stands in subjectAltName alone");
    X509_free(leaf);
    sk_X509_pop_free(above, X509_free);
    x = mint_draft(&ca, STR("low.example"), key, time(NULL));
    struct mint_ca liar = { .x = ca.x, .key = other };
    ok(x && sign(&liar, x, sig, &n) && mint_finish(x, &ca, STR("low.example"), (struct str){ (const char *)sig, n }, &a) == GW_ERR(CRYPTO),
        "a signature by another key is found out");
    X509_free(x);
    ok(!mint_draft(&ca, STR("low.example"), key, time(NULL) + 4 * DAY), "nothing is made when the CA's time is over");
    mint_clear(&ca);

    /* below another CA: what stands between goes along */
    ca = (struct mint_ca){ .key = generate("P-256"), .above = sk_X509_new_null(), .life = DAY };
    ca.x = authority(ca.key, BASIC, USAGE, NAMES, 3);
    X509_NAME *root = X509_NAME_new();
    X509_NAME_add_entry_by_txt(root, "CN", MBSTRING_ASC, (const unsigned char *)"root", -1, -1, 0);
    X509_set_issuer_name(ca.x, root);
    X509_NAME_free(root);
    X509_sign(ca.x, other, EVP_sha256());
    ok(mint(&ca, "low.example", key, &a) == 0 && cert_chain(buf_str(&a), &leaf, &above) == 0 && sk_X509_num(above) == 1 &&
        X509_cmp(sk_X509_value(above, 0), ca.x) == 0, "a CA below another goes along");
    X509_free(leaf);
    sk_X509_pop_free(above, X509_free);
    leaf = NULL;
    ok(cert_chain((struct str){ buf_str(&a).p, buf_size(&a) - 1 }, &leaf, &above) == GW_ERR(SYNTAX) && !leaf, "a chain cut short is none");
    ok(cert_chain(STR_NONE, &leaf, &above) == GW_ERR(SYNTAX) && cert_chain(STR("0"), &leaf, &above) == GW_ERR(SYNTAX), "nor is nothing");
    mint_clear(&ca);
    buf_clear(&a);
    buf_clear(&b);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

/* ---- what a token's CA key signs ---- */

static const char *judged(X509 *draft, X509 *ca)
{
    unsigned char *p;
    size_t n;
    if (mint_input(draft, &p, &n) != 0)
        return "unwritten";
    const char *wrong = leaf_wrong((struct str){ (const char *)p, n }, ca, &conf, GW_HIGH, time(NULL));
    OPENSSL_free(p);
    X509_free(draft);
    return wrong ? wrong : "fine";
}

static X509 *replaced(X509 *x, int nid, const char *value)
{
    int at = X509_get_ext_by_NID(x, nid, -1);
    X509_EXTENSION_free(X509_delete_ext(x, at));
    extension(x, nid, value);
    return x;
}

static void what_a_token_signs(void)
{
    struct mint_ca ca = { .key = generate("P-256"), .above = sk_X509_new_null(), .life = 7 * DAY }, longer;
    EVP_PKEY *key = generate("P-256");
    ca.x = authority(ca.key, BASIC, USAGE, NAMES, 100);
    longer = ca;
    longer.life = 8 * DAY;
    int64_t now = time(NULL);
#define DRAFT(name) mint_draft(&ca, STR(name), key, now)
    is(judged(DRAFT("low.example"), ca.x), "fine", "what the keeper makes is signed");
    is(judged(DRAFT("rooms.low.example"), ca.x), "fine", "for each name that is minted");
    is(judged(DRAFT("given.example"), ca.x), "a certificate for a name that is not minted on this side", "a name with a given certificate is not");
    is(judged(DRAFT("high.example"), ca.x), "a certificate for a name that is not minted on this side", "nor this side's own");
    is(judged(DRAFT("x.low.example"), ca.x), "a certificate for a name that is not minted on this side", "nor one that only the constraints permit");
    is(judged(replaced(DRAFT("low.example"), NID_subject_alt_name, "DNS:low.example,DNS:rooms.low.example"), ca.x), "a certificate with other names than one dNSName", "two names");
    is(judged(replaced(DRAFT("low.example"), NID_subject_alt_name, "email:a@low.example"), ca.x), "a certificate with other names than one dNSName", "another kind of name");
    is(judged(replaced(DRAFT("low.example"), NID_subject_alt_name, "DNS:*.low.example"), ca.x), "a certificate for a name that is not minted on this side", "a wildcard");
    is(judged(replaced(DRAFT("low.example"), NID_subject_alt_name, NULL), ca.x), "a certificate with other names than one dNSName", "no name");
    is(judged(replaced(DRAFT("low.example"), NID_basic_constraints, BASIC), ca.x), "a certificate that could be a CA's", "a CA");
    is(judged(replaced(DRAFT("low.example"), NID_basic_constraints, NULL), ca.x), "a certificate that could be a CA's", "without basicConstraints");
    is(judged(replaced(DRAFT("low.example"), NID_key_usage, USAGE), ca.x), "a certificate for other uses than signatures", "a key that signs certificates");
    is(judged(replaced(DRAFT("low.example"), NID_ext_key_usage, "serverAuth,codeSigning"), ca.x), "a certificate for other uses than TLS", "code");
    is(judged(replaced(DRAFT("low.example"), NID_ext_key_usage, NULL), ca.x), "a certificate for other uses than TLS", "any use");
    is(judged(replaced(DRAFT("low.example"), NID_inhibit_any_policy, "critical,0"), ca.x), "a certificate with other extensions than the keeper writes", "a critical extension");
    is(judged(mint_draft(&longer, STR("low.example"), key, now), ca.x), "a certificate that lasts too long", "longer than configured");
    is(judged(mint_draft(&ca, STR("low.example"), key, now + DAY), ca.x), "a certificate that does not begin now", "from tomorrow on");
    is(judged(mint_draft(&ca, STR("low.example"), key, now - DAY), ca.x), "a certificate that does not begin now", "from yesterday on");
    X509 *x = DRAFT("low.example"), *strange = authority(key, BASIC, USAGE, NAMES, 100);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(strange), "O", MBSTRING_ASC, (const unsigned char *)"x", -1, -1, 0);
    is(judged(x, strange), "a certificate of another issuer", "in another CA's name");
    ok(leaf_wrong(STR_NONE, ca.x, &conf, GW_HIGH, now) && leaf_wrong(STR("0123456789abcdef0123456789abcdef"), ca.x, &conf, GW_HIGH, now), "nothing, and a digest");
    unsigned char *p, more[4096];
    size_t n;
    x = DRAFT("low.example");
    if (ok(mint_input(x, &p, &n) == 0 && n < sizeof more, "a draft")) {
        memcpy(more, p, n);
        more[n] = 0;
        ok(leaf_wrong((struct str){ (const char *)more, n - 1 }, ca.x, &conf, GW_HIGH, now) && leaf_wrong((struct str){ (const char *)more, n + 1 }, ca.x, &conf, GW_HIGH, now),
            "less a byte, and a byte more");
        OPENSSL_free(p);
    }
    char tls[130];
    memset(tls, ' ', 64);
    memset(tls + 64, 0, sizeof tls - 64);
    memcpy(tls + 64, "TLS 1.3, server CertificateVerify", 34);
    ok(leaf_wrong((struct str){ tls, sizeof tls }, ca.x, &conf, GW_HIGH, now) != NULL, "a TLS handshake");
    X509_free(x);
    X509_free(strange);
    mint_clear(&ca);
    EVP_PKEY_free(key);
}

/* ---- in time, and to whom ---- */

static struct key all[2];
static struct keys keys = { .v = { [GW_HIGH] = all }, .n = { [GW_HIGH] = 2 } };
static struct leaf leaf_of_low;
static struct keeper k;
static struct ipc *edge[GW_SIDES], *token;

static struct ipc *join(struct ipc **to, enum ipc_role with)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(1);
    *to = ipc_new(fds[1], IPC_KEEPER, with);
    return ipc_new(fds[0], with, IPC_KEEPER);
}

/* The name of the chain that came, or "". */
static const char *came(enum gw_side side, struct buf *chain)
{
    static char name[64];
    struct ipc_msg m;
    struct msg_chain c;
    name[0] = 0;
    buf_init(chain, 1u << 20);
    (void)!ipc_fill(edge[side]);
    if (ipc_next(edge[side], &m) == 1 && ipc_get_chain(&m, &c) == 0 && buf_puts(chain, c.chain) == 0)
        snprintf(name, sizeof name, "%.*s", STR_ARG(c.domain));
    return name;
}

static void in_time(void)
{
    struct buf first, second, none;
    struct mint_ca *ca = &keys.ca[GW_HIGH];
    *ca = (struct mint_ca){ .key = generate("P-256"), .above = sk_X509_new_null(), .life = 7 * DAY };
    ca->x = authority(ca->key, BASIC, USAGE, NAMES, 100);
    all[0] = (struct key){ .domain = STR("given.example"), .pkey = generate("P-256") };
    all[1] = (struct key){ .domain = STR("low.example"), .pkey = generate("P-256"), .leaf = &leaf_of_low };
    k = (struct keeper){ .conf = &conf, .keys = &keys };
    outbox_init(&k.lines, 5, 1u << 20);
    chains_make(&k);
    ok(k.minted[GW_HIGH] == 1 && buf_size(&leaf_of_low.chain) > 0 && k.lines.last == 1, "at the start one is made for the name that has none, and recorded");
    for (int s = 0; s < GW_SIDES; s++)
        edge[s] = join(&k.edge[s].ipc, IPC_EDGE);
    ok(chains_give(&k, GW_HIGH) == 0 && chains_give(&k, GW_LOW) == 0 && ipc_flush(k.edge[GW_HIGH].ipc) == 0, "edges are linked");
    is(came(GW_HIGH, &first), "low.example", "the edge of the side gets it");
    is(came(GW_HIGH, &none), "", "and no other");
    is(came(GW_LOW, &none), "", "the other edge gets nothing");
    chains_make(&k);
    ok(k.minted[GW_HIGH] == 1, "nothing is made before it is due");
    ok(leaf_of_low.renew > time(NULL) + 4 * DAY && leaf_of_low.renew < time(NULL) + 5 * DAY, "which is when a third of its life is left");
    leaf_of_low.renew = time(NULL);
    chains_make(&k);
    is(came(GW_HIGH, &second), "low.example", "then the edge gets a new one");
    X509 *a = NULL, *b = NULL;
    STACK_OF(X509) *above_a = NULL, *above_b = NULL;
    ok(cert_chain(buf_str(&first), &a, &above_a) == 0 && cert_chain(buf_str(&second), &b, &above_b) == 0 && X509_cmp(a, b) != 0 &&
        EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1, "another certificate for the same key");
    X509_free(a);
    X509_free(b);
    sk_X509_pop_free(above_a, X509_free);
    sk_X509_pop_free(above_b, X509_free);

    X509_gmtime_adj(X509_getm_notAfter(ca->x), -10);
    leaf_of_low.renew = time(NULL);
    uint64_t lines = k.lines.last;
    chains_make(&k);
    leaf_of_low.again = 0;
    chains_make(&k);
    ok(k.minted[GW_HIGH] == 2 && buf_size(&leaf_of_low.chain) > 0, "a CA whose time is over makes none, and the old certificate stays");
    ok(k.lines.last == lines + 1, "which is recorded once");
    X509_gmtime_adj(X509_getm_notAfter(ca->x), 100 * DAY);
    X509_sign(ca->x, ca->key, EVP_sha256());
    buf_clear(&first);
    buf_clear(&second);
}

static bool token_gets(uint64_t *ret_ask, struct buf *input)
{
    struct ipc_msg m;
    struct msg_sign q;
    buf_init(input, 1u << 20);
    if (ipc_fill(token) <= 0 || ipc_next(token, &m) != 1 || ipc_get_sign(&m, &q) != 0 || !str_eq(q.domain, STR("pkcs11:token=gate;object=ca")) || q.scheme != 0x0403)
        return false;
    *ret_ask = q.ask;
    return buf_puts(input, q.input) == 0;
}

static bool token_answers(uint64_t ask, struct str signature)
{
    bool more = false;
    return ipc_put_signed(token, &(struct msg_signed){ .ask = ask, .signature = signature }) == 0 && ipc_flush(token) == 0 && serve(&k, TOKEN, true, &more) == 0;
}

static void with_a_token(void)
{
    struct mint_ca *ca = &keys.ca[GW_HIGH];
    struct buf input, chain;
    uint64_t ask = 0;
    unsigned char sig[SIGNATURE_MAX];
    size_t n = 0;
    ca->token = "pkcs11:token=gate;object=ca";
    token = join(&k.token, IPC_TOKEN);
    leaf_of_low.again = leaf_of_low.renew = 0;
    chains_make(&k);
    ok(token_gets(&ask, &input) && !leaf_wrong(buf_str(&input), ca->x, &conf, GW_HIGH, time(NULL)), "the token is asked, for what it signs");
    chains_make(&k);
    ok(ipc_fill(token) <= 0, "and not again while it is at it");
    ok(keys_sign(ca->key, 0x0403, buf_str(&input), sig, &n) == 0 && token_answers(ask, (struct str){ (const char *)sig, n }) && k.minted[GW_HIGH] == 3,
        "with its signature the certificate is made");
    is(came(GW_HIGH, &chain), "low.example", "and the edge gets it");
    buf_clear(&chain);
    buf_clear(&input);
    leaf_of_low.renew = 0;
    chains_make(&k);
    ok(token_gets(&ask, &input) && token_answers(ask, STR("nonsense")) && k.minted[GW_HIGH] == 3 && leaf_of_low.failing, "a signature that is none makes none");
    buf_clear(&input);
    leaf_of_low.again = leaf_of_low.renew = 0;
    chains_make(&k);
    ok(token_gets(&ask, &input) && token_answers(ask, STR_NONE) && k.minted[GW_HIGH] == 3, "nor does a refusal");
    buf_clear(&input);
    leaf_of_low.again = leaf_of_low.renew = 0;
    chains_make(&k);
    k.minting.until = 0;
    chains_make(&k);
    ok(!k.minting.open && k.token_owes, "one that does not answer is not waited for");
    leaf_of_low.again = 0;
    chains_make(&k);
    ok(!k.minting.open, "and not asked again before it has");
    ok(token_gets(&ask, &input) && token_answers(ask, STR_NONE) && !k.token_owes, "it answers, too late");
    buf_clear(&input);
    leaf_of_low.again = 0;
    chains_make(&k);
    ok(k.minting.open, "now it is asked again");
    drop(&k, TOKEN, GW_ERR(CLOSED));
    ok(!k.minting.open && !k.token, "a token that dies takes its question with it");
    ipc_free(token);
}

/* The edge asks for names; what it gets is for the configured ones alone. */
static void foreign_names(void)
{
    static const char *const names[] = { "high.example", "bank.example", "x.low.example", "rooms.low.example", "", "*.low.example" };
    char in[130];
    bool more = false;
    struct ipc_msg m;
    struct msg_signed s;
    memset(in, ' ', 64);
    memset(in + 64, 0, sizeof in - 64);
    memcpy(in + 64, "TLS 1.3, server CertificateVerify", 34);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct msg_sign q = { .ask = i + 1, .domain = str_c(names[i]), .scheme = 0x0403, .input = { in, sizeof in } };
        ok(ipc_put_sign(edge[GW_HIGH], &q) == 0 && ipc_flush(edge[GW_HIGH]) == 0 && serve(&k, EDGES + GW_HIGH, true, &more) == 0 && ipc_fill(edge[GW_HIGH]) > 0 &&
            ipc_next(edge[GW_HIGH], &m) == 1 && ipc_get_signed(&m, &s) == 0 && s.signature.n == 0, "no signature for \"%s\"", names[i]);
    }
    ok(k.minted[GW_HIGH] == 3 && keys.n[GW_HIGH] == 2, "and nothing is made for them");
    /* a certificate to be signed is nothing that an edge may ask for */
    X509 *x = mint_draft(&keys.ca[GW_HIGH], STR("low.example"), all[0].pkey, time(NULL));
    unsigned char *p;
    size_t n;
    if (mint_input(x, &p, &n) == 0) {
        const struct msg_sign q = { .ask = 99, .domain = STR("low.example"), .scheme = 0x0403, .input = { (const char *)p, n } };
        ok(ipc_put_sign(edge[GW_HIGH], &q) == 0 && ipc_flush(edge[GW_HIGH]) == 0 && serve(&k, EDGES + GW_HIGH, true, &more) == 0 && ipc_fill(edge[GW_HIGH]) > 0 &&
            ipc_next(edge[GW_HIGH], &m) == 1 && ipc_get_signed(&m, &s) == 0 && s.signature.n == 0, "nor for a certificate in the place of a handshake");
        OPENSSL_free(p);
    }
    X509_free(x);
}

int main(void)
{
    log_init("test", LOG_L_ERROR);
    if (jid_init() != 0)
        return 1;
    what_a_ca_must_be();
    what_is_made();
    what_a_token_signs();
    in_time();
    with_a_token();
    foreign_names();
    for (int s = 0; s < GW_SIDES; s++) {
        ipc_free(edge[s]);
        ipc_free(k.edge[s].ipc);
    }
    outbox_clear(&k.lines);
    buf_clear(&leaf_of_low.chain);
    mint_clear(&keys.ca[GW_HIGH]);
    for (int i = 0; i < 2; i++)
        EVP_PKEY_free(all[i].pkey);
    jid_finish();
    return done_testing();
}
