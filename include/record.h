/* SPDX-License-Identifier: GPL-3.0-or-later
 * The stanza record: the one neutral form of a stanza between the two edges (PROTOCOL.md, "The record"). What it has no
 * place for cannot cross. A record is built or decoded, sealed, and never changed after that. */
#ifndef LOCKGATE_RECORD_H
#define LOCKGATE_RECORD_H

#include "buf.h"

#define REC_VERSION 1
#define REC_NONE UINT32_MAX

/* Limits of one record; what a configuration allows is at most REC_HARD_LIMITS. */
struct rec_limits {
    size_t bytes;    /* encoded */
    uint32_t depth;  /* of elements, the stanza element is 1 */
    uint32_t nodes;  /* elements and text pieces */
    uint32_t attrs;  /* of one element */
};
#define REC_HARD_LIMITS ((struct rec_limits){ 16u << 20, 256, 65536, 256 })

enum rec_kind { REC_MESSAGE, REC_PRESENCE, REC_IQ, REC_KINDS };
const char *rec_kind_name(enum rec_kind k); /* "message" */

struct rec_attr { struct str ns, name, value; }; /* ns empty: no namespace */

/* Elements and text pieces in document order: a node's descendants follow it directly. Node 0 is the stanza element
 * itself ("jabber:server", kind); its attrs hold only attributes other than from, to, id, type, xml:lang. Two text pieces
 * never stand side by side. */
struct rec_node {
    bool is_text;
    uint32_t parent, first_child, next; /* REC_NONE where there is none; next: next sibling */
    uint32_t first_attr, n_attrs;       /* elements */
    struct str ns, name;                /* elements */
    struct str text;                    /* text pieces: characters, not XML */
};

/* Read-only for everybody but record itself. Strings live as long as the record (a decoded record borrows the bytes that
 * it was decoded from). An absent attribute has p == NULL; an empty one has p != NULL, n == 0. */
struct rec {
    enum rec_kind kind;
    struct str type, id, lang;
    struct str from, to;               /* prepared (jid.h) */
    struct str from_raw, to_raw;       /* as received, where that differs; for the journal only, never written to a stream */
    struct str from_domain, to_domain; /* the authenticated domain pair of the stream, prepared */
    const struct rec_node *nodes;
    const struct rec_attr *attrs;
    uint32_t n_nodes, n_attrs;
    /* private */
    void *impl;
};

/* ---- building ---- */
struct rec *rec_new(const struct rec_limits *limits); /* NULL: no memory */
void rec_free(struct rec *r);
/* Empties a record for the next use, keeps its memory. */
void rec_reset(struct rec *r);
/* The heads; strings are copied. absent: STR_NONE. */
int rec_head(struct rec *r, enum rec_kind kind, struct str type, struct str id, struct str lang) GW_MUST_CHECK;
int rec_address(struct rec *r, struct str from, struct str to, struct str from_raw, struct str to_raw) GW_MUST_CHECK;
int rec_pair(struct rec *r, struct str from_domain, struct str to_domain) GW_MUST_CHECK;
/* The tree, in document order; the first rec_open is the stanza element. All copy. Errors: LIMIT, NOMEM, SYNTAX (a name
 * that is no NCName, bytes that are not XML characters in UTF-8, an attribute twice). Consecutive text is joined. */
int rec_open(struct rec *r, struct str ns, struct str name) GW_MUST_CHECK;
int rec_attr_add(struct rec *r, struct str ns, struct str name, struct str value) GW_MUST_CHECK;
int rec_text(struct rec *r, struct str text) GW_MUST_CHECK;
int rec_close(struct rec *r) GW_MUST_CHECK;
/* A copy of an element of a sealed record with all below it, as the next child of what is open. Errors as above. */
int rec_copy(struct rec *to, const struct rec *from, uint32_t node) GW_MUST_CHECK;
/* Ends building: everything closed, heads set, rec_check holds. */
int rec_seal(struct rec *r) GW_MUST_CHECK;

/* ---- the wire ---- */
int rec_encode(const struct rec *r, struct buf *out) GW_MUST_CHECK;
/* Its stub: kind, type, id, addresses and pair of a sealed record, and an empty stanza element. */
int rec_encode_stub(const struct rec *r, bool with_id, struct buf *out) GW_MUST_CHECK;
/* bytes must outlive the record. The result is sealed and fully checked: lengths, nesting, UTF-8, XML characters, names,
 * JIDs in prepared form, domains of from and to equal to the pair. decode(encode(x)) equals x. SYNTAX, LIMIT, NOMEM, MISMATCH. */
int rec_decode(struct str bytes, const struct rec_limits *limits, struct rec **ret) GW_MUST_CHECK;
/* The same into a record that is used again (reset first). */
int rec_decode_into(struct str bytes, struct rec *r) GW_MUST_CHECK;
bool rec_equal(const struct rec *a, const struct rec *b); /* raw addresses do not count */

/* ---- walking ---- */
/* First child element of node with this name and namespace (ns.p == NULL: any), after `after` (REC_NONE: from the start). */
uint32_t rec_child(const struct rec *r, uint32_t node, struct str ns, struct str name, uint32_t after);
/* Attribute value, or STR_NONE. */
struct str rec_attr_get(const struct rec *r, uint32_t node, struct str ns, struct str name);
/* The node behind the whole subtree of node (n_nodes at the end). */
uint32_t rec_skip(const struct rec *r, uint32_t node);

/* ---- changing: a new record from an old one ---- */
enum rec_edit_op {
    REC_DROP,      /* the node and all below it */
    REC_REPLACE,   /* bytes [off, off+len) of a text piece, or of an attribute value when attr != REC_NONE, by `with` */
    REC_SET_ATTR,  /* add or replace attribute ns/name of node */
    REC_DROP_ATTR, /* attrs[attr] of node */
    REC_SET_ID, REC_SET_FROM, REC_SET_TO, REC_SET_TYPE /* heads, by `with` */
};
struct rec_edit {
    enum rec_edit_op op;
    uint32_t node, attr; /* attr: index into r->attrs */
    size_t off, len;
    struct str ns, name, with;
};
/* Applies all edits to a sealed record; edits of one text must not overlap (sorted or not). The result is sealed and
 * checked. SYNTAX (an edit does not fit, or the result breaks a rule of the record), LIMIT, NOMEM. */
int rec_apply(const struct rec *in, const struct rec_edit *edits, size_t n, struct rec **ret) GW_MUST_CHECK;

/* ---- answers that the gateway makes ---- */
/* The error answer to a stanza (RFC 6120 section 8.3): addresses and pair swapped, same id and kind, type='error', no
 * content echoed. condition: "policy-violation"; error_type: "cancel"...; text may be empty; app_ns/app_name: an
 * application-specific condition or empty. Returns PROTO when the stanza must not be answered (type error; iq result). */
int rec_error_answer(const struct rec *in, struct str error_type, struct str condition, struct str text, struct str app_ns,
    struct str app_name, struct rec **ret) GW_MUST_CHECK;

#endif
