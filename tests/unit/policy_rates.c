// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The table of rates under a flood of new senders: a domain has its share of it, beyond that its further senders count together; others go
 * on as before, and so does the share after a change of guards. */
#include "../../gw/policy/state_table.h"
#include "policy_help.h"

#define NOW 1700000000000LL
#define RULES "{ id = 1; name = \"n\"; kind = \"message\"; when = { rate = { above = 3; per = \"1h\"; by = \"from_bare\"; }; }; action = \"throttle\"; }, " \
    "{ id = 2; name = \"r\"; action = \"release\"; }"

static struct { unsigned released, throttled, other; } seen;

static void one(struct pol_eval *e, const char *user, size_t n, const char *domain, int64_t now)
{
    char xml[200];
    snprintf(xml, sizeof xml, "<message from='%s%zu@%s' to='b@low.example'><body>x</body></message>", user, n, domain);
    struct rec *r = help_stanza(xml);
    const struct pol_verdict *v = help_judge(e, r, GW_HIGH, now, NULL, 0, HELP_ANSWERS);
    seen.released += v->verdict == GW_V_RELEASE;
    seen.throttled += v->verdict == GW_V_REJECT && v->reason == GW_R_RATE && v->rule == 1;
    seen.other += v->verdict != GW_V_RELEASE && v->reason != GW_R_RATE;
    pol_commit(e);
    rec_free(r);
}

static bool were(unsigned released, unsigned throttled)
{
    bool good = seen.released == released && seen.throttled == throttled && !seen.other;
    if (!good)
        diag("%u released, %u throttled, %u other", seen.released, seen.throttled, seen.other);
    memset(&seen, 0, sizeof seen);
    return good;
}

struct taking { const struct policy *p; struct pol_state *to; };
static int take(void *ctx, struct str record)
{
    struct taking *t = ctx;
    return pol_state_take(t->to, t->p, record, NOW + 1000);
}

int main(void)
{
    struct policy *p = help_begin() ? help_load(RULES) : NULL;
    struct pol_state *s = pol_state_new(), *next = pol_state_new();
    if (!ok(p && s && next, "a set with a rate"))
        return done_testing();
    struct pol_eval *e = pol_eval_new(p, s);
    one(e, "anna", 0, "good.example", NOW);
    for (size_t i = 0; i < RATE_SHARE; i++)
        one(e, "flood", i, "bad.example", NOW);
    ok(were(RATE_SHARE + 1, 0), "as many senders as a domain has a share for");
    for (size_t i = 0; i < 10; i++)
        one(e, "more", i, "bad.example", NOW + i);
    ok(were(3, 7), "further ones of it count together, and are throttled");
    for (size_t i = 0; i < 3; i++)
        one(e, "flood", 7, "bad.example", NOW + 20);
    ok(were(2, 1), "who was counted before still has a count of their own");
    for (size_t i = 0; i < 5; i++) {
        one(e, "anna", 0, "good.example", NOW + 30);
        one(e, "berta", i, "good.example", NOW + 30);
    }
    ok(were(7, 3), "senders of other domains, known and new, are counted as ever");
    ok(pol_state_give(s, p, NOW + 1000, take, &(struct taking){ p, next }) == 0, "another guard takes over");
    struct pol_eval *then = pol_eval_new(p, next);
    one(then, "latest", 0, "bad.example", NOW + 2000);
    one(then, "carla", 0, "good.example", NOW + 2000);
    ok(were(1, 1), "and knows whose share is used up");
    for (size_t i = 0; i < 10; i++)
        one(then, "again", i, "bad.example", NOW + 2 * 3600000);
    ok(were(10, 0), "when the time is over, new senders are counted by themselves again");
    pol_eval_free(e);
    pol_eval_free(then);
    pol_state_free(s);
    pol_state_free(next);
    policy_free(p);
    help_end();
    return done_testing();
}
