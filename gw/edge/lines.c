/* SPDX-License-Identifier: GPL-3.0-or-later
 * Journal lines of the edge. */
#include "lines.h"

#include <stdio.h>
#include <time.h>

#include "log.h"

#define LINES_PAUSE (4u << 20)

/* Returns its number, 0 when it was lost. */
static uint64_t add(struct edge *e, enum gw_event event, const struct wire_out *o)
{
    uint64_t number = 0;
    int err = o->err ? o->err : outbox_add(&e->lines, LINE_TARGET_NONE, NULL, event, buf_str(o->b), &number);
    if (err)
        log_error("a line for the journal was lost: %s", gw_strerror(err));
    return err ? 0 : number;
}

bool lines_flow(const struct edge *e)
{
    return e->lines.bytes < LINES_PAUSE;
}

static void ends(struct wire_out *o, const struct net_addr *from, const struct net_addr *to)
{
    char text[NET_TEXT_MAX];
    if (from->family) {
        field_z(o, GW_F_SRC_IP, net_text(from, text));
        field_num(o, GW_F_SRC_PORT, from->port);
    }
    if (to->family) {
        field_z(o, GW_F_DEST_IP, net_text(to, text));
        field_num(o, GW_F_DEST_PORT, to->port);
    }
    field_z(o, GW_F_PROTO, "TCP");
}

static const char *direction(enum gw_side from)
{
    return from == GW_HIGH ? "high-to-low" : "low-to-high";
}

static void reason(struct wire_out *o, enum gw_reason r)
{
    field_z(o, GW_F_REASON, gw_reason_code(r));
    field_z(o, GW_F_SENTENCE, gw_reason_text(r));
}

static void security(struct wire_out *o, const struct conn *c)
{
    if (!c->secure)
        return;
    field_z(o, GW_F_TLS, c->peer.version);
    field_z(o, GW_F_CIPHER, c->peer.cipher);
    if (c->peer.certificate) {
        field_z(o, GW_F_CERT_SUBJECT, c->peer.subject);
        field_hex(o, GW_F_CERT_HASH, c->peer.sha256, sizeof c->peer.sha256);
    }
}

void line_stream(const struct conn *c, const struct stream_line *l)
{
    struct edge *e = c->edge;
    struct buf b;
    struct wire_out o;
    buf_init(&b, 65536);
    wire_out_init(&o, &b);
    if (l->flow)
        field_num(&o, GW_F_FLOW_ID, l->flow);
    ends(&o, l->receiving ? &c->remote : &c->local, l->receiving ? &c->local : &c->remote);
    field_z(&o, GW_F_SIDE, gw_side_name(e->side));
    field_z(&o, GW_F_DIRECTION, direction(l->receiving ? e->side : gw_other(e->side)));
    field_z(&o, GW_F_ACTION, l->action);
    field_z(&o, GW_F_ROLE, l->receiving ? "receiving" : "initiating");
    field_z(&o, GW_F_AUTH, l->auth ? l->auth : "");
    field_str(&o, GW_F_FROM_DOMAIN, l->from_domain);
    field_str(&o, GW_F_TO_DOMAIN, l->to_domain);
    field_str(&o, GW_F_STREAM_ID, l->stream_id);
    security(&o, c);
    if (c->reason != GW_R_NONE) {
        reason(&o, c->reason);
        field_z(&o, GW_F_CONDITION, c->condition);
        field_z(&o, GW_F_ERROR, c->detail);
        field_num(&o, GW_F_STANZAS_IN, c->stanzas_in);
        field_num(&o, GW_F_STANZAS_OUT, c->stanzas_out);
        field_num(&o, GW_F_BYTES_IN, c->bytes_in);
        field_num(&o, GW_F_BYTES_OUT, c->bytes_out);
    }
    add(e, GW_EV_STREAM, &o);
    buf_clear(&b);
    log_info("stream %s %s %.*s -> %.*s auth %s%s%s%s%s", l->action, l->receiving ? "from" : "to", STR_ARG(l->from_domain),
        STR_ARG(l->to_domain), l->auth ? l->auth : "none", c->reason ? ": " : "", c->reason ? gw_reason_code(c->reason) : "",
        c->detail[0] ? ": " : "", c->detail);
}

uint64_t line_stanza(const struct conn *c, const struct rec *r, uint64_t flow, enum gw_reason why, const char *action)
{
    struct edge *e = c->edge;
    struct buf b;
    struct wire_out o;
    buf_init(&b, 65536);
    wire_out_init(&o, &b);
    if (flow)
        field_num(&o, GW_F_FLOW_ID, flow);
    ends(&o, &c->remote, &c->local);
    field_z(&o, GW_F_SIDE, gw_side_name(e->side));
    field_z(&o, GW_F_DIRECTION, direction(e->side));
    field_z(&o, GW_F_ACTION, action);
    reason(&o, why);
    field_z(&o, GW_F_KIND, rec_kind_name(r->kind));
    field_str(&o, GW_F_TYPE, r->type);
    field_str(&o, GW_F_STANZA_ID, r->id);
    field_str(&o, GW_F_FROM, r->from);
    field_str(&o, GW_F_TO, r->to);
    if (r->from_raw.n)
        field_str(&o, GW_F_FROM_RAW, r->from_raw);
    if (r->to_raw.n)
        field_str(&o, GW_F_TO_RAW, r->to_raw);
    uint64_t number = add(e, GW_EV_LIMIT, &o);
    buf_clear(&b);
    return number;
}

void line_route(struct edge *e, struct str domain, const struct net_addr *server, const char *action, enum gw_reason why)
{
    struct buf b;
    struct wire_out o;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    ends(&o, &(struct net_addr){ 0 }, server);
    field_z(&o, GW_F_SIDE, gw_side_name(e->side));
    field_z(&o, GW_F_ACTION, action);
    field_str(&o, GW_F_TO_DOMAIN, domain);
    if (why != GW_R_NONE)
        reason(&o, why);
    add(e, GW_EV_STREAM, &o);
    buf_clear(&b);
}

void line_order(struct edge *e, uint64_t guard, uint64_t number, const char *action, enum gw_reason why)
{
    struct buf b;
    struct wire_out o;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(e->side));
    field_num(&o, GW_F_GUARD, guard);
    field_num(&o, GW_F_NUMBER, number);
    field_z(&o, GW_F_ACTION, action);
    field_z(&o, GW_F_SEVERITY, "high");
    reason(&o, why);
    add(e, GW_EV_JOURNAL, &o);
    buf_clear(&b);
}

void line_limit(struct edge *e, const struct net_addr *from, const struct net_addr *to, enum gw_reason why, const char *error,
    const char *action, uint64_t count)
{
    struct buf b;
    struct wire_out o;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    ends(&o, from, to);
    field_z(&o, GW_F_SIDE, gw_side_name(e->side));
    field_z(&o, GW_F_ACTION, action);
    field_z(&o, GW_F_ERROR, error);
    field_num(&o, GW_F_COUNT, count);
    reason(&o, why);
    add(e, GW_EV_LIMIT, &o);
    buf_clear(&b);
}

void line_lists(struct edge *e, const char *action, const char *error, unsigned n, int64_t next)
{
    char ends[32] = "";
    time_t t = (time_t)next;
    struct tm tm;
    struct buf b;
    struct wire_out o;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(e->side));
    field_z(&o, GW_F_ACTION, action);
    if (error) {
        field_z(&o, GW_F_SEVERITY, "high");
        field_z(&o, GW_F_ERROR, error);
    }
    field_num(&o, GW_F_COUNT, n);
    if (next != INT64_MAX && gmtime_r(&t, &tm) && strftime(ends, sizeof ends, "%Y-%m-%dT%H:%M:%SZ", &tm))
        field_z(&o, GW_F_NOT_AFTER, ends);
    add(e, GW_EV_CERTIFICATE, &o);
    buf_clear(&b);
}
