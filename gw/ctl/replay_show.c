/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate replay` on paper: a line for each stanza and note, as text for a person or as JSON for a program, and the summary. */
#include "replay_show.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "utf8.h"
#include "xmpp.h"

static const struct { const char *code, *text; } fates[] = {
#define X(name, code, text) { code, text },
    RP_FATES(X)
#undef X
};

/* ---- counting ---- */

static void count_rule(struct rp_counts *c, const struct pol_verdict *v)
{
    struct rp_rule *more;
    for (size_t i = 0; i < c->n_rules; i++)
        if (c->rules[i].id == v->rule) {
            c->rules[i].n++;
            return;
        }
    more = realloc(c->rules, (c->n_rules + 1) * sizeof *more);
    if (!more)
        return;
    c->rules = more;
    more[c->n_rules++] = (struct rp_rule){ v->rule, strndup(v->rule_name.p ? v->rule_name.p : "", v->rule_name.n), 1 };
}

void rp_count_stanza(struct rp_counts *c, const struct rp_stanza *s)
{
    c->fate[s->fate]++;
    c->guessed += s->ev->guessed;
    if (s->fate != RP_JUDGED)
        return;
    c->verdict[s->now.verdict % RP_VERDICTS]++;
    c->differ += s->differs;
    if (s->now.v && s->now.v->rule)
        count_rule(c, s->now.v);
    else
        c->reason[s->now.reason]++;
}

void rp_counts_clear(struct rp_counts *c)
{
    for (size_t i = 0; i < c->n_rules; i++)
        free(c->rules[i].name);
    free(c->rules);
    memset(c, 0, sizeof *c);
}

/* ---- text ---- */

/* Controls, line separators and what turns the direction of writing would let a capture write on the reader's terminal. */
static bool shows(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7F && c <= 0x9F) && c != 0x061C && c != 0x200E && c != 0x200F && !(c >= 0x2028 && c <= 0x202E) &&
        !(c >= 0x2066 && c <= 0x2069) && c != 0xFEFF;
}

static void put(struct str s)
{
    size_t at = 0;
    if (!utf8_valid(s)) {
        fputs("(not UTF-8)", stdout);
        return;
    }
    while (at < s.n) {
        size_t from = at;
        uint32_t c = utf8_next(s, &at);
        if (shows(c))
            fwrite(s.p + from, 1, at - from, stdout);
        else
            printf("\\u{%X}", c);
    }
}

static void time_text(int64_t us, char out[40])
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm;
    char day[32];
    if (us < 0 || !gmtime_r(&t, &tm) || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        snprintf(out, 40, "%" PRId64 "us", us);
    else
        snprintf(out, 40, "%s.%06dZ", day, (int)(us % 1000000));
}

static void put_end(const struct net_addr *a)
{
    char text[NET_TEXT_MAX];
    printf(a->family == 6 ? "[%s]:%u" : "%s:%u", net_text(a, text), a->port);
}

static void put_head(const struct replay_event *ev)
{
    char when[40];
    time_text(ev->time_us, when);
    printf("%s #%" PRIu64 " ", when, ev->packet);
    if (!ev->from.family)
        return;
    put_end(&ev->from);
    fputs(" > ", stdout);
    put_end(&ev->to);
    putchar(' ');
}

static void put_verdict(const struct rp_verdict *x)
{
    const struct pol_verdict *v = x->v;
    fputs(gw_verdict_name(x->verdict), stdout);
    if (v && v->rule) {
        printf(", rule %u \"", v->rule);
        put(v->rule_name);
        putchar('"');
    }
    if (x->reason != GW_R_RULE)
        printf(", %s: %s", gw_reason_code(x->reason), gw_reason_text(x->reason));
    for (size_t i = 0; v && i < v->n_changed; i++) {
        fputs(i ? ", " : "; changed: ", stdout);
        put(v->changed[i]);
    }
    for (size_t i = 0; v && i < v->n_noted; i++) {
        fputs(i ? ", " : "; noted: ", stdout);
        put(v->noted[i]);
    }
}

static void put_output(const char *name, const struct rec *out)
{
    struct buf b;
    printf("    %-7s", name);
    buf_init(&b, 64u << 20);
    if (out && xs_serialise(out, true, &b) == 0)
        put(buf_str(&b));
    putchar('\n');
    buf_clear(&b);
}

static void text_stanza(const struct rp_stanza *s)
{
    const struct rec *r = s->ev->stanza;
    put_head(s->ev);
    if (s->fate == RP_JUDGED)
        fputs(s->from_side == GW_HIGH ? "high-to-low " : "low-to-high ", stdout);
    fputs(rec_kind_name(r->kind), stdout);
    if (r->type.n) {
        putchar('/');
        put(r->type);
    }
    putchar(' ');
    put(r->from);
    fputs(" -> ", stdout);
    put(r->to);
    fputs(s->ev->guessed ? " (beginning guessed): " : ": ", stdout);
    if (s->fate == RP_INSIDE) {
        printf("not judged, stays in %s", gw_side_name(s->from_side));
    } else if (s->fate == RP_UNKNOWN) {
        fputs("not judged, the configuration does not name ", stdout);
        put(s->unknown);
    } else if (s->compared) {
        fputs("\n    now    ", stdout);
        put_verdict(&s->now);
        fputs("\n    against ", stdout);
        put_verdict(&s->other);
    } else {
        put_verdict(&s->now);
    }
    putchar('\n');
    if (s->output_differs) {
        put_output("now", s->now.v->out);
        put_output("against", s->other.v->out);
    }
}

static void text_note(const struct replay_event *ev)
{
    put_head(ev);
    printf("note %s", replay_note_code(ev->note));
    if (ev->kind.p) {
        fputs(": ", stdout);
        put(ev->kind);
        fputs(" \"", stdout);
        put(ev->stanza_from);
        fputs("\" -> \"", stdout);
        put(ev->stanza_to);
        putchar('"');
    }
    printf(": %s", replay_note_text(ev->note));
    if (ev->bytes)
        printf(" (%" PRIu64 " bytes)", ev->bytes);
    if (ev->reason)
        printf("; %s", gw_reason_code(ev->reason));
    if (ev->detail.n) {
        fputs("; ", stdout);
        put(ev->detail);
    }
    putchar('\n');
}

static void text_summary(const struct rp_counts *c, const struct replay_stats *st, bool compared)
{
    printf("\n%" PRIu64 " packets, %" PRIu64 " connections: %" PRIu64 " with XMPP, %" PRIu64 " encrypted, %" PRIu64 " other\n", st->packets,
        st->flows, st->xmpp_flows, st->encrypted_flows, st->other_flows);
    printf("%" PRIu64 " stanzas: %" PRIu64 " judged", st->stanzas + st->bad_stanzas, c->fate[RP_JUDGED]);
    for (int f = RP_JUDGED + 1; f < RP_FATE_COUNT; f++)
        if (c->fate[f])
            printf(", %" PRIu64 " not (%s)", c->fate[f], fates[f].text);
    if (st->bad_stanzas)
        printf(", %" PRIu64 " refused as they stood", st->bad_stanzas);
    if (c->guessed)
        printf("; %" PRIu64 " with a beginning that was guessed", c->guessed);
    putchar('\n');
    for (int v = 0; v < RP_VERDICTS; v++)
        if (c->verdict[v])
            printf("  %-8s %" PRIu64 "\n", gw_verdict_name((enum gw_verdict)v), c->verdict[v]);
    for (size_t i = 0; i < c->n_rules; i++) {
        printf("  rule %-6u %6" PRIu64 "  ", c->rules[i].id, c->rules[i].n);
        put(str_c(c->rules[i].name));
        putchar('\n');
    }
    for (int i = 0; i < GW_R_COUNT; i++)
        if (c->reason[i])
            printf("  no rule     %6" PRIu64 "  %s\n", c->reason[i], gw_reason_text((enum gw_reason)i));
    for (int i = 0; i < REPLAY_N_COUNT; i++)
        if (c->note[i])
            printf("  note %-12s %3" PRIu64 "  %s\n", replay_note_code((enum replay_note)i), c->note[i], replay_note_text((enum replay_note)i));
    if (compared)
        printf("%" PRIu64 " of %" PRIu64 " stanzas would be treated differently\n", c->differ, c->fate[RP_JUDGED]);
}

/* ---- JSON ---- */

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
    char when[40], src[NET_TEXT_MAX], dst[NET_TEXT_MAX];
    json_t *o = json_object();
    time_text(ev->time_us, when);
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
    if (!v)
        return;
    if (v->rule) {
        json_object_set_new(o, "rule", jnum(v->rule));
        json_object_set_new(o, "rule_name", jstr(v->rule_name));
    }
    json_object_set_new(o, "changed", json_strs(v->changed, v->n_changed));
    json_object_set_new(o, "noted", json_strs(v->noted, v->n_noted));
    if (v->answer)
        json_object_set_new(o, "error", jstr(v->error));
}

static void json_stanza(const struct rp_stanza *s)
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
        json_object_set_new(o, "not_judged", json_string(fates[s->fate].code));
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

static void json_note(const struct replay_event *ev)
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

static void json_summary(const char *file, const struct rp_counts *c, const struct replay_stats *st, bool compared)
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
        json_object_set_new(not, fates[f].code, jnum(c->fate[f]));
    json_object_set_new(o, "verdicts", verdicts);
    json_object_set_new(o, "rules", rules);
    json_object_set_new(o, "not_judged", not);
    json_object_set_new(o, "notes", notes);
    if (compared)
        json_object_set_new(o, "differences", jnum(c->differ));
    write_json(o);
}

/* ---- either ---- */

void rp_show_stanza(const struct rp_stanza *s, bool json)
{
    if (json)
        json_stanza(s);
    else
        text_stanza(s);
}

void rp_show_note(const struct replay_event *ev, bool json)
{
    if (json)
        json_note(ev);
    else
        text_note(ev);
}

void rp_show_summary(const char *file, const struct rp_counts *c, const struct replay_stats *st, bool compared, bool json)
{
    if (json)
        json_summary(file, c, st, compared);
    else
        text_summary(c, st, compared);
}
