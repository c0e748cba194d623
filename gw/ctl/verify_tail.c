/* SPDX-License-Identifier: GPL-3.0-or-later
 * How long records wait for a checkpoint. The clock is the records' own: a copy may be looked at years later. What stood still
 * meanwhile (the journal was started anew, the disk was full, the clock moved) does not count: the journal's own records tell of it. */
#include "verify_tail.h"

/* A member of a line; false: it has none of this name. */
static bool member(struct str line, const char *name, struct led_member *ret)
{
    struct led_reader r;

    led_read(&r, line);
    while (led_read_next(&r, ret) == 1)
        if (str_eq(ret->name, str_c(name)))
            return true;
    return false;
}

static bool own(const struct led_head *h)
{
    return h->event == GW_EV_JOURNAL && str_eq(h->program, STR("journal"));
}

void tail_learn(struct tail *t, const struct led_head *h, struct str line)
{
    struct led_member m;

    if (!own(h) || !member(line, "checkpoint_ms", &m) || m.type != LED_NUM || m.num == 0 || m.num > TAIL_SIGNS_MS)
        return;
    t->signs_ms = m.num;
    t->teller = h->seq;
}

static void own_line(struct tail *t, const struct led_head *h, struct str line)
{
    static const char *const stood[] = { "started", "clock-moved", "disk-full", "sync-failed" };
    struct led_member m;

    if (!member(line, "action", &m))
        return;
    for (size_t i = 0; i < sizeof stood / sizeof *stood; i++)
        if (str_eq(m.raw, str_c(stood[i]))) {
            t->waited_ms = tail_waited_ms(t); /* it does not excuse what waited before it */
            t->since_us = t->last_us = h->time_us;
        }
    if (str_eq(m.raw, STR("stopped")))
        t->closed = h->seq;
    if (str_eq(m.raw, STR("checkpoint-late")))
        t->late = h->seq;
}

void tail_line(struct tail *t, const struct led_head *h, struct str line)
{
    tail_learn(t, h, line);
    if (t->n++ == 0) {
        t->first = h->seq;
        t->since_us = t->last_us = h->time_us;
    }
    if (own(h))
        own_line(t, h, line);
    t->last_us = h->time_us;
}

void tail_signed(struct tail *t)
{
    *t = (struct tail){ .signs_ms = t->signs_ms, .teller = t->teller, .signed_ms = t->signs_ms, .signed_teller = t->teller };
}

uint64_t tail_waited_ms(const struct tail *t)
{
    uint64_t now = t->n && t->last_us > t->since_us ? (t->last_us - t->since_us) / 1000 : 0;

    return now > t->waited_ms ? now : t->waited_ms;
}

uint64_t tail_signs_ms(const struct tail *t)
{
    uint64_t most = t->signed_ms ? t->signed_ms : TAIL_SIGNS_MS;

    return t->signs_ms && t->signs_ms < most ? t->signs_ms : most;
}

uint64_t tail_teller(const struct tail *t)
{
    return tail_signs_ms(t) == t->signs_ms ? t->teller : t->signed_teller;
}

enum tail_why tail_overdue(const struct tail *t)
{
    if (t->closed)
        return TAIL_CLOSED;
    return tail_waited_ms(t) > tail_signs_ms(t) + TAIL_SLACK_MS ? TAIL_TIME : TAIL_NORMAL;
}
