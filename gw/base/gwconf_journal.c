/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal's group of the gateway's configuration: where checkpoints are carried to. */
#include <stdlib.h>

#include "gwconf_raw.h"

#define HTTP_PORT 80

/* "10.9.0.5:601", "[fd00::5]:601"; without a port: otherwise, unless that is 0. */
static bool read_end(const char *text, size_t n, uint16_t otherwise, struct net_addr *ret)
{
    char host[NET_TEXT_MAX], *end;
    const char *colon = n && text[0] == '[' ? memchr(text, ']', n) : memchr(text, ':', n);
    size_t skip = n && text[0] == '[', host_n = colon ? (size_t)(colon - text) - skip : n;
    unsigned long port = otherwise;

    if ((skip && !colon) || host_n >= sizeof host)
        return false;
    memcpy(host, text + skip, host_n);
    host[host_n] = 0;
    if (skip)
        colon++;
    if (colon && colon < text + n) {
        if (*colon != ':' || colon[1] < '0' || colon[1] > '9')
            return false;
        port = strtoul(colon + 1, &end, 10);
        if (end != text + n)
            return false;
    }
    if (port == 0 || port > 65535 || net_parse(host, ret) < 0)
        return false;
    ret->port = (uint16_t)port;
    return true;
}

static void read_http(struct gwconf_reader *r, const struct raw_witness *raw, struct gw_witness *w)
{
    static const char scheme[] = "http://";
    const char *host = strncmp(raw->to, scheme, sizeof scheme - 1) == 0 ? raw->to + sizeof scheme - 1 : NULL;
    size_t n = host ? strcspn(host, "/") : 0;
    bool good = host && read_end(host, n, HTTP_PORT, &w->address);

    for (const char *p = host; good && *p; p++)
        good = *p > ' ' && *p < 0x7f && *p != '#';
    if (!good) {
        gwconf_mistake(r, CONF_ERROR, raw->where.line, "to: \"%s\" is no URL for a witness; allowed: http://address[:port]/path, the address as a number "
            "(checkpoints are signed and hold no secret: there is no https here)", raw->to);
        return;
    }
    w->host = arena_str(&r->c->arena, (struct str){ host, n }).p;
    w->path = arena_str(&r->c->arena, host[n] ? str_c(host + n) : STR("/")).p;
    if (!w->host || !w->path)
        r->fatal = GW_ERR(NOMEM);
}

static void read_name(struct gwconf_reader *r, const struct raw_witness *raw, const struct gw_witness *first, size_t n)
{
    for (const char *p = raw->name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-')) {
            gwconf_mistake(r, CONF_ERROR, raw->where.line, "name: \"%s\" holds another character than a-z, 0-9 and -", raw->name);
            return;
        }
    for (size_t i = 0; i < n; i++)
        if (strcmp(first[i].name, raw->name) == 0)
            gwconf_mistake(r, CONF_ERROR, raw->where.line, "name: \"%s\" is there already (line %u)", raw->name, first[i].line);
}

/* Checkpoints leave by the gateway's own namespace. An address of a side could only be reached past the gate. A /0 stands for "what
 * is not the other side's" and forbids nothing. */
static void check_place(struct gwconf_reader *r, const struct gw_witness *w)
{
    char text[NET_TEXT_MAX];

    for (enum gw_side s = GW_HIGH; s < GW_SIDES; s++)
        for (size_t i = 0; i < r->c->side[s].n_networks; i++)
            if (r->c->side[s].networks[i].bits > 0 && net_in(&w->address, &r->c->side[s].networks[i]))
                gwconf_mistake(r, CONF_ERROR, w->line, "to: %s lies in a network of side %s; a witness stands in the management network",
                    net_text(&w->address, text), s == GW_HIGH ? "high" : "low");
}

static void read_witness(struct gwconf_reader *r, const struct raw_witness *raw, struct gw_witness *w)
{
    w->name = raw->name;
    w->line = raw->where.line;
    w->kind = (enum gw_witness_kind)raw->kind;
    switch (w->kind) {
    case GW_WITNESS_FILE:
        w->path = gwconf_path(r, raw->to);
        return;
    case GW_WITNESS_HTTP:
        read_http(r, raw, w);
        break;
    case GW_WITNESS_SYSLOG:
    case GW_WITNESS_SYSLOG_UDP:
        if (!read_end(raw->to, strlen(raw->to), 0, &w->address))
            gwconf_mistake(r, CONF_ERROR, raw->where.line, "to: \"%s\" is no place for a syslog server; allowed: address:port, as in 10.9.0.5:601 or [fd00::5]:601",
                raw->to);
        break;
    }
    if (w->address.family)
        check_place(r, w);
}

void gwconf_journal(struct gwconf_reader *r)
{
    const struct raw_journal *raw = &r->raw->journal;
    const struct raw_witness *from = raw->witnesses.v;
    struct gw_witness *to = gwconf_take(r, raw->witnesses.n, sizeof *to);

    r->c->journal.segment_size = raw->segment_size;
    r->c->journal.segment_time = raw->segment_time;
    r->c->journal.checkpoint = raw->checkpoint;
    r->c->journal.keep_time = raw->keep_time;
    r->c->journal.keep_size = raw->keep_size;
    r->c->journal.hold_time = raw->hold_time;
    r->c->journal.hold_size = raw->hold_size;
    r->c->journal.witness_time = raw->witness_time;
    r->c->journal.key = raw->key && raw->key[0] ? raw->key : NULL;
    r->c->journal.evidence = raw->evidence && raw->evidence[0] ? gwconf_path(r, raw->evidence) : NULL;
    r->c->journal.evidence_time = raw->evidence_time;
    r->c->journal.evidence_size = raw->evidence_size;
    r->c->journal.witnesses = to;
    for (size_t i = 0; to && i < raw->witnesses.n; i++) {
        size_t n = r->c->journal.n_witnesses;
        if (!from[i].name || !from[i].to || from[i].kind < 0)
            continue; /* said already */
        read_name(r, &from[i], to, n);
        read_witness(r, &from[i], &to[n]);
        r->c->journal.n_witnesses++;
    }
}
