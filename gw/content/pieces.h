/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which of many short pieces of text does a text hold? One look-up for each byte, however many pieces there are: the automaton of Aho and Corasick,
 * "Efficient string matching: an aid to bibliographic search", CACM 18 (1975), with all its transitions written out. Whatever their case: pieces are
 * kept, and texts read, in small ASCII letters. */
#ifndef LOCKGATE_CONTENT_PIECES_H
#define LOCKGATE_CONTENT_PIECES_H

#include "buf.h"

/* States of all pieces together; the table takes four bytes for each and for each byte value that pieces are made of. */
#define PIECES_STATES_MAX (1u << 17)

struct pieces {
    /* made by pieces_finish */
    uint32_t *next;  /* of a state by its bytes' class: the row's offset in this table, PIECE_ENDS set where a piece ends */
    uint32_t n_rows, n_classes;
    unsigned char class_of[256];
    uint32_t *first; /* of a state: its first owner in `owners`, up to that of the next */
    uint32_t *owners;
    uint32_t *shorter; /* of a state: the next one that is a piece's end, along ever shorter ends of what was read; 0: none */
    uint32_t *seen, now; /* by state: reported already in this text */
    /* while pieces are added */
    struct piece_added { uint32_t at, n, owner; } *v;
    size_t n, cap;
    struct buf bytes;
};

void pieces_init(struct pieces *p);
void pieces_clear(struct pieces *p);
/* Would so many more bytes of pieces fit? */
static inline bool pieces_fit(const struct pieces *p, size_t bytes) { return buf_size(&p->bytes) + bytes < PIECES_STATES_MAX; }
/* A piece of 1 to 255 bytes, for whoever is called owner. NOMEM; LIMIT: no room for it among the others, nothing was added. */
int pieces_add(struct pieces *p, uint32_t owner, struct str piece) GW_MUST_CHECK;
/* No more are added. NOMEM. */
int pieces_finish(struct pieces *p) GW_MUST_CHECK;
/* Calls `found` for each owner of a piece in the text, once or more. */
void pieces_find(struct pieces *p, struct str text, void (*found)(void *user, uint32_t owner), void *user);

#endif
