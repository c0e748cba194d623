/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines about decisions, with repeats counted. */
#include <stdio.h>

#include "say.h"

#define FIELDS_MAX 2048

static void put_place(struct wire_out *o, const struct said *w)
{
    char text[NET_TEXT_MAX];
    field_z(o, GW_F_SRC_IP, net_text(&w->from, text));
    if (w->from.port)
        field_num(o, GW_F_SRC_PORT, w->from.port);
    field_z(o, GW_F_DEST_IP, net_text(&w->to, text));
    if (w->to.port)
        field_num(o, GW_F_DEST_PORT, w->to.port);
}

static int line(struct say *s, const struct said *w, uint64_t count)
{
    unsigned char room[FIELDS_MAX];
    struct buf b = { .p = room, .cap = sizeof room, .max = sizeof room };
    struct wire_out o;
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(s->side));
    if (w->action)
        field_z(&o, GW_F_ACTION, w->action);
    if (w->from.family)
        put_place(&o, w);
    if (w->proto)
        field_z(&o, GW_F_PROTO, w->proto);
    if (w->verdict)
        field_z(&o, GW_F_VERDICT, w->verdict);
    field_z(&o, GW_F_REASON, gw_reason_code(w->reason));
    if (count > 1)
        field_num(&o, GW_F_COUNT, count);
    int e = o.err ? o.err : outbox_add(s->outbox, LINE_TARGET_NONE, NULL, GW_EV_ADMISSION, buf_str(&b), NULL);
    if (e)
        s->lost++;
    return e;
}

static struct say_kind *find_kind(struct say *s, const struct said *w)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct said *k = &s->kind[i].what;
        if (k->reason != w->reason || k->action != w->action || k->to.port != w->to.port || k->from.family != w->from.family || strcmp(k->proto, w->proto) != 0)
            continue;
        if (!k->from.family || (net_same_host(&k->from, &w->from) && net_same_host(&k->to, &w->to)))
            return &s->kind[i];
    }
    return NULL;
}

/* A source that tries thousands of addresses must not write thousands of lines: past the kinds, only numbers are kept. */
int say_decision(struct say *s, const struct said *w, int64_t now_ms)
{
    struct say_kind *k = find_kind(s, w);
    bool noise = !w->verdict;
    int64_t due = now_ms + (noise ? SAY_NOISE_MS : SAY_PERIOD_MS);
    if (!s->due || due < s->due)
        s->due = due;
    if (k) {
        k->repeats++;
        return s->lost ? GW_ERR(LIMIT) : 0;
    }
    if (s->n == SAY_KINDS || (noise && s->n_noise == SAY_NOISE)) {
        s->others[w->reason]++;
        return s->lost ? GW_ERR(LIMIT) : 0;
    }
    k = &s->kind[s->n++];
    s->n_noise += noise;
    *k = (struct say_kind){ .what = *w, .due = due };
    snprintf(k->proto, sizeof k->proto, "%s", w->proto);
    k->what.proto = k->proto;
    k->what.from.port = 0;
    return line(s, w, 1);
}

/* Noise whose hour has not passed stays, in front; the others are told. */
static int tell_kinds(struct say *s, int64_t now_ms)
{
    size_t n = 0;
    int e = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct say_kind *k = &s->kind[i];
        if (now_ms < k->due && !k->what.verdict) {
            if (&s->kind[n] != k)
                s->kind[n] = *k;
            s->kind[n].what.proto = s->kind[n].proto;
            s->due = !s->due || k->due < s->due ? k->due : s->due;
            n++;
        } else if (k->repeats) {
            e |= line(s, &k->what, k->repeats);
        }
    }
    s->n = s->n_noise = n;
    return e;
}

static const char *verdict_of(enum gw_reason r)
{
    return r == GW_R_LINK_LOCAL ? NULL : r == GW_R_ADMITTED || r == GW_R_ANSWERED ? "admit" : "drop";
}

void say_tick(struct say *s, int64_t now_ms)
{
    if (!s->due || now_ms < s->due)
        return;
    s->due = 0;
    s->lost = 0;
    int e = tell_kinds(s, now_ms);
    for (int r = 0; r < GW_R_COUNT; r++) {
        const struct said rest = { .reason = (enum gw_reason)r, .verdict = verdict_of((enum gw_reason)r) };
        if (s->others[r])
            e |= line(s, &rest, s->others[r]);
        s->others[r] = 0;
    }
    if (e) /* the journal is away and the outbox full: nobody is admitted before that changes */
        s->due = now_ms + SAY_PERIOD_MS;
}
