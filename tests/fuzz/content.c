// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A scan request from the guard's codec or as plain text, through all of content. Oracle: the scan ends with an answer; every span
 * lies inside its segment, on character boundaries, and names a rule; an unknown answer has no matches; the same request gives the same
 * answer. Rules are made on the spot, so that the target needs no folder. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char DLP[] = "detectors = (\n"
    "{ id = \"card\"; about = \"x\"; validator = \"card\"; leet = true; },\n"
    "{ id = \"iban\"; about = \"x\"; patterns = [ \"[A-Z][ .-]{0,3}[A-Z][ .-]{0,3}[0-9][ .-]{0,3}[0-9]\" ]; validator = \"iban\"; },\n"
    "{ id = \"mail\"; about = \"x\"; patterns = [ \"[a-z0-9._-]+@(?:[a-z0-9-]+[.])+[a-z]{2,}\" ]; validator = \"email\"; },\n"
    "{ id = \"word\"; about = \"x\"; words = [ \"TOP SECRET\", \"GEHEIM\" ]; spaced = true; leet = true; },\n"
    "{ id = \"near\"; about = \"x\"; validator = \"nl-bsn\"; confidence = 10; with_support = 80; support = [ \"bsn\" ]; exclude_patterns = [ \"x[0-9]+\" ]; },\n"
    "{ id = \"coin\"; about = \"x\"; patterns = [ \"[13][1-9A-HJ-NP-Za-km-z]{25,}\" ]; case = \"exact\"; validator = \"crypto\"; },\n"
    "{ id = \"two\"; about = \"x\"; patterns = [ \"[0-9]{4}\" ]; minimum = 2; log_only = true; boundary = \"digit\"; }\n);\n";
static const char YARA[] = "rule needle { strings: $a = \"needle\" nocase $b = { C3 ?? 41 } condition: any of them }\n"
    "rule fact { condition: kind == \"message\" }\n";
static struct content *content;

static void put(const char *dir, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

static void start(void)
{
    char dir[200], sub[300];
    struct conf_errors errs;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/lg-fuzz-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        abort();
    snprintf(sub, sizeof sub, "%s/dlp", dir);
    mkdir(sub, 0700);
    snprintf(sub, sizeof sub, "%s/yara", dir);
    mkdir(sub, 0700);
    put(dir, "dlp/a.conf", DLP);
    put(dir, "yara/a.yar", YARA);
    conf_errors_init(&errs);
    if (content_load(dir, &content, &errs)) {
        conf_errors_print(&errs, stderr);
        abort();
    }
    conf_errors_clear(&errs);
    static const char *const names[] = { "dlp/a.conf", "yara/a.yar", "dlp", "yara", "" };
    for (size_t i = 0; i < 5; i++) {
        snprintf(sub, sizeof sub, "%s/%s", dir, names[i]);
        if (i < 2 ? unlink(sub) : rmdir(sub))
            abort();
    }
}

static void check(const struct scan_request *r, const struct scan_result *x)
{
    if (x->status != SCAN_DONE && (x->status != SCAN_UNKNOWN || x->n_matches))
        abort();
    if (x->n_matches > SCAN_MATCHES_MAX)
        abort();
    for (size_t i = 0; i < x->n_matches; i++) {
        const struct scan_match *m = &x->matches[i];
        if (m->source >= SCAN_SOURCES || m->confidence > 100 || !m->rule.n)
            abort();
        if (m->seg == UINT32_MAX)
            continue;
        if (m->seg >= r->n_segments)
            abort();
        struct str t = r->segments[m->seg].text;
        if (m->len == 0 || m->off > t.n || m->len > t.n - m->off)
            abort();
        if (((unsigned char)t.p[m->off] & 0xc0) == 0x80 || (m->off + m->len < t.n && ((unsigned char)t.p[m->off + m->len] & 0xc0) == 0x80))
            abort();
    }
}

static void twice(const struct scan_request *r)
{
    struct scan_result a, b;
    struct arena arena;
    arena_init(&arena, 8u << 20);
    if (content_scan(content, r, &arena, &a))
        abort();
    check(r, &a);
    if (content_scan(content, r, &arena, &b) || a.status != b.status || a.n_matches != b.n_matches)
        abort();
    for (size_t i = 0; i < a.n_matches; i++)
        if (!str_eq(a.matches[i].rule, b.matches[i].rule) || a.matches[i].seg != b.matches[i].seg || a.matches[i].off != b.matches[i].off ||
            a.matches[i].len != b.matches[i].len)
            abort();
    arena_clear(&arena);
}

/* First byte: 0 a request as the guard encodes it; else text, cut into segments at 0x01 (the same group) and 0x02 (a new one). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan_segment seg[64];
    struct scan_request r = { .segments = seg };
    struct arena a;
    if (!content)
        start();
    if (size == 0 || size > 65536)
        return 0;
    if (data[0] == 0) {
        arena_init(&a, 8u << 20);
        if (scan_request_get((struct str){ (const char *)data + 1, size - 1 }, &a, &r) == 0)
            twice(&r);
        arena_clear(&a);
        return 0;
    }
    uint32_t group = 1;
    size_t from = 1;
    for (size_t i = 1; i <= size && r.n_segments < 64; i++)
        if (i == size || data[i] == 1 || data[i] == 2) {
            seg[r.n_segments++] = (struct scan_segment){ .node = (uint32_t)i, .attr = UINT32_MAX, .group = group, .place = (uint8_t)(data[0] % SCAN_PLACE_COUNT),
                .text = { (const char *)data + from, i - from } };
            group += i < size && data[i] == 2;
            from = i + 1;
        }
    twice(&r);
    return 0;
}
