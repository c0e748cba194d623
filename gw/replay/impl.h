/* SPDX-License-Identifier: GPL-3.0-or-later
 * The reader of captures from the inside: packets (frame, fragment), connections (flow, segment), streams (talk), events (capture). */
#ifndef LOCKGATE_REPLAY_IMPL_H
#define LOCKGATE_REPLAY_IMPL_H

#include "replay.h"
#include "siphash.h"
#include "wire.h"
#include "xmpp.h"

/* ---- packets ---- */
#define TCP_FIN 1u
#define TCP_SYN 2u
#define TCP_RST 4u
#define TCP_ACK 16u
struct packet {
    struct net_addr src, dst;
    uint32_t seq, ack;
    unsigned flags;
    struct str payload; /* borrowed from the frame, or from struct fragments */
    size_t missing;     /* payload bytes behind it that the capture cut off */
};
enum frame_result {
    FRAME_TCP,
    FRAME_OTHER,    /* not IP, or not TCP */
    FRAME_UNREAD,   /* broken, too short, a tunnel, IPsec */
    FRAME_FRAGMENT  /* kept, or dropped with a note */
};

/* ---- fragments (fragment.c) ---- */
#define FRAGMENTS_MAX 128 /* datagrams under way */
#define DATAGRAM_MAX 65535
struct datagram;
struct fragments {
    struct datagram *list; /* newest first */
    size_t n;
    struct datagram *whole; /* the last one that was completed */
};
struct fragment {
    struct net_addr src, dst;
    uint32_t id;
    uint8_t proto; /* of the payload; counts in the first fragment */
    size_t off;
    bool more;
    struct str bytes;
};

/* ---- connections ---- */
#define HISTORY_BYTES (32 * 1024) /* delivered bytes kept, against which a repeated segment is compared */
#define HELD_MAX (4u << 20)       /* bytes of one direction that wait for a missing segment */
#define HELD_PIECES 16384         /* in how many pieces: each new one may have to pass them all */
#define AHEAD_MAX (64u << 20)     /* a segment further ahead than this belongs to something else */
struct held {
    struct held *next;
    uint64_t at; /* stream position */
    int64_t time_us;
    uint64_t packet;
    size_t n;
    unsigned char bytes[];
};
struct half {
    bool known;            /* a segment was seen: seq_next means something */
    bool started;          /* the stream's first byte is known, or was decided on */
    bool from_start;       /* by a SYN */
    uint32_t seq_next;     /* sequence number of stream position `next` */
    uint64_t next;         /* position behind the last byte delivered; MIDDLE_AT at the beginning */
    uint64_t begin;        /* where reading began */
    uint64_t acked;        /* highest position that the peer acknowledged */
    int64_t gap_us;        /* when the peer first acknowledged what is missing here; 0: it has not */
    unsigned gap_packets, waited;
    int64_t first_us;
    struct held *held, *last; /* by position, not overlapping */
    size_t held_bytes, held_n;
    struct buf history;
    bool said_truncated, said_conflict;
};
#define MIDDLE_AT ((uint64_t)1 << 40) /* where a stream without beginning begins: earlier segments may still come */

/* ---- streams (talk.c) ---- */
enum talk_state {
    TALK_SNIFF,   /* its first bytes are due */
    TALK_XML,
    TALK_SEEK,    /* behind a gap, or without beginning: the next stanza is looked for */
    TALK_ASKED,   /* asked for STARTTLS: what follows is kept until the answer is known */
    TALK_OPAQUE,  /* encrypted or compressed */
    TALK_OVER     /* not XMPP, faulty, or lost */
};
struct talk {
    enum talk_state state;
    struct xp *xp;
    bool client, header, guessed, middle;
    struct buf wait; /* SNIFF, SEEK, ASKED */
    uint64_t sought; /* bytes passed over in SEEK */
    unsigned wrong;    /* guesses that were wrong */
    bool expect_tls;   /* OPAQUE: its first bytes are still to be looked at */
};

struct flow {
    struct flow *chain;        /* of its row */
    struct flow *newer, *older; /* by last packet */
    uint64_t number;
    struct net_addr end[2];    /* end[0]: who was seen first; with a SYN: who opened it */
    struct half half[2];       /* half[i]: what end[i] sends */
    struct talk talk[2];
    bool port;                 /* one of its ports is for XMPP */
    bool xmpp, encrypted;
    bool said_other, learned;
};

#define FLOW_ROWS 4096
struct flows {
    struct flow *row[FLOW_ROWS];
    struct flow *newest, *oldest;
    size_t n, max;
};

/* ---- events (capture.c) ---- */
struct queued {
    struct queued *next;
    struct replay_event ev;
    struct rec *stanza;
    char text[]; /* detail, stanza_from, stanza_to, kind */
};
struct replay {
    void *pcap;
    int dlt;
    struct replay_conf conf;
    struct replay_stats stats;
    struct fragments fragments;
    struct flows flows;
    struct queued *first, **last, *current;
    int64_t now_us;   /* of the packet that is being read */
    int64_t checked_us;
    uint64_t packet;
    size_t memory;    /* held segments, histories and streams */
    bool end, wound_up;
    int err;          /* sticky: out of memory */
};

/* capture.c */
void replay_fail(struct replay *r, int err);
void replay_note(struct replay *r, const struct flow *f, int dir, enum replay_note note, enum gw_reason reason, const char *detail,
    uint64_t bytes);
/* Takes the stanza. */
void replay_stanza(struct replay *r, const struct flow *f, int dir, struct rec *stanza, size_t bytes);
void replay_bad_stanza(struct replay *r, const struct flow *f, int dir, const struct xp_event *x);

/* frame.c: from a link-layer frame to a TCP segment. */
bool frame_knows(int dlt);
enum frame_result frame_read(struct replay *r, const unsigned char *p, size_t n, struct packet *ret);

/* fragment.c: true when the datagram is whole: *ret_bytes (until the next call) and *ret_proto. */
bool fragment_take(struct replay *r, const struct fragment *f, struct str *ret_bytes, uint8_t *ret_proto);
void fragment_clear(struct replay *r, bool say);

/* flow.c: the connection of a packet. */
struct flow *flow_of(struct replay *r, const struct packet *p, int *ret_dir); /* NULL: no memory */
void flow_renew(struct replay *r, struct flow *f, int opener); /* another connection between the same ends begins */
bool flow_end_one(struct replay *r); /* false: there is none any more */
void flow_check_all(struct replay *r); /* once for each second of the capture: time runs out for quiet connections too */
/* While too much memory is held: the connection that was quiet longest goes, but not `keep`. */
void flow_relieve(struct replay *r, const struct flow *keep);

/* segment.c: one segment into its half. */
void segment_take(struct replay *r, struct flow *f, int dir, const struct packet *p);
void segment_flush(struct replay *r, struct flow *f, int dir); /* no more comes: what is held goes on, gaps are named */
void half_clear(struct replay *r, struct half *h);
void segment_check(struct replay *r, struct flow *f); /* whether time has run out for what is waited for */

/* talk.c: bytes in order. fresh: they begin a segment. */
void talk_bytes(struct replay *r, struct flow *f, int dir, struct str bytes, bool fresh);
void talk_gap(struct replay *r, struct flow *f, int dir, uint64_t missing); /* missing 0: the beginning of the stream is not there */
void talk_end(struct replay *r, struct flow *f, int dir);
void talk_clear(struct replay *r, struct talk *t);
/* Nothing of this direction will be read any more. */
static inline bool talk_is_over(const struct talk *t) { return t->state == TALK_OVER || (t->state == TALK_OPAQUE && !t->expect_tls); }

/* seek.c: a first-level element that can be told: it begins a segment (servers write whole stanzas; SIZE_MAX: none begins in s), or stands
 * behind another stanza's end. A stanza that is carried inside another stands at neither. */
bool seek_beginning(struct str s, size_t fresh_at, size_t *ret);

/* hello.c: what a TLS ClientHello names in clear: server name and application protocol. 1: written to out ("" when it names
 * nothing); 0: more bytes are needed; -1: no ClientHello. */
#define HELLO_TEXT 160
int hello_read(struct str bytes, char out[HELLO_TEXT], bool *ret_xmpp);

#endif
