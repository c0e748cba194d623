/* SPDX-License-Identifier: GPL-3.0-or-later
 * The automaton of many pieces (pieces.h). */
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_ENDS 0x80000000u

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

void pieces_init(struct pieces *p)
{
    *p = (struct pieces){ 0 };
    buf_init(&p->bytes, PIECES_STATES_MAX);
}

void pieces_clear(struct pieces *p)
{
    free(p->next);
    free(p->first);
    free(p->owners);
    free(p->shorter);
    free(p->seen);
    free(p->v);
    buf_clear(&p->bytes);
    pieces_init(p);
}

int pieces_add(struct pieces *p, uint32_t owner, struct str piece)
{
    unsigned char bytes[255];
    if (piece.n == 0 || piece.n > sizeof bytes || !pieces_fit(p, piece.n))
        return GW_ERR(LIMIT);
    for (size_t i = 0; i < piece.n; i++)
        bytes[i] = lower((unsigned char)piece.p[i]);
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 1024;
        struct piece_added *v = reallocarray(p->v, cap, sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        p->v = v;
        p->cap = cap;
    }
    p->v[p->n++] = (struct piece_added){ .at = (uint32_t)buf_size(&p->bytes), .n = (uint32_t)piece.n, .owner = owner };
    return buf_put(&p->bytes, bytes, piece.n);
}

/* ---- making it ---- */

/* Bytes of no piece are class 0 together. */
static void classify(struct pieces *p)
{
    const unsigned char *b = buf_data(&p->bytes);
    p->n_classes = 1;
    for (size_t i = 0; i < buf_size(&p->bytes); i++)
        if (!p->class_of[b[i]])
            p->class_of[b[i]] = (unsigned char)p->n_classes++;
    for (unsigned c = 'A'; c <= 'Z'; c++)
        p->class_of[c] = p->class_of[c | 32];
}

struct making { struct pieces *p; uint32_t *end, *queue, *fail; /* end: of a piece, its state */ };

/* The tree of all pieces: states as row numbers; 0 is the root, and no transition leads there yet. */
static void plant(struct making *k)
{
    struct pieces *p = k->p;
    const unsigned char *b = buf_data(&p->bytes);
    p->n_rows = 1;
    for (size_t i = 0; i < p->n; i++) {
        uint32_t s = 0;
        for (uint32_t j = 0; j < p->v[i].n; j++) {
            uint32_t *t = &p->next[(size_t)s * p->n_classes + p->class_of[b[p->v[i].at + j]]];
            if (!*t)
                *t = p->n_rows++;
            s = *t;
        }
        k->end[i] = s;
    }
}

/* Where no branch goes on, what was read is continued from its longest end that is a beginning of some piece. */
static void complete(struct making *k)
{
    struct pieces *p = k->p;
    size_t head = 0, tail = 0;
    k->queue[tail++] = 0;
    while (head < tail) {
        uint32_t s = k->queue[head++];
        for (uint32_t c = 1; c < p->n_classes; c++) {
            uint32_t *t = &p->next[(size_t)s * p->n_classes + c];
            uint32_t other = s ? p->next[(size_t)k->fail[s] * p->n_classes + c] : 0;
            if (!*t) {
                *t = other;
                continue;
            }
            k->fail[*t] = other;
            k->queue[tail++] = *t;
        }
    }
}

/* The owners of each state, in the order of states. */
static void own(struct making *k)
{
    struct pieces *p = k->p;
    for (size_t i = 0; i < p->n; i++)
        p->first[k->end[i] + 1]++;
    for (uint32_t s = 0; s < p->n_rows; s++)
        p->first[s + 1] += p->first[s];
    for (size_t i = p->n; i-- > 0;)
        p->owners[p->first[k->end[i]] + p->seen[k->end[i]]++] = p->v[i].owner;
    memset(p->seen, 0, p->n_rows * sizeof *p->seen);
    for (size_t i = 1; i < p->n_rows; i++) {
        uint32_t s = k->queue[i], f = k->fail[s];
        p->shorter[s] = p->first[f] < p->first[f + 1] ? f : p->shorter[f];
    }
}

/* From row numbers to offsets, marked where something ends. */
static void mark(struct pieces *p)
{
    for (size_t i = 0; i < (size_t)p->n_rows * p->n_classes; i++) {
        uint32_t s = p->next[i];
        p->next[i] = s * p->n_classes | (p->first[s] < p->first[s + 1] || p->shorter[s] ? PIECE_ENDS : 0);
    }
}

int pieces_finish(struct pieces *p)
{
    size_t rows = buf_size(&p->bytes) + 1;
    classify(p);
    struct making k = { p, calloc(p->n + 1, sizeof *k.end), calloc(rows, sizeof *k.queue), calloc(rows, sizeof *k.fail) };
    p->next = calloc(rows * p->n_classes, sizeof *p->next);
    p->first = calloc(rows + 1, sizeof *p->first);
    p->owners = calloc(p->n + 1, sizeof *p->owners);
    p->shorter = calloc(rows, sizeof *p->shorter);
    p->seen = calloc(rows, sizeof *p->seen);
    bool good = k.end && k.queue && k.fail && p->next && p->first && p->owners && p->shorter && p->seen;
    if (good) {
        plant(&k);
        complete(&k);
        own(&k);
        mark(p);
        uint32_t *smaller = realloc(p->next, (size_t)p->n_rows * p->n_classes * sizeof *p->next);
        p->next = smaller ? smaller : p->next;
    }
    free(k.end);
    free(k.queue);
    free(k.fail);
    free(p->v);
    p->v = NULL;
    p->cap = 0;
    buf_clear(&p->bytes);
    return good ? 0 : GW_ERR(NOMEM);
}

/* ---- using it ---- */

/* What was reported is not reported again, nor are the shorter ones behind it: they were reported with it. */
static void report(struct pieces *p, uint32_t s, void (*found)(void *user, uint32_t owner), void *user)
{
    for (; s && p->seen[s] != p->now; s = p->shorter[s]) {
        p->seen[s] = p->now;
        for (uint32_t i = p->first[s]; i < p->first[s + 1]; i++)
            found(user, p->owners[i]);
    }
}

void pieces_find(struct pieces *p, struct str text, void (*found)(void *user, uint32_t owner), void *user)
{
    const unsigned char *t = (const unsigned char *)text.p, *class_of = p->class_of;
    const uint32_t *next = p->next;
    uint32_t at = 0;
    if (p->n == 0)
        return;
    if (++p->now == 0) {
        memset(p->seen, 0, p->n_rows * sizeof *p->seen);
        p->now = 1;
    }
    for (size_t i = 0; i < text.n; i++) {
        at = next[at + class_of[t[i]]];
        if (at & PIECE_ENDS) {
            at &= ~PIECE_ENDS;
            report(p, at / p->n_classes, found, user);
        }
    }
}
