/* SPDX-License-Identifier: GPL-3.0-or-later
 * The parent's own lines in the journal: programs that start and end, sockets that were refused, what operators asked for. */
#include "fields.h"
#include "log.h"
#include "parent.h"

#define FIELDS_MAX 8192

static void take(struct parent *p, struct buf *b, const struct wire_out *o, enum gw_event event)
{
    int e = o->err ? o->err : outbox_add(&p->lines, LINE_TARGET_NONE, NULL, event, buf_str(b), NULL);
    if (e) {
        if (!p->lines_lost++)
            log_warn("a line for the journal was lost: %s", gw_strerror(e));
    }
    buf_clear(b);
    line_flush(p);
}

void line_flush(struct parent *p)
{
    struct child *j = child_find(p, IPC_JOURNAL, 0, 0);
    if (!j->chan || !j->ready)
        return;
    int e = outbox_send(&p->lines, j->chan);
    if (e && e != GW_ERR(LIMIT)) /* LIMIT: the rest follows when the journal has read */
        child_kill(j, gw_strerror(e));
}

void line_program(struct parent *p, const struct child *c, enum gw_reason reason, const char *status)
{
    struct buf b;
    struct wire_out o;
    buf_init(&b, FIELDS_MAX);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_PROGRAM, c->program->name);
    field_z(&o, GW_F_REASON, gw_reason_code(reason));
    field_z(&o, GW_F_SENTENCE, gw_reason_text(reason));
    if (c->pid)
        field_num(&o, GW_F_PID, (uint64_t)c->pid);
    if (status)
        field_z(&o, GW_F_STATUS, status);
    if (c->program->role == IPC_GUARD)
        field_num(&o, GW_F_EPOCH, c->epoch);
    take(p, &b, &o, GW_EV_PROGRAM);
}

static void put_address(struct wire_out *o, enum gw_field ip, enum gw_field port, const struct net_addr *a)
{
    char text[NET_TEXT_MAX];
    if (!a || !a->family)
        return;
    field_z(o, ip, net_text(a, text));
    if (a->port)
        field_num(o, port, a->port);
}

void line_refused(struct parent *p, enum gw_side side, enum gw_reason reason, const struct net_addr *from, const struct net_addr *to)
{
    struct buf b;
    struct wire_out o;
    buf_init(&b, FIELDS_MAX);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_ACTION, "connect");
    field_z(&o, GW_F_SIDE, gw_side_name(side));
    put_address(&o, GW_F_SRC_IP, GW_F_SRC_PORT, from);
    put_address(&o, GW_F_DEST_IP, GW_F_DEST_PORT, to);
    field_z(&o, GW_F_VERDICT, gw_verdict_name(GW_V_DROP));
    field_z(&o, GW_F_REASON, gw_reason_code(reason));
    field_z(&o, GW_F_SENTENCE, gw_reason_text(reason));
    take(p, &b, &o, GW_EV_ADMISSION);
}

void line_operator(struct parent *p, const char *who, const char *verb, const char *status)
{
    struct buf b;
    struct wire_out o;
    buf_init(&b, FIELDS_MAX);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_WHO, who);
    field_z(&o, GW_F_ACTION, verb);
    field_z(&o, GW_F_STATUS, status);
    take(p, &b, &o, GW_EV_OPERATOR);
}
