/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a loaded content holds; for the files of this folder and its tests. */
#ifndef LOCKGATE_CONTENT_IMPL_H
#define LOCKGATE_CONTENT_IMPL_H

#include "content.h"
#include "dlp.h"
#include "normal.h"
#include "open.h"
#include "yara_set.h"

/* The text itself, and three encodings inside each other. */
#define CONTENT_DEPTH 4
/* How many bytes are looked at for one request, all forms together; more is unknown. */
#define BUDGET_FLOOR (256u << 10)
#define BUDGET_FACTOR 8u

/* The forms of one text at one depth. */
struct forms {
    struct mapped normal, unescaped, opened;
    struct opened_list list;
};
void forms_init(struct forms *f);
void forms_clear(struct forms *f);

struct content {
    struct yara_set stanza, files;
    bool yara;
    struct dlp dlp;
    struct fold *fold;
    /* used again for each request */
    struct joined joined;
    struct hits hits;
    struct forms forms[CONTENT_DEPTH];
    struct mapped across;
    size_t budget;
    uint64_t yara_ns, dlp_ns, clock, *at; /* what runs since `clock` is counted there */
};
uint64_t content_now(void);
int run_yara(struct content *c, struct yara_set *set, const struct view *v) GW_MUST_CHECK;
/* Looks at one text and all that can be opened in it. depth 0: the text of the request. scan_yara: not done yet for this text. */
int look_at_text(struct content *c, const struct view *v, unsigned depth, bool scan_yara) GW_MUST_CHECK;

#endif
