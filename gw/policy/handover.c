/* SPDX-License-Identifier: GPL-3.0-or-later
 * What one guard remembers, for the one that takes its place (PROTOCOL.md, "State at a reload"). What comes in is not believed: each
 * record is checked as a whole before anything of it counts. */
#include <stdlib.h>
#include <string.h>

#include "state_table.h"
#include "wire.h"

#define VERSION 2
#define RECORD_MAX 60000
enum what { STATE_BEGIN = 1, STATE_ENTRIES, STATE_SET, STATE_END };

static const int64_t life[STATE_TABLES] = { [TABLE_QUESTIONS] = QUESTION_MS, [TABLE_CONTACTS] = CONTACT_MS, [TABLE_RATES] = RATE_MS,
    [TABLE_PRESENCE] = PRESENCE_MS, [TABLE_LOST] = PRESENCE_MS };
#define TOKENS_MAX (UINT64_C(1000000) * 1000000000) /* in millionths */
#define ENTRY (8 + 8 + 8 + 8 + 1 + 2)

struct giver { int (*put)(void *ctx, struct str record); void *ctx; struct buf b; };

/* ---- giving ---- */

static int send(struct giver *g, struct wire_out *w)
{
    int rc = w->err ? w->err : g->put(g->ctx, buf_str(&g->b));
    buf_reset(&g->b);
    return rc;
}

static int give_table(struct giver *g, const struct table *t, enum state_table which, int64_t now)
{
    struct wire_out w;
    int rc = 0;
    wire_out_init(&w, &g->b);
    for (size_t i = 0; t->v && i <= t->mask && !rc; i++) {
        const struct slot *s = &t->v[i];
        if (!s->key || s->expires <= now)
            continue;
        if (!buf_size(&g->b)) {
            wire_put_u8(&w, STATE_ENTRIES);
            wire_put_u8(&w, (uint8_t)which);
        }
        wire_put_u64(&w, s->key);
        wire_put_u64(&w, (uint64_t)s->expires);
        wire_put_u64(&w, (uint64_t)s->memo.at);
        wire_put_u64(&w, s->memo.tokens * 1e6 < TOKENS_MAX ? (uint64_t)(s->memo.tokens * 1e6) : TOKENS_MAX);
        wire_put_u8(&w, s->memo.begun);
        wire_put_u16(&w, s->memo.owner);
        if (buf_size(&g->b) > RECORD_MAX - ENTRY)
            rc = send(g, &w);
    }
    return rc || !buf_size(&g->b) ? rc : send(g, &w);
}

static int give_sets(struct giver *g, const struct disco_memory *m)
{
    struct wire_out w;
    struct disco_set s;
    int rc = 0;
    wire_out_init(&w, &g->b);
    for (size_t at = 0; !rc && disco_memory_next(m, &at, &s);) {
        wire_put_u8(&w, STATE_SET);
        wire_put_u64(&w, s.before);
        wire_put_u64(&w, s.after);
        wire_put_str16(&w, s.text);
        wire_put_str32(&w, s.set);
        wire_put_u16(&w, s.owner);
        rc = send(g, &w);
    }
    return rc;
}

int pol_state_give(const struct pol_state *s, const struct policy *p, int64_t now_ms, int (*put)(void *ctx, struct str record), void *ctx)
{
    struct giver g = { .put = put, .ctx = ctx };
    struct wire_out w;
    buf_init(&g.b, RECORD_MAX + 64);
    wire_out_init(&w, &g.b);
    wire_put_u8(&w, STATE_BEGIN);
    wire_put_u8(&w, VERSION);
    wire_put_bytes(&w, policy_hash(p), 32);
    wire_put_u64(&w, s->key.k0);
    wire_put_u64(&w, s->key.k1);
    wire_put_u64(&w, (uint64_t)s->generation);
    wire_put_u64(&w, (uint64_t)s->n_lost);
    int rc = send(&g, &w);
    for (enum state_table t = 0; t < STATE_TABLES && !rc; t++)
        rc = give_table(&g, &s->table[t], t, now_ms);
    if (!rc)
        rc = give_sets(&g, s->disco);
    if (!rc) {
        wire_put_u8(&w, STATE_END);
        wire_put_u64(&w, (uint64_t)s->young_until);
        rc = send(&g, &w);
    }
    buf_clear(&g.b);
    return rc;
}

/* ---- taking ---- */

static bool is_fresh(const struct pol_state *s)
{
    bool fresh = !s->taking && !s->disco;
    for (enum state_table t = 0; t < STATE_TABLES && fresh; t++)
        fresh = !s->table[t].v;
    return fresh;
}

static int take_begin(struct pol_state *s, const struct policy *p, struct wire *w)
{
    uint8_t version = wire_u8(w);
    const unsigned char *rules = wire_bytes(w, 32);
    bool same = rules && !memcmp(rules, policy_hash(p), 32);
    struct siphash_key key = { .k0 = wire_u64(w), .k1 = wire_u64(w) };
    int64_t generation = (int64_t)wire_u64(w), n_lost = (int64_t)wire_u64(w);
    if (wire_done(w))
        return GW_ERR(SYNTAX);
    if (version != VERSION || !is_fresh(s) || generation < 0 || n_lost < generation || n_lost > INT64_MAX / 2)
        return GW_ERR(PROTO); /* keys made with another key would never be found again */
    s->key = key;
    s->generation = generation;
    s->n_lost = n_lost;
    s->taking = true;
    s->same_rules = same;
    return 0;
}

static bool entry_good(const struct pol_state *s, enum state_table t, const struct slot *e, uint8_t begun, uint64_t tokens, int64_t now)
{
    int64_t newest = t == TABLE_PRESENCE ? INT64_MAX : t == TABLE_LOST ? s->n_lost : now + 60000;
    return e->key && e->expires > 0 && e->expires <= now + life[t] + 60000 && begun <= 1 && tokens <= TOKENS_MAX &&
        (t == TABLE_PRESENCE || (e->memo.at >= 0 && e->memo.at <= newest));
}

static int take_entries(struct pol_state *s, struct wire w, int64_t now, bool store)
{
    uint8_t t = wire_u8(&w);
    if (t >= STATE_TABLES || wire_left(&w) % ENTRY)
        return GW_ERR(SYNTAX);
    while (wire_left(&w)) {
        struct slot e = { .key = wire_u64(&w), .memo = { 0 } };
        e.expires = (int64_t)wire_u64(&w);
        e.memo.at = (int64_t)wire_u64(&w);
        uint64_t tokens = wire_u64(&w);
        uint8_t begun = wire_u8(&w);
        e.memo.tokens = (double)tokens / 1e6;
        e.memo.begun = begun;
        e.memo.owner = wire_u16(&w);
        if (e.memo.owner >= OWNERS || !entry_good(s, t, &e, begun, tokens, now))
            return GW_ERR(SYNTAX);
        if (!store || e.expires <= now)
            continue;
        struct slot *to = table_add(&s->table[t], e.key, now, life[t]);
        if (!to)
            return GW_ERR(LIMIT);
        *to = e;
        s->owned[e.memo.owner] += t == TABLE_RATES;
    }
    return wire_done(&w);
}

static int take_set(struct pol_state *s, struct wire *w)
{
    struct disco_set d = { .before = wire_u64(w) };
    d.after = wire_u64(w);
    d.text = wire_str16(w, CAPS_TEXT - 1);
    d.set = wire_str32(w, RECORD_MAX);
    d.owner = wire_u16(w);
    if (wire_done(w))
        return GW_ERR(SYNTAX);
    return s->same_rules ? disco_memory_add(&s->disco, &d) : 0; /* another rule set would have filtered otherwise */
}

int pol_state_take(struct pol_state *s, const struct policy *p, struct str record, int64_t now_ms)
{
    struct wire w;
    wire_init(&w, record.p, record.n);
    uint8_t what = wire_u8(&w);
    int rc;
    if (what == STATE_BEGIN)
        return take_begin(s, p, &w);
    if (!s->taking)
        return GW_ERR(PROTO);
    if (what == STATE_ENTRIES) {
        rc = take_entries(s, w, now_ms, false);
        return rc ? rc : take_entries(s, w, now_ms, true);
    }
    if (what == STATE_SET)
        return take_set(s, &w);
    int64_t young = (int64_t)wire_u64(&w);
    if (what != STATE_END || wire_done(&w))
        return GW_ERR(SYNTAX);
    s->taking = false;
    s->young_until = young < s->young_until ? young : s->young_until; /* all is known that the one before knew */
    return 0;
}
