// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * YARA over stanza text: spans, groups, facts, the rebuilt stanza, limits, and every mistake of every file. */
#include "content_help.h"

static const char RULES[] =
    "rule word { meta: id = 7 action = \"reject\" severity = \"low\" description = \"a word\" strings: $a = \"needle\" condition: $a }\n"
    "rule across { strings: $a = /start.{0,20}stop/s condition: $a }\n"
    "rule outgoing { condition: direction == \"high-to-low\" and kind == \"message\" }\n"
    "rule sender { strings: $a = \"hello\" condition: $a and from contains \"mallory\" }\n"
    "private rule helper { strings: $a = \"quiet\" condition: $a }\n"
    "rule uses_helper { condition: helper }\n"
    "rule umlaut { strings: $a = { C3 } condition: $a }\n";

#define NO_FACTS { .direction = { NULL, 0 } }
struct row {
    const char *name, *text, *rebuilt, *expect;
    struct scan_facts facts;
};
static const struct row rows[] = {
    { "clean text", "nothing to see", "", "", NO_FACTS },
    { "no text at all", "", "", "", NO_FACTS },
    { "one match", "a needle here", "", "word@0:2+6", NO_FACTS },
    { "two matches", "needle needle", "", "word@0:0+6 word@0:7+6", NO_FACTS },
    { "second segment", "hay|the needle", "", "word@1:4+6", NO_FACTS },
    { "split over one run of text", "a nee|*dle here", "", "word@0:2+3 word@1:0+3", NO_FACTS },
    { "split over three pieces", "nee|*d|*le", "", "word@0:0+3 word@1:0+1 word@2:0+2", NO_FACTS },
    { "not split over two groups", "a nee|dle here", "", "", NO_FACTS },
    { "only in the rebuilt stanza: no span", "clean", "<x needle='1'/>", "word@-", NO_FACTS },
    { "in the text and in the rebuilt stanza: the span counts", "needle", "<body>needle</body>", "word@0:0+6", NO_FACTS },
    { "facts alone", "x", "", "outgoing@-", { .direction = { "high-to-low", 11 }, .kind = { "message", 7 } } },
    { "facts are reset", "x", "", "", { .direction = { "low-to-high", 11 }, .kind = { "message", 7 } } },
    { "text and facts", "hello", "", "sender@0:0+5", { .from = { "mallory@high.example", 20 } } },
    { "a rule that names another", "quiet", "", "uses_helper@-", NO_FACTS },
    { "whole characters", "\xc3\xa4", "", "umlaut@0:0+2", NO_FACTS },
    { "bad UTF-8 is unknown", "\xc3(", "", "unknown", NO_FACTS },
};

/* Each external variable by itself: its rule matches when it has the value, and not when a neighbour has. */
static const char *const variables[] = { "direction", "kind", "from", "to", "from_domain", "to_domain", "label", "payload" };
#define VARIABLES (sizeof variables / sizeof *variables)

static void each_variable(void)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .text = STR("x") };
    char text[4096] = "", *dir = scratch_rules();
    struct content *c = NULL;
    struct conf_errors errs;
    struct arena a;
    for (size_t i = 0; i < VARIABLES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "rule v_%s { condition: %s == \"mark%zu\" }\nrule n_%s { condition: %s == \"\" }\n",
            variables[i], variables[i], i, variables[i], variables[i]);
    scratch_put(dir, "yara/v.yar", text);
    conf_errors_init(&errs);
    arena_init(&a, 1u << 20);
    if (ok(content_load(dir, &c, &errs) == 0, "rules on every variable load"))
        for (size_t i = 0; i < VARIABLES; i++) {
            struct scan_request r = { .segments = &seg, .n_segments = 1 };
            struct str *const slots[VARIABLES] = { &r.facts.direction, &r.facts.kind, &r.facts.from, &r.facts.to, &r.facts.from_domain, &r.facts.to_domain,
                &r.facts.label, &r.facts.payload };
            struct scan_result result;
            char mark[16], want[24];
            size_t right = 0, empty = 0;
            snprintf(mark, sizeof mark, "mark%zu", i);
            snprintf(want, sizeof want, "v_%s", variables[i]);
            *slots[i] = str_c(mark);
            arena_reset(&a);
            bool done = content_scan(c, &r, &a, &result) == 0 && result.status == SCAN_DONE;
            for (size_t k = 0; done && k < result.n_matches; k++) {
                right += str_eq(result.matches[k].rule, str_c(want));
                empty += result.matches[k].rule.p[0] == 'n' && !str_eq((struct str){ result.matches[k].rule.p + 2, result.matches[k].rule.n - 2 }, str_c(variables[i]));
            }
            ok(done && result.n_matches == VARIABLES && right == 1 && empty == VARIABLES - 1, "variable %s: what it has, and nobody else", variables[i]);
        }
    arena_clear(&a);
    content_free(c);
    conf_errors_clear(&errs);
    scratch_remove(dir);
}

static void scan_rows(struct content *c)
{
    struct scan_segment seg[8];
    char store[512];
    struct arena a;
    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scan_request r = request_of(rows[i].text, seg, 8, store, sizeof store);
        struct scan_result result;
        r.facts = rows[i].facts;
        r.rebuilt = str_c(rows[i].rebuilt);
        arena_reset(&a);
        int err = content_scan(c, &r, &a, &result);
        if (!ok(err == 0 && strcmp(result_text(&result), rows[i].expect) == 0, "%s", rows[i].name))
            diag("%d: got '%s', expected '%s'", err, result_text(&result), rows[i].expect);
    }
    arena_clear(&a);
}

static void one_hit_over_segments(struct content *c)
{
    struct scan_segment seg[4];
    char store[64];
    struct arena a;
    struct scan_result result;
    arena_init(&a, 1u << 20);
    struct scan_request r = request_of("needle nee|*dle", seg, 4, store, sizeof store);
    bool good = content_scan(c, &r, &a, &result) == 0 && result.n_matches == 3;
    ok(good && result.matches[0].hit != result.matches[1].hit && result.matches[1].hit == result.matches[2].hit, "one hit, two segments");
    arena_clear(&a);
}

/* More than the maximum is no answer, rather than a part of one. */
static void too_many(struct content *c)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    struct scan_result result;
    struct arena a;
    struct buf b;
    buf_init(&b, 1u << 20);
    arena_init(&a, 1u << 20);
    for (int i = 0; i < SCAN_MATCHES_MAX + 1; i++)
        if (buf_puts(&b, STR("needle ")))
            exit(99);
    seg.text = buf_str(&b);
    ok(content_scan(c, &r, &a, &result) == 0 && result.status == SCAN_UNKNOWN && result.n_matches == 0, "one match too many is unknown");
    arena_reset(&a);
    seg.text.n -= 7;
    ok(content_scan(c, &r, &a, &result) == 0 && result.status == SCAN_DONE && result.n_matches == SCAN_MATCHES_MAX, "the maximum is fine");
    buf_clear(&b);
    arena_clear(&a);
}

/* What a rule says of itself comes with each of its matches, and with no other's. */
static void meta_with_matches(struct content *c)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .text = STR("hello needle, start needle stop") };
    struct scan_request r = { .segments = &seg, .n_segments = 1, .facts = { .from = STR("mallory@high.example") } };
    struct scan_result result;
    struct arena a;
    size_t of_word = 0, right = 0, bare = 0;
    arena_init(&a, 1u << 20);
    bool done = content_scan(c, &r, &a, &result) == 0 && result.status == SCAN_DONE;
    for (size_t i = 0; done && i < result.n_matches; i++) {
        const struct scan_match *m = &result.matches[i];
        bool word = str_eq(m->rule, STR("word"));
        of_word += word;
        right += word && m->meta.id == 7 && m->meta.action == SCAN_ACT_REJECT && m->meta.severity == SCAN_SEV_LOW;
        bare += !word && !m->meta.id && !m->meta.action && !m->meta.severity;
    }
    ok(done && of_word == 2 && right == 2 && bare == result.n_matches - 2 && bare >= 2, "meta comes with the matches of its rule");
    arena_clear(&a);
}

static void what_is_loaded(struct content *c)
{
    struct content_rule r;
    bool found = false;
    for (size_t i = 0; i < content_rule_count(c); i++) {
        content_rule_get(c, i, &r);
        if (strcmp(r.name, "word") == 0)
            found = r.id == 7 && strcmp(r.action, "reject") == 0 && strcmp(r.severity, "low") == 0 && strcmp(r.about, "a word") == 0;
    }
    ok(found, "meta id, action, severity and description are told");
    ok(content_knows(c, SCAN_YARA, STR("word")) && !content_knows(c, SCAN_YARA, STR("helper")) && !content_knows(c, SCAN_DLP, STR("word")),
        "names that a release rule may use");
}

/* Every mistake of every file, in one load. */
static bool has_error(const struct conf_errors *e, const char *file, unsigned line, const char *part)
{
    for (size_t i = 0; i < e->n; i++) {
        size_t n = e->v[i].file ? strlen(e->v[i].file) : 0, f = strlen(file);
        if (n >= f && strcmp(e->v[i].file + n - f, file) == 0 && e->v[i].line == line && strstr(e->v[i].text, part))
            return true;
    }
    return false;
}

static void meta_words(void)
{
    char *dir = scratch_rules();
    struct content *c = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    scratch_put(dir, "yara/a.yar", "rule a { meta: action = \"explode\" severity = \"high\" condition: true }\nrule b { meta: severity = 3 id = \"x\" condition: true }\n"
        "rule c { meta: severity = \"hgih\" id = 0 condition: true }\n");
    ok(content_load(dir, &c, &errs) == 0 && errs.n == 5 && has_error(&errs, "yara/a.yar", 0, "rule a: meta action = \"explode\" is none of reject, drop") &&
        has_error(&errs, "yara/a.yar", 0, "rule b: meta severity is none") && has_error(&errs, "yara/a.yar", 0, "rule b: meta id") &&
        has_error(&errs, "yara/a.yar", 0, "did you mean \"high\"?") && has_error(&errs, "yara/a.yar", 0, "rule c: meta id"), "meta words that nobody knows get a warning");
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .text = STR("x") };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    struct scan_result result = { .n_matches = 0 };
    struct arena a;
    arena_init(&a, 1u << 20);
    ok(c && content_scan(c, &r, &a, &result) == 0 && result.n_matches == 3 && result.matches[0].meta.action == SCAN_ACT_UNREAD &&
        result.matches[0].meta.severity == SCAN_SEV_HIGH && result.matches[1].meta.severity == SCAN_SEV_UNREAD &&
        result.matches[1].meta.id == SCAN_ID_UNREAD && result.matches[2].meta.id == SCAN_ID_UNREAD, "and are told as such, never as nothing");
    arena_clear(&a);
    content_free(c);
    conf_errors_clear(&errs);
    scratch_remove(dir);
}

static void mistakes(void)
{
    static const struct { const char *name, *file, *text; unsigned line; const char *part; } bad[] = {
        { "syntax", "yara/a.yar", "rule a {\n condition: tru\n}\n", 2, "tru" },
        { "missing include", "yara/b.yar", "include \"nowhere.yar\"\nrule b { condition: true }\n", 1, "nowhere.yar" },
        { "missing module", "yara/c.yar", "\nimport \"nomodule\"\nrule c { condition: true }\n", 2, "nomodule" },
        { "module that the sandbox forbids", "yara/d.yar", "import \"magic\"\nrule d { condition: magic.type() == \"x\" }\n", 1, "magic" },
        { "include outside", "yara/e.yar", "include \"../../x.yar\"\n", 1, "x.yar" },
        { "unknown variable", "yara/f.yar", "rule f { condition: colour == \"red\" }\n", 1, "colour" },
        { "in the files set", "yara/files/g.yar", "rule g { strings: $a = \"x\" condition: $b }\n", 1, "$b" },
        { "unused string", "yara/h.yar", "rule h { strings: $a = \"x\" condition: true }\n", 1, "$a" },
    };
    char *dir = scratch_rules();
    struct content *c = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        scratch_put(dir, bad[i].file, bad[i].text);
    ok(content_load(dir, &c, &errs) == GW_ERR(CONF) && !c, "bad rules are not loaded");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(has_error(&errs, bad[i].file, bad[i].line, bad[i].part), "named with file and line: %s", bad[i].name);
    conf_errors_clear(&errs);
    scratch_remove(dir);

    dir = scratch_rules();
    conf_errors_init(&errs);
    scratch_put(dir, "yara/a.yar", "rule twice { condition: true }\n");
    scratch_put(dir, "yara/b.yar", "rule twice { condition: true }\n");
    ok(content_load(dir, &c, &errs) == GW_ERR(CONF) && has_error(&errs, "yara/b.yar", 0, "twice"), "one name in two files");
    conf_errors_clear(&errs);
    scratch_remove(dir);
}

int main(void)
{
    struct content *c = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    char *dir = scratch_rules();
    scratch_put(dir, "yara/rules.yar", RULES);
    scratch_put(dir, "yara/.hidden.yar", "nonsense");
    if (ok(content_load(dir, &c, &errs) == 0, "rules load")) {
        scan_rows(c);
        one_hit_over_segments(c);
        too_many(c);
        meta_with_matches(c);
        what_is_loaded(c);
        content_free(c);
        c = NULL;
    } else {
        conf_errors_print(&errs, stdout);
    }
    conf_errors_clear(&errs);
    scratch_remove(dir);
    dir = scratch_rules();
    conf_errors_init(&errs);
    ok(content_load(dir, &c, &errs) == 0 && !content_knows(c, SCAN_YARA, STR("word")), "no rules at all is fine");
    content_free(c);
    conf_errors_clear(&errs);
    scratch_remove(dir);
    mistakes();
    each_variable();
    meta_words();
    return done_testing();
}
