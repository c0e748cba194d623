/* SPDX-License-Identifier: GPL-3.0-or-later
 * The channels of the token program: keeper and journal ask, each for keys of its own and for its own kind of text. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "tls_input.h"
#include "token.h"

#define SCHEME_ED25519 0x0807
#define ROUND 16 /* questions of one, then the other has its turn */

static const char *may_not(const struct token *t, enum ipc_role asker, const struct token_key *k, const struct msg_sign *q)
{
    if (!k)
        return "a key that is not configured for it";
    if (k->ca)
        return q->scheme != mint_scheme(k->pub) ? "a signature scheme that is not the CA's" : leaf_wrong(q->input, k->ca, t->conf, k->side, (int64_t)time(NULL));
    if (asker == IPC_KEEPER)
        return tls_input_wrong(q->input, q->scheme);
    return q->scheme != SCHEME_ED25519 ? "another scheme than Ed25519" : form_note_wrong(q->input, t->note_name);
}

static int answer(struct token *t, struct ipc *c, enum ipc_role asker, const struct ipc_msg *m)
{
    unsigned char sig[SIGNATURE_MAX];
    struct msg_signed r = { 0 };
    struct msg_sign q;
    size_t n = 0;
    int err = m->type == IPC_M_SIGN ? ipc_get_sign(m, &q) : GW_ERR(PROTO);
    if (err)
        return err;
    const struct token_key *k = keys_find(&t->keys, asker, q.domain);
    const char *wrong = may_not(t, asker, k, &q);
    uint64_t *signed_ = asker == IPC_KEEPER ? &t->keeper_stats.signed_ : &t->journal_stats.signed_;
    uint64_t *refused = asker == IPC_KEEPER ? &t->keeper_stats.refused : &t->journal_stats.refused;
    uint64_t *failed = asker == IPC_KEEPER ? &t->keeper_stats.failed : &t->journal_stats.failed;
    r.ask = q.ask;
    err = wrong ? 0 : keys_sign(t->module, k, q.scheme, q.input, sig, &n);
    if (err == GW_ERR(PROTO))
        wrong = "a signature scheme that is not this key's";
    if (wrong) {
        ++*refused;
        log_warn("%s asked for a signature that it does not get: %s", ipc_role_name(asker), wrong);
    } else if (err) {
        ++*failed;
        t->broken = err == GW_ERR(IO);
    } else {
        ++*signed_;
        r.signature = (struct str){ (const char *)sig, n };
    }
    return ipc_put_signed(c, &r);
}

/* ---- the parent ---- */

static void on_link(struct token *t, const struct ipc_msg *m)
{
    struct msg_link l;
    struct ipc **to = NULL;
    if (m->fd < 0 || ipc_get_link(m, &l) != 0)
        return;
    to = l.role == IPC_KEEPER ? &t->keeper : l.role == IPC_JOURNAL ? &t->journal : NULL;
    if (!to) {
        log_warn("a link to %s that the token has no use for", ipc_role_name((enum ipc_role)l.role));
        close(m->fd);
        return;
    }
    ipc_free(*to);
    *to = ipc_new(m->fd, IPC_TOKEN, (enum ipc_role)l.role);
    if (!*to)
        log_fatal("out of memory");
}

static int on_stats(struct token *t, const struct ipc_msg *m)
{
    struct msg_stats_ask ask;
    char text[256];
    if (ipc_get_stats_ask(m, &ask) != 0)
        return GW_ERR(SYNTAX);
    int n = snprintf(text, sizeof text, "{\"keys\":%zu,\"signed\":{\"keeper\":%llu,\"journal\":%llu},\"refused\":{\"keeper\":%llu,\"journal\":%llu},"
        "\"failed\":{\"keeper\":%llu,\"journal\":%llu}}", t->keys.n,
        (unsigned long long)t->keeper_stats.signed_, (unsigned long long)t->journal_stats.signed_, (unsigned long long)t->keeper_stats.refused,
        (unsigned long long)t->journal_stats.refused, (unsigned long long)t->keeper_stats.failed, (unsigned long long)t->journal_stats.failed);
    return ipc_put_stats(t->parent, &(struct msg_stats){ .ask = ask.ask, .json = { text, (size_t)n } });
}

static int parent_said(struct token *t, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_LINK:
        on_link(t, m);
        return 0;
    case IPC_M_STATS_ASK:
        return on_stats(t, m);
    case IPC_M_STOP:
        t->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- the loop ---- */

enum { PARENT, KEEPER, JOURNAL, CHANNELS };
static const enum ipc_role roles[CHANNELS] = { IPC_PARENT, IPC_KEEPER, IPC_JOURNAL };

static struct ipc **channel(struct token *t, int i)
{
    return i == PARENT ? &t->parent : i == KEEPER ? &t->keeper : &t->journal;
}

static int take(struct token *t, int i, bool *ret_more)
{
    struct ipc *c = *channel(t, i);
    struct ipc_msg m;
    int got = 0;
    *ret_more = false;
    for (int n = 0; *channel(t, i) == c && !t->stop && !t->broken; n++) {
        if (n == ROUND) {
            *ret_more = true;
            return 0;
        }
        if ((got = ipc_next(c, &m)) <= 0)
            break;
        int err = i == PARENT ? parent_said(t, &m) : answer(t, c, roles[i], &m);
        if (err)
            return err;
    }
    return got < 0 ? got : 0;
}

static int serve(struct token *t, int i, bool readable, bool *more)
{
    int filled = readable && !*more ? ipc_fill(*channel(t, i)) : GW_ERR(AGAIN);
    int err = take(t, i, more);
    if (!err && filled < 0 && filled != GW_ERR(AGAIN))
        err = filled;
    if (!err && *channel(t, i)) {
        err = ipc_flush(*channel(t, i));
        err = err == GW_ERR(AGAIN) ? 0 : err;
    }
    return err;
}

/* A channel that breaks the protocol goes; the other is served on. */
static void drop(struct token *t, int i, int err)
{
    if (err != GW_ERR(CLOSED))
        log_warn("the channel to %s is dropped: %s", ipc_role_name(roles[i]), gw_strerror(err));
    ipc_free(*channel(t, i));
    *channel(t, i) = NULL;
}

int token_run(struct token *t)
{
    bool more[CHANNELS] = { false }, ready[CHANNELS];
    struct ipc *v[CHANNELS];
    if (ipc_put_ready(t->parent, &(struct msg_ready){ }) != 0)
        return 1;
    while (!t->stop && !t->broken) {
        bool any = false;
        for (int i = 0; i < CHANNELS; i++) {
            v[i] = *channel(t, i);
            any = any || (v[i] && more[i]);
        }
        if (ipc_wait(v, CHANNELS, -1, any ? 0 : -1, ready, NULL) < 0 && errno != EINTR)
            return 1;
        for (int i = 0; i < CHANNELS && !t->stop; i++) {
            if (*channel(t, i) != v[i]) /* the parent has just replaced it */
                more[i] = false;
            else if (v[i] && (ready[i] || more[i])) {
                int err = serve(t, i, ready[i], &more[i]);
                if (err && i == PARENT)
                    return 1;
                if (err && *channel(t, i) == v[i])
                    drop(t, i, err);
            }
        }
    }
    return t->broken ? 1 : 0;
}
