/* SPDX-License-Identifier: GPL-3.0-or-later
 * For tests of the policy: a rules folder from strings, stanzas from XML, a scanner that answers as it is told. */
#ifndef LOCKGATE_TEST_POLICY_HELP_H
#define LOCKGATE_TEST_POLICY_HELP_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jid.h"
#include "policy.h"
#include "tap.h"
#include "xmpp.h"

static char help_dir[64];
static const char *help_profiles = "\"test\"", *help_head = ""; /* stands in main.rules before the rules */

__attribute__((unused)) static void help_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", help_dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        ok(false, "%s could be written", path);
}

#ifndef HELP_MORE
#define HELP_MORE "" /* what one test's profile names beside the rest */
#endif

/* A profile that lets nearly everything through, so that conditions can be tried on it. */
#define HELP_PROFILE \
    "title = \"test\"; unnamed = \"strip\";\n" \
    "elements = (\n" \
    "  { element = [ \"{jabber:server}body\", \"{jabber:server}subject\", \"{jabber:server}thread\", \"{jabber:server}status\" ];\n" \
    "    in = [ \"message\", \"presence\" ]; text = \"any\"; attributes = [ \"xml:lang lang\" ]; },\n" \
    "  { element = \"{jabber:server}show\"; in = [ \"presence\" ]; max = 1; text = \"away|chat|dnd|xa\"; },\n" \
    "  { element = \"{jabber:server}error\"; in = [ \"message\", \"presence\", \"iq\" ]; error = true; text = \"any\"; },\n" \
    "  { element = \"{urn:x}tree\"; in = [ \"message\", \"iq\" ]; max = 2; text = \"any\"; attributes = [ \"n number\", \"note any:20\" ];\n" \
    "    children = ( { element = \"leaf\"; max = 3; text = \"any\"; attributes = [ \"jid jid\", \"form a|b\" ]; } ); },\n" \
    HELP_MORE \
    "  { element = \"{urn:form}x\"; in = [ \"message\" ]; type = [ \"headline\" ]; text = \"token\"; },\n" \
    "  { element = \"{http://jabber.org/protocol/muc#user}x\"; in = [ \"message\", \"presence\" ];\n" \
    "    children = ( { element = [ \"invite\", \"decline\" ]; attributes = [ \"to jid\", \"from jid\" ]; } ); },\n" \
    "  { element = \"{http://jabber.org/protocol/pubsub}pubsub\"; in = [ \"message\", \"iq\" ];\n" \
    "    children = ( { element = [ \"publish\", \"items\" ]; attributes = [ \"node any\" ]; } ); },\n" \
    "  { element = \"{urn:xmpp:ping}ping\"; in = [ \"iq\" ]; }\n" \
    ");\n"

__attribute__((unused)) static bool help_begin(void)
{
    char path[256];
    snprintf(help_dir, sizeof help_dir, "/tmp/lockgate-policy-XXXXXX");
    if (jid_init() || !mkdtemp(help_dir))
        return false;
    for (const char *const *d = (const char *const[]){ "profiles", "lists", "labels", NULL }; *d; d++) {
        snprintf(path, sizeof path, "%s/%s", help_dir, *d);
        if (mkdir(path, 0700))
            return false;
    }
    help_file("profiles/test.conf", HELP_PROFILE);
    return true;
}

static int help_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

__attribute__((unused)) static void help_end(void)
{
    nftw(help_dir, help_remove, 16, FTW_DEPTH | FTW_PHYS);
    jid_finish();
}

/* The set whose main.rules holds `rules` (the inside of the list). Mistakes are printed; NULL when there are some. */
__attribute__((unused)) static struct policy *help_load(const char *rules)
{
    static char text[65536];
    struct conf_errors errs;
    struct policy *p = NULL;
    conf_errors_init(&errs);
    snprintf(text, sizeof text, "profiles = [ %s ];\n%s\nrules = (\n%s\n);\n", help_profiles, help_head, rules);
    help_file("main.rules", text);
    if (policy_load(help_dir, 1700000000000, &p, &errs))
        p = NULL;
    if (errs.n_errors)
        conf_errors_print(&errs, stdout);
    conf_errors_clear(&errs);
    return p;
}

__attribute__((unused)) static struct rec *help_stanza(const char *xml)
{
    struct rec_limits limits = { 1u << 20, 64, 8192, 64 };
    struct rec *r = NULL;
    const char *detail = NULL;
    if (xs_parse_stanza(str_c(xml), true, &limits, &r, &detail)) {
        diag("no stanza: %s: %s", detail ? detail : "?", xml);
        return NULL;
    }
    return r;
}

/* What the scanner finds: each entry is a rule of that source and a word; each place of the word in any segment is a match. With no
 * word: a match without a span. */
struct help_find { enum scan_source source; const char *rule, *word; struct scan_meta meta; };
enum help_scanner { HELP_ANSWERS, HELP_SILENT, HELP_UNKNOWN, HELP_BAD_SPAN };

__attribute__((unused)) static enum pol_step help_answer(struct pol_eval *e, const struct help_find *f, size_t n, enum help_scanner how)
{
    static struct scan_match m[512];
    const struct scan_request *q = pol_scan_request(e);
    struct scan_result r = { .status = SCAN_DONE, .matches = m };
    if (how == HELP_SILENT)
        return pol_resume(e, NULL, GW_R_SCAN_TIMEOUT);
    for (size_t i = 0; i < n; i++) {
        if (!f[i].word) {
            m[r.n_matches++] = (struct scan_match){ .source = (uint8_t)f[i].source, .hit = (uint32_t)r.n_matches, .seg = UINT32_MAX,
                .confidence = 80, .meta = f[i].meta, .rule = str_c(f[i].rule) };
            continue;
        }
        for (size_t s = 0; s < q->n_segments; s++)
            for (size_t o = 0; o + strlen(f[i].word) <= q->segments[s].text.n && r.n_matches < 500; o++)
                if (!memcmp(q->segments[s].text.p + o, f[i].word, strlen(f[i].word)))
                    m[r.n_matches++] = (struct scan_match){ .source = (uint8_t)f[i].source, .hit = (uint32_t)r.n_matches, .seg = (uint32_t)s,
                        .off = (uint32_t)o, .len = (uint32_t)strlen(f[i].word), .confidence = 80, .meta = f[i].meta,
                        .rule = str_c(f[i].rule) };
    }
    if (how == HELP_BAD_SPAN)
        m[r.n_matches++] = (struct scan_match){ .source = SCAN_YARA, .seg = 0, .off = 100000, .len = 1, .rule = STR("x") };
    if (how == HELP_UNKNOWN)
        r = (struct scan_result){ .status = SCAN_UNKNOWN };
    return pol_resume(e, &r, GW_R_SCAN_FAILED);
}

/* Judges to the end. */
__attribute__((unused)) static const struct pol_verdict *help_judge(struct pol_eval *e, const struct rec *r, enum gw_side from, int64_t now,
    const struct help_find *f, size_t n, enum help_scanner how)
{
    struct pol_facts facts = { .from_side = from, .now_ms = now };
    enum pol_step step = pol_begin(e, r, &facts);
    for (int i = 0; i < 20 && step == POL_NEED_SCAN; i++)
        step = help_answer(e, f, n, how);
    return pol_verdict(e);
}

__attribute__((unused)) static bool help_is(const struct rec *r, const char *xml)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    bool same = r && !xs_serialise(r, false, &b) && str_eq(buf_str(&b), str_c(xml));
    if (!same)
        diag("is:     %.*s", STR_ARG(buf_str(&b))), diag("wanted: %s", xml);
    buf_clear(&b);
    return same;
}

#endif
