/* SPDX-License-Identifier: GPL-3.0-or-later
 * What this edge is doing now, as one JSON object for `lockgate status`. */
#include <time.h>

#include "inbound.h"
#include "outbound.h"
#include "route.h"
#include "tickets.h"

/* Strings here are prepared domains, our own words or OpenSSL's: escaping covers what JSON needs, not what a reader likes. */
static int put_string(struct buf *b, const char *key, struct str s)
{
    int err = buf_printf(b, "\"%s\":\"", key);
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == '"' || c == '\\')
            err = buf_printf(b, "\\u%04x", c);
        else
            err = buf_put(b, &c, 1);
    }
    return err ? err : buf_puts(b, STR("\","));
}

static int put_addr(struct buf *b, const char *key, const struct net_addr *a)
{
    char text[NET_TEXT_MAX];
    return buf_printf(b, a->family == 6 ? "\"%s\":\"[%s]:%u\"," : "\"%s\":\"%s:%u\",", key, net_text(a, text), a->port);
}

static int put_conn(struct buf *b, const struct conn *c, bool *first)
{
    bool in = conn_is_inbound(c);
    const struct inbound *i = (const struct inbound *)c;
    const struct outbound *o = (const struct outbound *)c;
    const char *auth = in ? (i->n_pairs ? i->pairs[0].auth : NULL) : o->auth;
    uint64_t now = uv_now(&c->edge->loop);
    int err = buf_printf(b, "%s{", *first ? "" : ",");
    *first = false;
    err = err ? err : put_string(b, "role", in ? STR("receiving") : STR("initiating"));
    err = err ? err : put_string(b, "from", in ? i->from : o->pair->ours);
    err = err ? err : put_string(b, "to", in ? i->to : o->pair->theirs);
    err = err ? err : put_addr(b, "src", in ? &c->remote : &c->local);
    err = err ? err : put_addr(b, "dest", in ? &c->local : &c->remote);
    err = err ? err : put_string(b, "auth", str_c(auth ? auth : "none"));
    err = err ? err : put_string(b, "tls", str_c(c->secure ? c->peer.version : "none"));
    err = err ? err : put_string(b, "cipher", str_c(c->secure ? c->peer.cipher : ""));
    if (in && i->counting.on && !err)
        err = buf_puts(b, STR("\"managed\":true,"));
    err = err ? err : buf_printf(b, "\"pairs\":%zu,\"paused\":%s,\"age_s\":%llu,", in ? i->n_pairs : 1, c->paused ? "true" : "false",
        (unsigned long long)(now - c->opened_at) / 1000);
    return err ? err : buf_printf(b, "\"stanzas_in\":%llu,\"stanzas_out\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu}",
        (unsigned long long)c->stanzas_in, (unsigned long long)c->stanzas_out, (unsigned long long)c->bytes_in,
        (unsigned long long)c->bytes_out);
}

static int put_pair(struct buf *b, const struct pair *p, bool *first)
{
    int err = buf_printf(b, "%s{", *first ? "" : ",");
    *first = false;
    err = err ? err : put_string(b, "ours", p->ours);
    err = err ? err : put_string(b, "theirs", p->theirs);
    err = err ? err : put_string(b, "last_failure", str_c(gw_reason_code(p->last)));
    return err ? err : buf_printf(b, "\"in_open\":%u,\"in_open_bytes\":%zu,\"queued\":%zu,\"failures\":%u}", p->open_stanzas,
        p->open_bytes, p->queued, p->failures);
}

/* Revocation lists in use; nothing where they are not looked at. */
static int put_lists(const struct edge *e, struct buf *b)
{
    struct revocation r = tls_revocation(e->tls);
    long long next = r.next == INT64_MAX ? 0 : (long long)r.next;
    return r.n ? buf_printf(b, "\"crl\":{\"lists\":%u,\"next_update\":%lld,\"outdated\":%s},", r.n, next, (int64_t)time(NULL) >= r.next ? "true" : "false") : 0;
}

int stats_json(struct edge *e, struct buf *b)
{
    struct conn *c;
    bool first = true;
    int err = buf_printf(b, "{\"side\":\"%s\",\"guard\":%s,\"journal\":%s,\"listeners\":%zu,\"streams\":%zu,\"accepted\":%llu,"
        "\"refused\":%llu,\"stanzas\":%llu,\"written\":%llu,\"failed\":%llu,\"resumed\":%llu,\"sessions\":%zu,\"answered\":%llu,\"unanswered\":%llu,\"tickets\":%zu,\"held\":%zu,\"open\":%zu,\"targets_down\":%zu,"
        "\"lines_waiting\":%zu,", gw_side_name(e->side), e->guard.ipc ? "true" : "false", e->journal.ipc ? "true" : "false",
        e->n_listeners, e->n_conns, (unsigned long long)e->count.accepted, (unsigned long long)e->count.refused,
        (unsigned long long)e->count.stanzas, (unsigned long long)e->count.written, (unsigned long long)e->count.failed,
        (unsigned long long)e->count.resumed, e->sessions.n,
        (unsigned long long)e->count.answered, (unsigned long long)e->count.unanswered, tickets_open(e), orders_held(e), orders_open(e), routes_down(e), e->lines.bytes);
    err = err ? err : put_lists(e, b);
    err = err ? err : buf_puts(b, STR("\"pairs\":["));
    for (size_t i = 0; i < e->n_pairs && i < 500 && !err; i++)
        err = put_pair(b, &e->pairs[i], &first);
    err = err ? err : buf_printf(b, "],\"stream\":[");
    first = true;
    TAILQ_FOREACH(c, &e->conns, all)
        if (!err && !c->gone && buf_size(b) < 900 * 1000 && (conn_is_inbound(c) || conn_is_outbound(c)))
            err = put_conn(b, c, &first);
    return err ? err : buf_printf(b, "]}");
}
