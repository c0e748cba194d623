/* SPDX-License-Identifier: GPL-3.0-or-later
 * The only place where XML is written: pieces with a sticky error; on an error nothing of the whole piece stays. */
#ifndef LOCKGATE_XMPP_WRITER_H
#define LOCKGATE_XMPP_WRITER_H

#include "buf.h"

struct xw {
    struct buf *b;
    size_t start; /* bytes in the buffer before */
    int err;
};
void xw_begin(struct xw *w, struct buf *b);
int xw_end(struct xw *w) GW_MUST_CHECK; /* 0, or the first error, with everything since xw_begin taken back */
void xw_put(struct xw *w, const char *p, size_t n);
/* Our own markup only. Inline, so that the length of a literal is known. */
static inline void xw_raw(struct xw *w, const char *literal) { xw_put(w, literal, strlen(literal)); }
void xw_text(struct xw *w, struct str s);       /* character data, escaped */
void xw_attr(struct xw *w, const char *name, struct str value); /* name is ours; nothing when value.p == NULL */

#endif
