/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the policy remembers between stanzas: open questions, who has written to whom, rates. Keys are keyed hashes, so that what a
 * peer chooses neither floods a table nor fills it with text; each table has a maximum, and what is old goes. */
#include "state_table.h"

#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "jid.h"

#define TABLE_MAX (1u << 20)
#define FULL_MS 1000LL /* between two looks for what is old in a full table */
#define YOUNG_MS 60000LL /* after a start, questions of before are not known */

/* ---- a table of keys that grow old ---- */

static struct slot *look(const struct table *t, uint64_t key)
{
    size_t i = key & t->mask;
    while (t->v[i].key && t->v[i].key != key)
        i = (i + 1) & t->mask;
    return &t->v[i];
}

/* Into a table of another size, without what is old. */
static bool rebuild(struct table *t, size_t size, int64_t now)
{
    struct table to = { .v = calloc(size, sizeof *to.v), .mask = size - 1, .looked = t->looked };
    if (!to.v)
        return false;
    for (size_t i = 0; t->v && i <= t->mask; i++)
        if (t->v[i].key && t->v[i].expires > now) {
            *look(&to, t->v[i].key) = t->v[i];
            to.n++;
        }
    free(t->v);
    *t = to;
    return true;
}

static struct slot *find(struct table *t, uint64_t key, int64_t now)
{
    struct slot *s = t->v ? look(t, key) : NULL;
    return s && s->key && s->expires > now ? s : NULL;
}

struct slot *table_add(struct table *t, uint64_t key, int64_t now, int64_t life)
{
    struct slot *known = find(t, key, now);
    if (known) { /* also where there is no room for another */
        known->expires = now + life;
        return known;
    }
    if (!t->v || t->n * 2 > t->mask) {
        size_t size = t->v ? t->mask + 1 : 256;
        if (size >= TABLE_MAX && now - t->looked < FULL_MS && now >= t->looked)
            return NULL; /* full: whether something has grown old is not looked for each time */
        t->looked = now;
        if (!rebuild(t, size, now))
            return NULL;
        if (t->n * 2 > t->mask && (size >= TABLE_MAX || !rebuild(t, size * 2, now)))
            return NULL;
    }
    struct slot *s = look(t, key);
    if (!s->key)
        t->n++;
    if (!s->key || s->expires <= now)
        s->memo = (struct memo){ 0 };
    s->key = key;
    s->expires = now + life;
    return s;
}

static uint64_t key_of(const struct pol_state *s, const char *what, struct str a, struct str b, struct str c)
{
    const struct siphash_key *k = &s->key;
    uint64_t h[4] = { siphash(k, what, strlen(what)), siphash(k, a.p, a.n), siphash(k, b.p, b.n), siphash(k, c.p, c.n) };
    uint64_t key = siphash(k, h, sizeof h);
    return key ? key : 1;
}

/* ---- the state ---- */

struct pol_state *pol_state_new(void)
{
    struct pol_state *s = calloc(1, sizeof *s);
    if (s)
        s->key = *siphash_process_key();
    return s;
}

const struct siphash_key *state_siphash(const struct pol_state *s) { return s ? &s->key : siphash_process_key(); }

void pol_state_secret(struct pol_state *s, const unsigned char secret[POL_SECRET]) { memcpy(s->secret, secret, sizeof s->secret); }
const unsigned char *state_secret(const struct pol_state *s) { return s->secret; }

void pol_state_forget(struct pol_state *s)
{
    unsigned char secret[ALIAS_KEY];
    struct siphash_key key = s->key;
    memcpy(secret, s->secret, sizeof secret);
    for (enum state_table t = 0; t < STATE_TABLES; t++)
        free(s->table[t].v);
    disco_memory_free(s->disco);
    *s = (struct pol_state){ .key = key };
    memcpy(s->secret, secret, sizeof secret);
}

void pol_state_free(struct pol_state *s)
{
    if (s)
        pol_state_forget(s);
    free(s);
}

void pol_state_started(struct pol_state *s, int64_t now_ms) { s->young_until = now_ms + YOUNG_MS; }

static struct str bare(struct str jid)
{
    struct str local, domain, resource;
    jid_split(jid, &local, &domain, &resource);
    return (struct str){ jid.p, (size_t)(domain.p + domain.n - jid.p) };
}

/* Names are as the other side knows them: questions as they left, answers as they came. */
static enum tri asked(const struct pol_eval *e)
{
    const struct rec *r = e->in;
    if (!e->state)
        return TRI_UNKNOWN;
    if (find(&e->state->table[TABLE_QUESTIONS], key_of(e->state, "question", r->to, r->from, r->id), e->facts.now_ms))
        return TRI_YES;
    return e->facts.now_ms < e->state->young_until ? TRI_UNKNOWN : TRI_NO;
}

enum tri state_asked(const struct pol_eval *e) { return asked(e); }
enum tri state_asked_in(const struct pol_eval *e) { return e->state ? asked(e) : TRI_NO; }

enum tri state_contact(const struct pol_eval *e)
{
    if (!e->state)
        return TRI_UNKNOWN;
    return tri_of(find(&e->state->table[TABLE_CONTACTS], key_of(e->state, "contact", bare(e->rec->to), bare(e->rec->from), STR_NONE), e->facts.now_ms) != NULL);
}

static uint16_t owner_of(const struct pol_state *s, struct str domain) { return (uint16_t)(1 + siphash(&s->key, domain.p, domain.n) % (OWNERS - 1)); }

static bool over_share(struct pol_state *s, uint16_t owner, int64_t now)
{
    const struct table *t = &s->table[TABLE_RATES];
    if (s->owned[owner] < RATE_SHARE)
        return false;
    if (now - s->recounted >= FULL_MS || now < s->recounted) {
        memset(s->owned, 0, sizeof s->owned);
        for (size_t i = 0; t->v && i <= t->mask; i++)
            if (t->v[i].key && t->v[i].expires > now)
                s->owned[t->v[i].memo.owner]++;
        s->recounted = now;
    }
    return s->owned[owner] >= RATE_SHARE;
}

struct memo *state_rate(struct pol_eval *e, uint64_t which, struct str key, int64_t per_ms)
{
    struct pol_state *s = e->state;
    if (!s)
        return NULL;
    struct table *t = &s->table[TABLE_RATES];
    struct str rule = { (const char *)&which, sizeof which }, domain = e->in->from_domain;
    int64_t now = e->facts.now_ms;
    uint16_t owner = owner_of(s, domain);
    uint64_t k = key_of(s, "rate", rule, key, STR_NONE);
    if (!find(t, k, now) && over_share(s, owner, now))
        k = key_of(s, "rate of the rest", rule, domain, STR_NONE);
    struct slot *was = find(t, k, now), *slot = table_add(t, k, now, per_ms);
    if (slot && !was) {
        slot->memo.owner = owner;
        s->owned[owner]++;
    }
    return slot ? &slot->memo : NULL;
}

uint64_t state_key(const struct pol_state *s, const char *what, struct str a, struct str b, struct str c) { return key_of(s, what, a, b, c); }
struct disco_memory **state_disco(struct pol_state *s) { return &s->disco; }

/* ---- presence ---- */

/* Knowledge carries the numbers of the losses before it, of its pair of domains and of its pair of people: a new loss makes it another key. */
static int64_t losses(struct pol_state *s, const char *of, struct str from, struct str to, int64_t now)
{
    const struct slot *l = find(&s->table[TABLE_LOST], key_of(s, of, from, to, STR_NONE), now);
    return l ? l->memo.at : 0;
}

static void lose(struct pol_state *s, const char *of, struct str from, struct str to, int64_t now)
{
    struct slot *l = table_add(&s->table[TABLE_LOST], key_of(s, of, from, to, STR_NONE), now, PRESENCE_MS); /* older than any knowledge, it says nothing */
    if (l)
        l->memo.at = ++s->n_lost;
    else
        s->generation = ++s->n_lost; /* no room to note it: everything is forgotten */
}

void pol_state_lost(struct pol_state *s, struct str from_domain, struct str to_domain, int64_t now_ms)
{
    if (from_domain.n && to_domain.n)
        lose(s, "domains", from_domain, to_domain, now_ms);
    else
        s->generation = ++s->n_lost;
}

static uint64_t presence_key(const struct pol_eval *e, struct str from, struct str to)
{
    struct pol_state *s = e->state;
    int64_t v[3] = { s->generation, losses(s, "domains", e->in->from_domain, e->in->to_domain, e->facts.now_ms),
        losses(s, "people", bare(from), to, e->facts.now_ms) };
    return key_of(e->state, "presence", from, to, (struct str){ (const char *)v, sizeof v });
}

uint64_t state_presence(const struct pol_eval *e, struct str from, struct str to)
{
    const struct slot *p = e->state ? find(&e->state->table[TABLE_PRESENCE], presence_key(e, from, to), e->facts.now_ms) : NULL;
    return p ? (uint64_t)p->memo.at : 0;
}

void state_presence_set(struct pol_eval *e, struct str from, struct str to, uint64_t what)
{
    struct slot *p = what ? table_add(&e->state->table[TABLE_PRESENCE], presence_key(e, from, to), e->facts.now_ms, PRESENCE_MS) :
        find(&e->state->table[TABLE_PRESENCE], presence_key(e, from, to), e->facts.now_ms);
    if (p)
        p->memo.at = (int64_t)what;
}

void state_presence_forget(struct pol_eval *e, struct str from, struct str to) { lose(e->state, "people", from, to, e->facts.now_ms); }

bool state_room(const struct pol_eval *e, struct str room)
{
    return e->state && find(&e->state->table[TABLE_CONTACTS], key_of(e->state, "room", room, STR_NONE, STR_NONE), e->facts.now_ms);
}

void state_room_set(struct pol_eval *e, struct str room)
{
    (void)table_add(&e->state->table[TABLE_CONTACTS], key_of(e->state, "room", room, STR_NONE, STR_NONE), e->facts.now_ms, CONTACT_MS);
}

/* ---- what a verdict leaves behind ---- */

static bool is_question(const struct rec *r)
{
    return r->kind == REC_IQ && (str_eq(r->type, STR("get")) || str_eq(r->type, STR("set")));
}

void pol_commit(struct pol_eval *e)
{
    struct pol_state *s = e->state;
    int64_t now = e->facts.now_ms;
    bool released = e->v.verdict == GW_V_RELEASE;
    if (!s)
        return;
    if (e->p->folds) {
        fold_commit(e);
    } else if (s->table[TABLE_PRESENCE].v) { /* known from an earlier set: nobody watches over it now */
        free(s->table[TABLE_PRESENCE].v);
        s->table[TABLE_PRESENCE] = (struct table){ 0 };
    }
    disco_commit(e);
    if (e->in->kind == REC_IQ && !is_question(e->in)) { /* whatever came of it, it was the answer */
        struct slot *q = find(&s->table[TABLE_QUESTIONS], key_of(e->state, "question", e->in->to, e->in->from, e->in->id), now);
        if (q)
            q->expires = now;
    } else if (released && is_question(e->rec)) {
        (void)table_add(&s->table[TABLE_QUESTIONS], key_of(e->state, "question", e->rec->from, e->rec->to, e->rec->id), now, QUESTION_MS);
    } else if (released && e->rec->kind == REC_MESSAGE && !str_eq(e->rec->type, STR("error"))) {
        (void)table_add(&s->table[TABLE_CONTACTS], key_of(e->state, "contact", bare(e->rec->from), bare(e->rec->to), STR_NONE), now, CONTACT_MS);
    }
}
