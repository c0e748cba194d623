/* SPDX-License-Identifier: GPL-3.0-or-later
 * A stream overheard (xmpp.h, xp_*): what one direction's bytes say, whole and in every cut. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include <stdlib.h>

#include "jid.h"
#include "tap.h"
#include "xmpp.h"

#define HEAD "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' from='a.example' to='b.example'>"
#define CHEAD "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='a.example'>"
#define MSG "<message from='x@a.example' to='y@b.example'><body>z</body></message>"
#define OUT "<message xmlns='jabber:server' from='x@a.example' to='y@b.example'><body>z</body></message>"
#define TLS(name) "<" name " xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

static const struct {
    const char *name;
    char middle; /* 's', 'c': begins in the middle of such a stream; 0: at its beginning */
    const char *from, *to; /* identity */
    const char *in, *events;
} rows[] = {
    { "a server's stream", 0, 0, 0, HEAD MSG "</stream:stream>", "header a.example b.example\nstanza " OUT "\nclose\n" },
    { "white space between stanzas", 0, 0, 0, HEAD " \n" MSG " ", "header a.example b.example\nstanza " OUT "\n" },
    { "a restart without an end tag", 0, 0, 0, HEAD "<x xmlns='y'/>" HEAD MSG, "header a.example b.example\nother\nheader a.example b.example\nstanza " OUT "\n" },
    { "a restart behind an end tag", 0, 0, 0, HEAD "</stream:stream>\n" HEAD, "header a.example b.example\nclose\nheader a.example b.example\n" },
    { "a restart without declaration", 0, 0, 0, CHEAD "<a xmlns='b'/>" CHEAD, "header client a.example -\nother\nheader client a.example -\n" },
    { "features are no restart", 0, 0, 0, HEAD "<stream:features/>" MSG, "header a.example b.example\nother\nstanza " OUT "\n" },
    { "starttls stops", 0, 0, 0, HEAD TLS("starttls") "rest", "header a.example b.example\nstarttls, rest 4\n" },
    { "proceed stops", 0, 0, 0, HEAD TLS("proceed"), "header a.example b.example\nproceed, rest 0\n" },
    { "a tls failure does not", 0, 0, 0, HEAD TLS("failure") MSG, "header a.example b.example\nother\nstanza " OUT "\n" },
    { "compressed stops", 0, 0, 0, HEAD "<compressed xmlns='http://jabber.org/protocol/compress'/>x", "header a.example b.example\ncompressed, rest 1\n" },
    { "in the middle", 's', 0, 0, MSG MSG, "stanza " OUT "\nstanza " OUT "\n" },
    { "in the middle, then a header", 's', 0, 0, MSG HEAD MSG, "stanza " OUT "\nheader a.example b.example\nstanza " OUT "\n" },
    { "in the middle of a client's", 'c', 0, 0, MSG, "stanza client " OUT "\n" },
    { "a client's stanza without addresses", 'c', 0, 0, "<message to='y@b.example'/>", "bad client message - y@b.example (no from)\n" },
    { "the same with an identity", 'c', "x@a.example/r", "x@a.example", "<message to='y@b.example'><body>z</body></message>",
        "stanza client <message xmlns='jabber:server' from='x@a.example/r' to='y@b.example'><body>z</body></message>\n" },
    { "an identity does not replace an address", 'c', "x@a.example/r", "x@a.example", MSG, "stanza client " OUT "\n" },
    { "an identity means nothing between servers", 's', "x@a.example/r", "x@a.example", "<message to='y@b.example'/>",
        "bad message - y@b.example (no from)\n" },
    { "what a client's message carries stays a client's", 'c', 0, 0, "<message from='x@a.example' to='y@b.example'><f xmlns='u:f'><message><body/></message>"
        "<message xmlns='jabber:client'/></f></message>", "stanza client <message xmlns='jabber:server' from='x@a.example' to='y@b.example'>"
        "<f xmlns='u:f'><message><body/></message><message xmlns='jabber:client'/></f></message>\n" },
    { "binding", 0, 0, 0, CHEAD "<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>x@a.example/r</jid></bind></iq>",
        "header client a.example -\nbound x@a.example/r\nother\n" },
    { "a jid elsewhere binds nothing", 0, 0, 0, CHEAD "<iq from='q@a.example' to='r@a.example'><b xmlns='u:b'><jid>x@a.example/r</jid></b></iq>",
        "header client a.example -\nstanza client <iq xmlns='jabber:server' from='q@a.example' to='r@a.example'><b xmlns='u:b'><jid>x@a.example/r</jid></b></iq>\n" },
    { "a bad address, and on", 0, 0, 0, HEAD "<iq from='@a.example' to='y@b.example'/>" MSG,
        "header a.example b.example\nbad iq @a.example y@b.example (from is not a valid address)\nstanza " OUT "\n" },
    { "a comment", 0, 0, 0, HEAD "<!-- x -->" MSG, "header a.example b.example\nfault (comment)\n" },
    { "no stream", 0, 0, 0, "<html xmlns='x'>", "fault (the root is not a stream header)\n" },
    { "another content namespace", 0, 0, 0, "<stream:stream xmlns='u:x' xmlns:stream='http://etherx.jabber.org/streams'>",
        "fault (content namespace is not jabber:server or jabber:client)\n" },
    { "a client's stanza between servers", 0, 0, 0, HEAD "<message xmlns='jabber:client' from='x@a.example' to='y@b.example'/>",
        "header a.example b.example\nfault (a stanza in the wrong namespace)\n" },
    { "a stanza of no namespace", 0, 0, 0, HEAD "<message xmlns='' from='x@a.example' to='y@b.example'/>",
        "header a.example b.example\nfault (a stanza in the wrong namespace)\n" },
};

static void say(FILE *to, const struct xp *x, const struct xp_event *ev)
{
    static const char *const names[] = { "none", "header", "stanza", "bad", "starttls", "proceed", "compressed", "bound", "other", "close", "fault" };
    fputs(names[ev->type], to);
    if (ev->client && (ev->type == XP_HEADER || ev->type == XP_STANZA || ev->type == XP_BAD))
        fputs(" client", to);
    if (ev->type == XP_BAD)
        fprintf(to, " %.*s", STR_ARG(ev->kind));
    if (ev->type == XP_HEADER || ev->type == XP_BAD)
        fprintf(to, " %.*s %.*s", STR_ARG(ev->from.p ? ev->from : STR("-")), STR_ARG(ev->to.p ? ev->to : STR("-")));
    if (ev->type == XP_BOUND)
        fprintf(to, " %.*s", STR_ARG(ev->to));
    if (ev->type == XP_BAD || ev->type == XP_FAULT)
        fprintf(to, " (%s)", ev->detail);
    if (ev->type == XP_STANZA) {
        struct buf b;
        buf_init(&b, 1 << 20);
        if (xs_serialise(ev->stanza, true, &b) == 0)
            fprintf(to, " %.*s", (int)buf_size(&b), (const char *)buf_data(&b));
        buf_clear(&b);
        rec_free(ev->stanza);
    }
    if (ev->type == XP_STARTTLS || ev->type == XP_PROCEED || ev->type == XP_COMPRESSED)
        fprintf(to, ", rest %zu", xp_rest(x).n);
    putc('\n', to);
}

/* Reads until the stream stops by itself; what comes behind such a stop is fed before it is reported, or not at all. */
static char *events(size_t row, size_t cut)
{
    const struct rec_limits limits = { 16384, 16, 200, 16 };
    struct xp *x = xp_new(&limits, 4096, 8192);
    const char *in = rows[row].in;
    size_t n = strlen(in), size = 0;
    char *text = NULL;
    FILE *to = open_memstream(&text, &size);
    bool stop = false, good = x && (!rows[row].middle || xp_middle(x, rows[row].middle == 'c') == 0) &&
        (!rows[row].from || xp_identity(x, str_c(rows[row].from), str_c(rows[row].to)) == 0);
    for (size_t at = 0; good && at < n && !stop; at += cut) {
        struct xp_event ev;
        good = xp_feed(x, in + at, n - at < cut ? n - at : cut) == 0;
        while (good && !stop && (good = xp_next(x, &ev) == 0) && ev.type != XP_NONE) {
            stop = ev.type == XP_STARTTLS || ev.type == XP_PROCEED || ev.type == XP_COMPRESSED;
            if (stop && at + cut < n) { /* the rest comes later: as if it were there */
                good = xp_feed(x, in + at + cut, n - at - cut) == 0;
            }
            say(to, x, &ev);
        }
    }
    fputs(good ? "" : "failed\n", to);
    fclose(to);
    xp_free(x);
    return text;
}

int main(void)
{
    ok(jid_init() == 0, "ICU");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].in), wrong = 0;
        char *whole = events(i, n);
        if (!ok(strcmp(whole, rows[i].events) == 0, "%s", rows[i].name))
            diag("got %s", whole);
        for (size_t cut = 1; cut < n && !wrong; cut += cut < 10 ? 1 : 13) {
            char *cut_up = events(i, cut);
            if (strcmp(cut_up, whole) != 0)
                wrong = cut;
            free(cut_up);
        }
        if (!ok(!wrong, "%s, in pieces", rows[i].name))
            diag("pieces of %zu", wrong);
        free(whole);
    }
    jid_finish();
    return done_testing();
}
