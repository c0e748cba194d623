/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the keeper may have signed with a CA's key: a certificate for one name that is minted on the CA's side, and nothing that could sign,
 * last or stand for more. A keeper that was taken over gets no other certificate out of the token. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "token.h"
#include "wire.h"

#define CLOCK_S 60 /* keeper and token look at the same clock, at different moments */

/* The input is all of a certificate but algorithm and signature: with two of any kind behind it OpenSSL reads it as one. */
static X509 *read_draft(struct str tbs)
{
    static const unsigned char ending[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 0x02, 0x00, 0x00 };
    size_t n = tbs.n + sizeof ending;
    unsigned char *b = tbs.n && n <= 0xffff ? malloc(n + 4) : NULL;
    const unsigned char *p = b;
    X509 *x;

    if (!b)
        return NULL;
    b[0] = 0x30;
    b[1] = 0x82;
    b[2] = (unsigned char)(n >> 8);
    b[3] = (unsigned char)n;
    memcpy(b + 4, tbs.p, tbs.n);
    memcpy(b + 4 + tbs.n, ending, sizeof ending);
    x = d2i_X509(NULL, &p, (long)n + 4);
    if (x && p != b + n + 4) {
        X509_free(x);
        x = NULL;
    }
    free(b);
    ERR_clear_error();
    return x;
}

static bool is_minted_name(const struct gw_side_conf *s, const ASN1_STRING *name)
{
    struct str n = { (const char *)ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name) };
    for (size_t i = 0; i < s->n_certificates; i++)
        if (gw_conf_minted(&s->certificates[i]) && str_eq(s->certificates[i].domain, n))
            return true;
    return false;
}

/* None, or the name itself as commonName: some still read that one. */
static bool subject_is(const X509 *x, const ASN1_STRING *name)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    int n = X509_NAME_entry_count(subject);
    const X509_NAME_ENTRY *e = n == 1 ? X509_NAME_get_entry(subject, 0) : NULL;
    const ASN1_STRING *s = e ? X509_NAME_ENTRY_get_data(e) : NULL;
    return n == 0 || (e && OBJ_obj2nid(X509_NAME_ENTRY_get_object(e)) == NID_commonName && ASN1_STRING_length(s) == ASN1_STRING_length(name) &&
                         memcmp(ASN1_STRING_get0_data(s), ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(s)) == 0);
}

static const char *name_wrong(X509 *x, const struct gw_side_conf *s)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    const GENERAL_NAME *g = names && sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;
    const char *wrong = !g || g->type != GEN_DNS ? "a certificate with other names than one dNSName"
        : !is_minted_name(s, g->d.dNSName) ? "a certificate for a name that is not minted on this side"
        : !subject_is(x, g->d.dNSName) ? "a certificate with another subject than its name" : NULL;
    GENERAL_NAMES_free(names);
    return wrong;
}

/* Those that the keeper writes, and no other. */
static bool extensions_known(const X509 *x)
{
    static const int known[] = { NID_subject_alt_name, NID_basic_constraints, NID_key_usage, NID_ext_key_usage, NID_subject_key_identifier,
        NID_authority_key_identifier };
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(x, i)));
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            found |= known[k] == nid;
        if (!found)
            return false;
    }
    return true;
}

static const char *use_wrong(X509 *x)
{
    uint32_t flags = X509_get_extension_flags(x);
    if (flags & EXFLAG_INVALID || !extensions_known(x))
        return "a certificate with other extensions than the keeper writes";
    if (!(flags & EXFLAG_BCONS) || flags & EXFLAG_CA)
        return "a certificate that could be a CA's";
    if (!(flags & EXFLAG_KUSAGE) || X509_get_key_usage(x) != KU_DIGITAL_SIGNATURE)
        return "a certificate for other uses than signatures";
    return !(flags & EXFLAG_XKUSAGE) || X509_get_extended_key_usage(x) & ~(XKU_SSL_SERVER | XKU_SSL_CLIENT) ? "a certificate for other uses than TLS" : NULL;
}

static const char *time_wrong(const X509 *x, const X509 *ca, int64_t life, int64_t now)
{
    const ASN1_TIME *from = X509_get0_notBefore(x), *to = X509_get0_notAfter(x);
    if (ASN1_TIME_cmp_time_t(from, (time_t)(now - MINT_BACKDATE - CLOCK_S)) < 0 || ASN1_TIME_cmp_time_t(from, (time_t)(now + CLOCK_S)) > 0)
        return "a certificate that does not begin now";
    if (ASN1_TIME_cmp_time_t(to, (time_t)(now + life + CLOCK_S)) > 0 || ASN1_TIME_compare(to, X509_get0_notAfter(ca)) > 0)
        return "a certificate that lasts too long";
    return NULL;
}

const char *leaf_wrong(struct str input, X509 *ca, const struct gw_conf *conf, enum gw_side side, int64_t now)
{
    const struct gw_side_conf *s = &conf->side[side];
    X509 *x = read_draft(input);
    const char *wrong = NULL;

    if (!x)
        return "not a certificate to be signed";
    if (X509_get_version(x) != X509_VERSION_3 || X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(ca)) != 0)
        wrong = "a certificate of another issuer";
    wrong = wrong ? wrong : name_wrong(x, s);
    wrong = wrong ? wrong : use_wrong(x);
    wrong = wrong ? wrong : time_wrong(x, ca, s->mint.life / 1000, now);
    X509_free(x);
    return wrong;
}
