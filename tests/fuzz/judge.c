// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A hostile record before the policy: under an empty set nothing is released; under one that changes and releases everything, what leaves
 * is a record again, smaller or equal in names, and passes the allow-list a second time unchanged. The first byte says how the scanner
 * answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "jid.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char profile[] =
    "title = \"t\"; elements = ( { element = [ \"{jabber:server}body\", \"{jabber:server}subject\" ]; in = [ \"message\", \"presence\" ]; text = \"any\";"
    " attributes = [ \"xml:lang lang\" ]; }, { element = \"{jabber:server}error\"; in = [ \"message\", \"presence\", \"iq\" ]; error = true; text = \"any\"; },"
    " { element = \"{urn:x}tree\"; in = [ \"message\", \"iq\" ]; max = 2; text = \"any\"; attributes = [ \"n number\", \"note any:20\" ];"
    " children = ( { element = \"leaf\"; max = 3; text = \"token\"; attributes = [ \"jid jid\", \"form a|b\" ]; } ); } );";
static const char changing[] =
    "profiles = [ \"p\" ]; rules = ( { id = 1; name = \"a\"; when = { yara = \"*\"; }; action = \"redact\"; },"
    " { id = 2; name = \"b\"; when = { text = \"e\"; }; action = \"redact\"; with = \"\"; },"
    " { id = 3; name = \"c\"; when = { element = \"{urn:x}leaf\"; }; action = \"strip\"; elements = [ \"{urn:x}leaf\" ]; },"
    " { id = 9; name = \"r\"; action = \"release\"; } );";

static struct policy *load(const char *rules)
{
    char dir[] = "/tmp/lockgate-fuzz-XXXXXX", path[128];
    struct policy *p = NULL;
    struct conf_errors errs;
    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/profiles", dir);
    if (mkdir(path, 0700))
        abort();
    const char *names[] = { "profiles/p.conf", "main.rules" }, *texts[] = { profile, rules };
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        FILE *f = fopen(path, "w");
        if (!f || fputs(texts[i], f) < 0 || fclose(f))
            abort();
    }
    conf_errors_init(&errs);
    if (policy_load(dir, 1, &p, &errs))
        abort();
    conf_errors_clear(&errs);
    for (int i = 1; i >= 0; i--) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)!remove(path);
    }
    snprintf(path, sizeof path, "%s/profiles", dir);
    (void)!(remove(path) + remove(dir));
    return p;
}

/* Matches at every place that the bits of `how` name, spans right and wrong. */
static const struct pol_verdict *judge(struct pol_eval *e, const struct rec *r, uint8_t how)
{
    struct pol_facts facts = { .from_side = how & 1 ? GW_LOW : GW_HIGH };
    enum pol_step step = pol_begin(e, r, &facts);
    for (int round = 0; step == POL_NEED_SCAN; round++) {
        struct scan_match m[64];
        struct scan_result res = { .status = how & 2 ? SCAN_UNKNOWN : SCAN_DONE, .matches = m };
        const struct scan_request *q = pol_scan_request(e);
        for (size_t i = 0; i < q->n_segments && i < 64 && !round; i++)
            if (how & 4 && (i + how) % 3 == 0)
                m[res.n_matches++] = (struct scan_match){ .source = SCAN_YARA, .hit = (uint32_t)i / 2, .seg = (uint32_t)i, .off = 0,
                    .len = (uint32_t)(how & 8 ? q->segments[i].text.n + 1 : q->segments[i].text.n), .rule = STR("r") };
        step = pol_resume(e, how & 16 ? NULL : &res, GW_R_SCAN_TIMEOUT);
        if (round > 8)
            abort();
    }
    return pol_verdict(e);
}

static void check_out(const struct rec *out, struct pol_eval *again)
{
    struct buf b;
    struct rec *back;
    struct rec_limits limits = REC_HARD_LIMITS;
    buf_init(&b, 17u << 20);
    if (rec_encode(out, &b) || rec_decode(buf_str(&b), &limits, &back) || !rec_equal(out, back))
        abort();
    struct pol_facts facts = { .from_side = GW_HIGH };
    (void)pol_begin(again, back, &facts);
    if (pol_verdict(again)->n_changed)
        abort(); /* the allow-list takes something from what it has let through */
    rec_free(back);
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy *empty, *change;
    static struct pol_eval *e_empty, *e_change, *e_again;
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r;
    if (!empty) {
        if (jid_init())
            abort();
        empty = load("profiles = [ \"p\" ];");
        change = load(changing);
        e_empty = pol_eval_new(empty, NULL);
        e_change = pol_eval_new(change, NULL);
        e_again = pol_eval_new(empty, NULL);
    }
    if (size < 2 || rec_decode((struct str){ (const char *)data + 1, size - 1 }, &limits, &r))
        return 0;
    if (judge(e_empty, r, data[0])->verdict == GW_V_RELEASE)
        abort();
    const struct pol_verdict *v = judge(e_change, r, data[0]);
    if (v->verdict == GW_V_RELEASE)
        check_out(v->out, e_again);
    struct rec *answer = NULL;
    if (v->answer && !pol_answer(e_change, STR("1-1"), &answer))
        rec_free(answer);
    rec_free(r);
    return 0;
}
