/* SPDX-License-Identifier: GPL-3.0-or-later
 * Each number that the journal let go has exactly one record of its delivery (PROTOCOL.md, "Deliveries"). The guard tells it, as long
 * as there is one that knows; what nobody tells in time the journal records itself, as unknown. It knows what is open from what it
 * wrote, so a restart forgets nothing. */
#include "journal.h"
#include "log.h"
#include "reason.h"

#define TICK_MISSED_MS 2500 /* we stood still for longer: what waits to be taken from others comes first */

static uint32_t open_count(const struct open_table *t)
{
    return t->list[OPEN_WAITS].n + t->list[OPEN_SOON].n + t->list[OPEN_DUE].n;
}

/* ---- what a line is ---- */
static bool has_line(const struct journal *j, uint64_t guard, uint64_t number)
{
    for (size_t i = 0; i < j->senders.n; i++)
        if (j->senders.v[i]->epoch == guard && strncmp(j->senders.v[i]->program, "guard", 5) == 0)
            return number <= j->senders.v[i]->last;
    return false;
}

enum gw_event settle_event(struct journal *j, enum gw_event event, const struct told *m)
{
    const struct open_entry *e;

    if (event != GW_EV_DELIVERY)
        return event;
    if (!m->guard) /* a stanza that no edge has an order of any more: if it was released, its record is another one */
        return m->ticket && m->near < GW_SIDES && open_find_ticket(&j->open, m->near, m->ticket) ? GW_EV_SETTLEMENT : event;
    e = open_find(&j->open, m->guard, m->number);
    if (e ? e->list == OPEN_CLOSED && (e->record || !e->discarded) : has_line(j, m->guard, m->number))
        return GW_EV_SETTLEMENT;
    return event;
}

/* ---- what a line changes ---- */
static struct open_entry *put(struct journal *j, const struct told *m, enum open_list_id list)
{
    struct open_entry *e = open_put(&j->open, m, list, mono_ms());

    if (!e)
        j->open_lost++; /* said behind the recovery; while we run there is always room (settle_tick) */
    return e;
}

static void on_verdict(struct journal *j, const struct told *m, uint8_t target, uint64_t record)
{
    struct open_entry *e;

    if (m->probe || (target == GW_SIDES && !m->release))
        return;
    e = open_find(&j->open, m->guard, m->number);
    if (e && !e->discarded)
        return; /* its delivery came in front of it, when there was no line of it */
    if (e) { /* was it discarded by the edge that it went to? */
        e->discarded = e->target == target;
        open_ticket(&j->open, e, m->near, m->ticket);
        open_move(&j->open, e, e->discarded ? OPEN_DUE : OPEN_WAITS, mono_ms());
    } else {
        e = put(j, m, OPEN_WAITS);
    }
    if (!e)
        return;
    e->record = record;
    e->target = target;
    e->release = m->release;
}

static void on_delivery(struct journal *j, const struct told *m)
{
    struct open_entry *e = m->guard ? open_find(&j->open, m->guard, m->number) : NULL;
    struct told t = *m;

    if (!t.guard && (!t.ticket || t.near >= GW_SIDES))
        return;
    if (!t.guard)
        t.number = t.ticket;
    if (e)
        open_move(&j->open, e, OPEN_CLOSED, mono_ms());
    else
        e = put(j, &t, OPEN_CLOSED);
    if (e)
        e->discarded = false;
}

static void on_discarded(struct journal *j, const struct told *m, uint8_t side)
{
    struct open_entry *e = open_find(&j->open, m->guard, m->number);

    if (!e) { /* its line may lie in another channel still */
        e = put(j, m, OPEN_CLOSED);
        if (e)
            e->target = side;
    } else if (e->list == OPEN_CLOSED || e->target != side)
        return;
    else
        open_move(&j->open, e, OPEN_DUE, mono_ms());
    if (e)
        e->discarded = true;
}

void settle_line(struct journal *j, const struct led_head *h, const struct told *m)
{
    struct told t = *m;
    struct open_entry *e;

    switch ((unsigned)h->event) {
    case GW_EV_VERDICT:
        t.guard = h->epoch;
        t.number = h->number;
        on_verdict(j, &t, h->has_release ? h->target : GW_SIDES, h->seq);
        break;
    case GW_EV_DELIVERY:
        on_delivery(j, m);
        break;
    case GW_EV_SETTLEMENT:
        e = !m->guard && m->near < GW_SIDES ? open_find_ticket(&j->open, m->near, m->ticket) : NULL;
        if (e && e->list == OPEN_WAITS)
            open_move(&j->open, e, OPEN_SOON, mono_ms());
        break;
    case GW_EV_JOURNAL:
        if (m->discarded && m->guard && str_eq(h->program, STR("edge/high")))
            on_discarded(j, m, GW_HIGH);
        else if (m->discarded && m->guard && str_eq(h->program, STR("edge/low")))
            on_discarded(j, m, GW_LOW);
        break;
    default:
        break;
    }
}

void settle_edge_anew(struct journal *j, uint8_t side)
{
    struct open_entry *e = open_first(&j->open, OPEN_WAITS), *next;

    for (; e; e = next) {
        next = open_next(&j->open, e);
        if (e->target == side && e->record <= j->store.seq) /* what is in the batch goes to the new one */
            open_move(&j->open, e, OPEN_SOON, mono_ms());
    }
}

/* ---- the journal's own record ---- */
static enum gw_reason outcome(const struct open_entry *e, const char **ret_sentence)
{
    if (e->discarded) {
        *ret_sentence = "the edge that held it discarded it, since its guard was lost; it did not leave";
        return GW_R_GUARD_LOST;
    }
    if (e->target == GW_SIDES) {
        *ret_sentence = "it was not sent to the far edge, which was not there";
        return GW_R_EDGE_LOST;
    }
    *ret_sentence = e->full ? gw_reason_text(GW_R_OPEN_FULL) : "nobody told the journal what became of it: whether it was delivered cannot be known";
    return e->full ? GW_R_OPEN_FULL : GW_R_UNKNOWN_OUTCOME;
}

static int record(struct journal *j, struct open_entry *e)
{
    const char *sentence;
    enum gw_reason r = outcome(e, &sentence);
    struct wire_out o;
    struct buf b;
    int err;

    buf_init(&b, 2048);
    wire_out_init(&o, &b);
    if (e->near < GW_SIDES) {
        field_z(&o, GW_F_SIDE, gw_side_name(e->near));
        field_z(&o, GW_F_DIRECTION, e->near == GW_HIGH ? "high-to-low" : "low-to-high");
    }
    field_num(&o, GW_F_GUARD, e->guard);
    field_num(&o, GW_F_NUMBER, e->number);
    if (e->ticket)
        field_num(&o, GW_F_TICKET, e->ticket);
    field_z(&o, GW_F_DELIVERY, r == GW_R_UNKNOWN_OUTCOME || r == GW_R_OPEN_FULL ? "unknown" : gw_reason_code(r));
    field_z(&o, GW_F_REASON, gw_reason_code(r));
    field_z(&o, GW_F_SENTENCE, sentence);
    field_z(&o, GW_F_ACTION, e->release ? "forward" : "answer");
    field_num(&o, GW_F_RECORD, e->record);
    err = o.err ? o.err : batch_own(j, GW_EV_DELIVERY, buf_str(&b));
    buf_clear(&b);
    if (err)
        return err;
    j->stats.unsettled++;
    open_move(&j->open, e, OPEN_CLOSED, mono_ms());
    return 0;
}

/* As many as the batch takes; what it does not take stays due. */
static void record_due(struct journal *j)
{
    struct open_entry *e;
    int err = 0;

    while (!err && !batch_full(j) && (e = open_first(&j->open, OPEN_DUE)))
        err = record(j, e);
    if (err)
        log_error("a delivery could not be recorded: %s", gw_strerror(err));
}

/* ---- time ---- */
static void all_due(struct journal *j, enum open_list_id list, int64_t before_ms)
{
    struct open_entry *e;

    while ((e = open_first(&j->open, list)) && e->since_ms <= before_ms)
        open_move(&j->open, e, OPEN_DUE, e->since_ms);
}

void settle_tick(struct journal *j)
{
    int64_t now = mono_ms(), soon = now - SETTLE_SOON_MS, waits = now - j->conf->limits.deliver - SETTLE_GRACE_MS;
    struct open_entry *e;

    if (now - j->open_tick_ms > TICK_MISSED_MS)
        j->open_from_ms = now;
    j->open_tick_ms = now;
    if (j->open_from_ms <= soon)
        all_due(j, OPEN_SOON, soon);
    if (j->open_from_ms <= waits)
        all_due(j, OPEN_WAITS, waits);
    while (open_count(&j->open) - j->open.list[OPEN_DUE].n > OPEN_MAX && (e = open_first(&j->open, OPEN_WAITS))) {
        e->full = true;
        open_move(&j->open, e, OPEN_DUE, now);
    }
    record_due(j);
}

void settle_rest(struct journal *j)
{
    all_due(j, OPEN_SOON, INT64_MAX);
    all_due(j, OPEN_WAITS, INT64_MAX);
    while (j->open.list[OPEN_DUE].n && !j->blocked && j->exit_status == 0) {
        uint32_t before = j->open.list[OPEN_DUE].n;
        record_due(j);
        batch_commit(j);
        if (j->open.list[OPEN_DUE].n == before)
            break;
    }
}

/* ---- over a restart ---- */
uint64_t settle_oldest(const struct journal *j)
{
    uint64_t oldest = j->store.seq + j->n_lines + 1;

    for (int list = OPEN_WAITS; list <= OPEN_DUE; list++)
        for (const struct open_entry *e = open_first(&j->open, list); e; e = open_next(&j->open, e)) {
            if (e->record < oldest)
                oldest = e->record;
            if (list == OPEN_WAITS)
                break; /* in the order of their records */
        }
    return oldest;
}

static void take_member(const struct led_member *m, struct told *t)
{
    if (str_eq(m->name, STR("guard")))
        t->guard = m->num;
    else if (str_eq(m->name, STR("number")))
        t->number = m->num;
    else if (str_eq(m->name, STR("ticket")))
        t->ticket = m->num;
    else if (str_eq(m->name, STR("direction")))
        t->near = str_eq(m->raw, STR("high-to-low")) ? GW_HIGH : GW_LOW;
    else if (str_eq(m->name, STR("verdict")))
        t->release = str_eq(m->raw, STR("release"));
    else if (str_eq(m->name, STR("action"))) {
        t->probe = str_eq(m->raw, STR("probe"));
        t->discarded = str_eq(m->raw, STR("discarded"));
    }
}

void settle_read(struct str line, const struct led_head *h, struct told *ret)
{
    struct led_reader r;
    struct led_member m;

    *ret = (struct told){ .near = GW_SIDES };
    if (h->event != GW_EV_VERDICT && h->event != GW_EV_DELIVERY && h->event != GW_EV_SETTLEMENT && h->event != GW_EV_JOURNAL)
        return;
    led_read(&r, line);
    while (led_read_next(&r, &m) == 1)
        take_member(&m, ret);
}
