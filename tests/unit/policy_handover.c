// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What one guard remembers goes to the next: questions, contacts, rates, presence, sets. What is not in order is refused, and harms nothing. */
#include "policy_help.h"

#define RULES "{ id = 1; name = \"fold\"; kind = \"presence\"; action = \"fold\"; shows = [ \"show\" ]; }, " \
    "{ id = 2; name = \"n\"; kind = \"iq\"; type = \"result\"; when = { unsolicited = false; }; action = \"release\"; }, " \
    "{ id = 3; name = \"n\"; kind = \"message\"; when = { first_contact = true; to = \"a@high.example\"; }; action = \"drop\"; }, " \
    "{ id = 4; name = \"n\"; kind = \"message\"; when = { rate = { above = 2; per = \"1h\"; by = \"from\"; }; }; action = \"throttle\"; }, " \
    "{ id = 9; name = \"go\"; type = [ \"get\", \"normal\", \"available\" ]; action = \"release\"; }"
#define NOW 1700000000000
#define HERE "<presence from='a@high.example/x' to='b@low.example'/>"
#define ASK "<iq from='a@high.example/x' to='b@low.example/y' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>"
#define ANSWER "<iq from='b@low.example/y' to='a@high.example/x' type='result' id='q'/>"
#define WRITE "<message from='a@high.example/x' to='b@low.example'><body>x</body></message>"
#define BACK "<message from='b@low.example/y' to='a@high.example'><body>x</body></message>"

static struct { char bytes[65536]; size_t n; } records[64];
static size_t n_records;

static int keep(void *ctx, struct str record)
{
    (void)ctx;
    if (n_records == 64 || record.n > sizeof records[0].bytes)
        return GW_ERR(LIMIT);
    memcpy(records[n_records].bytes, record.p, record.n);
    records[n_records++].n = record.n;
    return 0;
}

static const char *judged(const struct policy *p, struct pol_state *s, enum gw_side from, const char *xml)
{
    struct rec *r = help_stanza(xml);
    struct pol_eval *e = pol_eval_new(p, s);
    const char *code = "?";
    if (r && e) {
        (void)help_judge(e, r, from, NOW, NULL, 0, HELP_ANSWERS);
        pol_stand(e);
        pol_commit(e);
        code = pol_verdict(e)->verdict == GW_V_RELEASE ? "released" : gw_reason_code(pol_verdict(e)->reason);
    }
    pol_eval_free(e);
    rec_free(r);
    return code;
}

static struct str record(size_t i) { return (struct str){ records[i].bytes, records[i].n }; }

static void hostile(const struct policy *p)
{
    size_t tried = 0, taken = 0;
    for (size_t i = 0; i < n_records; i++)
        for (size_t at = 0; at < records[i].n; at++)
            for (int how = 0; how < 2; how++) {
                struct pol_state *s = pol_state_new();
                char was = records[i].bytes[at];
                int rc = 0;
                for (size_t k = 0; k < i && !rc; k++)
                    rc = pol_state_take(s, p, record(k), NOW);
                records[i].bytes[at] = (char)(was ^ (how ? 0x80 : 0x01));
                if (!rc)
                    taken += pol_state_take(s, p, record(i), NOW) == 0;
                records[i].bytes[at] = was;
                if (!rc && !how)
                    rc = pol_state_take(s, p, (struct str){ records[i].bytes, at }, NOW); /* cut */
                (void)judged(p, s, GW_LOW, ANSWER);
                tried++;
                pol_state_free(s);
            }
    ok(tried > 300 && taken < tried, "%zu records with a bit turned or cut: %zu could be true, none does harm", tried, taken);
}

int main(void)
{
    struct policy *p = help_begin() ? help_load(RULES) : NULL;
    struct pol_state *old = pol_state_new(), *new = pol_state_new(), *third = pol_state_new();
    if (!ok(p != NULL, "a set"))
        return done_testing();
    pol_state_started(new, NOW);
    pol_state_started(third, NOW);
    ok(!strcmp(judged(p, old, GW_HIGH, HERE), "released") && !strcmp(judged(p, old, GW_HIGH, ASK), "released") && !strcmp(judged(p, old, GW_HIGH, WRITE), "released"),
        "presence, a question, a message");
    int rc = pol_state_give(old, p, NOW, keep, NULL);
    ok(!rc && n_records >= 5, "what is remembered, as %zu records", n_records);
    ok(pol_state_take(third, p, record(1), NOW) == GW_ERR(PROTO), "nothing before the first record");
    bool good = true;
    for (size_t i = 0; i < n_records; i++)
        good = good && !pol_state_take(new, p, record(i), NOW);
    ok(good, "the next one takes them all");
    ok(!strcmp(judged(p, new, GW_HIGH, HERE), "folded"), "it knows what the other side was told");
    ok(!strcmp(judged(p, new, GW_LOW, ANSWER), "released"), "it knows the open question");
    ok(!strcmp(judged(p, new, GW_LOW, ANSWER), "default-deny"), "and that there is no other, though it has just started");
    ok(!strcmp(judged(p, new, GW_LOW, BACK), "released"), "it knows who has written to whom");
    ok(!strcmp(judged(p, new, GW_HIGH, WRITE), "released") && !strcmp(judged(p, new, GW_HIGH, WRITE), "rate"), "it counts on");
    ok(pol_state_take(new, p, record(0), NOW) == GW_ERR(PROTO), "what is in use takes nothing more");
    ok(!pol_state_take(third, p, record(0), NOW) && !strcmp(judged(p, third, GW_LOW, ANSWER), "unknown-condition"), "half of it: whether somebody asked is not known");
    hostile(p);
    pol_state_free(old);
    pol_state_free(new);
    pol_state_free(third);
    policy_free(p);
    help_end();
    return done_testing();
}
