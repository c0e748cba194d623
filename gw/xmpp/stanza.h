/* SPDX-License-Identifier: GPL-3.0-or-later
 * One stanza on its way from parser callbacks into a record; and the small elements of stream negotiation. */
#ifndef LOCKGATE_XMPP_STANZA_H
#define LOCKGATE_XMPP_STANZA_H

#include "reader.h"
#include "record.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"
#define NS_CLIENT "jabber:client"
#define NS_DIALBACK "jabber:server:dialback"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_STANZA_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_F_DIALBACK "urn:xmpp:features:dialback"
#define NS_F_BIDI "urn:xmpp:features:bidi"
#define NS_SM "urn:xmpp:sm:3"
#define NS_LIMITS "urn:xmpp:stream-limits:0"

#define XML_DEPTH_MAX 256   /* of anything; a record cannot be deeper either */

/* ---- a stanza (stanza.c) ---- */
struct stanza {
    struct rec *r;       /* NULL: none is being read */
    const struct rec_limits *limits;
    bool client;         /* jabber:client is read as jabber:server */
    size_t name_max, text_max;           /* bytes; 0: no limit of its own */
    uint32_t children_max;               /* likewise; at most 65535 */
    size_t run;                          /* bytes of text since the last tag */
    uint16_t children[XML_DEPTH_MAX + 1]; /* of the open element at each depth */
    uint32_t elements;
    struct fault fault;  /* what is wrong with it; the stream itself may go on */
};
bool stanza_is(const struct xml_name *n, bool client);
/* depth counts from 1 for the stanza element. Errors are kept in fault; after one the rest is passed over. */
void stanza_start(struct stanza *st, unsigned depth, const struct xml_name *n, const char **atts);
void stanza_text(struct stanza *st, struct str text);
void stanza_end(struct stanza *st);
void stanza_drop(struct stanza *st);
/* A record of the heads alone, for a stanza that came in full but that no record takes, or of whose addresses the domains alone are good.
 * NULL: not even those are, or no memory. */
struct rec *stanza_heads(const struct stanza *st);

/* ---- a nonza: any other first-level element (nonza.c) ---- */
#define NONZA_PARTS 128
struct nonza_part {
    unsigned depth; /* the first-level element is 1 */
    struct str ns, name;
    size_t text, text_n; /* in struct nonza's text: what came before its first child */
};
struct nonza {
    struct arena mem;
    struct buf text;
    struct nonza_part *part; /* NONZA_PARTS of them, in mem; NULL between two elements */
    unsigned n, depth;
    struct str from, to, id, type, mechanism, h; /* attributes of the first-level element; absent: p == NULL */
    struct fault fault;
};
void nonza_init(struct nonza *z, size_t max);
void nonza_clear(struct nonza *z);
void nonza_reset(struct nonza *z);
void nonza_start(struct nonza *z, const struct xml_name *n, const char **atts);
void nonza_text(struct nonza *z, struct str text);
void nonza_end(struct nonza *z);
bool nonza_is(const struct nonza *z, unsigned part, const char *ns, const char *name);
struct str nonza_text_of(const struct nonza *z, unsigned part); /* white space at both ends taken off */

#endif
