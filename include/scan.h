/* SPDX-License-Identifier: GPL-3.0-or-later
 * What guard and scanner tell each other about text: pieces in, matches out (PROTOCOL.md, "Scanning"). */
#ifndef LOCKGATE_SCAN_H
#define LOCKGATE_SCAN_H

#include "wire.h"

/* Where a piece of text stands, so that rules can say what they look at. */
#define SCAN_PLACES(X) X(BODY, "body") X(SUBJECT, "subject") X(STATUS, "status") X(NICK, "nick") X(THREAD, "thread") \
    X(XHTML, "xhtml") X(FORM, "form") X(PUBSUB, "pubsub") X(VCARD, "vcard") X(FORWARDED, "forwarded") X(RESOURCE, "resource") \
    X(ID, "id") X(ATTRIBUTE, "attribute") X(OTHER, "other")
enum scan_place {
#define X(name, text) SCAN_AT_##name,
    SCAN_PLACES(X)
#undef X
    SCAN_PLACE_COUNT
};
const char *scan_place_name(enum scan_place p);

#define SCAN_SEGMENTS_MAX 8192
/* One piece: a text node, an attribute value or an address part of a record. group: pieces that a reader sees as one run of
 * text (the spans of one XHTML paragraph) share a number, so that what is split over them is found. */
struct scan_segment {
    uint32_t node, attr; /* of the record; attr REC_NONE: the text itself */
    uint32_t group;
    uint8_t place;
    struct str text;
};
/* Facts that scanners hand to YARA as external variables. */
struct scan_facts { struct str direction, kind, from, to, from_domain, to_domain, label, payload; };
struct scan_request {
    struct scan_facts facts;
    const struct scan_segment *segments;
    size_t n_segments;
    struct str rebuilt; /* the stanza as text (names, attributes, text in document order), or empty */
};
/* TEXT: about the text itself: characters that matching ignored ("invisible", "bidi", "tag", "overlay"). NOTED: a DLP detector in
 * log-only mode: for the journal, never for a decision. */
enum scan_source { SCAN_YARA, SCAN_DLP, SCAN_TEXT, SCAN_NOTED, SCAN_SOURCES };
#define SCAN_MATCHES_MAX 1000
/* What a YARA rule says of itself (meta severity, action, id), in the words that release rules know. UNREAD: it says something else, so
 * what it meant cannot be told. */
#define SCAN_SEVERITIES(X) X(INFO, "info") X(LOW, "low") X(MEDIUM, "medium") X(HIGH, "high") X(CRITICAL, "critical")
#define SCAN_ACTIONS(X) X(REJECT, "reject") X(DROP, "drop") X(HOLD, "hold") X(REDACT, "redact") X(STRIP, "strip") X(ALERT, "alert")
#define X(name, text) SCAN_SEV_##name,
enum scan_severity { SCAN_SEV_NONE, SCAN_SEVERITIES(X) SCAN_SEV_UNREAD, SCAN_SEV_COUNT };
#undef X
#define X(name, text) SCAN_ACT_##name,
enum scan_action { SCAN_ACT_NONE, SCAN_ACTIONS(X) SCAN_ACT_UNREAD, SCAN_ACT_COUNT };
#undef X
#define SCAN_ID_MAX 1000000000u
#define SCAN_ID_UNREAD UINT32_MAX
struct scan_meta { uint8_t severity, action; uint32_t id; }; /* id 0: none */
/* The words in their order, then NULL: word i is value i + 1. */
extern const char *const scan_severity_words[], *const scan_action_words[];
/* One match. A span that covers several segments comes as several matches with the same `hit`. node and attr are those of the
 * segment; the guard checks that the span lies inside it and on character boundaries. seg == UINT32_MAX: no span. */
struct scan_match {
    uint8_t source; /* enum scan_source */
    uint32_t hit;
    uint32_t seg;
    uint32_t off, len; /* bytes of the segment's text */
    uint8_t confidence; /* DLP: 0..100 */
    struct scan_meta meta; /* YARA; else nothing */
    struct str rule;    /* YARA rule name or DLP detector id */
};
enum scan_status { SCAN_DONE, SCAN_UNKNOWN };
struct scan_result {
    uint8_t status;
    uint64_t yara_ns, dlp_ns;
    struct scan_match *matches;
    size_t n_matches;
};
/* Codecs (gw/ipc). Decoded arrays live in the arena, strings borrow from the bytes. SYNTAX, LIMIT, NOMEM. */
int scan_request_put(struct buf *b, const struct scan_request *r) GW_MUST_CHECK;
int scan_request_get(struct str bytes, struct arena *a, struct scan_request *ret) GW_MUST_CHECK;
int scan_result_put(struct buf *b, const struct scan_result *r) GW_MUST_CHECK;
int scan_result_get(struct str bytes, struct arena *a, struct scan_result *ret) GW_MUST_CHECK;

#endif
