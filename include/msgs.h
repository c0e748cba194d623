/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every message between the programs, listed once: who may send it to whom, how large it may be, what it holds. The
 * structs, encoders and decoders are made from this list (gw/ipc). PROTOCOL.md says what each means and when it is due. */
#ifndef LOCKGATE_MSGS_H
#define LOCKGATE_MSGS_H

#include "net.h"

/* Programs as they appear on a channel; an edge or admission also has a side. */
#define IPC_ROLES(X) X(PARENT, "parent") X(EDGE, "edge") X(GUARD, "guard") X(SCANNER, "scanner") X(JOURNAL, "journal") \
    X(ADMISSION, "admission") X(CTL, "ctl") X(KEEPER, "keeper") X(READER, "reader") X(DECOY, "decoy") X(COURIER, "courier") X(TOKEN, "token") X(RESPONDER, "responder")
enum ipc_role {
#define X(name, text) IPC_##name,
    IPC_ROLES(X)
#undef X
    IPC_ROLE_COUNT
};
const char *ipc_role_name(enum ipc_role r);
#define IPC_BIT(role) (1u << IPC_##role)
#define IPC_ANY 0xffffu

/* Field types: U8 U16 U32 U64; STR (struct str, u32 length); HASH (32 bytes); ADDR (struct net_addr: u8 family, 16 bytes, u16 port) */

/* parent <-> every child */
#define MSG_READY(F)                                     /* sandbox closed, links served */
#define MSG_LINK(F) F(U8, role) F(U8, side) F(U8, index) F(U32, pid) /* carries one descriptor: a channel to that program; an older one
                                                            to the same (role, side, index) is dead and replaced */
#define MSG_STOP(F)                                      /* end in order */
#define MSG_STATS_ASK(F) F(U64, ask)
#define MSG_STATS(F) F(U64, ask) F(STR, json)            /* one JSON object, members by program */
/* parent <-> edge */
#define MSG_PAUSE(F)                                     /* reload: bring no more stanzas until a new guard is linked */
#define MSG_CRL(F)                                       /* carries a descriptor: the side's file of revocation lists, to be read again */
#define MSG_LISTENER(F) F(U8, family) F(U16, port)       /* carries a listening socket; port 0: intercepted connections */
#define MSG_CONNECT(F) F(U64, ask) F(ADDR, from) F(ADDR, to)   /* from.port 0: any */
#define MSG_CONNECTED(F) F(U64, ask) F(U32, error)       /* error 0: carries a socket with connect() under way; else errno */
#define MSG_DNS_SOCKET(F) F(U64, ask) F(ADDR, to)        /* ask: number; answered by CONNECTED with a UDP socket */
/* parent -> responder */
#define MSG_SERVICE(F) F(U8, index)                      /* carries the socket of a service of the configuration, by its place there */
#define MSG_FAR(F) F(U8, there)                          /* once a second: is the other side linked, and its edge at work? */
/* guard -> parent */
#define MSG_EDGE_BROKEN(F) F(U8, side)                   /* it broke the protocol; what is left of it is to be ended */
/* admission -> parent */
#define MSG_ADMITTED(F) F(U8, side) F(ADDR, from) F(ADDR, to)  /* a first packet that may try; side it came from */
/* parent -> guard: judge two stanzas of the gateway's own; guard -> parent: what came of them, once both lines are durable */
#define MSG_PROBE(F) F(U64, ask)
#define MSG_PROBED(F) F(U64, ask) F(U8, pass_verdict) F(U8, pass_reason) F(U8, block_verdict) F(U8, block_reason)
/* guard -> parent */
#define MSG_KILL_SCANNER(F) F(U8, index)
/* guard -> parent at a reload, parent -> the guard after it: how often each rule held (policy.h); to the parent it is bytes */
#define MSG_HITS(F) F(STR, counts)
/* edge -> guard */
#define MSG_HELLO(F) F(U32, version) F(U8, side) F(U64, epoch) /* epoch: random, new for each start of the program */
#define MSG_FLOW(F) F(U64, flow) F(ADDR, from) F(ADDR, to) F(STR, from_domain) F(STR, to_domain)
#define MSG_FLOW_END(F) F(U64, flow)                     /* its stream is gone: no stanza of it comes any more */
#define MSG_STANZA(F) F(U64, ticket) F(U64, flow) F(STR, record)
#define MSG_SETTLE(F) F(U64, guard) F(U64, number) F(U8, reason)
#define MSG_OPEN_TICKET(F) F(U64, ticket) F(STR, stub)
#define MSG_OPEN_NUMBER(F) F(U64, guard) F(U64, number) F(U64, epoch) F(U64, ticket) F(U8, state)
#define MSG_OPEN_END(F)
#define MSG_LOST(F) F(STR, from_domain) F(STR, to_domain) /* a stream that carried this direction has ended */
#define MSG_STATE(F) F(STR, record)                       /* guard -> the one that takes its place (policy.h, pol_state_give) */
#define MSG_PAUSED(F)                                    /* behind the last STANZA; with both, a guard with nothing open ends */
/* guard -> edge */
#define MSG_ORDER(F) F(U64, guard) F(U64, number) F(U64, epoch) F(U64, ticket) F(U8, purpose) F(U64, flow) F(STR, record)
#define MSG_VERDICT(F) F(U64, ticket) F(U8, verdict) F(U8, reason) /* durable; credit stays taken until SETTLED */
#define MSG_SETTLED(F) F(U64, ticket) F(U8, reason)
/* guard, edge, admission, parent -> journal */
#define MSG_LINE(F) F(U64, guard) F(U64, number) F(U8, target) F(HASH, hash) F(U8, event) F(STR, fields) F(STR, evidence)
/*    evidence: what the line is about, for auditors alone; only a guard has any (PROTOCOL.md, "Evidence") */
/* guard -> journal: a stanza that is held; number: of the held stanzas of this guard */
#define MSG_KEEP(F) F(U64, guard) F(U64, number) F(U8, side) F(STR, record)
#define MSG_KEPT(F) F(U64, guard) F(U64, number) F(U8, reason)  /* none: it lies on the disk; else why it does not */
/* journal -> guard, edge... */
#define MSG_DURABLE(F) F(U64, guard) F(U64, number)      /* all lines of this sender up to number are on disk */
#define MSG_RELEASE(F) F(U64, guard) F(U64, number) F(HASH, hash)
#define MSG_RELEASED(F) F(U64, guard) F(U64, number)     /* first, to an edge: what is not behind this was released before it was linked */
/* journal -> courier */
#define MSG_CHECKPOINT(F) F(U64, size) F(STR, note)      /* the newest signed note, over so many records */
/* courier -> parent */
#define MSG_WITNESS(F) F(U64, ask) F(U8, index)          /* a connection to a witness of the configuration; answered by CONNECTED */
/* guard <-> scanner */
#define MSG_SCAN(F) F(U64, id) F(STR, request)           /* scan.h */
#define MSG_SCANNED(F) F(U64, id) F(STR, result)
/* edge <-> keeper; keeper <-> token, journal <-> token: domain is then the URI of a key */
#define MSG_SIGN(F) F(U64, ask) F(STR, domain) F(U16, scheme) F(STR, input) /* scheme: RFC 8446 section 4.2.3; input: what TLS signs, in full */
#define MSG_SIGNED(F) F(U64, ask) F(STR, signature)      /* empty: refused */
/* keeper -> edge: the certificate that it shows for a name from now on, which the keeper made; DER, one behind the other, the leaf first */
#define MSG_CHAIN(F) F(STR, domain) F(STR, chain)
/* edge <-> reader of its side */
#define MSG_READ(F) F(U64, ask) F(STR, record) F(STR, xml) /* xml: as it would stand in the stream */
#define MSG_READ_DONE(F) F(U64, ask) F(U8, same) F(HASH, hash) /* hash: of the XML that was read */
/* ctl <-> parent (control socket; the parent passes STATS through) */
#define MSG_CTL(F) F(STR, verb) F(STR, argument)
#define MSG_CTL_TEXT(F) F(U8, exit_status) F(U8, last) F(STR, text)

/* X(id, name, lower, senders, receivers, maximum payload bytes) */
#define IPC_MESSAGES(X) \
    X(1, READY, ready, IPC_ANY, IPC_BIT(PARENT), 0) \
    X(2, LINK, link, IPC_BIT(PARENT), IPC_ANY, 7) \
    X(3, STOP, stop, IPC_BIT(PARENT), IPC_ANY, 0) \
    X(4, STATS_ASK, stats_ask, IPC_BIT(PARENT), IPC_ANY, 8) \
    X(5, STATS, stats, IPC_ANY, IPC_BIT(PARENT), 1 << 20) \
    X(6, PAUSE, pause, IPC_BIT(PARENT), IPC_BIT(EDGE), 0) \
    X(7, SERVICE, service, IPC_BIT(PARENT), IPC_BIT(RESPONDER), 1) \
    X(8, FAR, far, IPC_BIT(PARENT), IPC_BIT(RESPONDER), 1) \
    X(17, CRL, crl, IPC_BIT(PARENT), IPC_BIT(EDGE), 0) \
    X(9, EDGE_BROKEN, edge_broken, IPC_BIT(GUARD), IPC_BIT(PARENT), 1) \
    X(10, LISTENER, listener, IPC_BIT(PARENT), IPC_BIT(EDGE) | IPC_BIT(DECOY), 3) \
    X(11, CONNECT, connect, IPC_BIT(EDGE), IPC_BIT(PARENT), 64) \
    X(12, CONNECTED, connected, IPC_BIT(PARENT), IPC_BIT(EDGE) | IPC_BIT(COURIER), 16) \
    X(13, DNS_SOCKET, dns_socket, IPC_BIT(EDGE), IPC_BIT(PARENT), 32) \
    X(14, ADMITTED, admitted, IPC_BIT(ADMISSION), IPC_BIT(PARENT), 64) \
    X(15, KILL_SCANNER, kill_scanner, IPC_BIT(GUARD), IPC_BIT(PARENT), 1) \
    X(16, HITS, hits, IPC_BIT(GUARD) | IPC_BIT(PARENT), IPC_BIT(PARENT) | IPC_BIT(GUARD), (1 << 20) + 4) \
    X(18, PROBE, probe, IPC_BIT(PARENT), IPC_BIT(GUARD), 8) \
    X(19, PROBED, probed, IPC_BIT(GUARD), IPC_BIT(PARENT), 12) \
    X(20, HELLO, hello, IPC_BIT(EDGE), IPC_BIT(GUARD), 13) \
    X(21, FLOW, flow, IPC_BIT(EDGE) | IPC_BIT(GUARD), IPC_BIT(GUARD) | IPC_BIT(EDGE), 2200) \
    X(30, FLOW_END, flow_end, IPC_BIT(EDGE), IPC_BIT(GUARD), 8) \
    X(22, STANZA, stanza, IPC_BIT(EDGE), IPC_BIT(GUARD), 17 << 20) \
    X(23, SETTLE, settle, IPC_BIT(EDGE), IPC_BIT(GUARD), 17) \
    X(24, OPEN_TICKET, open_ticket, IPC_BIT(EDGE), IPC_BIT(GUARD), 16384) \
    X(25, OPEN_NUMBER, open_number, IPC_BIT(EDGE), IPC_BIT(GUARD), 33) \
    X(26, OPEN_END, open_end, IPC_BIT(EDGE), IPC_BIT(GUARD), 0) \
    X(27, ORDER, order, IPC_BIT(GUARD), IPC_BIT(EDGE), 17 << 20) \
    X(28, VERDICT, verdict, IPC_BIT(GUARD), IPC_BIT(EDGE), 10) \
    X(29, SETTLED, settled, IPC_BIT(GUARD), IPC_BIT(EDGE), 9) \
    X(33, STATE, state, IPC_BIT(GUARD), IPC_BIT(GUARD), 65536) \
    X(32, LOST, lost, IPC_BIT(EDGE), IPC_BIT(GUARD), 2200) \
    X(31, PAUSED, paused, IPC_BIT(EDGE), IPC_BIT(GUARD), 0) \
    X(40, LINE, line, IPC_BIT(DECOY) | IPC_BIT(RESPONDER) | IPC_BIT(GUARD) | IPC_BIT(EDGE) | IPC_BIT(ADMISSION) | IPC_BIT(PARENT) | IPC_BIT(KEEPER) | IPC_BIT(COURIER), \
        IPC_BIT(JOURNAL), (17 << 20) + 65536) \
    X(41, DURABLE, durable, IPC_BIT(JOURNAL), IPC_ANY, 16) \
    X(42, RELEASE, release, IPC_BIT(JOURNAL), IPC_BIT(EDGE), 48) \
    X(47, RELEASED, released, IPC_BIT(JOURNAL), IPC_BIT(EDGE), 16) \
    X(43, CHECKPOINT, checkpoint, IPC_BIT(JOURNAL), IPC_BIT(COURIER), 16384) \
    X(44, WITNESS, witness, IPC_BIT(COURIER), IPC_BIT(PARENT), 9) \
    X(45, KEEP, keep, IPC_BIT(GUARD), IPC_BIT(JOURNAL), 17 << 20) \
    X(46, KEPT, kept, IPC_BIT(JOURNAL), IPC_BIT(GUARD), 17) \
    X(50, SCAN, scan, IPC_BIT(GUARD), IPC_BIT(SCANNER), 33 << 20) \
    X(51, SCANNED, scanned, IPC_BIT(SCANNER), IPC_BIT(GUARD), 1 << 20) \
    X(70, SIGN, sign, IPC_BIT(EDGE) | IPC_BIT(KEEPER) | IPC_BIT(JOURNAL), IPC_BIT(KEEPER) | IPC_BIT(TOKEN), 160 << 10) \
    X(71, SIGNED, signed, IPC_BIT(KEEPER) | IPC_BIT(TOKEN), IPC_BIT(EDGE) | IPC_BIT(KEEPER) | IPC_BIT(JOURNAL), 1036) \
    X(74, CHAIN, chain, IPC_BIT(KEEPER), IPC_BIT(EDGE), 64 << 10) \
    X(72, READ, read, IPC_BIT(EDGE), IPC_BIT(READER), 50 << 20) \
    X(73, READ_DONE, read_done, IPC_BIT(READER), IPC_BIT(EDGE), 41) \
    X(60, CTL, ctl, IPC_BIT(CTL), IPC_BIT(PARENT), 65536) \
    X(61, CTL_TEXT, ctl_text, IPC_BIT(PARENT), IPC_BIT(CTL), 2 << 20)

enum ipc_type {
#define X(id, name, lower, from, to, max) IPC_M_##name = id,
    IPC_MESSAGES(X)
#undef X
};
const char *ipc_type_name(unsigned type); /* "STANZA"; "?" when unknown */

/* struct msg_stanza { uint64_t ticket, flow; struct str record; } and so on */
#define IPC_T_U8 uint8_t
#define IPC_T_U16 uint16_t
#define IPC_T_U32 uint32_t
#define IPC_T_U64 uint64_t
#define IPC_T_STR struct str
#define IPC_T_HASH struct ipc_hash
#define IPC_T_ADDR struct net_addr
struct ipc_hash { unsigned char b[32]; };
#define IPC_FIELD(type, name) IPC_T_##type name;
#define X(id, name, lower, from, to, max) struct msg_##lower { MSG_##name(IPC_FIELD) char end_[0]; };
IPC_MESSAGES(X)
#undef X

/* MSG_ORDER.purpose */
enum order_purpose { ORDER_FORWARD, ORDER_ANSWER };
/* MSG_OPEN_NUMBER.state */
enum open_state { OPEN_RELEASED, OPEN_WRITTEN };
/* MSG_LINE.target: the side whose edge gets RELEASE, or none */
#define LINE_TARGET_NONE 0xff
/* verdicts, as in the journal */
#define GW_VERDICTS(X) X(RELEASE, "release") X(REJECT, "reject") X(DROP, "drop") X(HOLD, "hold")
enum gw_verdict {
#define X(name, text) GW_V_##name,
    GW_VERDICTS(X)
#undef X
    GW_V_COUNT
};
const char *gw_verdict_name(enum gw_verdict v);

#endif
