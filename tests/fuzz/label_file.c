// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A file of label policies (rules/labels) of arbitrary bytes, then, behind a zero byte, a stanza. Oracles: it is refused with mistakes, or
 * loaded; without a rule it releases nothing; what leaves under a rule that releases everything is a record again. */
#include "file_and_stanza.h"
#include "jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char profile[] = "title = \"t\"; unnamed = \"strip\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; },"
    " { element = \"{urn:xmpp:sec-label:catalog:2}catalog\"; in = [ \"iq\" ]; attributes = [ \"to jid\" ]; } );";
static const char deny[] = "profiles = [ \"p\" ]; labels = [ \"l\" ];";
static const char go[] = "profiles = [ \"p\" ]; labels = [ \"l\" ]; rules = ( { id = 1; name = \"go\"; action = \"release\"; } );";

static void judge(struct policy *p, const struct rec *r, bool releases)
{
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct pol_eval *e = pol_eval_new(p, NULL);
    struct pol_facts facts = { .from_side = GW_HIGH };
    struct rec *back = NULL;
    struct buf b;
    if (!e)
        abort();
    for (enum pol_step step = pol_begin(e, r, &facts); step == POL_NEED_SCAN;)
        step = pol_resume(e, &(struct scan_result){ .status = SCAN_DONE }, GW_R_SCAN_TIMEOUT);
    const struct pol_verdict *v = pol_verdict(e);
    if (v->verdict == GW_V_RELEASE) {
        buf_init(&b, 17u << 20);
        if (!releases || rec_encode(v->out, &b) || rec_decode(buf_str(&b), &limits, &back) || !rec_equal(v->out, back))
            abort();
        rec_free(back);
        buf_clear(&b);
    }
    pol_eval_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder[0]) {
        if (jid_init())
            abort();
        folder_begin((const char *const[]){ "profiles", "lists", "labels", NULL });
        folder_put("profiles/p.conf", profile, sizeof profile - 1);
        folder_put("lists/l.list", "a@high.example\n", 15);
    }
    file_and_stanza("labels/l.conf", data, size, deny, go, judge);
    return 0;
}
