/* SPDX-License-Identifier: GPL-3.0-or-later
 * The one normal form in which text is matched: compatibility decomposition, case of everything but ASCII folded, accents, overlays and
 * invisible characters gone, look-alikes as the ASCII character that they look like. ASCII stays as it is, case included. */
#ifndef LOCKGATE_CONTENT_NORMAL_H
#define LOCKGATE_CONTENT_NORMAL_H

#include "view.h"

/* What was found about the text itself (SCAN_TEXT): characters that matching ignores, so that they can be kept from crossing. */
#define TEXT_NOTES(X) X(INVISIBLE, "invisible", "Characters that show nothing: zero-width, fillers, soft hyphens, stray variation selectors") \
    X(BIDI, "bidi", "Controls that change the order in which text is shown (embeddings, overrides, isolates)") \
    X(BIDI_MARK, "bidi-mark", "Direction marks (LRM, RLM, ALM)") \
    X(TAG, "tag", "Tag characters outside the flags that are in use") \
    X(OVERLAY, "overlay", "Strokes laid over characters") \
    X(STACKED, "stacked-marks", "More than four accents on one character")
enum text_note {
#define X(name, text, about) NOTE_##name,
    TEXT_NOTES(X)
#undef X
    NOTE_COUNT
};
const char *text_note_name(enum text_note n);
const char *text_note_about(enum text_note n);

struct fold; /* the character table, filled as scripts are met */
struct fold *fold_new(void); /* NULL: ICU's data could not be opened */
void fold_free(struct fold *f);

#define FOLD_MAX 80 /* bytes of one character's normal form */
/* The normal form of one character; 0 bytes: dropped. */
size_t fold_char(struct fold *f, uint32_t c, char out[FOLD_MAX]);
/* The normal form of valid UTF-8 text. notes: where to report ignored characters, or NULL. LIMIT, NOMEM. */
int fold_text(struct fold *f, const struct view *in, struct mapped *out, struct hits *notes) GW_MUST_CHECK;

#endif
