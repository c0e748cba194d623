/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines about witnesses: when one takes checkpoints and when it no longer does. Not each checkpoint: a line about every one would
 * itself make the next. */
#include <stdio.h>

#include "courier.h"
#include "log.h"

#define FIELDS_MAX 4096

static void line(struct courier *c, const struct witness *w, const char *action, uint64_t count, const char *sentence)
{
    struct wire_out o;
    struct buf b;

    buf_init(&b, FIELDS_MAX);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_WITNESS, w->conf->name);
    field_z(&o, GW_F_ACTION, action);
    field_z(&o, GW_F_SENTENCE, sentence);
    if (w->carried)
        field_num(&o, GW_F_TREE_SIZE, w->carried);
    if (count)
        field_num(&o, GW_F_COUNT, count);
    if (o.err || outbox_add(&c->teller.lines, LINE_TARGET_NONE, NULL, GW_EV_WITNESS, buf_str(&b), NULL) < 0)
        log_warn("a line about witness %s was lost: too many wait for the journal", w->conf->name);
    buf_clear(&b);
}

void say_carried(struct courier *c, const struct witness *w, int64_t now)
{
    char text[300];
    unsigned long long seconds = w->failing_since ? (unsigned long long)(now - w->failing_since) / 1000 : 0;

    if (w->failures)
        snprintf(text, sizeof text, "the witness takes checkpoints again, after %llu seconds and %llu failures", seconds, (unsigned long long)w->failures);
    else
        snprintf(text, sizeof text, "the witness takes checkpoints");
    log_info("witness %s: it takes checkpoints, the newest over %llu records", w->conf->name, (unsigned long long)w->carried);
    line(c, w, "carried", seconds, text);
}

void say_failed(struct courier *c, const struct witness *w)
{
    char text[300];

    snprintf(text, sizeof text, "no checkpoint could be carried to the witness: %s; it is tried again", w->why);
    log_warn("witness %s: %s", w->conf->name, text);
    line(c, w, "failed", 0, text);
}
