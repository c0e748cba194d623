/* SPDX-License-Identifier: GPL-3.0-or-later
 * The closed schema of the journal: events and fields, listed once. Programs send typed fields (MSG_LINE.fields); only the
 * journal writes JSON from them, so no line can be forged by text from the network. */
#ifndef LOCKGATE_FIELDS_H
#define LOCKGATE_FIELDS_H

#include "wire.h"

#define GW_EVENTS(X) X(VERDICT, "verdict") X(DELIVERY, "delivery") X(STREAM, "stream") X(ADMISSION, "admission") \
    X(PROGRAM, "program") X(RULES, "rules") X(CERTIFICATE, "certificate") X(LIMIT, "limit") X(OPERATOR, "operator") \
    X(JOURNAL, "journal") X(WITNESS, "witness") X(SETTLEMENT, "settlement")
enum gw_event {
#define X(name, text) GW_EV_##name,
    GW_EVENTS(X)
#undef X
    GW_EV_COUNT
};

/* X(id, name, json member, type). Types: STR text; NUM u64; HEX bytes; LIST text, may be given again, an array in the line.
 * The journal itself adds timestamp, seq, event_type and the program that sent it ("program": "guard"). */
#define GW_FIELDS(X) \
    X(1, FLOW_ID, "flow_id", NUM) X(2, SRC_IP, "src_ip", STR) X(3, SRC_PORT, "src_port", NUM) X(4, DEST_IP, "dest_ip", STR) \
    X(5, DEST_PORT, "dest_port", NUM) X(6, PROTO, "proto", STR) X(7, SIDE, "side", STR) X(8, DIRECTION, "direction", STR) \
    X(9, GUARD, "guard", NUM) X(10, NUMBER, "number", NUM) \
    X(20, VERDICT, "verdict", STR) X(21, REASON, "reason", STR) X(22, SENTENCE, "sentence", STR) X(23, RULE, "rule", NUM) \
    X(24, RULE_NAME, "rule_name", STR) X(25, MATCHED, "matched", LIST) X(26, SEVERITY, "severity", STR) \
    X(27, CHANGED, "changed", LIST) X(28, ERROR, "error", STR) X(29, RULES_HASH, "rules_hash", HEX) \
    X(30, KIND, "kind", STR) X(31, TYPE, "type", STR) X(32, STANZA_ID, "stanza_id", STR) X(33, FROM, "from", STR) X(34, TO, "to", STR) \
    X(35, FROM_RAW, "from_raw", STR) X(36, TO_RAW, "to_raw", STR) X(37, FROM_DOMAIN, "from_domain", STR) \
    X(38, TO_DOMAIN, "to_domain", STR) X(39, PAYLOADS, "payloads", LIST) X(40, SIZE_IN, "size_in", NUM) X(41, SIZE_OUT, "size_out", NUM) \
    X(42, HASH_IN, "hash_in", HEX) X(43, HASH_OUT, "hash_out", HEX) X(44, LABEL_IN, "label_in", STR) X(45, LABEL_OUT, "label_out", STR) \
    X(46, TICKET, "ticket", NUM) X(47, SCAN_US, "scan_us", NUM) X(48, JUDGE_US, "judge_us", NUM) X(49, DELIVERY, "delivery", STR) \
    X(50, HELD, "held", STR) \
    /* a list of this line is cut: so many there were */ \
    X(51, MATCHED_COUNT, "matched_count", NUM) X(52, CHANGED_COUNT, "changed_count", NUM) X(53, PAYLOAD_COUNT, "payload_count", NUM) \
    X(54, DURABLE_MS, "durable_ms", NUM) X(55, DELIVERY_MS, "delivery_ms", NUM) \
    X(60, ACTION, "action", STR) X(61, ROLE, "role", STR) X(62, AUTH, "auth", STR) X(63, TLS, "tls", STR) X(64, CIPHER, "cipher", STR) \
    X(65, STREAM_ID, "stream_id", STR) X(66, PEER, "peer", STR) X(67, CONDITION, "condition", STR) X(68, STANZAS_IN, "stanzas_in", NUM) \
    X(69, STANZAS_OUT, "stanzas_out", NUM) X(70, BYTES_IN, "bytes_in", NUM) X(71, BYTES_OUT, "bytes_out", NUM) \
    X(72, COUNT, "count", NUM) X(73, PROGRAM, "subject", STR) X(74, PID, "pid", NUM) X(75, STATUS, "status", STR) \
    X(76, CERT_SUBJECT, "cert_subject", STR) X(77, CERT_HASH, "cert_sha256", HEX) X(78, WHO, "who", STR) X(79, FILE, "file", STR) \
    X(80, LINE, "line", NUM) X(81, EPOCH, "epoch", NUM) X(82, WITNESS, "witness", STR) \
    X(83, TREE_SIZE, "tree_size", NUM) \
    X(84, CERT_NAME, "cert_name", STR) X(85, CERT_SERIAL, "cert_serial", HEX) X(86, NOT_AFTER, "not_after", STR) \
    X(87, CHECKPOINT_MS, "checkpoint_ms", NUM) /* in the journal's own events: how often it signs */ \
    X(90, EVIDENCE, "evidence", HEX) X(91, RECORD, "record", NUM) /* written by the journal alone */ \
    X(150, WOULD, "would", STR) X(151, SNI, "sni", STR) X(152, ALPN, "alpn", STR)

enum gw_field {
#define X(id, name, json, type) GW_F_##name = id,
    GW_FIELDS(X)
#undef X
};
enum gw_field_type { GW_FT_STR, GW_FT_NUM, GW_FT_HEX, GW_FT_LIST };

/* Writers, in gw/ipc: u16 field, u32 length, bytes (NUM: 8 bytes). The first error sticks in the cursor. Empty strings are
 * left out. Text longer than GW_FIELD_TEXT_MAX is cut at a character and ends in "..." (this is a log, never used for matching). */
#define GW_FIELD_TEXT_MAX 4096
void field_str(struct wire_out *o, enum gw_field f, struct str s);
void field_z(struct wire_out *o, enum gw_field f, const char *z);
void field_num(struct wire_out *o, enum gw_field f, uint64_t v);
void field_hex(struct wire_out *o, enum gw_field f, const void *p, size_t n);
/* Reader: 1 and one field, 0 at the end, SYNTAX (unknown field, wrong length for its type, not UTF-8). */
struct field_value { enum gw_field field; enum gw_field_type type; const char *json; struct str bytes; uint64_t num; };
int field_next(struct wire *w, struct field_value *ret) GW_MUST_CHECK;

#endif
