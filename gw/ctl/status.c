/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate status: what the running gateway says of itself, as a table or as JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "verbs.h"

/* Each program's own object came as a string; here it becomes an object, or stays a string when it is none. */
static void open_stats(json_t *root)
{
    size_t i;
    json_t *program;
    json_array_foreach(json_object_get(root, "programs"), i, program)
    {
        const char *text = json_string_value(json_object_get(program, "stats"));
        json_t *own = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (own)
            json_object_set_new(program, "stats", own);
    }
}

static void print_age(int64_t ms)
{
    int64_t s = ms / 1000;
    if (s >= 86400)
        printf("%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        printf("%" PRId64 "h %" PRId64 "min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        printf("%" PRId64 "min %" PRId64 "s", s / 60, s % 60);
    else
        printf("%" PRId64 "s", s);
}

/* Terminal escapes in text that a child passed on must not reach the terminal. */
static void print_safe(const char *s)
{
    for (; *s; s++)
        putchar((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

/* Members of a program's object: plain values in one line, lists (streams) one entry a line. */
static void print_value(const json_t *v)
{
    char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    print_safe(text ? text : json_string_value(v));
    free(text);
}

/* When a rule held last, for people; --json has the number. */
static void print_time(json_int_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];
    if (gmtime_r(&s, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &tm))
        printf("last=%s", text);
}

static void print_members(json_t *o, const char *indent)
{
    const char *key;
    json_t *v;
    bool any = false;
    fputs(indent, stdout);
    json_object_foreach(o, key, v)
    {
        if (json_is_array(v) || json_is_object(v))
            continue;
        fputs(any ? "  " : "", stdout);
        any = true;
        if (!strcmp(key, "last_ms") && json_is_integer(v)) {
            print_time(json_integer_value(v));
            continue;
        }
        print_safe(key);
        putchar('=');
        print_value(v);
    }
    putchar('\n');
    json_object_foreach(o, key, v)
    {
        size_t i;
        json_t *entry;
        if (json_is_object(v)) {
            printf("%s", indent);
            print_safe(key);
            print_members(v, ": ");
        }
        json_array_foreach(v, i, entry)
        {
            printf("%s  ", indent);
            print_safe(key);
            if (json_is_object(entry)) {
                print_members(entry, ": ");
            } else {
                fputs(": ", stdout);
                print_value(entry);
                putchar('\n');
            }
        }
    }
}

/* Watch mode must not be overlooked: the guard itself says whether it enforces. */
static void print_watch(json_t *root)
{
    size_t i;
    json_t *program;
    json_array_foreach(json_object_get(root, "programs"), i, program)
    {
        const json_t *own = json_object_get(program, "stats");
        if (json_is_object(own) && json_is_false(json_object_get(own, "enforce")))
            printf("*** NOTHING IS ENFORCED (enforce = false): what policy refuses crosses; %" JSON_INTEGER_FORMAT " stanzas so far ***\n",
                json_integer_value(json_object_get(own, "let_through")));
    }
}

static void print_status(json_t *root)
{
    size_t i;
    json_t *program;
    print_watch(root);
    print_safe(json_string_value(json_object_get(root, "gateway")) ? json_string_value(json_object_get(root, "gateway")) : "?");
    printf(": %s, %s, up ", json_string_value(json_object_get(root, "mode")),
        json_is_true(json_object_get(root, "stopping")) ? "stopping" : json_is_true(json_object_get(root, "ready")) ? "ready" : "starting");
    print_age(json_integer_value(json_object_get(root, "age_ms")));
    printf(", %" JSON_INTEGER_FORMAT " hosts admitted, %" JSON_INTEGER_FORMAT " own lines wait for the journal\n\n",
        json_integer_value(json_object_get(root, "admitted_hosts")), json_integer_value(json_object_get(root, "lines_waiting")));
    printf("%-16s %-9s %7s %7s  %s\n", "program", "state", "pid", "starts", "for");
    json_array_foreach(json_object_get(root, "programs"), i, program)
    {
        printf("%-16s %-9s %7" JSON_INTEGER_FORMAT " %7" JSON_INTEGER_FORMAT "  ", json_string_value(json_object_get(program, "name")),
            json_string_value(json_object_get(program, "state")), json_integer_value(json_object_get(program, "pid")),
            json_integer_value(json_object_get(program, "starts")));
        print_age(json_integer_value(json_object_get(program, "age_ms")));
        putchar('\n');
        json_t *stats = json_object_get(program, "stats");
        if (json_is_object(stats))
            print_members(stats, "    ");
    }
}

static bool all_running(json_t *root)
{
    size_t i;
    json_t *program;
    json_array_foreach(json_object_get(root, "programs"), i, program)
        if (strcmp(json_string_value(json_object_get(program, "state")), "running") != 0)
            return false;
    return true;
}

static int show(struct str text, bool json)
{
    json_error_t err;
    json_t *root = json_loadb(text.p, text.n, 0, &err);
    if (!root) {
        fprintf(stderr, "the gateway's answer is not JSON: %s\n", err.text);
        return CTL_NO;
    }
    open_stats(root);
    if (json) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_status(root);
    }
    int status = all_running(root) ? CTL_YES : CTL_NO;
    json_decref(root);
    return status;
}

int verb_status(int argc, char **argv)
{
    const char *conf;
    bool json = false;
    struct buf out;
    if (ctl_options(argc, argv, &conf, &json) != 1)
        return ctl_usage(argv[0]);
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    buf_init(&out, 4u << 20);
    int status = ctl_ask(c, "status", "", false, &out);
    if (status == CTL_YES)
        status = show(buf_str(&out), json);
    else
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&out)));
    buf_clear(&out);
    gw_conf_free(c);
    return status;
}
