/* SPDX-License-Identifier: GPL-3.0-or-later
 * Why a stanza, a stream or a flow was treated as it was: the one list of reason codes, as they stand in the journal. */
#ifndef LOCKGATE_REASON_H
#define LOCKGATE_REASON_H

/* X(name, code in the journal, sentence) */
#define GW_REASONS(X) \
    X(NONE, "none", "no reason was recorded") \
    X(RULE, "rule", "a rule of the rule set decided") \
    X(DEFAULT_DENY, "default-deny", "no rule releases this stanza") \
    X(NOT_IN_SCHEMA, "not-in-schema", "it carries an element or attribute that no schema allows") \
    X(RECORD_INVALID, "record-invalid", "the edge's record broke its format") \
    X(RECORD_LIMIT, "record-limit", "the stanza was larger, deeper or wider than allowed") \
    X(PAIR_MISMATCH, "pair-mismatch", "from or to is not of the stream's authenticated domain pair") \
    X(WRONG_SIDE, "wrong-side", "the sender's domain does not live on the side it came from") \
    X(PAIR_FORBIDDEN, "pair-forbidden", "these two domains may not federate") \
    X(ADDRESS_INVALID, "address-invalid", "an address is not a valid JID, or old and new preparation differ") \
    X(SCAN_TIMEOUT, "scan-timeout", "the scanner gave no answer in time") \
    X(SCAN_FAILED, "scan-failed", "the scanner failed or was lost") \
    X(UNKNOWN_CONDITION, "unknown-condition", "a condition could not be answered, and unknown never releases") \
    X(CHANGE_FAILED, "change-failed", "a part could not be removed or replaced cleanly") \
    X(NOT_REDACTED, "not-redacted", "after redaction something still matched") \
    X(LABEL_DENIED, "label-denied", "its security label is above what sender, recipient or the way between them is cleared for") \
    X(LABEL_MISSING, "label-missing", "it has no security label, and there is no default for it") \
    X(LABEL_INVALID, "label-invalid", "its security label cannot be read, contradicts itself, or stands where none may") \
    X(CARRIED, "carried", "it carries for others what may not cross so: carbons, addresses of elsewhere, forwarded stanzas nested too deep") \
    X(HELD, "held", "kept for a person to decide") \
    X(FOLDED, "folded", "presence that says nothing new: the other side has been told the same") \
    X(HOLD_FULL, "hold-full", "it was to be held, but as much is held as may be") \
    X(HOLD_FAILED, "hold-failed", "it was to be held, but could not be stored") \
    X(ANSWERED, "answered", "the gateway answered the question itself; it did not cross") \
    X(QUEUE_FULL, "queue-full", "too much was under way for this domain pair") \
    X(GUARD_LOST, "guard-lost", "the guard ended before it had decided") \
    X(EDGE_LOST, "edge-lost", "the edge ended with the stanza in its hands") \
    X(INTERNAL, "internal", "an internal failure; see the operator's log") \
    X(WRITTEN, "written", "written to the other server's connection") \
    X(NO_ROUTE, "no-route", "the other server could not be found or reached") \
    X(NO_AUTH, "no-auth", "the other server could not be authenticated, or refused the gateway") \
    X(TIMEOUT, "timeout", "the other server did not take it in time") \
    X(READER_REFUSED, "reader-refused", "the second reader saw something else than the guard released") \
    X(STREAM_LOST, "stream-lost", "the connection broke while it was being written") \
    X(UNKNOWN_OUTCOME, "unknown-outcome", "whether it was delivered cannot be known") \
    X(XML_NOT_WELL_FORMED, "not-well-formed", "the stream was not well-formed XML") \
    X(XML_RESTRICTED, "restricted-xml", "the stream used XML that RFC 6120 section 11.1 forbids") \
    X(XML_ENCODING, "unsupported-encoding", "the stream was not UTF-8") \
    X(STREAM_HEADER, "stream-header", "the stream header was not acceptable") \
    X(STREAM_PROTOCOL, "stream-protocol", "the stream broke the protocol") \
    X(STREAM_LIMIT, "stream-limit", "a limit of the stream was reached") \
    X(STANZA_RATE, "stanza-rate", "more stanzas or bytes came in a second than allowed: the stream was read more slowly") \
    X(STREAM_TIMEOUT, "stream-timeout", "the stream was not set up in time, or made no progress") \
    X(STREAM_IDLE, "stream-idle", "nothing was to be sent for a while") \
    X(HOST_UNKNOWN, "host-unknown", "the domain is not served here") \
    X(TLS_FAILED, "tls-failed", "TLS could not be set up") \
    X(TLS_INJECTION, "tls-injection", "bytes arrived behind starttls before the handshake") \
    X(CERT_REFUSED, "cert-refused", "the peer's certificate was not acceptable for its domain") \
    X(PIN_MISMATCH, "pin-mismatch", "the peer's certificate is good, but its key is none of those pinned for its domain") \
    X(AUTH_FAILED, "auth-failed", "the peer could not prove its domain") \
    X(DIALBACK_FAILED, "dialback-failed", "dialback did not confirm the domain") \
    X(PEER_CLOSED, "peer-closed", "the peer closed in order") \
    X(PEER_RESET, "peer-reset", "the connection broke") \
    X(PEER_ERROR, "peer-error", "the peer sent a stream error") \
    X(SHUTDOWN, "shutdown", "the gateway is ending") \
    X(ADMITTED, "admitted", "policy allows this flow to try") \
    X(SOURCE_UNKNOWN, "source-unknown", "the source does not belong to this side") \
    X(DESTINATION_UNKNOWN, "destination-unknown", "the destination does not belong to the other side") \
    X(PORT_FORBIDDEN, "port-forbidden", "this protocol or port is not for crossing") \
    X(LINK_LOCAL, "link-local", "housekeeping of its own link, which is for nobody beyond it") \
    X(RATE, "rate", "too many attempts from one source") \
    X(OPEN, "open", "too many connections of one source are open") \
    X(PROGRAM_STARTED, "program-started", "a program of the gateway was started") \
    X(PROGRAM_LOST, "program-lost", "a program of the gateway ended unasked") \
    X(FAIL_BACK, "fail-back", "a better server of that domain is there again") \
    X(OPEN_FULL, "open-full", "more deliveries were open than the journal follows, and what became of this one was not told before") \
    X(TOO_LARGE, "too-large", "the other server has said that it takes no stanza of this size (XEP-0478)")

enum gw_reason {
#define X(name, code, text) GW_R_##name,
    GW_REASONS(X)
#undef X
    GW_R_COUNT
};
const char *gw_reason_code(enum gw_reason r); /* "default-deny"; never NULL */
const char *gw_reason_text(enum gw_reason r);

#endif
