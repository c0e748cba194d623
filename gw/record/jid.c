/* SPDX-License-Identifier: GPL-3.0-or-later
 * XMPP addresses: splitting and the ASCII fast path (RFC 7622). What is not plain ASCII goes to jid_unicode.c. */
#include "jid.h"

#include "jid_unicode.h"
#include <strings.h>

#include "net.h"
#include "utf8.h"

void jid_split(struct str s, struct str *ret_local, struct str *ret_domain, struct str *ret_resource)
{
    /* RFC 7622 section 3.1: the first slash ends the bare address, then the first at-sign ends the localpart */
    const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    size_t bare = slash ? (size_t)(slash - s.p) : s.n;
    const char *at = bare ? memchr(s.p, '@', bare) : NULL;
    size_t local = at ? (size_t)(at - s.p) : 0;
    size_t domain = at ? local + 1 : 0;
    *ret_local = (struct str){ s.p, local };
    *ret_domain = (struct str){ s.p + domain, bare - domain };
    *ret_resource = slash ? (struct str){ slash + 1, s.n - bare - 1 } : STR_NONE;
}

static bool ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* RFC 7622 section 3.3.1: excluded from localparts besides white space and controls. */
static bool local_excluded(char c) { return memchr("\"&'/:<>@", c, 8) != NULL; }

static int prepare_local(struct str raw, char *out, size_t *ret_n)
{
    if (raw.n > JID_PART_MAX)
        return GW_ERR(LIMIT);
    if (!ascii(raw)) {
        int rc = jid_unicode_local(raw, out, ret_n);
        for (size_t i = 0; !rc && i < *ret_n; i++)
            if (local_excluded(out[i]) || (unsigned char)out[i] <= 0x20 || out[i] == 0x7f)
                rc = GW_ERR(SYNTAX);
        return rc;
    }
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c <= 0x20 || c == 0x7f || local_excluded(c))
            return GW_ERR(SYNTAX);
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    *ret_n = raw.n;
    return 0;
}

static int prepare_resource(struct str raw, char *out, size_t *ret_n)
{
    if (raw.n > JID_PART_MAX)
        return GW_ERR(LIMIT);
    if (!ascii(raw))
        return jid_unicode_resource(raw, out, ret_n);
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] < 0x20 || raw.p[i] == 0x7f)
            return GW_ERR(SYNTAX);
    memcpy(out, raw.p, raw.n);
    *ret_n = raw.n;
    return 0;
}

static bool has_ace_label(struct str s)
{
    for (size_t i = 0; i + 4 <= s.n; i++)
        if ((i == 0 || s.p[i - 1] == '.') && strncasecmp(s.p + i, "xn--", 4) == 0)
            return true;
    return false;
}

/* An IPv6 address in brackets, in its one text form. */
static int prepare_ipv6(struct str raw, char *out, size_t *ret_n)
{
    char text[NET_TEXT_MAX];
    struct net_addr a;
    if (raw.n < 4 || raw.n - 2 >= sizeof text || raw.p[raw.n - 1] != ']')
        return GW_ERR(SYNTAX);
    memcpy(text, raw.p + 1, raw.n - 2);
    text[raw.n - 2] = 0;
    if (net_parse(text, &a) || a.family != 6)
        return GW_ERR(SYNTAX);
    net_text(&a, text);
    size_t n = strlen(text);
    out[0] = '[';
    memcpy(out + 1, text, n);
    out[n + 1] = ']';
    *ret_n = n + 2;
    return 0;
}

/* Letters, digits, hyphens; labels of 1 to 63 bytes without a hyphen at either end (RFC 5890 section 2.3.1). */
static int prepare_ldh(struct str raw, char *out, size_t *ret_n)
{
    size_t label = 0;
    for (size_t i = 0; i <= raw.n; i++) {
        char c = i < raw.n ? raw.p[i] : '.';
        if (c == '.') {
            if (label == 0 || label > 63 || raw.p[i - 1] == '-')
                return GW_ERR(SYNTAX);
            label = 0;
        } else {
            if (c >= 'A' && c <= 'Z')
                c = (char)(c + 32);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && label)))
                return GW_ERR(SYNTAX);
            label++;
        }
        if (i < raw.n)
            out[i] = c;
    }
    *ret_n = raw.n;
    return 0;
}

static int prepare_domain(struct str raw, char *out, size_t *ret_n)
{
    /* RFC 7622 section 3.2: one final dot is taken off before anything else */
    if (raw.n && raw.p[raw.n - 1] == '.')
        raw.n--;
    if (!raw.n)
        return GW_ERR(SYNTAX);
    if (raw.n > JID_PART_MAX)
        return GW_ERR(LIMIT);
    if (raw.p[0] == '[')
        return prepare_ipv6(raw, out, ret_n);
    if (!ascii(raw) || has_ace_label(raw))
        return jid_unicode_domain(raw, out, ret_n);
    return prepare_ldh(raw, out, ret_n);
}

int jid_prepare_domain(struct str raw, char *out, struct str *ret)
{
    size_t n;
    int rc = prepare_domain(raw, out, &n);
    if (rc)
        return rc;
    out[n] = 0;
    *ret = (struct str){ out, n };
    return 0;
}

int jid_prepare(struct str raw, struct jid *ret)
{
    if (!raw.n || raw.n > JID_MAX || !utf8_valid(raw))
        return raw.n > JID_MAX ? GW_ERR(LIMIT) : GW_ERR(SYNTAX);
    struct str local, domain, resource;
    jid_split(raw, &local, &domain, &resource);
    bool has_at = domain.p != raw.p, has_slash = resource.p != NULL;
    if ((has_at && !local.n) || (has_slash && !resource.n))
        return GW_ERR(SYNTAX);
    char *p = ret->text;
    size_t n = 0;
    int rc = 0;
    ret->local = (struct str){ p, 0 };
    if (has_at) {
        rc = prepare_local(local, p, &n);
        ret->local.n = n;
        p += n;
        *p++ = '@';
        if (!rc && !n)
            rc = GW_ERR(SYNTAX);
    }
    if (!rc)
        rc = prepare_domain(domain, p, &n);
    if (rc)
        return rc;
    ret->domain = (struct str){ p, n };
    p += n;
    ret->bare = (struct str){ ret->text, (size_t)(p - ret->text) };
    ret->resource = (struct str){ p, 0 };
    if (has_slash) {
        *p++ = '/';
        if ((rc = prepare_resource(resource, p, &n)))
            return rc;
        if (!n)
            return GW_ERR(SYNTAX);
        ret->resource = (struct str){ p, n };
        p += n;
    }
    *p = 0;
    ret->full = (struct str){ ret->text, (size_t)(p - ret->text) };
    return 0;
}

/* ---- what is prepared already ---- */

/* Bits by character: allowed as it is in a localpart (RFC 7622 section 3.3), a resourcepart (3.4), a label of a domain. */
enum { IN_LOCAL = 1, IN_RESOURCE = 2, IN_LABEL = 4 };
static const unsigned char plain[256] = { [' '] = IN_RESOURCE, ['!'] = 3, ['"'] = 2, ['#' ... '%'] = 3, ['&' ... '\''] = 2, ['(' ... ','] = 3,
    ['-'] = 3, ['.'] = 3, ['/'] = 2, ['0' ... '9'] = 7, [':'] = 2, [';'] = 3, ['<'] = 2, ['='] = 3, ['>'] = 2, ['?'] = 3, ['@'] = 2,
    ['A' ... 'Z'] = IN_RESOURCE, ['[' ... '`'] = 3, ['a' ... 'z'] = 7, ['{' ... '~'] = 3 };

/* Without a branch for each byte: they are nearly always all right. */
static bool all_plain(struct str s, unsigned char bit)
{
    unsigned char all = bit;
    for (size_t i = 0; i < s.n; i++)
        all &= plain[(unsigned char)s.p[i]];
    return all && s.n > 0 && s.n <= JID_PART_MAX;
}

static bool plain_label(struct str s, size_t from, size_t to)
{
    return from < to && to - from <= 63 && s.p[to - 1] != '-';
}

static bool plain_domain(struct str s)
{
    size_t from = 0; /* of the label */
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (plain[c] & IN_LABEL)
            continue;
        if (c == '.' ? !plain_label(s, from, i) : c != '-' || i == from || i - from == 3)
            return false; /* a hyphen in the fourth place may be "xn--": that is for jid_prepare */
        if (c == '.')
            from = i + 1;
    }
    return plain_label(s, from, s.n) && s.n <= JID_PART_MAX;
}

bool jid_plain(struct str s)
{
    struct str local, domain, resource;
    jid_split(s, &local, &domain, &resource);
    return s.n && plain_domain(domain) && (domain.p == s.p || all_plain(local, IN_LOCAL)) && (!resource.p || all_plain(resource, IN_RESOURCE));
}

static __attribute__((noinline)) int check_by_preparing(struct str s)
{
    struct jid j;
    int rc = jid_prepare(s, &j);
    return rc ? rc : str_eq(j.full, s) ? 0 : GW_ERR(MISMATCH);
}

int jid_check(struct str s) { return jid_plain(s) ? 0 : check_by_preparing(s); }
