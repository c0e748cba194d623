/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate status: what the running gateway says of itself: as text, as a live screen, as JSON, as numbers for Prometheus. */
#include <string.h>
#include <unistd.h>

#include "status.h"
#include "verbs.h"

/* Resident memory of a program, by its process id. */
static json_int_t memory_of(json_int_t pid)
{
    char path[64];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%lld/statm", (long long)pid);
    FILE *f = pid > 0 ? fopen(path, "re") : NULL;
    if (!f)
        return 0;
    if (fscanf(f, "%*s %lld", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Each program's own object came as a string; here it becomes an object, or goes when it is none: a program is not believed to the letter. */
static void open_stats(json_t *root)
{
    size_t i;
    json_t *program;
    json_array_foreach(json_object_get(root, "programs"), i, program)
    {
        const char *text = json_string_value(json_object_get(program, "stats"));
        json_t *own = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        json_object_del(program, "stats");
        if (json_is_object(own))
            json_object_set(program, "stats", own);
        json_decref(own);
        json_object_set_new(program, "memory", json_integer(memory_of(status_number(program, "pid"))));
    }
}

json_int_t status_number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_true(v) ? 1 : json_integer_value(v);
}

const char *status_word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "?";
}

json_t *status_stats(json_t *root, const char *program)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(root, "programs"), i, p)
        if (!strcmp(status_word(p, "name"), program))
            return json_object_get(p, "stats");
    return NULL;
}

int status_fetch(const struct gw_conf *c, FILE *to, json_t **ret)
{
    struct buf out;
    json_error_t err;
    buf_init(&out, 4u << 20);
    int status = ctl_ask(c, "status", "", false, &out);
    struct str text = buf_str(&out);
    if (status != CTL_YES && to)
        fprintf(to, "%.*s", STR_ARG(text));
    if (status == CTL_YES) {
        *ret = json_loadb(text.p, text.n, 0, &err);
        status = json_is_object(*ret) ? CTL_YES : CTL_NO;
        if (status != CTL_YES && to)
            fprintf(to, "the gateway's answer is not JSON: %s\n", err.text);
    }
    buf_clear(&out);
    if (status == CTL_YES)
        open_stats(*ret);
    return status;
}

static bool all_running(json_t *root)
{
    size_t i;
    json_t *program;
    json_array_foreach(json_object_get(root, "programs"), i, program)
        if (strcmp(status_word(program, "state"), "running") != 0)
            return false;
    return true;
}

static int once(const struct gw_conf *c, bool json, bool all, const char *metrics)
{
    json_t *root = NULL;
    int status = status_fetch(c, stderr, &root);
    if (metrics) {
        int written = status_metrics(status == CTL_YES ? root : NULL, metrics);
        status = status == CTL_YES ? written : status;
    } else if (status == CTL_YES && json) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (status == CTL_YES) {
        status_text(stdout, root, NULL, 0, all);
    }
    if (status == CTL_YES && !all_running(root))
        status = CTL_NO;
    json_decref(root);
    return status;
}

/* Takes away the options that are its own; their number of ways to show it, or -1: --prometheus without a file. */
static int own_options(int *argc, char **argv, bool *watch, bool *all, const char **metrics)
{
    int n = 1;
    for (int i = 1; i < *argc; i++) {
        if (!strcmp(argv[i], "--watch") || !strcmp(argv[i], "-w"))
            *watch = true;
        else if (!strcmp(argv[i], "-v"))
            *all = true;
        else if (!strcmp(argv[i], "--prometheus") && i + 1 < *argc)
            *metrics = argv[++i];
        else if (!strcmp(argv[i], "--prometheus"))
            return -1;
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return *watch + (*metrics != NULL);
}

int verb_status(int argc, char **argv)
{
    const char *conf, *metrics = NULL;
    bool json = false, watch = false, all = false;
    int n = ctl_options(argc, argv, &conf, &json), ways = n < 0 ? -1 : own_options(&n, argv, &watch, &all, &metrics);
    if (n != 1 || ways < 0)
        return ctl_usage(n, argv);
    const char *ending = metrics ? strrchr(metrics, '.') : NULL;
    if (ways + json > 1)
        return fputs("lockgate status: one of --watch, --json, --prometheus\n", stderr), CTL_USAGE;
    if (metrics && strcmp(metrics, "-") != 0 && (!ending || strcmp(ending, ".prom") != 0))
        return fprintf(stderr, "lockgate status: %s: node_exporter reads only files whose names end in .prom\n", metrics), CTL_USAGE;
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    int status = watch ? status_watch(c) : once(c, json, all, metrics);
    gw_conf_free(c);
    return status;
}
