/* SPDX-License-Identifier: GPL-3.0-or-later
 * A table of short pieces of text by hash, with a bit field in front that most positions never get past. */
#include "yara_atoms.h"

#include <stdlib.h>

#define ATOM_LENGTH_MAX 64u /* the rest of a longer text is not looked at: whoever needs the whole needs its beginning */

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

void atoms_init(struct atoms *a)
{
    *a = (struct atoms){ 0 };
    buf_init(&a->bytes, 256u << 20);
}

void atoms_clear(struct atoms *a)
{
    buf_clear(&a->bytes);
    free(a->v);
    free(a->heads);
    free(a->seen);
    atoms_init(a);
}

static uint32_t slot(const struct atoms *a, uint32_t key, unsigned n)
{
    uint32_t h = (key ^ n * 0x9e3779b9u) * 0x85ebca6bu;
    h ^= h >> 15;
    h *= 0xc2b2ae35u;
    return h >> (32 - a->bits);
}

static uint32_t key_of(const unsigned char *p, unsigned n)
{
    uint32_t key = 0;
    for (unsigned i = 0; i < n; i++)
        key = key << 8 | p[i];
    return key;
}

/* Digits and signs are rarer in talk than letters, and blanks are everywhere: the rarest four bytes are the key. */
static unsigned rarity(unsigned char c)
{
    return c == ' ' || c == 0 ? 0 : strchr("etaoinshrdlu", c) ? 1 : c >= 'a' && c <= 'z' ? 3 : c >= '0' && c <= '9' ? 4 : 6;
}

int atoms_add(struct atoms *a, uint32_t owner, struct str text)
{
    unsigned char p[ATOM_LENGTH_MAX];
    size_t n = text.n < ATOM_LENGTH_MAX ? text.n : ATOM_LENGTH_MAX;
    unsigned key_n = n < 4 ? (unsigned)n : 4, best = 0, best_at = 0;
    if (n < 2)
        return GW_ERR(RANGE);
    for (size_t i = 0; i < n; i++)
        p[i] = lower((unsigned char)text.p[i]);
    for (unsigned i = 0; i + key_n <= n; i++) {
        unsigned sum = 0;
        for (unsigned k = 0; k < key_n; k++)
            sum += rarity(p[i + k]);
        if (sum > best) {
            best = sum;
            best_at = i;
        }
    }
    if (a->n == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 1024;
        struct atom *v = cap < UINT32_MAX ? reallocarray(a->v, cap, sizeof *v) : NULL;
        if (!v)
            return GW_ERR(NOMEM);
        a->v = v;
        a->cap = cap;
    }
    a->v[a->n++] = (struct atom){ .owner = owner, .at = (uint32_t)buf_size(&a->bytes), .n = (uint32_t)n, .key = (uint8_t)best_at, .key_n = (uint8_t)key_n };
    return buf_put(&a->bytes, p, n);
}

int atoms_finish(struct atoms *a)
{
    const unsigned char *bytes = buf_data(&a->bytes);
    for (a->bits = 12; a->bits < 20 && (size_t)1 << a->bits < a->n * 16; a->bits++)
        ;
    a->heads = calloc((size_t)1 << a->bits, sizeof *a->heads);
    a->seen = calloc(((size_t)1 << a->bits) / 64, sizeof *a->seen);
    if (!a->heads || !a->seen)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < a->n; i++) {
        struct atom *x = &a->v[i];
        uint32_t s = slot(a, key_of(bytes + x->at + x->key, x->key_n), x->key_n);
        bool double_ = false; /* atoms of one regular expression in both cases fall together */
        for (uint32_t k = a->heads[s]; k && !double_; k = a->v[k - 1].next) {
            const struct atom *y = &a->v[k - 1];
            double_ = y->owner == x->owner && y->n == x->n && memcmp(bytes + y->at, bytes + x->at, x->n) == 0;
        }
        if (double_)
            continue;
        x->next = a->heads[s];
        a->heads[s] = (uint32_t)i + 1;
        a->seen[s / 64] |= UINT64_C(1) << s % 64;
        a->lengths[x->key_n] = true;
    }
    return 0;
}

static bool stands_at(const struct atoms *a, const struct atom *x, struct str text, size_t at)
{
    const unsigned char *p = buf_data(&a->bytes) + x->at;
    if (at < x->key || text.n - (at - x->key) < x->n)
        return false;
    const unsigned char *t = (const unsigned char *)text.p + at - x->key;
    for (uint32_t i = 0; i < x->n; i++)
        if (lower(t[i]) != p[i])
            return false;
    return true;
}

static size_t look(const struct atoms *a, uint32_t s, struct str text, size_t at, bool *wanted)
{
    size_t n = 0;
    for (uint32_t k = a->heads[s]; k; k = a->v[k - 1].next) {
        const struct atom *x = &a->v[k - 1];
        if (wanted[x->owner] || !stands_at(a, x, text, at))
            continue;
        wanted[x->owner] = true;
        n++;
    }
    return n;
}

static size_t find_length(const struct atoms *a, struct str text, unsigned key_n, bool *wanted)
{
    size_t n = 0;
    uint32_t key = 0, mask = key_n == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * key_n) - 1;
    for (size_t i = 0; i < text.n; i++) {
        key = (key << 8 | lower((unsigned char)text.p[i])) & mask;
        uint32_t s = slot(a, key, key_n);
        if (i + 1 >= key_n && a->seen[s / 64] >> s % 64 & 1)
            n += look(a, s, text, i + 1 - key_n, wanted);
    }
    return n;
}

size_t atoms_find(const struct atoms *a, struct str text, bool *wanted)
{
    size_t n = 0;
    for (unsigned k = 2; k <= 4; k++)
        if (a->lengths[k])
            n += find_length(a, text, k, wanted);
    return n;
}
