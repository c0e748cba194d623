/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate status --prometheus`: numbers in Prometheus' text format, for node_exporter's textfile collector. The list below is closed: names
 * of programs (the parent's own), sides and numbers of rules are all the words that leave; no address, no domain, no person. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"
#include "verbs.h"

#define I JSON_INTEGER_FORMAT

/* What programs say of themselves. X: which program (its name up to a slash), member, metric, type, help */
static const struct { const char *program, *key, *metric, *type, *help; } rows[] = {
    { "guard", "enforce", "lockgate_enforced", "gauge", "1: policy is enforced, 0: watch mode" },
    { "guard", "let_through", "lockgate_let_through_total", "counter", "Stanzas that crossed in watch mode although policy refused them" },
    { "guard", "stanzas", "lockgate_stanzas_total", "counter", "Stanzas judged" },
    { "guard", "released", "lockgate_released_total", "counter", "Stanzas released" },
    { "guard", "rejected", "lockgate_rejected_total", "counter", "Stanzas refused with an answer" },
    { "guard", "dropped", "lockgate_dropped_total", "counter", "Stanzas refused in silence" },
    { "guard", "held", "lockgate_held_total", "counter", "Stanzas held for a person" },
    { "guard", "under_judgement", "lockgate_under_judgement", "gauge", "Stanzas under judgement now" },
    { "guard", "not_durable", "lockgate_not_durable", "gauge", "Verdicts that the journal has not confirmed yet" },
    { "guard", "unsettled", "lockgate_unsettled", "gauge", "Deliveries under way" },
    { "guard", "scanners_lost", "lockgate_scanners_lost_total", "counter", "Scanners that ended or were over their time" },
    { "journal", "records", "lockgate_journal_records", "counter", "Records in the journal" },
    { "journal", "checkpoint", "lockgate_journal_checkpoint", "counter", "Records under the newest signed checkpoint" },
    { "journal", "batches", "lockgate_journal_batches_total", "counter", "Group commits" },
    { "journal", "sync_us_total", "lockgate_journal_sync_microseconds_total", "counter", "Time spent in syncs" },
    { "journal", "disk_full", "lockgate_journal_disk_full_total", "counter", "Times that the disk was full" },
    { "edge", "streams", "lockgate_streams", "gauge", "Streams that are open" },
    { "edge", "accepted", "lockgate_accepted_total", "counter", "Streams accepted" },
    { "edge", "refused", "lockgate_streams_refused_total", "counter", "Streams refused" },
    { "edge", "written", "lockgate_written_total", "counter", "Stanzas written" },
    { "edge", "failed", "lockgate_failed_total", "counter", "Deliveries that failed" },
    { "edge", "open", "lockgate_open", "gauge", "Orders that are open" },
    { "edge", "targets_down", "lockgate_targets_down", "gauge", "Servers that are passed over" },
    { "admission", "admitted", "lockgate_admitted_total", "counter", "First packets admitted" },
    { "admission", "denied", "lockgate_denied_total", "counter", "First packets refused" },
    { "decoy", "named", "lockgate_decoy_named_total", "counter", "Connections to other ports that were named" },
    { "responder", "echo", "lockgate_echo_answered_total", "counter", "Echo requests answered in the place of the other side" },
    { "responder", "dns", "lockgate_dns_answered_total", "counter", "DNS questions answered likewise" },
    { "responder", "ntp", "lockgate_ntp_answered_total", "counter", "NTP requests answered likewise" },
    { "responder", "refused", "lockgate_questions_refused_total", "counter", "Questions that were not answered, or refused" },
    { "reader", "refused", "lockgate_reader_refused_total", "counter", "Stanzas that the second parser refused" },
    { "courier", "checkpoint", "lockgate_courier_checkpoint", "counter", "Newest checkpoint that the courier has" },
};

static bool is_program(const json_t *p, const char *kind)
{
    const char *name = status_word(p, "name");
    size_t n = strlen(kind);
    return !strncmp(name, kind, n) && (!name[n] || name[n] == '/');
}

static void head(FILE *to, const char *metric, const char *type, const char *help)
{
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static void put_programs(FILE *to, json_t *root)
{
    static const struct { const char *metric, *type, *help; } own[] = {
        { "lockgate_program_up", "gauge", "1: the program runs" },
        { "lockgate_program_restarts_total", "counter", "Times that it was started again" },
        { "lockgate_program_memory_bytes", "gauge", "Resident memory" },
    };
    for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
        size_t i;
        json_t *p;
        head(to, own[k].metric, own[k].type, own[k].help);
        json_array_foreach(json_object_get(root, "programs"), i, p)
        {
            json_int_t starts = status_number(p, "starts");
            json_int_t v = k == 0 ? !strcmp(status_word(p, "state"), "running") : k == 1 ? (starts > 1 ? starts - 1 : 0) : status_number(p, "memory");
            fprintf(to, "%s{program=\"%s\"} %" I "\n", own[k].metric, status_word(p, "name"), v);
        }
    }
}

static void put_rows(FILE *to, json_t *root)
{
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        size_t i;
        json_t *p;
        bool any = false;
        json_array_foreach(json_object_get(root, "programs"), i, p)
        {
            const json_t *v = json_object_get(json_object_get(p, "stats"), rows[k].key);
            if (!is_program(p, rows[k].program) || !(json_is_integer(v) || json_is_boolean(v)))
                continue;
            if (!any)
                head(to, rows[k].metric, rows[k].type, rows[k].help);
            any = true;
            fprintf(to, "%s{program=\"%s\"} %" I "\n", rows[k].metric, status_word(p, "name"), status_number(json_object_get(p, "stats"), rows[k].key));
        }
    }
}

static void put_rules(FILE *to, json_t *root)
{
    size_t i;
    json_t *r;
    head(to, "lockgate_rule_hits_total", "counter", "Times that a rule held");
    json_array_foreach(json_object_get(status_stats(root, "guard"), "rules"), i, r)
        fprintf(to, "lockgate_rule_hits_total{rule=\"%" I "\"} %" I "\n", status_number(r, "id"), status_number(r, "hits"));
}

static void put_all(FILE *to, json_t *root)
{
    head(to, "lockgate_up", "gauge", "1: the gateway answers");
    fprintf(to, "lockgate_up %d\n", root != NULL);
    if (!root)
        return;
    head(to, "lockgate_ready", "gauge", "1: it is ready");
    fprintf(to, "lockgate_ready %" I "\n", status_number(root, "ready"));
    head(to, "lockgate_age_seconds", "gauge", "Since it was started");
    fprintf(to, "lockgate_age_seconds %" I "\n", status_number(root, "age_ms") / 1000);
    head(to, "lockgate_lines_waiting", "gauge", "Lines of the parent that wait for the journal");
    fprintf(to, "lockgate_lines_waiting %" I "\n", status_number(root, "lines_waiting"));
    put_programs(to, root);
    put_rows(to, root);
    put_rules(to, root);
}

int status_metrics(json_t *root, const char *path)
{
    char fresh[4096];
    if (!strcmp(path, "-")) {
        put_all(stdout, root);
        return fflush(stdout) == 0 ? CTL_YES : CTL_NO;
    }
    if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", path) >= (int)sizeof fresh)
        return fputs("lockgate status: the path is too long\n", stderr), CTL_NO;
    int fd = mkstemp(fresh);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    bool good = f && fchmod(fd, 0644) == 0;
    if (good)
        put_all(f, root);
    good = good && fflush(f) == 0 && !ferror(f);
    int why = errno;
    if (f)
        good = fclose(f) == 0 && good;
    if (good && rename(fresh, path) == 0)
        return CTL_YES;
    fprintf(stderr, "lockgate status: %s: %s\n", path, strerror(good ? errno : why));
    if (fd >= 0)
        unlink(fresh);
    return CTL_NO;
}
