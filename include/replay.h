/* SPDX-License-Identifier: GPL-3.0-or-later
 * A capture (pcap, pcapng) read again: packets to TCP streams, TCP streams to XMPP streams, XMPP streams to stanza records. Offline
 * only; no length field is believed; what cannot be read is named and never guessed at. */
#ifndef LOCKGATE_REPLAY_H
#define LOCKGATE_REPLAY_H

#include <stdio.h>

#include "net.h"
#include "reason.h"
#include "record.h"

/* What is said about a capture beside its stanzas. X(name, code, sentence) */
#define REPLAY_NOTES(X) \
    X(MIDDLE, "middle", "the stream began before the capture did: read from the first stanza that can be told") \
    X(GAP, "gap", "bytes are missing in the capture: a stanza there is lost, reading goes on with the next that can be told") \
    X(CONFLICT, "conflict", "two copies of the same bytes differ: the copy that came first was read") \
    X(TRUNCATED, "truncated", "packets were cut short when they were captured (snap length)") \
    X(STARTTLS, "starttls", "encrypted from here on (STARTTLS)") \
    X(DIRECT_TLS, "direct-tls", "encrypted from its first byte (TLS)") \
    X(MIDDLE_TLS, "middle-tls", "encrypted (TLS records, from the middle of a connection)") \
    X(INJECTED, "injected", "clear bytes behind starttls, before any handshake: a gateway closes such a stream") \
    X(COMPRESSED, "compressed", "compressed from here on: not read") \
    X(NOT_XMPP, "not-xmpp", "a connection to an XMPP port that does not speak XMPP") \
    X(FAULT, "fault", "not acceptable as an XMPP stream: a gateway closes it here, what follows in this direction is not judged") \
    X(LOST, "lost", "no further stanza could be told: the rest of this direction is not judged") \
    X(STANZA, "stanza", "a stanza that no record can hold: a gateway refuses it") \
    X(LIMIT, "limit", "a limit of the reader was reached: something was let go unread") \
    X(FRAGMENT, "fragment", "IP fragments that could not be put together") \
    X(END, "end", "the capture file is damaged or cut off: read up to here")
enum replay_note {
#define X(name, code, text) REPLAY_N_##name,
    REPLAY_NOTES(X)
#undef X
    REPLAY_N_COUNT
};
const char *replay_note_code(enum replay_note n);
const char *replay_note_text(enum replay_note n);

/* 0 or empty: the defaults named here. */
struct replay_conf {
    struct rec_limits limits; /* of a stanza; default: 256 KiB, depth 32, 2000 nodes, 32 attributes */
    size_t stanza_bytes;      /* of a stanza as it stands in the stream; 256 KiB */
    size_t memory;            /* bytes held for segments and streams, all together; 256 MiB */
    size_t flows;             /* TCP connections remembered at once; 8192. The one that was quiet longest goes first */
    const uint16_t *ports;    /* where XMPP is expected; 5222, 5223, 5269, 5270. On others it is found, but its absence is not worth a note */
    size_t n_ports;
    uint64_t tick;            /* packets from one TICK to the next; 0: none */
};

/* TICK: nothing but a chance to show progress. */
enum replay_event_type { REPLAY_DONE, REPLAY_STANZA, REPLAY_NOTE, REPLAY_TICK };
struct replay_event {
    enum replay_event_type type;
    int64_t time_us;          /* capture time of the packet that completed it, Unix time in microseconds */
    uint64_t packet;          /* its number in the file, from 1 */
    uint64_t flow;            /* TCP connection, from 1; 0: none (IP fragments, the file) */
    struct net_addr from, to; /* of this direction, with ports; family 0: none */
    /* STANZA */
    const struct rec *stanza; /* sealed; its pair is that of its own addresses */
    bool client;              /* from a client stream (jabber:client) */
    bool guessed;             /* its beginning was told from the bytes alone: behind a gap, or in a stream without beginning */
    /* NOTE */
    enum replay_note note;
    enum gw_reason reason;    /* FAULT, STANZA: what a gateway would record; else GW_R_NONE */
    struct str detail;        /* may be empty */
    struct str stanza_from, stanza_to, kind; /* STANZA: as they stood there (cut at 256 bytes), or empty; not checked text */
    /* both */
    uint64_t bytes;           /* STANZA: size as received. GAP: bytes missing. STARTTLS ...: 0 */
};
/* Packets: all; tcp: those of TCP. other: not IP, or not TCP. unread: broken, cut off, in a tunnel, or encrypted below TCP (IPsec).
 * repeated: bytes that came again. */
struct replay_stats {
    uint64_t packets, tcp, other, unread, fragments, flows, xmpp_flows, other_flows, encrypted_flows, stanzas, bad_stanzas, gaps, missing_bytes,
        repeated_bytes, out_of_order, conflicts;
};

struct replay;
/* Opens a capture ("-": standard input). error (at least REPLAY_ERROR_MAX bytes) gets a sentence. NOENT (cannot be opened),
 * SYNTAX (no capture), UNSUPPORTED (a link layer that is not known here), NOMEM. jid_init must have been called. */
#define REPLAY_ERROR_MAX 512
int replay_open(const char *path, const struct replay_conf *conf, struct replay **ret, char *error) GW_MUST_CHECK;
/* The same from an open file, which is closed by replay_free, also on error. */
int replay_open_file(FILE *f, const struct replay_conf *conf, struct replay **ret, char *error) GW_MUST_CHECK;
/* The next event; what it points to lives until the next call. REPLAY_DONE at the end. 0 or NOMEM. */
int replay_next(struct replay *r, struct replay_event *ev) GW_MUST_CHECK;
void replay_stats(const struct replay *r, struct replay_stats *ret);
void replay_free(struct replay *r);

#endif
