// link: record base
// libs: -licuuc -licudata
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Records: building, the wire, what is refused, changing, answering. */
#include <stdlib.h>

#include "jid.h"
#include "record.h"
#include "tap.h"

#define NS STR("jabber:server")

static const struct rec_limits limits = { 65536, 16, 200, 8 };

static struct rec *start(enum rec_kind kind, struct str from, struct str to)
{
    struct rec *r = rec_new(&limits);
    struct str local, fd, td, res;
    jid_split(from, &local, &fd, &res);
    jid_split(to, &local, &td, &res);
    if (!r || rec_head(r, kind, STR("chat"), STR("id1"), STR_NONE) || rec_address(r, from, to, STR_NONE, STR_NONE) ||
        rec_pair(r, fd, td) || rec_open(r, NS, str_c(rec_kind_name(kind))))
        return NULL;
    return r;
}

/* <message><body>one <b xmlns="x" a="1">two</b> three</body><subject>s</subject></message> */
static struct rec *sample(void)
{
    struct rec *r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    int rc = rec_open(r, NS, STR("body")) | rec_text(r, STR("one ")) | rec_open(r, STR("x"), STR("b")) |
             rec_attr_add(r, STR_NONE, STR("a"), STR("1")) | rec_text(r, STR("two")) | rec_close(r) | rec_text(r, STR(" ")) |
             rec_text(r, STR("three")) | rec_close(r) | rec_open(r, NS, STR("subject")) | rec_text(r, STR("s")) | rec_close(r) |
             rec_close(r);
    if (rc || rec_seal(r))
        return NULL;
    return r;
}

static void test_round(void)
{
    struct rec *r = sample(), *back = NULL;
    struct buf b;
    buf_init(&b, 1 << 20);
    ok(r != NULL, "a record is built and sealed");
    ok(r->n_nodes == 8 && str_eq(r->nodes[5].text, STR(" three")), "text pieces are joined");
    ok(rec_encode(r, &b) == 0, "encode");
    ok(rec_decode(buf_str(&b), &limits, &back) == 0 && rec_equal(r, back), "decode gives the same record");
    struct buf c;
    buf_init(&c, 1 << 20);
    ok(rec_encode(back, &c) == 0 && str_eq(buf_str(&b), buf_str(&c)), "encode(decode(x)) is x");
    ok(rec_child(back, 0, NS, STR("subject"), REC_NONE) != REC_NONE, "a child is found");
    ok(rec_skip(back, 1) == rec_child(back, 0, NS, STR("subject"), REC_NONE), "the subtree ends where the sibling begins");
    ok(rec_text(back, STR("x")) != 0, "a sealed record takes nothing more");
    /* every single cut and every single changed length byte is refused or decodes to something that encodes to itself */
    int bad = 0;
    for (size_t n = 0; n < buf_size(&b); n++) {
        struct rec *t = NULL;
        if (rec_decode((struct str){ (const char *)buf_data(&b), n }, &limits, &t) == 0) {
            bad++;
            rec_free(t);
        }
    }
    ok(bad == 0, "no cut record decodes");
    bad = 0;
    for (size_t n = 0; n < buf_size(&b); n++) {
        struct rec *t = NULL;
        unsigned char keep = b.p[n];
        b.p[n] ^= 0x01;
        if (rec_decode(buf_str(&b), &limits, &t) == 0) {
            buf_reset(&c);
            if (rec_encode(t, &c) || !str_eq(buf_str(&b), buf_str(&c)))
                bad++;
            rec_free(t);
        }
        b.p[n] = keep;
    }
    ok(bad == 0, "whatever decodes encodes to the same bytes");
    rec_free(back);
    rec_free(r);
    buf_clear(&b);
    buf_clear(&c);
}

static int seal_with(struct str ns, struct str name, struct str attr, struct str value, struct str text)
{
    struct rec *r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    int rc = rec_open(r, ns, name);
    if (!rc && attr.p)
        rc = rec_attr_add(r, STR_NONE, attr, value);
    if (!rc)
        rc = rec_text(r, text);
    if (!rc)
        rc = rec_close(r);
    if (!rc)
        rc = rec_close(r);
    if (!rc)
        rc = rec_seal(r);
    rec_free(r);
    return rc;
}

static void test_refused(void)
{
    static const struct { const char *name; struct str ns, el, attr, value, text; int want; } rows[] = {
        { "plain", { "x", 1 }, { "e", 1 }, { "a", 1 }, { "v", 1 }, { "t", 1 }, 0 },
        { "name with a colon", { "x", 1 }, { "p:e", 3 }, { 0, 0 }, { 0, 0 }, { "t", 1 }, GW_ERR(SYNTAX) },
        { "name beginning with a digit", { "x", 1 }, { "1e", 2 }, { 0, 0 }, { 0, 0 }, { "t", 1 }, GW_ERR(SYNTAX) },
        { "control in text", { "x", 1 }, { "e", 1 }, { 0, 0 }, { 0, 0 }, { "a\x01", 2 }, GW_ERR(SYNTAX) },
        { "U+FFFE in text", { "x", 1 }, { "e", 1 }, { 0, 0 }, { 0, 0 }, { "\357\277\276", 3 }, GW_ERR(SYNTAX) },
        { "surrogate in value", { "x", 1 }, { "e", 1 }, { "a", 1 }, { "\355\240\200", 3 }, { "t", 1 }, GW_ERR(SYNTAX) },
        { "stream element inside", { "http://etherx.jabber.org/streams", 32 }, { "error", 5 }, { 0, 0 }, { 0, 0 }, { "t", 1 },
            GW_ERR(SYNTAX) },
        { "element in the XML namespace", { "http://www.w3.org/XML/1998/namespace", 36 }, { "foo", 3 }, { 0, 0 }, { 0, 0 }, { "t", 1 },
            GW_ERR(SYNTAX) },
        { "attribute xmlns", { "x", 1 }, { "e", 1 }, { "xmlns", 5 }, { "urn:evil", 8 }, { "t", 1 }, GW_ERR(SYNTAX) },
        { "text over the limit", { "x", 1 }, { "e", 1 }, { 0, 0 }, { 0, 0 }, { NULL, 70000 }, GW_ERR(LIMIT) },
    };
    char *big = calloc(1, 70000);
    memset(big, 'x', 70000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str text = rows[i].text.p ? rows[i].text : (struct str){ big, rows[i].text.n };
        ok(seal_with(rows[i].ns, rows[i].el, rows[i].attr, rows[i].value, text) == rows[i].want, "refused or not: %s", rows[i].name);
    }
    free(big);
    struct rec *r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    int rc = rec_attr_add(r, STR_NONE, STR("x"), STR("1"));
    ok(rc == 0 && rec_close(r) == 0 && rec_seal(r) == GW_ERR(SYNTAX), "the stanza element has no attribute without a namespace");
    rec_free(r);
    r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    rc = rec_attr_add(r, STR("http://www.w3.org/XML/1998/namespace"), STR("lang"), STR("en"));
    ok(rc == 0 && rec_close(r) == 0 && rec_seal(r) == GW_ERR(SYNTAX), "xml:lang of the stanza stands in its head alone");
    rec_free(r);
    r = rec_new(&limits);
    ok(rec_head(r, REC_IQ, STR("get"), STR("1"), STR_NONE) == 0 &&
           rec_address(r, STR("a@evil.example"), STR("b@low.example"), STR_NONE, STR_NONE) == 0 &&
           rec_pair(r, STR("high.example"), STR("low.example")) == 0 && rec_open(r, NS, STR("iq")) == 0 && rec_close(r) == 0 &&
           rec_seal(r) == GW_ERR(MISMATCH), "an address outside the pair");
    rec_free(r);
    r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    rc = 0;
    for (int i = 0; i < 20 && !rc; i++)
        rc = rec_open(r, STR("x"), STR("e"));
    ok(rc == GW_ERR(LIMIT) && rec_close(r) != 0, "too deep; and the record stays broken");
    rec_free(r);
    r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    rc = 0;
    for (int i = 0; i < 9 && !rc; i++) {
        char name[2] = { (char)('a' + i), 0 };
        rc = i == 0 ? rec_open(r, STR("x"), STR("e")) : 0;
        if (!rc)
            rc = rec_attr_add(r, STR_NONE, str_c(name), STR(""));
    }
    ok(rc == GW_ERR(LIMIT), "too many attributes");
    rec_free(r);
    r = start(REC_MESSAGE, STR("a@high.example/r"), STR("b@low.example"));
    rc = rec_open(r, STR("x"), STR("e")) | rec_attr_add(r, STR_NONE, STR("a"), STR("1")) | rec_attr_add(r, STR_NONE, STR("a"), STR("2")) |
         rec_close(r) | rec_close(r);
    ok(rc == 0 && rec_seal(r) == GW_ERR(SYNTAX), "an attribute twice");
    rec_free(r);
}

static void test_edit(void)
{
    struct rec *r = sample(), *out = NULL;
    uint32_t body = rec_child(r, 0, NS, STR("body"), REC_NONE), b = rec_child(r, body, STR("x"), STR("b"), REC_NONE);
    struct rec_edit e[] = {
        { .op = REC_REPLACE, .node = b + 1, .attr = REC_NONE, .off = 1, .len = 1, .with = STR("[w]") },
        { .op = REC_REPLACE, .node = b + 1, .attr = REC_NONE, .off = 0, .len = 1, .with = STR("") },
        { .op = REC_SET_ATTR, .node = b, .attr = REC_NONE, .name = STR("a"), .with = STR("2") },
        { .op = REC_SET_ID, .with = STR("other") },
    };
    ok(rec_apply(r, e, 4, &out) == 0, "edits apply");
    uint32_t ob = rec_child(out, 1, STR("x"), STR("b"), REC_NONE);
    ok(str_eq(out->nodes[ob + 1].text, STR("[w]o")) && str_eq(rec_attr_get(out, ob, STR_NONE, STR("a")), STR("2")) &&
           str_eq(out->id, STR("other")), "text, attribute and id are changed");
    ok(str_eq(r->nodes[b + 1].text, STR("two")), "the old record is untouched");
    rec_free(out);
    struct rec_edit drop = { .op = REC_DROP, .node = b };
    ok(rec_apply(r, &drop, 1, &out) == 0 && str_eq(out->nodes[2].text, STR("one  three")) && out->n_nodes == 5,
        "a dropped element leaves one joined text");
    rec_free(out);
    struct rec_edit lap[] = { { .op = REC_REPLACE, .node = b + 1, .attr = REC_NONE, .off = 0, .len = 2, .with = STR("x") },
        { .op = REC_REPLACE, .node = b + 1, .attr = REC_NONE, .off = 1, .len = 1, .with = STR("y") } };
    ok(rec_apply(r, lap, 2, &out) == GW_ERR(SYNTAX), "overlapping edits are refused");
    struct rec_edit root = { .op = REC_DROP, .node = 0 };
    ok(rec_apply(r, &root, 1, &out) == GW_ERR(SYNTAX), "the stanza itself cannot be dropped");
    struct rec_edit past = { .op = REC_REPLACE, .node = b + 1, .attr = REC_NONE, .off = 2, .len = 9 };
    ok(rec_apply(r, &past, 1, &out) == GW_ERR(SYNTAX), "an edit past the end is refused");
    struct rec_edit away = { .op = REC_SET_FROM, .with = STR("x@evil.example") };
    ok(rec_apply(r, &away, 1, &out) == GW_ERR(MISMATCH), "a rewritten address must stay in its domain");
    rec_free(r);
}

static void test_answer(void)
{
    struct rec *r = sample(), *a = NULL, *b = NULL;
    ok(rec_error_answer(r, STR("cancel"), STR("policy-violation"), STR("no"), STR_NONE, STR_NONE, &a) == 0 &&
           str_eq(a->to, r->from) && str_eq(a->from, r->to) && str_eq(a->id, r->id) && str_eq(a->type, STR("error")) &&
           str_eq(a->from_domain, STR("low.example")), "an error answer goes back");
    ok(rec_child(a, 0, NS, STR("body"), REC_NONE) == REC_NONE, "it echoes no content");
    ok(rec_error_answer(a, STR("cancel"), STR("policy-violation"), STR_NONE, STR_NONE, STR_NONE, &b) == GW_ERR(PROTO),
        "an error is never answered");
    rec_free(a);
    rec_free(r);
}

static void test_many_names(void)
{
    struct rec_limits wide = REC_HARD_LIMITS;
    struct rec *r = rec_new(&wide), *back = NULL;
    int rc = rec_head(r, REC_MESSAGE, STR_NONE, STR_NONE, STR_NONE) |
             rec_address(r, STR("a@high.example"), STR("low.example"), STR_NONE, STR_NONE) |
             rec_pair(r, STR("high.example"), STR("low.example")) | rec_open(r, NS, STR("message"));
    for (int i = 0; i < 5000 && !rc; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i % 2500);
        rc = rec_open(r, STR("x"), str_c(name)) | rec_close(r);
    }
    ok(rc == 0 && rec_close(r) == 0 && rec_seal(r) == 0, "5000 elements with 2500 names");
    struct buf b;
    buf_init(&b, 1 << 20);
    ok(rec_encode(r, &b) == 0 && rec_decode(buf_str(&b), &wide, &back) == 0 && rec_equal(r, back), "there and back");
    rec_reset(r);
    ok(r->n_nodes == 0 && rec_decode_into(buf_str(&b), r) == 0 && rec_equal(r, back), "a record is used again");
    rec_free(r);
    rec_free(back);
    buf_clear(&b);
}

int main(void)
{
    ok(jid_init() == 0, "ICU opens");
    test_round();
    test_refused();
    test_edit();
    test_answer();
    test_many_names();
    return done_testing();
}
