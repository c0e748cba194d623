/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate status`: what its files share. A state is the parent's JSON object in which what each program says of itself ("stats") became
 * an object too, and each program got "memory", in bytes. */
#ifndef LOCKGATE_CTL_STATUS_H
#define LOCKGATE_CTL_STATUS_H

#include <jansson.h>
#include <stdio.h>

#include "gwconf.h"

/* Asks the gateway. CTL_YES and *ret (the caller's reference), or an exit status after saying why on `to` (NULL: nobody is told). */
int status_fetch(const struct gw_conf *c, FILE *to, json_t **ret);
/* What a program says of itself, or NULL. */
json_t *status_stats(json_t *root, const char *program);
json_int_t status_number(const json_t *o, const char *key); /* 0 when it is none */
const char *status_word(const json_t *o, const char *key);  /* "?" when it is none; may hold anything: status_safe */

/* As text for people. before: an earlier state, seconds ago, for rates; NULL: rates since each stream's beginning. all: every number too. */
void status_text(FILE *to, json_t *root, json_t *before, double seconds, bool all);
/* A live screen; an exit status. */
int status_watch(const struct gw_conf *c);
/* For Prometheus, text format 0.0.4; root NULL: no gateway answers. path "-": standard output; otherwise replaced as a whole. An exit status. */
int status_metrics(json_t *root, const char *path);

#endif
