// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A label from the network: the input as the base64 of an ESS label, and as the DER inside it; and as a record, whose labels are all read.
 * What is read, and written again, is read as the same label; no stanza with a label is released where no rule releases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../gw/policy/label.h"
#include "jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] = "policies = ( { name = \"P\"; oid = \"1.1\"; uri = \"urn:p\"; classifications = ( { name = \"LOW\"; value = 0; unstated = true; },"
    " { name = \"TOP\"; value = 200; } ); categories = ( { tag = \"Need\"; type = \"restrictive\"; oid = \"1.1.1\"; values = ( { name = \"A\"; value = 0; },"
    " { name = \"B\"; value = 9; } ); }, { tag = \"One\"; type = \"permissive\"; oid = \"1.1.2\"; encoding = \"enumerated\"; values = ( { name = \"C\"; value = 1; },"
    " { name = \"D\"; value = 300; } ); } ); } ); pairs = ( { between = [ \"a.example\", \"b.example\" ]; clearances = ( { policy = \"P\"; upto = \"TOP\"; } ); } );";

static struct policy *load(void)
{
    char dir[] = "/tmp/lockgate-fuzz-XXXXXX", path[128];
    static const char *const names[] = { "main.rules", "labels/p.conf" }, *const texts[] = { "labels = [ \"p\" ]; profiles = [ ];", conf };
    struct policy *p = NULL;
    struct conf_errors errs;
    if (jid_init() || !mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/labels", dir);
    if (mkdir(path, 0700))
        abort();
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        FILE *f = fopen(path, "w");
        if (!f || fputs(texts[i], f) < 0 || fclose(f))
            abort();
    }
    conf_errors_init(&errs);
    if (policy_load(dir, 1, &p, &errs)) {
        conf_errors_print(&errs, stderr);
        abort();
    }
    conf_errors_clear(&errs);
    for (int i = 1; i >= 0; i--) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)!remove(path);
    }
    snprintf(path, sizeof path, "%s/labels", dir);
    (void)!(remove(path) + remove(dir));
    return p;
}

static void ess(const struct labels *all, const char *text, size_t n)
{
    static char again[8192];
    struct label l, back;
    const char *why = NULL;
    if (label_ess_read(all, (struct str){ text, n }, &l, &why) != LABEL_READ)
        return;
    if (label_ess_write(&l, again, sizeof again) || label_ess_read(all, str_c(again), &back, &why) != LABEL_READ || !label_equal(&l, &back))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy *p;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char text[8192];
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r;
    size_t n = 0;
    if (!p)
        p = load();
    ess(p->labels, (const char *)data, size);
    for (size_t i = 0; i < size && i < 3000; i += 3) {
        uint32_t w = (uint32_t)data[i] << 16 | (i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0) | (i + 2 < size ? data[i + 2] : 0);
        text[n++] = digits[w >> 18];
        text[n++] = digits[w >> 12 & 63];
        text[n++] = i + 1 < size ? digits[w >> 6 & 63] : '=';
        text[n++] = i + 2 < size ? digits[w & 63] : '=';
    }
    ess(p->labels, text, n);
    if (!rec_decode((struct str){ (const char *)data, size }, &limits, &r)) {
        struct pol_eval *e = pol_eval_new(p, NULL);
        struct pol_facts facts = { .from_side = GW_HIGH };
        if (!e || pol_begin(e, r, &facts) != POL_DONE || pol_verdict(e)->verdict == GW_V_RELEASE)
            abort(); /* no rule releases */
        pol_eval_free(e);
        rec_free(r);
    }
    return 0;
}
