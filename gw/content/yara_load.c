/* SPDX-License-Identifier: GPL-3.0-or-later
 * Compiles the YARA files of a folder and names every mistake of every file with its line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "yara_set.h"

/* One folder being compiled. A compiler that saw an error takes no further file, so the next one gets a fresh compiler: the
 * rules are then lost, but the mistakes of all files are found. */
#define YARA_FILE_MAX (64u << 20)
struct loading {
    const char *folder;
    struct conf_errors *errs;
    YR_COMPILER *compiler;
    bool broken;
};

static void on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
    struct loading *l = user;
    bool warning = level == YARA_ERROR_LEVEL_WARNING;
    conf_error_add(l->errs, warning ? CONF_WARNING : CONF_ERROR, file, line > 0 ? (unsigned)line : 0, "%s%s%s%s", rule ? "rule " : "",
        rule && rule->identifier ? rule->identifier : "", rule ? ": " : "", message);
}

/* The whole file, with a NUL behind it. */
static bool read_text(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "re");
    bool good = f != NULL;
    for (size_t got = 1; good && got > 0;) {
        unsigned char *room = buf_room(b, 65536);
        good = room != NULL;
        got = good ? fread(room, 1, 65536, f) : 0;
        buf_added(b, got);
    }
    good = good && !ferror(f) && buf_put(b, "", 1) == 0;
    if (f)
        fclose(f);
    return good;
}

/* Includes: plain paths below the folder of the set. The compiler names a NULL as "can't open include file". */
static const char *on_include(const char *name, const char *from_file, const char *ns, void *user)
{
    const char *folder = user;
    char path[4096];
    struct buf b;
    (void)from_file;
    (void)ns;
    if (name[0] == '/' || strstr(name, "..") || (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return NULL;
    buf_init(&b, YARA_FILE_MAX);
    char *text = read_text(path, &b) ? strdup((const char *)buf_data(&b)) : NULL;
    buf_clear(&b);
    return text;
}

static void on_include_free(const char *text, void *user)
{
    (void)user;
    free((void *)(uintptr_t)text);
}

int yara_compiler_new(const char *folder, YR_COMPILER **ret)
{
    int err = 0;
    if (yr_compiler_create(ret) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
#define X(name) err = err ? err : yr_compiler_define_string_variable(*ret, #name, "");
    YARA_FACTS(X)
#undef X
    yr_compiler_set_include_callback(*ret, on_include, on_include_free, (void *)(uintptr_t)folder);
    if (err)
        yr_compiler_destroy(*ret);
    return err ? GW_ERR(NOMEM) : 0;
}

static int new_compiler(struct loading *l)
{
    int err = yara_compiler_new(l->folder, &l->compiler);
    if (err) {
        l->compiler = NULL;
        return err;
    }
    yr_compiler_set_callback(l->compiler, on_message, l);
    return 0;
}

/* Modules that read other files while they scan cannot work behind the sandbox. */
static void refuse_modules(struct loading *l, const char *path, const char *text)
{
    static const char *const refused[] = { "magic", "cuckoo" };
    char name[64];
    unsigned n = 1;
    for (const char *line = text; line; n++) {
        if (sscanf(line, " import \"%63[^\"]\"", name) == 1)
            for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                if (strcmp(name, refused[i]) == 0) {
                    conf_error_add(l->errs, CONF_ERROR, path, n, "module \"%s\" reads files while it scans, which the scanner's sandbox "
                        "forbids; use pe, elf, dotnet, hash, math, string or time", name);
                    l->broken = true;
                }
        line = strchr(line, '\n');
        if (line)
            line++;
    }
}

/* libyara wants a FILE to name the file in its messages. */
static int compile_text(struct loading *l, const char *path, struct yara_source *s)
{
    size_t n = buf_size(&s->text) - 1;
    FILE *f = n ? fmemopen(s->text.p + s->text.off, n, "r") : fopen("/dev/null", "re");
    if (!f)
        return GW_ERR(NOMEM);
    int err = 0;
    if (yr_compiler_add_file(l->compiler, f, s->name, path) != 0) {
        l->broken = true;
        yr_compiler_destroy(l->compiler);
        l->compiler = NULL;
        err = new_compiler(l);
    }
    fclose(f);
    return err;
}

static int add_file(struct loading *l, struct yara_source *s)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", l->folder, s->name) >= sizeof path)
        return GW_ERR(LIMIT);
    if (!read_text(path, &s->text)) {
        conf_error_add(l->errs, CONF_ERROR, path, 0, "cannot be read");
        l->broken = true;
        return 0;
    }
    refuse_modules(l, path, (const char *)buf_data(&s->text));
    return compile_text(l, path, s);
}

static int is_rule_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && ((n > 4 && strcmp(e->d_name + n - 4, ".yar") == 0) || (n > 5 && strcmp(e->d_name + n - 5, ".yara") == 0));
}

/* Each file is a namespace of its own; the guard knows rules by their name alone. */
static void refuse_doubles(struct yara_set *s, struct loading *l)
{
    YR_RULE *a, *b;
    char path[4096];
    yr_rules_foreach(s->all.rules, a)
        for (b = s->all.rules->rules_table; b != a; b++)
            if (strcmp(a->identifier, b->identifier) == 0) {
                snprintf(path, sizeof path, "%s/%s", l->folder, a->ns->name);
                conf_error_add(l->errs, CONF_ERROR, path, 0, "rule %s is also in %s; give one of them another name", a->identifier, b->ns->name);
                l->broken = true;
                break;
            }
}

/* Scans nothing once, so that whatever is made at the first scan is made before the sandbox closes. */
static int nothing(YR_SCAN_CONTEXT *c, int message, void *data, void *user)
{
    (void)c;
    (void)message;
    (void)data;
    (void)user;
    return CALLBACK_CONTINUE;
}

int yara_part_open(struct yara_part *p)
{
    static const uint8_t sample[] = "sample";
    if (yr_scanner_create(p->rules, &p->scanner) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    yr_scanner_set_callback(p->scanner, nothing, NULL);
    yr_scanner_set_flags(p->scanner, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    return yr_scanner_scan_mem(p->scanner, sample, sizeof sample) == ERROR_SUCCESS ? 0 : GW_ERR(UNKNOWN);
}

void yara_part_close(struct yara_part *p)
{
    if (p->scanner)
        yr_scanner_destroy(p->scanner);
    if (p->rules)
        yr_rules_destroy(p->rules);
    *p = (struct yara_part){ 0 };
}

static int finish(struct yara_set *s, struct loading *l)
{
    if (yr_compiler_get_rules(l->compiler, &s->all.rules) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    YR_RULE *r;
    yr_rules_foreach(s->all.rules, r) s->n_rules += !RULE_IS_PRIVATE(r);
    refuse_doubles(s, l);
    yara_meta_check(s, l->folder, l->errs);
    return l->broken ? GW_ERR(CONF) : yara_part_open(&s->all);
}

static int load_sources(struct yara_set *s, struct loading *l, struct yara_source *sources, size_t n)
{
    struct arena a;
    int err = new_compiler(l);
    for (size_t i = 0; i < n && !err; i++)
        err = add_file(l, &sources[i]);
    if (!err)
        err = l->broken ? GW_ERR(CONF) : finish(s, l);
    if (err)
        return err;
    arena_init(&a, 1u << 30);
    err = yara_gate_make(s, l->folder, sources, n, &a);
    arena_clear(&a);
    return err;
}

int yara_load(struct yara_set *s, const char *folder, bool for_files, struct conf_errors *errs)
{
    struct loading l = { .folder = folder, .errs = errs };
    struct dirent **names = NULL;
    *s = (struct yara_set){ .for_files = for_files };
    for (size_t i = 0; i < YARA_FACT_COUNT; i++)
        buf_init(&s->fact[i], 1u << 20);
    atoms_init(&s->gate.atoms);
    int n = scandir(folder, &names, is_rule_file, alphasort);
    if (n <= 0) {
        free(names);
        return 0;
    }
    struct yara_source *sources = calloc((size_t)n, sizeof *sources);
    for (int i = 0; i < n && sources; i++) {
        sources[i].name = names[i]->d_name;
        buf_init(&sources[i].text, YARA_FILE_MAX);
    }
    int err = sources ? load_sources(s, &l, sources, (size_t)n) : GW_ERR(NOMEM);
    for (int i = 0; i < n; i++) {
        if (sources)
            buf_clear(&sources[i].text);
        free(names[i]);
    }
    free(sources);
    free(names);
    if (l.compiler)
        yr_compiler_destroy(l.compiler);
    if (err)
        yara_clear(s);
    return err;
}

void yara_clear(struct yara_set *s)
{
    yara_part_close(&s->all);
    yara_gate_clear(&s->gate);
    for (size_t i = 0; i < YARA_FACT_COUNT; i++)
        buf_clear(&s->fact[i]);
    *s = (struct yara_set){ 0 };
}

int yara_start(void)
{
    if (yr_initialize() != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    /* nobody reads it; and libyara puts it between its match records, which then stand at odd addresses */
    yr_set_configuration_uint32(YR_CONFIG_MAX_MATCH_DATA, 0);
    return 0;
}

void yara_end(void)
{
    yr_finalize();
}

const YR_RULE *yara_rule(const struct yara_set *s, size_t i)
{
    YR_RULE *r;
    if (s->all.rules)
        yr_rules_foreach(s->all.rules, r)
            if (!RULE_IS_PRIVATE(r) && i-- == 0)
                return r;
    return NULL;
}
