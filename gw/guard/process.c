/* SPDX-License-Identifier: GPL-3.0-or-later
 * The guard's core on its channels: everything that came is worked off, then everything is sent at once. */
#include "process.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define STARVED_MS 60000
#define LINES_MAX (256u << 20) /* bytes of journal lines that are not durable; behind it no verdict is given */

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Who brought what there was no memory for is ended first: what it holds here goes with it. When that did not help, what is held is our own. */
static int noted(struct process *p, int rc)
{
    if (rc == GW_ERR(NOMEM)) {
        int64_t now = clock_ms();
        p->starved |= p->starved_at && now - p->starved_at < STARVED_MS;
        p->starved_at = now ? now : 1;
    }
    return rc;
}

/* ---- what the core asks for ---- */

static int to_edge(struct process *p, enum gw_side side) { return p->ch[CH_EDGE + side] ? 0 : GW_ERR(CLOSED); }

static int do_order(void *ctx, enum gw_side to, const struct msg_order *m)
{
    struct process *p = ctx;
    return to_edge(p, to) ? GW_ERR(CLOSED) : noted(p, ipc_put_order(p->ch[CH_EDGE + to], m));
}
static int do_verdict(void *ctx, enum gw_side to, const struct msg_verdict *m)
{
    struct process *p = ctx;
    return to_edge(p, to) ? GW_ERR(CLOSED) : noted(p, ipc_put_verdict(p->ch[CH_EDGE + to], m));
}
static int do_settled(void *ctx, enum gw_side to, const struct msg_settled *m)
{
    struct process *p = ctx;
    return to_edge(p, to) ? GW_ERR(CLOSED) : noted(p, ipc_put_settled(p->ch[CH_EDGE + to], m));
}
static int do_flow(void *ctx, enum gw_side to, const struct msg_flow *m)
{
    struct process *p = ctx;
    return to_edge(p, to) ? GW_ERR(CLOSED) : noted(p, ipc_put_flow(p->ch[CH_EDGE + to], m));
}
static int do_scan(void *ctx, unsigned i, const struct msg_scan *m)
{
    struct process *p = ctx;
    return p->ch[CH_SCANNER + i] ? noted(p, ipc_put_scan(p->ch[CH_SCANNER + i], m)) : GW_ERR(CLOSED);
}
/* The channel goes at once; what the scanner still says is not heard. */
static int do_kill_scanner(void *ctx, unsigned i)
{
    struct process *p = ctx;
    ipc_free(p->ch[CH_SCANNER + i]);
    p->ch[CH_SCANNER + i] = NULL;
    return ipc_put_kill_scanner(p->ch[CH_PARENT], &(struct msg_kill_scanner){ .index = (uint8_t)i });
}
/* The clock of another process can be read by anybody (clock_getcpuclockid(3)); nothing else of it is reached that way. */
static int64_t do_scanner_cpu(void *ctx, unsigned i)
{
    const struct process *p = ctx;
    clockid_t clock;
    struct timespec t;
    if (!p->scanner_pid[i] || clock_getcpuclockid((pid_t)p->scanner_pid[i], &clock) || clock_gettime(clock, &t))
        return GW_ERR(SYS);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static int do_keep(void *ctx, const struct msg_keep *m)
{
    struct process *p = ctx;
    return p->ch[CH_JOURNAL] ? noted(p, ipc_put_keep(p->ch[CH_JOURNAL], m)) : GW_ERR(CLOSED);
}
static uint64_t do_next_number(void *ctx) { return ((struct process *)ctx)->lines.last + 1; }
static int do_line(void *ctx, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields, struct str evidence)
{
    struct process *p = ctx;
    return noted(p, outbox_add_evidence(&p->lines, target, hash, event, fields, evidence, NULL));
}

/* ---- channels ---- */

static void drop(struct process *p, int i, const char *why)
{
    if (!p->ch[i])
        return;
    if (i >= CH_EDGE)
        log_warn("the channel to edge/%s is closed: %s", gw_side_name((enum gw_side)(i - CH_EDGE)), why);
    else if (i >= CH_SCANNER)
        log_warn("the channel to scanner %d is closed: %s", i - CH_SCANNER, why);
    else if (i != CH_GUARD) /* that one ends with the guard at its other end */
        log_warn("the channel to the %s is closed: %s", i == CH_JOURNAL ? "journal" : "parent", why);
    ipc_free(p->ch[i]);
    p->ch[i] = NULL;
    if (i >= CH_EDGE)
        guard_edge_lost(p->guard, (enum gw_side)(i - CH_EDGE));
    else if (i >= CH_SCANNER)
        guard_scanner_lost(p->guard, (unsigned)(i - CH_SCANNER));
    else if (i == CH_JOURNAL)
        guard_journal_lost(p->guard);
}

static int place_of(const struct msg_link *m)
{
    if (m->role == IPC_JOURNAL)
        return CH_JOURNAL;
    if (m->role == IPC_EDGE && m->side < GW_SIDES)
        return CH_EDGE + m->side;
    if (m->role == IPC_GUARD)
        return CH_GUARD;
    if (m->role == IPC_SCANNER && m->index < GUARD_SCANNERS_MAX)
        return CH_SCANNER + m->index;
    return -1;
}

static int linked(struct process *p, const struct ipc_msg *msg)
{
    struct msg_link m;
    int rc = ipc_get_link(msg, &m), i = rc ? -1 : place_of(&m);
    if (i < 0 || msg->fd < 0) {
        if (msg->fd >= 0)
            close(msg->fd);
        return GW_ERR(PROTO);
    }
    struct ipc *c = ipc_new(msg->fd, IPC_GUARD, (enum ipc_role)m.role);
    if (!c)
        return GW_ERR(NOMEM);
    drop(p, i, "it was replaced");
    p->ch[i] = c;
    if (i >= CH_EDGE)
        p->heard[i - CH_EDGE] = false;
    if (i >= CH_EDGE)
        guard_edge_linked(p->guard, (enum gw_side)(i - CH_EDGE));
    else if (i >= CH_SCANNER) {
        p->scanner_pid[i - CH_SCANNER] = m.pid;
        guard_scanner_linked(p->guard, (unsigned)(i - CH_SCANNER));
    }
    else if (i == CH_JOURNAL)
        outbox_relink(&p->lines);
    return 0;
}

static int stats(struct process *p, const struct ipc_msg *msg)
{
    struct msg_stats_ask ask;
    struct guard_levels l;
    char hash[65], *q = hash;
    const struct guard_counts *c = guard_counts(p->guard);
    struct buf b;
    int rc = ipc_get_stats_ask(msg, &ask);
    if (rc)
        return rc;
    guard_levels(p->guard, &l);
    for (int i = 0; i < 32; i++, q += 2)
        snprintf(q, 3, "%02x", policy_hash(p->policy)[i]);
    buf_init(&b, 1u << 20);
    rc = buf_printf(&b, "{\"enforce\":%s,\"let_through\":%llu,\"epoch\":%llu,\"stanzas\":%llu,\"released\":%llu,\"rejected\":%llu,\"answered\":%llu,\"dropped\":%llu,\"held\":%llu,\"folded\":%llu,\"folded_bytes\":%llu,\"settled\":%llu,"
        "\"scans\":%llu,\"scanners_lost\":%llu,\"recovered\":%llu,\"under_judgement\":%zu,\"unsettled\":%zu,\"not_durable\":%zu,\"flows\":%zu,"
        "\"recovering\":%s,\"rules_hash\":\"%s\",\"rules\":[", p->enforce ? "true" : "false",
        (unsigned long long)c->let_through, (unsigned long long)p->lines.epoch, (unsigned long long)c->stanzas,
        (unsigned long long)c->verdicts[GW_V_RELEASE], (unsigned long long)c->verdicts[GW_V_REJECT],
        (unsigned long long)c->answered,
        (unsigned long long)c->verdicts[GW_V_DROP], (unsigned long long)c->verdicts[GW_V_HOLD], (unsigned long long)c->folded,
        (unsigned long long)c->folded_bytes, (unsigned long long)c->settled,
        (unsigned long long)c->scans, (unsigned long long)c->scan_lost, (unsigned long long)c->recovered, l.jobs, l.stubs,
        l.waiting_durable, l.flows, l.recovering ? "true" : "false", hash);
    bool first = true;
    for (size_t i = 0; !rc && i < policy_rule_count(p->policy) && buf_size(&b) < 900000; i++) {
        struct pol_rule_info r;
        policy_rule_get(p->policy, i, &r);
        if (!r.hits)
            continue;
        rc = buf_printf(&b, "%s{\"id\":%u,\"hits\":%llu,\"last_ms\":%lld}", first ? "" : ",", r.id, (unsigned long long)r.hits,
            (long long)r.last_hit_ms);
        first = false;
    }
    if (!rc)
        rc = buf_puts(&b, STR("]}"));
    if (!rc)
        rc = ipc_put_stats(p->ch[CH_PARENT], &(struct msg_stats){ .ask = ask.ask, .json = buf_str(&b) });
    buf_clear(&b);
    return rc;
}

/* At a reload, last of all: our successor counts on. */
static void hand_over(struct process *p)
{
    struct buf b;
    buf_init(&b, POLICY_HITS_MAX);
    if (policy_hits_put(p->policy, &b) || ipc_put_hits(p->ch[CH_PARENT], &(struct msg_hits){ .counts = buf_str(&b) }) || ipc_flush(p->ch[CH_PARENT]))
        log_warn("how often each rule held is not handed on");
    buf_clear(&b);
}

static int hits(struct process *p, const struct ipc_msg *msg)
{
    struct msg_hits m;
    int rc = ipc_get_hits(msg, &m);
    if (!rc)
        policy_hits_add(p->policy, m.counts);
    return rc;
}

static int probe(struct process *p, const struct ipc_msg *msg)
{
    struct msg_probe m;
    int rc = ipc_get_probe(msg, &m);
    if (!rc)
        guard_probe(p->guard, m.ask);
    return rc;
}

static int tell_probed(struct process *p)
{
    struct msg_probed m;
    return guard_probed(p->guard, &m) && p->ch[CH_PARENT] ? ipc_put_probed(p->ch[CH_PARENT], &m) : 0;
}

static int from_parent(struct process *p, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_LINK:
        return linked(p, m);
    case IPC_M_STOP:
        p->stop = true;
        return 0;
    case IPC_M_STATS_ASK:
        return stats(p, m);
    case IPC_M_HITS:
        return hits(p, m);
    case IPC_M_PROBE:
        return probe(p, m);
    default:
        return GW_ERR(PROTO);
    }
}

static int from_journal(struct process *p, const struct ipc_msg *m)
{
    struct msg_durable d;
    struct msg_kept k;
    if (m->type == IPC_M_KEPT)
        return ipc_get_kept(m, &k) ? GW_ERR(SYNTAX) : guard_kept(p->guard, &k);
    int rc = ipc_get_durable(m, &d);
    if (!rc)
        rc = outbox_durable(&p->lines, &d);
    if (!rc)
        guard_durable(p->guard, d.number);
    return rc;
}

/* One message of an edge: read, then done. */
#define TAKE(lower) \
    do { \
        struct msg_##lower in; \
        int rc = ipc_get_##lower(m, &in); \
        return rc ? rc : guard_##lower(p->guard, side, &in); \
    } while (0)

static int from_edge(struct process *p, enum gw_side side, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_HELLO:
        TAKE(hello);
    case IPC_M_FLOW:
        TAKE(flow);
    case IPC_M_FLOW_END:
        TAKE(flow_end);
    case IPC_M_STANZA:
        TAKE(stanza);
    case IPC_M_LOST:
        TAKE(lost);
    case IPC_M_SETTLE:
        TAKE(settle);
    case IPC_M_OPEN_TICKET:
        TAKE(open_ticket);
    case IPC_M_OPEN_NUMBER:
        TAKE(open_number);
    case IPC_M_OPEN_END:
        return guard_open_end(p->guard, side);
    case IPC_M_PAUSED:
        guard_paused(p->guard, side);
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

static int from_scanner(struct process *p, unsigned i, const struct ipc_msg *m)
{
    struct msg_scanned s;
    int rc = ipc_get_scanned(m, &s);
    return rc ? rc : guard_scanned(p->guard, i, &s);
}

/* At a reload: what the guard that we shall replace remembers. */
static int from_guard(struct process *p, const struct ipc_msg *m)
{
    struct msg_state s;
    int rc = ipc_get_state(m, &s);
    return rc ? rc : guard_state(p->guard, &s);
}

static int dispatch(struct process *p, int i, const struct ipc_msg *m)
{
    if (i >= CH_EDGE)
        return from_edge(p, (enum gw_side)(i - CH_EDGE), m);
    if (i >= CH_SCANNER)
        return from_scanner(p, (unsigned)(i - CH_SCANNER), m);
    return i == CH_JOURNAL ? from_journal(p, m) : i == CH_GUARD ? from_guard(p, m) : from_parent(p, m);
}

/* Everything that came on one channel. */
/* Of an edge only the first word (HELLO), until the other edge has said its own. */
static bool may_read(const struct process *p, int i) { return i < CH_EDGE || p->met || !p->heard[i - CH_EDGE]; }

static void heard(struct process *p, int i)
{
    if (i < CH_EDGE)
        return;
    p->heard[i - CH_EDGE] = true;
    p->met = p->met || (p->heard[GW_HIGH] && p->heard[GW_LOW]);
}

static void serve(struct process *p, int i)
{
    struct ipc_msg m;
    struct ipc *c = p->ch[i];
    int filled = noted(p, ipc_fill(c)), rc;
    while (!p->starved && p->ch[i] == c && may_read(p, i) && (rc = ipc_next(c, &m)) != 0) {
        if (rc > 0)
            rc = dispatch(p, i, &m);
        bool of_scanner = i >= CH_SCANNER && i < CH_EDGE; /* its answers are held against an arena: too large is its own fault */
        if (!of_scanner && noted(p, rc) && p->starved)
            return;
        if (rc >= 0)
            heard(p, i);
        if (rc < 0 && p->ch[i] == c) {
            drop(p, i, gw_strerror(rc));
            if (i >= CH_EDGE) /* alive too, and its peers must not wait until it ends by itself */
                (void)!ipc_put_edge_broken(p->ch[CH_PARENT], &(struct msg_edge_broken){ .side = (uint8_t)(i - CH_EDGE) });
            if (i >= CH_SCANNER && i < CH_EDGE) /* alive, but not to be believed: it is started anew */
                (void)do_kill_scanner(p, (unsigned)(i - CH_SCANNER));
            return;
        }
    }
    if (!p->starved && p->ch[i] == c && filled < 0 && filled != GW_ERR(AGAIN))
        drop(p, i, gw_strerror(filled));
}

/* ---- the loop ---- */

/* Questions go out at once: their time runs. What cannot go, or an end that is gone, is seen by the next wait. */
static void ask_scanners(struct process *p)
{
    for (int i = CH_SCANNER; i < CH_EDGE; i++)
        if (p->ch[i] && ipc_queued(p->ch[i]))
            (void)!ipc_flush(p->ch[i]);
}

static void tell_time(struct process *p)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    guard_clock(p->guard, clock_ms(), (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000);
}

static void send_lines(struct process *p)
{
    int rc = p->ch[CH_JOURNAL] ? outbox_send(&p->lines, p->ch[CH_JOURNAL]) : 0;
    if (rc && rc != GW_ERR(LIMIT)) /* LIMIT: the journal is slow; it will drain */
        drop(p, CH_JOURNAL, gw_strerror(rc));
}

int process_init(struct process *p, const struct gw_conf *conf, struct policy *policy, uint64_t epoch, const struct hash_key *key,
    int parent_fd)
{
    *p = (struct process){ .policy = policy, .enforce = !conf->watch };
    struct guard_io io = { .ctx = p, .order = do_order, .verdict = do_verdict, .settled = do_settled, .flow = do_flow, .scan = do_scan,
        .kill_scanner = do_kill_scanner, .scanner_cpu = do_scanner_cpu, .keep = do_keep, .next_number = do_next_number, .line = do_line };
    outbox_init(&p->lines, epoch, LINES_MAX);
    p->guard = guard_new(conf, policy, epoch, key, &io);
    p->ch[CH_PARENT] = ipc_new(parent_fd, IPC_GUARD, IPC_PARENT);
    if (!p->guard || !p->ch[CH_PARENT]) {
        process_clear(p);
        return GW_ERR(NOMEM);
    }
    guard_announce(p->guard);
    return 0;
}

static int put_state(void *ctx, struct str record)
{
    struct process *p = ctx;
    return ipc_put_state(p->ch[CH_GUARD], &(struct msg_state){ .record = record });
}

/* Once, when nothing more is judged here. What does not go is forgotten: the successor then does not know. */
static void give_state(struct process *p)
{
    if (p->given || !p->ch[CH_GUARD] || !guard_drained(p->guard))
        return;
    p->given = true;
    int rc = guard_give_state(p->guard, put_state, p);
    if (rc)
        log_warn("not all that was remembered could be handed over: %s", gw_strerror(rc));
    (void)!ipc_flush(p->ch[CH_GUARD]); /* the rest goes as it drains */
}

/* Both edges wait for our successor, and nothing is left to say: every line durable, every word sent. */
static bool all_done(const struct process *p)
{
    if (!guard_drained(p->guard) || p->lines.durable != p->lines.last)
        return false;
    for (int i = CH_EDGE; i < CH_COUNT; i++)
        if (p->ch[i] && ipc_queued(p->ch[i]))
            return false;
    return !p->ch[CH_GUARD] || !ipc_queued(p->ch[CH_GUARD]);
}

/* True when the journal or an edge stayed away for so long that only a new start brings it back: a program that died is linked
 * anew within seconds, a channel that was broken for what came over it is not. */
static bool forsaken(struct process *p, int *timeout)
{
    bool missing = !p->ch[CH_JOURNAL] || !p->ch[CH_EDGE + GW_HIGH] || !p->ch[CH_EDGE + GW_LOW];
    int64_t now = clock_ms();
    if (!missing) {
        p->missing_since = 0;
        return false;
    }
    if (!p->missing_since)
        p->missing_since = now ? now : 1;
    if (*timeout < 0 || *timeout > 1000)
        *timeout = 1000;
    return now - p->missing_since > IPC_LINK_LOST_MS;
}

/* The channels to wait for. */
static void listen_to(struct process *p, struct ipc *v[CH_COUNT])
{
    memcpy(v, p->ch, sizeof p->ch);
    for (int side = 0; side < GW_SIDES && !p->met; side++)
        if (p->heard[side])
            v[CH_EDGE + side] = NULL;
}

int process_run(struct process *p)
{
    bool ready[CH_COUNT] = { false };
    if (ipc_put_ready(p->ch[CH_PARENT], &(struct msg_ready){ }))
        return 1;
    tell_time(p);
    while (!p->stop) {
        int timeout = guard_tick(p->guard);
        if (p->starved) {
            log_error("out of memory (limits.memory): starting again");
            return 1;
        }
        if (forsaken(p, &timeout)) {
            log_error("no channel to the journal or an edge for %d s: starting again", IPC_LINK_LOST_MS / 1000);
            return 1;
        }
        if (p->given && (timeout < 0 || timeout > 20))
            timeout = 20; /* its end waits for nothing but our own words */
        send_lines(p);
        struct ipc *v[CH_COUNT];
        listen_to(p, v);
        if (ipc_wait(v, CH_COUNT, -1, timeout, ready, NULL) < 0) {
            log_error("poll: %m");
            return 1;
        }
        tell_time(p);
        bool met = p->met;
        for (int i = 0; i < CH_COUNT; i++) {
            if (!ready[i] || !p->ch[i] || !v[i])
                continue;
            serve(p, i);
            ask_scanners(p);
            tell_time(p);
        }
        for (int i = CH_EDGE; i < CH_COUNT && !met && p->met; i++)
            if (p->ch[i])
                serve(p, i); /* what waited behind the first words */
        if (tell_probed(p))
            drop(p, CH_PARENT, "it takes no messages");
        if (!p->ch[CH_PARENT])
            return 0; /* the parent is gone: nothing is watched any more */
        give_state(p);
        if (all_done(p)) { /* another guard takes over */
            hand_over(p);
            return 0;
        }
    }
    send_lines(p);
    for (int i = 0; i < CH_COUNT; i++)
        if (p->ch[i] && ipc_flush(p->ch[i]))
            log_warn("not everything was said before the end");
    return 0;
}

void process_clear(struct process *p)
{
    for (int i = 0; i < CH_COUNT; i++)
        ipc_free(p->ch[i]);
    outbox_clear(&p->lines);
    guard_free(p->guard);
}
