/* SPDX-License-Identifier: GPL-3.0-or-later
 * Compiles the YARA files of a folder and names every mistake of every file with its line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "yara_set.h"

/* One folder being compiled. A compiler that saw an error takes no further file, so the next one gets a fresh compiler: the
 * rules are then lost, but the mistakes of all files are found. */
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

/* Includes: plain paths below the folder of the set. The compiler names a NULL as "can't open include file". */
static const char *on_include(const char *name, const char *from_file, const char *ns, void *user)
{
    struct loading *l = user;
    char path[4096];
    struct buf b;
    FILE *f;
    (void)from_file;
    (void)ns;
    if (name[0] == '/' || strstr(name, "..") || (size_t)snprintf(path, sizeof path, "%s/%s", l->folder, name) >= sizeof path)
        return NULL;
    if (!(f = fopen(path, "re")))
        return NULL;
    buf_init(&b, 64u << 20);
    bool good = true;
    for (size_t got = 1; good && got > 0;) {
        unsigned char *room = buf_room(&b, 65536);
        good = room != NULL;
        got = good ? fread(room, 1, 65536, f) : 0;
        buf_added(&b, got);
    }
    good = good && !ferror(f) && buf_put(&b, "", 1) == 0;
    fclose(f);
    char *text = good ? strdup((const char *)buf_data(&b)) : NULL;
    buf_clear(&b);
    return text;
}

static void on_include_free(const char *text, void *user)
{
    (void)user;
    free((void *)(uintptr_t)text);
}

static int new_compiler(struct loading *l)
{
    int err = 0;
    if (yr_compiler_create(&l->compiler) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    yr_compiler_set_callback(l->compiler, on_message, l);
    yr_compiler_set_include_callback(l->compiler, on_include, on_include_free, l);
#define X(name) err = err ? err : yr_compiler_define_string_variable(l->compiler, #name, "");
    YARA_FACTS(X)
#undef X
    return err ? GW_ERR(NOMEM) : 0;
}

/* Modules that read other files while they scan cannot work behind the sandbox. */
static void refuse_modules(struct loading *l, const char *path, FILE *f)
{
    static const char *const refused[] = { "magic", "cuckoo" };
    char line[1024], name[64];
    for (unsigned n = 1; fgets(line, sizeof line, f); n++)
        if (sscanf(line, " import \"%63[^\"]\"", name) == 1)
            for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                if (strcmp(name, refused[i]) == 0) {
                    conf_error_add(l->errs, CONF_ERROR, path, n, "module \"%s\" reads files while it scans, which the scanner's sandbox "
                        "forbids; use pe, elf, dotnet, hash, math, string or time", name);
                    l->broken = true;
                }
    rewind(f);
}

static int add_file(struct loading *l, const char *name)
{
    char path[4096];
    int err = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", l->folder, name) >= sizeof path)
        return GW_ERR(LIMIT);
    FILE *f = fopen(path, "re");
    if (!f) {
        conf_error_add(l->errs, CONF_ERROR, path, 0, "cannot be read");
        l->broken = true;
        return 0;
    }
    refuse_modules(l, path, f);
    if (yr_compiler_add_file(l->compiler, f, name, path) != 0) {
        l->broken = true;
        yr_compiler_destroy(l->compiler);
        l->compiler = NULL;
        err = new_compiler(l);
    }
    fclose(f);
    return err;
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
    yr_rules_foreach(s->rules, a)
        for (b = s->rules->rules_table; b != a; b++)
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

static int finish(struct yara_set *s, struct loading *l)
{
    static const uint8_t sample[] = "sample";
    if (yr_compiler_get_rules(l->compiler, &s->rules) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    YR_RULE *r;
    yr_rules_foreach(s->rules, r) s->n_rules += !RULE_IS_PRIVATE(r);
    refuse_doubles(s, l);
    if (l->broken)
        return GW_ERR(CONF);
    if (yr_scanner_create(s->rules, &s->scanner) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    yr_scanner_set_callback(s->scanner, nothing, NULL);
    yr_scanner_set_flags(s->scanner, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    return yr_scanner_scan_mem(s->scanner, sample, sizeof sample) == ERROR_SUCCESS ? 0 : GW_ERR(UNKNOWN);
}

int yara_load(struct yara_set *s, const char *folder, bool for_files, struct conf_errors *errs)
{
    struct loading l = { .folder = folder, .errs = errs };
    struct dirent **names = NULL;
    *s = (struct yara_set){ .for_files = for_files };
    for (size_t i = 0; i < YARA_FACT_COUNT; i++)
        buf_init(&s->fact[i], 1u << 20);
    int n = scandir(folder, &names, is_rule_file, alphasort);
    if (n <= 0) {
        free(names);
        return 0;
    }
    int err = new_compiler(&l);
    for (int i = 0; i < n; i++) {
        if (!err)
            err = add_file(&l, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    if (!err)
        err = l.broken ? GW_ERR(CONF) : finish(s, &l);
    if (l.compiler)
        yr_compiler_destroy(l.compiler);
    if (err)
        yara_clear(s);
    return err;
}

void yara_clear(struct yara_set *s)
{
    if (s->scanner)
        yr_scanner_destroy(s->scanner);
    if (s->rules)
        yr_rules_destroy(s->rules);
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
    if (s->rules)
        yr_rules_foreach(s->rules, r)
            if (!RULE_IS_PRIVATE(r) && i-- == 0)
                return r;
    return NULL;
}
