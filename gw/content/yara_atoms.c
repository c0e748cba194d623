/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pieces of text in Hyperscan's matcher for literals. */
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
    for (size_t i = 0; i < a->n_db; i++)
        hs_free_database(a->db[i]);
    free(a->db);
    hs_free_scratch(a->scratch);
    buf_clear(&a->bytes);
    free(a->v);
    atoms_init(a);
}

int atoms_add(struct atoms *a, uint32_t owner, struct str text)
{
    unsigned char p[ATOM_LENGTH_MAX];
    size_t n = text.n < ATOM_LENGTH_MAX ? text.n : ATOM_LENGTH_MAX;
    if (n < 2)
        return GW_ERR(RANGE);
    for (size_t i = 0; i < n; i++)
        p[i] = lower((unsigned char)text.p[i]);
    if (a->n == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 1024;
        struct atom *v = cap < UINT32_MAX ? reallocarray(a->v, cap, sizeof *v) : NULL;
        if (!v)
            return GW_ERR(NOMEM);
        a->v = v;
        a->cap = cap;
    }
    a->v[a->n++] = (struct atom){ .owner = owner, .at = (uint32_t)buf_size(&a->bytes), .n = (uint32_t)n };
    return buf_put(&a->bytes, p, n);
}

static int by_text(const void *va, const void *vb, void *bytes)
{
    const struct atom *a = va, *b = vb;
    size_t n = a->n < b->n ? a->n : b->n;
    int c = memcmp((const char *)bytes + a->at, (const char *)bytes + b->at, n);
    if (c || a->n != b->n)
        return c ? c : a->n < b->n ? -1 : 1;
    return a->owner < b->owner ? -1 : a->owner > b->owner;
}

/* Pieces of one regular expression in both cases fall together. */
static void drop_doubles(struct atoms *a)
{
    void *bytes = a->bytes.p + a->bytes.off;
    size_t n = 0;
    if (a->n > 1)
        qsort_r(a->v, a->n, sizeof *a->v, by_text, bytes);
    for (size_t i = 0; i < a->n; i++)
        if (n == 0 || by_text(&a->v[n - 1], &a->v[i], bytes) != 0)
            a->v[n++] = a->v[i];
    a->n = n;
}

static int compile(struct atoms *a, size_t from, size_t n)
{
    const char **text = calloc(n, sizeof *text);
    size_t *len = calloc(n, sizeof *len);
    unsigned *ids = calloc(n, sizeof *ids), *flags = calloc(n, sizeof *flags);
    hs_compile_error_t *e = NULL;
    hs_error_t r = HS_NOMEM;
    for (size_t i = 0; text && len && ids && flags && i < n; i++) {
        text[i] = (const char *)buf_data(&a->bytes) + a->v[from + i].at;
        len[i] = a->v[from + i].n;
        ids[i] = (unsigned)(from + i);
        flags[i] = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
    }
    if (text && len && ids && flags)
        r = hs_compile_lit_multi(text, flags, ids, len, (unsigned)n, HS_MODE_BLOCK, NULL, &a->db[a->n_db], &e);
    hs_free_compile_error(e);
    free(text);
    free(len);
    free(ids);
    free(flags);
    if (r != HS_SUCCESS)
        return r == HS_NOMEM ? GW_ERR(NOMEM) : GW_ERR(UNKNOWN);
    return hs_alloc_scratch(a->db[a->n_db++], &a->scratch) == HS_SUCCESS ? 0 : GW_ERR(NOMEM);
}

int atoms_finish(struct atoms *a)
{
    int err = 0;
    drop_doubles(a);
    a->db = calloc(a->n / ATOMS_CHUNK + 1, sizeof(hs_database_t *));
    if (!a->db)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < a->n && !err; i += ATOMS_CHUNK)
        err = compile(a, i, a->n - i < ATOMS_CHUNK ? a->n - i : ATOMS_CHUNK);
    return err;
}

struct finding { const struct atoms *a; bool *wanted; size_t n; };
static int on_atom(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct finding *f = user;
    bool *w = &f->wanted[f->a->v[id].owner];
    (void)from;
    (void)to;
    (void)flags;
    f->n += !*w;
    *w = true;
    return 0;
}

int atoms_find(const struct atoms *a, struct str text, bool *wanted, size_t *ret_n)
{
    struct finding f = { a, wanted, 0 };
    for (size_t i = 0; i < a->n_db && text.n; i++)
        if (hs_scan(a->db[i], text.p, (unsigned)text.n, 0, a->scratch, on_atom, &f) != HS_SUCCESS)
            return GW_ERR(UNKNOWN);
    *ret_n = f.n;
    return 0;
}
