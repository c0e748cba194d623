/* SPDX-License-Identifier: GPL-3.0-or-later
 * Encodings in text, opened: escapes in place (percent, entities, backslash, quoted-printable), and whole tokens (base64, base32,
 * hexadecimal). */
#ifndef LOCKGATE_CONTENT_OPEN_H
#define LOCKGATE_CONTENT_OPEN_H

#include "dlp_gate.h"
#include "view.h"

/* in with every escape replaced by its character; each stands for the bytes of its escape alone. ret_any: was there one?
 * Without any, out is not filled. LIMIT, NOMEM. */
int open_escapes(const struct view *in, struct mapped *out, bool *ret_any) GW_MUST_CHECK;

/* One opened token: bytes [start, end) of the output. */
struct opened { size_t start, end; };
#define OPENED_MAX 4096
struct opened_list {
    struct opened v[OPENED_MAX];
    size_t n;
    struct buf bytes; /* of one token */
};
/* Appends the content of every encoded token to out, JOIN_GAP between them; all its bytes stand for the whole token. m: what `in` was measured to
 * hold. LIMIT, NOMEM. */
int open_tokens(const struct view *in, const struct measure *m, struct mapped *out, struct opened_list *list) GW_MUST_CHECK;
/* Makes opened bytes fit for matching as text: what is not a character of XML becomes a line feed, byte by byte. */
void opened_to_text(struct mapped *m, const struct opened_list *list);

#endif
