// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Exact data match and document fingerprints: made from lists and documents, found again in what was written otherwise, not found in what
 * is something else; wrong keys, damaged files. */
#include "content_help.h"

#include "../../gw/content/impl.h"

static const char VALUES[] = "# people\nAnna Lindqvist\nZebrafink\n  4711-0815-22 \nOperation Morgenrot\nJos\xc3\xa9 Mu\xc3\xb1oz\nnotable\n"
    "\xe9\x9d\x92\xe6\x9c\x88\xe8\xa8\x88\xe7\x94\xbb\nKD/77-91 B\nab\n";

static const struct { const char *name, *text, *expect; } values[] = {
    { "as it stands", "I met Anna Lindqvist today", "secret@0:6+14" }, { "case", "ANNA LINDQVIST", "secret@0:0+14" }, { "line break", "Anna\nLindqvist", "secret@0:0+14" },
    { "punctuation", "anna.lindqvist@x", "secret@0:0+14" }, { "glued", "AnnaLindqvist", "secret@0:0+13" }, { "one word", "a zebrafink sang", "secret@0:2+9" },
    { "spaced out", "Z e b r a f i n k", "secret@0:0+17" }, { "number", "no. 4711 0815 22", "secret@0:4+12" }, { "number, glued", "4711081522", "secret@0:0+10" },
    { "number, other groups", "47-11-08-15-22", "secret@0:0+14" }, { "zero-width", "Zebra\xe2\x80\x8b" "fink", "secret@0:0+12 invisible@0:5+3" },
    { "full-width", "\xef\xbc\xba\xef\xbd\x85\xef\xbd\x82\xef\xbd\x92\xef\xbd\x81\xef\xbd\x86\xef\xbd\x89\xef\xbd\x8e\xef\xbd\x8b", "secret@0:0+27" },
    { "Cyrillic look-alikes", "Zebr\xd0\xb0" "fink", "secret@0:0+10" }, { "without accents", "Jose Munoz", "secret@0:0+10" }, { "with accents", "jos\xc3\xa9 mu\xc3\xb1oz.", "secret@0:0+12" },
    { "base64", "see WmVicmFmaW5r now", "secret@0:4+12" }, { "percent", "Zebra%66ink", "secret@0:0+11" }, { "entities", "Zebra&#102;ink", "secret@0:0+14" },
    { "over elements", "Anna Lind|*qvist", "secret@0:0+9 secret@1:0+5" }, { "no blanks in this script", "\xe3\x81\x93\xe3\x81\xae\xe9\x9d\x92\xe6\x9c\x88\xe8\xa8\x88\xe7\x94\xbb\xe3\x81\xaf", "secret@0:6+12" },
    { "letters and digits", "kd77 91b", "secret@0:0+8" }, { "two", "Zebrafink, zebrafink", "secret@0:0+9 secret@0:11+9" },
    { "nothing", "nothing here is meant", "" }, { "half of it", "Anna was here", "" }, { "another word", "Zebrafinks", "" }, { "other words, same letters", "no table is free", "" },
    { "the word itself", "a notable thing", "secret@0:2+7" }, { "in another number", "14711081522", "" }, { "over two places", "Anna|Lindqvist", "" },
    { "too short to be listed", "ab", "" }, { "order", "Lindqvist Anna", "" },
};

static const char DOCUMENT[] =
    "The northern depot will be emptied in the second week of March. Forty containers go by rail to the coast, and the rest follows on the road in "
    "convoys of six lorries, two days apart, so that the bridge at the old mill carries no more than one of them at a time.\n"
    "\n"
    "Nobody outside the planning staff is told before the first train has left. The harbour master keeps berth nine free under the name of a dredging "
    "company, and the customs office has been asked not to open the containers with green seals.\n\nShort line.\n";
static const char UNRELATED[] =
    "The museum will be closed in the second week of March. Forty paintings go to the restorers in the capital, and the rest is stored in the cellar "
    "until the new heating works, so that the rooms on the first floor can be painted one after the other. Visitors are asked to use the side door.";

static char *rules_with(const char *conf)
{
    char *dir = scratch_rules();
    scratch_put(dir, "dlp/sealed.conf", conf);
    return dir;
}

static int make(const char *dir, bool is_values, const char *out, const char *text, struct content_made *made)
{
    char key[300], to[300], from[300];
    const char *files[] = { from };
    struct conf_errors errs;
    conf_errors_init(&errs);
    snprintf(key, sizeof key, "%s/dlp/list.key", dir);
    snprintf(to, sizeof to, "%s/dlp/%s", dir, out);
    snprintf(from, sizeof from, "%s/plain.txt", dir);
    scratch_put(dir, "plain.txt", text);
    int err = is_values ? content_make_values(key, to, files, 1, made, &errs) : content_make_fingerprints(key, to, files, 1, made, &errs);
    conf_errors_clear(&errs);
    unlink(from);
    return err;
}

static struct content *load(const char *dir, const char *want)
{
    struct content *c = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    int err = content_load(dir, &c, &errs);
    if (want) {
        bool found = false;
        for (size_t i = 0; i < errs.n; i++)
            found |= strstr(errs.v[i].text, want) != NULL;
        if (!ok(err == GW_ERR(CONF) && found, "refused: %s", want))
            conf_errors_print(&errs, stdout);
    } else if (err) {
        conf_errors_print(&errs, stdout);
    }
    conf_errors_clear(&errs);
    return c;
}

#define SECRET "detectors = ( { id = \"secret\"; about = \"x\"; values = \"names.values\"; key = \"list.key\"; } );\n"
#define PLANS "detectors = ( { id = \"plans\"; about = \"x\"; fingerprints = \"plans.prints\"; key = \"list.key\"; overlap = 40; } );\n"

static bool file_has(const char *dir, const char *name, const char *text)
{
    char path[400];
    struct buf b;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    buf_init(&b, 1u << 20);
    for (size_t got = 1; f && got;) {
        unsigned char *room = buf_room(&b, 4096);
        got = room ? fread(room, 1, 4096, f) : 0;
        buf_added(&b, got);
    }
    bool found = f && memmem(buf_data(&b), buf_size(&b), text, strlen(text));
    if (f)
        fclose(f);
    buf_clear(&b);
    return found;
}

static void exact_values(void)
{
    struct content_made made;
    struct scan_segment seg[8];
    struct scan_result result;
    struct arena a;
    char store[512];
    char *dir = rules_with(SECRET);
    arena_init(&a, 1u << 20);
    ok(make(dir, true, "names.values", VALUES, &made) == 0 && made.entries == 8 && made.left_out == 1, "eight values, one too short");
    ok(!file_has(dir, "dlp/names.values", "ebrafink") && file_has(dir, "dlp/names.values", SEALED_MAGIC), "no plain text in the file");
    struct content *c = load(dir, NULL);
    for (size_t i = 0; c && i < sizeof values / sizeof *values; i++) {
        struct scan_request r = request_of(values[i].text, seg, 8, store, sizeof store);
        arena_reset(&a);
        bool done = content_scan(c, &r, &a, &result) == 0;
        if (!ok(done && strcmp(result_text(&result), values[i].expect) == 0, "value: %s", values[i].name))
            diag("got '%s', expected '%s'", result_text(&result), values[i].expect);
    }
    ok(c != NULL, "loaded");
    content_free(c);
    scratch_remove(dir);
    arena_clear(&a);
}

/* ---- fingerprints ---- */

struct altered { const char *name; bool found; char text[2000]; };
static void paragraph(char *out, size_t n, size_t from, size_t len)
{
    snprintf(out, n, "%.*s", (int)len, DOCUMENT + from);
}

static size_t make_altered(struct altered *v)
{
    size_t n = 0, first = (size_t)(strstr(DOCUMENT, "\n\n") - DOCUMENT), k;
    const char *p;
    paragraph(v[n].text, sizeof v->text, 0, first), v[n].name = "as it stands", v[n++].found = true;
    for (p = DOCUMENT, k = 0; p < DOCUMENT + first; p++)
        if (*p != ' ')
            v[n].text[k++] = *p;
    v[n].name = "without blanks", v[n++].found = true;
    for (p = DOCUMENT, k = 0; p < DOCUMENT + first; p++)
        v[n].text[k++] = *p == ' ' ? '\n' : *p == '.' || *p == ',' ? ';' : *p;
    v[n].name = "other line breaks and punctuation", v[n++].found = true;
    for (p = DOCUMENT, k = 0; p < DOCUMENT + first; p++) {
        v[n].text[k++] = *p >= 'a' && *p <= 'z' ? *p - 32 : *p;
        if (k % 7 == 0)
            v[n].text[k++] = '*';
    }
    v[n].name = "capitals, stars between", v[n++].found = true;
    for (p = DOCUMENT, k = 0; p < DOCUMENT + first; p++) {
        v[n].text[k++] = *p;
        if (*p == 'e')
            memcpy(v[n].text + k, "\xe2\x80\x8b", 3), k += 3;
    }
    v[n].name = "zero-width spaces", v[n++].found = true;
    snprintf(v[n].text, sizeof v->text, "Hello, here is what I promised: %.*s Bye!", (int)first, DOCUMENT), v[n].name = "with words around", v[n++].found = true;
    paragraph(v[n].text, sizeof v->text, 60, first / 2 + 20), v[n].name = "a good half of it", v[n++].found = true;
    snprintf(v[n].text, sizeof v->text, "> %.*s\n> %.*s\n> %.*s", 90, DOCUMENT, 90, DOCUMENT + 90, (int)first - 180, DOCUMENT + 180), v[n].name = "quoted", v[n++].found = true;
    snprintf(v[n].text, sizeof v->text, "%s", DOCUMENT), v[n].name = "both paragraphs", v[n++].found = true;
    paragraph(v[n].text, sizeof v->text, 0, 62), v[n].name = "one sentence of it", v[n++].found = false;
    snprintf(v[n].text, sizeof v->text, "%s", UNRELATED), v[n].name = "another text with some of the same words", v[n++].found = false;
    snprintf(v[n].text, sizeof v->text, "Short line. Short line. Short line."), v[n].name = "a line that was too short", v[n++].found = false;
    snprintf(v[n].text, sizeof v->text, "ok"), v[n].name = "hardly anything", v[n++].found = false;
    return n;
}

static bool found_in(struct content *c, const char *text, struct arena *a, struct scan_result *ret)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = str_c(text) };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    arena_reset(a);
    bool found = false;
    if (content_scan(c, &r, a, ret) || ret->status != SCAN_DONE)
        exit(99);
    for (size_t i = 0; i < ret->n_matches; i++)
        found |= str_eq(ret->matches[i].rule, STR("plans"));
    return found;
}

static void fingerprints(void)
{
    static struct altered v[16];
    struct content_made made;
    struct scan_result result;
    struct arena a;
    char *dir = rules_with(PLANS);
    size_t n = make_altered(v);
    arena_init(&a, 1u << 20);
    ok(make(dir, false, "plans.prints", DOCUMENT, &made) == 0 && made.paragraphs == 2 && made.left_out == 1 && made.entries > 20, "two paragraphs, one too short");
    ok(!file_has(dir, "dlp/plans.prints", "depot"), "no plain text in the file");
    struct content *c = load(dir, NULL);
    ok(c && !found_in(c, "Xylophone quizzes jolt vexed pygmy sphinxes of black quartz", &a, &result), "the first text of all has nothing of it");
    for (size_t i = 0; c && i < n; i++) {
        bool found = found_in(c, v[i].text, &a, &result);
        ok(found == v[i].found, "document: %s: %s", v[i].name, v[i].found ? "found" : "not found");
        if (!found)
            continue;
        for (size_t k = result.n_matches; k-- > 0;) { /* as redaction does */
            const struct scan_match *m = &result.matches[k];
            memmove(v[i].text + m->off, v[i].text + m->off + m->len, strlen(v[i].text + m->off + m->len) + 1);
        }
        ok(!found_in(c, v[i].text, &a, &result) && !strstr(v[i].text, "convoy") && !strstr(v[i].text, "bridge"), "document: %s: gone when cut out", v[i].name);
    }
    content_free(c);
    scratch_remove(dir);
    arena_clear(&a);
}

/* The promise of winnowing: of GRAM + WINDOW - 1 letters in a row, at least one fingerprint is kept. */
static void winnowing(void)
{
    static const struct sealed_key key = { { 1, 2 }, { 3, 4 } };
    unsigned char text[400];
    uint64_t g[400];
    uint32_t kept[400];
    unsigned bad = 0;
    uint64_t seed = 7, kept_all = 0;
    for (unsigned round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            text[i] = (unsigned char)('a' + (seed >> 40) % (round % 5 ? 26 : 2));
        }
        grams(&key, text, sizeof text, g);
        size_t all = sizeof text - GRAM + 1, n = winnow(g, all, kept);
        kept_all += n;
        for (size_t from = 0; from + WINDOW <= all; from++) {
            bool any = false;
            for (size_t i = 0; i < n; i++)
                any |= kept[i] >= from && kept[i] < from + WINDOW;
            bad += !any;
        }
    }
    ok(bad == 0, "no run of %u letters goes without a fingerprint", GRAM + WINDOW - 1);
    ok(kept_all < 500 * (400 - GRAM) / 5, "and few are kept: %.1f of 100", (double)kept_all / 500 / (400 - GRAM) * 100);
    uint64_t again[400];
    grams(&key, text + 100, 200, again);
    ok(memcmp(again, g + 100, (200 - GRAM + 1) * sizeof *g) == 0, "a hash hangs on its letters alone");
}

static void refused(void)
{
    struct content_made made;
    char path[400];
    char *dir = rules_with(SECRET);
    ok(make(dir, true, "names.values", VALUES, &made) == 0, "made");
    scratch_put(dir, "dlp/list.key", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    (void)load(dir, "another key");
    scratch_put(dir, "dlp/list.key", "0011\n");
    (void)load(dir, "damaged");
    snprintf(path, sizeof path, "%s/dlp/list.key", dir);
    unlink(path);
    (void)load(dir, "cannot be read");
    ok(make(dir, true, "names.values", VALUES, &made) == 0, "a new key is drawn");
    struct stat st;
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner alone");
    ok(make(dir, true, "more.values", VALUES, &made) == 0 && made.entries == 8, "a key that is there is used");
    snprintf(path, sizeof path, "%s/dlp/names.values", dir);
    if (truncate(path, 100))
        exit(99);
    (void)load(dir, "damaged");
    ok(make(dir, false, "names.values", DOCUMENT, &made) == 0, "fingerprints in place of values");
    (void)load(dir, "of another kind");
    scratch_put(dir, "dlp/sealed.conf", "detectors = ( { id = \"secret\"; about = \"x\"; values = \"names.values\"; } );");
    (void)load(dir, "need the key");
    scratch_put(dir, "dlp/sealed.conf", "detectors = ( { id = \"secret\"; about = \"x\"; values = \"names.values\"; key = \"list.key\"; words = [ \"x\" ]; } );");
    (void)load(dir, "stand alone");
    scratch_put(dir, "plain", "\xff\xfe");
    struct conf_errors errs;
    conf_errors_init(&errs);
    char from[400], key[400];
    snprintf(from, sizeof from, "%s/plain", dir);
    snprintf(key, sizeof key, "%s/dlp/list.key", dir);
    const char *files[] = { from };
    ok(content_make_fingerprints(key, path, files, 1, &made, &errs) == GW_ERR(CONF) && errs.n_errors == 1, "a document that is no text");
    conf_errors_clear(&errs);
    scratch_remove(dir);
}

/* A hundred thousand values more cost a clean text hardly anything. */
static void many(void)
{
    struct buf b;
    struct arena a;
    struct content_made made;
    struct scan_result result;
    double best[2] = { 1e9, 1e9 };
    static const char clean[] = "Are we still on for 14:30 tomorrow? I put the draft into the shared folder, see section 2.3 and the figure on page 17. Anna said that the room is taken.";
    arena_init(&a, 1u << 20);
    buf_init(&b, 16u << 20);
    for (int round = 0; round < 2; round++) {
        char *dir = rules_with(SECRET);
        buf_reset(&b);
        for (uint32_t i = 0; i < (round ? 100000u : 100u); i++)
            if (buf_printf(&b, "Person%u Name%u\n", i * 7919u, i))
                exit(99);
        if (buf_put(&b, "", 1))
            exit(99);
        ok(make(dir, true, "names.values", (const char *)buf_data(&b), &made) == 0 && made.entries == (round ? 100000 : 100), "%s values", round ? "100,000" : "100");
        struct content *c = load(dir, NULL);
        for (int i = 0; c && i < 300; i++) {
            uint64_t t = content_now();
            (void)found_in(c, clean, &a, &result);
            double us = (double)(content_now() - t) / 1000;
            best[round] = us < best[round] ? us : best[round];
        }
        ok(c && result.n_matches == 0 && !found_in(c, "it was person7919 name1", &a, &result) && result.n_matches == 1, "one is found among them");
        content_free(c);
        scratch_remove(dir);
    }
    ok(best[1] < best[0] * 3 + 2, "the same time with 100 and 100,000 (%.1f and %.1f us)", best[0], best[1]);
    buf_clear(&b);
    arena_clear(&a);
}

int main(void)
{
    exact_values();
    fingerprints();
    winnowing();
    refused();
    many();
    return done_testing();
}
