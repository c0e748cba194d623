// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What one stanza costs the guard's policy, without the scanner: decode, allow-list, rules, encode. And what many rules and long lists
 * add: 10,000 address rules against 10, a list of a million against one of 10; and a message to 31 people, for each of whom rules are asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jid.h"
#include "policy.h"

static char dir[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct policy *load(const char *rules)
{
    struct conf_errors errs;
    struct policy *p = NULL;
    conf_errors_init(&errs);
    put("main.rules", rules);
    if (policy_load(dir, 1, &p, &errs)) {
        conf_errors_print(&errs, stderr);
        exit(1);
    }
    conf_errors_clear(&errs);
    return p;
}

static int put_label(struct rec *r)
{
    return rec_open(r, STR("urn:xmpp:sec-label:0"), STR("securitylabel")) || rec_open(r, STR("urn:xmpp:sec-label:0"), STR("label")) ||
        rec_open(r, STR("urn:xmpp:sec-label:ess:0"), STR("esssecuritylabel")) ||
        rec_text(r, STR("MSICAQIGASkxGjAYgApghkgBZQIBCAMAoQowCAYCKQEDAgeA")) || rec_close(r) || rec_close(r) || rec_close(r);
}

static size_t carried; /* further recipients (XEP-0033) */

static int put_addresses(struct rec *r)
{
    int rc = rec_open(r, STR("http://jabber.org/protocol/address"), STR("addresses"));
    for (size_t i = 0; i < carried && !rc; i++) {
        char jid[64];
        snprintf(jid, sizeof jid, "reader%zu@low.example", i);
        rc = rec_open(r, STR("http://jabber.org/protocol/address"), STR("address")) || rec_attr_add(r, STR_NONE, STR("type"), STR("cc")) ||
            rec_attr_add(r, STR_NONE, STR("jid"), str_c(jid)) || rec_close(r);
    }
    return rc || rec_close(r);
}

static void stanza(struct buf *b, bool labelled)
{
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    char body[300];
    memset(body, 'x', sizeof body);
    int rc = !r || rec_head(r, REC_MESSAGE, STR("chat"), STR("purple5b3f"), STR("en")) || rec_address(r, STR("juliet@high.example/balcony"),
        STR("romeo@low.example"), STR("juliet@high.example/balcony"), STR("romeo@low.example")) || rec_pair(r, STR("high.example"), STR("low.example")) ||
        rec_open(r, STR("jabber:server"), STR("message")) || rec_open(r, STR("jabber:server"), STR("body")) ||
        rec_text(r, (struct str){ body, sizeof body }) || rec_close(r) || rec_open(r, STR("http://jabber.org/protocol/chatstates"), STR("active")) ||
        rec_close(r) || (labelled && put_label(r)) || (carried && put_addresses(r)) || rec_close(r) || rec_seal(r);
    buf_init(b, 1 << 20);
    if (rc || rec_encode(r, b))
        exit(1);
    rec_free(r);
}

#define ROUNDS (carried ? 20 : 200) /* those take longer */
#define TIMES (carried ? 100 : 1000)

/* The best round of each set, in microseconds a stanza; the second set's stanza may carry a label. They take turns, so that what else the machine does hits both. */
static void measure(struct policy *const sets[2], bool labelled, double best[2])
{
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    struct buf in[2], out;
    struct pol_facts facts = { .from_side = GW_HIGH };
    struct pol_eval *e[2] = { pol_eval_new(sets[0], NULL), pol_eval_new(sets[1], NULL) };
    stanza(&in[0], false);
    stanza(&in[1], labelled);
    buf_init(&out, 1 << 20);
    best[0] = best[1] = 1e9;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        int which = round & 1;
        double start = now();
        for (int i = 0; i < TIMES; i++) {
            buf_reset(&out);
            if (rec_decode_into(buf_str(&in[which]), r) || pol_begin(e[which], r, &facts) != POL_DONE ||
                pol_verdict(e[which])->verdict != GW_V_RELEASE || rec_encode(pol_verdict(e[which])->out, &out))
                exit(1);
        }
        double took = (now() - start) / TIMES * 1e6;
        best[which] = took < best[which] ? took : best[which];
    }
    buf_clear(&in[0]);
    buf_clear(&in[1]);
    buf_clear(&out);
    rec_free(r);
    for (int i = 0; i < 2; i++) {
        pol_eval_free(e[i]);
        policy_free(sets[i]);
    }
}

static char *rules_of(size_t n)
{
    size_t cap = n * 160 + 1000, used = 0;
    char *t = malloc(cap);
    if (!t)
        exit(1);
    used += (size_t)snprintf(t, cap, "profiles = [ \"p\" ];\nrules = (\n");
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(t + used, cap - used, "{ id = %zu; name = \"n\"; when = { from = \"user%zu@high.example\"; to = \"romeo@low.example\"; }; action = \"reject\"; },\n",
            i + 1, i);
    snprintf(t + used, cap - used, "{ id = 999999; name = \"n\"; kind = \"message\"; action = \"release\"; } );\n");
    return t;
}

static struct policy *with_list(size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/lists/l.list", dir);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; f && i < n; i++)
        fprintf(f, "user%zu@high.example\n", i);
    if (!f || fclose(f))
        exit(1);
    return load("profiles = [ \"p\" ]; rules = ( { id = 1; name = \"n\"; when = { from_list = \"l\"; }; action = \"reject\"; },"
        " { id = 2; name = \"r\"; action = \"release\"; } );");
}

/* Rules with labels enforced between the two domains, or the same without. */
static struct policy *with_labels(bool on)
{
    put("labels/l.conf", "policies = ( { name = \"P\"; oid = \"1.1\"; classifications = ( { name = \"LOW\"; value = 1; }, { name = \"TOP\"; value = 2; } );"
        " categories = ( { tag = \"Need\"; type = \"restrictive\"; oid = \"1.1.1\"; values = ( { name = \"A\"; value = 0; } ); } ); } );"
        " clearances = ( { who = [ \"high.example\", \"low.example\" ]; policy = \"P\"; upto = \"TOP\"; categories = [ \"Need/A\" ]; } );"
        " defaults = ( { from = [ \"high.example\" ]; policy = \"P\"; classification = \"LOW\"; } );"
        " pairs = ( { between = [ \"high.example\", \"low.example\" ]; clearances = ( { policy = \"P\"; upto = \"TOP\"; categories = [ \"Need/A\" ]; } ); } );");
    return load(on ? "profiles = [ \"p\" ]; labels = [ \"l\" ]; rules = ( { id = 1; name = \"r\"; action = \"release\"; } );"
        : "profiles = [ \"p\" ]; rules = ( { id = 1; name = \"r\"; action = \"release\"; } );");
}

static void labels(void)
{
    double plain[2], labelled[2];
    struct policy *first[2] = { with_labels(false), with_labels(true) };
    measure(first, false, plain);
    struct policy *second[2] = { with_labels(false), with_labels(true) };
    measure(second, true, labelled);
    printf("policy: one message, no label policies           %6.2f us\n", plain[0]);
    printf("policy: the same, judged by its default label    %6.2f us, %.2f times\n", plain[1], plain[1] / plain[0]);
    printf("policy: the same, with an ESS label              %6.2f us, %.2f times\n", labelled[1], labelled[1] / labelled[0]);
}

/* No index helps where each rule has to look at each recipient. */
static struct policy *every_rule(void)
{
    static char t[65536];
    size_t used = (size_t)snprintf(t, sizeof t, "profiles = [ \"p\" ];\nrules = (\n");
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(t + used, sizeof t - used, "{ id = %d; name = \"n\"; kind = \"message\"; when = { to_like = \"*nobody%d*\"; }; action = \"reject\"; },\n", i + 1, i);
    snprintf(t + used, sizeof t - used, "{ id = 999999; name = \"n\"; kind = \"message\"; action = \"release\"; } );\n");
    return load(t);
}

int main(void)
{
    static const char *const leave[] = { "main.rules", "lists/l.list", "profiles/p.conf", "labels/l.conf", "lists", "profiles", "labels" };
    char path[128];
    double a[2], b[2], c[2], d[2];
    snprintf(dir, sizeof dir, "/tmp/lockgate-bench-XXXXXX");
    if (jid_init() || !mkdtemp(dir))
        return 1;
    for (int i = 4; i < 7; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, leave[i]);
        if (mkdir(path, 0700))
            return 1;
    }
    put("profiles/p.conf", "title = \"t\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; },"
        "{ element = \"{http://jabber.org/protocol/chatstates}active\"; in = [ \"message\" ]; },"
        "{ element = \"{http://jabber.org/protocol/address}addresses\"; in = [ \"message\" ]; children = ( { element = \"address\"; max = 30; attributes = [ \"type any\", \"jid jid\" ]; } ); },"
        "{ element = \"{urn:xmpp:sec-label:0}securitylabel\"; in = [ \"message\" ]; children = ( { element = \"label\"; children = ("
        " { element = \"{urn:xmpp:sec-label:ess:0}esssecuritylabel\"; text = \"base64\"; } ); } ); } );");
    char *few = rules_of(10), *many = rules_of(10000);
    struct policy *rules[2] = { load(few), load(many) };
    measure(rules, false, a);
    printf("policy: one message, 10 address rules            %6.2f us (%.0f a second on one core)\n", a[0], 1e6 / a[0]);
    printf("policy: one message, 10,000 address rules        %6.2f us, %.2f times (goal: 1.2)\n", a[1], a[1] / a[0]);
    struct policy *lists[2] = { with_list(10) };
    double start = now();
    lists[1] = with_list(1000000);
    double loaded = now() - start;
    measure(lists, false, b);
    printf("policy: one message, a list of 10                %6.2f us\n", b[0]);
    printf("policy: one message, a list of 1,000,000         %6.2f us, %.2f times (goal: 1.2); written and loaded in %.1f s\n", b[1], b[1] / b[0], loaded);
    labels();
    carried = 30;
    struct policy *to_many[2] = { load(few), load(many) };
    measure(to_many, false, c);
    struct policy *asked[2] = { load("profiles = [ \"p\" ]; rules = ( { id = 1; name = \"r\"; action = \"release\"; } );"), every_rule() };
    measure(asked, false, d);
    printf("policy: a message to 31, 10 address rules        %6.2f us\n", c[0]);
    printf("policy: a message to 31, 10,000 address rules    %6.2f us, %.2f times\n", c[1], c[1] / c[0]);
    printf("policy: a message to 31, 1 rule                  %6.2f us\n", d[0]);
    printf("policy: a message to 31, 200 rules for anybody   %6.2f us, %.2f us a rule and recipient\n", d[1], (d[1] - d[0]) / 200 / 31);
    free(few);
    free(many);
    for (size_t i = 0; i < sizeof leave / sizeof *leave; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, leave[i]);
        (void)!remove(path);
    }
    rmdir(dir);
    return a[1] / a[0] <= 1.2 && b[1] / b[0] <= 1.2 ? 0 : 1;
}
