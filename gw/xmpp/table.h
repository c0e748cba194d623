/* SPDX-License-Identifier: GPL-3.0-or-later
 * The transition table's form, and the actions that its cells name. */
#ifndef LOCKGATE_XMPP_TABLE_H
#define LOCKGATE_XMPP_TABLE_H

#include "stream.h"

struct xs_cell {
    enum xs_state next;                                /* ST_BLANK: not allowed */
    int (*act)(struct xs *s, struct xs_event *ev);     /* may leave ev->type XS_NONE: nothing to tell */
};
extern const struct xs_cell xs_table[2][ST_COUNT][IN_COUNT];

int act_header(struct xs *s, struct xs_event *ev);
int act_want_tls(struct xs *s, struct xs_event *ev);
int act_handshake(struct xs *s, struct xs_event *ev);
int act_tls_failure(struct xs *s, struct xs_event *ev);
int act_starttls(struct xs *s, struct xs_event *ev);
int act_features(struct xs *s, struct xs_event *ev);
int act_ready(struct xs *s, struct xs_event *ev);
int act_auth(struct xs *s, struct xs_event *ev);
int act_abort(struct xs *s, struct xs_event *ev);
int act_challenge(struct xs *s, struct xs_event *ev);
int act_success(struct xs *s, struct xs_event *ev);
int act_sasl_failure(struct xs *s, struct xs_event *ev);
int act_db_ask(struct xs *s, struct xs_event *ev);
int act_db_verify(struct xs *s, struct xs_event *ev);
int act_db_answer(struct xs *s, struct xs_event *ev);
int act_db_verified(struct xs *s, struct xs_event *ev);
int act_stanza(struct xs *s, struct xs_event *ev);
int act_manage(struct xs *s, struct xs_event *ev);
int act_error(struct xs *s, struct xs_event *ev);

#endif
