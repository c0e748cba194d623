/* SPDX-License-Identifier: GPL-3.0-or-later
 * Finds what a stanza carries for others, and refuses what may not be carried: carbons, addresses of elsewhere, copies that are nested too
 * deep. Addresses are compared as they are prepared, so that no other spelling is another address. */
#include <string.h>

#include "expand.h"
#include "jid.h"
#include "label.h"

#define NS_ADDRESS "http://jabber.org/protocol/address"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_CONFERENCE "jabber:x:conference"

struct finding { struct pol_eval *e; const char *why, *condition; };

static bool refuse(struct finding *f, const char *why, const char *condition)
{
    f->why = why;
    f->condition = condition;
    return false;
}

static bool is(const struct rec *r, uint32_t i, const char *ns, const char *name)
{
    return i != REC_NONE && !r->nodes[i].is_text && str_eq(r->nodes[i].name, str_c(name)) && str_eq(r->nodes[i].ns, str_c(ns));
}

bool expand_is_stanza_ns(struct str ns) { return str_eq(ns, STR(NS_SERVER)) || str_eq(ns, STR("jabber:client")); }

static bool take_out(struct pol_eval *e, uint32_t i)
{
    const struct rec_node *n = &e->rec->nodes[i];
    return pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = i, .attr = REC_NONE }) &&
        pol_changed(e, "carried: {%.*s}%.*s", STR_ARG(n->ns), STR_ARG(n->name));
}

/* ---- before the allow-list ---- */

bool expand_before(struct pol_eval *e, const char **ret_why, const char **ret_condition)
{
    const struct rec *r = e->rec;
    bool error = str_eq(r->type, STR("error"));
    *ret_why = "what may not be carried could not be taken out";
    *ret_condition = "internal-server-error";
    for (uint32_t i = 1; i < r->n_nodes;) {
        const struct rec_node *n = &r->nodes[i];
        bool carbon = !n->is_text && str_eq(n->ns, STR(NS_CARBONS)), addresses = !carbon && is(r, i, NS_ADDRESS, "addresses");
        bool goes = carbon && (error || str_eq(n->name, STR("private"))); /* that one asks for no copies: it comes with somebody's own message */
        if (carbon && !goes) {
            *ret_why = "carbons stay between a server and its own users (XEP-0280)";
            *ret_condition = "policy-violation";
            return false;
        }
        goes |= addresses && (error || (r->kind == REC_PRESENCE && pol_from_room(r)));
        if (addresses && !goes && r->kind != REC_MESSAGE) {
            *ret_why = r->kind == REC_IQ ? "a request has one recipient (XEP-0033)" : "presence has one recipient here: each must be told by itself";
            *ret_condition = r->kind == REC_IQ ? "bad-request" : "forbidden";
            return false;
        }
        if (goes && !take_out(e, i))
            return false;
        i = goes ? rec_skip(r, i) : i + 1;
    }
    bool was_empty = pol_empty(r);
    if (e->n_edits && (!pol_apply(e) || (!was_empty && pol_empty(e->rec)))) {
        *ret_why = "nothing but what may not be carried was in it";
        *ret_condition = "policy-violation";
        return false;
    }
    return true;
}

/* ---- addresses ---- */

/* The attribute leaves as the rules see it: who reads it may prepare it otherwise (RFC 7622). */
static bool put_prepared(struct pol_eval *e, uint32_t i, const char *name, struct str full)
{
    const struct rec_node *n = &e->rec->nodes[i];
    for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs; a++) {
        const struct rec_attr *is = &e->rec->attrs[a];
        if (!is->ns.n && str_eq(is->name, str_c(name)) && !str_eq(is->value, full))
            return pol_edit(e, (struct rec_edit){ .op = REC_REPLACE, .node = i, .attr = a, .len = is->value.n, .with = full }) &&
                pol_changed(e, "carried: {%.*s}%.*s/@%s is prepared", STR_ARG(n->ns), STR_ARG(n->name), name);
    }
    return true;
}

/* The prepared form of an attribute of node i, in e's arena. */
static bool address(struct finding *f, uint32_t i, const char *name, struct pol_party *p, bool to)
{
    struct str raw = rec_attr_get(f->e->rec, i, STR_NONE, str_c(name));
    struct jid j;
    if (!raw.n || jid_prepare(raw, &j))
        return refuse(f, "an address that it carries is none", "jid-malformed");
    struct str full = arena_str(&f->e->arena, j.full), domain = arena_str(&f->e->arena, j.domain);
    if (!full.p || !domain.p || !put_prepared(f->e, i, name, full))
        return refuse(f, "no memory", "internal-server-error");
    *(to ? &p->to : &p->from) = full;
    *(to ? &p->to_domain : &p->from_domain) = domain;
    return true;
}

static bool of_pair(const struct pol_eval *e, struct str domain)
{
    return str_eq(domain, e->rec->from_domain) || str_eq(domain, e->rec->to_domain);
}

static bool below(struct str domain, struct str of)
{
    return str_eq(domain, of) || (domain.n > of.n + 1 && domain.p[domain.n - of.n - 1] == '.' && !memcmp(domain.p + domain.n - of.n, of.p, of.n));
}

static bool beside(struct str domain, struct str of)
{
    return below(domain, of) || (memchr(domain.p, '.', domain.n) && below(of, domain));
}

/* Rooms live on a service beside the server: the domains of the pair, all below them, and those that they are below of. */
static bool near_pair(const struct pol_eval *e, struct str domain)
{
    return beside(domain, e->rec->from_domain) || beside(domain, e->rec->to_domain);
}

static struct pol_party stanza_itself(const struct pol_eval *e)
{
    const struct rec *r = e->rec;
    return (struct pol_party){ .from = r->from, .to = r->to, .from_domain = r->from_domain, .to_domain = r->to_domain };
}

static bool add(struct finding *f, struct pol_party p)
{
    struct pol_eval *e = f->e;
    if (e->n_parties >= e->p->recipients_max)
        return refuse(f, "it is for more addresses than one stanza may carry", "not-acceptable");
    if (!POL_PUSH(e, e->parties, e->n_parties, e->cap_parties))
        return refuse(f, "no memory", "internal-server-error");
    e->parties[e->n_parties++] = p;
    return true;
}

/* Something of elsewhere: refused, or left out where main.rules says so, or where a refusal would be answered by nobody. */
static bool foreign(struct finding *f, uint32_t i, const char *why)
{
    if (!f->e->p->strip_foreign && !(pol_from_room(f->e->in) && is(f->e->rec, i, NS_ADDRESS, "address")))
        return refuse(f, why, "forbidden");
    return take_out(f->e, i) || refuse(f, "no memory", "internal-server-error");
}

/* ---- XEP-0033 ---- */

static bool one_address(struct finding *f, uint32_t i)
{
    const struct rec *r = f->e->rec;
    struct str type = rec_attr_get(r, i, STR_NONE, STR("type")), jid = rec_attr_get(r, i, STR_NONE, STR("jid"));
    struct pol_party p = stanza_itself(f->e);
    bool to = str_eq(type, STR("to")) || str_eq(type, STR("cc")) || str_eq(type, STR("bcc"));
    bool had = str_eq(rec_attr_get(r, i, STR_NONE, STR("delivered")), STR("true")); /* served on its own side: it is only named */
    if (str_eq(type, STR("noreply")) && !jid.p)
        return true;
    if (!jid.p) /* a uri: nobody here knows who that is */
        return foreign(f, i, "it carries an address that is no XMPP address");
    if (!address(f, i, "jid", &p, to))
        return false;
    struct str domain = to ? p.to_domain : p.from_domain;
    if (to && had && str_eq(domain, r->from_domain)) {
        struct str whom = p.to;
        p = stanza_itself(f->e);
        p.from = whom;
        p.from_domain = domain;
        return add(f, p);
    }
    if (to ? !str_eq(domain, r->to_domain) : str_eq(type, STR("replyroom")) ? !near_pair(f->e, domain) : !of_pair(f->e, domain))
        return foreign(f, i, to ? "it has a recipient who is not of the domain that it goes to" : "it carries an address of a domain that is neither side's");
    if (str_eq(type, STR("replyroom"))) {
        p.room = p.from;
        p.from = r->from;
        p.from_domain = r->from_domain;
    }
    p.recipient = to;
    return add(f, p);
}

static bool addresses(struct finding *f, uint32_t i)
{
    const struct rec *r = f->e->rec;
    uint32_t home = r->nodes[i].parent;
    if (home && !(expand_is_stanza_ns(r->nodes[home].ns) && is(r, r->nodes[home].parent, NS_FORWARDED, "forwarded")))
        return refuse(f, "addresses stand where none may", "bad-request");
    if (rec_child(r, home, STR(NS_ADDRESS), STR("addresses"), i) != REC_NONE)
        return refuse(f, "it carries two lists of addresses", "bad-request");
    bool good = true;
    for (uint32_t c = r->nodes[i].first_child; c != REC_NONE && good; c = r->nodes[c].next)
        good = !is(r, c, NS_ADDRESS, "address") || one_address(f, c);
    return good;
}

/* ---- XEP-0297 ---- */

/* A record of its own of the stanza at node i, as if it had come alone. */
static bool unwrap(const struct rec *r, uint32_t i, const struct pol_party *p, enum rec_kind kind, struct rec *out)
{
    static const struct str heads[] = { STR("from"), STR("to"), STR("id"), STR("type") };
    const struct str xml = STR("http://www.w3.org/XML/1998/namespace");
    uint32_t end = rec_skip(r, i), at = i;
    int rc = rec_head(out, kind, rec_attr_get(r, i, STR_NONE, STR("type")), rec_attr_get(r, i, STR_NONE, STR("id")), rec_attr_get(r, i, xml, STR("lang")));
    rc = rc ? rc : rec_address(out, p->from, p->to, STR_NONE, STR_NONE);
    rc = rc ? rc : rec_pair(out, p->from_domain, p->to_domain);
    for (uint32_t n = i; n < end && !rc; n++) {
        const struct rec_node *x = &r->nodes[n];
        for (; n > i && at != x->parent && !rc; at = r->nodes[at].parent)
            rc = rec_close(out);
        if (x->is_text) {
            rc = rc ? rc : rec_text(out, x->text);
            continue;
        }
        at = n;
        rc = rc ? rc : rec_open(out, expand_is_stanza_ns(x->ns) ? STR(NS_SERVER) : x->ns, x->name);
        for (uint32_t a = x->first_attr; a < x->first_attr + x->n_attrs && !rc; a++) {
            bool head = n == i && str_eq(r->attrs[a].ns, xml) && str_eq(r->attrs[a].name, STR("lang"));
            for (size_t k = 0; n == i && !r->attrs[a].ns.n && k < sizeof heads / sizeof *heads; k++)
                head |= str_eq(r->attrs[a].name, heads[k]);
            rc = head ? 0 : rec_attr_add(out, r->attrs[a].ns, r->attrs[a].name, r->attrs[a].value);
        }
    }
    for (; !rc; at = r->nodes[at].parent) {
        rc = rec_close(out);
        if (at == i)
            break;
    }
    return !rc && !rec_seal(out);
}

static bool copy(struct finding *f, uint32_t wrapper, uint32_t i)
{
    const struct rec *r = f->e->rec;
    struct pol_party p = { .copy = NULL };
    int kind = 0;
    while (kind < REC_KINDS && !str_eq(r->nodes[i].name, str_c(rec_kind_name((enum rec_kind)kind))))
        kind++;
    if (kind == REC_KINDS)
        return refuse(f, "what it forwards is no stanza", "bad-request");
    struct str from = rec_attr_get(r, i, STR_NONE, STR("from")), to = rec_attr_get(r, i, STR_NONE, STR("to"));
    if (!from.n || !to.n)
        return refuse(f, "what it forwards does not say from whom and to whom it was", "policy-violation");
    if (!address(f, i, "from", &p, false) || !address(f, i, "to", &p, true))
        return false;
    if (!of_pair(f->e, p.from_domain) || !of_pair(f->e, p.to_domain))
        return foreign(f, wrapper, "it forwards what was said from or to a domain that is neither side's");
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *out = rec_new(&limits);
    if (!out || !unwrap(r, i, &p, (enum rec_kind)kind, out)) {
        rec_free(out);
        return refuse(f, "what it forwards is no good stanza", "bad-request");
    }
    p.copy = out;
    if (add(f, p))
        return true;
    rec_free(out);
    return false;
}

static bool forwarded(struct finding *f, uint32_t i)
{
    const struct rec *r = f->e->rec;
    uint32_t depth = 1;
    for (uint32_t p = r->nodes[i].parent; p != REC_NONE; p = r->nodes[p].parent)
        depth += is(r, p, NS_FORWARDED, "forwarded");
    if (depth > f->e->p->forwarded_depth)
        return refuse(f, "a forwarded stanza in it is nested too deep", "policy-violation");
    bool good = true;
    for (uint32_t c = r->nodes[i].first_child; c != REC_NONE && good; c = r->nodes[c].next)
        good = r->nodes[c].is_text || !expand_is_stanza_ns(r->nodes[c].ns) || copy(f, i, c);
    return good;
}

/* ---- invitations ---- */

/* XEP-0045: the room speaks for who invites or declines ("from"), and hands on to who is named ("to"). */
static bool mediated(struct finding *f, uint32_t i)
{
    const struct rec *r = f->e->rec;
    struct str from = rec_attr_get(r, i, STR_NONE, STR("from")), to = rec_attr_get(r, i, STR_NONE, STR("to"));
    struct pol_party p = stanza_itself(f->e);
    if (!from.p && !to.p)
        return true;
    if ((from.p && !address(f, i, "from", &p, false)) || (to.p && !address(f, i, "to", &p, true)))
        return false;
    if (to.p && !near_pair(f->e, p.to_domain))
        return foreign(f, i, "it invites somebody of a domain that is neither side's");
    if (from.p && !near_pair(f->e, p.from_domain))
        return foreign(f, i, "it invites in the name of somebody of a domain that is neither side's");
    p.recipient = to.p != NULL;
    return add(f, p);
}

static bool direct(struct finding *f, uint32_t i)
{
    struct pol_party p = stanza_itself(f->e), room = p;
    if (!address(f, i, "jid", &room, true))
        return false;
    if (!near_pair(f->e, room.to_domain))
        return foreign(f, i, "it invites to a room of a domain that is neither side's");
    p.room = room.to;
    return add(f, p);
}

/* ---- all of it ---- */

void expand_clear(struct pol_eval *e)
{
    for (size_t i = 0; i < e->n_parties; i++)
        rec_free(e->parties[i].copy);
    e->n_parties = e->cap_parties = 0;
    e->parties = NULL;
}

static bool collect(struct finding *f)
{
    const struct rec *r = f->e->rec;
    bool good = true, error = str_eq(r->type, STR("error")); /* an error goes back to who knows it all */
    expand_clear(f->e);
    for (uint32_t i = 1; i < r->n_nodes && good && !error; i++) {
        if (is(r, i, NS_FORWARDED, "forwarded"))
            good = forwarded(f, i);
        else if (is(r, i, NS_ADDRESS, "addresses"))
            good = addresses(f, i);
        else if (is(r, i, NS_MUC_USER, "invite") || is(r, i, NS_MUC_USER, "decline"))
            good = mediated(f, i);
        else if (is(r, i, NS_CONFERENCE, "x"))
            good = direct(f, i);
    }
    f->e->have_parties = good;
    return good;
}

bool expand_begin(struct pol_eval *e, const char **ret_why, const char **ret_condition)
{
    struct finding f = { .e = e };
    bool good = collect(&f), was_empty = pol_empty(e->rec);
    if (good && e->n_edits) { /* something was left out, or prepared: whom the rest concerns */
        good = pol_apply(e) && (was_empty || !pol_empty(e->rec));
        good = good ? collect(&f) && !e->n_edits : refuse(&f, "nothing is left of it without what it carried for others", "forbidden");
    }
    *ret_why = f.why ? f.why : "what it carries changed under the judgement";
    *ret_condition = f.condition ? f.condition : "internal-server-error";
    return good;
}

bool expand_again(struct pol_eval *e, const char **ret_why, const char **ret_condition)
{
    struct finding f = { .e = e };
    size_t changed = e->v.n_changed, changes = e->v.n_changes;
    if (collect(&f) && !e->n_edits)
        return true;
    e->v.n_changed = changed; /* what would have to be left out is not: it is refused */
    e->v.n_changes = changes;
    *ret_why = f.why ? f.why : "after a rule has changed it, it carries something of elsewhere, or an address in another form";
    *ret_condition = f.condition ? f.condition : "forbidden";
    return false;
}

/* ---- what a rule answers ---- */

static enum tri ask(struct pol_eval *e, const struct cond *c, const struct rec *whole, size_t i)
{
    const struct pol_party *p = &e->parties[i];
    struct rec view = p->copy ? *p->copy : *whole;
    view.from = p->from;
    view.to = p->to;
    view.from_domain = p->from_domain;
    view.to_domain = p->to_domain;
    if (e->explain)
        pol_note(e, TRI_UNKNOWN, true, "as %s %.*s to %.*s%s%.*s:", p->copy ? "forwarded, from" : "from", STR_ARG(p->from), STR_ARG(p->to),
            p->room.n ? ", inviting to " : "", STR_ARG(p->room));
    e->rec = &view;
    e->party = p;
    enum tri t = cond_match(c, e);
    e->rec = whole;
    e->party = NULL;
    return t;
}

enum tri expand_match(struct pol_eval *e, const struct pol_rule *r)
{
    const struct rec *whole = e->rec;
    const struct cond *c = &r->when;
    bool all = r->action == ACT_RELEASE;
    if (e->n_parties && (c->needs & (COND_SCAN | COND_CONTENT)) && !segments_collect(e)) /* of the whole: each is part of it */
        return TRI_UNKNOWN;
    enum tri t = cond_match(c, e);
    for (size_t i = 0; i < e->n_parties && !e->want_scan && t != (all ? TRI_NO : TRI_YES); i++) {
        enum tri u = ask(e, c, whole, i);
        t = all ? tri_and(t, u) : tri_or(t, u);
    }
    return t;
}
