// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Disco and caps kept true: the hashes of the specifications' own examples; what is told, learned, renamed and answered. */
#include "../../gw/policy/disco.h"
#include "policy_help.h"

#define INFO "http://jabber.org/protocol/disco#info"
#define Q "<query xmlns='" INFO "'>"
#define F(var) "<feature var='" var "'/>"
#define ANSWER(id, inside) "<iq from='a@high.example/x' to='b@low.example/y' type='result' id='" id "'><query xmlns='" INFO "'>" inside "</query></iq>"
#define ASK(id, query) "<iq from='b@low.example/y' to='a@high.example/x' type='get' id='" id "'>" query "</iq>"
/* XEP-0115 section 5.2: all of this but disco#items is let through by the profile below */
#define EXODUS "<identity category='client' type='pc' name='Exodus 0.9.1'/>" F(INFO) F("http://jabber.org/protocol/disco#items") F("http://jabber.org/protocol/muc") \
    F("http://jabber.org/protocol/caps")
#define EXODUS_VER "QgayPKawpkPSDYmwT/WM94uAlu0="
#define C(ver) "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://code.google.com/p/exodus' ver='" ver "'/>"
#define FORM "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" \
    "<field var='ip_version'><value>ipv4</value><value>ipv6</value></field><field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>" \
    "<field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field></x>"
#define BOMBUS "<identity category='client' name='BombusMod' type='mobile'/>" F("http://jabber.org/protocol/si") F("http://jabber.org/protocol/bytestreams") \
    F("http://jabber.org/protocol/chatstates") F(INFO) F("http://jabber.org/protocol/disco#items") F("urn:xmpp:ping") F("jabber:iq:time") F("jabber:iq:privacy") \
    F("jabber:iq:version") F("http://jabber.org/protocol/rosterx") F("urn:xmpp:time") F("jabber:x:oob") F("http://jabber.org/protocol/ibb") \
    F("http://jabber.org/protocol/si/profile/file-transfer") F("urn:xmpp:receipts") F("jabber:iq:roster") F("jabber:iq:last")

static const struct { const char *name, *set; enum caps_kind kind; const char *hash; } vectors[] = {
    { "XEP-0115, simple", EXODUS, CAPS_SHA1, EXODUS_VER },
    { "XEP-0115, with a form and languages", "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/><identity xml:lang='el' category='client' name='\xce\xa8 0.11' type='pc'/>"
        F("http://jabber.org/protocol/caps") F(INFO) F("http://jabber.org/protocol/disco#items") F("http://jabber.org/protocol/muc") FORM, CAPS_SHA1, "q07IKJEyjvHSyhy//CH0CxmKi8w=" },
    { "XEP-0390, simple", BOMBUS, CAPS_SHA256, "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=" },
    { "a set that could be taken for another", F("a&lt;b"), CAPS_SHA1, NULL },
    { "an element of a strange kind", F("a") "<y xmlns='urn:y'/>", CAPS_SHA256, NULL },
    { "a form without a type", "<x xmlns='jabber:x:data'><field var='a'/></x>", CAPS_SHA1, NULL } };

static void hashes(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char xml[4096], got[CAPS_TEXT] = "";
        struct arena a;
        snprintf(xml, sizeof xml, "<iq from='a@h' to='b@l' type='result' id='i'>" Q "%s</query></iq>", vectors[i].set);
        struct rec *r = help_stanza(xml);
        arena_init(&a, 64u << 20);
        int rc = r ? caps_hash(r, 1, vectors[i].kind, &a, got) : GW_ERR(NOMEM);
        bool good = vectors[i].hash ? !rc && !strcmp(got, vectors[i].hash) : rc == GW_ERR(SYNTAX);
        ok(good, "%s", vectors[i].name);
        if (!good)
            diag("%s %s", rc ? gw_strerror(rc) : "", got);
        arena_clear(&a);
        rec_free(r);
    }
}

/* A pair that tells ever new sets pushes out its own, not what others told. */
static void shares(void)
{
    struct disco_memory *m = NULL;
    struct disco_set s = { .text = STR("t"), .set = STR("x") }, got;
    int rc = 0;
    for (uint64_t i = 1; i <= 3 + 10 * DISCO_SETS && !rc; i++) {
        s.before = s.after = i;
        s.owner = i <= 3 ? 1 : 2;
        rc = disco_memory_add(&m, &s);
    }
    size_t kept = 0, others = 0;
    uint64_t least = UINT64_MAX;
    for (size_t at = 0; disco_memory_next(m, &at, &got);) {
        kept += got.owner == 1 && got.before <= 3;
        others += got.owner == 2;
        least = got.owner == 2 && got.before < least ? got.before : least;
    }
    ok(!rc && kept == 3, "a flood of sets from one pair leaves another's alone");
    ok(others == DISCO_SHARE && least == 3 + 10 * DISCO_SETS - DISCO_SHARE + 1, "it keeps its share, the newest of its own");
    disco_memory_free(m);
}

/* ---- judged ---- */

static struct pol_eval *e;

/* What leaves, or what is answered, as XML; else the reason. Valid until the next but one. */
static const char *cross(enum gw_side from, const char *xml)
{
    static char out[2][8192];
    static int turn;
    struct buf b;
    struct rec *r = help_stanza(xml);
    char *to = out[turn ^= 1];
    to[0] = 0;
    if (!r)
        return to;
    const struct pol_verdict *v = help_judge(e, r, from, 1700000000000, NULL, 0, HELP_ANSWERS);
    pol_stand(e);
    pol_commit(e);
    buf_init(&b, 8192);
    if ((v->reply || v->out) && !xs_serialise(v->reply ? v->reply : v->out, false, &b))
        snprintf(to, 8192, "%s%.*s", v->reply ? "reply: " : "", STR_ARG(buf_str(&b)));
    else
        snprintf(to, 8192, "%s", gw_reason_code(v->reason));
    buf_clear(&b);
    rec_free(r);
    return to;
}

static bool ver_in(const char *xml, char ret[64])
{
    const char *v = strstr(xml, " ver='"), *z = v ? strchr(v + 6, '\'') : NULL;
    if (!z || z - v - 6 > 63)
        return false;
    snprintf(ret, 64, "%.*s", (int)(z - v - 6), v + 6);
    return true;
}

static void told(void)
{
    static const char here[] = "<presence from='a@high.example/x' to='b@low.example'>" C(EXODUS_VER) "</presence>";
    char ver[64] = "", xml[1024];
    const char *got = cross(GW_HIGH, here);
    ok(!strstr(got, "<c "), "a hash that is not known does not cross: %s", got);
    (void)cross(GW_LOW, ASK("q0", Q "</query>"));
    (void)cross(GW_HIGH, ANSWER("q0", F("urn:other")));
    ok(!strstr(cross(GW_HIGH, here), "<c "), "the answer of another set teaches nothing about it");
    (void)cross(GW_LOW, ASK("q1", Q "</query>"));
    got = cross(GW_HIGH, ANSWER("q1", EXODUS));
    ok(strstr(got, "var='" INFO "'") && strstr(got, "protocol/muc'") && !strstr(got, "disco#items"),
        "an answer tells what a profile lets through: %s", got);
    got = cross(GW_HIGH, here);
    ok(ver_in(got, ver) && strcmp(ver, EXODUS_VER) != 0, "now the hash crosses, as that of what was told: %s", ver);
    snprintf(xml, sizeof xml, "<iq from='b@low.example/y' to='a@high.example/x' type='get' id='q2'><query xmlns='" INFO "' node='http://code.google.com/p/exodus#%s'/></iq>", ver);
    got = cross(GW_LOW, xml);
    ok(!strncmp(got, "reply: <iq from='a@high.example/x' to='b@low.example/y'", 55) && strstr(got, ver) && strstr(got, "protocol/muc'") && !strstr(got, "disco#items"),
        "who asks for it is answered by the gateway: %s", got);
    struct rec *r = help_stanza(got + 7);
    char again[CAPS_TEXT] = "";
    struct arena a;
    arena_init(&a, 64u << 20);
    ok(r && !caps_hash(r, 1, CAPS_SHA1, &a, again) && !strcmp(again, ver), "and what is answered has this hash");
    arena_clear(&a);
    rec_free(r);
    ok(!strstr(cross(GW_HIGH, "<presence from='a@high.example/x' to='b@third.example'>" C(EXODUS_VER) "</presence>"), "<c "), "another peer was told nothing yet");
    ok(!strstr(cross(GW_LOW, "<presence from='b@low.example/x' to='a@high.example'>" C(EXODUS_VER) "</presence>"), "<c "), "nor was the other direction");
    snprintf(xml, sizeof xml, "<iq from='b@third.example/y' to='a@high.example/x' type='get' id='q3'><query xmlns='" INFO "' node='http://code.google.com/p/exodus#%s'/></iq>", ver);
    ok(!strncmp(cross(GW_LOW, xml), "<iq", 3), "a question from there goes to whom it asks");
    ok(strstr(cross(GW_LOW, ASK("q4", "<query xmlns='" INFO "' node='some#thing'/>")), "node='some#thing'") != NULL, "so does one for another node");
}

static void newer(void)
{
    const char *got = cross(GW_HIGH, "<presence from='a@high.example/x' to='b@low.example'><c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>"
        "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=</hash></c></presence>");
    ok(!strstr(got, "<c "), "XEP-0390: not known, not told");
    (void)cross(GW_LOW, ASK("n1", Q "</query>"));
    (void)cross(GW_HIGH, ANSWER("n1", BOMBUS));
    got = cross(GW_HIGH, "<presence from='a@high.example/x' to='b@low.example'><c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>"
        "79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q=</hash><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=</hash></c></presence>");
    const char *h = strstr(got, "algo='sha-256'>");
    ok(h && !strstr(got, "sha3") && !strstr(got, "kzBZ"), "known: the one that can be computed here, renamed: %s", got);
    char xml[1024];
    snprintf(xml, sizeof xml, "<iq from='b@low.example/y' to='a@high.example/x' type='get' id='n2'><query xmlns='" INFO "' node='urn:xmpp:caps#sha-256.%.44s'/></iq>", h ? h + 15 : "");
    got = cross(GW_LOW, xml);
    ok(!strncmp(got, "reply: ", 7) && strstr(got, "urn:xmpp:ping") && !strstr(got, "rosterx"), "and answered: %s", got);
}

int main(void)
{
    static const char profile[] = "title = \"t\"; features = [ \"muc_*\", \"urn:xmpp:ping\" ]; elements = (\n"
        "  { element = \"{http://jabber.org/protocol/disco#info}query\"; in = [ \"iq\" ]; attributes = [ \"node id\" ]; children = (\n"
        "    { element = \"identity\"; attributes = [ \"category token\", \"type token\", \"name any\" ]; }, { element = \"feature\"; attributes = [ \"var id\" ]; } ); },\n"
        "  { element = \"{http://jabber.org/protocol/muc}x\"; in = [ \"presence\" ]; },\n"
        "  { element = \"{http://jabber.org/protocol/caps}c\"; in = [ \"presence\" ]; attributes = [ \"hash token\", \"node uri\", \"ver base64\" ]; },\n"
        "  { element = \"{urn:xmpp:caps}c\"; in = [ \"presence\" ]; children = ( { element = \"{urn:xmpp:hashes:2}hash\"; text = \"base64\"; attributes = [ \"algo token\" ]; } ); } );\n";
    bool ready = help_begin();
    hashes();
    shares();
    help_file("profiles/test.conf", profile);
    struct policy *p = ready ? help_load("{ id = 9; name = \"go\"; action = \"release\"; }") : NULL;
    struct pol_state *s = pol_state_new();
    e = p ? pol_eval_new(p, s) : NULL;
    if (ok(e != NULL, "a set")) {
        told();
        newer();
    }
    pol_eval_free(e);
    pol_state_free(s);
    policy_free(p);
    help_end();
    return done_testing();
}
