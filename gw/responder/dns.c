/* SPDX-License-Identifier: GPL-3.0-or-later
 * A name server that knows the domains of the other side and their targets, and nothing else (RFC 1035, RFC 2782, RFC 6891). A question
 * is read strictly; an answer is made from the configuration. Server K of a domain is called xmpp-K.DOMAIN. */
#include <stdio.h>
#include <strings.h>

#include "responder.h"
#include "wire.h"

#define HEAD 12
#define NAME_MAX_ 255
#define TTL 300
enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_OPT = 41, TYPE_ANY = 255, CLASS_IN = 1 };
enum { NOERROR = 0, FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5, BADVERS = 16 };
enum { QR = 0x8000, AA = 0x0400, TC = 0x0200, RD = 0x0100 };

struct question {
    uint16_t id, flags, type, class;
    char name[NAME_MAX_ + 1]; /* with dots between labels, as it was written; resolvers compare its case */
    size_t end;               /* of the question in the message */
    bool edns;
    size_t room; /* for the answer */
};

/* ---- reading ---- */

/* No compression has a place in the only name of a message (RFC 1035 section 4.1.4). */
static void read_name(struct wire *w, char out[NAME_MAX_ + 1])
{
    size_t at = 0;
    out[0] = 0;
    for (;;) {
        size_t n = wire_u8(w);
        const unsigned char *p = n && n <= 63 && at + n + 1 < NAME_MAX_ ? wire_bytes(w, n) : NULL;
        if (!n)
            return;
        if (!p) {
            wire_fail(w, GW_ERR(SYNTAX));
            return;
        }
        if (at)
            out[at++] = '.';
        for (size_t i = 0; i < n; i++) {
            if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '.')
                wire_fail(w, GW_ERR(SYNTAX));
            out[at++] = (char)p[i];
        }
        out[at] = 0;
    }
}

/* The only record that may follow: OPT at the root. 0 or a response code. */
static unsigned read_opt(struct wire *w, struct question *q)
{
    uint8_t root = wire_u8(w);
    uint16_t type = wire_u16(w), size = wire_u16(w);
    (void)wire_u8(w); /* extended code */
    uint8_t version = wire_u8(w);
    (void)wire_u16(w);
    size_t n = wire_u16(w);
    (void)wire_bytes(w, n);
    if (w->err || root || type != TYPE_OPT)
        return FORMERR;
    q->edns = true;
    q->room = size > 512 ? size : 512;
    return version ? BADVERS : NOERROR;
}

/* -1: not to be answered at all; else a response code. */
static int read_question(const unsigned char *p, size_t n, struct question *q)
{
    struct wire w;
    unsigned code = NOERROR;
    memset(q, 0, sizeof *q);
    wire_init(&w, p, n);
    q->id = wire_u16(&w);
    q->flags = wire_u16(&w);
    unsigned qd = wire_u16(&w), an = wire_u16(&w), ns = wire_u16(&w), ar = wire_u16(&w);
    if (w.err || (q->flags & QR)) /* two that answer each other would never end */
        return -1;
    if (q->flags & 0x7800) /* opcode: QUERY alone */
        return NOTIMP;
    q->room = 512;
    if (qd != 1 || an || ns || ar > 1)
        return FORMERR;
    read_name(&w, q->name);
    q->type = wire_u16(&w);
    q->class = wire_u16(&w);
    if (w.err)
        return FORMERR;
    q->end = n - wire_left(&w);
    if (ar)
        code = read_opt(&w, q);
    if (code != FORMERR && wire_done(&w) != 0)
        code = FORMERR;
    if (code == FORMERR)
        q->edns = false;
    return (int)code;
}

/* ---- which domain, and what in it ---- */

static const char *const services[] = { [GW_STARTTLS] = "_xmpp-server._tcp.", [GW_DIRECT_TLS] = "_xmpps-server._tcp." };

static bool same(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* The configured domain that the name is, or is below; the longest. */
static const struct gw_domain *find_domain(const struct gw_side_conf *s, const char *name)
{
    const struct gw_domain *best = NULL;
    size_t n = strlen(name);
    for (size_t i = 0; i < s->n_domains; i++) {
        const struct gw_domain *d = &s->domains[i];
        size_t k = d->name.n;
        if (k <= n && same(name + n - k, d->name.p) && (k == n || name[n - k - 1] == '.') && (!best || k > best->name.n))
            best = d;
    }
    return best;
}

/* ---- writing ---- */

static void put_name(struct wire_out *o, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        wire_put_u8(o, (uint8_t)n);
        wire_put_bytes(o, name, n);
        name += n + (name[n] == '.');
    }
    wire_put_u8(o, 0);
}

static void put_owner(struct wire_out *o, const char *name)
{
    if (name)
        put_name(o, name);
    else
        wire_put_u16(o, 0xc000 | HEAD); /* the question's */
}

static void put_address(struct wire_out *o, const char *owner, const struct net_addr *a)
{
    uint16_t n = a->family == 4 ? 4 : 16;
    put_owner(o, owner);
    wire_put_u16(o, a->family == 4 ? TYPE_A : TYPE_AAAA);
    wire_put_u16(o, CLASS_IN);
    wire_put_u32(o, TTL);
    wire_put_u16(o, n);
    wire_put_bytes(o, a->addr, n);
}

static void server_name(const struct gw_domain *d, size_t k, char out[NAME_MAX_ + 1])
{
    snprintf(out, NAME_MAX_ + 1, "xmpp-%zu.%.*s", k + 1, STR_ARG(d->name));
}

/* RFC 2782: the target's name is never compressed. */
static void put_srv(struct wire_out *o, const struct gw_domain *d, size_t k)
{
    char name[NAME_MAX_ + 1];
    server_name(d, k, name);
    put_owner(o, NULL);
    wire_put_u16(o, TYPE_SRV);
    wire_put_u16(o, CLASS_IN);
    wire_put_u32(o, TTL);
    wire_put_u16(o, (uint16_t)(6 + strlen(name) + 2));
    wire_put_u16(o, d->targets[k].priority);
    wire_put_u16(o, d->targets[k].weight);
    wire_put_u16(o, d->targets[k].address.port);
    put_name(o, name);
}

struct counts { uint16_t answers, more; };

static bool wants(const struct question *q, const struct net_addr *a)
{
    return q->type == (a->family == 4 ? TYPE_A : TYPE_AAAA);
}

/* Answers about a name of the domain; its response code. */
static unsigned put_answers(struct wire_out *o, const struct question *q, const struct gw_domain *d, struct counts *c)
{
    size_t before = strlen(q->name) - d->name.n;
    char name[NAME_MAX_ + 1];
    if (!before) {
        for (size_t i = 0; i < d->n_targets; i++)
            if (wants(q, &d->targets[i].address)) {
                put_address(o, NULL, &d->targets[i].address);
                c->answers++;
            }
        return NOERROR;
    }
    for (size_t i = 0; i < d->n_targets; i++) {
        server_name(d, i, name);
        if (same(name, q->name)) {
            if (wants(q, &d->targets[i].address)) {
                put_address(o, NULL, &d->targets[i].address);
                c->answers++;
            }
            return NOERROR;
        }
    }
    for (size_t tls = 0; tls < sizeof services / sizeof *services; tls++) {
        if (before != strlen(services[tls]) || strncasecmp(q->name, services[tls], before) != 0)
            continue;
        for (size_t i = 0; i < d->n_targets; i++)
            if (q->type == TYPE_SRV && (size_t)d->targets[i].tls == tls) {
                put_srv(o, d, i);
                c->answers++;
            }
        return NOERROR;
    }
    return same(q->name + strlen("_tcp."), d->name.p) && strncasecmp(q->name, "_tcp.", 5) == 0 ? NOERROR : NXDOMAIN; /* a name with names below it is there */
}

/* Addresses of the servers that were named: what does not fit is asked for. */
static void put_more(struct wire_out *o, const struct question *q, const struct gw_domain *d, size_t room, struct counts *c)
{
    size_t tls = strncasecmp(q->name, services[GW_DIRECT_TLS], strlen(services[GW_DIRECT_TLS])) == 0 ? GW_DIRECT_TLS : GW_STARTTLS;
    char name[NAME_MAX_ + 1];
    for (size_t i = 0; i < d->n_targets; i++) {
        size_t need = (d->targets[i].address.family == 4 ? 14 : 26) + d->name.n + 12;
        if ((size_t)d->targets[i].tls != tls || buf_size(o->b) + need > room)
            continue;
        server_name(d, i, name);
        put_address(o, name, &d->targets[i].address);
        c->more++;
    }
}

static void put_opt(struct wire_out *o, unsigned code)
{
    wire_put_u8(o, 0);
    wire_put_u16(o, TYPE_OPT);
    wire_put_u16(o, ANSWER_MAX);
    wire_put_u8(o, (uint8_t)(code >> 4));
    wire_put_u8(o, 0);
    wire_put_u16(o, 0);
    wire_put_u16(o, 0);
}

/* The head is known last: it is written over the place that was left for it. */
static size_t finish(unsigned char *out, struct buf *b, const struct question *q, unsigned code, unsigned flags, const struct counts *c)
{
    unsigned char head[HEAD];
    struct buf hb = { .p = head, .cap = HEAD, .max = HEAD };
    struct wire_out h;
    wire_out_init(&h, &hb);
    wire_put_u16(&h, q->id);
    wire_put_u16(&h, (uint16_t)(QR | (q->flags & (0x7800 | RD)) | flags | (code & 15)));
    wire_put_u16(&h, q->end != 0);
    wire_put_u16(&h, c->answers);
    wire_put_u16(&h, 0);
    wire_put_u16(&h, (uint16_t)(c->more + q->edns));
    memcpy(out, head, HEAD);
    return h.err ? 0 : buf_size(b);
}

size_t dns_answer(const struct gw_conf *c, enum gw_side side, const unsigned char *p, size_t n, unsigned char *out, enum gw_reason *ret_reason)
{
    struct question q;
    struct counts counts = { 0 };
    struct buf b = { .p = out, .cap = ANSWER_MAX, .max = ANSWER_MAX };
    struct wire_out o;
    static const unsigned char head[HEAD];
    const struct gw_domain *d = NULL;
    int code = read_question(p, n, &q);
    unsigned flags = 0;
    *ret_reason = GW_R_PORT_FORBIDDEN;
    if (code < 0)
        return 0;
    if (code != NOERROR && code != BADVERS)
        q.end = 0; /* of a question that was not understood nothing is said again */
    if (code == NOERROR && (q.class != CLASS_IN || q.type == TYPE_ANY || !(d = find_domain(&c->side[gw_other(side)], q.name)))) {
        code = REFUSED;
        *ret_reason = GW_R_HOST_UNKNOWN;
    }
    size_t room = q.room < n * ANSWER_TIMES ? q.room : n * ANSWER_TIMES;
    if (room > ANSWER_MAX)
        room = ANSWER_MAX;
    room -= q.edns ? 11 : 0;
    wire_out_init(&o, &b);
    wire_put_bytes(&o, head, HEAD);
    if (q.end) {
        put_name(&o, q.name);
        wire_put_u16(&o, q.type);
        wire_put_u16(&o, q.class);
    }
    size_t asked = buf_size(&b);
    if (d) {
        flags = AA;
        *ret_reason = GW_R_ANSWERED;
        code = (int)put_answers(&o, &q, d, &counts);
        if (o.err || buf_size(&b) > room) { /* all or none of a set (RFC 2181 section 5.2) */
            o.err = 0;
            b.len = asked;
            counts = (struct counts){ 0 };
            flags |= TC;
        } else if (q.type == TYPE_SRV && counts.answers) {
            put_more(&o, &q, d, room, &counts);
        }
    }
    if (q.edns)
        put_opt(&o, (unsigned)code);
    return o.err ? 0 : finish(out, &b, &q, (unsigned)code, flags, &counts);
}
