/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sealed lists: letters and digits alone, hashes, the file, looking one up. */
#include "sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unicode/uchar.h>

#include "dlp.h"
#include "utf8.h"
#include "wire.h"

void compact_init(struct compact *c)
{
    *c = (struct compact){ 0 };
    mapped_init(&c->m);
}

void compact_clear(struct compact *c)
{
    mapped_clear(&c->m);
    free(c->starts);
    compact_init(c);
}

static int begin_word(struct compact *c)
{
    if (c->n + 2 > c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 256;
        uint32_t *v = reallocarray(c->starts, cap, sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        c->starts = v;
        c->cap = cap;
    }
    c->starts[c->n++] = (uint32_t)buf_size(&c->m.text);
    return 0;
}

int compact_make(struct compact *c, const struct view *v)
{
    struct str s = v->text;
    bool inside = false;
    mapped_reset(&c->m);
    c->n = 0;
    int err = mapped_reserve(&c->m, s.n);
    for (size_t off = 0; off < s.n && !err;) {
        size_t at = off;
        unsigned char ch = (unsigned char)s.p[off];
        uint32_t u = ch < 0x80 ? (off++, ch) : utf8_next(s, &off);
        bool word = ch < 0x80 ? (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z') : u_isalnum((UChar32)u);
        bool alone = word && ch >= 0xe0 && dlp_unspaced(u);
        if (word && (!inside || alone))
            err = begin_word(c);
        for (size_t i = at; i < off && word && !err; i++)
            mapped_push(&c->m, ch >= 'A' && ch <= 'Z' ? (char)(ch | 32) : s.p[i], (uint32_t)at, (uint32_t)off);
        inside = word && !alone;
    }
    if (!err && c->n)
        c->starts[c->n] = (uint32_t)buf_size(&c->m.text);
    return err;
}

/* ---- hashes ---- */

static int hex_of(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int sealed_key_read(const char *path, struct sealed_key *ret)
{
    uint64_t v[4] = { 0 };
    FILE *f = fopen(path, "re");
    if (!f)
        return GW_ERR(NOENT);
    int c, err = 0;
    for (unsigned i = 0; i < 64 && !err; i++) {
        int d = hex_of(fgetc(f));
        if (d < 0)
            err = GW_ERR(SYNTAX);
        v[i / 16] = v[i / 16] << 4 | (uint64_t)(d & 15);
    }
    while (!err && (c = fgetc(f)) != EOF)
        if (c != '\n' && c != '\r' && c != ' ')
            err = GW_ERR(SYNTAX);
    fclose(f);
    if (!err)
        *ret = (struct sealed_key){ { v[0], v[1] }, { v[2], v[3] } };
    return err;
}

uint64_t sealed_key_check(const struct sealed_key *k)
{
    static const char text[] = "sealed list";
    return siphash(&k->a, text, sizeof text) ^ siphash(&k->b, text, sizeof text);
}

struct sealed_value sealed_value_of(const struct sealed_key *k, const unsigned char *p, size_t n, unsigned words)
{
    return (struct sealed_value){ siphash(&k->a, p, n), (siphash(&k->b, p, n) & ~UINT64_C(0xff)) | (words & 0xff) };
}

/* Rabin's hash modulo the prime 2^61 - 1, in a base that the key gives. */
#define PRIME ((UINT64_C(1) << 61) - 1)
static uint64_t times(uint64_t a, uint64_t b)
{
    unsigned __int128 x = (unsigned __int128)a * b;
    uint64_t low = (uint64_t)(x & PRIME) + (uint64_t)(x >> 61);
    return low >= PRIME ? low - PRIME : low;
}

/* What is stored tells nothing about the sum, nor about that of a neighbour. */
static uint64_t mixed(const struct sealed_key *k, uint64_t h)
{
    h ^= k->b.k0;
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb) + k->b.k1;
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 31;
}

void grams(const struct sealed_key *k, const unsigned char *p, size_t n, uint64_t *ret)
{
    uint64_t base = k->a.k0 % (PRIME - 1000) + 500, last = 1, h = 0;
    for (unsigned i = 1; i < GRAM; i++)
        last = times(last, base);
    for (size_t i = 0; i < n; i++) {
        if (i >= GRAM)
            h = (h + PRIME - times(last, (uint64_t)p[i - GRAM] + 1)) % PRIME;
        h = times(h, base) + p[i] + 1;
        h = h >= PRIME ? h - PRIME : h;
        if (i + 1 >= GRAM)
            ret[i + 1 - GRAM] = mixed(k, h);
    }
}

size_t winnow(const uint64_t *g, size_t n, uint32_t *ret)
{
    size_t kept = 0, last = SIZE_MAX;
    for (size_t i = 0; i == 0 || i + WINDOW <= n; i++) {
        size_t least = i, end = i + WINDOW < n ? i + WINDOW : n;
        for (size_t j = i + 1; j < end; j++) /* the rightmost of equals: it stays longest */
            if (g[j] <= g[least])
                least = j;
        if (least != last)
            ret[kept++] = (uint32_t)least;
        last = least;
    }
    return kept;
}

/* ---- the file ---- */

uint64_t sealed_entry_hash(const struct sealed *s, size_t i)
{
    struct wire w;
    wire_init(&w, s->entries + i * s->stride, 8);
    return wire_u64(&w);
}

static int read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return GW_ERR(NOENT);
    int err = 0;
    for (size_t got = 1; got > 0 && !err;) {
        unsigned char *room = buf_room(b, 1u << 16);
        got = room ? fread(room, 1, 1u << 16, f) : 0;
        buf_added(b, got);
        err = room ? 0 : GW_ERR(LIMIT);
    }
    if (!err && ferror(f))
        err = GW_ERR(NOENT);
    fclose(f);
    return err;
}

static int take_apart(struct sealed *s, enum sealed_kind kind)
{
    struct wire w;
    wire_init(&w, buf_data(&s->bytes), buf_size(&s->bytes));
    const unsigned char *magic = wire_bytes(&w, 8);
    if (!magic || memcmp(magic, SEALED_MAGIC, 8) != 0 || wire_u8(&w) != 1 || wire_u8(&w) != kind || wire_u16(&w) != 0)
        return GW_ERR(SYNTAX);
    s->kind = kind;
    s->stride = kind == SEALED_VALUES ? 16 : 12;
    s->n = wire_u32(&w);
    s->n_paragraphs = wire_u32(&w);
    uint64_t check = wire_u64(&w);
    for (int i = 0; i < 4; i++)
        s->lengths[i] = wire_u64(&w);
    if (w.err || s->n > SEALED_ENTRIES_MAX || s->n_paragraphs > SEALED_ENTRIES_MAX)
        return GW_ERR(SYNTAX);
    s->entries = wire_bytes(&w, s->n * s->stride);
    s->paragraphs = wire_bytes(&w, s->n_paragraphs * 4);
    if (wire_done(&w))
        return GW_ERR(SYNTAX);
    if (check != sealed_key_check(&s->key))
        return GW_ERR(MISMATCH);
    for (size_t i = 0; i < s->n; i++) {
        wire_init(&w, s->entries + i * s->stride + 8, s->stride - 8);
        if ((i && sealed_entry_hash(s, i - 1) > sealed_entry_hash(s, i)) || (kind == SEALED_PRINTS && wire_u32(&w) >= s->n_paragraphs))
            return GW_ERR(SYNTAX);
    }
    return 0;
}

static int make_index(struct sealed *s)
{
    for (s->first_bits = 4; s->first_bits < 22 && (size_t)1 << s->first_bits < s->n; s->first_bits++)
        ;
    s->filter_bits = s->first_bits + 3;
    size_t slots = (size_t)1 << s->first_bits, at = 0;
    s->first = calloc(slots + 1, sizeof *s->first);
    s->filter = calloc(((size_t)1 << s->filter_bits) / 64, sizeof *s->filter);
    if (!s->first || !s->filter)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < s->n; i++) {
        uint64_t h = sealed_entry_hash(s, i), low = h & (((uint64_t)1 << s->filter_bits) - 1);
        while (at <= h >> (64 - s->first_bits))
            s->first[at++] = (uint32_t)i;
        s->filter[low / 64] |= UINT64_C(1) << low % 64;
    }
    while (at <= slots)
        s->first[at++] = (uint32_t)s->n;
    return 0;
}

int sealed_load(const char *path, const char *key_path, enum sealed_kind kind, struct sealed **ret)
{
    struct sealed *s = calloc(1, sizeof *s);
    if (!s)
        return GW_ERR(NOMEM);
    buf_init(&s->bytes, SEALED_HEAD + (size_t)SEALED_ENTRIES_MAX * 20 + (1u << 16));
    int err = sealed_key_read(key_path, &s->key);
    err = err ? err : read_file(path, &s->bytes);
    err = err ? err : take_apart(s, kind);
    err = err ? err : make_index(s);
    if (err) {
        sealed_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

void sealed_free(struct sealed *s)
{
    if (!s)
        return;
    buf_clear(&s->bytes);
    free(s->first);
    free(s->filter);
    explicit_bzero(&s->key, sizeof s->key);
    free(s);
}

size_t sealed_find(const struct sealed *s, uint64_t hash)
{
    uint64_t low = hash & (((uint64_t)1 << s->filter_bits) - 1), top = hash >> (64 - s->first_bits);
    if (!(s->filter[low / 64] >> low % 64 & 1))
        return s->n;
    for (size_t i = s->first[top]; i < s->first[top + 1]; i++)
        if (sealed_entry_hash(s, i) == hash)
            return i;
    return s->n;
}
