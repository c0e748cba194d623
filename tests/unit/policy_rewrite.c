// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Aliases: the same name always the same, each peer another, nobody outside can make one; they come back as what they are, wherever
 * they stand, and no refusal tells the name. */
#include "../../gw/policy/alias.h"
#include "policy_help.h"

#define RULES "{ id = 1; name = \"n\"; direction = \"high-to-low\"; action = \"rewrite\"; rewrite = { resources = [ \"high.example\" ]; " \
    "hosts = [ \"*.inner.high.example\" ]; }; }, " \
    "{ id = 2; name = \"n\"; when = { text = \"stop\"; }; action = \"reject\"; }, " \
    "{ id = 3; name = \"n\"; kind = \"iq\"; type = \"result\"; when = { unsolicited = true; }; action = \"drop\"; }, { id = 9; name = \"go\"; action = \"release\"; }"

static struct policy *policy;
static struct pol_state *state;
static struct pol_eval *eval;

/* What leaves, as XML; "" where nothing does. Valid until the next call. */
static const char *cross(enum gw_side from, const char *fmt, ...)
{
    static char xml[4096], out[2][8192];
    static int turn;
    struct buf b;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(xml, sizeof xml, fmt, ap);
    va_end(ap);
    struct rec *r = help_stanza(xml);
    char *to = out[turn ^= 1];
    to[0] = 0;
    if (!r)
        return to;
    const struct pol_verdict *v = help_judge(eval, r, from, 1700000000000, NULL, 0, HELP_ANSWERS);
    pol_commit(eval);
    buf_init(&b, 8192);
    if (v->out && !xs_serialise(v->out, false, &b))
        snprintf(to, 8192, "%.*s", STR_ARG(buf_str(&b)));
    else
        snprintf(to, 8192, "%s", gw_reason_code(v->reason));
    buf_clear(&b);
    rec_free(r);
    return to;
}

/* The text between two marks. */
static bool between(const char *xml, const char *before, const char *after, char ret[256])
{
    const char *a = strstr(xml, before), *z = a ? strstr(a + strlen(before), after) : NULL;
    if (!z || z - a > 255)
        return false;
    snprintf(ret, 256, "%.*s", (int)(z - a - (long)strlen(before)), a + strlen(before));
    return true;
}

#define TREE "<tree xmlns='urn:x'><leaf jid='juliet@high.example/balcony'>juliet@high.example/balcony</leaf><leaf>xmpp:juliet@high.example/balcony</leaf></tree>"

static void there_and_back(void)
{
    char alias[256] = "", jid[256] = "", text[256] = "", uri[256] = "", other[256] = "", desk[256] = "";
    const char *xml = cross(GW_HIGH, "<message from='juliet@high.example/balcony' to='romeo@low.example/orchard' id='a' type='chat'><body>hi</body>" TREE "</message>");
    ok(between(xml, "from='juliet@high.example/", "'", alias) && !strstr(xml, "balcony") && strstr(xml, "to='romeo@low.example/orchard'"), "no name is left outside: %s", xml);
    ok(between(xml, "jid='juliet@high.example/", "'", jid) && !strcmp(jid, alias) && between(xml, "'>juliet@high.example/", "<", text) && !strcmp(text, alias) &&
        between(xml, "xmpp:juliet@high.example/", "<", uri) && !strcmp(uri, alias), "the same alias in head, attribute, text and URI");
    ok(between(cross(GW_HIGH, "<message from='juliet@high.example/balcony' to='x@third.example' id='a' type='chat'><body>hi</body></message>"),
        "from='juliet@high.example/", "'", other) && strcmp(other, alias), "another peer sees another alias");
    ok(between(cross(GW_HIGH, "<message from='nurse@high.example/balcony' to='x@low.example' id='a' type='chat'><body>hi</body></message>"),
        "from='nurse@high.example/", "'", desk) && strcmp(desk, alias), "the same name of somebody else is another alias");
    xml = cross(GW_LOW, "<message from='romeo@low.example/orchard' to='juliet@high.example/%s' id='a' type='chat'><tree xmlns='urn:x'><leaf jid='juliet@high.example/%s'/></tree>"
        "</message>", alias, alias);
    ok(strstr(xml, "to='juliet@high.example/balcony'") && strstr(xml, "jid='juliet@high.example/balcony'") && strstr(xml, "from='romeo@low.example/orchard'"),
        "it comes back as the name, everywhere: %s", xml);
    ok(strstr(cross(GW_LOW, "<message from='romeo@low.example' to='nurse@high.example/%s' id='a'><body>x</body></message>", alias), alias) != NULL,
        "an alias that belongs to somebody else stays what it is");
    ok(strstr(cross(GW_LOW, "<message from='x@third.example' to='juliet@high.example/%s' id='a'><body>x</body></message>", alias), alias) != NULL,
        "so does one that another peer got");
    alias[3] = alias[3] == 'a' ? 'b' : 'a';
    ok(strstr(cross(GW_LOW, "<message from='romeo@low.example' to='juliet@high.example/%s' id='a'><body>x</body></message>", alias), alias) != NULL,
        "and one that was made up");
    ok(strstr(cross(GW_HIGH, "<message from='juliet@high.example' to='romeo@low.example' id='a'><body>see juliet@high.example/x, or not</body></message>"), "see juliet@high.example/x, or not")
        != NULL, "an address inside a sentence is text");
}

static void hosts(void)
{
    char host[256] = "";
    const char *xml = cross(GW_HIGH, "<message from='a@high.example' to='b@low.example' id='a'><tree xmlns='urn:x'><leaf jid='db@node7.inner.high.example/x'/></tree></message>");
    ok(!strstr(xml, "inner") && !strstr(xml, "node7") && between(xml, "jid='db@", "/", host) && strlen(host) > 20 && strstr(host, ".high.example"), "a host name: %s", xml);
    between(xml, "jid='", "'", host);
    xml = cross(GW_LOW, "<message from='b@low.example' to='a@high.example' id='a'><tree xmlns='urn:x'><leaf jid='%s'/></tree></message>", host);
    ok(strstr(xml, "jid='db@node7.inner.high.example/x'") != NULL, "and back, with its resource: %s", xml);
}

static void questions(void)
{
    char alias[256] = "";
    struct rec *said = NULL, *r;
    const char *xml = cross(GW_HIGH, "<iq from='juliet@high.example/balcony' to='low.example' id='q1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    ok(between(xml, "from='juliet@high.example/", "'", alias), "a question goes under the alias");
    xml = cross(GW_LOW, "<iq from='low.example' to='juliet@high.example/%s' id='q1' type='result'/>", alias);
    ok(strstr(xml, "to='juliet@high.example/balcony'") != NULL, "its answer is one that was asked for: %s", xml);
    xml = cross(GW_LOW, "<iq from='romeo@low.example/o' to='juliet@high.example/%s' id='q2' type='get'><ping xmlns='urn:xmpp:ping'/></iq>", alias);
    ok(strstr(xml, "to='juliet@high.example/balcony'") != NULL, "a question to an alias arrives");
    ok(!strcmp(cross(GW_HIGH, "<iq from='juliet@high.example/balcony' to='romeo@low.example/o' id='q2' type='result'><tree xmlns='urn:x'>stop</tree></iq>"), "rule"),
        "its answer is refused");
    /* judged once more: the answer in its place */
    cross(GW_LOW, "<iq from='romeo@low.example/o' to='juliet@high.example/%s' id='q3' type='get'><ping xmlns='urn:xmpp:ping'/></iq>", alias);
    r = help_stanza("<iq from='juliet@high.example/balcony' to='romeo@low.example/o' id='q3' type='result'><tree xmlns='urn:x'>stop</tree></iq>");
    (void)help_judge(eval, r, GW_HIGH, 1700000000000, NULL, 0, HELP_ANSWERS);
    bool good = !pol_substitute(eval, &said) && strstr(said->from.p, alias) && str_eq(said->to, STR("romeo@low.example/o"));
    ok(good, "and what stands in its place does not tell the name: %s", good ? said->from.p : "");
    rec_free(said);
    rec_free(r);
    r = help_stanza("<message from='romeo@low.example/o' to='juliet@high.example/zzz' id='e' type='chat'><body>stop</body></message>");
    (void)help_judge(eval, r, GW_LOW, 1700000000000, NULL, 0, HELP_ANSWERS);
    said = NULL;
    ok(!pol_answer(eval, STR("1-1"), &said) && str_eq(said->from, STR("juliet@high.example/zzz")), "a refusal speaks in the addresses that its sender used");
    rec_free(said);
    rec_free(r);
}

static void ciphers(void)
{
    unsigned char key[ALIAS_KEY], zero[ALIAS_KEY] = { 0 };
    static char big[1000];
    char a[ALIAS_MAX], b[ALIAS_MAX];
    size_t n = 0, m = 0;
    bool good = !alias_key(zero, STR("low.example"), STR("high.example"), key);
    memset(big, 'x', sizeof big);
    for (size_t len = 0; good && len <= 622; len += 7) {
        struct str name = { big, len };
        good = !alias_make(key, STR("a@b"), name, a, &n) && n <= ALIAS_MAX && !alias_open(key, STR("a@b"), (struct str){ a, n }, b, &m) && m == len && !memcmp(b, big, len);
    }
    ok(good, "names of every length, there and back");
    ok(alias_make(key, STR("a@b"), (struct str){ big, 700 }, a, &n) == GW_ERR(LIMIT), "one that is too long is refused");
    good = !alias_make(key, STR("a@b"), STR("balcony"), a, &n);
    for (size_t i = 0; good && i < n; i++) {
        char was = a[i];
        a[i] = was == 'q' ? 'r' : 'q';
        good = was == a[i] || alias_open(key, STR("a@b"), (struct str){ a, n }, b, &m) == GW_ERR(SYNTAX);
        a[i] = was;
    }
    ok(good && alias_open(key, STR("a@c"), (struct str){ a, n }, b, &m) == GW_ERR(SYNTAX), "a letter changed, or another owner: none of ours");
    for (size_t len = 0; good && len < n; len++)
        good = alias_open(key, STR("a@b"), (struct str){ a, len }, b, &m) == GW_ERR(SYNTAX);
    ok(good, "cut short: none of ours");
}

int main(void)
{
    if (!ok(help_begin() && (policy = help_load(RULES)) && (state = pol_state_new()) && (eval = pol_eval_new(policy, state)), "a set that rewrites"))
        return done_testing();
    pol_state_secret(state, (const unsigned char *)"0123456789abcdef0123456789abcdef");
    there_and_back();
    hosts();
    questions();
    ciphers();
    pol_eval_free(eval);
    pol_state_free(state);
    policy_free(policy);
    help_end();
    return done_testing();
}
