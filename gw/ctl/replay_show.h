/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate replay`: what became of each stanza, how that is shown, and what is counted. */
#ifndef LOCKGATE_CTL_REPLAY_SHOW_H
#define LOCKGATE_CTL_REPLAY_SHOW_H

#include "judge.h"
#include "replay.h"

/* Why a stanza was not judged. X(name, code, sentence) */
#define RP_FATES(X) X(JUDGED, "judged", "") X(INSIDE, "inside", "stays on its side") \
    X(UNKNOWN, "unknown-domain", "a domain that the configuration does not name")
enum rp_fate {
#define X(name, code, text) RP_##name,
    RP_FATES(X)
#undef X
    RP_FATE_COUNT
};

/* One verdict, by one rule set. */
struct rp_verdict {
    enum gw_verdict verdict;
    enum gw_reason reason;
    const struct pol_verdict *v; /* NULL: the pair is forbidden, no rule was asked */
};
struct rp_stanza {
    const struct replay_event *ev;
    enum rp_fate fate;
    enum gw_side from_side;   /* JUDGED, INSIDE */
    struct str unknown;       /* UNKNOWN: the domain */
    struct rp_verdict now, other;
    bool compared, differs, output_differs; /* output_differs: both release, and not the same */
};

#define RP_VERDICTS 4
struct rp_rule { uint32_t id; char *name; uint64_t n; };
struct rp_counts {
    uint64_t fate[RP_FATE_COUNT], verdict[RP_VERDICTS], note[REPLAY_N_COUNT], reason[GW_R_COUNT], guessed, differ;
    struct rp_rule *rules; /* that decided, in the order in which they first did */
    size_t n_rules;
};

void rp_count_stanza(struct rp_counts *c, const struct rp_stanza *s);
void rp_counts_clear(struct rp_counts *c);
const char *rp_fate_code(enum rp_fate f);
const char *rp_fate_text(enum rp_fate f);
#define RP_TIME 40
void rp_time(int64_t us, char out[RP_TIME]); /* RFC 3339, UTC */
/* One line each, to standard output. compared: with --against. */
void rp_text_stanza(const struct rp_stanza *s);
void rp_text_note(const struct replay_event *ev);
void rp_text_summary(const struct rp_counts *c, const struct replay_stats *st, bool compared);
void rp_json_stanza(const struct rp_stanza *s);
void rp_json_note(const struct replay_event *ev);
void rp_json_summary(const char *file, const struct rp_counts *c, const struct replay_stats *st, bool compared);

#endif
