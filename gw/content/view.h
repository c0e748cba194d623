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
static inline void view_span(const struct view *v, size_t start, size_t end, uint32_t *ret_start, uint32_t *ret_end)
{
    if (v->no_span || start > v->text.n || end > v->text.n || start >= end) {
        *ret_start = *ret_end = NO_SPAN;
    } else if (!v->from) {
        *ret_start = (uint32_t)start;
        *ret_end = (uint32_t)end;
    } else {
        *ret_start = v->from[start];
        *ret_end = v->to[end - 1];
    }
}

#endif
