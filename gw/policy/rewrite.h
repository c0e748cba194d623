/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names of the inside that go out as aliases, and come back as what they are: resources and host names, wherever they stand in a
 * stanza. Not a step among the rules: what comes in is put right before the first rule looks, what leaves is renamed after the last, so
 * that rules are written with real names and their order cannot let one out. */
#ifndef LOCKGATE_POLICY_REWRITE_H
#define LOCKGATE_POLICY_REWRITE_H

#include "internal.h"

struct pol_rewrite;
/* The group `rewrite` of a rule whose conditions are read already. */
int rewrite_load(struct pol_load *l, const config_setting_t *s, struct pol_rule *r);
/* Notes which rules rewrite. Once, when all are loaded. */
int rewrite_index(struct policy *p);
/* Aliases of the recipient's side become names. False: failed, refuse. */
bool rewrite_in(struct pol_eval *e);
/* Names of the sender's side become aliases. False: failed, refuse. */
bool rewrite_out(struct pol_eval *e);
/* The sender's address as the other side knows it (in e's arena); STR_NONE: failed. */
struct str rewrite_sender(struct pol_eval *e, struct str jid);

#endif
