// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A file of detectors (rules/dlp) of arbitrary bytes, then, behind a zero byte, a text. Oracles: it is refused with mistakes, or loaded; a
 * loaded one runs its own examples and scans the text twice with the same answer, each span inside it. */
#include "content.h"
#include "folder.h"
#include "libconfig_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan(struct content *c, struct str text)
{
    struct scan_segment seg = { .text = text };
    struct scan_request q = { .segments = &seg, .n_segments = 1 };
    struct scan_result r[2];
    struct arena a;
    arena_init(&a, 64u << 20);
    for (int i = 0; i < 2; i++)
        if (content_scan(c, &q, &a, &r[i]))
            goto out;
    if (r[0].status != r[1].status || r[0].n_matches != r[1].n_matches)
        abort();
    for (size_t i = 0; i < r[0].n_matches; i++) {
        const struct scan_match *m = &r[0].matches[i];
        if (m->seg != UINT32_MAX && (m->seg != 0 || m->off > text.n || m->len > text.n - m->off || m->rule.n == 0))
            abort();
    }
out:
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct content *c = NULL;
    struct conf_errors errs;
    if (!folder[0]) {
        folder_begin((const char *const[]){ "dlp", "lists", NULL });
        folder_put("lists/l.list", "bluebird\n", 9);
    }
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    folder_put("dlp/d.conf", data, zero ? (size_t)(zero - data) : size);
    conf_errors_init(&errs);
    int rc = content_load(folder, &c, &errs);
    if ((rc == 0) != (c != NULL))
        abort();
    mistakes_must(rc, &errs);
    if (c) {
        (void)content_self_test(c, &errs);
        if (zero)
            scan(c, (struct str){ (const char *)zero + 1, (size_t)(data + size - zero - 1) });
    }
    conf_errors_clear(&errs);
    content_free(c);
    return 0;
}
