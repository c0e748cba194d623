/* SPDX-License-Identifier: GPL-3.0-or-later
 * Addresses of networks and mailboxes. */
#include "net.h"
#include "validators.h"

#define YES_IF(x) ((x) ? OPINION_YES : OPINION_NO)

/* Dots may be written so that no program makes a link of them: 10[.]0[.]0[.]1, 10(dot)0... */
static bool octets(const struct candidate *c, unsigned char out[4])
{
    size_t n = 0, i = 0;
    while (i < c->text.n && n < 4) {
        if (c->text.p[i] < '0' || c->text.p[i] > '9') {
            i++;
            continue;
        }
        unsigned v = 0, digits = 0;
        for (; i < c->text.n && c->text.p[i] >= '0' && c->text.p[i] <= '9' && digits < 4; i++, digits++)
            v = v * 10 + (unsigned)(c->text.p[i] - '0');
        if (v > 255 || digits > 3)
            return false;
        out[n++] = (unsigned char)v;
    }
    return n == 4;
}

static bool private4(const unsigned char o[4])
{
    return o[0] == 10 || (o[0] == 172 && (o[1] & 0xf0) == 16) || (o[0] == 192 && o[1] == 168) || (o[0] == 100 && (o[1] & 0xc0) == 64) ||
        (o[0] == 169 && o[1] == 254);
}

/* Loopback, documentation, multicast and the like tell nothing. */
static bool special4(const unsigned char o[4])
{
    return o[0] == 0 || o[0] == 127 || o[0] >= 224 || (o[0] == 192 && o[1] == 0 && (o[2] == 0 || o[2] == 2)) || (o[0] == 198 && o[1] == 51 && o[2] == 100) ||
        (o[0] == 203 && o[1] == 0 && o[2] == 113);
}

/* Part of a longer row (a version, an object identifier) is no address; a full stop behind it is fine. */
static bool goes_on(const struct candidate *c, char sep)
{
    struct str a = c->after, b = c->before;
    bool after = a.n > 1 && a.p[0] == sep && (a.p[1] == sep || (a.p[1] >= '0' && a.p[1] <= '9'));
    bool before = b.n > 1 && b.p[b.n - 1] == sep && (b.p[b.n - 2] == sep || (b.p[b.n - 2] >= '0' && b.p[b.n - 2] <= '9'));
    return after || before;
}

static enum opinion check_ipv4(const struct candidate *c)
{
    unsigned char o[4];
    return YES_IF(octets(c, o) && !goes_on(c, '.'));
}

static enum opinion check_ipv4_private(const struct candidate *c)
{
    unsigned char o[4];
    return YES_IF(octets(c, o) && private4(o) && !goes_on(c, '.'));
}

static enum opinion check_ipv4_public(const struct candidate *c)
{
    unsigned char o[4];
    return YES_IF(octets(c, o) && !goes_on(c, '.') && !private4(o) && !special4(o));
}

/* Takes off brackets, a zone ("%eth0") and a prefix length. */
static bool address_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ':';
}

static bool parse6(const struct candidate *c, struct net_addr *ret)
{
    if ((c->before.n && address_char(c->before.p[c->before.n - 1])) || (c->after.n && address_char(c->after.p[0])) || goes_on(c, '.'))
        return false;
    char text[64];
    size_t from = 0, n = c->text.n;
    while (from < n && c->text.p[from] == '[')
        from++;
    for (size_t i = from; i < n; i++)
        if (c->text.p[i] == '%' || c->text.p[i] == '/' || c->text.p[i] == ']')
            n = i;
    if (n <= from || n - from >= sizeof text)
        return false;
    memcpy(text, c->text.p + from, n - from);
    text[n - from] = 0;
    return net_parse(text, ret) == 0 && ret->family == 6;
}

static enum opinion check_ipv6(const struct candidate *c)
{
    struct net_addr a;
    size_t colons = 0;
    for (size_t i = 0; i < c->text.n; i++)
        colons += c->text.p[i] == ':';
    if (!parse6(c, &a))
        return OPINION_NO;
    return colons >= 3 ? OPINION_YES : OPINION_WEAK;
}

static enum opinion check_ipv6_private(const struct candidate *c)
{
    struct net_addr a;
    return YES_IF(parse6(c, &a) && ((a.addr[0] & 0xfe) == 0xfc || (a.addr[0] == 0xfe && (a.addr[1] & 0xc0) == 0x80)));
}

/* One separator all through; not all zeros or all ones. */
static enum opinion check_mac(const struct candidate *c)
{
    if (c->n != 12 || one_digit_only(c->compact, 12))
        return OPINION_NO;
    char sep = 0;
    for (size_t i = 0; i < c->text.n; i++) {
        char x = c->text.p[i];
        if (x == ':' || x == '-' || x == '.') {
            if (sep && x != sep)
                return OPINION_NO;
            sep = x;
        }
    }
    return YES_IF(sep);
}

/* Local part and domain as RFC 5321 has them, roughly; a top-level domain of letters; no double dots. */
static enum opinion check_email(const struct candidate *c)
{
    const char *at = memchr(c->text.p, '@', c->text.n);
    if (!at || c->text.n > 254 || at == c->text.p || at - c->text.p > 64)
        return OPINION_NO;
    struct str local = { c->text.p, (size_t)(at - c->text.p) }, domain = { at + 1, c->text.n - (size_t)(at - c->text.p) - 1 };
    size_t label = 0, labels = 1;
    if (local.p[0] == '.' || local.p[local.n - 1] == '.')
        return OPINION_NO;
    for (size_t i = 0; i < domain.n; i++) {
        if (domain.p[i] != '.') {
            label++;
            continue;
        }
        if (label == 0 || label > 63)
            return OPINION_NO;
        label = 0;
        labels++;
    }
    if (labels < 2 || label < 2)
        return OPINION_NO;
    for (size_t i = domain.n - label; i < domain.n; i++)
        if (domain.p[i] >= '0' && domain.p[i] <= '9' && domain.n - i == label && label < 4)
            return OPINION_NO;
    return OPINION_STRONG;
}

const struct validator validators_net[] = {
    { "ipv4", 0, 0, check_ipv4, "IPv4 address" },
    { "ipv4-private", 0, 0, check_ipv4_private, "IPv4 address of a private network" },
    { "ipv4-public", 0, 0, check_ipv4_public, "IPv4 address of the public network" },
    { "ipv6", 0, 0, check_ipv6, "IPv6 address" },
    { "ipv6-private", 0, 0, check_ipv6_private, "IPv6 address: unique local or link-local" },
    { "mac", 0, 0, check_mac, "hardware address" },
    { "email", 0, 0, check_email, "e-mail address" },
    { NULL, 0, 0, NULL, NULL },
};
