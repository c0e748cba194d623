/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas and bytes a second. */
#include "rate.h"

#include "conn.h"
#include "lines.h"

#define UNIT 1000        /* of a token: a millisecond at one a second */
#define SAID_EVERY 1000  /* ms between two records of this edge, or the flood would go on in the journal */

static void fill(int64_t *tokens, int64_t rate, uint64_t elapsed)
{
    int64_t full = rate * UNIT;
    if (elapsed >= 1000 * 1000) /* no debt is older */
        *tokens = full;
    else
        *tokens += (int64_t)elapsed * rate;
    if (*tokens > full)
        *tokens = full;
}

bool bucket_take(struct bucket *b, const struct bucket_rate *r, uint64_t now, uint64_t stanzas, uint64_t bytes)
{
    uint64_t elapsed = b->at ? now - b->at : UINT64_MAX;
    fill(&b->stanzas, r->stanzas, elapsed);
    fill(&b->bytes, r->bytes, elapsed);
    b->at = now;
    b->stanzas -= (int64_t)stanzas * UNIT;
    b->bytes -= (int64_t)bytes * UNIT;
    return b->stanzas >= 0 && b->bytes >= 0;
}

static bool of_stream(struct conn *c, uint64_t stanzas, uint64_t bytes)
{
    const struct gw_limits *l = &c->edge->conf->limits;
    const struct bucket_rate r = { l->stream_stanzas, l->stream_bytes };
    return bucket_take(&c->rate, &r, edge_now(c->edge) + 1, stanzas, bytes);
}

static bool of_domain(struct conn *c, struct bucket *domain, uint64_t stanzas, uint64_t bytes)
{
    const struct gw_limits *l = &c->edge->conf->limits;
    const struct bucket_rate r = { l->domain_stanzas, l->domain_bytes };
    return bucket_take(domain, &r, edge_now(c->edge) + 1, stanzas, bytes);
}

static bool of_side(struct conn *c, uint64_t stanzas, uint64_t bytes)
{
    const struct gw_limits *l = &c->edge->conf->limits;
    const struct bucket_rate r = { l->side_stanzas, l->side_bytes };
    return bucket_take(&c->edge->rate, &r, edge_now(c->edge) + 1, stanzas, bytes);
}

static void slow(struct conn *c, const char *why)
{
    struct edge *e = c->edge;
    if (c->slowed)
        return;
    c->slowed = true;
    conn_touch(c);
    e->slowed.count++;
    if (e->slowed.at && edge_now(e) - e->slowed.at < SAID_EVERY)
        return;
    line_limit(e, &c->remote, &c->local, GW_R_STANZA_RATE, why, "slowed", e->slowed.count);
    e->slowed.at = edge_now(e);
    e->slowed.count = 0;
}

static void charge(struct conn *c, uint64_t stanzas, uint64_t bytes)
{
    bool stream = of_stream(c, stanzas, bytes), side = of_side(c, stanzas, bytes);
    if (!stream)
        slow(c, "limits.stream_stanzas or stream_bytes");
    else if (!side)
        slow(c, "limits.side_stanzas or side_bytes");
}

void rate_read(struct conn *c, size_t n) { charge(c, 0, n); }
void rate_stanza(struct conn *c) { charge(c, 1, 0); }

void rate_domain(struct conn *c, struct bucket *domain, size_t bytes)
{
    if (of_domain(c, domain, 1, bytes))
        return;
    c->slowed_by = domain;
    slow(c, "limits.domain_stanzas or domain_bytes");
}

void rate_tick(struct conn *c)
{
    if (!c->slowed || !of_stream(c, 0, 0) || !of_side(c, 0, 0) || (c->slowed_by && !of_domain(c, c->slowed_by, 0, 0)))
        return;
    c->slowed = false;
    c->slowed_by = NULL;
    c->stanza_at = edge_now(c->edge); /* that it brought nothing meanwhile was our doing */
    if (c->partial_at)
        c->partial_at = edge_now(c->edge);
    conn_touch(c);
}
