/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-admission CONF SIDE: the doorkeeper of one side. First packets come from the kernel's queue, a verdict goes back;
 * every decision is a line in the journal. It is started inside its side's network namespace. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "decide.h"
#include "frames.h"
#include "ipc.h"
#include "log.h"
#include "neighbour.h"
#include "queue.h"
#include "sandbox.h"
#include "say.h"
#include "teller.h"

#define OUTBOX_MAX (4u << 20) /* lines that wait for the journal; when it is full nobody is admitted */
#define TELL_MS 100           /* for the parent to take what is admitted; longer is a refusal */

struct admission {
    struct gw_conf *conf;
    enum gw_side side;
    struct queue *queue[QUEUES_MAX]; /* of first packets, and last the one of what is only written down */
    size_t n_queues;
    struct frames *frames; /* NULL: this kernel has no log group; frames are dropped all the same */
    struct neighbour neighbour[GW_CARDS_MAX]; /* one for each card */
    size_t n_neighbours; /* 0: no bridge mode */
    struct rate *rate;
    struct teller teller;
    struct say say;
    struct ipc *parent;
    uint64_t admitted, denied, link_local;
    bool stop;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- packets ---- */

static bool admit(struct admission *a, const struct packet *p)
{
    const struct msg_admitted m = { .side = (uint8_t)a->side, .from = p->from, .to = p->to };
    return ipc_put_admitted(a->parent, &m) == 0;
}

/* The parent must know before the first packet gets through: the edge's wish for a socket will follow. */
static bool tell_parent(struct admission *a)
{
    int64_t end = now_ms() + TELL_MS;
    int e;
    while ((e = ipc_flush(a->parent)) == GW_ERR(AGAIN) && now_ms() < end) {
        struct pollfd v = { .fd = ipc_fd(a->parent), .events = POLLOUT };
        if (poll(&v, 1, TELL_MS) < 0 && errno != EINTR)
            break;
    }
    return e == 0;
}

static int say_packet(struct admission *a, const struct packet *p, enum gw_reason r, int64_t now)
{
    char name[8];
    const struct said w = { .from = p->from, .to = p->to, .proto = packet_protocol(p, name), .verdict = r == GW_R_ADMITTED ? "admit" : r == GW_R_LINK_LOCAL ? NULL : "drop", .reason = r };
    return say_decision(&a->say, &w, now);
}

static void judge(struct admission *a, struct queued *v, int64_t now)
{
    struct packet p;
    packet_read(v->packet, v->n, &p);
    p.crowded = v->mark & QUEUE_MARK_CROWDED;
    p.strange = v->mark & QUEUE_MARK_STRANGE;
    enum gw_reason r = decide(a->conf, a->side, v->audit, &p, a->rate, now);
    int e = say_packet(a, &p, r, now);
    v->give = 0;
    if (r == GW_R_ADMITTED && !v->audit && !e && admit(a, &p))
        v->give = QUEUE_MARK_ADMITTED;
    else if (r == GW_R_PORT_FORBIDDEN && !e && decide_probe(a->conf, v->audit, &p, a->rate, now))
        v->give = QUEUE_MARK_PROBE;
    else if (r == GW_R_PORT_FORBIDDEN && v->audit && !e && decide_reset(a->conf, a->side, &p))
        v->give = QUEUE_MARK_RESET;
    if (v->give == QUEUE_MARK_ADMITTED)
        a->admitted++;
    else if (r == GW_R_LINK_LOCAL)
        a->link_local++;
    else
        a->denied++;
}

static int serve_queue(struct admission *a, struct queue *q)
{
    struct queued v[QUEUE_BATCH];
    int n = queue_read(q, v);
    if (n <= 0)
        return n;
    int64_t now = now_ms();
    for (int i = 0; i < n; i++)
        judge(a, &v[i], now);
    teller_send(&a->teller);
    if (!tell_parent(a))
        for (int i = 0; i < n; i++)
            v[i].give = 0;
    return queue_answer(q, v, (size_t)n);
}

/* Frames that the card's rules dropped: only written down. */
static void serve_frames(struct admission *a)
{
    uint16_t v[FRAMES_BATCH];
    int n = frames_read(a->frames, v);
    if (n < 0)
        log_warn("log group: %m");
    for (int i = 0; i < n; i++) {
        char name[SAY_PROTO];
        snprintf(name, sizeof name, "ethertype 0x%04x", v[i]);
        const struct said w = { .proto = name, .verdict = "drop", .reason = GW_R_PORT_FORBIDDEN };
        if (say_decision(&a->say, &w, now_ms()) == 0)
            a->denied++;
    }
}

/* ---- messages ---- */

static int on_stats_ask(struct admission *a, const struct ipc_msg *m)
{
    struct msg_stats_ask q;
    char json[256];
    uint64_t answers = 0;
    int e = ipc_get_stats_ask(m, &q);
    if (e)
        return e;
    for (size_t i = 0; i < a->n_neighbours; i++)
        answers += a->neighbour[i].answers;
    snprintf(json, sizeof json, "{\"admitted\":%" PRIu64 ",\"denied\":%" PRIu64 ",\"link_local\":%" PRIu64 ",\"neighbour_answers\":%" PRIu64
        ",\"lines_waiting\":%" PRIu64 ",\"journal\":%s}", a->admitted, a->denied, a->link_local, answers,
        a->teller.lines.last - a->teller.lines.durable, a->teller.journal ? "true" : "false");
    const struct msg_stats s = { .ask = q.ask, .json = str_c(json) };
    return ipc_put_stats(a->parent, &s);
}

static int on_parent(void *user, const struct ipc_msg *m)
{
    struct admission *a = user;
    switch ((int)m->type) {
    case IPC_M_LINK:
        return teller_link(&a->teller, m);
    case IPC_M_STATS_ASK:
        return on_stats_ask(a, m);
    case IPC_M_STOP:
        a->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- life ---- */

static int loop(struct admission *a)
{
    while (!a->stop) {
        int timeout = -1;
        say_tick(&a->say, now_ms());
        teller_send(&a->teller);
        if (a->say.due) {
            int64_t left = a->say.due - now_ms();
            timeout = left > 0 ? (int)left : 0;
        }
        struct pollfd v[3 + QUEUES_MAX + 2 * GW_CARDS_MAX] = {
            ipc_poll(a->parent),
            teller_poll(&a->teller),
            { .fd = a->frames ? frames_fd(a->frames) : -1, .events = POLLIN },
        };
        struct pollfd *queues = v + 3, *cards = queues + a->n_queues;
        for (size_t i = 0; i < a->n_queues; i++)
            queues[i] = (struct pollfd){ .fd = queue_fd(a->queue[i]), .events = POLLIN };
        for (size_t i = 0; i < 2 * a->n_neighbours; i++)
            cards[i] = (struct pollfd){ .fd = i & 1 ? a->neighbour[i / 2].nd : a->neighbour[i / 2].arp, .events = POLLIN };
        if (poll(v, 3 + a->n_queues + 2 * a->n_neighbours, timeout) < 0 && errno != EINTR)
            return GW_ERR(SYS);
        int e = v[0].revents ? ipc_serve(a->parent, on_parent, a) : 0;
        if (e || ((e = ipc_flush(a->parent)) && e != GW_ERR(AGAIN)))
            return e; /* without the parent there is nothing to do here */
        if (v[1].revents)
            teller_read(&a->teller, NULL, NULL);
        for (size_t i = 0; i < a->n_queues; i++) /* one batch of each: none waits for another's flood */
            if (queues[i].revents && (e = serve_queue(a, a->queue[i])) < 0)
                log_warn("queue: %m");
        for (size_t i = 0; i < 2 * a->n_neighbours; i++)
            if (cards[i].revents)
                neighbour_serve(&a->neighbour[i / 2], a->conf, a->side, cards[i].fd);
        if (v[2].revents)
            serve_frames(a);
    }
    return 0;
}

static int open_all(struct admission *a, const char *path)
{
    int e = gw_conf_load_said(path, &a->conf);
    if (e)
        return e;
    for (size_t i = 0; i <= (size_t)a->conf->admission.queues; i++) {
        uint16_t number = i < (size_t)a->conf->admission.queues ? (uint16_t)(QUEUE_ASK + i) : QUEUE_AUDIT;
        if (queue_open(number, &a->queue[i]) != 0) {
            log_error("packet queue %u could not be opened: %m%s", number,
                errno == EPERM ? " (does another admission hold it?)" : " (the kernel needs nfnetlink_queue)");
            return GW_ERR(SYS);
        }
        a->n_queues++;
    }
    if (frames_open(&a->frames) != 0)
        log_warn("frames that are no IP will be dropped without a record: %m (the kernel needs nfnetlink_log)");
    const struct gw_side_conf *s = &a->conf->side[a->side];
    for (; a->conf->mode == GW_BRIDGE && a->n_neighbours < s->n_cards; a->n_neighbours++)
        if (neighbour_open(s->cards[a->n_neighbours].interface, &a->neighbour[a->n_neighbours]) != 0) {
            log_error("card %s: %m", s->cards[a->n_neighbours].interface);
            return GW_ERR(SYS);
        }
    if ((e = teller_init(&a->teller, IPC_ADMISSION, OUTBOX_MAX)) != 0)
        return e;
    a->say = (struct say){ .side = a->side, .outbox = &a->teller.lines };
    a->rate = rate_new(a->conf->admission.rate, a->conf->admission.burst);
    a->parent = ipc_new(IPC_PARENT_FD, IPC_ADMISSION, IPC_PARENT);
    return a->rate && a->parent ? 0 : GW_ERR(NOMEM);
}

int main(int argc, char **argv)
{
    static struct admission a;
    const struct msg_ready ready = { };
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fputs("usage: lockgate-admission CONF high|low (started by lockgate-parent)\n", stderr);
        return 2;
    }
    a.side = strcmp(argv[2], "high") == 0 ? GW_HIGH : GW_LOW;
    log_init(a.side == GW_HIGH ? "admission/high" : "admission/low", LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    int e = open_all(&a, argv[1]);
    if (e)
        return e == GW_ERR(CONF) || e == GW_ERR(NOENT) ? 78 : 1;
    const struct sandbox_options o = {
        .uid = (uid_t)a.conf->uid_first + (a.side == GW_HIGH ? GW_UID_ADMISSION_HIGH : GW_UID_ADMISSION_LOW), .nofile = 64 };
    e = sandbox_enter(SANDBOX_ADMISSION, &o);
    if (e) {
        log_error("the sandbox could not be closed: %s", gw_strerror(e));
        return 1;
    }
    e = ipc_put_ready(a.parent, &ready);
    if (!e)
        e = loop(&a);
    teller_send(&a.teller);
    return e && e != GW_ERR(CLOSED) ? 1 : 0;
}
