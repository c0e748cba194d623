/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate replay --json`: one object a line, for programs. */
#include <jansson.h>

#include "replay_show.h"
#include "utf8.h"

static json_t *jstr(struct str s) { return utf8_valid(s) ? json_stringn_nocheck(s.p ? s.p : "", s.n) : json_string("(not UTF-8)"); }
static json_t *jnum(uint64_t n) { return json_integer((json_int_t)n); }

static void write_json(json_t *o)
{
    json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(o);
}

static json_t *json_head(const char *event, const struct replay_event *ev)
{
    char when[RP_TIME], src[NET_TEXT_MAX], dst[NET_TEXT_MAX];
    json_t *o = json_object();
    rp_time(ev->time_us, when);
    json_object_set_new(o, "event", json_string(event));
    json_object_set_new(o, "time", json_string(when));
    json_object_set_new(o, "packet", jnum(ev->packet));
    if (ev->from.family) {
        json_object_set_new(o, "flow", jnum(ev->flow));
        json_object_set_new(o, "src_ip", json_string(net_text(&ev->from, src)));
        json_object_set_new(o, "src_port", jnum(ev->from.port));
        json_object_set_new(o, "dest_ip", json_string(net_text(&ev->to, dst)));
        json_object_set_new(o, "dest_port", jnum(ev->to.port));
    }
    return o;
}

static json_t *json_strs(const struct str *v, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, jstr(v[i]));
    return a;
}

static void json_verdict(json_t *o, const struct rp_verdict *x)
{
    const struct pol_verdict *v = x->v;
    json_t *matched = json_array();
    json_object_set_new(o, "verdict", json_string(gw_verdict_name(x->verdict)));
    json_object_set_new(o, "reason", json_string(gw_reason_code(x->reason)));
    for (size_t i = 0; v && i < v->n_matched; i++)
        json_array_append_new(matched, jnum(v->matched[i]));
    json_object_set_new(o, "matched", matched);
    json_object_set_new(o, "changed", json_strs(v ? v->changed : NULL, v ? v->n_changed : 0));
    json_object_set_new(o, "noted", json_strs(v ? v->noted : NULL, v ? v->n_noted : 0));
    if (v && v->rule) {
        json_object_set_new(o, "rule", jnum(v->rule));
        json_object_set_new(o, "rule_name", jstr(v->rule_name));
    }
    if (v && v->answer)
        json_object_set_new(o, "error", jstr(v->error));
}

void rp_json_stanza(const struct rp_stanza *s)
{
    const struct rec *r = s->ev->stanza;
    json_t *o = json_head("stanza", s->ev);
    json_object_set_new(o, "kind", json_string(rec_kind_name(r->kind)));
    json_object_set_new(o, "type", jstr(r->type));
    json_object_set_new(o, "id", jstr(r->id));
    json_object_set_new(o, "from", jstr(r->from));
    json_object_set_new(o, "to", jstr(r->to));
    json_object_set_new(o, "bytes", jnum(s->ev->bytes));
    json_object_set_new(o, "client", json_boolean(s->ev->client));
    json_object_set_new(o, "guessed", json_boolean(s->ev->guessed));
    if (s->fate == RP_JUDGED) {
        json_object_set_new(o, "direction", json_string(s->from_side == GW_HIGH ? "high-to-low" : "low-to-high"));
        json_verdict(o, &s->now);
    } else {
        json_object_set_new(o, "not_judged", json_string(rp_fate_code(s->fate)));
        if (s->fate == RP_UNKNOWN)
            json_object_set_new(o, "domain", jstr(s->unknown));
    }
    if (s->compared) {
        json_t *other = json_object();
        json_verdict(other, &s->other);
        json_object_set_new(o, "against", other);
        json_object_set_new(o, "output_differs", json_boolean(s->output_differs));
    }
    write_json(o);
}

void rp_json_note(const struct replay_event *ev)
{
    json_t *o = json_head("note", ev);
    json_object_set_new(o, "note", json_string(replay_note_code(ev->note)));
    json_object_set_new(o, "text", json_string(replay_note_text(ev->note)));
    json_object_set_new(o, "bytes", jnum(ev->bytes));
    if (ev->reason)
        json_object_set_new(o, "reason", json_string(gw_reason_code(ev->reason)));
    if (ev->detail.n)
        json_object_set_new(o, "detail", jstr(ev->detail));
    if (ev->kind.p) {
        json_object_set_new(o, "kind", jstr(ev->kind));
        json_object_set_new(o, "from", jstr(ev->stanza_from));
        json_object_set_new(o, "to", jstr(ev->stanza_to));
    }
    write_json(o);
}

void rp_json_summary(const char *file, const struct rp_counts *c, const struct replay_stats *st, bool compared)
{
    json_t *o = json_object(), *verdicts = json_object(), *rules = json_object(), *notes = json_object(), *not = json_object();
    char id[16];
    json_object_set_new(o, "event", json_string("summary"));
    json_object_set_new(o, "file", jstr(str_c(file)));
    const struct { const char *name; uint64_t n; } numbers[] = { { "packets", st->packets }, { "tcp", st->tcp }, { "other", st->other },
        { "unread", st->unread }, { "fragments", st->fragments }, { "flows", st->flows }, { "xmpp_flows", st->xmpp_flows },
        { "encrypted_flows", st->encrypted_flows }, { "other_flows", st->other_flows }, { "stanzas", st->stanzas },
        { "bad_stanzas", st->bad_stanzas }, { "gaps", st->gaps }, { "missing_bytes", st->missing_bytes },
        { "repeated_bytes", st->repeated_bytes }, { "out_of_order", st->out_of_order }, { "conflicts", st->conflicts },
        { "judged", c->fate[RP_JUDGED] }, { "guessed", c->guessed } };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(o, numbers[i].name, jnum(numbers[i].n));
    for (int v = 0; v < RP_VERDICTS; v++)
        json_object_set_new(verdicts, gw_verdict_name((enum gw_verdict)v), jnum(c->verdict[v]));
    for (size_t i = 0; i < c->n_rules; i++) {
        snprintf(id, sizeof id, "%u", c->rules[i].id);
        json_object_set_new(rules, id, jnum(c->rules[i].n));
    }
    for (int i = 0; i < REPLAY_N_COUNT; i++)
        if (c->note[i])
            json_object_set_new(notes, replay_note_code((enum replay_note)i), jnum(c->note[i]));
    for (int f = RP_JUDGED + 1; f < RP_FATE_COUNT; f++)
        json_object_set_new(not, rp_fate_code((enum rp_fate)f), jnum(c->fate[f]));
    json_object_set_new(o, "verdicts", verdicts);
    json_object_set_new(o, "rules", rules);
    json_object_set_new(o, "not_judged", not);
    json_object_set_new(o, "notes", notes);
    if (compared)
        json_object_set_new(o, "differences", jnum(c->differ));
    write_json(o);
}
