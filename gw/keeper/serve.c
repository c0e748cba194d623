/* SPDX-License-Identifier: GPL-3.0-or-later
 * The channels of the keeper: each edge asks on its own, which the parent made and named, and gets signatures for names of its
 * own side alone. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"
#include "log.h"
#include "tls_input.h"

#define TOLD_MS 1000 /* the journal hears of refusals at most so often */
#define ROUND 64     /* questions of one edge, then the other has its turn */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- a question ---- */

/* A bucket that holds two seconds' worth. */
static bool take_token(struct asker *a, int64_t per_second)
{
    int64_t now = now_ms(), passed = a->at ? now - a->at : 2000;
    a->at = now;
    a->tokens += (passed > 2000 ? 2000 : passed) * per_second;
    if (a->tokens > 2000 * per_second)
        a->tokens = 2000 * per_second;
    if (a->tokens < 1000)
        return false;
    a->tokens -= 1000;
    return true;
}

/* NULL: signed, or (the asker's away is open then) the answer comes later; else why not. */
static const char *try_to_sign(struct keeper *k, enum gw_side side, const struct msg_sign *q, unsigned char *sig, size_t *ret_n)
{
    const struct key *key = keys_find(k->keys, side, q->domain);
    struct asker *a = &k->edge[side];
    const char *wrong;
    int err;
    if (!take_token(a, k->conf->limits.signatures)) /* for a refusal too: none is for nothing */
        return "too many signatures (limits.signatures)";
    if (a->away.open)
        return "a question before the last one was answered";
    if (!key)
        return "a name that is not configured for this side";
    if ((wrong = tls_input_wrong(q->input, q->scheme)))
        return wrong;
    if (key->token)
        return away_ask(k, &a->away, key, q, now_ms());
    err = keys_sign(key->pkey, q->scheme, q->input, sig, ret_n);
    return err == GW_ERR(PROTO) ? "a signature scheme that is not this key's" : err ? "signing failed" : NULL;
}

static int reply(struct asker *a, uint64_t ask, struct str domain, const char *wrong, struct str signature)
{
    if (wrong) {
        a->refused++;
        a->why = wrong;
        snprintf(a->domain, sizeof a->domain, "%.*s", domain.n < sizeof a->domain ? (int)domain.n : (int)sizeof a->domain - 1,
            domain.p ? domain.p : "");
    } else {
        a->signed_++;
    }
    return ipc_put_signed(a->ipc, &(struct msg_signed){ .ask = ask, .signature = wrong ? STR_NONE : signature });
}

static int answer(struct keeper *k, enum gw_side side, const struct ipc_msg *m)
{
    struct asker *a = &k->edge[side];
    unsigned char sig[SIGNATURE_MAX];
    struct msg_sign q;
    size_t n = 0;
    int err = m->type == IPC_M_SIGN ? ipc_get_sign(m, &q) : GW_ERR(PROTO);
    if (err)
        return err;
    const char *wrong = try_to_sign(k, side, &q, sig, &n);
    if (!wrong && a->away.open)
        return 0;
    return reply(a, q.ask, q.domain, wrong, (struct str){ (const char *)sig, n });
}

/* ---- the token's answers ---- */

static void reply_away(struct keeper *k, int i, const char *wrong, struct str signature)
{
    struct asker *a = &k->edge[i];
    if (a->ipc && reply(a, a->away.ask, a->away.key->domain, wrong, signature) == 0)
        (void)!ipc_flush(a->ipc); /* an error shows when it is read */
    away_done(&a->away);
}

static int token_said(struct keeper *k, const struct ipc_msg *m)
{
    struct msg_signed s;
    int err = m->type == IPC_M_SIGNED ? ipc_get_signed(m, &s) : GW_ERR(PROTO);
    if (!err && s.ask >= k->token_owes)
        k->token_owes = 0;
    if (!err && chains_signed(k, s.ask, s.signature, NULL))
        return 0;
    for (int i = 0; i < GW_SIDES && !err; i++)
        if (k->edge[i].away.open && k->edge[i].away.token_ask == s.ask)
            reply_away(k, i, away_wrong(&k->edge[i].away, s.signature), s.signature);
    return err; /* an answer that nobody waits for any more is nothing wrong */
}

/* Questions whose time is up; all: the token's channel is gone. */
static void give_up(struct keeper *k, bool all)
{
    for (int i = 0; i < GW_SIDES; i++)
        if (k->edge[i].away.open && (all || now_ms() >= k->edge[i].away.until)) {
            k->token_owes = k->edge[i].away.token_ask > k->token_owes ? k->edge[i].away.token_ask : k->token_owes;
            reply_away(k, i, all ? "the token's program is gone" : "the token did not answer in time", STR_NONE);
        }
    if (all && k->minting.open)
        (void)chains_signed(k, k->minting.token_ask, STR_NONE, "the token's program is gone");
    if (all)
        k->token_owes = 0;
}

/* ---- the journal ---- */

/* An edge that is whole never asks for what is refused here, but for a flood: so each refusal is worth a line. */
static void tell(struct keeper *k, enum gw_side side)
{
    struct asker *a = &k->edge[side];
    uint64_t now = (uint64_t)now_ms();
    struct buf b;
    struct wire_out o;
    if (a->refused == a->told || (a->told_at && now - a->told_at < TOLD_MS))
        return;
    log_warn("edge/%s asked %llu times for a signature that it does not get, last for \"%s\": %s", gw_side_name(side),
        (unsigned long long)(a->refused - a->told), a->domain, a->why);
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(side));
    field_z(&o, GW_F_ACTION, "sign-refused");
    field_z(&o, GW_F_SEVERITY, "high");
    field_z(&o, GW_F_ERROR, a->why);
    field_num(&o, GW_F_COUNT, a->refused - a->told);
    if (o.err || outbox_add(&k->lines, LINE_TARGET_NONE, NULL, GW_EV_CERTIFICATE, buf_str(&b), NULL) != 0)
        log_error("a line for the journal was lost");
    buf_clear(&b);
    a->told = a->refused;
    a->told_at = now;
}

/* ---- the parent ---- */

static void on_link(struct keeper *k, const struct ipc_msg *m)
{
    struct msg_link l;
    struct ipc **to = NULL;
    if (m->fd < 0 || ipc_get_link(m, &l) != 0)
        return;
    if (l.role == IPC_JOURNAL)
        to = &k->journal;
    else if (l.role == IPC_TOKEN)
        to = &k->token;
    else if (l.role == IPC_EDGE && l.side < GW_SIDES)
        to = &k->edge[l.side].ipc;
    if (!to) {
        log_warn("a link to %s that the keeper has no use for", ipc_role_name((enum ipc_role)l.role));
        close(m->fd);
        return;
    }
    if (l.role == IPC_EDGE)
        away_done(&k->edge[l.side].away); /* who asked is gone */
    if (l.role == IPC_TOKEN)
        give_up(k, true);
    ipc_free(*to);
    *to = ipc_new(m->fd, IPC_KEEPER, (enum ipc_role)l.role);
    if (!*to)
        log_fatal("out of memory");
    if (to == &k->journal)
        outbox_relink(&k->lines);
    if (l.role == IPC_EDGE && chains_give(k, (enum gw_side)l.side) != 0)
        log_error("edge/%s cannot be given its certificates", gw_side_name((enum gw_side)l.side));
}

static int on_stats(struct keeper *k, const struct ipc_msg *m)
{
    const struct asker *h = &k->edge[GW_HIGH], *l = &k->edge[GW_LOW];
    struct msg_stats_ask ask;
    char text[512];
    if (ipc_get_stats_ask(m, &ask) != 0)
        return GW_ERR(SYNTAX);
    int n = snprintf(text, sizeof text,
        "{\"names\":%zu,\"signed\":{\"high\":%llu,\"low\":%llu},\"refused\":{\"high\":%llu,\"low\":%llu},\"minted\":{\"high\":%llu,\"low\":%llu}}",
        k->keys->n[GW_HIGH] + k->keys->n[GW_LOW], (unsigned long long)h->signed_, (unsigned long long)l->signed_,
        (unsigned long long)h->refused, (unsigned long long)l->refused, (unsigned long long)k->minted[GW_HIGH],
        (unsigned long long)k->minted[GW_LOW]);
    return ipc_put_stats(k->parent, &(struct msg_stats){ .ask = ask.ask, .json = { text, (size_t)n } });
}

static int parent_said(struct keeper *k, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_LINK:
        on_link(k, m);
        return 0;
    case IPC_M_STATS_ASK:
        return on_stats(k, m);
    case IPC_M_STOP:
        k->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

static int journal_said(struct keeper *k, const struct ipc_msg *m)
{
    struct msg_durable d;
    int err = m->type == IPC_M_DURABLE ? ipc_get_durable(m, &d) : GW_ERR(PROTO);
    return err ? err : outbox_durable(&k->lines, &d);
}

/* ---- the loop ---- */

enum { PARENT, JOURNAL, TOKEN, EDGES, CHANNELS = EDGES + GW_SIDES };

static struct ipc **channel(struct keeper *k, int i)
{
    return i == PARENT ? &k->parent : i == JOURNAL ? &k->journal : i == TOKEN ? &k->token : &k->edge[i - EDGES].ipc;
}

/* Whole messages of one channel. ret_more: its turn is over and there may be others. */
static int take(struct keeper *k, int i, bool *ret_more)
{
    struct ipc *c = *channel(k, i);
    struct ipc_msg m;
    int got = 0;
    *ret_more = false;
    for (int n = 0; *channel(k, i) == c && !k->stop; n++) {
        if (n == ROUND) {
            *ret_more = true;
            return 0;
        }
        if ((got = ipc_next(c, &m)) <= 0)
            break;
        int err = i == PARENT ? parent_said(k, &m) : i == JOURNAL ? journal_said(k, &m) : i == TOKEN ? token_said(k, &m) : answer(k, (enum gw_side)(i - EDGES), &m);
        if (err)
            return err;
    }
    return got < 0 ? got : 0;
}

static int serve(struct keeper *k, int i, bool readable, bool *more)
{
    int filled = readable && !*more ? ipc_fill(*channel(k, i)) : GW_ERR(AGAIN);
    int err = take(k, i, more);
    if (!err && filled < 0 && filled != GW_ERR(AGAIN))
        err = filled;
    if (!err && *channel(k, i)) {
        err = ipc_flush(*channel(k, i));
        err = err == GW_ERR(AGAIN) ? 0 : err;
    }
    return err;
}

/* A channel that breaks the protocol goes; the other edge is served on. */
static void drop(struct keeper *k, int i, int err)
{
    if (err != GW_ERR(CLOSED))
        log_warn("%s is dropped: %s", i == JOURNAL ? "the journal's channel" : i == TOKEN ? "the token's channel" : i == EDGES + GW_HIGH ? "edge/high" : "edge/low", gw_strerror(err));
    ipc_free(*channel(k, i));
    *channel(k, i) = NULL;
    if (i == TOKEN)
        give_up(k, true);
    else if (i >= EDGES)
        away_done(&k->edge[i - EDGES].away);
}

/* How long nothing can be due. */
static int patience(const struct keeper *k)
{
    int64_t ms = 1000;
    for (int i = 0; i < GW_SIDES; i++)
        if (k->edge[i].away.open && k->edge[i].away.until - now_ms() < ms)
            ms = k->edge[i].away.until - now_ms();
    if (k->minting.open && k->minting.until - now_ms() < ms)
        ms = k->minting.until - now_ms();
    return ms < 0 ? 0 : (int)ms;
}

static void say_lines(struct keeper *k)
{
    for (int s = 0; s < GW_SIDES; s++)
        tell(k, (enum gw_side)s);
    if (k->journal && outbox_send(&k->lines, k->journal) == GW_ERR(NOMEM))
        drop(k, JOURNAL, GW_ERR(NOMEM));
}

int keeper_run(struct keeper *k)
{
    bool more[CHANNELS] = { false }, ready[CHANNELS];
    struct ipc *v[CHANNELS];
    if (ipc_put_ready(k->parent, &(struct msg_ready){ }) != 0)
        return 1;
    while (!k->stop) {
        bool any = false;
        give_up(k, false);
        chains_make(k);
        say_lines(k);
        for (int i = 0; i < CHANNELS; i++) {
            v[i] = *channel(k, i);
            any = any || (v[i] && more[i]);
        }
        if (ipc_wait(v, CHANNELS, -1, any ? 0 : patience(k), ready, NULL) < 0 && errno != EINTR)
            return 1;
        for (int i = 0; i < CHANNELS && !k->stop; i++) {
            if (*channel(k, i) != v[i]) /* the parent has just replaced it */
                more[i] = false;
            else if (v[i] && (ready[i] || more[i])) {
                int err = serve(k, i, ready[i], &more[i]);
                if (err && i == PARENT)
                    return 1; /* nobody would bring us back, or stop us */
                if (err && *channel(k, i) == v[i])
                    drop(k, i, err);
            }
        }
    }
    return 0;
}
