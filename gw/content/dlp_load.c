/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reads rules/dlp/ *.conf. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "content.h"
#include "dlp.h"

#define ROW(key_, type_, member, ...) { .key = key_, .type = type_, .offset = offsetof(struct dlp_detector, member), __VA_ARGS__ }
static const char *validator_list[200] = { "none" };
static const char *const case_names[] = { "ignore", "exact", NULL };
static const char *const boundary_names[] = { "word", "digit", "none", NULL };
static const struct conf_row detector_rows[] = {
    ROW("@where", CONF_RAW, where),
    ROW("id", CONF_STRING, id, .required = true, .min = 1, .max = 64, .help = "the name that release rules use: when = { dlp = \"payment-card\"; }"),
    ROW("about", CONF_STRING, about, .required = true, .min = 1, .max = 400, .help = "a sentence for people"),
    ROW("patterns", CONF_STRINGS, patterns, .max = 200, .help = "regular expressions (PCRE without look-around and back-references), on the normal form"),
    ROW("characters", CONF_STRING, characters, .max = 100, .help = "a match begins where the stretch of these characters (\"a-z0-9.@\") begins; much cheaper than a pattern that begins with [a-z0-9.]+"),
    ROW("words", CONF_STRINGS, words, .max = 5000, .help = "words or phrases; blanks in them match blanks, hyphens, dots or nothing"),
    ROW("values", CONF_STRING, values, .max = 1000, .help = "a file beside this one that `lockgate values` made: secret values, as keyed hashes only"),
    ROW("fingerprints", CONF_STRING, fingerprints, .max = 1000, .help = "a file beside this one that `lockgate fingerprint` made: paragraphs of documents"),
    ROW("key", CONF_STRING, key, .max = 1000, .help = "the key of that file; better kept elsewhere (an absolute path) than beside it"),
    ROW("overlap", CONF_INT, overlap, .min = 1, .max = 100, .def = "40", .help = "how much of a paragraph has to be there, in percent of its fingerprints"),
    ROW("length", CONF_INT, length, .min = 0, .max = 100000, .def = "0", .help = "bytes that a pattern must match at least; [a-z]+ with a length is much cheaper than [a-z]{40,}"),
    ROW("groups", CONF_STRINGS, groups, .min = 0, .max = 20, .help = "how a number that its validator finds is written, \"3-3-4\", or in one piece; else it is less likely"),
    ROW("digits", CONF_INT, digits, .min = 0, .max = 1000, .def = "0", .help = "digits that a pattern must match at least; text with fewer is not even looked at"),
    ROW("case", CONF_ENUM, exact_case, .names = case_names, .def = "ignore", .help = "exact: capital letters count"),
    ROW("boundary", CONF_ENUM, boundary, .names = boundary_names, .def = "word", .help = "what may not touch a match: a letter or digit, a digit, nothing"),
    ROW("validator", CONF_ENUM, validator_index, .names = validator_list, .def = "none", .help = "a check of what the pattern matched"),
    ROW("confidence", CONF_INT, confidence, .min = 0, .max = 100, .def = "70", .help = "how sure a match is by itself"),
    ROW("with_support", CONF_INT, with_support, .min = 0, .max = 100, .def = "0", .help = "how sure with a supporting word nearby; 0: the same"),
    ROW("report", CONF_INT, report, .min = 0, .max = 100, .def = "50", .help = "matches below this are not reported"),
    ROW("support", CONF_STRINGS, support, .max = 500, .help = "words that make a match surer when they stand near it"),
    ROW("distance", CONF_INT, distance, .min = 1, .max = 100000, .def = "80", .help = "how near, in bytes of text"),
    ROW("minimum", CONF_INT, minimum, .min = 1, .max = 1000, .def = "1", .help = "fewer matches than this in one stanza are none"),
    ROW("exclude", CONF_STRINGS, exclude, .max = 1000, .help = "values that are not meant (only letters and digits are compared)"),
    ROW("exclude_patterns", CONF_STRINGS, exclude_patterns, .max = 100, .help = "a match that one of these overlaps is not meant"),
    ROW("places", CONF_STRINGS, places, .max = 20, .help = "where to look: body, subject, status...; all places when left out"),
    ROW("spaced", CONF_BOOL, spaced, .def = "false", .help = "words also with blanks or punctuation between the letters"),
    ROW("leet", CONF_BOOL, leet, .def = "false", .help = "words also with digits for letters; numbers also with letters for digits"),
    ROW("log_only", CONF_BOOL, log_only, .def = "false", .help = "true: matches are written down and decide nothing"),
    ROW("match", CONF_STRINGS, match, .max = 200, .help = "examples in which it must be found"),
    ROW("clean", CONF_STRINGS, clean, .max = 200, .help = "examples in which it must not be found"),
    { .key = NULL },
};
struct dlp_file { struct conf_list detectors; };
static const struct conf_row file_rows[] = {
    { .key = "detectors", .type = CONF_LIST, .offset = offsetof(struct dlp_file, detectors), .required = true, .min = 0, .max = DLP_DETECTORS_MAX,
        .sub = detector_rows, .sub_size = sizeof(struct dlp_detector), .help = "the detectors of this file" },
    { .key = NULL },
};

static int is_conf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static void complain(struct conf_errors *errs, const struct dlp_detector *x, const char *text)
{
    conf_error_add(errs, CONF_ERROR, x->where.file, x->where.line, "detector %s: %s", x->id ? x->id : "?", text);
}

/* Takes the names of places apart. */
static void set_places(struct dlp_detector *x, struct conf_errors *errs)
{
    const char *names[SCAN_PLACE_COUNT + 1];
    for (int i = 0; i < SCAN_PLACE_COUNT; i++)
        names[i] = scan_place_name((enum scan_place)i);
    names[SCAN_PLACE_COUNT] = NULL;
    for (size_t i = 0; i < x->places.n; i++) {
        int p = 0;
        while (p < SCAN_PLACE_COUNT && strcmp(names[p], x->places.v[i]) != 0)
            p++;
        if (p < SCAN_PLACE_COUNT) {
            x->place_bits |= 1u << p;
            continue;
        }
        const char *near = conf_nearest(x->places.v[i], names);
        conf_error_add(errs, CONF_ERROR, x->where.file, x->places.lines ? x->places.lines[i] : x->where.line,
            "detector %s: \"%s\" is no place; %s%s", x->id, x->places.v[i], near ? "did you mean " : "places are body, subject, status ...", near ? near : "");
    }
}

/* "a-z0-9." into a set, small and capital letters alike unless case counts. */
static void set_characters(struct dlp_detector *x)
{
    const unsigned char *p = (const unsigned char *)x->characters;
    while (p && *p) {
        unsigned low = *p++, high = low;
        if (p[0] == '-' && p[1]) {
            high = p[1];
            p += 2;
        }
        for (unsigned c = low; c <= high; c++) {
            bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
            x->set[c / 64] |= UINT64_C(1) << c % 64;
            if (letter && !x->exact_case)
                x->set[(c ^ 32) / 64] |= UINT64_C(1) << (c ^ 32) % 64;
        }
    }
}

/* A name in the configuration is a file in its folder, unless it begins with a slash. */
static void path_of(const char *folder, const char *name, char *ret, size_t size)
{
    snprintf(ret, size, "%s%s%s", name[0] == '/' ? "" : folder, name[0] == '/' ? "" : "/", name);
}

static void open_sealed(struct dlp_detector *x, const char *folder, struct conf_errors *errs)
{
    char path[4096], key[4096], text[9000];
    struct stat st;
    if (!x->key[0]) {
        complain(errs, x, "values and fingerprints need the key that they were made with: key = \"NAME.key\"");
        return;
    }
    path_of(folder, x->values[0] ? x->values : x->fingerprints, path, sizeof path);
    path_of(folder, x->key, key, sizeof key);
    if (stat(key, &st) == 0 && st.st_mode & S_IROTH)
        conf_error_add(errs, CONF_WARNING, x->where.file, x->where.line, "detector %s: everybody may read its key %s; values that can be guessed are then no secret", x->id, key);
    int err = sealed_load(path, key, x->values[0] ? SEALED_VALUES : SEALED_PRINTS, &x->sealed);
    if (!err)
        return;
    snprintf(text, sizeof text, err == GW_ERR(MISMATCH) ? "%s was made with another key than %s" : err == GW_ERR(SYNTAX) ?
        "%s or its key %s is damaged or of another kind; `lockgate values` and `lockgate fingerprint` make them" : err == GW_ERR(NOENT) ?
        "%s or its key %s cannot be read" : "%s with the key %s: out of memory", path, key);
    complain(errs, x, text);
}

static void check_detector(struct dlp *d, struct dlp_detector *x, const char *folder, struct conf_errors *errs)
{
    if (!x->id || !x->about)
        return; /* said already */
    x->validator = x->validator_index > 0 ? validator_get((size_t)x->validator_index - 1) : NULL;
    x->later_starts = x->validator && validator_is_strict(x->validator);
    x->has_support = x->support.n > 0;
    x->has_exclude = x->exclude_patterns.n > 0;
    if (x->with_support == 0)
        x->with_support = x->confidence;
    bool sealed = x->values[0] || x->fingerprints[0];
    if (x->patterns.n == 0 && x->words.n == 0 && !sealed && !(x->validator && x->validator->max_digits))
        complain(errs, x, "it has neither patterns, words, values nor fingerprints, and its validator finds nothing by itself");
    if (sealed && (x->patterns.n || x->words.n || x->validator || (x->values[0] && x->fingerprints[0])))
        complain(errs, x, "values or fingerprints stand alone in a detector: no patterns, words or validator beside them");
    else if (sealed)
        open_sealed(x, folder, errs);
    if ((x->patterns.n || x->words.n) && x->validator && x->validator->max_digits)
        complain(errs, x, "its validator finds numbers by itself; leave patterns and words out");
    if (x->confidence < x->report && x->with_support < x->report)
        complain(errs, x, "it can never be reported: confidence and with_support are below report");
    if (x->with_support != x->confidence && !x->has_support)
        complain(errs, x, "with_support needs words in support");
    if (x->groups.n && !(x->validator && x->validator->max_digits))
        complain(errs, x, "groups are for a validator that finds numbers by itself");
    for (size_t i = 0; i < x->groups.n; i++)
        if (!x->groups.v[i][0] || strspn(x->groups.v[i], "123456789-") != strlen(x->groups.v[i]))
            complain(errs, x, "groups are written \"3-3-4\": how many digits stand together");
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->v[i]->id, x->id) == 0)
            conf_error_add(errs, CONF_ERROR, x->where.file, x->where.line, "detector %s is also in %s line %u; give one of them another id", x->id,
                d->v[i]->where.file, d->v[i]->where.line);
    set_places(x, errs);
    set_characters(x);
}

static int add_detectors(struct dlp *d, struct dlp_file *f, const char *folder, struct conf_errors *errs)
{
    struct dlp_detector *list = f->detectors.v;
    for (size_t i = 0; i < f->detectors.n; i++) {
        if (d->n == DLP_DETECTORS_MAX) {
            complain(errs, &list[i], "too many detectors");
            return 0;
        }
        check_detector(d, &list[i], folder, errs);
        if (list[i].id && list[i].about)
            d->v[d->n++] = &list[i];
    }
    return 0;
}

static int read_files(struct dlp *d, const char *folder, struct conf_errors *errs)
{
    struct dirent **names = NULL;
    char path[4096];
    int n = scandir(folder, &names, is_conf, alphasort), err = 0;
    for (int i = 0; i < n; i++) {
        struct dlp_file *f = arena_alloc(&d->arena, sizeof *f);
        if (!f)
            err = GW_ERR(NOMEM);
        if (!err) {
            memset(f, 0, sizeof *f);
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            int e = conf_read(path, file_rows, f, &d->arena, errs, NULL);
            if (e == GW_ERR(NOMEM))
                err = e;
            else if (!e)
                err = add_detectors(d, f, folder, errs);
        }
        free(names[i]);
    }
    free(names);
    return err;
}

/* Up to 4 characters stand between two digits: (12 - 1) * 5 + 1 bytes fit into the window. */
#define LEAST_DIGITS_MAX 12u

static int sort_detectors(struct dlp *d)
{
    d->digit_detectors = arena_alloc(&d->arena, (d->n + 1) * sizeof *d->digit_detectors);
    d->sealed_detectors = arena_alloc(&d->arena, (d->n + 1) * sizeof *d->sealed_detectors);
    d->digit_counts = arena_alloc(&d->arena, (d->n + 1) * sizeof *d->digit_counts);
    if (!d->digit_detectors || !d->sealed_detectors || !d->digit_counts)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < d->n; i++) {
        const struct dlp_detector *x = d->v[i];
        if (x->sealed)
            d->sealed_detectors[d->n_sealed++] = (uint32_t)i;
        if (!x->validator || !x->validator->max_digits)
            continue;
        d->digit_detectors[d->n_digit_detectors++] = (uint32_t)i;
        for (unsigned k = x->validator->min_digits; k <= x->validator->max_digits && k < 64; k++)
            d->digit_counts[d->n_digit_detectors - 1] |= UINT64_C(1) << k;
        if (x->validator->max_digits > 63)
            d->digit_counts[d->n_digit_detectors - 1] |= UINT64_C(1) << 63;
        d->any_leet_digits |= x->leet;
        unsigned least = x->validator->min_digits;
        least = least > LEAST_DIGITS_MAX ? LEAST_DIGITS_MAX : least;
        d->least_digits = d->n_digit_detectors == 1 || least < d->least_digits ? least : d->least_digits;
    }
    return 0;
}

int dlp_load(struct dlp *d, const char *folder, const char *cache, struct fold *fold, struct conf_errors *errs)
{
    size_t before = errs->n_errors;
    *d = (struct dlp){ .fold = fold };
    for (size_t i = 0; i < FACTOR_READINGS; i++)
        pieces_init(&d->keys[i]);
    arena_init(&d->arena, 64u << 20);
    mapped_init(&d->letters_view);
    mapped_init(&d->digits_view);
    mapped_init(&d->words_view);
    buf_init(&d->shapes, JOIN_MAX * 2u);
    compact_init(&d->compact);
    hits_init(&d->found);
    for (size_t i = 0; validator_get(i) && i + 2 < sizeof validator_list / sizeof *validator_list; i++)
        validator_list[i + 1] = validator_get(i)->name;
    d->v = arena_alloc(&d->arena, DLP_DETECTORS_MAX * sizeof *d->v);
    if (!d->v)
        return GW_ERR(NOMEM);
    int err = read_files(d, folder, errs);
    if (!err)
        err = sort_detectors(d);
    if (!err)
        err = dlp_compile(d, cache, errs);
    if (!err && errs->n_errors > before)
        err = GW_ERR(CONF);
    return err;
}

static void db_clear(struct dlp_db *b)
{
    for (size_t i = 0; i < b->n_db; i++)
        hs_free_database(b->db[i]);
    free(b->db);
    free(b->v);
}

void dlp_clear(struct dlp *d)
{
    struct dlp_db *all[] = DLP_ALL(d);
    for (size_t k = 0; k < DLP_DATABASES; k++)
        db_clear(all[k]);
    hs_free_scratch(d->scratch);
    hits_clear(&d->found);
    free(d->near_v);
    free(d->matches);
    free(d->grams);
    free(d->prints);
    for (size_t k = 0; k < d->n; k++)
        sealed_free(d->v[k]->sealed);
    for (size_t i = 0; i < FACTOR_READINGS; i++)
        pieces_clear(&d->keys[i]);
    if (d->fold) {
        mapped_clear(&d->letters_view);
        mapped_clear(&d->digits_view);
        mapped_clear(&d->words_view);
        buf_clear(&d->shapes);
        compact_clear(&d->compact);
        arena_clear(&d->arena);
    }
    *d = (struct dlp){ 0 };
}

void content_describe(FILE *to)
{
    conf_describe(file_rows, to);
}
