/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate log`: search the journal, follow it, count, export, print. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "log_search.h"
#include "verbs.h"

static const char usage[] =
    "usage: lockgate log [DIR] [conditions] [how to show it] [-c CONF]\n"
    "\n"
    "Searches the journal. All conditions must hold; several values of one are separated by commas.\n"
    "  --from TIME, --to TIME   2026-11-20, 2026-11-20T10:00, today, yesterday, or so long ago: 15min, 2h, 3d (UTC)\n"
    "  --day DAY                --from and --to of one day\n"
    "  --refused                rejected, dropped or held\n"
    "  --verdict V              release, reject, drop, hold; of connections: admit, drop\n"
    "  --rule N                 the rule decided or matched\n"
    "  --reason CODE            default-deny, not-in-schema, no-route ...\n"
    "  --severity S             info, low, medium, high, critical: this or above\n"
    "  --event E                verdict, delivery, settlement, stream, admission, program, rules, certificate, limit, operator, journal, witness\n"
    "  --side high|low          happened there, or came from there\n"
    "  --address IP             source or destination, also 10.1.0.0/16\n"
    "  --domain D               of either end\n"
    "  --who TEXT               is part of the sender's or receiver's address, or of the operator's name\n"
    "  --stream ID              flow or stream\n"
    "  --text TEXT              is part of the reason, sentence, rule name, action ...\n"
    "  --where NAME=VALUE       any member of a record\n"
    "  --record A[-B]           by number\n"
    "  -n N                     only the last N\n"
    "Shown as one line each, or:\n"
    "  -f, --follow             goes on as the journal grows\n"
    "  --count NAME[,NAME]      how many of each; also by hour, day, pair\n"
    "  --json                   the lines themselves (EVE shape)      --csv [--fields A,B,...]\n"
    "  --html                   a report that prints well             --ecs, --ocsf   in the words of these schemas\n"
    "  --index                  builds the search index now; it is also built by itself, and may be deleted at any time\n"
    "  --no-index               reads the journal only                --no-colour\n"
    "\n"
    "Times are UTC, and so are days. Exit status: 0 something was found, 1 nothing was, 2 wrong usage.\n";

enum { O_FROM = 256, O_TO, O_DAY, O_REFUSED, O_VERDICT, O_RULE, O_REASON, O_SEVERITY, O_EVENT, O_SIDE, O_ADDRESS, O_DOMAIN, O_WHO, O_STREAM, O_TEXT, O_WHERE, O_RECORD,
    O_COUNT, O_JSON, O_CSV, O_FIELDS, O_HTML, O_ECS, O_OCSF, O_INDEX, O_NOINDEX, O_NOCOLOUR };
static const struct option longs[] = { { "from", 1, NULL, O_FROM }, { "to", 1, NULL, O_TO }, { "day", 1, NULL, O_DAY }, { "refused", 0, NULL, O_REFUSED },
    { "verdict", 1, NULL, O_VERDICT }, { "rule", 1, NULL, O_RULE }, { "reason", 1, NULL, O_REASON }, { "severity", 1, NULL, O_SEVERITY }, { "event", 1, NULL, O_EVENT },
    { "side", 1, NULL, O_SIDE }, { "address", 1, NULL, O_ADDRESS }, { "domain", 1, NULL, O_DOMAIN }, { "who", 1, NULL, O_WHO }, { "stream", 1, NULL, O_STREAM },
    { "text", 1, NULL, O_TEXT }, { "where", 1, NULL, O_WHERE }, { "record", 1, NULL, O_RECORD }, { "count", 1, NULL, O_COUNT }, { "json", 0, NULL, O_JSON },
    { "csv", 0, NULL, O_CSV }, { "fields", 1, NULL, O_FIELDS }, { "html", 0, NULL, O_HTML }, { "ecs", 0, NULL, O_ECS }, { "ocsf", 0, NULL, O_OCSF },
    { "index", 0, NULL, O_INDEX }, { "no-index", 0, NULL, O_NOINDEX }, { "no-colour", 0, NULL, O_NOCOLOUR }, { "no-color", 0, NULL, O_NOCOLOUR },
    { "follow", 0, NULL, 'f' }, { "last", 1, NULL, 'n' }, { "help", 0, NULL, 'h' }, { "config", 1, NULL, 'c' }, { NULL, 0, NULL, 0 } };

struct asked {
    struct log_search s;
    const char *conf, *count, *fields;
    int form; /* an O_ value, 0: text */
    bool csv, json, index, no_colour, last_given;
};

static int wrong(const char *option, const char *value, const char *legal)
{
    fprintf(stderr, "lockgate log: %s %s is not understood: %s\n", option, value, legal);
    return CTL_USAGE;
}

static int take_time(const char *option, const char *value, bool from, bool to, struct log_filter *f)
{
    uint64_t us;

    if (log_time(value, false, &us) < 0)
        return wrong(option, value, "2026-11-20, 2026-11-20T10:00, today, yesterday, 15min, 2h, 3d");
    if (from)
        f->from_us = us;
    if (to && log_time(value, true, &us) == 0)
        f->to_us = us;
    return 0;
}

static int take_record(const char *value, struct log_filter *f)
{
    char *end;

    errno = 0;
    f->first = f->last = strtoull(value, &end, 10);
    if (*end == '-')
        f->last = end[1] ? strtoull(end + 1, &end, 10) : (end++, UINT64_MAX);
    return errno || *end || f->first == 0 || value[0] == '-' ? wrong("--record", value, "7 or 7-20") : 0;
}

static int take_where(char *value, struct log_filter *f)
{
    char *eq = strchr(value, '=');

    if (!eq || eq == value)
        return wrong("--where", value, "NAME=VALUE, for example kind=message");
    *eq = 0;
    return log_filter_add(f, LOG_IS, value, eq + 1) < 0 ? CTL_USAGE : 0;
}

static int take_number(const char *value, struct asked *a)
{
    char *end;

    a->s.last = strtoull(value, &end, 10);
    a->last_given = true;
    return *end || value[0] == '-' || a->s.last == 0 || a->s.last > 10000000 ? wrong("-n", value, "a number from 1 to 10000000") : 0;
}

/* A condition that only names a member or a kind. */
static int condition(int o, char *value, struct log_filter *f)
{
    static const struct { int o; enum log_cond_kind kind; const char *name; } rows[] = { { O_VERDICT, LOG_IS, "verdict" }, { O_RULE, LOG_RULE, NULL },
        { O_REASON, LOG_IS, "reason" }, { O_SEVERITY, LOG_SEVERITY, NULL }, { O_EVENT, LOG_IS, "event_type" }, { O_SIDE, LOG_SIDE, NULL },
        { O_ADDRESS, LOG_ADDRESS, NULL }, { O_DOMAIN, LOG_DOMAIN, NULL }, { O_WHO, LOG_WHO, NULL }, { O_STREAM, LOG_STREAM, NULL }, { O_TEXT, LOG_TEXT, NULL } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].o == o)
            return log_filter_add(f, rows[i].kind, rows[i].name, value) < 0 ? CTL_USAGE : 0;
    fputs(usage, stderr);
    return CTL_USAGE;
}

static int option(struct asked *a, int o)
{
    struct log_filter *f = &a->s.filter;

    switch (o) {
    case 'c': a->conf = optarg; return 0;
    case 'f': a->s.follow = true; return 0;
    case 'n': return take_number(optarg, a);
    case O_FROM: return take_time("--from", optarg, true, false, f);
    case O_TO: return take_time("--to", optarg, false, true, f);
    case O_DAY: return take_time("--day", optarg, true, true, f);
    case O_REFUSED: f->refused = true; return 0;
    case O_RECORD: return take_record(optarg, f);
    case O_WHERE: return take_where(optarg, f);
    case O_COUNT: a->count = optarg; return log_names_check(optarg) < 0 ? CTL_USAGE : 0;
    case O_FIELDS: a->fields = optarg; return log_names_check(optarg) < 0 ? CTL_USAGE : 0;
    case O_JSON: a->json = true; return 0;
    case O_CSV: a->csv = true; return 0;
    case O_HTML: case O_ECS: case O_OCSF: a->form = o; return 0;
    case O_INDEX: a->index = true; return 0;
    case O_NOINDEX: a->s.no_index = true; return 0;
    case O_NOCOLOUR: a->no_colour = true; return 0;
    default: return condition(o, optarg, f);
    }
}

static int options(struct asked *a, int argc, char **argv)
{
    int o, status = 0;

    optind = 0;
    while (!status && (o = getopt_long(argc, argv, "c:fn:h", longs, NULL)) != -1) {
        if (o == 'h') {
            fputs(usage, stdout);
            return -1;
        }
        status = option(a, o);
    }
    if (!status && optind < argc)
        a->s.folder = argv[optind++];
    if (!status && optind < argc)
        status = wrong("argument", argv[optind], "one folder at a time; conditions begin with --");
    if (!status && (a->form != 0) + a->json + a->csv > 1 && !a->count)
        status = wrong("--json, --csv, --html, --ecs, --ocsf", "together", "one of them");
    if (!status && a->s.follow && (a->form == O_HTML || a->count))
        status = wrong("--follow", "with --html or --count", "these need an end");
    if (a->s.follow && !a->last_given)
        a->s.last = 10;
    return status;
}

static void choose_sink(struct asked *a)
{
    bool colour = isatty(1) && !a->no_colour && !getenv("NO_COLOR");
    struct log_sink *s = &a->s.sink;

    if (a->count)
        log_sink_count(s, a->count, a->json, a->csv, colour);
    else if (a->json)
        log_sink_json(s);
    else if (a->csv)
        log_sink_csv(s, a->fields);
    else if (a->form == O_HTML)
        log_sink_html(s, a->s.folder, log_filter_words(&a->s.filter, a->s.last));
    else if (a->form == O_ECS)
        log_sink_ecs(s);
    else if (a->form == O_OCSF)
        log_sink_ocsf(s);
    else
        log_sink_text(s, colour);
}

static int open_folder(struct asked *a, char **ret_folder)
{
    struct gw_conf *conf;
    int err;

    if (!a->s.folder) {
        conf = ctl_load(a->conf ? a->conf : CTL_CONF_DEFAULT);
        if (!conf)
            return CTL_CONF;
        if (asprintf(ret_folder, "%s/journal", conf->state) < 0)
            abort();
        gw_conf_free(conf);
        a->s.folder = *ret_folder;
    }
    err = led_dir_open(a->s.folder, &a->s.dir);
    if (err < 0) {
        fprintf(stderr, "lockgate log: the folder %s cannot be read: %s\n", a->s.folder, err == GW_ERR(NOENT) ? "it is not there" : strerror(errno));
        return CTL_USAGE;
    }
    return 0;
}

static int run(struct asked *a)
{
    uint64_t bytes = 0;
    int err;

    if (a->index)
        return log_index_build(a->s.folder, isatty(2)) < 0 ? CTL_USAGE : CTL_YES;
    log_filter_finish(&a->s.filter);
    choose_sink(a);
    a->s.progress = isatty(2) && !isatty(1);
    err = log_search(&a->s);
    fflush(stdout);
    if (err < 0) {
        fprintf(stderr, "lockgate log: %s\n", gw_strerror(err));
        return CTL_USAGE;
    }
    for (size_t i = 0; i < a->s.dir.n; i++)
        bytes += (uint64_t)a->s.dir.v[i].size;
    if (!a->s.no_index)
        log_index_background(a->s.folder, bytes);
    if (!a->s.fit && !a->s.follow && !a->json && !a->csv && a->form != O_ECS && a->form != O_OCSF)
        log_say_nothing(&a->s);
    return a->s.fit ? CTL_YES : CTL_NO;
}

int verb_log(int argc, char **argv)
{
    struct asked a = { .s = { .dir = { .fd = -1 }, .filter = { .to_us = UINT64_MAX, .last = UINT64_MAX } } };
    char *folder = NULL;
    int status = options(&a, argc, argv);

    if (status)
        return status < 0 ? CTL_YES : status;
    (void)signal(SIGPIPE, SIG_DFL);
    status = open_folder(&a, &folder);
    if (!status)
        status = run(&a);
    led_dir_close(&a.s.dir);
    log_filter_clear(&a.s.filter);
    free(folder);
    return status;
}
