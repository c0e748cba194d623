/* SPDX-License-Identifier: GPL-3.0-or-later
 * Signatures for handshakes, asked of the keeper. The edge waits for each: the answer takes as long as signing itself would here,
 * and a hop; a state machine around libssl's asynchronous mode would gain nothing while the keeper is well. When it is not, one
 * handshake waits KEEPER_MS, and all others fail at once until it answers again. Streams that stand need no signature. */
#include "keeper_link.h"

#include <poll.h>

#include "log.h"
#include "signer.h"
#include "tls.h"

static int chain_came(struct edge *e, const struct ipc_msg *m)
{
    struct msg_chain c;
    int err = ipc_get_chain(m, &c);
    err = err ? err : tls_chain(e->tls, c.domain, c.chain);
    if (!err)
        log_info("a certificate for %.*s from the keeper", STR_ARG(c.domain));
    return err;
}

static void from_keeper(struct edge *e, const struct ipc_msg *m)
{
    if (m->type == IPC_M_CHAIN) {
        if (chain_came(e, m) != 0)
            channel_break(&e->keeper, "a certificate of the keeper cannot be used");
        return;
    }
    struct msg_signed s;
    int err = m->type == IPC_M_SIGNED ? ipc_get_signed(m, &s) : GW_ERR(PROTO);
    if (!err && (s.ask > e->asked || s.ask <= e->answered || s.signature.n > SIGNER_SIGNATURE_MAX))
        err = GW_ERR(PROTO);
    if (err) {
        channel_break(&e->keeper, "a message of the keeper was not understood");
        return;
    }
    e->answered = s.ask;
    e->signature_n = s.signature.n;
    if (s.signature.n)
        memcpy(e->signature, s.signature.p, s.signature.n);
}

static void keeper_lost(struct edge *e)
{
    e->answered = e->asked; /* what was asked is void */
    e->signature_n = 0;
}

void keeper_init(struct edge *e)
{
    channel_init(&e->keeper, e, from_keeper, keeper_lost);
}

void keeper_linked(struct edge *e, int fd)
{
    keeper_lost(e);
    if (channel_open(&e->keeper, fd, IPC_KEEPER) != 0)
        log_error("the keeper's channel cannot be used");
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* Until question `ask` is answered, the channel is gone, or time is up. */
static void wait_for(struct edge *e, uint64_t ask)
{
    uint64_t until = now_ms() + KEEPER_MS, now;
    while (e->keeper.ipc && e->answered < ask && (now = now_ms()) < until) {
        struct pollfd p = { .fd = ipc_fd(e->keeper.ipc), .events = (short)(POLLIN | (ipc_queued(e->keeper.ipc) ? POLLOUT : 0)) };
        channel_flush(&e->keeper);
        if (e->keeper.ipc && poll(&p, 1, (int)(until - now)) > 0 && (p.revents & ~POLLOUT))
            channel_read(&e->keeper);
    }
}

int keeper_sign(void *arg, struct str domain, uint16_t scheme, struct str input, unsigned char *sig, size_t *ret_n)
{
    struct edge *e = arg;
    struct msg_sign q = { .ask = e->asked + 1, .domain = domain, .scheme = scheme, .input = input };
    int err = !e->keeper.ipc ? GW_ERR(CLOSED) : e->answered < e->asked ? GW_ERR(AGAIN) : ipc_put_sign(e->keeper.ipc, &q);
    if (!err) {
        e->asked++;
        wait_for(e, q.ask);
        if (!e->keeper.ipc)
            err = GW_ERR(CLOSED);
        else if (e->answered < q.ask)
            err = GW_ERR(AGAIN);
        else if (!e->signature_n)
            err = GW_ERR(DENIED);
    }
    if (err) {
        const char *why = err == GW_ERR(CLOSED) ? "it is not there" : err == GW_ERR(AGAIN) ? "it does not answer in time"
            : err == GW_ERR(DENIED) ? "it refused" : gw_strerror(err);
        log_warn("no signature of the keeper for %.*s: %s", STR_ARG(domain), why);
        return err;
    }
    memcpy(sig, e->signature, e->signature_n);
    *ret_n = e->signature_n;
    return 0;
}
