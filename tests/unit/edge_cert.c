/* SPDX-License-Identifier: GPL-3.0-or-later
 * Whom a certificate names, as XMPP reads it: a table of subjectAltNames against domains. */
// link: record base
// libs: -lcrypto -licuuc -licudata
#include "../../gw/edge/cert.c"

#include <openssl/evp.h>
#include <stdlib.h>

#include "tap.h"

static const struct {
    const char *name, *cn, *san, *domain, *ascii;
    bool expect;
} rows[] = {
    { "dNSName", "x", "DNS:high.example", "high.example", "high.example", true },
    { "dNSName in other case", "x", "DNS:HIGH.Example", "high.example", "high.example", true },
    { "dNSName of another domain", "x", "DNS:low.example", "high.example", "high.example", false },
    { "dNSName that only ends alike", "x", "DNS:evilhigh.example", "high.example", "high.example", false },
    { "dNSName of the parent domain", "x", "DNS:example", "high.example", "high.example", false },
    { "second of two names", "x", "DNS:low.example,DNS:high.example", "high.example", "high.example", true },
    { "common name is never looked at", "high.example", "DNS:other.example", "high.example", "high.example", false },
    { "no subjectAltName at all", "high.example", NULL, "high.example", "high.example", false },
    { "wildcard for one label", "x", "DNS:*.low.example", "rooms.low.example", "rooms.low.example", true },
    { "wildcard is not two labels", "x", "DNS:*.low.example", "a.rooms.low.example", "a.rooms.low.example", false },
    { "wildcard is not no label", "x", "DNS:*.low.example", "low.example", "low.example", false },
    { "wildcard directly below the root", "x", "DNS:*.example", "low.example", "low.example", false },
    { "wildcard alone", "x", "DNS:*", "example", "example", false },
    { "part of a label as wildcard", "x", "DNS:roo*.low.example", "rooms.low.example", "rooms.low.example", false },
    { "wildcard in the middle", "x", "DNS:rooms.*.example", "rooms.low.example", "rooms.low.example", false },
    { "two wildcards", "x", "DNS:*.*.example", "rooms.low.example", "rooms.low.example", false },
    { "SRVName of servers", "x", "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.high.example", "high.example", "high.example", true },
    { "SRVName of clients", "x", "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-client.high.example", "high.example", "high.example", false },
    { "SRVName of another domain", "x", "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.low.example", "high.example", "high.example", false },
    { "SRVName with the wrong string type", "x", "otherName:1.3.6.1.5.5.7.8.7;UTF8:_xmpp-server.high.example", "high.example", "high.example", false },
    { "xmppAddr", "x", "otherName:1.3.6.1.5.5.7.8.5;UTF8:high.example", "high.example", "high.example", true },
    { "xmppAddr in other case", "x", "otherName:1.3.6.1.5.5.7.8.5;UTF8:High.Example", "high.example", "high.example", true },
    { "xmppAddr of a user", "x", "otherName:1.3.6.1.5.5.7.8.5;UTF8:alice@high.example", "high.example", "high.example", false },
    { "xmppAddr of a resource", "x", "otherName:1.3.6.1.5.5.7.8.5;UTF8:high.example/r", "high.example", "high.example", false },
    { "an otherName of another kind", "x", "otherName:1.2.3.4;UTF8:high.example", "high.example", "high.example", false },
    { "A-labels in dNSName", "x", "DNS:xn--bcher-kva.example", "b\xc3\xbc" "cher.example", "xn--bcher-kva.example", true },
    { "a mail address is no domain", "x", "email:root@high.example", "high.example", "high.example", false },
    { "a URI is no domain", "x", "URI:https://high.example/", "high.example", "high.example", false },
    { "an IP address is no domain", "x", "IP:10.77.1.2", "10.77.1.2", "10.77.1.2", false },
};

static X509 *certificate(const char *cn, const char *san)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *e;
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
    if (!san)
        return x;
    e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    if (!e) {
        diag("no extension from: %s", san);
        exit(1);
    }
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return x;
}

/* A name with a NUL inside, as it was used to fool C programs. */
static X509 *with_nul(void)
{
    static const char bytes[] = "high.example\0.evil.example";
    X509 *x = certificate("x", NULL);
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    ASN1_STRING_set(s, bytes, sizeof bytes - 1);
    GENERAL_NAME_set0_value(g, GEN_DNS, s);
    sk_GENERAL_NAME_push(names, g);
    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    return x;
}

/* An id-on-xmppAddr with characters beyond ASCII. */
static X509 *with_addr(const char *addr)
{
    X509 *x = certificate("x", NULL);
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_TYPE *v = ASN1_TYPE_new();
    ASN1_UTF8STRING *s = ASN1_UTF8STRING_new();
    ASN1_STRING_set(s, addr, -1);
    ASN1_TYPE_set(v, V_ASN1_UTF8STRING, s);
    GENERAL_NAME_set0_othername(g, OBJ_txt2obj(OID_XMPP_ADDR, 1), v);
    sk_GENERAL_NAME_push(names, g);
    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    return x;
}

static X509 *constrained_by(const char *constraints)
{
    X509 *x = certificate("authority", NULL);
    X509_EXTENSION *e = constraints ? X509V3_EXT_conf_nid(NULL, NULL, NID_name_constraints, constraints) : NULL;
    if (e)
        X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return x;
}

/* Chains of a leaf, an authority without constraints, and one with these. */
static void constraints(void)
{
    static const struct { const char *name, *constraints; bool expect; } of[] = {
        { "none", NULL, false },
        { "a dNSName permitted", "critical,permitted;DNS:other.example", true },
        { "a dNSName excluded", "critical,excluded;DNS:other.example", true },
        { "a dNSName beside others", "permitted;email:example,excluded;IP:10.0.0.0/255.0.0.0,permitted;DNS:other.example", true },
        { "other forms of names alone", "permitted;email:example,excluded;IP:10.0.0.0/255.0.0.0", false },
    };
    STACK_OF(X509) *chain = sk_X509_new_null();
    ok(cert_constrained(NULL) && cert_constrained(chain), "no chain: its names are as if constrained");
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        sk_X509_push(chain, certificate("x", "DNS:high.example"));
        sk_X509_push(chain, constrained_by(NULL));
        sk_X509_push(chain, constrained_by(of[i].constraints));
        ok(cert_constrained(chain) == of[i].expect, "constraints above: %s", of[i].name);
        while (sk_X509_num(chain))
            X509_free(sk_X509_pop(chain));
    }
    sk_X509_push(chain, constrained_by(of[1].constraints));
    ok(!cert_constrained(chain), "constraints of the leaf itself say nothing about it");
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:x.example");
    X509_EXTENSION_set_object(e, OBJ_nid2obj(NID_name_constraints));
    sk_X509_push(chain, certificate("x", NULL));
    X509_add_ext(sk_X509_value(chain, 1), e, -1);
    ok(cert_constrained(chain), "constraints that cannot be read");
    X509_EXTENSION_free(e);
    sk_X509_pop_free(chain, X509_free);
}

/* Against pins, as a configuration has them; the right number comes from the other way to it: the key written as PEM's bytes. */
static void pins(void)
{
    EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = certificate("x", "DNS:high.example");
    unsigned char list[2][32] = { { 1 }, { 2 } }, *der = NULL;
    struct gw_domain d = { .pins = list };
    int n = i2d_PUBKEY(k, &der);
    X509_set_pubkey(x, k);
    ok(cert_pinned(x, &d), "no pins: any key will do");
    d.n_pins = 2;
    ok(!cert_pinned(x, &d), "two pins, of other keys");
    if (ok(n > 0, "the key's SubjectPublicKeyInfo"))
        sha256(der, (size_t)n, list[1]);
    ok(cert_pinned(x, &d), "the second of two pins");
    d.n_pins = 1;
    ok(!cert_pinned(x, &d), "one pin less");
    list[1][31] ^= 1;
    d.n_pins = 2;
    ok(!cert_pinned(x, &d), "a pin with one bit changed");
    OPENSSL_free(der);
    EVP_PKEY_free(k);
    X509_free(x);
}

int main(void)
{
    X509 *x;
    if (jid_init() != 0)
        return 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        x = certificate(rows[i].cn, rows[i].san);
        bool dns = rows[i].expect && !strstr(rows[i].san, "otherName");
        ok(cert_names(x, str_c(rows[i].domain), str_c(rows[i].ascii), false) == rows[i].expect, "%s: %s", rows[i].name,
            rows[i].expect ? "names it" : "does not");
        ok(cert_names(x, str_c(rows[i].domain), str_c(rows[i].ascii), true) == dns, "where dNSNames alone count: %s", dns ? "so too" : "does not");
        X509_free(x);
    }
    x = with_nul();
    ok(!cert_names(x, STR("high.example"), STR("high.example"), false), "a NUL inside a dNSName: does not");
    X509_free(x);
    x = with_addr("B\xc3\xbc" "cher.example");
    ok(cert_names(x, STR("b\xc3\xbc" "cher.example"), STR("xn--bcher-kva.example"), false), "U-labels in xmppAddr: names it");
    X509_free(x);
    constraints();
    pins();
    jid_finish();
    return done_testing();
}
