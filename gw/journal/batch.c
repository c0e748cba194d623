/* SPDX-License-Identifier: GPL-3.0-or-later
 * The batch: lines in, one write, one sync, and only then releases and acknowledgements out. */
#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "journal.h"
#include "log.h"

static uint64_t clock_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

uint64_t wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t mono_ms(void)
{
    return (int64_t)(clock_us(CLOCK_MONOTONIC) / 1000);
}

bool batch_full(const struct journal *j)
{
    /* a few places are kept for events of the journal's own */
    return j->n_lines >= BATCH_LINES - 64 || j->n_releases >= BATCH_LINES - 64 || buf_size(&j->text) >= BATCH_BYTES;
}

int64_t batch_wait_ms(const struct journal *j)
{
    int64_t left = j->since_ms + COMPANY_MS - mono_ms();

    return j->n_lines == 0 || j->awaited || j->n_releases > 0 || j->stop || batch_full(j) || left < 0 ? 0 : left;
}

static int put_line(struct journal *j, struct led_head *h, struct str fields)
{
    size_t before = buf_size(&j->text);
    int err;

    if (j->n_lines >= BATCH_LINES)
        return GW_ERR(LIMIT);
    h->time_us = wall_us();
    h->seq = j->store.seq + j->n_lines + 1;
    err = led_line(&j->text, h, fields);
    if (err)
        return err;
    if (j->n_lines == 0)
        j->since_ms = mono_ms();
    j->awaited |= h->event != GW_EV_DELIVERY && h->event != GW_EV_SETTLEMENT;
    j->lengths[j->n_lines++] = (uint32_t)(buf_size(&j->text) - before);
    return 0;
}

int batch_own(struct journal *j, enum gw_event event, struct str fields)
{
    struct led_head h = { .event = (int)event, .program = STR("journal"), .epoch = j->epoch, .number = j->self->last + 1 };
    int err = put_line(j, &h, fields);

    if (!err) {
        j->self->last++;
        j->self->used = h.seq;
    }
    return err;
}

void batch_event(struct journal *j, const char *action, const char *subject, uint64_t count, const char *detail_fmt, ...)
{
    int err;
    struct wire_out o;
    struct buf b;
    char text[512];
    va_list ap;

    va_start(ap, detail_fmt);
    vsnprintf(text, sizeof text, detail_fmt, ap);
    va_end(ap);
    buf_init(&b, 8192);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_ACTION, action);
    if (subject)
        field_z(&o, GW_F_PROGRAM, subject);
    field_z(&o, GW_F_SENTENCE, text);
    field_num(&o, GW_F_CHECKPOINT_MS, (uint64_t)j->conf->journal.checkpoint); /* who verifies a copy has no configuration */
    field_num(&o, GW_F_COUNT, count);
    err = o.err ? o.err : batch_own(j, GW_EV_JOURNAL, buf_str(&b));
    if (err)
        log_error("an event of the journal's own (%s) could not be recorded: %s", action, gw_strerror(err));
    buf_clear(&b);
}

/* ---- a line of another program ---- */
static void add_release(struct journal *j, const struct msg_line *m)
{
    struct release *r = &j->releases[j->n_releases++];

    r->side = m->target;
    r->m.guard = m->guard;
    r->m.number = m->number;
    r->m.hash = m->hash;
}

/* Told again: not written again; released again if it is the same record. */
static void told_again(struct journal *j, struct channel *ch, const struct msg_line *m, const unsigned char mac[LED_MAC])
{
    const struct recall *r = sender_recall(ch->sender, m->number);

    j->stats.duplicates++;
    if (m->target == LINE_TARGET_NONE)
        return;
    if (!r) {
        log_warn("%s told line %llu again, too late to repeat its release", ch->program, (unsigned long long)m->number);
        return;
    }
    if (r->target != m->target || memcmp(r->mac, mac, LED_MAC) != 0)
        links_break(j, ch, "a line was told again with another record to release");
    else
        add_release(j, m);
}

static const char *bind_sender(struct journal *j, struct channel *ch, const struct msg_line *m)
{
    if (ch->sender && ch->sender->epoch == m->guard)
        return NULL;
    if (ch->sender)
        return "its epoch changed in the midst of its lines";
    ch->sender = senders_get(&j->senders, str_c(ch->program), m->guard, true);
    if (!ch->sender)
        log_fatal("out of memory");
    ch->sender->bound = true;
    return NULL;
}

static const char *check_line(struct journal *j, struct channel *ch, const struct msg_line *m, struct told *ret)
{
    const char *why = allowed(ch, m->event, m->fields, ret);

    if (!why)
        why = bind_sender(j, ch, m);

    if (why)
        return why;
    if (m->number == 0 || m->number > ch->sender->last + 1)
        return "the numbers of its lines have a gap";
    if (m->target != LINE_TARGET_NONE && (ch->role != IPC_GUARD || m->target >= GW_SIDES))
        return "it asked for a release that is not its to ask";
    if (m->evidence.n && (ch->role != IPC_GUARD || m->event != GW_EV_VERDICT || j->evidence.dir_fd < 0))
        return "evidence that is not its to give";
    return NULL;
}

/* The line names the piece of evidence that lies beside it, so that the tree covers both. */
static int put_evidence_line(struct journal *j, struct led_head *h, const struct msg_line *m)
{
    unsigned char sha256[32];
    bool failing = j->evidence.said;
    struct wire_out o;
    struct buf b;
    int err, kept = evidence_keep(&j->evidence, j->store.seq + j->n_lines + 1, m->evidence, !space_is_little(j), sha256);

    if (kept < 0)
        err = put_line(j, h, m->fields);
    else {
        buf_init(&b, m->fields.n + 64);
        wire_out_init(&o, &b);
        wire_put_bytes(&o, m->fields.p, m->fields.n);
        field_hex(&o, GW_F_EVIDENCE, sha256, sizeof sha256);
        err = o.err ? o.err : put_line(j, h, buf_str(&b));
        buf_clear(&b);
    }
    if (!err && j->evidence.said != failing)
        batch_event(j, kept < 0 ? "evidence-failed" : "evidence-kept", NULL, j->evidence.failed, kept < 0 ?
            "evidence could not be kept (%s); verdicts go on without it" : "evidence is kept again (%s)",
            kept == GW_ERR(LIMIT) ? "the disk is nearly full" : gw_strerror(kept));
    return err;
}

void batch_line(struct journal *j, struct channel *ch, const struct ipc_msg *msg)
{
    struct led_head h = { .program = str_c(ch->program) };
    struct msg_line m;
    struct told told;
    const char *why = ipc_get_line(msg, &m) < 0 ? "a line could not be decoded" : check_line(j, ch, &m, &told);
    int err;

    budget_charge(ch, msg->payload.n);
    if (why) {
        links_break(j, ch, why);
        return;
    }
    ch->acknowledge = true;
    if (m.number > ch->told)
        ch->told = m.number;
    if (m.target != LINE_TARGET_NONE) {
        h.has_release = true;
        h.target = m.target;
        led_mac(&j->mac_key, m.guard, m.number, m.target, m.hash.b, h.mac);
    }
    if (m.number <= ch->sender->last) {
        told_again(j, ch, &m, h.mac);
        return;
    }
    h.event = (int)settle_event(j, (enum gw_event)m.event, &told);
    h.epoch = m.guard;
    h.number = m.number;
    err = m.evidence.n ? put_evidence_line(j, &h, &m) : put_line(j, &h, m.fields);
    if (err == GW_ERR(NOMEM))
        log_fatal("out of memory");
    if (err) {
        links_break(j, ch, "a line is not in the closed schema");
        return;
    }
    if (h.has_release && sender_remember(ch->sender, m.number, m.target, h.mac) < 0)
        log_fatal("out of memory");
    if (h.has_release)
        add_release(j, &m);
    ch->sender->last = m.number;
    ch->sender->used = h.seq;
    settle_line(j, &h, &told);
}

/* ---- commit ---- */
/* A wall clock that jumps makes times in the log untrue: the jump itself is a record. */
static void watch_clock(struct journal *j)
{
    int64_t offset = (int64_t)(clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC)), step = offset - j->clock_offset;

    j->clock_offset = offset;
    if (step < 1000000 && step > -1000000)
        return;
    batch_event(j, "clock-moved", NULL, (uint64_t)((step < 0 ? -step : step) / 1000000), "the clock moved %s by %lld seconds",
        step < 0 ? "back" : "forward", (long long)((step < 0 ? -step : step) / 1000000));
}

static bool flush(struct journal *j, struct channel *ch)
{
    int err = ipc_queued(ch->c) > 0 ? ipc_flush(ch->c) : 0;

    if (err < 0 && err != GW_ERR(AGAIN) && ch->role != IPC_PARENT)
        links_drop(j, ch);
    return err == 0;
}

/* A journal that was started again may hear the guard before it is joined to the edges: what they are to be told would be lost, and
 * the orders would lie there until their time is over. An edge that was there and is gone is another matter: its orders went with it. */
static bool not_yet(const struct journal *j, uint8_t side)
{
    return side < GW_SIDES && !j->edge_seen[side] && mono_ms() < j->started_ms + EDGE_WAIT_MS;
}

static size_t keep_waiting(struct journal *j)
{
    size_t n = 0;

    for (size_t r = 0; r < j->n_releases && n < BATCH_LINES / 2; r++)
        if (not_yet(j, j->releases[r].side))
            j->releases[n++] = j->releases[r];
    return n;
}

/* Guards only grow, and so do the numbers of each. An edge that is started anew is told this (links.c). */
static void note_released(struct msg_released *newest, const struct msg_release *m)
{
    if (m->guard > newest->guard || (m->guard == newest->guard && m->number > newest->number))
        *newest = (struct msg_released){ .guard = m->guard, .number = m->number };
}

/* Releases first: true when they are all out of our hands. A channel that cannot take one is broken; its program then knows
 * from its successor. */
static bool release(struct journal *j)
{
    bool out = true;

    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        struct channel *ch = &j->ch[i];
        if (ch->role != IPC_EDGE)
            continue;
        for (size_t r = 0; r < j->n_releases && ch->c; r++)
            if (ch->side == j->releases[r].side && ipc_put_release(ch->c, &j->releases[r].m) < 0)
                links_drop(j, ch);
        if (ch->c && !flush(j, ch) && ch->c)
            out = false;
    }
    for (size_t r = 0; r < j->n_releases; r++)
        if (!not_yet(j, j->releases[r].side))
            note_released(&j->released[j->releases[r].side], &j->releases[r].m);
    size_t waiting = keep_waiting(j);
    j->stats.releases += j->n_releases - waiting;
    j->n_releases = waiting;
    return out && waiting == 0;
}

/* A guard forgets a line when it is told that it is durable, so it is told only when the release can no longer be lost with us:
 * then it lies in the edge's socket. And only lines of this channel count: those of a former life it must tell again. */
static void tell(struct journal *j)
{
    bool out = release(j);

    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        struct channel *ch = &j->ch[i];
        if (ch->c && ch->acknowledge && (out || ch->role != IPC_GUARD)) {
            struct msg_durable d = { .guard = ch->sender->epoch, .number = ch->durable };
            ch->acknowledge = ch->durable < ch->told;
            if (ipc_put_durable(ch->c, &d) < 0)
                links_drop(j, ch);
        }
        if (ch->c)
            (void)flush(j, ch);
    }
}

/* All that was taken so far is on disk. */
static void mark_durable(struct journal *j)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        j->ch[i].durable = j->ch[i].told;
}

static void blocked(struct journal *j)
{
    if (!j->blocked) {
        j->blocked_ms = mono_ms();
        j->stats.full++;
        log_error("the journal cannot be written (%s): nothing crosses until it can; trying every second", strerror(j->store.why));
    }
    j->blocked = true;
    j->retry_ms = mono_ms() + 1000;
}

static int write_batch(struct journal *j)
{
    uint64_t start = clock_us(CLOCK_MONOTONIC), took;
    int err = store_append(&j->store, buf_data(&j->text), buf_size(&j->text), j->n_lines);

    if (err == GW_ERR(AGAIN)) {
        blocked(j);
        return err;
    }
    if (err < 0) {
        log_error("the journal cannot be written; ending");
        j->stop = true;
        j->exit_status = 74; /* EX_IOERR */
        return err;
    }
    took = clock_us(CLOCK_MONOTONIC) - start;
    j->stats.sync_us += took;
    if (took > j->stats.sync_us_max)
        j->stats.sync_us_max = took;
    j->stats.batches++;
    j->stats.records += j->n_lines;
    j->stats.bytes += buf_size(&j->text);
    return 0;
}

/* Hashing waits until the releases are out: it delays nobody then. */
static void hash_batch(struct journal *j)
{
    const char *p = (const char *)buf_data(&j->text);

    for (size_t i = 0; i < j->n_lines; i++) {
        notary_add(&j->notary, (struct str){ p, j->lengths[i] - 1 });
        p += j->lengths[i];
    }
    j->n_lines = 0;
    j->awaited = false;
    buf_reset(&j->text);
}

void batch_commit(struct journal *j)
{
    if (j->n_lines > 0 && !j->blocked)
        watch_clock(j);
    if (j->n_lines > 0 && write_batch(j) < 0)
        return;
    mark_durable(j);
    tell(j);
    hash_batch(j);
    if (j->blocked) {
        int64_t ms = mono_ms() - j->blocked_ms;
        j->blocked = false;
        j->open_from_ms = mono_ms(); /* what was to be told meanwhile still waits to be taken */
        log_info("the journal is written again after %lld seconds", (long long)(ms / 1000));
        batch_event(j, j->store.why == EIO ? "sync-failed" : "disk-full", NULL, (uint64_t)ms / 1000,
            "for %lld.%03lld seconds the journal could not be written (%s); nothing crossed in that time", (long long)(ms / 1000),
            (long long)(ms % 1000), strerror(j->store.why));
    }
    switch (store_rotate(&j->store, mono_ms())) {
    case 0:
        break;
    case GW_ERR(AGAIN):
        break; /* goes on in the old segment */
    default:
        j->stop = true;
        j->exit_status = 74;
    }
}
