/* SPDX-License-Identifier: GPL-3.0-or-later
 * Segments in every disorder give the stream that was sent; and what floods the reader is let go and named, in bounded memory. */
// link: replay xmpp record base
// libs: -lpcap -lexpat -lcrypto -licuuc -licudata
#include <malloc.h>

#include "replay_help.h"
#include "tap.h"

#define M(id) "<message from='a@high.example/" id "' to='b@low.example'><body>nothing of note</body></message>"
#define STREAM RH_HEAD M("1") "<iq from='high.example' to='low.example' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>" M("2") M("3") "</stream:stream>"
#define EVENTS "4000>5269 message a@high.example/1 b@low.example\n4000>5269 iq high.example low.example\n" \
    "4000>5269 message a@high.example/2 b@low.example\n4000>5269 message a@high.example/3 b@low.example\n"

static uint32_t dice = 1;
static uint32_t draw(uint32_t below)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % below;
}

/* ---- disorder ---- */

struct piece { size_t at, n; uint32_t turn; };

static int by_turn(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return (x->turn > y->turn) - (x->turn < y->turn);
}

static const struct disorder {
    const char *name;
    uint32_t size, window, again, isn;
    bool syn, late_syn;
} disorders[] = {
    { "in order", 100, 0, 0, 1000, true, false },
    { "byte by byte", 1, 0, 0, 1000, true, false },
    { "out of order", 30, 6, 0, 1000, true, false },
    { "far out of order", 9, 60, 0, 1000, true, false },
    { "everything again, cut otherwise", 40, 0, 2, 1000, true, false },
    { "out of order and again", 20, 12, 3, 1000, true, false },
    { "the same past 2^32", 20, 12, 3, 0xFFFFFF80, true, false },
    { "the SYN comes third", 200, 0, 0, 1000, true, true },
};

static char *disorderly(const struct disorder *d, struct replay_stats *st)
{
    static struct piece v[8192];
    const size_t n = sizeof STREAM - 1;
    struct rh_cap c;
    size_t k = 0;
    for (size_t at = 0; at < n && k < 2048;) {
        size_t len = 1 + draw(d->size);
        len = len < n - at ? len : n - at;
        v[k] = (struct piece){ at, len, (uint32_t)k * 10 + (d->window ? draw(d->window * 10) : 0) };
        k++;
        at += len;
    }
    for (size_t i = 0, first = k; d->again && i < first * d->again; i++) {
        size_t at = draw((uint32_t)n), len = 1 + draw(d->size * 2);
        v[k++] = (struct piece){ at, len < n - at ? len : n - at, draw((uint32_t)first * 10) };
    }
    qsort(v, k, sizeof *v, by_turn);
    rh_begin(&c);
    if (d->syn && !d->late_syn)
        rh_tcp(&c, 0, 4000, d->isn, 0, RH_SYN, STR_NONE);
    for (size_t i = 0; i < k; i++) {
        if (i == 2 && d->late_syn)
            rh_tcp(&c, 0, 4000, d->isn, 0, RH_SYN, STR_NONE);
        rh_tcp(&c, 0, 4000, d->isn + 1 + (uint32_t)v[i].at, 1, RH_ACK, (struct str){ STREAM + v[i].at, v[i].n });
    }
    return rh_end(&c, NULL, st);
}

static void test_disorder(void)
{
    for (size_t i = 0; i < sizeof disorders / sizeof *disorders; i++) {
        int wrong = 0;
        for (int k = 0; k < 60 && !wrong; k++) {
            struct replay_stats st;
            char *got = disorderly(&disorders[i], &st);
            wrong = strcmp(got, EVENTS) != 0 || st.conflicts || st.missing_bytes;
            if (wrong)
                diag("%s%llu conflicts, %llu missing", got, (unsigned long long)st.conflicts, (unsigned long long)st.missing_bytes);
            free(got);
        }
        ok(!wrong, "%s, 60 times", disorders[i].name);
    }
}

/* ---- floods ---- */

static struct str filled(char c, size_t n)
{
    static char room[65000];
    memset(room, c, n);
    return (struct str){ room, n };
}

static void hello(struct rh_cap *c, unsigned port, uint32_t *seq)
{
    rh_tcp(c, 0, port, 999, 0, RH_SYN, STR_NONE);
    rh_tcp(c, 0, port, 1000, 1, RH_ACK, STR(RH_HEAD));
    *seq = 1000 + sizeof RH_HEAD - 1;
}

static void ahead_of_a_hole(struct rh_cap *c)
{
    uint32_t seq;
    hello(c, 4000, &seq);
    for (uint32_t i = 0; i < 80; i++)
        rh_tcp(c, 0, 4000, seq + 5 + i * 60000, 1, RH_ACK, filled('x', 60000));
    rh_tcp(c, 0, 4000, seq + 5 + 80 * 60000, 1, RH_ACK, STR(M("1")));
}

static void single_bytes(struct rh_cap *c)
{
    uint32_t seq;
    hello(c, 4000, &seq);
    for (uint32_t i = 0; i < 40000; i++)
        rh_tcp(c, 0, 4000, seq + 5 + i * 2, 1, RH_ACK, STR("x"));
}

static void connections(struct rh_cap *c)
{
    uint32_t seq;
    for (unsigned i = 0; i < 200; i++)
        hello(c, 10000 + i, &seq);
    rh_tcp(c, 0, 10199, seq, 1, RH_ACK, STR(M("1")));
}

static void held_everywhere(struct rh_cap *c)
{
    uint32_t seq;
    for (unsigned i = 0; i < 60; i++) {
        hello(c, 10000 + i, &seq);
        for (uint32_t k = 0; k < 10; k++)
            rh_tcp(c, 0, 10000 + i, seq + 5 + k * 60000, 1, RH_ACK, filled('x', 60000));
    }
}

static void datagrams(struct rh_cap *c)
{
    for (unsigned i = 0; i < 1000; i++)
        rh_ip(c, 0, i, 0x2000, filled('x', 1000).p, 1000);
}

static void behind_starttls(struct rh_cap *c)
{
    uint32_t seq;
    hello(c, 4000, &seq);
    rh_tcp(c, 0, 4000, seq, 1, RH_ACK, STR("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
    seq += sizeof "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" - 1;
    for (uint32_t i = 0; i < 3; i++)
        rh_tcp(c, 0, 4000, seq + i * 60000, 1, RH_ACK, filled('x', 60000));
}

static void one_stanza(struct rh_cap *c)
{
    uint32_t seq;
    hello(c, 4000, &seq);
    rh_tcp(c, 0, 4000, seq, 1, RH_ACK, STR("<message from='a@high.example' to='b@low.example'><body>"));
    seq += sizeof "<message from='a@high.example' to='b@low.example'><body>" - 1;
    for (uint32_t i = 0; i < 40; i++)
        rh_tcp(c, 0, 4000, seq + i * 60000, 1, RH_ACK, filled('x', 60000));
}

static void never_a_stanza(struct rh_cap *c)
{
    for (uint32_t i = 0; i < 40; i++)
        rh_tcp(c, 0, 4000, 1000 + i * 60000, 1, RH_ACK, filled('x', 60000));
}

static const struct {
    const char *name;
    void (*make)(struct rh_cap *c);
    struct replay_conf conf;
    const char *says; /* the first line of its events; NULL: none */
    const char *last;
} floods[] = {
    { "4 MiB ahead of a hole: a gap, and no stanza behind it", ahead_of_a_hole, { .memory = 0 }, "4000>5269 note gap 5", "4000>5269 note lost" },
    { "single bytes ahead of holes", single_bytes, { .memory = 0 }, "4000>5269 note gap 5", NULL },
    { "more connections than are remembered", connections, { .flows = 20 }, "10000>5269 note limit (too many connections at once: this one is given up)",
        "10199>5269 message a@high.example/1 b@low.example" },
    { "more memory than is allowed", held_everywhere, { .memory = 4u << 20 }, "10000>5269 note limit (too much memory was in use: this connection is given up)", NULL },
    { "datagrams that stay in pieces", datagrams, { .memory = 0 }, "0>0 note fragment (too many datagrams in fragments at once)", NULL },
    { "clear bytes behind starttls", behind_starttls, { .memory = 0 }, "4000>5269 note limit (too many bytes behind starttls)", NULL },
    { "a stanza without end", one_stanza, { .memory = 0 }, "4000>5269 note fault (stanza too long)", NULL },
    { "a stream without stanzas, from the middle", never_a_stanza, { .memory = 0 }, "4000>5269 note lost", NULL },
};

static bool line_is(const char *text, const char *want, bool last)
{
    size_t n = strlen(text), k = strlen(want);
    if (last)
        return n > k && text[n - 1] == '\n' && memcmp(text + n - 1 - k, want, k) == 0;
    return strncmp(text, want, k) == 0 && text[k] == '\n';
}

static void test_floods(void)
{
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        struct rh_cap c;
        struct replay_stats st;
        char *got;
        rh_begin(&c);
        floods[i].make(&c);
        got = rh_end(&c, &floods[i].conf, &st);
        if (!ok(line_is(got, floods[i].says, false) && (!floods[i].last || line_is(got, floods[i].last, true)), "%s", floods[i].name))
            diag("got %.300s", got);
        free(got);
    }
}

/* What a reader holds at most, seen from outside: how far the heap grows. */
static const struct {
    const char *name;
    void (*make)(struct rh_cap *c);
    size_t memory, most;
} heaps[] = {
    { "36 MiB wait, 4 MiB allowed: less than 6 MiB held", held_everywhere, 4u << 20, 6u << 20 },
    { "40000 single bytes wait: less than 5 MiB held, notes included", single_bytes, 64u << 20, 5u << 20 },
    { "1000 datagrams in pieces: less than 12 MiB held", datagrams, 64u << 20, 12u << 20 },
};

static size_t heap(void) { return mallinfo2().uordblks + mallinfo2().hblkhd; }

static void test_memory(void)
{
    for (size_t i = 0; i < sizeof heaps / sizeof *heaps; i++) {
        const struct replay_conf conf = { .memory = heaps[i].memory, .tick = 1 };
        struct rh_cap c;
        struct replay *r = NULL;
        struct replay_event ev;
        char error[REPLAY_ERROR_MAX];
        size_t before, most = 0;
        FILE *f;
        rh_begin(&c);
        heaps[i].make(&c);
        f = fmemopen(c.b.p, c.b.len, "rb");
        before = heap();
        rh_must(f && replay_open_file(f, &conf, &r, error) == 0);
        while (replay_next(r, &ev) == 0 && ev.type != REPLAY_DONE) {
            size_t now = heap();
            most = now > before && now - before > most ? now - before : most;
        }
        replay_free(r);
        buf_clear(&c.b);
        if (!ok(most < heaps[i].most, "%s", heaps[i].name))
            diag("%zu bytes", most);
    }
}

/* ---- copies that differ: of each byte the one that was captured first is read ---- */

#define FRONT RH_HEAD "<message from='a@high.example' to='b@low.example'><body>"
#define BODY 400
#define BACK "</body></message>"

static void contested(struct rh_cap *c, char model[BODY + 1])
{
    const uint32_t body = 1000 + sizeof FRONT - 1;
    char piece[BODY];
    memset(model, 0, BODY + 1);
    rh_tcp(c, 0, 4000, 999, 0, RH_SYN, STR_NONE);
    rh_tcp(c, 0, 4000, 1000, 1, RH_ACK, STR(FRONT));
    for (int i = 0; i < 60; i++) {
        size_t at = draw(BODY), n = 1 + draw(50);
        n = n < BODY - at ? n : BODY - at;
        for (size_t k = 0; k < n; k++) {
            piece[k] = (char)('a' + draw(20));
            if (!model[at + k])
                model[at + k] = piece[k];
        }
        rh_tcp(c, 0, 4000, body + (uint32_t)at, 1, RH_ACK, (struct str){ piece, n });
    }
    memset(piece, 'z', sizeof piece);
    for (size_t k = 0; k < BODY; k++)
        if (!model[k])
            model[k] = 'z';
    rh_tcp(c, 0, 4000, body, 1, RH_ACK, (struct str){ piece, BODY });
    rh_tcp(c, 0, 4000, body + BODY, 1, RH_ACK, STR(BACK));
}

static void test_first_copy(void)
{
    int wrong = 0;
    for (int k = 0; k < 300 && !wrong; k++) {
        char model[BODY + 1], want[BODY + 30], *got;
        struct replay_stats st;
        struct rh_cap c;
        FILE *f;
        rh_begin(&c);
        contested(&c, model);
        f = fmemopen(c.b.p, c.b.len, "rb");
        rh_must(f != NULL);
        got = rh_read(f, NULL, true, &st);
        buf_clear(&c.b);
        snprintf(want, sizeof want, "<body>%s</body>", model);
        wrong = !strstr(got, want) || st.conflicts == 0 || !strstr(got, "note conflict");
        if (wrong)
            diag("want %s got %s", want, got);
        free(got);
    }
    ok(!wrong, "of each byte the first copy is read, and a conflict named, 300 times");
}

int main(void)
{
    ok(jid_init() == 0, "ICU");
    test_disorder();
    test_first_copy();
    test_floods();
    test_memory();
    jid_finish();
    return done_testing();
}
