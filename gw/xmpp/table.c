/* SPDX-License-Identifier: GPL-3.0-or-later
 * What may happen in which state, for both roles: [role][state][input]. A blank cell ends the stream (input of the peer) or
 * is refused with PROTO (the caller's). Actions run after the change of state and may change it again. */
#include "table.h"

#define GO(state, act) { ST_##state, act }

/* While we leave, and nothing of the peer's counts any more. */
#define IGNORED(state) [IN_HEADER] = GO(state, NULL), [IN_FEATURES] = GO(state, NULL), [IN_STARTTLS] = GO(state, NULL), \
    [IN_PROCEED] = GO(state, NULL), [IN_TLS_FAILURE] = GO(state, NULL), [IN_AUTH] = GO(state, NULL), [IN_CHALLENGE] = GO(state, NULL), \
    [IN_RESPONSE] = GO(state, NULL), [IN_ABORT] = GO(state, NULL), [IN_SUCCESS] = GO(state, NULL), [IN_SASL_FAILURE] = GO(state, NULL), \
    [IN_DB_ASK] = GO(state, NULL), [IN_DB_VERIFY] = GO(state, NULL), [IN_DB_ANSWER] = GO(state, NULL), \
    [IN_DB_VERIFIED] = GO(state, NULL), [IN_MANAGE] = GO(state, NULL), [IN_ERROR] = GO(state, act_error), [IN_OTHER] = GO(state, NULL)

/* In any state with an open document the peer may report an error, and the caller may end. */
#define ALWAYS [IN_ERROR] = GO(LEAVING, act_error), [DO_END] = GO(LEAVING, NULL)

const struct xs_cell xs_table[2][ST_COUNT][IN_COUNT] = {
    [XS_INITIATING] = {
        [ST_NEW] = { [DO_START] = GO(HEAD_CLEAR, NULL), [DO_END] = GO(DONE, NULL) },
        [ST_HEAD_CLEAR] = { [IN_HEADER] = GO(CLEAR, act_header), [DO_END] = GO(LEAVING, NULL) },
        [ST_CLEAR] = { [IN_FEATURES] = GO(WANT_TLS, act_want_tls), ALWAYS },
        [ST_WANT_TLS] = { [IN_PROCEED] = GO(HANDSHAKE, act_handshake), [IN_TLS_FAILURE] = GO(WANT_TLS, act_tls_failure), ALWAYS },
        [ST_HANDSHAKE] = { [DO_TLS_DONE] = GO(HEAD_TLS, NULL), [DO_END] = GO(DONE, NULL) },
        [ST_HEAD_TLS] = { [IN_HEADER] = GO(TLS, act_header), [DO_END] = GO(LEAVING, NULL) },
        [ST_TLS] = { [IN_FEATURES] = GO(OFFERED, act_features), ALWAYS },
        [ST_OFFERED] = { [DO_EXTERNAL] = GO(PROVING, NULL), [DO_DB_ASK] = GO(OFFERED, NULL), [IN_DB_ANSWER] = GO(OFFERED, act_db_answer),
            [IN_DB_VERIFIED] = GO(OFFERED, act_db_verified), ALWAYS },
        [ST_PROVING] = { [IN_SUCCESS] = GO(HEAD_AUTH, act_success), [IN_SASL_FAILURE] = GO(OFFERED, act_sasl_failure),
            [IN_CHALLENGE] = GO(PROVING, act_challenge), ALWAYS },
        [ST_HEAD_AUTH] = { [IN_HEADER] = GO(AUTH, act_header), [DO_END] = GO(LEAVING, NULL) },
        [ST_AUTH] = { [IN_FEATURES] = GO(READY, act_ready), ALWAYS },
        [ST_READY] = { [DO_WRITE] = GO(READY, NULL), [DO_SPACE] = GO(READY, NULL), [DO_DB_ASK] = GO(READY, NULL),
            [IN_DB_ANSWER] = GO(READY, act_db_answer), [IN_DB_VERIFIED] = GO(READY, act_db_verified), ALWAYS },
        [ST_LEAVING] = { IGNORED(LEAVING), [IN_STANZA] = GO(LEAVING, NULL), [DO_END] = GO(LEAVING, NULL) },
    },
    [XS_RECEIVING] = {
        [ST_HEAD_CLEAR] = { [IN_HEADER] = GO(ASKED_CLEAR, act_header), [DO_END] = GO(LEAVING, NULL) },
        [ST_ASKED_CLEAR] = { [DO_ACCEPT] = GO(CLEAR, NULL), [DO_END] = GO(LEAVING, NULL) },
        [ST_CLEAR] = { [IN_STARTTLS] = GO(HANDSHAKE, act_starttls), ALWAYS },
        [ST_HANDSHAKE] = { [DO_TLS_DONE] = GO(HEAD_TLS, NULL), [DO_END] = GO(DONE, NULL) },
        [ST_HEAD_TLS] = { [IN_HEADER] = GO(ASKED_TLS, act_header), [DO_END] = GO(LEAVING, NULL) },
        [ST_ASKED_TLS] = { [DO_ACCEPT] = GO(TLS, NULL), [DO_END] = GO(LEAVING, NULL) },
        [ST_TLS] = { [IN_AUTH] = GO(TLS, act_auth), [IN_DB_ASK] = GO(TLS, act_db_ask), [IN_DB_VERIFY] = GO(TLS, act_db_verify),
            [DO_DB_REPLY] = GO(TLS, NULL), [DO_DB_VALID] = GO(READY, NULL), ALWAYS },
        [ST_CHALLENGED] = { [IN_RESPONSE] = GO(CHALLENGED, act_auth), [IN_ABORT] = GO(TLS, act_abort),
            [DO_DB_REPLY] = GO(CHALLENGED, NULL), [DO_DB_VALID] = GO(CHALLENGED, NULL), ALWAYS },
        [ST_PROVING] = { [DO_AUTH_OK] = GO(HEAD_AUTH, NULL), [DO_AUTH_NO] = GO(TLS, NULL), [DO_DB_REPLY] = GO(PROVING, NULL),
            [DO_DB_VALID] = GO(PROVING, NULL), [DO_END] = GO(LEAVING, NULL) },
        [ST_HEAD_AUTH] = { [IN_HEADER] = GO(ASKED_AUTH, act_header), [DO_END] = GO(LEAVING, NULL) },
        [ST_ASKED_AUTH] = { [DO_ACCEPT] = GO(READY, NULL), [DO_END] = GO(LEAVING, NULL) },
        [ST_READY] = { [IN_STANZA] = GO(READY, act_stanza), [IN_MANAGE] = GO(READY, act_manage), [IN_DB_ASK] = GO(READY, act_db_ask), [IN_DB_VERIFY] = GO(READY, act_db_verify),
            [DO_DB_REPLY] = GO(READY, NULL), [DO_DB_VALID] = GO(READY, NULL), [DO_SPACE] = GO(READY, NULL),
            [IN_ERROR] = GO(LEAVING, act_error), [DO_END] = GO(CLOSING, NULL) },
        /* our end tag is out; what the peer sent before it saw that still counts (RFC 6120 section 4.4) */
        [ST_CLOSING] = { IGNORED(CLOSING), [IN_STANZA] = GO(CLOSING, act_stanza), [DO_END] = GO(CLOSING, NULL) },
        [ST_LEAVING] = { IGNORED(LEAVING), [IN_STANZA] = GO(LEAVING, NULL), [DO_END] = GO(LEAVING, NULL) },
    },
};
