/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a stanza carries for others: further recipients (XEP-0033), forwarded stanzas (XEP-0297), invitations (XEP-0045, XEP-0249). Each is
 * a party; a rule is asked for every one of them. */
#ifndef LOCKGATE_POLICY_EXPAND_H
#define LOCKGATE_POLICY_EXPAND_H

#include "internal.h"

#define NS_FORWARDED "urn:xmpp:forward:0"

/* What never crosses, whatever the profiles say: carbons (XEP-0280), and addresses where they may not stand. Before the allow-list. False:
 * refuse, with *ret_why and the error *ret_condition. What takes nobody's message with it is taken out. */
bool expand_before(struct pol_eval *e, const char **ret_why, const char **ret_condition);
/* Finds the parties of what the allow-list left. False: refuse, as above. */
bool expand_begin(struct pol_eval *e, const char **ret_why, const char **ret_condition);
/* The same when a rule has changed the stanza: nothing is left out any more. False: refuse, as above. */
bool expand_again(struct pol_eval *e, const char **ret_why, const char **ret_condition);
/* The answer of one rule's conditions. A rule that releases holds when it holds for the stanza and every party; all others when they hold for
 * any of them. Three-valued, with the tables of internal.h. */
enum tri expand_match(struct pol_eval *e, const struct pol_rule *r);
void expand_clear(struct pol_eval *e);
/* "jabber:client" or "jabber:server": the names of a stanza and what is its own. */
bool expand_is_stanza_ns(struct str ns);

#endif
