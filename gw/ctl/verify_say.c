/* SPDX-License-Identifier: GPL-3.0-or-later
 * What `lockgate verify` says, in words and as JSON. The first line is the answer: what is proven, and up to where. */
#include "verify.h"

static void upper_first(const char *text)
{
    putchar(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
    fputs(text + 1, stdout);
}

static void print_findings(const struct findings *f, const char *mark, size_t most)
{
    for (size_t i = 0; i < f->n && i < most; i++) {
        printf("  %s ", mark);
        upper_first(f->v[i].text);
        printf(".\n");
    }
    if (f->total > most || f->total > f->n)
        printf("  %s and %s more (--json lists up to %d).\n", mark, thousands(f->total - (f->n < most ? f->n : most)), FINDINGS_MAX);
}

/* "2026-11-29T22:38:30Z" in one of two static buffers; a checkpoint may be without a signed time. */
static const char *signed_text(uint64_t seconds)
{
    static char ring[2][40];
    static unsigned at;
    char time[LED_TIME_TEXT], *out = ring[at++ % 2];

    led_time_text(seconds * 1000000, time);
    snprintf(out, sizeof ring[0], seconds ? "%.19sZ" : "at a time that it does not say", time);
    return out;
}

/* "14 minutes" in one of two static buffers, as coarse as people speak. */
static const char *span_text(uint64_t ms)
{
    static const struct { uint64_t ms; const char *name; } unit[] = { { 86400000, "day" }, { 3600000, "hour" }, { 60000, "minute" }, { 1000, "second" } };
    static char ring[2][40];
    static unsigned at;
    char *out = ring[at++ % 2];
    size_t i = 0;

    while (i < 3 && ms < 2 * unit[i].ms)
        i++;
    snprintf(out, sizeof ring[0], "%s %s%s", thousands(ms / unit[i].ms), unit[i].name, ms / unit[i].ms == 1 ? "" : "s");
    return out;
}

static const char *records_word(uint64_t n)
{
    return n == 1 ? "record" : "records";
}

/* ---- the first line ---- */
static void first_not_whole(const struct verify *v)
{
    printf("NOT WHOLE");
    if (v->findings.first)
        printf(" from record %s on", thousands(v->findings.damaged ? v->findings.damaged : v->findings.first));
    printf("\n");
}

static void first_unproven(const struct verify *v)
{
    if (v->records < v->first_record)
        printf("UNPROVEN: there is no record.\n");
    else if (v->proven)
        printf("UNPROVEN from record %s on: %s %s not signed, and should be. Up to record %s it is whole, signed %s.\n", thousands(v->tail.first),
            thousands(v->tail.n), v->tail.n == 1 ? "record is" : "records are", thousands(v->proven), signed_text(v->proven_time));
    else if (v->grown_from)
        printf("UNPROVEN behind record %s: no checkpoint covers any of the %s new %s.\n", thousands(v->grown_from), thousands(v->tail.n), records_word(v->tail.n));
    else
        printf("UNPROVEN: no checkpoint covers any of the %s %s.\n", thousands(v->tail.n), records_word(v->tail.n));
}

static void first_whole(const struct verify *v)
{
    printf("WHOLE");
    if (v->grown_from)
        printf(" behind record %s", thousands(v->grown_from));
    if (v->grown_from && v->records <= v->grown_from) {
        printf(": no record has come since.\n");
        return;
    }
    printf(" up to record %s, signed %s; ", thousands(v->proven), signed_text(v->proven_time));
    if (v->tail.n)
        printf("%s %s behind it %s not proven yet.\n", thousands(v->tail.n), records_word(v->tail.n), v->tail.n == 1 ? "is" : "are");
    else
        printf("it is the last one.\n");
}

/* ---- what is proven ---- */
static void print_grown(const struct verify *v)
{
    printf("Grown from the checkpoint given: its hashes of records 1 to %s are still those of this journal. Their lines were not read.\n",
        thousands(v->grown_from));
    if (v->proven > v->grown_from)
        printf("Consistent: records %s to %s fit the journal's own signed checkpoints (%s).\n", thousands(v->grown_from + 1), thousands(v->proven),
            signed_text(v->proven_time));
}

static void print_proven(const struct verify *v)
{
    if (v->grown_from)
        print_grown(v);
    else if (v->proven_outside)
        printf("Proven by a checkpoint held outside: records %s to %s (%s). Nobody, not even the holder of the key,\n"
               "has changed, removed or reordered any of them since.\n", thousands(v->first_record), thousands(v->proven_outside), signed_text(v->proven_outside_time));
    if (!v->grown_from && v->proven > v->proven_outside)
        printf("%s: records %s to %s fit the journal's own signed checkpoints (%s).\n", v->proven_outside ? "Behind it" : "Consistent",
            thousands(v->proven_outside ? v->proven_outside + 1 : v->first_record), thousands(v->proven), signed_text(v->proven_time));
    if (v->findings.damaged && v->proven)
        printf("Nothing from record %s on is proven.\n", thousands(v->findings.damaged));
    else if (!v->proven && !v->grown_from)
        printf("No record is proven%s.\n", v->findings.damaged ? "" : ": no checkpoint fits");
}

/* ---- what is not ---- */
/* Behind the newest checkpoint: in order, and no more. */
static void print_tail(const struct verify *v)
{
    const struct tail *t = &v->tail;
    enum tail_why why = tail_overdue(t);
    char text[64];

    if (v->findings.total || t->n == 0)
        return;
    printf("Not proven: %s, in order, but under no signature: whoever can write here could have changed %s.\n", records_text(t->first, t->first + t->n - 1, text),
        t->n == 1 ? "it" : "them");
    if (why == TAIL_CLOSED)
        printf("The journal ended in order (record %s), and signs at its end: that checkpoint is not here. ", thousands(t->closed));
    else if (tail_teller(t))
        printf("The journal signs every %s (record %s says so); record %s waits for %s. ", span_text(tail_signs_ms(t)), thousands(tail_teller(t)),
            thousands(t->first), span_text(tail_waited_ms(t)));
    else
        printf("The journal signs at least every %s; record %s waits for %s. ", span_text(tail_signs_ms(t)), thousands(t->first),
            span_text(tail_waited_ms(t)));
    if (why == TAIL_NORMAL) {
        printf("A journal that runs always has some\nsuch records; the next checkpoint covers them.\n");
        return;
    }
    printf("That can mean\n"
           "  - that checkpoints were taken away, so that what they signed could be changed: one held outside (--checkpoint) shows it;\n"
           "  - that the lines were copied later than the file of checkpoints: copy that again, and then the lines;\n"
           "  - that the journal could not sign (disk, token)");
    if (t->late)
        printf(": record %s says so", thousands(t->late));
    printf(".\n");
}

static void print_not_excluded(const struct verify *v)
{
    printf("What cannot be excluded:\n");
    if (v->grown_from)
        printf("  - that lines up to record %s were changed where they lie: without --since all lines are read.\n", thousands(v->grown_from));
    if (!v->proven_outside)
        printf("  - that the end was cut, checkpoints with it: only a checkpoint held outside (--checkpoint) can show that;\n"
               "  - that all was written anew by somebody who %s: likewise.\n", v->proven || v->grown_from ? "has the signing key" : "could write here");
    else
        printf("  - that what was written behind record %s was cut or written anew by somebody who has the signing key.\n", thousands(v->proven_outside));
    if (v->own_key)
        printf("  - that the key is not the gateway's: it was taken from the gateway itself. An auditor brings a copy (--key).\n");
}

void verify_text(const struct verify *v)
{
    double mb = (double)v->bytes_read / 1e6;

    switch (verify_state(v)) {
    case VERIFY_WHOLE: first_whole(v); break;
    case VERIFY_NOT_WHOLE: first_not_whole(v); break;
    case VERIFY_UNPROVEN: first_unproven(v); break;
    }
    printf("\n");
    if (v->findings.total) {
        print_findings(&v->findings, "!", 40);
        printf("\n");
    }
    printf("Here are %s %s in %zu %s, and %zu %s that the key signed.\n", thousands(v->records - (v->records ? v->first_record - 1 : 0)), records_word(v->records), v->dir.n,
        v->dir.n == 1 ? "segment" : "segments", v->n_inside, v->n_inside == 1 ? "checkpoint" : "checkpoints");
    print_proven(v);
    print_tail(v);
    if (v->remarks.total) {
        printf("Remarks:\n");
        print_findings(&v->remarks, "-", 10);
    }
    print_not_excluded(v);
    if (v->seconds > 0.5)
        printf("(%.0f MB in %.1f s, %.0f MB/s)\n", mb, v->seconds, mb / v->seconds);
}

static void json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void json_findings(const char *name, const struct findings *f)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < f->n; i++) {
        printf("%s{\"kind\":\"%s\",\"from\":%llu,\"to\":%llu,\"text\":", i ? "," : "", f->v[i].kind, (unsigned long long)f->v[i].from,
            (unsigned long long)f->v[i].to);
        json_text(f->v[i].text);
        putchar('}');
    }
    printf("]");
}

void verify_json(const struct verify *v)
{
    static const char *const names[] = { [VERIFY_WHOLE] = "whole", [VERIFY_NOT_WHOLE] = "not-whole", [VERIFY_UNPROVEN] = "unproven" };
    enum verify_state state = verify_state(v);

    printf("{\"whole\":%s,\"state\":\"%s\",\"records\":%llu,\"segments\":%zu,\"checkpoints\":%zu,\"proven_to\":%llu,\"proven_outside_to\":%llu,\"key\":",
        state == VERIFY_WHOLE ? "true" : "false", names[state], (unsigned long long)v->records, v->dir.n, v->n_inside, (unsigned long long)v->proven,
        (unsigned long long)v->proven_outside);
    json_text(led_key_name(v->key));
    printf(",\"signed\":");
    json_text(v->proven ? signed_text(v->proven_time) : "");
    printf(",\"unproven\":%llu,\"unproven_waits_ms\":%llu,\"checkpoint_ms\":%llu", (unsigned long long)v->tail.n,
        (unsigned long long)tail_waited_ms(&v->tail), (unsigned long long)tail_signs_ms(&v->tail));
    printf(",\"grown_from\":%llu", (unsigned long long)v->grown_from);
    printf(",\"first_wrong\":%llu,\"findings_total\":%zu", (unsigned long long)v->findings.first, v->findings.total);
    json_findings("findings", &v->findings);
    json_findings("remarks", &v->remarks);
    printf(",\"bytes\":%llu,\"seconds\":%.3f}\n", (unsigned long long)v->bytes_read, v->seconds);
}
