/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-edge CONF high|low: the only program that speaks with servers of its side. Started by the parent, its channel on
 * descriptor 3. */
#include <ares.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge.h"
#include "inbound.h"
#include "keeper_link.h"
#include "log.h"
#include "outbound.h"
#include "sandbox.h"
#include "route.h"
#include "signer.h"
#include "tap.h"
#include "tickets.h"
#include "tls.h"

#define LINES_MAX (8u << 20) /* bytes of journal lines kept until they are durable */
#define CHAINS_MS 5000       /* for the keeper to make the certificates that it makes */
#define TRIM_MS 4000
#define STOP_MS 3000         /* for streams to end in order */

static struct edge edge;

uint64_t edge_flow(struct edge *e)
{
    return ((uint64_t)e->side << 52) | ((e->epoch & 0xfffff) << 32) | (++e->flows & 0xffffffffu);
}

/* ---- the loop ---- */

static void on_listener(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    (void)status;
    (void)events;
    inbound_accept(l);
}

int listener_add(struct edge *e, int fd, uint8_t family, uint16_t port)
{
    struct listener *l = e->n_listeners < EDGE_LISTENERS ? calloc(1, sizeof *l) : NULL;
    if (!l || uv_poll_init(&e->loop, &l->poll, fd) != 0) {
        free(l);
        close(fd);
        return GW_ERR(LIMIT);
    }
    l->edge = e;
    l->fd = fd;
    l->family = family;
    l->port = port;
    l->poll.data = l;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_listener);
    e->listeners[e->n_listeners++] = l;
    return 0;
}

static void serve_dirty(struct edge *e)
{
    struct conn *c;
    while ((c = TAILQ_FIRST(&e->dirty))) {
        TAILQ_REMOVE(&e->dirty, c, dirty);
        c->is_dirty = false;
        conn_serve(c);
    }
}

/* Nobody should be told that the gate stands open while a handshake would fail for want of a certificate. */
static void say_ready(struct edge *e)
{
    if (!e->ready_by || (!tls_complete(e->tls) && edge_now(e) < e->ready_by))
        return;
    if (!tls_complete(e->tls))
        log_warn("not every certificate was made in time: handshakes for the others fail until they are");
    e->ready_by = 0;
    if (e->parent.ipc && ipc_put_ready(e->parent.ipc, &(struct msg_ready){ }) != 0)
        channel_break(&e->parent, "no room to say that the edge is ready");
}

/* Before the loop waits: everything that one round gave to write goes out in as few writes as can be. Stanzas first: a server
 * that is woken by an answer to its last ones may take this processor before the next are on their way. */
static void on_prepare(uv_prepare_t *p)
{
    struct edge *e = p->data;
    say_ready(e);
    channel_flush(&e->guard);
    serve_dirty(e);
    links_flush(e);
    serve_dirty(e); /* a channel that broke may have given work */
}

static void tick_conns(struct edge *e)
{
    struct conn *c, *next;
    for (c = TAILQ_FIRST(&e->conns); c; c = next) {
        next = TAILQ_NEXT(c, all);
        conn_tick(c);
        if (c->phase == CONN_DEAD)
            continue; /* freed by the loop later, not now */
        if (conn_is_inbound(c))
            inbound_tick((struct inbound *)c);
        else if (conn_is_outbound(c))
            outbound_tick((struct outbound *)c);
    }
}

/* What idle streams gave back lies between what the others hold, and the kernel learns of it only so. */
static void trim(struct edge *e)
{
    if (!e->rested || edge_now(e) - e->trimmed_at < TRIM_MS)
        return;
    e->rested = false;
    e->trimmed_at = edge_now(e);
    (void)malloc_trim(0);
}

static void on_tick(uv_timer_t *t)
{
    struct edge *e = t->data;
    struct dns *d, *next;
    say_ready(e);
    revocation_tick(e);
    tick_conns(e);
    trim(e);
    for (size_t i = 0; i < e->n_pairs; i++)
        pair_tick(&e->pairs[i]);
    routes_tick(e);
    links_tick(e);
    orders_tick(e);
    for (d = LIST_FIRST(&e->lookups); d; d = next) {
        next = LIST_NEXT(d, link);
        dns_tick(d);
    }
    for (size_t i = 0; i < e->n_listeners; i++)
        if (e->listeners[i]->waits) {
            e->listeners[i]->waits = false;
            (void)uv_poll_start(&e->listeners[i]->poll, UV_READABLE, on_listener);
        }
    if (e->stop_at && (e->n_conns == 0 || edge_now(e) >= e->stop_at))
        uv_stop(&e->loop);
}

void edge_stop(struct edge *e)
{
    struct conn *c, *next;
    if (e->stop_at)
        return;
    e->stop_at = edge_now(e) + STOP_MS;
    for (size_t i = 0; i < e->n_listeners; i++)
        (void)uv_poll_stop(&e->listeners[i]->poll);
    for (c = TAILQ_FIRST(&e->conns); c; c = next) {
        next = TAILQ_NEXT(c, all);
        conn_end(c, GW_R_SHUTDOWN);
    }
}

static void on_signal(uv_signal_t *s, int number)
{
    (void)number;
    edge_stop(s->data);
}

static int init_loop(struct edge *e)
{
    if (uv_loop_init(&e->loop) != 0 || uv_timer_init(&e->loop, &e->tick) != 0 || uv_prepare_init(&e->loop, &e->prepare) != 0
        || uv_signal_init(&e->loop, &e->signal_term) != 0)
        return GW_ERR(SYS);
    e->tick.data = e->prepare.data = e->signal_term.data = e;
    if (uv_timer_start(&e->tick, on_tick, EDGE_TICK_MS, EDGE_TICK_MS) != 0 || uv_prepare_start(&e->prepare, on_prepare) != 0
        || uv_signal_start(&e->signal_term, on_signal, SIGTERM) != 0)
        return GW_ERR(SYS);
    return 0;
}

/* ---- what is made before the door closes ---- */

static int random_state(struct edge *e)
{
    unsigned char secret[32];
    if (RAND_bytes((unsigned char *)&e->epoch, sizeof e->epoch) != 1 || RAND_bytes(secret, sizeof secret) != 1)
        return GW_ERR(CRYPTO);
    e->epoch = (e->epoch & 0x1fffffffffffffULL) | 1; /* a JSON number in the journal; never 0 */
    for (size_t i = 0; i < sizeof secret; i++)
        snprintf(e->db_secret + 2 * i, 3, "%02x", secret[i]);
    return 0;
}

static int init_state(struct edge *e)
{
    const struct gw_limits *l = &e->conf->limits;
    int err;
    /* A record may be larger than its XML: an element costs 9 bytes, <a/> is 4. */
    e->limits = (struct rec_limits){ .bytes = 3 * (size_t)l->stanza + 16384, .depth = (uint32_t)l->depth,
        .nodes = 2 * (uint32_t)l->elements, .attrs = (uint32_t)l->attributes };
    buf_init(&e->scratch, 17u << 20);
    e->rec = rec_new(&REC_HARD_LIMITS);
    if (!e->rec)
        return GW_ERR(NOMEM);
    TAILQ_INIT(&e->conns);
    TAILQ_INIT(&e->dirty);
    sessions_init(e);
    outbox_init(&e->lines, e->epoch, LINES_MAX);
    links_init(e);
    err = pairs_init(e);
    if (!err)
        err = routes_init(e);
    if (!err)
        err = tickets_init(e);
    if (!err)
        err = tap_init(e);
    return err ? err : orders_init(e);
}

static int close_door(const struct edge *e)
{
    const struct sandbox_options o = {
        .uid = geteuid() == 0 ? (uid_t)(e->conf->uid_first + (e->side == GW_HIGH ? GW_UID_EDGE_HIGH : GW_UID_EDGE_LOW)) : 0,
        .nofile = (unsigned)e->conf->limits.streams * 2 + 256,
        .memory = (unsigned long)e->conf->limits.memory,
    };
    return sandbox_enter(SANDBOX_EDGE, &o);
}

static int configure(struct edge *e, const char *path, const char *side)
{
    e->side = strcmp(side, "high") == 0 ? GW_HIGH : GW_LOW;
    if (gw_conf_load_said(path, &e->conf) != 0)
        return GW_ERR(CONF);
    if (signer_init(keeper_sign, e) != 0)
        return GW_ERR(CRYPTO);
    return tls_load(e->conf, e->side, &e->tls);
}

int main(int argc, char **argv)
{
    struct edge *e = &edge;
    int err;
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fprintf(stderr, "usage: lockgate-edge CONF high|low (started by lockgate-parent)\n");
        return 2;
    }
    log_init(strcmp(argv[2], "high") == 0 ? "edge/high" : "edge/low", getenv("LOCKGATE_DEBUG") ? LOG_L_DEBUG : LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (configure(e, argv[1], argv[2]) != 0)
        return 78;
    err = random_state(e);
    if (!err)
        err = jid_init();
    if (!err && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        err = GW_ERR(UNSUPPORTED);
    if (!err)
        err = init_loop(e);
    if (!err)
        err = init_state(e);
    if (!err)
        err = close_door(e);
    if (!err)
        err = channel_open(&e->parent, IPC_PARENT_FD, IPC_PARENT);
    if (err) {
        log_error("cannot start: %s", gw_strerror(err));
        return 1;
    }
    e->ready_by = edge_now(e) + CHAINS_MS;
    uv_run(&e->loop, UV_RUN_DEFAULT);
    return 0;
}
