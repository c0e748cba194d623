/* SPDX-License-Identifier: GPL-3.0-or-later
 * The state of the gateway as one JSON object for `lockgate status`. What children say of themselves is put in as a string:
 * the parent does not parse it, and it cannot pretend to be more than that child's. */
#include <inttypes.h>

#include "parent.h"
#include "utf8.h"

/* A JSON string; anything that is not UTF-8 as a whole is left out. */
static int put_string(struct buf *b, struct str s)
{
    int e = buf_put(b, "\"", 1);
    if (!utf8_valid(s))
        s.n = 0;
    for (size_t i = 0; i < s.n && !e; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            e = buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            e = buf_printf(b, "\\u%04x", c);
        else
            e = buf_put(b, &c, 1);
    }
    return e ? e : buf_put(b, "\"", 1);
}

static int put_program(const struct parent *p, const struct child *c, struct buf *b)
{
    const char *state = c->ready ? "running" : c->pid ? "starting" : "down";
    int64_t age = c->pid ? parent_now() - c->started : 0;
    int e = buf_printf(b, "{\"name\":\"%s\",\"state\":\"%s\",\"pid\":%d,\"starts\":%u,\"age_ms\":%" PRId64, c->program->name, state,
        (int)c->pid, c->starts, age);
    if (!e && c->program->role == IPC_GUARD)
        e = buf_printf(b, ",\"epoch\":%" PRIu64, c->epoch);
    if (!e && c->ready && c->stats_ask == p->ask && buf_size(&c->stats)) {
        e = buf_puts(b, STR(",\"stats\":"));
        if (!e)
            e = put_string(b, buf_str(&c->stats));
    }
    return e ? e : buf_puts(b, STR("}"));
}

int status_json(struct parent *p, struct buf *b)
{
    static const char *const modes[] = { "bridge", "routed", "proxy" };
    int e = buf_puts(b, STR("{\"gateway\":"));
    if (!e)
        e = put_string(b, str_c(p->conf->name));
    if (!e)
        e = buf_printf(b, ",\"mode\":\"%s\",\"ready\":%s,\"stopping\":%s,\"age_ms\":%" PRId64 ",\"admitted_hosts\":%zu,\"lines_waiting\":%" PRIu64
            ",\"lines_lost\":%" PRIu64 ",\"programs\":[", modes[p->conf->mode], p->was_ready ? "true" : "false",
            p->stopping ? "true" : "false", parent_now() - p->started, seen_count(p->seen), p->lines.last - p->lines.durable,
            p->lines_lost);
    const char *comma = "";
    for (int i = 0; i < PROGRAMS && !e; i++) {
        if (p->child[i].off)
            continue;
        e = buf_puts(b, str_c(comma));
        comma = ",";
        if (!e)
            e = put_program(p, &p->child[i], b);
    }
    return e ? e : buf_puts(b, STR("]}\n"));
}
