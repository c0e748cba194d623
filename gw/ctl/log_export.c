/* SPDX-License-Identifier: GPL-3.0-or-later
 * Records for programs: the lines themselves (they are in EVE's shape), CSV, and the field names of ECS and of OCSF. */
#include <stdlib.h>

#include "log_search.h"

/* ---- JSON lines: exactly the bytes of the journal ---- */
static int take_json(void *arg, const struct log_rec *r)
{
    (void)arg;
    fwrite(r->line.p, 1, r->line.n, stdout);
    putchar('\n');
    return ferror(stdout);
}

void log_sink_json(struct log_sink *s)
{
    *s = (struct log_sink){ .take = take_json };
}

/* ---- CSV (RFC 4180) ---- */
static const char csv_default[] = "timestamp,seq,event_type,program,verdict,severity,reason,rule,rule_name,direction,side,kind,type,from,to,from_domain,to_domain,"
                                  "src_ip,src_port,dest_ip,dest_port,stanza_id,size_in,size_out,changed,delivery,action,subject,status,sentence";
static char *columns[128];
static size_t n_columns;

/* Signs that a spreadsheet takes for the beginning of a formula, the wide ones too. */
static bool is_formula(struct str s)
{
    static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0" };

    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (s.n >= 3 && memcmp(s.p, wide[i], 3) == 0)
            return true;
    return s.n > 1 && strchr("=+-@|", s.p[0]); /* "-" alone says that there is none */
}

/* A cell that a spreadsheet would run as a formula begins with an apostrophe instead: its text may come from the network. */
void log_csv_text(struct str s)
{
    if (is_formula(s))
        putchar('\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] != 'u')
            i++;
        if (s.p[i] == '"')
            putchar('"');
        putchar(s.p[i]);
    }
}

static void begin_csv(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n_columns; i++)
        printf("%s%s", i ? "," : "", columns[i]);
    printf("\r\n");
}

static int take_csv(void *arg, const struct log_rec *r)
{
    (void)arg;
    for (size_t i = 0; i < n_columns; i++) {
        struct str s = log_get(r, columns[i]);
        if (i)
            putchar(',');
        if (!s.p)
            continue;
        putchar('"');
        if (s.n && s.p[0] == '"' && s.p[s.n - 1] == '"' && s.p - r->line.p > 0 && s.p[-1] == '[') { /* a list */
            struct str item;
            size_t at = 0, some = 0;
            while (led_list_next(s, &at, &item) == 1) {
                if (some++)
                    fputs("; ", stdout);
                log_csv_text(item);
            }
        } else {
            log_csv_text(s);
        }
        putchar('"');
    }
    printf("\r\n");
    return ferror(stdout);
}

void log_sink_csv(struct log_sink *s, const char *fields)
{
    char *names = strdup(fields ? fields : csv_default), *name; /* lives as long as the process */

    n_columns = 0;
    while (names && (name = strsep(&names, ",")) && n_columns < sizeof columns / sizeof *columns)
        columns[n_columns++] = name;
    *s = (struct log_sink){ .begin = begin_csv, .take = take_csv };
}

/* ---- ECS (Elastic Common Schema), dotted names; what it has no name for stays under lockgate. ---- */
static const struct { const char *from, *to; } ecs[] = { { "timestamp", "@timestamp" }, { "seq", "event.sequence" }, { "program", "process.name" },
    { "src_ip", "source.ip" }, { "src_port", "source.port" }, { "dest_ip", "destination.ip" }, { "dest_port", "destination.port" },
    { "from_domain", "source.domain" }, { "to_domain", "destination.domain" }, { "reason", "event.reason" }, { "sentence", "message" }, { "rule", "rule.id" },
    { "rule_name", "rule.name" }, { "rules_hash", "rule.version" }, { "from", "lockgate.from" }, { "to", "lockgate.to" }, { "proto", "network.transport" },
    { "cipher", "tls.cipher" }, { "tls", "tls.version" }, { "size_in", "source.bytes" }, { "who", "user.name" }, { "pid", "process.pid" },
    { "cert_sha256", "tls.server.hash.sha256" }, { "cert_subject", "tls.server.subject" }, { "file", "file.path" } };

static void put_value(const struct led_member *m)
{
    const char *marks = m->type == LED_STR ? "\"\"" : m->type == LED_LIST ? "[]" : NULL;

    if (marks)
        putchar(marks[0]);
    fwrite(m->raw.p, 1, m->raw.n, stdout);
    if (marks)
        putchar(marks[1]);
}

static const char *ecs_name(struct str name)
{
    for (size_t i = 0; i < sizeof ecs / sizeof *ecs; i++)
        if (str_eq(name, str_c(ecs[i].from)))
            return ecs[i].to;
    return NULL;
}

static bool is(const struct log_rec *r, const char *name, const char *value)
{
    return str_eq(log_get(r, name), str_c(value));
}

static int take_ecs(void *arg, const struct log_rec *r)
{
    bool verdict = is(r, "event_type", "verdict") || is(r, "event_type", "admission");
    struct str v = log_get(r, "verdict");

    (void)arg;
    printf("{\"ecs.version\":\"8.11.0\",\"event.module\":\"lockgate\",\"event.dataset\":\"lockgate.%.*s\",\"event.kind\":\"%s\"", STR_ARG(log_get(r, "event_type")),
        verdict && v.p && !str_eq(v, STR("release")) ? "alert" : "event");
    if (verdict)
        printf(",\"event.category\":[\"network\"],\"event.type\":[\"connection\",\"%s\"]", str_eq(v, STR("release")) || !v.p ? "allowed" : "denied");
    for (size_t i = 0; i < r->n; i++) {
        const char *to = ecs_name(r->m[i].name);
        if (to)
            printf(",\"%s\":", to);
        else
            printf(",\"lockgate.%.*s\":", STR_ARG(r->m[i].name));
        put_value(&r->m[i]);
    }
    printf("}\n");
    return ferror(stdout);
}

void log_sink_ecs(struct log_sink *s)
{
    *s = (struct log_sink){ .take = take_ecs };
}

/* ---- OCSF 1.1: verdicts and admissions as Network Activity (4001), the rest as Base Event; all else unmapped ---- */
static int ocsf_severity(const struct log_rec *r)
{
    static const char *const names[] = { "info", "low", "medium", "high", "critical" };

    for (int i = 0; i < 5; i++)
        if (is(r, "severity", names[i]))
            return i + 1;
    return 1;
}

static void put_quoted(const char *before, struct str raw, const char *none)
{
    printf("%s\"%.*s\"", before, raw.p ? (int)raw.n : (int)strlen(none), raw.p ? raw.p : none);
}

static void put_endpoint(const struct log_rec *r, const char *name, const char *ip, const char *port, const char *domain)
{
    struct str a = log_get(r, ip), p = log_get(r, port), d = log_get(r, domain);
    const char *comma = "";

    if (!a.p && !d.p)
        return;
    printf(",\"%s\":{", name);
    if (a.p)
        put_quoted("\"ip\":", a, ""), comma = ",";
    if (p.p)
        printf("%s\"port\":%.*s", comma, STR_ARG(p)), comma = ",";
    if (d.p)
        printf("%s\"domain\":\"%.*s\"", comma, STR_ARG(d));
    putchar('}');
}

static int take_ocsf(void *arg, const struct log_rec *r)
{
    struct str v = log_get(r, "verdict"), rule = log_get(r, "rule");
    bool network = v.p != NULL, released = str_eq(v, STR("release"));
    int class = network ? 4001 : 0, activity = network ? (released ? 6 : 5) : 99; /* Traffic, Refuse; Other */

    (void)arg;
    printf("{\"class_uid\":%d,\"category_uid\":%d,\"activity_id\":%d,\"type_uid\":%d,\"severity_id\":%d,\"time\":%llu", class, network ? 4 : 0, activity,
        class * 100 + activity, ocsf_severity(r), (unsigned long long)(r->time_us / 1000));
    printf(",\"metadata\":{\"version\":\"1.1.0\",\"product\":{\"name\":\"Lockgate\",\"vendor_name\":\"Lockgate\"},\"log_name\":\"journal\",\"sequence\":%llu}",
        (unsigned long long)r->seq);
    if (network)
        printf(",\"action_id\":%d,\"disposition_id\":%d", released ? 1 : 2, released ? 1 : str_eq(v, STR("hold")) ? 3 : str_eq(v, STR("drop")) ? 6 : 2);
    put_endpoint(r, "src_endpoint", "src_ip", "src_port", "from_domain");
    put_endpoint(r, "dst_endpoint", "dest_ip", "dest_port", "to_domain");
    put_quoted(",\"message\":", log_get(r, "sentence"), "");
    put_quoted(",\"status_code\":", log_get(r, "reason"), "none");
    if (rule.p) {
        printf(",\"firewall_rule\":{\"uid\":\"%.*s\"", STR_ARG(rule));
        if (log_get(r, "rule_name").p)
            put_quoted(",\"name\":", log_get(r, "rule_name"), "");
        putchar('}');
    }
    printf(",\"unmapped\":%.*s}\n", STR_ARG(r->line));
    return ferror(stdout);
}

void log_sink_ocsf(struct log_sink *s)
{
    *s = (struct log_sink){ .take = take_ocsf };
}
