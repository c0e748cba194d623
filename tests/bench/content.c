// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What looking at one clean stanza of 400 bytes costs, by stage and by number of rules: microseconds of this process's own time, best of
 * several rounds, and as a ratio to SHA-256 over the same bytes, which travels better between machines.
 * usage: content [STAGE [ROUNDS]]   (one stage alone, for callgrind; from the top of the tree) */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../gw/content/impl.h"

static const char ascii[] = "Are we still on for 14:30 tomorrow? I put the draft into the shared folder, see section 2.3 and the figure on page 17. Anna said "
    "that the meeting room on the second floor is taken until three, so let us meet downstairs near the coffee machine instead. Could you bring the two "
    "printed copies and the projector cable? Thanks a lot, and say hello to the others from me. See you there! Best regards, Tom Miller ok";
static const char accents[] = "R\xc3\xa9union demain \xc3\xa0 14h30, j'ai mis le brouillon dans le dossier partag\xc3\xa9, voir la section 2.3 et la figure de la page 17. "
    "Anna a dit que la salle du deuxi\xc3\xa8me \xc3\xa9tage est prise jusqu'\xc3\xa0 trois heures, retrouvons-nous en bas pr\xc3\xa8s de la machine \xc3\xa0 caf\xc3\xa9. "
    "Pourrais-tu apporter les deux copies imprim\xc3\xa9" "es et le c\xc3\xa2" "ble du projecteur ? Merci beaucoup, et dis bonjour aux autres de ma part. \xc3\x80 demain !";
/* What programs put into texts: names of things in hexadecimal, with and without the hyphens of RFC 9562. */
static const char uuid[] = "Are we still on for 14:30 tomorrow? I put the draft into the shared folder, it is number 8f14e45f-ceea-467a-9575-6a2b0c8d71e3 there, see section "
    "2.3 and the figure on page 17. Anna said that the meeting room on the second floor is taken until three, so let us meet downstairs near the coffee machine instead. "
    "Could you bring the two printed copies and the projector cable? Thanks a lot, and say hello to the others from me. See you there!";
static const char hex[] = "The build is through, its hash is e0ffe42b28561960c6b12b944a092794b9683a38 and the package's 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, "
    "please compare them with what stands on the page before you install it. Anna said that the meeting room on the second floor is taken until three, so let us meet "
    "downstairs near the coffee machine instead. See you there! Best regards, Tom";
/* What the load generator sends (s2sload). */
static const char load_text[] = "m123456 L stream 3 message 123456 due 27345.123456 text lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem "
    "ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem "
    "ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet";
static double base_us;
static const char *only;
static unsigned rounds = 40;

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct stage { const char *name; void (*run)(void *arg); void *arg; };

static double measure(const struct stage *s)
{
    double best = 1e9;
    for (unsigned k = 0; k < rounds; k++) {
        double t = cpu();
        for (int i = 0; i < 200; i++)
            s->run(s->arg);
        t = (cpu() - t) / 200 * 1e6;
        best = t < best ? t : best;
    }
    return best;
}

static void line(const char *name, void (*run)(void *arg), void *arg)
{
    struct stage s = { name, run, arg };
    if (only && strcmp(only, name) != 0)
        return;
    double us = measure(&s);
    if (base_us == 0)
        base_us = us;
    printf("  %-44s %9.2f us  %7.1f\n", name, us, us / base_us);
}

/* ---- stages ---- */

static void run_sha256(void *arg)
{
    unsigned char out[32];
    (void)EVP_Digest(arg, strlen(arg), out, NULL, EVP_sha256(), NULL);
}

struct job { struct content *c; struct fold *f; struct mapped out; struct opened_list *list; struct measure m; struct joined j; struct arena a; const char *text; };

static void run_join(void *arg)
{
    struct job *x = arg;
    struct scan_segment s = { .group = 1, .attr = UINT32_MAX, .text = str_c(x->text) };
    struct scan_request r = { .segments = &s, .n_segments = 1 };
    if (joined_make(&x->j, &r))
        exit(1);
}
static void run_fold(void *arg)
{
    struct job *x = arg;
    struct view v = { .text = str_c(x->text) };
    if (fold_text(x->f, &v, &x->out, NULL))
        exit(1);
}
static void run_open(void *arg)
{
    struct job *x = arg;
    struct view v = { .text = str_c(x->text) };
    bool any;
    x->m = measure_text(v.text, NULL);
    if (open_escapes(&v, &x->out, &any) || open_tokens(&v, &x->m, &x->out, x->list))
        exit(1);
}
static void run_scan(void *arg)
{
    struct job *x = arg;
    struct scan_segment s = { .group = 1, .attr = UINT32_MAX, .text = str_c(x->text) };
    struct scan_request r = { .segments = &s, .n_segments = 1, .facts = { .direction = STR("high-to-low"), .kind = STR("message"), .from = STR("a@b.example") } };
    struct scan_result result;
    arena_reset(&x->a);
    if (content_scan(x->c, &r, &x->a, &result) || result.status != SCAN_DONE || result.n_matches)
        exit(1);
}

/* ---- rule sets made on the spot ---- */

static struct content *load(const char *dir)
{
    struct content *c = NULL;
    struct conf_errors e;
    conf_errors_init(&e);
    if (content_load(dir, &c, &e)) {
        conf_errors_print(&e, stderr);
        exit(1);
    }
    conf_errors_clear(&e);
    return c;
}

static struct content *made(unsigned yara, unsigned dlp)
{
    char dir[200], path[300];
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/lg-bench-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        exit(1);
    snprintf(path, sizeof path, "%s/yara", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/yara/a.yar", dir);
    FILE *f = fopen(path, "w");
    for (unsigned i = 0; f && i < yara; i++) {
        unsigned h = i * 2654435761u;
        fprintf(f, "rule r%u { strings: $a = \"marker-%08x\" nocase $b = \"%08x-payload\" $c = /call_%04x\\([a-z]{2,20}\\)/ condition: any of them }\n", i, h,
            h * 40503u, h >> 16);
    }
    if (!f || fclose(f))
        exit(1);
    snprintf(path, sizeof path, "%s/dlp", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/dlp/a.conf", dir);
    f = fopen(path, "w");
    if (!f)
        exit(1);
    fputs("detectors = (\n", f);
    for (unsigned i = 0; i < dlp; i++)
        fprintf(f, "%s{ id = \"d%u\"; about = \"x\"; patterns = [ \"%c%c%u[_-][a-z0-9]+[0-9]\" ]; length = 20; validator = \"token\"; }\n", i ? "," : "", i, 'a' + (int)(i % 26),
            'a' + (int)(i / 26 % 26), i);
    fputs(");\n", f);
    fclose(f);
    struct content *c = load(dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/yara/a.yar", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/yara", dir);
    rmdir(path);
    snprintf(path, sizeof path, "%s/dlp", dir);
    rmdir(path);
    rmdir(dir);
    return c;
}

/* bare: every rule is scanned, as libyara does by itself. */
static void with_rules(unsigned yara, unsigned dlp, bool bare, struct job *x)
{
    char name[64];
    snprintf(name, sizeof name, "whole scan, %u YARA rules, %u detectors%s", yara, dlp, bare ? ", no gate" : "");
    if (only && strcmp(only, name) != 0)
        return;
    x->c = made(yara, dlp);
    if (bare)
        x->c->stanza.gate.on = false;
    else if (yara && !x->c->stanza.gate.on)
        exit(1);
    line(name, run_scan, x);
    content_free(x->c);
}

/* Exact values, as keyed hashes: a list of people with a number each. */
static void with_values(unsigned n, struct job *x)
{
    char dir[200], list[300], key[300], out[300], sub[300], name[64];
    const char *tmp = getenv("TMPDIR"), *files[] = { list };
    struct content_made made;
    struct conf_errors e;
    snprintf(name, sizeof name, "whole scan, one list of %u secret values", n);
    if (only && strcmp(only, name) != 0)
        return;
    snprintf(dir, sizeof dir, "%s/lg-bench-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        exit(1);
    snprintf(sub, sizeof sub, "%s/dlp", dir);
    mkdir(sub, 0700);
    snprintf(list, sizeof list, "%s/list", dir);
    snprintf(key, sizeof key, "%s/dlp/a.key", dir);
    snprintf(out, sizeof out, "%s/dlp/a.values", dir);
    FILE *f = fopen(list, "w");
    for (unsigned i = 0; f && i < n; i++)
        fprintf(f, "%c%x Surname%u\n", 'A' + (int)(i % 26), i * 2654435761u, i);
    if (!f || fclose(f))
        exit(1);
    conf_errors_init(&e);
    if (content_make_values(key, out, files, 1, &made, &e) || made.entries != n)
        exit(1);
    conf_errors_clear(&e);
    snprintf(list, sizeof list, "%s/dlp/a.conf", dir);
    f = fopen(list, "w");
    if (!f || fputs("detectors = ( { id = \"v\"; about = \"x\"; values = \"a.values\"; key = \"a.key\"; } );\n", f) < 0 || fclose(f))
        exit(1);
    x->c = load(dir);
    line(name, run_scan, x);
    content_free(x->c);
    unlink(list);
    unlink(key);
    unlink(out);
    snprintf(list, sizeof list, "%s/list", dir);
    unlink(list);
    rmdir(sub);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    struct job x = { .f = fold_new(), .list = calloc(1, sizeof *x.list), .text = ascii };
    only = argc > 1 ? argv[1] : NULL;
    rounds = argc > 2 ? (unsigned)atoi(argv[2]) : rounds;
    mapped_init(&x.out);
    joined_init(&x.j);
    arena_init(&x.a, 1u << 20);
    if (!x.f || !x.list)
        return 1;
    buf_init(&x.list->bytes, 1u << 20);
    printf("one clean stanza of %zu bytes                          time    / SHA-256 of it\n", strlen(ascii));
    line("SHA-256", run_sha256, (void *)(uintptr_t)ascii);
    line("join, check UTF-8", run_join, &x);
    line("look for encodings", run_open, &x);
    x.text = accents;
    line("normal form, French", run_fold, &x);
    x.text = ascii;
    static const unsigned counts[][2] = { { 0, 0 }, { 0, 6 }, { 0, 50 }, { 0, 200 }, { 10, 0 }, { 100, 0 }, { 1000, 0 }, { 10000, 0 } };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        with_rules(counts[i][0], counts[i][1], false, &x);
    static const unsigned all_rules[] = { 10, 100, 1000, 10000 };
    for (size_t i = 0; i < 4; i++)
        with_rules(all_rules[i], 0, true, &x);
    with_values(1000, &x);
    with_values(1000000, &x);
    x.c = load("rules");
    line("whole scan, rules/ as shipped", run_scan, &x);
    x.text = accents;
    line("whole scan, rules/ as shipped, French", run_scan, &x);
    x.text = uuid;
    line("whole scan, rules/ as shipped, with a UUID", run_scan, &x);
    x.text = hex;
    line("whole scan, rules/ as shipped, with hashes", run_scan, &x);
    x.text = load_text;
    line("whole scan, rules/ as shipped, the load's", run_scan, &x);
    content_free(x.c);
    mapped_clear(&x.out);
    joined_clear(&x.j);
    fold_free(x.f);
    free(x.list);
    arena_clear(&x.a);
    return 0;
}
