// link: content policy xmpp record ipc base
// libs: -lyara -lhs -lexpat -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Redaction under random placement: secrets, plain and in disguise, in every place of a stanza that can hold text. XML in; the real reader,
 * policy, detectors and writer; XML out. In what leaves no byte may tell the secret; what cannot be cleaned has to be refused. A fixed
 * seed; REDACTION_CASES and REDACTION_SEED make longer and other runs. */
#include "policy_help.h"

#include "content.h"
#include "utf8.h"

/* ---- the places: payloads with holes, each hole a place of its own ---- */

#define M 1u /* message */
#define P 2u /* presence */
#define Q 4u /* iq */
static const struct payload { unsigned kinds; const char *xml; } payloads[] = {
    { M, "<subject>\x01</subject>" }, { M, "<body>\x01</body>" }, { M, "<thread parent='\x01'>\x01</thread>" },
    { P, "<status>\x01</status>" },
    { M | P, "<nick xmlns='http://jabber.org/protocol/nick'>\x01</nick>" },
    { M, "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p>\x01<span style='\x01'>\x02</span>"
         "<a href='\x01' title='\x01'>\x02</a></p><ul><li>\x01</li></ul><img alt='\x01' src='\x01'/></body></html>" },
    { M, "<reply xmlns='urn:xmpp:reply:0' to='\x01' id='\x01'/>" },
    { M, "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='4'>\x01</body></fallback>" },
    { M, "<replace xmlns='urn:xmpp:message-correct:0' id='\x01'/>" },
    { M, "<reactions xmlns='urn:xmpp:reactions:0' id='\x01'><reaction>\x01</reaction></reactions>" },
    { M | P, "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z' from='\x01'>\x01</delay>" },
    { M, "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'>\x01</delay>"
         "<message xmlns='jabber:client' from='a@high.example/\x01' to='b@low.example' id='\x01'><subject>\x01</subject><body>\x01</body></message></forwarded>" },
    { M | Q, "<x xmlns='jabber:x:data' type='form'><title>\x01</title><instructions>\x01</instructions><field var='\x01' label='\x01'><desc>\x01</desc>"
         "<value>\x01</value><option label='\x01'><value>\x01</value></option></field><reported><field var='\x01'/></reported></x>" },
    { M, "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='\x01'><item id='\x01' publisher='\x01'><entry xmlns='urn:entry' note='\x01'>\x01"
         "<summary>\x01</summary></entry></item></items></event>" },
    { Q, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='\x01'><item id='\x01'><tune xmlns='http://jabber.org/protocol/tune'><artist>\x01</artist>"
         "<title>\x01</title><uri>\x01</uri></tune></item></publish></pubsub>" },
    { Q, "<vCard xmlns='vcard-temp'><FN>\x01</FN><N><FAMILY>\x01</FAMILY><GIVEN>\x01</GIVEN></N><NICKNAME>\x01</NICKNAME><ORG><ORGNAME>\x01</ORGNAME></ORG>"
         "<TEL><NUMBER>\x01</NUMBER></TEL><ADR><STREET>\x01</STREET></ADR><DESC>\x01</DESC><PHOTO><TYPE>\x01</TYPE><BINVAL>\x01</BINVAL></PHOTO></vCard>" },
    { Q, "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>\x01</text></fn><note><text>\x01</text></note></vcard>" },
    { Q, "<query xmlns='http://jabber.org/protocol/disco#info' node='\x01'><identity category='\x01' type='\x01' name='\x01'/><feature var='\x01'/></query>" },
    { M | P, "<x xmlns='http://jabber.org/protocol/muc#user'><item nick='\x01'><reason>\x01</reason></item></x>" },
    { P, "<x xmlns='http://jabber.org/protocol/muc'><password>\x01</password></x>" },
    { M, "<x xmlns='jabber:x:conference' jid='room@low.example/\x01' reason='\x01' password='\x01'/>" },
    { P, "<c xmlns='urn:caps' node='\x01' ver='\x01'/>" },
    { M, "<displayed xmlns='urn:xmpp:chat-markers:0' id='\x01'/>" }, { M, "<origin-id xmlns='urn:xmpp:sid:0' id='\x01'/>" },
    { M, "<x xmlns='jabber:x:oob'><url>\x01</url><desc>\x01</desc></x>" },
};
#define PAYLOADS (sizeof payloads / sizeof *payloads)

/* ---- a profile made from the payloads: each element, each attribute, any text ---- */

static bool first_like(const struct rec *r, uint32_t i)
{
    for (uint32_t k = r->nodes[r->nodes[i].parent].first_child; k != i; k = r->nodes[k].next)
        if (!r->nodes[k].is_text && str_eq(r->nodes[k].name, r->nodes[i].name) && str_eq(r->nodes[k].ns, r->nodes[i].ns))
            return false;
    return true;
}

static void put_element(struct buf *b, const struct rec *r, uint32_t i, const char *in)
{
    const struct rec_node *n = &r->nodes[i];
    const char *sep = "";
    int err = buf_printf(b, "{ element = \"{%.*s}%.*s\"; max = 9; text = \"any\"; %s attributes = [ ", STR_ARG(n->ns), STR_ARG(n->name), in);
    for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs; a++, sep = ", ")
        err |= buf_printf(b, "%s\"%.*s any\"", sep, STR_ARG(r->attrs[a].name));
    err |= buf_printf(b, " ]; children = ( ");
    sep = "";
    for (uint32_t c = n->first_child; c != REC_NONE; c = r->nodes[c].next)
        if (!r->nodes[c].is_text && first_like(r, c)) {
            err |= buf_printf(b, "%s", sep);
            put_element(b, r, c, "");
            sep = ", ";
        }
    err |= buf_printf(b, " ); }");
    if (err)
        exit(99);
}

static struct rec *read_stanza(const char *xml, size_t n)
{
    static const struct rec_limits limits = { 1u << 20, 64, 8192, 64 };
    struct rec *r = NULL;
    const char *detail = NULL;
    if (xs_parse_stanza((struct str){ xml, n }, true, &limits, &r, &detail)) {
        if (!strstr(detail ? detail : "", "address"))
            diag("%s: %.*s", detail ? detail : "?", (int)n, xml);
        return NULL;
    }
    return r;
}

/* A payload without holes, in a stanza of its first kind. */
static void put_payload(struct buf *b, const struct payload *p, const char *sep)
{
    char xml[4096] = "<message xmlns='jabber:server' from='a@high.example/r' to='b@low.example'>";
    size_t n = strlen(xml);
    for (const char *c = p->xml; *c; c++)
        xml[n++] = *c > 2 ? *c : 'x';
    memcpy(xml + n, "</message>", 10);
    struct rec *r = read_stanza(xml, n + 10);
    if (!r || buf_printf(b, "%s", sep))
        exit(99);
    put_element(b, r, r->nodes[0].first_child, "in = [ \"message\", \"presence\", \"iq\" ];");
    rec_free(r);
}

/* ---- secrets and disguises ---- */

/* letters: what is left of it in small letters and digits. */
#define PLAN "The northern depot will be emptied in the second week of March. Forty containers go by rail to the coast, and the rest follows on the road in convoys of six lorries."
static char plan_letters[sizeof PLAN];
static const struct secret { const char *text, *letters; } secrets[] = { { "4111 1111 1111 1111", "4111111111111111" }, { "5500-0000-0000-0004", "5500000000000004" },
    { "DE89 3704 0044 0532 0130 00", "de89370400440532013000" }, { "TOP SECRET", "topsecret" }, { "AKIAIOSFODNN7QWERTYU", "akiaiosfodnn7qwertyu" },
    { "Anna Lindqvist", "annalindqvist" }, { PLAN, plan_letters } }; /* a sealed value, a paragraph of a document */
#define SECRETS (sizeof secrets / sizeof *secrets)

static uint64_t seed;
static uint32_t dice(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static void put(struct buf *b, const char *p, size_t n)
{
    if (buf_put(b, p, n))
        exit(99);
}
static void puts_(struct buf *b, const char *s) { put(b, s, strlen(s)); }

static void put_base64(struct buf *b, const char *s)
{
    static const char c[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t n = strlen(s); n > 0; n -= n < 3 ? n : 3, s += 3) {
        unsigned x = (unsigned)(unsigned char)s[0] << 16 | (n > 1 ? (unsigned)(unsigned char)s[1] << 8 : 0) | (n > 2 ? (unsigned char)s[2] : 0);
        char e[4] = { c[x >> 18], c[x >> 12 & 63], n > 1 ? c[x >> 6 & 63] : '=', n > 2 ? c[x & 63] : '=' };
        put(b, e, 4);
    }
}

#define DISGUISES 11u
static void disguise(struct buf *b, const char *s, unsigned how)
{
    char t[8];
    if (how == 9) {
        put_base64(b, s);
        return;
    }
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool blank = c == ' ' || c == '-';
        switch (how) {
        case 1: put(b, s, 1), puts_(b, blank ? "" : "\xe2\x80\x8b"); break;                                        /* zero-width */
        case 2: t[0] = (char)0xef, t[1] = (char)(0xbc + (c - 0x20 >= 0x40)), t[2] = (char)(0x80 + (c - 0x20) % 0x40), put(b, blank ? s : t, blank ? 1 : 3); break; /* full-width */
        case 3: put(b, s, 1), puts_(b, blank || !s[1] ? "" : " "); break;                                           /* spaced out */
        case 4: snprintf(t, sizeof t, "%%%02X", c), puts_(b, t); break;
        case 5: snprintf(t, sizeof t, "&#%u;", c), puts_(b, t); break;                                              /* as text, not as XML */
        case 6: snprintf(t, sizeof t, "%02x", c), puts_(b, t); break;
        case 7: puts_(b, c == 'O' ? "\xd0\x9e" : c == 'A' ? "\xd0\x90" : c == 'E' ? "\xd0\x95" : c == '1' ? "\xef\xbc\x91" : (t[0] = *s, t[1] = 0, t)); break; /* look-alikes */
        case 8: put(b, s, 1), puts_(b, blank ? "" : "\xcc\xb6"); break;                                             /* strokes */
        case 10: snprintf(t, sizeof t, "\\u%04x", c), puts_(b, t); break;
        default: put(b, s, 1);
        }
    }
}

static void put_escaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '&' || c == '<' || c == '\'')
            puts_(b, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&apos;");
        else
            put(b, s.p + i, 1);
    }
}

/* ---- one case ---- */

static struct plan { const struct secret *secret; struct buf hidden, xml; unsigned places; bool in_head; } plan;

static void fill(struct buf *b, bool secret, bool attribute)
{
    static const char *const talk[] = { "see you at noon", "ok", "the draft is in the folder", "gr\xc3\xbc\xc3\x9f" "e aus Bonn", "what about section 2.3", "yes & no" };
    if (dice(3) || !secret)
        put_escaped(b, str_c(talk[dice(6)]));
    if (secret) {
        puts_(b, attribute ? " " : dice(2) ? " " : ": ");
        put_escaped(b, buf_str(&plan.hidden));
        puts_(b, dice(3) ? " " : ". ");
        plan.places++;
    }
}

/* \x02: the piece before it and this one hold one half each. */
static void put_holes(struct buf *b, const char *xml, unsigned chance)
{
    bool in_tag = false;
    for (const char *c = xml; *c; c++) {
        in_tag = *c == '<' || (in_tag && *c != '>');
        if (*c > 2)
            put(b, c, 1);
        else
            fill(b, dice(100) < chance, in_tag);
    }
}

static void make_case(void)
{
    static const char *const names[] = { "message", "presence", "iq" };
    unsigned kind = dice(10), chance = dice(4) ? 15 : 70;
    kind = kind < 6 ? 0 : kind < 8 ? 1 : 2;
    struct buf *b = &plan.xml;
    plan.secret = &secrets[dice(SECRETS)];
    plan.places = 0;
    buf_reset(&plan.hidden);
    buf_reset(b);
    unsigned how = dice(DISGUISES);
    disguise(&plan.hidden, plan.secret->text, how == 3 && plan.secret == &secrets[SECRETS - 3] ? 0 : how); /* tokens are not read spaced out */
    puts_(b, "<");
    puts_(b, names[kind]);
    puts_(b, kind == 0 ? (dice(4) ? " type='chat'" : " type='groupchat'") : kind == 2 ? " type='set'" : "");
    puts_(b, " xmlns='jabber:server' from='a@high.example/");
    unsigned before = plan.places;
    fill(b, dice(40) == 0, true);
    puts_(b, "' to='b@low.example' id='");
    if (dice(20) == 0)
        fill(b, true, true);
    else
        puts_(b, "m1");
    plan.in_head = plan.places > before;
    puts_(b, "'>");
    unsigned n = 0;
    for (unsigned tries = 0; n == 0 || (tries < 40 && n < (kind == 2 ? 1 : 1 + dice(6))); tries++) {
        const struct payload *p = &payloads[dice(PAYLOADS)];
        char tag[24];
        snprintf(tag, sizeof tag, "%.12s", p->xml);
        if (!(p->kinds & 1u << kind) || memmem(buf_data(b), buf_size(b), tag, strlen(tag)))
            continue;
        put_holes(b, p->xml, chance);
        n++;
    }
    puts_(b, "</");
    puts_(b, names[kind]);
    puts_(b, ">");
}

/* ---- what is left ---- */

/* Without tags, then without all that is no ASCII letter or digit, small. */
static void letters_of(struct str s, bool tags, char *out)
{
    bool in_tag = false;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (tags && (c == '<' || c == '>')) {
            in_tag = c == '<';
            continue;
        }
        if (!in_tag && ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z')))
            out[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    out[n] = 0;
}

static const char *telltale(struct str xml)
{
    static char letters[1u << 18];
    struct buf e;
    const char *found = NULL;
    if (xml.n >= sizeof letters)
        return "too long";
    buf_init(&e, 1u << 16);
    put_escaped(&e, buf_str(&plan.hidden));
    if (memmem(xml.p, xml.n, buf_data(&e), buf_size(&e)))
        found = "as it was hidden";
    else if (memmem(xml.p, xml.n, plan.secret->text, strlen(plan.secret->text)))
        found = "in plain text";
    for (int tags = 0; tags < 2 && !found; tags++) {
        letters_of(xml, tags, letters);
        if (strstr(letters, plan.secret->letters))
            found = tags ? "letters of the text" : "letters of the XML";
        char own[4096];
        letters_of(buf_str(&plan.hidden), false, own);
        if (strlen(own) >= 12 && strstr(letters, own))
            found = "letters of the disguise";
    }
    buf_clear(&e);
    return found;
}

struct judge { struct policy *p; struct pol_eval *e; struct content *c; struct arena a; };

static const struct pol_verdict *judge(struct judge *j, const struct rec *r)
{
    struct pol_facts facts = { .from_side = GW_HIGH };
    enum pol_step step = pol_begin(j->e, r, &facts);
    while (step == POL_NEED_SCAN) {
        struct scan_result res = { .status = SCAN_UNKNOWN };
        arena_reset(&j->a);
        step = pol_resume(j->e, content_scan(j->c, pol_scan_request(j->e), &j->a, &res) ? NULL : &res, GW_R_SCAN_FAILED);
    }
    return pol_verdict(j->e);
}

static struct { unsigned released, refused, with_secret, refused_clean, leaks, kept, refused_though; } count;

static void one_case(struct judge *j)
{
    struct buf out;
    make_case();
    struct rec *r = read_stanza((const char *)buf_data(&plan.xml), buf_size(&plan.xml));
    if (!r && plan.in_head) { /* no address: the reader refuses it */
        count.with_secret++;
        count.refused++;
        return;
    }
    if (!r)
        exit(99);
    const struct pol_verdict *v = judge(j, r);
    bool released = v->verdict == GW_V_RELEASE;
    count.with_secret += plan.places > 0;
    count.released += released;
    count.refused += !released;
    count.refused_clean += !released && !plan.places;
    count.refused_though += !released && plan.places && !plan.in_head;
    buf_init(&out, 1u << 20);
    if (released && xs_serialise(v->out, false, &out))
        exit(99);
    const char *tale = released ? telltale(buf_str(&out)) : NULL;
    if (tale && ++count.leaks <= 5)
        diag("LEAK (%s): %.*s\n#  from %.*s", tale, STR_ARG(buf_str(&out)), STR_ARG(buf_str(&plan.xml)));
    else if (!released && !plan.in_head && (plan.places ? count.refused_though : count.refused_clean) <= 3)
        diag("refused: %.*s", STR_ARG(buf_str(&plan.xml)));
    /* read again by the other side: nothing is found any more */
    if (released) {
        struct rec *back = read_stanza((const char *)buf_data(&out), buf_size(&out));
        const struct pol_verdict *w = back ? judge(j, back) : NULL;
        count.kept += !w || w->verdict != GW_V_RELEASE || w->n_changed > 0;
        if ((!w || w->verdict != GW_V_RELEASE || w->n_changed > 0) && count.kept <= 3)
            diag("again: %.*s", STR_ARG(buf_str(&out)));
        rec_free(back);
    }
    buf_clear(&out);
    rec_free(r);
}

/* The shipped detectors in the scratch folder, and two more made from plain lists. */
static bool detectors(struct content **ret, struct conf_errors *errs)
{
    char key[128], out[2][128], from[2][128], copy[256];
    const char *people[] = { from[0] }, *plans[] = { from[1] };
    struct content_made made;
    snprintf(copy, sizeof copy, "cp -r rules/dlp rules/yara '%s'", help_dir);
    if (system(copy))
        return false;
    snprintf(key, sizeof key, "%s/dlp/list.key", help_dir);
    snprintf(out[0], sizeof out[0], "%s/dlp/people.values", help_dir);
    snprintf(out[1], sizeof out[1], "%s/dlp/plans.prints", help_dir);
    snprintf(from[0], sizeof from[0], "%s/people.txt", help_dir);
    snprintf(from[1], sizeof from[1], "%s/plans.txt", help_dir);
    help_file("people.txt", "Anna Lindqvist\n");
    help_file("plans.txt", PLAN "\n");
    help_file("dlp/sealed.conf", "detectors = ( { id = \"people\"; about = \"x\"; values = \"people.values\"; key = \"list.key\"; },\n"
        " { id = \"plans\"; about = \"x\"; fingerprints = \"plans.prints\"; key = \"list.key\"; overlap = 40; } );\n");
    return content_make_values(key, out[0], people, 1, &made, errs) == 0 && content_make_fingerprints(key, out[1], plans, 1, &made, errs) == 0 &&
        content_load(help_dir, ret, errs) == 0;
}

int main(void)
{
    static const char rules[] = "{ id = 1; name = \"hidden\"; when = { hidden = \"*\"; }; action = \"redact\"; with = \"\"; },"
        "{ id = 2; name = \"secrets\"; when = { dlp = [ \"payment-card\", \"iban\", \"classification-marking\", \"aws-access-key\", \"people\", \"plans\" ]; }; action = \"redact\"; },"
        "{ id = 9; name = \"all\"; action = \"release\"; }";
    struct judge j = { 0 };
    struct conf_errors errs;
    struct buf profile;
    const char *cases = getenv("REDACTION_CASES"), *start = getenv("REDACTION_SEED");
    conf_errors_init(&errs);
    buf_init(&profile, 1u << 20);
    buf_init(&plan.hidden, 1u << 16);
    buf_init(&plan.xml, 1u << 20);
    arena_init(&j.a, 64u << 20);
    if (!help_begin() || buf_printf(&profile, "title = \"all\"; unnamed = \"strip\"; elements = (\n"))
        return 99;
    for (size_t i = 0; i < PAYLOADS; i++)
        put_payload(&profile, &payloads[i], i ? ",\n" : "");
    put(&profile, "\n);\n", 5);
    help_file("profiles/test.conf", (const char *)buf_data(&profile));
    j.p = help_load(rules);
    if (!ok(j.p && detectors(&j.c, &errs) && (j.e = pol_eval_new(j.p, NULL)), "rules load"))
        return done_testing();
    letters_of(str_c(PLAN), false, plan_letters);
    seed = start ? strtoull(start, NULL, 10) : 4711;
    unsigned n = cases ? (unsigned)atoi(cases) : 10000;
    for (unsigned i = 0; i < n; i++)
        one_case(&j);
    diag("%u cases, %u with a secret: %u released, %u refused (%u of them clean, %u with the secret in payloads only)", n, count.with_secret, count.released, count.refused,
        count.refused_clean, count.refused_though);
    ok(count.with_secret > n / 2 && count.released > n / 2, "secrets were there, and most stanzas went");
    ok(count.leaks == 0, "no secret is in any byte of what leaves (%u leaks)", count.leaks);
    ok(count.kept == 0, "what left is clean when it is read again (%u not)", count.kept);
    ok(count.refused_clean == 0, "clean stanzas are not refused");
    pol_eval_free(j.e);
    content_free(j.c);
    policy_free(j.p);
    buf_clear(&profile);
    buf_clear(&plan.hidden);
    buf_clear(&plan.xml);
    arena_clear(&j.a);
    help_end();
    return done_testing();
}
