/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines about decisions, with repeats counted. */
#include <stdio.h>

#include "say.h"

#define FIELDS_MAX 2048

static int line(struct say *s, const struct net_addr *from, const struct net_addr *to, uint8_t proto, bool quic, enum gw_reason reason, uint64_t count)
{
    char text[NET_TEXT_MAX], name[8];
    unsigned char room[FIELDS_MAX];
    struct buf b = { .p = room, .cap = sizeof room, .max = sizeof room };
    struct wire_out o;
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(s->side));
    if (from && from->family) {
        field_z(&o, GW_F_SRC_IP, net_text(from, text));
        if (from->port)
            field_num(&o, GW_F_SRC_PORT, from->port);
        field_z(&o, GW_F_DEST_IP, net_text(to, text));
        if (to->port)
            field_num(&o, GW_F_DEST_PORT, to->port);
        field_z(&o, GW_F_PROTO, quic ? "quic" : packet_protocol(proto, name));
    }
    if (from && !from->family) { /* no IP: to->port is the ethertype (IEEE 802) */
        snprintf(text, sizeof text, "ethertype 0x%04x", to->port);
        field_z(&o, GW_F_PROTO, text);
    }
    field_z(&o, GW_F_VERDICT, reason == GW_R_ADMITTED ? "admit" : gw_verdict_name(GW_V_DROP));
    field_z(&o, GW_F_REASON, gw_reason_code(reason));
    if (count > 1)
        field_num(&o, GW_F_COUNT, count);
    int e = o.err ? o.err : outbox_add(s->outbox, LINE_TARGET_NONE, NULL, GW_EV_ADMISSION, buf_str(&b), NULL);
    if (e)
        s->lost++;
    return e;
}

static struct say_kind *find_kind(struct say *s, const struct packet *p, enum gw_reason reason)
{
    for (size_t i = 0; i < s->n; i++) {
        struct say_kind *k = &s->kind[i];
        if (k->reason != reason || k->proto != p->proto || k->quic != p->quic || k->to.port != p->to.port || k->from.family != p->from.family)
            continue;
        if (!k->from.family || (net_same_host(&k->from, &p->from) && net_same_host(&k->to, &p->to)))
            return k;
    }
    return NULL;
}

/* A source that tries thousands of addresses must not write thousands of lines: past the kinds, only numbers are kept. */
int say_decision(struct say *s, const struct packet *p, enum gw_reason reason, int64_t now_ms)
{
    struct say_kind *k = find_kind(s, p, reason);
    if (!s->due)
        s->due = now_ms + SAY_PERIOD_MS;
    if (k) {
        k->repeats++;
        return s->lost ? GW_ERR(LIMIT) : 0;
    }
    if (s->n == SAY_KINDS) {
        s->others[reason]++;
        return s->lost ? GW_ERR(LIMIT) : 0;
    }
    k = &s->kind[s->n++];
    *k = (struct say_kind){ .from = p->from, .to = p->to, .proto = p->proto, .quic = p->quic, .reason = reason };
    k->from.port = 0;
    return line(s, &p->from, &p->to, p->proto, p->quic, reason, 1);
}

void say_tick(struct say *s, int64_t now_ms)
{
    int e = 0;
    if (!s->due || now_ms < s->due)
        return;
    s->due = 0;
    s->lost = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct say_kind *k = &s->kind[i];
        if (k->repeats)
            e |= line(s, &k->from, &k->to, k->proto, k->quic, k->reason, k->repeats);
    }
    s->n = 0;
    for (int r = 0; r < GW_R_COUNT; r++) {
        if (s->others[r])
            e |= line(s, NULL, NULL, 0, false, (enum gw_reason)r, s->others[r]);
        s->others[r] = 0;
    }
    if (e) /* the journal is away and the outbox full: nobody is admitted before that changes */
        s->due = now_ms + SAY_PERIOD_MS;
}
