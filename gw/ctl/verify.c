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
    "Exit status: 0 it is whole, 1 it is not, 2 wrong usage or a file that cannot be read.\n";

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

/* ---- what it says ---- */
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
}

static void print_grown(const struct verify *v)
{
    char time[LED_TIME_TEXT];

    led_time_text(v->proven_time * 1000000, time);
    printf("Grown from the checkpoint given: its hashes of records 1 to %s are still those of this journal. Their lines were not read.\n",
        thousands(v->grown_from));
    if (v->proven > v->grown_from)
        printf("Consistent: records %s to %s fit the journal's own signed checkpoints (%.19sZ).\n", thousands(v->grown_from + 1), thousands(v->proven), time);
}

static void print_proven(const struct verify *v)
{
    uint64_t signed_to = v->proven > v->grown_from ? v->proven : v->grown_from;
    char time[LED_TIME_TEXT];

    if (v->grown_from) {
        print_grown(v);
    } else if (v->proven_outside) {
        led_time_text(v->proven_outside_time * 1000000, time);
        printf("Proven by a checkpoint held outside: records %s to %s (%.19sZ). Nobody, not even the holder of the key,\n"
               "has changed, removed or reordered any of them since.\n", thousands(v->first_record), thousands(v->proven_outside), time);
    }
    if (!v->grown_from && v->proven > v->proven_outside) {
        led_time_text(v->proven_time * 1000000, time);
        printf("%s: records %s to %s fit the journal's own signed checkpoints (%.19sZ).\n", v->proven_outside ? "Behind it" : "Consistent",
            thousands(v->proven_outside ? v->proven_outside + 1 : v->first_record), thousands(v->proven), time);
    }
    if (v->findings.damaged && v->proven)
        printf("Nothing from record %s on is proven.\n", thousands(v->findings.damaged));
    else if (!v->proven && !v->grown_from)
        printf("No record is proven%s.\n", v->findings.damaged ? "" : ": no checkpoint fits");
    if (v->records > signed_to && v->findings.total == 0)
        printf("%s %s behind the newest checkpoint: in order, but not signed yet.\n", thousands(v->records - signed_to),
            v->records - signed_to == 1 ? "record stands" : "records stand");
}

static void print_not_excluded(const struct verify *v)
{
    printf("What cannot be excluded:\n");
    if (v->grown_from)
        printf("  - that lines up to record %s were changed where they lie: without --since all lines are read.\n", thousands(v->grown_from));
    if (!v->proven_outside)
        printf("  - that the end was cut, checkpoints with it: only a checkpoint held outside (--checkpoint) can show that;\n"
               "  - that all was written anew by somebody who has the signing key: likewise.\n");
    else
        printf("  - that what was written behind record %s was cut or written anew by somebody who has the signing key.\n", thousands(v->proven_outside));
    if (v->own_key)
        printf("  - that the key is not the gateway's: it was taken from the gateway itself. An auditor brings a copy (--key).\n");
}

static void print_text(const struct verify *v)
{
    double mb = (double)v->bytes_read / 1e6;

    if (v->findings.total) {
        printf("NOT WHOLE");
        if (v->findings.first)
            printf(" from record %s on", thousands(v->findings.damaged ? v->findings.damaged : v->findings.first));
        printf("\n\n");
        print_findings(&v->findings, "!", 40);
        printf("\n");
    } else if (v->grown_from) {
        printf("WHOLE behind record %s: %s new %s.\n\n", thousands(v->grown_from), thousands(v->records - v->grown_from),
            v->records - v->grown_from == 1 ? "record" : "records");
    } else {
        printf("WHOLE: %s records in %zu %s, %zu checkpoints.\n\n", thousands(v->records), v->dir.n, v->dir.n == 1 ? "segment" : "segments", v->n_inside);
    }
    print_proven(v);
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

static void print_json(const struct verify *v)
{
    printf("{\"whole\":%s,\"records\":%llu,\"segments\":%zu,\"checkpoints\":%zu,\"proven_to\":%llu,\"proven_outside_to\":%llu,\"key\":",
        v->findings.total ? "false" : "true", (unsigned long long)v->records, v->dir.n, v->n_inside, (unsigned long long)v->proven,
        (unsigned long long)v->proven_outside);
    json_text(led_key_name(v->key));
    printf(",\"grown_from\":%llu", (unsigned long long)v->grown_from);
    printf(",\"first_wrong\":%llu,\"findings_total\":%zu", (unsigned long long)v->findings.first, v->findings.total);
    json_findings("findings", &v->findings);
    json_findings("remarks", &v->remarks);
    printf(",\"bytes\":%llu,\"seconds\":%.3f}\n", (unsigned long long)v->bytes_read, v->seconds);
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

static int open_key(struct verify *v)
{
    struct led_file f;
    int err = led_file_open(AT_FDCWD, v->key_file, 4096, &f);

    if (err < 0)
        return wrong("the public key %s cannot be read: %s", v->key_file, err == GW_ERR(NOENT) ? "it is not there" : gw_strerror(err));
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

static int judge(struct verify *v)
{
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
        print_json(v);
    else
        print_text(v);
    return v->findings.total ? CTL_NO : CTL_YES;
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
