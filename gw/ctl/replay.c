/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate replay`: the stanzas of a capture before the present rules, or before two rule sets, to see what would change. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "jid.h"
#include "replay_show.h"
#include "verbs.h"

static const char usage[] =
    "usage: lockgate replay [-c CONF] [--rules DIR] [--against DIR] [--json] FILE\n"
    "\n"
    "Rebuilds the XMPP streams in a capture (pcap, pcapng; \"-\": standard input) and says what the rules would do with each stanza.\n"
    "What is encrypted or missing is named. Rates, time windows and open questions count by the capture's own clock.\n"
    "\n"
    "  -c CONF        the configuration: domains, pairs, limits (default " CTL_CONF_DEFAULT ")\n"
    "  --rules DIR    these rules instead of the configuration's\n"
    "  --against DIR  show only stanzas for which the rules in DIR would give another verdict, or let something else out\n"
    "  --json         one JSON object a line: events \"stanza\", \"note\", at last \"summary\"\n"
    "\n"
    "Exit status: 0 read to its end (--against: nothing differs), 1 damaged capture, or something differs, 2 wrong usage, or no capture,\n"
    "78 mistakes in configuration or rules.\n";

struct options {
    const char *conf, *rules, *against, *file;
    bool json;
};

struct run {
    const struct options *o;
    struct gw_conf *conf;
    struct judge *now, *other; /* other: NULL without --against */
    struct rp_counts counts;
    time_t begun;
    bool progress, progress_shown;
};

/* ---- one stanza ---- */

static void judge(const struct run *x, struct judge *j, const struct rp_stanza *s, struct rp_verdict *ret)
{
    const struct rec *r = s->ev->stanza;
    *ret = (struct rp_verdict){ .verdict = GW_V_REJECT, .reason = GW_R_PAIR_FORBIDDEN };
    if (!gw_conf_pair_allowed(x->conf, s->from_side, r->from_domain, r->to_domain))
        return;
    ret->v = judge_stanza(j, r, s->from_side, s->ev->time_us / 1000);
    ret->verdict = ret->v->verdict;
    ret->reason = ret->v->reason;
}

static bool same_output(const struct rec *a, const struct rec *b) { return a == b || (a && b && rec_equal(a, b)); }

static void compare(struct rp_stanza *s)
{
    const struct pol_verdict *a = s->now.v, *b = s->other.v;
    s->compared = true;
    if (s->now.verdict != s->other.verdict || !a != !b) {
        s->differs = true;
    } else if (a && b) {
        s->output_differs = !same_output(a->out, b->out);
        s->differs = s->output_differs || a->answer != b->answer ||
            (a->answer && !(str_eq(a->error, b->error) && str_eq(a->error_type, b->error_type) && str_eq(a->text, b->text)));
    }
}

static void one_stanza(struct run *x, const struct replay_event *ev)
{
    struct rp_stanza s = { .ev = ev, .fate = RP_JUDGED };
    int from = gw_conf_side_of(x->conf, ev->stanza->from_domain), to = gw_conf_side_of(x->conf, ev->stanza->to_domain);
    if (from < 0 || to < 0) {
        s.fate = RP_UNKNOWN;
        s.unknown = from < 0 ? ev->stanza->from_domain : ev->stanza->to_domain;
    } else if (from == to) {
        s.fate = RP_INSIDE;
        s.from_side = (enum gw_side)from;
    } else {
        s.from_side = (enum gw_side)from;
        judge(x, x->now, &s, &s.now);
        if (x->other) {
            judge(x, x->other, &s, &s.other);
            compare(&s);
        }
    }
    rp_count_stanza(&x->counts, &s);
    if (!x->other || s.differs)
        (x->o->json ? rp_json_stanza : rp_text_stanza)(&s);
}

/* ---- the capture ---- */

static void progress(struct run *x, uint64_t packet, bool last)
{
    if (!x->progress || (last && !x->progress_shown) || (!last && time(NULL) - x->begun < 2))
        return;
    if (last)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\r%llu packets, %llu stanzas ", (unsigned long long)packet, (unsigned long long)x->counts.fate[RP_JUDGED]);
    x->progress_shown = !last;
}

static int read_all(struct run *x, struct replay *r)
{
    struct replay_event ev;
    int err;
    while ((err = replay_next(r, &ev)) == 0 && ev.type != REPLAY_DONE) {
        if (ev.type == REPLAY_TICK) {
            progress(x, ev.packet, false);
            continue;
        }
        progress(x, 0, true);
        if (ev.type == REPLAY_STANZA) {
            one_stanza(x, &ev);
            continue;
        }
        x->counts.note[ev.note]++;
        if (!x->other)
            (x->o->json ? rp_json_note : rp_text_note)(&ev);
    }
    progress(x, 0, true);
    return err;
}

static size_t ports_of(const struct gw_conf *c, uint16_t *out, size_t max)
{
    size_t n = 0;
    out[n++] = 5222, out[n++] = 5223, out[n++] = 5269, out[n++] = 5270;
    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < c->side[s].n_ports && n < max; i++)
            out[n++] = c->side[s].ports[i];
    return n;
}

static int replay_file(struct run *x)
{
    char error[REPLAY_ERROR_MAX] = "";
    uint16_t ports[64];
    struct replay_conf rc = { .stanza_bytes = (size_t)x->conf->limits.stanza, .ports = ports, .tick = 20000 };
    struct replay_stats st;
    struct replay *r = NULL;
    int err;
    rc.n_ports = ports_of(x->conf, ports, sizeof ports / sizeof *ports);
    judge_limits(x->conf, &rc.limits);
    err = replay_open(x->o->file, &rc, &r, error);
    if (err < 0) {
        fprintf(stderr, "lockgate replay: %s: %s\n", x->o->file, error[0] ? error : gw_strerror(err));
        return CTL_USAGE;
    }
    err = read_all(x, r);
    replay_stats(r, &st);
    if (err < 0)
        fprintf(stderr, "lockgate replay: %s\n", gw_strerror(err));
    else if (x->o->json)
        rp_json_summary(x->o->file, &x->counts, &st, x->other != NULL);
    else
        rp_text_summary(&x->counts, &st, x->other != NULL);
    replay_free(r);
    return err < 0 || x->counts.differ || x->counts.note[REPLAY_N_END] ? CTL_NO : CTL_YES;
}

/* ---- the verb ---- */

static int options(int argc, char **argv, struct options *o)
{
    *o = (struct options){ .conf = CTL_CONF_DEFAULT };
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(usage, stdout);
            return 1;
        } else if (!strcmp(argv[i], "--json")) {
            o->json = true;
        } else if (!strcmp(argv[i], "-c") && more) {
            o->conf = argv[++i];
        } else if (!strcmp(argv[i], "--rules") && more) {
            o->rules = argv[++i];
        } else if (!strcmp(argv[i], "--against") && more) {
            o->against = argv[++i];
        } else if ((argv[i][0] != '-' || !argv[i][1]) && !o->file) {
            o->file = argv[i];
        } else {
            ctl_unknown("replay", argv[i], usage);
            return -1;
        }
    }
    if (o->file)
        return 0;
    fprintf(stderr, "lockgate replay: which capture?\n%s", usage);
    return -1;
}

int verb_replay(int argc, char **argv)
{
    struct options o;
    struct run x = { .o = &o, .begun = time(NULL), .progress = isatty(STDERR_FILENO) };
    int status = options(argc, argv, &o);
    if (status)
        return status > 0 ? CTL_YES : CTL_USAGE;
    if (jid_init())
        return fprintf(stderr, "lockgate replay: ICU is not usable; is libicu72 installed as a whole?\n"), CTL_NO;
    status = CTL_CONF;
    x.conf = ctl_load(o.conf);
    if (x.conf && (x.now = judge_new(o.rules ? o.rules : x.conf->rules, (int64_t)x.begun * 1000, false)) &&
        (!o.against || (x.other = judge_new(o.against, (int64_t)x.begun * 1000, false))))
        status = replay_file(&x);
    rp_counts_clear(&x.counts);
    judge_free(x.now);
    judge_free(x.other);
    gw_conf_free(x.conf);
    jid_finish();
    return status;
}
