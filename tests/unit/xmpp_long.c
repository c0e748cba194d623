/* SPDX-License-Identifier: GPL-3.0-or-later
 * A stream that lives long: what the parser remembers is thrown away now and then, and nobody notices. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include <malloc.h>

#include "jid.h"
#include "tap.h"
#include "xmpp_run.h"

#define HEADER RUN_OPEN("xmlns:p='urn:p' version='1.0'")
static const struct xs_conf conf = { .role = XS_RECEIVING, .limits = { 256 * 1024, 32, 2000, 32 }, .stanza_bytes = 65536, .offer_external = true };

static void feed(struct run *r, const char *s) { run_feed(r, (const unsigned char *)s, strlen(s), RUN_WHOLE); }

/* 300 stanzas of 1,000 names each that never come again: 11 MB */
static void many_names(void)
{
    struct run r;
    struct mallinfo2 before, after;
    unsigned names = 0, good = 0;
    run_init(&r, &conf);
    run_input(&r, (const unsigned char *)RUN_UNTIL_READY, sizeof RUN_UNTIL_READY - 1, RUN_WHOLE, false);
    feed(&r, HEADER);
    before = mallinfo2();
    for (unsigned i = 0; i < 300; i++) {
        struct xs_event ev;
        struct buf b;
        buf_init(&b, 1 << 20);
        run_must(buf_printf(&b, "<message from='a@capulet.example' to='b@montague.example'>"));
        for (unsigned k = 0; k < 1000; k++, names++)
            run_must(buf_printf(&b, "<p:n%u a%u=''/>", names, names));
        run_must(buf_printf(&b, "</message>"));
        run_must(xs_feed(r.s, buf_data(&b), buf_size(&b)));
        run_must(xs_next(r.s, &ev));
        good += ev.type == XS_STANZA && ev.bytes == buf_size(&b) && ev.stanza->n_nodes == 1001;
        rec_free(ev.stanza);
        buf_clear(&b);
    }
    after = mallinfo2();
    ok(good == 300, "every stanza of a long stream is read, with its size");
    ok((double)after.uordblks - (double)before.uordblks < 8e6, "names that never come again do not fill the memory");
    diag("%.0f KiB more than at the start", ((double)after.uordblks - (double)before.uordblks) / 1024);
    run_clear(&r);
}

/* The prefix of the header still holds, cuts do not matter, and errors are found where they are. */
static void the_same_after_renewals(const char *last, const char *want)
{
    static const char stanza[] = "<message from='a@capulet.example' to='b@montague.example'><p:x p:y='1'/></message> ";
    struct buf in, first;
    bool same = true;
    buf_init(&in, 4 << 20);
    buf_init(&first, 16 << 20);
    run_must(buf_printf(&in, "%s", RUN_UNTIL_READY HEADER));
    for (unsigned i = 0; i < 3000; i++)
        run_must(buf_put(&in, stanza, sizeof stanza - 1));
    run_must(buf_printf(&in, "%s", last));
    for (unsigned chunks = RUN_WHOLE; chunks < RUN_SEED + 2; chunks++) {
        struct run r;
        run_init(&r, &conf);
        run_input(&r, buf_data(&in), buf_size(&in), chunks, true);
        if (chunks == RUN_WHOLE) {
            struct str log = buf_str(&r.log);
            run_must(buf_puts(&first, log));
            ok(r.stanzas == 3000 && log.n > strlen(want) && memmem(log.p + log.n - strlen(want) - 1, strlen(want), want, strlen(want)), "after several renewals: %s", want);
        } else {
            same &= str_eq(buf_str(&first), buf_str(&r.log));
        }
        run_clear(&r);
    }
    ok(same, "and the same in other cuts");
    buf_clear(&in);
    buf_clear(&first);
}

/* What a stream at rest holds, after a stanza of 40 KiB; and that the next one is read. */
static void at_rest(void)
{
    enum { N = 50 };
    static struct run r[N];
    static char big[45000];
    size_t n = (size_t)snprintf(big, sizeof big, "<message from='a@capulet.example' to='b@montague.example'><body>");
    struct mallinfo2 before = mallinfo2(), after;
    double each;
    int good = 0;
    memset(big + n, 'x', 40 * 1024);
    strcpy(big + n + 40 * 1024, "</body></message>");
    for (int i = 0; i < N; i++) {
        run_init(&r[i], &conf);
        run_input(&r[i], (const unsigned char *)RUN_UNTIL_READY HEADER, sizeof RUN_UNTIL_READY HEADER - 1, RUN_WHOLE, false);
        run_input(&r[i], (const unsigned char *)big, strlen(big), RUN_WHOLE, false);
        xs_rest(r[i].s);
        buf_clear(&r[i].log);
    }
    after = mallinfo2();
    each = ((double)after.uordblks - (double)before.uordblks) / N;
    ok(each < 3000, "a stream at rest holds little (%.0f bytes)", each);
    for (int i = 0; i < N; i++) {
        run_input(&r[i], (const unsigned char *)big, strlen(big), RUN_WHOLE, false);
        good += r[i].stanzas == 2;
        run_clear(&r[i]);
    }
    ok(good == N, "and reads on (%d of %d)", good, N);
}

int main(void)
{
    run_must(jid_init());
    many_names();
    at_rest();
    the_same_after_renewals("<p:x>\xc3(", "fail unsupported-encoding unsupported-encoding: bytes that are not UTF-8");
    the_same_after_renewals("<q:x/>", "fail not-well-formed not-well-formed: unbound prefix");
    the_same_after_renewals("</stream:stream>", "close");
    jid_finish();
    return done_testing();
}
