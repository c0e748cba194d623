/* SPDX-License-Identifier: GPL-3.0-or-later
 * UTF-8 as RFC 3629 and characters as XML 1.0 allow them. */
#ifndef LOCKGATE_UTF8_H
#define LOCKGATE_UTF8_H

#include "buf.h"

/* True when s is well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF). */
bool utf8_valid(struct str s);
/* The same, and every character matches XML 1.0 "Char" (no control but TAB LF CR, no U+FFFE, U+FFFF). */
bool utf8_xml(struct str s);
/* Decodes one character of a valid string at *off and moves *off behind it. */
uint32_t utf8_next(struct str s, size_t *off);

#endif
