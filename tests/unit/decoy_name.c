// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the first bytes of a connection are called, whole and as they come in pieces. */
#include "../../gw/decoy/hello.c"
#include "../../gw/decoy/name.c"
#include "tap.h"

#define HEADER "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='a.example'>"

static const struct row {
    const char *name, *bytes;
    size_t n; /* 0: a string */
    const char *want;
} rows[] = {
    { "nothing", "", 0, "silent" },
    { "a stream header", HEADER, 0, "xmpp" },
    { "a header without declaration, behind white space", " \r\n<stream:stream xmlns='jabber:client'", 0, "xmpp" },
    { "a header and starttls in one piece", HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", 0, "xmpp-starttls" },
    { "other XML", "<?xml version='1.0'?><note/>", 0, "xml" },
    { "WebSocket with the subprotocol of RFC 7395", "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n", 0, "xmpp-websocket" },
    { "WebSocket of another kind", "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", 0, "websocket" },
    { "BOSH by its path", "POST /http-bind HTTP/1.1\r\nHost: a\r\n\r\n", 0, "xmpp-bosh" },
    { "BOSH by its body", "POST /x HTTP/1.1\r\nHost: a\r\n\r\n<body xmlns='http://jabber.org/protocol/httpbind'/>", 0, "xmpp-bosh" },
    { "HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "http" },
    { "HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, "http2" },
    { "SSH", "SSH-2.0-OpenSSH_9.2\r\n", 0, "ssh" },
    { "SMTP", "EHLO a.example\r\n", 0, "smtp" },
    { "SMB", "\0\0\0\x45\xfeSMB@\0", 10, "smb" },
    { "RDP", "\x03\0\0\x13\x0e\xe0\0\0\0\0\0", 11, "rdp" },
    { "SOCKS", "\x05\x01\0", 3, "socks5" },
    { "noise", "\x80\x81\x82\x83\x84", 5, "unknown" },
};

/* A ClientHello with these names, in one record. */
static size_t hello(unsigned char *out, const char *sni, const char *alpn)
{
    unsigned char ext[600];
    size_t e = 0, s = strlen(sni), a = strlen(alpn), n = 9;
    if (s) {
        unsigned char v[] = { 0, 0, 0, (unsigned char)(s + 5), 0, (unsigned char)(s + 3), 0, 0, (unsigned char)s };
        memcpy(ext + e, v, sizeof v), e += sizeof v;
        memcpy(ext + e, sni, s), e += s;
    }
    if (a) {
        unsigned char v[] = { 0, 16, 0, (unsigned char)(a + 3), 0, (unsigned char)(a + 1), (unsigned char)a };
        memcpy(ext + e, v, sizeof v), e += sizeof v;
        memcpy(ext + e, alpn, a), e += a;
    }
    memset(out + n, 3, 34), n += 34;      /* version, random */
    out[n++] = 0;                         /* session id */
    memcpy(out + n, "\0\x02\x13\x01\x01\0", 6), n += 6;
    out[n++] = (unsigned char)(e >> 8), out[n++] = (unsigned char)e;
    memcpy(out + n, ext, e), n += e;
    unsigned char head[] = { 22, 3, 1, (unsigned char)((n - 5) >> 8), (unsigned char)(n - 5), 1, 0, (unsigned char)((n - 9) >> 8), (unsigned char)(n - 9) };
    memcpy(out, head, sizeof head);
    return n;
}

static void test_tls(void)
{
    unsigned char b[1024];
    struct decoy_words w;
    bool sure, never = true;
    size_t n = hello(b, "low.example", "xmpp-server");
    ok(!strcmp(decoy_name(b, n, &w, &sure), "xmpp-direct-tls") && sure && !strcmp(w.sni, "low.example") && !strcmp(w.alpn, "xmpp-server"),
        "direct TLS by ALPN, with its SNI");
    for (size_t i = 1; i < n; i++) {
        decoy_name(b, i, &w, &sure);
        never &= !sure;
    }
    ok(never, "no part of it is taken for the whole");
    n = hello(b, "xmpp.low.example", "");
    ok(!strcmp(decoy_name(b, n, &w, &sure), "xmpp-direct-tls") && sure, "direct TLS by a name that begins with xmpp");
    n = hello(b, "www.low.example", "h2");
    ok(!strcmp(decoy_name(b, n, &w, &sure), "tls") && sure && !strcmp(w.alpn, "h2"), "TLS of another kind");
    n = hello(b, "", "");
    ok(!strcmp(decoy_name(b, n, &w, &sure), "tls") && sure && !w.sni[0], "TLS without a name");
    n = hello(b, "a\nb\x1b[2J.example", "");
    ok(decoy_name(b, n, &w, &sure) && !strcmp(w.sni, "a?b?[2J.example"), "what is no name is not written as it came");
    b[50] = 0xff; /* cipher suites longer than all */
    b[9 + 35] = 0xff;
    ok(!strcmp(decoy_name(b, n, &w, &sure), "tls") && !w.sni[0], "lengths that lie lead nowhere");
}

int main(void)
{
    struct decoy_words w;
    bool sure;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = rows[i].n ? rows[i].n : strlen(rows[i].bytes);
        const char *got = decoy_name((const unsigned char *)rows[i].bytes, n, &w, &sure);
        if (!ok(!strcmp(got, rows[i].want), "%s: %s", rows[i].name, rows[i].want))
            diag("%s", got);
        for (size_t k = 0; k < n; k++) /* in pieces: nothing is read past the end (sanitizer builds) */
            decoy_name((const unsigned char *)rows[i].bytes, k, &w, &sure);
    }
    test_tls();
    return done_testing();
}
