/* SPDX-License-Identifier: GPL-3.0-or-later
 * The state of the gateway as text: a summary in which every line fits 80 columns as long as names do, then, when asked, every number. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status.h"

#define I JSON_INTEGER_FORMAT

/* Terminal escapes in text that a program passed on must not reach the terminal. */
static void safe(FILE *to, const char *s)
{
    for (; *s; s++)
        putc((unsigned char)*s < 0x20 || *s == 0x7f || (unsigned char)*s == 0xc2 ? '?' : *s, to);
}

static const char *age(int64_t s, char out[32])
{
    if (s >= 86400)
        snprintf(out, 32, "%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(out, 32, "%" PRId64 "h %" PRId64 "min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, 32, "%" PRId64 "min %" PRId64 "s", s / 60, s % 60);
    else
        snprintf(out, 32, "%" PRId64 "s", s);
    return out;
}

static const char *when(json_int_t ms, char out[32])
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&s, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%SZ", &tm))
        snprintf(out, 32, "?");
    return out;
}

/* ---- the summary ---- */

/* Watch mode must not be overlooked: the guard itself says whether it enforces. */
static void put_head(FILE *to, json_t *root)
{
    char text[32];
    const json_t *guard = status_stats(root, "guard");
    if (json_is_false(json_object_get(guard, "enforce")))
        fprintf(to, "*** NOTHING IS ENFORCED (enforce = false): what policy refuses crosses; %" I " stanzas so far ***\n",
            status_number(guard, "let_through"));
    safe(to, status_word(root, "gateway"));
    fprintf(to, ": %s, %s, up %s, %" I " hosts admitted\n", status_word(root, "mode"), json_is_true(json_object_get(root, "stopping")) ? "stopping" :
        json_is_true(json_object_get(root, "ready")) ? "ready" : "starting", age(status_number(root, "age_ms") / 1000, text),
        status_number(root, "admitted_hosts"));
}

static void put_work(FILE *to, json_t *root)
{
    const json_t *g = status_stats(root, "guard"), *j = status_stats(root, "journal");
    fputs("rules    ", to);
    if (g) {
        fprintf(to, "set %.16s: ", status_word(g, "rules_hash"));
        fprintf(to, "%" I " released, %" I " rejected, %" I " dropped, %" I " held\n", status_number(g, "released"), status_number(g, "rejected"),
            status_number(g, "dropped"), status_number(g, "held"));
    } else {
        fputs("the guard does not answer\n", to);
    }
    fputs("journal  ", to);
    if (j) {
        json_int_t batches = status_number(j, "batches");
        safe(to, status_word(j, "state"));
        fprintf(to, ", %" I " records, signed up to %" I ", sync %.1f ms, at most %.1f ms%s\n", status_number(j, "records"), status_number(j, "checkpoint"),
            batches ? (double)status_number(j, "sync_us_total") / (double)batches / 1000 : 0.0, (double)status_number(j, "sync_us_max") / 1000,
            status_number(j, "disk_full") ? ", DISK FULL" : "");
    } else {
        fputs("does not answer: nothing crosses\n", to);
    }
    fprintf(to, "queues   judged now %" I ", not durable %" I ", not settled %" I ", lines waiting %" I "\n", status_number(g, "under_judgement"),
        status_number(g, "not_durable"), status_number(g, "unsettled"), status_number(root, "lines_waiting"));
    for (int s = 0; s < GW_SIDES; s++) {
        char name[16];
        snprintf(name, sizeof name, "edge/%s", s ? "low" : "high");
        const json_t *e = status_stats(root, name);
        fprintf(to, "         %-9s open %" I ", held for the journal %" I ", written %" I ", failed %" I "\n", name, status_number(e, "open"),
            status_number(e, "held"), status_number(e, "written"), status_number(e, "failed"));
        if (json_is_true(json_object_get(json_object_get(e, "crl"), "outdated")))
            fprintf(to, "         %-9s A REVOCATION LIST IS OUT OF DATE\n", name);
    }
}

static void put_programs(FILE *to, json_t *root)
{
    size_t i;
    json_t *p;
    fprintf(to, "\n%-16s %-9s %8s %9s %9s  %s\n", "program", "state", "pid", "restarts", "memory", "for");
    json_array_foreach(json_object_get(root, "programs"), i, p)
    {
        char text[32];
        json_int_t starts = status_number(p, "starts");
        fprintf(to, "%-16s %-9s %8" I " %9" I " %5.1f MiB  %s\n", status_word(p, "name"), status_word(p, "state"), status_number(p, "pid"),
            starts > 1 ? starts - 1 : 0, (double)status_number(p, "memory") / 1048576, age(status_number(p, "age_ms") / 1000, text));
    }
}

/* The same stream in an earlier state: ends and addresses tell. */
static const json_t *same_stream(json_t *before, const char *program, const json_t *s)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(status_stats(before, program), "stream"), i, v)
        if (!strcmp(status_word(v, "src"), status_word(s, "src")) && !strcmp(status_word(v, "dest"), status_word(s, "dest")))
            return v;
    return NULL;
}

static void put_stream(FILE *to, const char *side, const json_t *s, const json_t *old, double seconds)
{
    char text[32];
    double span = old ? seconds : (double)status_number(s, "age_s");
    double in = (double)(status_number(s, "stanzas_in") - status_number(old, "stanzas_in"));
    double out = (double)(status_number(s, "stanzas_out") - status_number(old, "stanzas_out"));
    fprintf(to, "%-5s", side);
    safe(to, status_word(s, "from"));
    fputs(" > ", to);
    safe(to, status_word(s, "to"));
    fputs("  ", to);
    safe(to, status_word(s, "src"));
    fputs(" > ", to);
    safe(to, status_word(s, "dest"));
    fputs("\n      ", to);
    safe(to, status_word(s, "auth"));
    fputs("  ", to);
    safe(to, status_word(s, "tls"));
    putc(' ', to);
    safe(to, status_word(s, "cipher"));
    fprintf(to, "  age %s  in %.1f/s out %.1f/s%s\n", age(status_number(s, "age_s"), text), span >= 1 ? in / span : in, span >= 1 ? out / span : out,
        json_is_true(json_object_get(s, "paused")) ? "  paused" : json_is_true(json_object_get(s, "managed")) ? "  acknowledged (XEP-0198)" : "");
}

static void put_streams(FILE *to, json_t *root, json_t *before, double seconds)
{
    json_int_t n = 0;
    for (int s = 0; s < GW_SIDES; s++)
        n += status_number(status_stats(root, s ? "edge/low" : "edge/high"), "streams");
    fprintf(to, "\n%" I " stream%s\n", n, n == 1 ? "" : "s");
    for (int s = 0; s < GW_SIDES; s++) {
        const char *name = s ? "edge/low" : "edge/high";
        size_t i;
        json_t *v;
        json_array_foreach(json_object_get(status_stats(root, name), "stream"), i, v)
            put_stream(to, s ? "low" : "high", v, before ? same_stream(before, name, v) : NULL, seconds);
    }
}

static void put_rules(FILE *to, json_t *root)
{
    size_t i;
    json_t *r;
    char text[32];
    bool any = false;
    json_array_foreach(json_object_get(status_stats(root, "guard"), "rules"), i, r)
    {
        if (!any)
            fprintf(to, "\n%6s %8s  %s\n", "rule", "held", "last");
        any = true;
        fprintf(to, "%6" I " %8" I "  %s\n", status_number(r, "id"), status_number(r, "hits"), when(status_number(r, "last_ms"), text));
    }
}

/* ---- every number ---- */

/* jansson bounds how deep objects stand in each other. */
static void put_members(FILE *to, json_t *o, int depth)
{
    const char *key;
    json_t *v;
    fprintf(to, "%*s", 4 * depth, "");
    json_object_foreach(o, key, v)
    {
        char *plain = json_is_array(v) || json_is_object(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!plain)
            continue;
        safe(to, key);
        putc('=', to);
        safe(to, json_is_string(v) ? json_string_value(v) : plain);
        fputs("  ", to);
        free(plain);
    }
    putc('\n', to);
    json_object_foreach(o, key, v)
    {
        size_t i;
        json_t *entry;
        if (json_is_object(v)) {
            fprintf(to, "%*s", 4 * depth, "");
            safe(to, key);
            fputs(":\n", to);
            put_members(to, v, depth + 1);
        }
        json_array_foreach(v, i, entry)
        {
            fprintf(to, "%*s", 4 * depth, "");
            safe(to, key);
            fputs(":\n", to);
            if (json_is_object(entry))
                put_members(to, entry, depth + 1);
        }
    }
}

void status_text(FILE *to, json_t *root, json_t *before, double seconds, bool all)
{
    size_t i;
    json_t *p;
    put_head(to, root);
    put_work(to, root);
    put_programs(to, root);
    put_streams(to, root, before, seconds);
    put_rules(to, root);
    if (all)
        json_array_foreach(json_object_get(root, "programs"), i, p)
            if (json_object_get(p, "stats")) {
                fprintf(to, "\n%s\n", status_word(p, "name"));
                put_members(to, json_object_get(p, "stats"), 1);
            }
}
