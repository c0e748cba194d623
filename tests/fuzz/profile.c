// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A profile (allow-list) of arbitrary bytes, then, behind a zero byte, a stanza. Oracles: it is refused with mistakes, or loaded; loaded without
 * a rule it releases nothing; with one that releases everything, what the allow-list let through it lets through again unchanged. */
#include "folder.h"
#include "jid.h"
#include "policy.h"
#include "xmpp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 loses the piece of a string that a syntax error cuts off. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:strbuf_append\n"; }

static const char deny[] = "profiles = [ \"p\" ];", go[] = "profiles = [ \"p\" ]; rules = ( { id = 1; name = \"go\"; action = \"release\"; } );";

static struct policy *load(const char *rules)
{
    struct policy *p = NULL;
    struct conf_errors errs;
    folder_put("main.rules", rules, strlen(rules));
    conf_errors_init(&errs);
    int rc = policy_load(folder, 1, &p, &errs);
    if ((rc == 0) != (p != NULL))
        abort();
    mistakes_must(rc, &errs);
    conf_errors_clear(&errs);
    return p;
}

static const struct pol_verdict *judge(struct pol_eval *e, const struct rec *r)
{
    struct pol_facts facts = { .from_side = GW_HIGH };
    for (enum pol_step step = pol_begin(e, r, &facts); step == POL_NEED_SCAN;)
        step = pol_resume(e, &(struct scan_result){ .status = SCAN_DONE }, GW_R_SCAN_TIMEOUT);
    return pol_verdict(e);
}

static void with(struct policy *p, const struct rec *r, bool releases)
{
    struct pol_eval *e = pol_eval_new(p, NULL), *again = pol_eval_new(p, NULL);
    if (!e || !again)
        abort();
    const struct pol_verdict *v = judge(e, r);
    if (!releases && v->verdict == GW_V_RELEASE)
        abort();
    if (v->verdict == GW_V_RELEASE && (judge(again, v->out)->verdict != GW_V_RELEASE || pol_verdict(again)->n_changed))
        abort();
    pol_eval_free(e);
    pol_eval_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rec_limits limits = { 32768, 32, 400, 32 };
    const char *detail = NULL;
    struct rec *r = NULL;
    if (!folder[0]) {
        if (jid_init())
            abort();
        folder_begin((const char *const[]){ "profiles", "lists", NULL });
        folder_put("lists/l.list", "word\n", 5);
    }
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    folder_put("profiles/p.conf", data, zero ? (size_t)(zero - data) : size);
    struct policy *none = load(deny), *all = load(go);
    if (zero && none && all && 
        !xs_parse_stanza((struct str){ (const char *)zero + 1, (size_t)(data + size - zero - 1) }, true, &limits, &r, &detail)) {
        with(none, r, false);
        with(all, r, true);
        rec_free(r);
    }
    policy_free(none);
    policy_free(all);
    return 0;
}
