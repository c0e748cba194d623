/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate replay` for a person: one line for each stanza and note. Text that came from the capture shows no control characters. */
#include <inttypes.h>
#include <stdio.h>

#include "replay_show.h"
#include "utf8.h"
#include "xmpp.h"

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

static void put_end(const struct net_addr *a)
{
    char text[NET_TEXT_MAX];
    printf(a->family == 6 ? "[%s]:%u" : "%s:%u", net_text(a, text), a->port);
}

static void put_head(const struct replay_event *ev)
{
    char when[RP_TIME];
    rp_time(ev->time_us, when);
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
    printf("    %-8s", name);
    buf_init(&b, 64u << 20);
    if (out && xs_serialise(out, true, &b) == 0)
        put(buf_str(&b));
    putchar('\n');
    buf_clear(&b);
}

void rp_text_stanza(const struct rp_stanza *s)
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
    fputs(s->ev->guessed ? " (beginning guessed):" : ":", stdout);
    if (!s->compared)
        putchar(' ');
    if (s->fate == RP_INSIDE) {
        printf("not judged, stays in %s", gw_side_name(s->from_side));
    } else if (s->fate == RP_UNKNOWN) {
        fputs("not judged, the configuration does not name ", stdout);
        put(s->unknown);
    } else if (s->compared) {
        fputs("\n    now     ", stdout);
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

void rp_text_note(const struct replay_event *ev)
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

void rp_text_summary(const struct rp_counts *c, const struct replay_stats *st, bool compared)
{
    printf("\npackets: %" PRIu64 "; connections: %" PRIu64 ", of which %" PRIu64 " with XMPP, %" PRIu64 " encrypted, %" PRIu64 " other\n", st->packets,
        st->flows, st->xmpp_flows, st->encrypted_flows, st->other_flows);
    printf("stanzas: %" PRIu64 ", of which %" PRIu64 " judged", st->stanzas + st->bad_stanzas, c->fate[RP_JUDGED]);
    for (int f = RP_JUDGED + 1; f < RP_FATE_COUNT; f++)
        if (c->fate[f])
            printf(", %" PRIu64 " not (%s)", c->fate[f], rp_fate_text((enum rp_fate)f));
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
        printf("%" PRIu64 " of %" PRIu64 " judged stanzas would be treated differently\n", c->differ, c->fate[RP_JUDGED]);
}
