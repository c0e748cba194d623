/* SPDX-License-Identifier: GPL-3.0-or-later
 * Text on its way to scanners and back. An answer that does not come in time is "unknown", and the scanner is ended. */
#include "log.h"
#include "state.h"

static void push(struct job_queue *q, struct job *j)
{
    j->scan_next = NULL;
    if (q->tail)
        q->tail->scan_next = j;
    else
        q->head = j;
    q->tail = j;
    q->n++;
}

static struct job *pop(struct job_queue *q)
{
    struct job *j = q->head;
    if (!j)
        return NULL;
    q->head = j->scan_next;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    return j;
}

void job_step(struct guard *g, struct job *j, enum pol_step step)
{
    if (step != POL_DONE)
        scan_submit(g, j);
    else if (pol_verdict(j->eval)->verdict == GW_V_HOLD && !j->probe)
        hold_submit(g, j);
    else
        j->state = JOB_READY;
}

void scan_failed(struct guard *g, struct job *j, enum gw_reason why)
{
    struct pair *p = j->flow->pair;
    job_step(g, j, pol_resume(j->eval, NULL, why));
    pair_commit(g, p);
}

static struct scanner *idle_most(struct guard *g)
{
    struct scanner *best = NULL;
    for (unsigned i = 0; i < GUARD_SCANNERS_MAX; i++) {
        struct scanner *s = &g->scanner[i];
        if (s->linked && s->q.n < GUARD_SCAN_DEPTH && s->bytes < GUARD_SCAN_BYTES && (!best || s->q.n < best->q.n))
            best = s;
    }
    return best;
}

static bool send(struct guard *g, struct scanner *s, struct job *j)
{
    buf_reset(&g->scan_bytes);
    j->scan_id = ++g->scan_id;
    if (scan_request_put(&g->scan_bytes, pol_scan_request(j->eval)))
        return false;
    struct msg_scan m = { .id = j->scan_id, .request = buf_str(&g->scan_bytes) };
    if (g->io.scan(g->io.ctx, (unsigned)(s - g->scanner), &m))
        return false;
    g->counts.scans++;
    j->state = JOB_SCANNING;
    j->since = g->seen;
    j->scan_bytes = buf_size(&g->scan_bytes);
    s->bytes += j->scan_bytes;
    push(&s->q, j);
    return true;
}

void scan_submit(struct guard *g, struct job *j)
{
    struct scanner *s = g->waiting.head ? NULL : idle_most(g); /* those that wait go first */
    if (!s) {
        j->state = JOB_WAITS;
        j->since = g->now;
        push(&g->waiting, j);
    } else if (!send(g, s, j)) {
        job_step(g, j, pol_resume(j->eval, NULL, GW_R_SCAN_FAILED));
    }
}

static void feed(struct guard *g)
{
    for (struct scanner *s; g->waiting.head && (s = idle_most(g));) {
        struct job *j = pop(&g->waiting);
        if (!send(g, s, j))
            scan_failed(g, j, GW_R_SCAN_FAILED);
    }
}

/* The first question is the one that it was at: unknown. The others were not begun; each may be asked once more. */
static void lost(struct guard *g, struct scanner *s, enum gw_reason why)
{
    struct job_queue left = s->q;
    s->linked = s->overdue = s->timed = false;
    s->bytes = 0;
    s->q = (struct job_queue){ 0 };
    g->counts.scan_lost++;
    struct job *first = pop(&left);
    struct job_queue later = g->waiting;
    g->waiting = (struct job_queue){ 0 };
    for (struct job *j; (j = pop(&left));) {
        j->tries++;
        j->state = JOB_WAITS;
        j->since = g->now;
        if (j->tries < 2)
            push(&g->waiting, j);
        else
            scan_failed(g, j, why);
    }
    for (struct job *j; (j = pop(&later));)
        push(&g->waiting, j);
    if (first)
        scan_failed(g, first, why);
    feed(g);
}

void guard_scanner_linked(struct guard *g, unsigned i)
{
    if (i >= GUARD_SCANNERS_MAX)
        return;
    if (g->scanner[i].linked)
        lost(g, &g->scanner[i], GW_R_SCAN_FAILED);
    g->scanner[i] = (struct scanner){ .linked = true, .since = g->seen };
    feed(g);
}

void guard_scanner_lost(struct guard *g, unsigned i)
{
    if (i < GUARD_SCANNERS_MAX && g->scanner[i].linked)
        lost(g, &g->scanner[i], GW_R_SCAN_FAILED);
}

int guard_scanned(struct guard *g, unsigned i, const struct msg_scanned *m)
{
    struct scanner *s = i < GUARD_SCANNERS_MAX ? &g->scanner[i] : NULL;
    struct scan_result r;
    if (!s || !s->linked || !s->q.head || s->q.head->scan_id != m->id)
        return GW_ERR(PROTO);
    arena_reset(&g->scan_arena);
    int rc = scan_result_get(m->result, &g->scan_arena, &r);
    if (rc)
        return rc; /* broken: its channel goes, and with it this question is unknown */
    struct job *j = pop(&s->q);
    struct pair *p = j->flow->pair; /* feeding may finish other stanzas of this pair, and with them this one */
    s->since = g->seen;
    s->overdue = s->timed = false;
    s->bytes -= j->scan_bytes;
    j->scan_us += (int64_t)((r.yara_ns + r.dlp_ns) / 1000);
    job_step(g, j, pol_resume(j->eval, &r, GW_R_SCAN_FAILED));
    feed(g);
    pair_commit(g, p);
    return 0;
}

/* What is left of a scanner's time for its first question, which runs since it got it, or since it was done with the one before. A
 * large question may take longer, by its bytes. A machine that does not let the guard run (it is full of other work, or stood
 * still) does not let the scanner run either: of such a gap only GUARD_BLINK_MS count, so that load refuses no stanza. What is below 0
 * is over. */
static int64_t left_ms(const struct guard *g, const struct scanner *s, int64_t *ret_limit)
{
    const struct job *j = s->q.head;
    int64_t since = j->since > s->since ? j->since : s->since;
    *ret_limit = g->conf->limits.scan * (int64_t)(1 + (j->scan_bytes - 1) / GUARD_SCAN_UNIT);
    return *ret_limit - (g->seen - since);
}

/* Its time is over by the clock: did it have a processor meanwhile? One that other work keeps from running has not used a quarter of
 * the limit since half of it was over. It may go on, but not for ever: then it sleeps, or stands still. */
static bool starved(const struct guard *g, const struct scanner *s, int64_t left, int64_t limit)
{
    int64_t cpu = s->timed && s->cpu >= 0 ? g->io.scanner_cpu(g->io.ctx, (unsigned)(s - g->scanner)) : -1;
    return cpu >= 0 && cpu - s->cpu < (limit + 3) / 4 && limit - left < limit * GUARD_STARVED_TIMES;
}

int scan_tick(struct guard *g)
{
    int64_t next = -1, limit;
    for (unsigned i = 0; i < GUARD_SCANNERS_MAX; i++) {
        struct scanner *s = &g->scanner[i];
        if (!s->linked || !s->q.head)
            continue;
        int64_t left = left_ms(g, s, &limit);
        if (!s->timed && left <= limit / 2) {
            s->timed = true;
            s->cpu = g->io.scanner_cpu(g->io.ctx, i);
        }
        if (left > 0) {
            s->overdue = false;
            left = left < GUARD_BLINK_MS ? left : GUARD_BLINK_MS; /* longer sleep would not count */
        } else if (!s->overdue) { /* its answer may lie in the channel, unread */
            s->overdue = true;
            left = 0;
        } else if (starved(g, s, left, limit)) {
            left = GUARD_BLINK_MS;
        } else {
            log_warn("scanner %u did not answer within %lld ms; it is ended", i, (long long)(limit - left));
            (void)g->io.kill_scanner(g->io.ctx, i); /* without it the parent sees it hang, too */
            lost(g, s, GW_R_SCAN_TIMEOUT);
            left = limit;
        }
        next = next < 0 || left < next ? left : next;
    }
    while (g->waiting.head && g->now - g->waiting.head->since >= GUARD_NO_SCANNER_MS)
        scan_failed(g, pop(&g->waiting), GW_R_SCAN_FAILED);
    if (g->waiting.head) {
        int64_t left = GUARD_NO_SCANNER_MS - (g->now - g->waiting.head->since);
        next = next < 0 || left < next ? left : next;
    }
    return (int)next;
}
