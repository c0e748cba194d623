/* SPDX-License-Identifier: GPL-3.0-or-later
 * ESSSecurityLabel (RFC 2634 section 3.2) in base64: a small reader for exactly this type, DER only, everything bounded; and its writer.
 * Categories in the tag types of ACP 145 (restrictive, permissive, informative; bits or numbers). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"

#define ESS_MAX 2048 /* bytes of DER */
#define DER_INTEGER 0x02
#define DER_BITS 0x03
#define DER_OID 0x06
#define DER_UTF8 0x0c
#define DER_PRINTABLE 0x13
#define DER_SEQUENCE 0x30
#define DER_SET 0x31

/* ---- base64, without tolerance ---- */

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool unbase64(struct str in, unsigned char *out, size_t *ret_n)
{
    uint32_t word = 0;
    unsigned have = 0, pad = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        int v = c == '=' && have >= 2 ? 0 : sextet(c);
        if (v < 0 || (pad && c != '=') || (have == 0 && pad) || n + 3 > ESS_MAX)
            return false;
        pad += c == '=';
        word = word << 6 | (uint32_t)v;
        if (++have < 4)
            continue;
        if ((pad == 1 && word & 0xff) || (pad == 2 && word & 0xffff))
            return false; /* bits that nobody would see */
        out[n++] = (unsigned char)(word >> 16);
        if (pad < 2)
            out[n++] = (unsigned char)(word >> 8);
        if (!pad)
            out[n++] = (unsigned char)word;
        have = 0;
        word = 0;
    }
    *ret_n = n;
    return have == 0 && n > 0;
}

/* ---- reading DER ---- */

struct der { const unsigned char *p; size_t n; bool bad; };

static int peek(const struct der *d) { return d->bad || !d->n ? -1 : d->p[0]; }

/* The contents of the next element, which must have this tag; the shortest form of length. */
static struct der take(struct der *d, int tag)
{
    struct der in = { .bad = true };
    if (peek(d) != tag || d->n < 2) {
        d->bad = true;
        return in;
    }
    size_t head = 2, len = d->p[1];
    if (len == 0x81 && d->n >= 3 && d->p[2] >= 0x80) {
        head = 3;
        len = d->p[2];
    } else if (len == 0x82 && d->n >= 4 && d->p[2]) {
        head = 4;
        len = (size_t)d->p[2] << 8 | d->p[3];
    } else if (len >= 0x80) {
        d->bad = true;
        return in;
    }
    if (len > d->n - head) {
        d->bad = true;
        return in;
    }
    in = (struct der){ d->p + head, len, false };
    d->p += head + len;
    d->n -= head + len;
    return in;
}

/* 0 to 65535, no leading zeros */
static int64_t take_number(struct der *d)
{
    struct der v = take(d, DER_INTEGER);
    if (v.bad || !v.n || v.n > 3 || v.p[0] & 0x80 || (v.n > 1 && !v.p[0] && !(v.p[1] & 0x80)) || (v.n == 3 && v.p[0])) {
        d->bad = true;
        return -1;
    }
    int64_t n = 0;
    for (size_t i = 0; i < v.n; i++)
        n = n << 8 | v.p[i];
    return n;
}

static struct str take_oid(struct der *d, int tag)
{
    struct der v = take(d, tag);
    bool start = true;
    if (v.bad || !v.n || v.n > 64 || v.p[v.n - 1] & 0x80)
        d->bad = true;
    for (size_t i = 0; !d->bad && i < v.n; i++) {
        if (start && v.p[i] == 0x80)
            d->bad = true;
        start = !(v.p[i] & 0x80);
    }
    return d->bad ? STR_NONE : (struct str){ (const char *)v.p, v.n };
}

/* 2.16.840.1.101.2.1.8.3.x */
static const unsigned char tag_types[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x02, 0x01, 0x08, 0x03 };
enum { TYPE_RESTRICTIVE_BITS, TYPE_PERMISSIVE_NUMBERS, TYPE_PERMISSIVE_BITS, TYPE_INFORMATIVE, TYPE_RESTRICTIVE_NUMBERS, TYPES };
static const struct { enum label_type type; bool numbers, bits; } types[TYPES] = { { LABEL_RESTRICTIVE, false, true }, { LABEL_PERMISSIVE, true, false },
    { LABEL_PERMISSIVE, false, true }, { LABEL_INFORMATIVE, true, true }, { LABEL_RESTRICTIVE, true, false } };

static const char *add_value(const struct label_policy *p, unsigned tag, int64_t number, struct label *l)
{
    for (unsigned i = 0; i < p->n_values; i++) {
        if (p->value[i].tag != tag || p->value[i].number != number)
            continue;
        if (label_bit(&l->values, i))
            return "a category stands in it twice";
        label_bit_set(&l->values, i);
        return NULL;
    }
    return "a category in it is not one of its policy";
}

static const char *add_bits(struct der bits, const struct label_policy *p, unsigned tag, struct label *l)
{
    const char *why = NULL;
    if (bits.n < 2 || bits.p[0] > 7 || (bits.p[0] && bits.p[bits.n - 1] & ((1u << bits.p[0]) - 1)))
        return "it is not DER";
    for (size_t i = 0; i < (bits.n - 1) * 8 && !why; i++)
        if (bits.p[1 + i / 8] & 0x80 >> i % 8)
            why = add_value(p, tag, (int64_t)i, l);
    return why;
}

static const char *add_numbers(struct der set, const struct label_policy *p, unsigned tag, struct label *l)
{
    const char *why = set.n ? NULL : "it is not DER";
    int64_t last = -1;
    while (!why && set.n) {
        int64_t n = take_number(&set);
        if (set.bad || n <= last) /* a SET OF is sorted */
            return "it is not DER";
        last = n;
        why = add_value(p, tag, n, l);
    }
    return why;
}

static const char *read_category(struct der one, const struct label_policy *p, struct label *l, bool *seen)
{
    struct str type = take_oid(&one, 0x80);
    struct der value = take(&one, 0xa1);
    struct der in = take(&value, DER_SEQUENCE);
    struct str name = take_oid(&in, DER_OID);
    if (one.bad || value.bad || in.bad || one.n || value.n)
        return "it is not DER";
    if (type.n != sizeof tag_types + 1 || memcmp(type.p, tag_types, sizeof tag_types) != 0 || (unsigned char)type.p[type.n - 1] >= TYPES)
        return "a category in it is of a type that is not known";
    unsigned kind = (unsigned char)type.p[type.n - 1], t = 0;
    while (t < p->n_tags && !(p->tag[t].oid.n && str_eq(p->tag[t].oid, name)))
        t++;
    if (t == p->n_tags)
        return "a category in it is not one of its policy";
    if (p->tag[t].type != types[kind].type)
        return "a category in it is of another type in its policy";
    if (seen[t])
        return "a kind of category stands in it twice";
    seen[t] = true;
    bool bits = peek(&in) == DER_BITS, numbers = peek(&in) == DER_SET;
    struct der list = take(&in, bits ? DER_BITS : DER_SET);
    if (list.bad || in.n || (bits && !types[kind].bits) || (numbers && !types[kind].numbers))
        return "it is not DER";
    return bits ? add_bits(list, p, t, l) : add_numbers(list, p, t, l);
}

/* Their order in a SET OF: by their encodings. */
static bool in_order(const struct der *a, const struct der *b)
{
    int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return c < 0 || (c == 0 && a->n < b->n);
}

static const char *read_categories(struct der set, const struct label_policy *p, struct label *l)
{
    bool seen[LABEL_TAGS_MAX] = { false };
    struct der last = { 0 };
    const char *why = set.n ? NULL : "it is not DER";
    while (!why && set.n) {
        struct der whole = { set.p, 0, false };
        struct der one = take(&set, DER_SEQUENCE);
        whole.n = set.bad ? 0 : (size_t)(set.p - whole.p);
        if (set.bad || (last.p && !in_order(&last, &whole)))
            return "it is not DER";
        last = whole;
        why = read_category(one, p, l, seen);
    }
    return why;
}

enum label_found label_ess_read(const struct labels *all, struct str base64, struct label *ret, const char **ret_why)
{
    unsigned char bytes[ESS_MAX];
    struct der whole = { .p = bytes }, categories = { .bad = true }, mark = { .bad = true };
    int64_t number = -1;
    *ret_why = "its base64 is not right";
    if (!unbase64(base64, bytes, &whole.n))
        return LABEL_BAD;
    struct der set = take(&whole, DER_SET);
    *ret_why = "it is not DER";
    if (set.bad || whole.n)
        return LABEL_BAD;
    if (peek(&set) == DER_INTEGER) /* a SET is in the order of its tags: each can stand once */
        number = take_number(&set);
    struct str oid = peek(&set) == DER_OID ? take_oid(&set, DER_OID) : STR_NONE;
    if (peek(&set) == DER_UTF8)
        mark = take(&set, DER_UTF8);
    if (peek(&set) == DER_SET)
        categories = take(&set, DER_SET);
    if (mark.bad && peek(&set) == DER_PRINTABLE)
        mark = take(&set, DER_PRINTABLE);
    if (set.bad || set.n)
        return LABEL_BAD;
    const struct label_policy *p = all->policies; /* no policy at all: none that is known here */
    while (p && !(oid.n && str_eq(p->oid, oid)))
        p = p->next;
    if (!p)
        return LABEL_FOREIGN;
    struct label l = { .policy = p };
    while (l.level < p->n_levels && !(number >= 0 ? p->level[l.level].number == number : p->level[l.level].unstated))
        l.level++;
    *ret_why = number >= 0 ? "its classification is not one of its policy" : "it names no classification";
    if (l.level == p->n_levels)
        return LABEL_BAD;
    if (!categories.bad && (*ret_why = read_categories(categories, p, &l)))
        return LABEL_BAD;
    *ret_why = "its privacy mark says something else";
    if (!mark.bad && !label_marking_is(&l, (struct str){ (const char *)mark.p, mark.n }))
        return LABEL_BAD;
    *ret = l;
    return LABEL_READ;
}

/* ---- writing ---- */

int label_oid(const char *dotted, unsigned char *ret, size_t max, size_t *ret_n)
{
    size_t n = 0;
    unsigned arc = 0;
    uint64_t first = 0;
    for (const char *p = dotted;; arc++) {
        char *end;
        if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
            return GW_ERR(SYNTAX);
        unsigned long long v = strtoull(p, &end, 10);
        if (v > UINT32_MAX || (*end && *end != '.') || (arc == 0 && v > 2) || (arc == 1 && first < 2 && v > 39))
            return GW_ERR(SYNTAX);
        uint64_t code = arc == 1 ? first * 40 + v : v;
        first = arc ? first : v;
        unsigned char digits[10];
        size_t k = 0;
        do
            digits[k++] = code & 0x7f;
        while (code >>= 7);
        while (arc && k) {
            if (n == max)
                return GW_ERR(SYNTAX);
            k--;
            ret[n++] = digits[k] | (k ? 0x80 : 0);
        }
        if (!*end)
            break;
        p = end + 1;
    }
    *ret_n = n;
    return arc ? 0 : GW_ERR(SYNTAX);
}

/* Written from the end to the beginning, so that every length is known when it is due. */
struct out { unsigned char b[ESS_MAX]; size_t at; bool full; };

static void put(struct out *o, const void *p, size_t n)
{
    if (o->full || n > o->at) {
        o->full = true;
        return;
    }
    o->at -= n;
    memcpy(o->b + o->at, p, n);
}

static void put_head(struct out *o, int tag, size_t len)
{
    unsigned char h[4] = { (unsigned char)tag, (unsigned char)len };
    size_t n = 2;
    if (len >= 0x100) {
        h[1] = 0x82;
        h[2] = (unsigned char)(len >> 8);
        h[3] = (unsigned char)len;
        n = 4;
    } else if (len >= 0x80) {
        h[1] = 0x81;
        h[2] = (unsigned char)len;
        n = 3;
    }
    put(o, h, n);
}

static void put_number(struct out *o, int64_t v)
{
    unsigned char b[3] = { (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v };
    size_t skip = v < 0x80 ? 2 : v < 0x8000 ? 1 : 0;
    put(o, b + skip, 3 - skip);
    put_head(o, DER_INTEGER, 3 - skip);
}

/* The values of one tag; false: one of them has no number. */
static bool put_values(struct out *o, const struct label *l, unsigned tag)
{
    const struct label_policy *p = l->policy;
    size_t before = o->at;
    unsigned char bits[1 + 1024 / 8] = { 0 };
    int64_t top = -1, last = 65536;
    for (unsigned i = 0; i < p->n_values; i++)
        if (p->value[i].tag == tag && label_bit(&l->values, i)) {
            int64_t v = p->value[i].number;
            if (v < 0 || (!p->tag[tag].enumerated && v >= 1024))
                return false;
            if (!p->tag[tag].enumerated)
                bits[1 + v / 8] |= (unsigned char)(0x80 >> v % 8);
            top = v > top ? v : top;
        }
    if (!p->tag[tag].enumerated) {
        bits[0] = (unsigned char)(7 - top % 8);
        put(o, bits, (size_t)(2 + top / 8));
        put_head(o, DER_BITS, (size_t)(2 + top / 8));
        return true;
    }
    for (;;) { /* from the highest down: what is put last stands first */
        int64_t next = -1;
        for (unsigned i = 0; i < p->n_values; i++)
            if (p->value[i].tag == tag && label_bit(&l->values, i) && p->value[i].number < last && p->value[i].number > next)
                next = p->value[i].number;
        if (next < 0)
            break;
        put_number(o, next);
        last = next;
    }
    put_head(o, DER_SET, before - o->at);
    return true;
}

static bool put_category(struct out *o, const struct label *l, unsigned tag)
{
    static const unsigned char kinds[3][2] = { { TYPE_RESTRICTIVE_BITS, TYPE_RESTRICTIVE_NUMBERS }, { TYPE_PERMISSIVE_BITS, TYPE_PERMISSIVE_NUMBERS },
        { TYPE_INFORMATIVE, TYPE_INFORMATIVE } };
    const struct label_tag *t = &l->policy->tag[tag];
    size_t before = o->at;
    if (!t->oid.n || !put_values(o, l, tag))
        return false;
    put(o, t->oid.p, t->oid.n);
    put_head(o, DER_OID, t->oid.n);
    put_head(o, DER_SEQUENCE, before - o->at);
    put_head(o, 0xa1, before - o->at);
    put(o, &kinds[t->type][t->enumerated], 1);
    put(o, tag_types, sizeof tag_types);
    put_head(o, 0x80, sizeof tag_types + 1);
    put_head(o, DER_SEQUENCE, before - o->at);
    return !o->full;
}

static bool has_tag(const struct label *l, unsigned tag)
{
    for (unsigned i = 0; i < l->policy->n_values; i++)
        if (l->policy->value[i].tag == tag && label_bit(&l->values, i))
            return true;
    return false;
}

/* The categories in DER order: each is written apart, then the greatest first, since writing goes backwards. */
static int put_categories(struct out *o, const struct label *l)
{
    struct out *one = malloc(sizeof *one);
    struct der v[LABEL_TAGS_MAX];
    size_t n = 0, before = o->at;
    if (!one)
        return GW_ERR(NOMEM);
    *one = (struct out){ .at = ESS_MAX };
    int rc = 0;
    for (unsigned t = 0; t < l->policy->n_tags && !rc; t++) {
        size_t from = one->at;
        if (!has_tag(l, t))
            continue;
        if (!put_category(one, l, t))
            rc = one->full ? GW_ERR(LIMIT) : GW_ERR(SYNTAX);
        v[n++] = (struct der){ one->b + one->at, from - one->at, false };
    }
    for (size_t i = 0; i < n && !rc; i++) {
        size_t top = i;
        for (size_t k = i + 1; k < n; k++)
            if (in_order(&v[top], &v[k]))
                top = k;
        struct der x = v[top];
        v[top] = v[i];
        put(o, x.p, x.n);
    }
    if (n)
        put_head(o, DER_SET, before - o->at);
    free(one);
    return rc;
}

int label_ess_write(const struct label *l, char *ret, size_t max)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const struct label_level *level = &l->policy->level[l->level];
    if (!l->policy->oid.n || (level->number < 0 && !level->unstated))
        return GW_ERR(SYNTAX);
    struct out *o = malloc(sizeof *o);
    if (!o)
        return GW_ERR(NOMEM);
    *o = (struct out){ .at = ESS_MAX };
    int rc = put_categories(o, l);
    put(o, l->policy->oid.p, l->policy->oid.n);
    put_head(o, DER_OID, l->policy->oid.n);
    if (level->number >= 0)
        put_number(o, level->number);
    put_head(o, DER_SET, ESS_MAX - o->at);
    size_t n = ESS_MAX - o->at, used = 0;
    const unsigned char *p = o->b + o->at;
    if (!rc && (o->full || (n + 2) / 3 * 4 + 1 > max))
        rc = GW_ERR(LIMIT);
    for (size_t i = 0; i < n && !rc; i += 3) {
        uint32_t w = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        ret[used++] = digits[w >> 18];
        ret[used++] = digits[w >> 12 & 63];
        ret[used++] = i + 1 < n ? digits[w >> 6 & 63] : '=';
        ret[used++] = i + 2 < n ? digits[w & 63] : '=';
    }
    if (!rc)
        ret[used] = 0;
    free(o);
    return rc;
}
