/* SPDX-License-Identifier: GPL-3.0-or-later
 * One XML stream between servers (RFC 6120, XEP-0178, XEP-0220, XEP-0199): bytes in, events and bytes out. No socket, no TLS, no
 * clock: whoever calls does those. */
#ifndef LOCKGATE_XMPP_H
#define LOCKGATE_XMPP_H

#include "reason.h"
#include "record.h"

#define XS_NS_STREAM "http://etherx.jabber.org/streams"
#define XS_NS_SERVER "jabber:server"

enum xs_role { XS_INITIATING, XS_RECEIVING };
struct xs_conf {
    enum xs_role role;
    struct rec_limits limits;
    size_t header_bytes;   /* of a stream header; 0: 8 KiB */
    size_t stanza_bytes;   /* as received, XML; 0: 256 KiB; at least header_bytes */
    size_t token_bytes;    /* of one tag; 0: 64 KiB; at least header_bytes */
    size_t name_bytes;     /* of one name or namespace's name in a stanza; 0: 1 KiB, which is the most */
    size_t text_bytes;     /* of one attribute's value or one run of text in a stanza; 0: as the stanza */
    uint32_t children;     /* elements directly inside one element of a stanza; 0: as limits.nodes */
    bool offer_starttls;   /* receiving, before TLS: offer it, <required/>; initiating: demand it. false: TLS is there already (direct) */
    bool offer_external;   /* receiving, after TLS: offer SASL EXTERNAL */
    bool dialback;         /* receiving: offer and accept it; initiating: the caller may use it */
    bool manage;           /* receiving, after SASL: offer stream management (XEP-0198), without resumption */
    bool spare_stream;     /* a stanza that no record takes (too deep, too many elements ...) does not end the stream: XS_STANZA then
                              comes with reason and detail set and a record of its heads alone, to be journalled and answered, never
                              passed on. Anybody behind the peer can send such a stanza. false: a stream error, policy-violation */
    /* initiating: what the stream header says */
    struct str from, to;
};
struct xs;
struct xs *xs_new(const struct xs_conf *conf); /* copies; NULL: no memory */
void xs_free(struct xs *s);

enum xs_event_type {
    XS_NONE,        /* nothing more; feed */
    XS_HEADER,      /* the peer's stream header (again after each restart): from, to, id (may be absent). RECEIVING: answer with
                       xs_accept or xs_fail before anything else is read */
    XS_STARTTLS,    /* both sides agreed: flush output, do the handshake, then xs_tls_done. Bytes fed behind it: TLS_INJECTION */
    XS_FEATURES,    /* initiating, after TLS: what the peer offers (offers); the caller goes on with xs_external or xs_db_result */
    XS_AUTH,        /* receiving: <auth mechanism='EXTERNAL'>, authzid (may be empty: then the header's from): answer with xs_auth */
    XS_READY,       /* SASL is done, stream restarted: stanzas may be written (initiating) or will come (receiving) */
    XS_AUTH_FAILED, /* initiating: <failure/>; condition */
    XS_DB_RESULT,   /* receiving: from, to, key: answer with xs_db_reply(result). initiating: the answer: from, to, type valid|invalid|error */
    XS_DB_VERIFY,   /* receiving: from, to, id, key: answer with xs_db_reply(verify). initiating: the answer: from, to, id, type */
    XS_STANZA,      /* stanza; the caller owns it. reason other than NONE: see xs_conf.spare_stream. Pair not yet set: the caller checks the domains and calls rec_pair, rec_seal */
    XS_MANAGED,     /* receiving: the peer switched stream management on; stanzas count from here */
    XS_HANDLED,     /* receiving: it asks how many are handled: answer with xs_handled */
    XS_SPACE,       /* white space between stanzas */
    XS_PEER_ERROR,  /* the peer's stream error: condition, text */
    XS_CLOSE,       /* the peer's </stream:stream> (output has ours, unless it was sent) */
    XS_FAIL         /* we end it: condition (stream error, already in the output with the end tag), reason, detail. Comes once, also
                       after the caller's own xs_fail */
};
#define XS_OFFER_STARTTLS 1u
#define XS_OFFER_EXTERNAL 2u
#define XS_OFFER_DIALBACK 4u
#define XS_OFFER_BIDI 8u
#define XS_OFFER_SM 16u
struct xs_event {
    enum xs_event_type type;
    struct str from, to, id, key, db_type, authzid, condition, text; /* borrowed until the next xs_next */
    unsigned offers;
    int64_t max_bytes; /* XEP-0478: the peer's advertised stanza limit, 0: none */
    struct rec *stanza;
    size_t bytes; /* of the stanza as received */
    enum gw_reason reason;
    const char *detail; /* static, for the journal: "DTD", "two roots" ... */
};
/* from and to of XS_HEADER, XS_DB_RESULT and XS_DB_VERIFY are prepared domains (jid.h); a header's from or to that is absent or
 * empty comes as absent. An answer to a dialback question that was not asked on this stream never gets here: it ends the stream. */
/* Bytes from the peer (already decrypted). All are kept; events then come from xs_next. LIMIT when more than 1 MiB wait. */
int xs_feed(struct xs *s, const void *p, size_t n) GW_MUST_CHECK;
/* The next event; ev->type XS_NONE when more bytes are needed. After XS_FAIL or XS_CLOSE nothing more comes. The stream stops
 * behind XS_HEADER (receiving), XS_STARTTLS, XS_AUTH until it was answered. 0 or NOMEM. */
int xs_next(struct xs *s, struct xs_event *ev) GW_MUST_CHECK;
/* Nothing came for a while: gives back what only a busy stream needs (some 15 to 60 KiB; 2 KiB stay). What comes next is read as if nothing
 * had happened, at the price of the header being parsed once more. No effect while anything is under way. */
void xs_rest(struct xs *s);
/* Bytes to send; the caller takes them with buf_drop. */
struct buf *xs_out(struct xs *s);

/* ---- what the caller says ---- */
int xs_start(struct xs *s) GW_MUST_CHECK; /* initiating: writes the stream header (XML declaration first) */
/* receiving: answers the header: local is who we are on this stream; id: a fresh unguessable one (each restart). */
int xs_accept(struct xs *s, struct str local, struct str id) GW_MUST_CHECK;
int xs_tls_done(struct xs *s) GW_MUST_CHECK; /* parser is fresh; initiating: writes the header again */
/* receiving: whether, with the certificate now known, EXTERNAL is offered to this peer (XEP-0178: only when it would succeed). Call
 * before xs_accept of the header that follows TLS. */
void xs_set_external(struct xs *s, bool offer);
int xs_auth(struct xs *s, bool ok, const char *failure) GW_MUST_CHECK; /* receiving: success, or <failure><not-authorized/>...; after
    failures the peer may try again, at most 3 times */
int xs_external(struct xs *s, struct str authzid) GW_MUST_CHECK;  /* initiating */
int xs_db_result(struct xs *s, struct str from, struct str to, struct str key) GW_MUST_CHECK;  /* initiating */
int xs_db_verify(struct xs *s, struct str from, struct str to, struct str id, struct str key) GW_MUST_CHECK; /* initiating */
/* receiving: answers a db:result (verify false) or db:verify (true); type "valid", "invalid" or "error"; condition for error
 * ("item-not-found"...), else NULL. from and to as in the answer (we are from). id for verify. Nothing is written when the
 * question is void meanwhile (the stream was restarted or is over). */
int xs_db_reply(struct xs *s, bool verify, struct str from, struct str to, struct str id, const char *type,
    const char *condition) GW_MUST_CHECK;
int xs_handled(struct xs *s, uint32_t h) GW_MUST_CHECK; /* receiving: <a h='...'/>; nothing where stream management is not on */
int xs_write(struct xs *s, struct str stanza) GW_MUST_CHECK; /* as xs_serialise made it (not alone); after XS_READY, or a valid dialback */
int xs_space(struct xs *s) GW_MUST_CHECK;      /* a white-space keepalive; does nothing while one would do harm */
/* condition must outlive the stream (a literal). When no header was written yet, one is (RFC 6120 section 4.9.1.2). */
int xs_fail(struct xs *s, const char *condition, enum gw_reason reason, const char *text) GW_MUST_CHECK; /* stream error + end tag */
int xs_end(struct xs *s) GW_MUST_CHECK;        /* </stream:stream>; then wait for XS_CLOSE */
struct str xs_peer_id(const struct xs *s);     /* initiating: the id that the receiving entity gave */
struct str xs_own_id(const struct xs *s);      /* receiving: the id that we gave */

/* ---- apart from a stream ---- */
/* One stanza as XML (what xs_write takes): one normal form, no prefixes, character references for TAB LF CR and
 * everything that needs it; xmlns as in a jabber:server stream (alone = true: xmlns='jabber:server' written out). */
int xs_serialise(const struct rec *r, bool alone, struct buf *out) GW_MUST_CHECK;
/* One stanza from XML text of its own (explain, tests): same parser, same limits; default namespace jabber:server, and jabber:client
 * is read as jabber:server when `client` is set. pair: from its own addresses. SYNTAX etc.; *ret_detail says what (static). */
int xs_parse_stanza(struct str xml, bool client, const struct rec_limits *limits, struct rec **ret, const char **ret_detail) GW_MUST_CHECK;
/* XEP-0185 dialback key: hex HMAC-SHA256(hex SHA256(secret), "receiving originating id"). out: 65 bytes. */
int xs_db_key(struct str secret, struct str receiving, struct str originating, struct str id, char out[65]) GW_MUST_CHECK;

/* ---- a stream overheard (passive.c): one direction of it, from a capture. Nothing is answered, and nothing is assumed about what the
 * other direction said. Server streams and client streams. ---- */
enum xp_event_type {
    XP_NONE,      /* nothing more; feed */
    XP_HEADER,    /* a stream header, also after a restart: from, to as they stand there (may be absent), client */
    XP_STANZA,    /* stanza, sealed, pair from its own addresses; the caller owns it */
    XP_BAD,       /* a stanza that no record holds: reason, detail, kind, and from, to as they stand there; the stream goes on */
    XP_STARTTLS,  /* the question: what follows is left unread (xp_rest) until xp_next is called again */
    XP_PROCEED,   /* the answer: TLS follows, and is left unread */
    XP_COMPRESSED,/* likewise, of XEP-0138 */
    XP_BOUND,     /* a server told a client its address (to); the answer itself comes as XP_BAD or XP_STANZA after it */
    XP_OTHER,     /* another first-level element */
    XP_CLOSE,     /* end of the document */
    XP_FAULT      /* a stream that must be closed: reason, detail. Nothing more comes; xp_rest is empty */
};
struct xp_event {
    enum xp_event_type type;
    struct str from, to, kind; /* borrowed until the next xp_next */
    bool client;
    struct rec *stanza;
    size_t bytes;
    enum gw_reason reason;
    const char *detail; /* static */
};
struct xp;
struct xp *xp_new(const struct rec_limits *limits, size_t header_bytes, size_t stanza_bytes); /* NULL: no memory */
void xp_free(struct xp *x);
/* Begins in the middle: what is fed next stands between two first-level elements of a stream. Forgets what was fed. 0 or NOMEM. */
int xp_middle(struct xp *x, bool client) GW_MUST_CHECK;
/* Client streams leave addresses out (RFC 6120 section 8.1): these stand for an absent from or to. Copied; absent: none. */
int xp_identity(struct xp *x, struct str from, struct str to) GW_MUST_CHECK;
int xp_feed(struct xp *x, const void *p, size_t n) GW_MUST_CHECK; /* LIMIT, NOMEM */
int xp_next(struct xp *x, struct xp_event *ev) GW_MUST_CHECK;     /* 0 or NOMEM */
struct str xp_rest(const struct xp *x);                           /* bytes behind the last finished element; until the next call */

#endif
