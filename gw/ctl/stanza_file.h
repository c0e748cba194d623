/* SPDX-License-Identifier: GPL-3.0-or-later
 * One stanza from a file, for the verbs that judge single stanzas. */
#ifndef LOCKGATE_CTL_STANZA_FILE_H
#define LOCKGATE_CTL_STANZA_FILE_H

#include "judge.h"
#include "xmpp.h"

/* Where rules come from, and what a stanza may be: from -c CONF, or from --rules DIR alone. */
struct rules_place { struct gw_conf *conf; const char *dir; struct rec_limits limits; };
/* dir NULL: from the configuration. Says what is wrong. 0 or an exit status. */
int rules_place_load(const char *conf_path, const char *dir, struct rules_place *ret);
void rules_place_free(struct rules_place *p);
/* Reads a file ("-": standard input) with one stanza. NULL: *ret_why says why not (static). The caller frees it. */
struct rec *stanza_read(const char *path, const struct rules_place *p, const char **ret_why);
/* The side that a stanza comes from: as named ("high", "low"), else where its sender's domain lives, else high. */
enum gw_side stanza_side(const struct rules_place *p, const char *named, const struct rec *r);
bool stanza_side_known(const struct rules_place *p, const struct rec *r); /* without a name: the configuration says it */
/* Judges the stanza of a file that went before `in`: it comes from the same side when it has the same sender's domain, else from the
 * other. SYNTAX: it is none. */
int stanza_before(const char *path, const struct rules_place *p, struct judge *j, const struct rec *in, enum gw_side side, int64_t now_ms,
    const char **ret_why);
/* As XML, one line. The caller frees it; NULL: no memory. */
char *stanza_xml(const struct rec *r);

#endif
