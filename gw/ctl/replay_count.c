/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate replay`: what is counted, and words that text and JSON share. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "replay_show.h"

static const struct { const char *code, *text; } fates[] = {
#define X(name, code, text) { code, text },
    RP_FATES(X)
#undef X
};

const char *rp_fate_code(enum rp_fate f) { return fates[f].code; }
const char *rp_fate_text(enum rp_fate f) { return fates[f].text; }

void rp_time(int64_t us, char out[RP_TIME])
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm;
    char day[32];
    if (us < 0 || !gmtime_r(&t, &tm) || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        snprintf(out, RP_TIME, "%" PRId64 "us", us);
    else
        snprintf(out, RP_TIME, "%s.%06dZ", day, (int)(us % 1000000));
}

static void count_rule(struct rp_counts *c, const struct pol_verdict *v)
{
    struct rp_rule *more;
    for (size_t i = 0; i < c->n_rules; i++)
        if (c->rules[i].id == v->rule) {
            c->rules[i].n++;
            return;
        }
    more = realloc(c->rules, (c->n_rules + 1) * sizeof *more);
    if (!more)
        return;
    c->rules = more;
    more[c->n_rules++] = (struct rp_rule){ v->rule, strndup(v->rule_name.p ? v->rule_name.p : "", v->rule_name.n), 1 };
}

void rp_count_stanza(struct rp_counts *c, const struct rp_stanza *s)
{
    c->fate[s->fate]++;
    c->guessed += s->ev->guessed;
    if (s->fate != RP_JUDGED)
        return;
    c->verdict[s->now.verdict % RP_VERDICTS]++;
    c->differ += s->differs;
    if (s->now.v && s->now.v->rule)
        count_rule(c, s->now.v);
    else
        c->reason[s->now.reason]++;
}

void rp_counts_clear(struct rp_counts *c)
{
    for (size_t i = 0; i < c->n_rules; i++)
        free(c->rules[i].name);
    free(c->rules);
    memset(c, 0, sizeof *c);
}
