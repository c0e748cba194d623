// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A profile (allow-list) of arbitrary bytes, then, behind a zero byte, a stanza. Oracles: it is refused with mistakes, or loaded; loaded without
 * a rule it releases nothing; with one that releases everything, what the allow-list let through it lets through again unchanged. */
#include "file_and_stanza.h"
#include "jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char deny[] = "profiles = [ \"p\" ];", go[] = "profiles = [ \"p\" ]; rules = ( { id = 1; name = \"go\"; action = \"release\"; } );";

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
    if (!folder[0]) {
        if (jid_init())
            abort();
        folder_begin((const char *const[]){ "profiles", "lists", NULL });
        folder_put("lists/l.list", "word\n", 5);
    }
    file_and_stanza("profiles/p.conf", data, size, deny, go, with);
    return 0;
}
