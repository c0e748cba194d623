/* SPDX-License-Identifier: GPL-3.0-or-later
 * A text that is scanned in place of the original, with the exact way back to the original's bytes. */
#ifndef LOCKGATE_CONTENT_VIEW_H
#define LOCKGATE_CONTENT_VIEW_H

#include "hits.h"

/* For byte i of text: the original bytes [from[i], to[i]) are what it stands for. from NULL: the text is the original.
 * no_span: there is no way back. */
struct view {
    struct str text;
    const uint32_t *from, *to;
    bool no_span;
};
static inline uint32_t view_from(const struct view *v, size_t i) { return v->from ? v->from[i] : (uint32_t)i; }
static inline uint32_t view_to(const struct view *v, size_t i) { return v->to ? v->to[i] : (uint32_t)i + 1; }
static inline void view_span(const struct view *v, size_t start, size_t end, uint32_t *ret_start, uint32_t *ret_end)
{
    if (v->no_span || start > v->text.n || end > v->text.n || start >= end) {
        *ret_start = *ret_end = NO_SPAN;
    } else {
        *ret_start = view_from(v, start);
        *ret_end = view_to(v, end - 1);
    }
}

/* A view under construction, with its storage. */
struct mapped {
    struct buf text;
    uint32_t *from, *to;
    size_t cap;
};
void mapped_init(struct mapped *m);
void mapped_clear(struct mapped *m);
void mapped_reset(struct mapped *m);
static inline struct view mapped_view(const struct mapped *m)
{
    return (struct view){ .text = buf_str(&m->text), .from = m->from, .to = m->to };
}
/* Room for n more bytes, which mapped_push then adds without a check. LIMIT, NOMEM. */
int mapped_reserve(struct mapped *m, size_t n) GW_MUST_CHECK;
static inline void mapped_push(struct mapped *m, char c, uint32_t from, uint32_t to)
{
    size_t at = m->text.len - m->text.off;
    m->text.p[m->text.len++] = (unsigned char)c;
    m->from[at] = from;
    m->to[at] = to;
}
/* n bytes that all stand for the original [from, to). LIMIT, NOMEM. */
int mapped_put(struct mapped *m, const void *p, size_t n, uint32_t from, uint32_t to) GW_MUST_CHECK;
/* n bytes of a view as they are. */
int mapped_copy(struct mapped *m, const struct view *in, size_t off, size_t n) GW_MUST_CHECK;
int mapped_put_char(struct mapped *m, uint32_t c, uint32_t from, uint32_t to) GW_MUST_CHECK;

/* Writes c as UTF-8, returns the length (1..4). */
size_t put_utf8(uint32_t c, char out[4]);
bool text_is_ascii(struct str s);

#endif
