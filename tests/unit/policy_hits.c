// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Counts of rules go from one set to the next by the rules' numbers, and bytes that are no counts change nothing. */
#include "policy_help.h"

#define RULE(id, kind) "{ id = " id "; name = \"r\"; kind = \"" kind "\"; action = \"drop\"; }"

static void hit(struct policy *p, const char *xml, int64_t now)
{
    struct pol_eval *e = pol_eval_new(p, NULL);
    struct rec *r = help_stanza(xml);
    if (e && r)
        (void)help_judge(e, r, GW_HIGH, now, NULL, 0, HELP_ANSWERS);
    rec_free(r);
    pol_eval_free(e);
}

static bool has(const struct policy *p, size_t i, uint64_t hits, int64_t last)
{
    struct pol_rule_info info;
    policy_rule_get(p, i, &info);
    if (info.hits != hits || info.last_hit_ms != last)
        diag("rule %u: %llu, last %lld", info.id, (unsigned long long)info.hits, (long long)info.last_hit_ms);
    return info.hits == hits && info.last_hit_ms == last;
}

int main(void)
{
    struct buf b;
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    struct policy *old = help_load(RULE("1", "message") "," RULE("2", "presence") "," RULE("3", "iq"));
    struct policy *new = help_load(RULE("3", "iq") "," RULE("4", "presence") "," RULE("1", "message"));
    buf_init(&b, POLICY_HITS_MAX);
    if (!ok(old && new, "two sets"))
        return done_testing();
    hit(old, "<message from='a@high.example' to='b@low.example'><body>x</body></message>", 1000);
    hit(old, "<message from='a@high.example' to='b@low.example'><body>x</body></message>", 2000);
    hit(old, "<presence from='a@high.example' to='b@low.example'/>", 3000);
    ok(policy_hits_put(old, &b) == 0 && buf_size(&b) == 40, "two rules have held: two counts");
    hit(new, "<message from='a@high.example' to='b@low.example'><body>x</body></message>", 1500);
    policy_hits_add(new, buf_str(&b));
    ok(has(new, 2, 3, 2000), "the rule of the same number counts on, whatever its place");
    ok(has(new, 0, 0, 0) && has(new, 1, 0, 0), "another one does not");
    policy_hits_add(new, (struct str){ (const char *)buf_data(&b), 39 });
    policy_hits_add(new, STR("nonsense"));
    policy_hits_add(new, STR(""));
    ok(has(new, 2, 3, 2000), "what is cut or no count at all is left alone");
    buf_clear(&b);
    policy_free(old);
    policy_free(new);
    help_end();
    return done_testing();
}
