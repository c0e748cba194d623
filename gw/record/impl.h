/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a record keeps to itself: memory, the list of names, and the state of building. */
#ifndef LOCKGATE_RECORD_IMPL_H
#define LOCKGATE_RECORD_IMPL_H

#include "record.h"

/* Namespaces and names, each once, in order of first use: the order of the wire. */
struct rec_names {
    struct str *v;
    uint32_t n, cap;
    uint32_t *slots; /* open addressing, index + 1; used from REC_NAMES_SCAN names on */
    uint32_t n_slots;
};
#define REC_NAMES_SCAN 12
#define REC_NS_NONE 0xffffu
#define REC_NAMES_MAX 0xfffeu

/* indices into the names, beside the public nodes and attributes */
struct rec_index { uint16_t ns, name; };

enum rec_state { REC_BUILDING, REC_SEALED, REC_BROKEN };
struct rec_impl {
    struct rec_limits limits;
    enum rec_state state;
    struct arena arena;
    struct rec_names names;
    struct rec_node *nodes;
    struct rec_index *node_index;
    struct rec_attr *attrs;
    struct rec_index *attr_index;
    uint32_t cap_nodes, cap_attrs;
    uint32_t *last_child; /* beside nodes, while building */
    uint32_t open, depth; /* the open element, or REC_NONE */
    bool may_attr;        /* directly behind rec_open */
    bool root_closed;
    struct buf text; /* pending text */
    size_t bytes;    /* of the encoding so far, an upper bound */
};

static inline struct rec_impl *rec_impl(const struct rec *r) { return r->impl; }

void rec_names_clear(struct rec_names *t);
void rec_names_reset(struct rec_names *t);
/* The index of s, added (copied into the arena) when new. LIMIT, NOMEM. *ret_new when it was added. */
int rec_names_add(struct rec_names *t, struct arena *a, struct str s, uint16_t *ret, bool *ret_new) GW_MUST_CHECK;
/* Appends s, borrowed, without looking for it. */
int rec_names_append(struct rec_names *t, struct str s) GW_MUST_CHECK;
/* True when no two names are alike. */
bool rec_names_distinct(const struct rec_names *t);

int rec_grow_nodes(struct rec *r, uint32_t want) GW_MUST_CHECK;
int rec_grow_attrs(struct rec *r, uint32_t want) GW_MUST_CHECK;
/* Everything that holds for a sealed record, read from its public fields and the names. */
int rec_check(const struct rec *r) GW_MUST_CHECK;
bool rec_ncname(struct str s);

#endif
