/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of rules/labels say about people, rooms and pairs, as it is read. */
#ifndef LOCKGATE_POLICY_LABEL_CONF_H
#define LOCKGATE_POLICY_LABEL_CONF_H

#include "label.h"

struct label_cleared_conf { struct conf_where where; char *policy, *upto; struct conf_strings classifications, categories; };
struct label_holder_conf { struct label_cleared_conf cleared; struct conf_strings who; const config_setting_t *lists; };
struct label_default_conf { struct conf_where where; char *policy, *classification; struct conf_strings room, from, categories; };
struct label_pair_conf { struct conf_where where; struct conf_strings between; struct conf_list clearances; int items; };
extern const struct conf_row label_holder_rows[], label_default_rows[], label_pair_rows[];
int label_who_load(struct pol_load *l, struct labels *all, const struct conf_list *clearances, const struct conf_list *defaults,
    const struct conf_list *pairs);

#endif
