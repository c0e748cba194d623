/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate verify`: is the journal whole? In words: what is wrong and from where on, up to where it is proven, and what
 * cannot be excluded. Works on a copy, with the public key alone. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "verbs.h"
#include "verify.h"

static const char usage[] =
    "usage: lockgate verify [DIR] [--key FILE] [--checkpoint FILE] [--since FILE] [--record N] [--json] [-c CONF]\n"
    "\n"
    "Shows that a journal was not changed, cut, or put in another order, with the public key alone.\n"
    "\n"
    "  DIR                the journal's folder, or a copy of it (default: STATE/journal of the configuration)\n"
    "  --key FILE         the journal's public key, as the auditor holds it (default: STATE/keys/journal.pub)\n"
    "  --checkpoint FILE  a checkpoint that was held outside: shows also that nothing up to it was cut or written anew\n"
    "  --since FILE       a checkpoint of before: shows that the journal only grew since then, and checks what is new\n"
    "  --record N         proves that one record is under a checkpoint, with a few reads, and prints it\n"
    "  --json             the result as one JSON object\n"
    "  -c CONF            the gateway's configuration (default " CTL_CONF_DEFAULT ")\n"
    "\n"
    "The first word is the answer:\n"
    "  WHOLE              nothing is wrong, and up to the record that is named a signature proves it. A journal that runs\n"
    "                     always has some seconds of records behind that, which the next checkpoint covers\n"
    "  NOT WHOLE          something was changed, removed or put in: what, and from which record on\n"
    "  UNPROVEN           nothing wrong was found, but no signature says so: no checkpoint covers any record, or more are\n"
    "                     behind the newest one than the journal leaves\n"
    "Exit status: 0 it is whole, 1 it is not, 2 wrong usage or a file that cannot be read, 3 it is unproven.\n";

/* ---- helpers of all files ---- */
const char *thousands(uint64_t v)
{
    static char ring[8][32];
    static unsigned at;
    char *out = ring[at++ % 8], digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), k = 0;

    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

const char *records_text(uint64_t from, uint64_t to, char out[64])
{
    if (from == to)
        snprintf(out, 64, "record %s", thousands(from));
    else
        snprintf(out, 64, "records %s to %s", thousands(from), thousands(to));
    return out;
}

void finding_add(struct findings *f, const char *kind, uint64_t from, uint64_t to, const char *fmt, ...)
{
    struct finding *v;
    va_list ap;

    f->total++;
    if (from && (!f->first || from < f->first))
        f->first = from;
    if (from && strncmp(kind, "checkpoint", 10) != 0 && (!f->damaged || from < f->damaged))
        f->damaged = from;
    if (f->n >= FINDINGS_MAX || !(v = realloc(f->v, (f->n + 1) * sizeof *v)))
        return;
    f->v = v;
    v = &f->v[f->n];
    *v = (struct finding){ .kind = kind, .from = from, .to = to };
    va_start(ap, fmt);
    if (vasprintf(&v->text, fmt, ap) < 0)
        v->text = NULL;
    va_end(ap);
    if (v->text)
        f->n++;
}

static void findings_free(struct findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->v[i].text);
    free(f->v);
}

/* ---- what it is given ---- */
__attribute__((format(printf, 1, 2))) static int wrong(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "lockgate verify: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    return CTL_USAGE;
}

const char *file_error(int err)
{
    return err == GW_ERR(NOENT) ? "it is not there" : err == GW_ERR(SYS) ? strerror(errno) : gw_strerror(err);
}

static int open_key(struct verify *v)
{
    struct led_file f;
    int err = led_file_open(AT_FDCWD, v->key_file, 4096, &f);

    if (err < 0)
        return wrong("the public key %s cannot be read: %s", v->key_file, file_error(err));
    err = led_key_parse(led_file_str(&f), &v->key);
    led_file_close(&f);
    if (err < 0)
        return wrong("%s is not a public key of a journal (one line: name+hash+key)", v->key_file);
    return 0;
}

static int open_all(struct verify *v)
{
    int err = led_dir_open(v->folder, &v->dir);

    if (err < 0)
        return wrong("the folder %s cannot be read: %s", v->folder, err == GW_ERR(NOENT) ? "it is not there" : strerror(errno));
    v->tree_fd = openat(v->dir.fd, "tree", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if ((err = open_key(v)) != 0)
        return err;
    /* checkpoints first, segments again after them: a journal that writes meanwhile has more records, never fewer */
    if (verify_notes(v) < 0 || led_dir_list(&v->dir) < 0)
        return CTL_USAGE;
    if (v->dir.n == 0 && v->n_claims == 0 && faccessat(v->dir.fd, "checkpoints", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return wrong("%s is no journal: there is neither a segment (0000000001.jsonl ...) nor a file of checkpoints in it", v->folder);
    if (v->dir.n == 0)
        finding_add(&v->findings, "empty", 0, 0, "there is no segment in %s", v->folder);
    return 0;
}

static int parse_record(const char *text, uint64_t *ret)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || n == 0)
        return wrong("--record: %s is not the number of a record", text);
    *ret = n;
    return 0;
}

static int options(struct verify *v, int argc, char **argv, const char **ret_conf)
{
    static const struct option longs[] = { { "key", 1, NULL, 'k' }, { "checkpoint", 1, NULL, 'p' }, { "since", 1, NULL, 's' },
        { "record", 1, NULL, 'r' }, { "json", 0, NULL, 'j' }, { "help", 0, NULL, 'h' }, { "config", 1, NULL, 'c' }, { NULL, 0, NULL, 0 } };
    int o;

    optind = 0;
    while ((o = getopt_long(argc, argv, "c:k:h", longs, NULL)) != -1) {
        switch (o) {
        case 'k': v->key_file = optarg; break;
        case 'p': v->outside_file = optarg; break;
        case 's': v->since_file = optarg; break;
        case 'j': v->json = true; break;
        case 'c': *ret_conf = optarg; break;
        case 'h': fputs(usage, stdout); return -1;
        case 'r':
            if (parse_record(optarg, &v->record))
                return CTL_USAGE;
            break;
        default: fputs(usage, stderr); return CTL_USAGE;
        }
    }
    if (optind < argc)
        v->folder = argv[optind++];
    if (optind < argc)
        return wrong("one folder at a time, not also %s", argv[optind]);
    if (v->record && v->since_file)
        return wrong("--record and --since do not go together");
    return 0;
}

/* What was not given comes from the configuration. */
static int defaults(struct verify *v, const char *conf_path, char **ret_folder, char **ret_key)
{
    struct gw_conf *conf;

    if (v->folder && v->key_file)
        return 0;
    if (v->folder && !conf_path)
        return wrong("with a folder the public key must be given too: --key FILE");
    conf = ctl_load(conf_path ? conf_path : CTL_CONF_DEFAULT);
    if (!conf)
        return CTL_CONF;
    if (asprintf(ret_folder, "%s/journal", conf->state) < 0 || asprintf(ret_key, "%s/keys/journal.pub", conf->state) < 0)
        abort();
    if (!v->folder)
        v->folder = *ret_folder;
    if (!v->key_file) {
        v->key_file = *ret_key;
        v->own_key = true;
    }
    gw_conf_free(conf);
    return 0;
}

/* A checkpoint proves the stored hashes; the lines are proven only as far as they are what those say. */
static void hold_back(struct verify *v)
{
    uint64_t bad = v->findings.damaged, from = v->grown_from ? v->grown_from + 1 : v->first_record, to = bad ? bad - 1 : UINT64_MAX;

    if (to < from)
        to = 0;
    if (v->proven > to)
        v->proven = to;
    if (v->proven_outside > to)
        v->proven_outside = to;
    if (v->proven < from) /* of records that are not here any more, or were not read */
        v->proven = 0;
    if (v->proven_outside < from)
        v->proven_outside = 0;
}

enum verify_state verify_state(const struct verify *v)
{
    if (v->findings.total)
        return VERIFY_NOT_WHOLE;
    if (v->grown_from && v->records <= v->grown_from)
        return VERIFY_WHOLE;
    return v->proven && tail_overdue(&v->tail) == TAIL_NORMAL ? VERIFY_WHOLE : VERIFY_UNPROVEN;
}

static int judge(struct verify *v)
{
    static const int statuses[] = { [VERIFY_WHOLE] = CTL_YES, [VERIFY_NOT_WHOLE] = CTL_NO, [VERIFY_UNPROVEN] = CTL_UNPROVEN };
    int err;

    if (v->record)
        return verify_record(v);
    err = v->since_file ? verify_since(v) : verify_walk(v, 0, NULL);
    if (err < 0) {
        if (err != GW_ERR(NOENT))
            fprintf(stderr, "lockgate verify: %s\n", gw_strerror(err));
        return CTL_USAGE;
    }
    hold_back(v);
    if (v->json)
        verify_json(v);
    else
        verify_text(v);
    return statuses[verify_state(v)];
}

int verb_verify(int argc, char **argv)
{
    struct verify v = { .dir = { .fd = -1 }, .tree_fd = -1, .first_record = 1 };
    const char *conf = NULL;
    char *folder = NULL, *key = NULL;
    int status = options(&v, argc, argv, &conf);

    if (status)
        return status < 0 ? CTL_YES : status;
    v.progress = isatty(2) && !v.json;
    status = defaults(&v, conf, &folder, &key);
    if (!status)
        status = open_all(&v);
    if (!status)
        status = judge(&v);
    led_dir_close(&v.dir);
    if (v.tree_fd >= 0)
        close(v.tree_fd);
    led_key_free(v.key);
    findings_free(&v.findings);
    findings_free(&v.remarks);
    free(v.claims);
    free(folder);
    free(key);
    return status;
}
