/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a TLS ClientHello says in clear (RFC 8446 section 4.1.2): the server's name and the application protocol, to name an encrypted
 * stream by. Nothing of TLS is decrypted or judged here. */
#include <stdio.h>

#include "impl.h"

#define RECORD_MAX (16 * 1024)

/* Names are shown, never trusted: what is no plain letter, digit, dot or dash becomes a question mark. */
static void plain(struct str s, char *out, size_t room)
{
    size_t n = s.n < room - 1 ? s.n : room - 1;
    for (size_t i = 0; i < n; i++) {
        char c = s.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
        out[i] = fine ? c : '?';
    }
    out[n] = '\0';
}

static struct wire part(struct wire *w, size_t n)
{
    struct wire sub;
    const unsigned char *p = wire_bytes(w, n);
    wire_init(&sub, p, p ? n : 0);
    return sub;
}

static void extension(unsigned type, struct wire x, char name[100], char alpn[40], bool *ret_xmpp)
{
    if (type == 0) { /* server_name (RFC 6066 section 3) */
        (void)wire_u16(&x);
        (void)wire_u8(&x);
        plain(wire_str16(&x, 255), name, 100);
        if (x.err)
            name[0] = '\0';
    } else if (type == 16) { /* application_layer_protocol_negotiation (RFC 7301) */
        (void)wire_u16(&x);
        while (!x.err && wire_left(&x)) {
            struct wire one = part(&x, wire_u8(&x));
            struct str s = { (const char *)one.p, wire_left(&one) };
            if (x.err)
                break;
            if (!alpn[0])
                plain(s, alpn, 40);
            if (str_eq(s, STR("xmpp-server")) || str_eq(s, STR("xmpp-client")))
                *ret_xmpp = true;
        }
    }
}

int hello_read(struct str bytes, char out[HELLO_TEXT], bool *ret_xmpp)
{
    char name[100] = "", alpn[40] = "";
    struct wire w, hello, all;
    size_t n;
    *ret_xmpp = false;
    out[0] = '\0';
    wire_init(&w, bytes.p, bytes.n);
    if ((bytes.n > 0 && wire_u8(&w) != 22) || (bytes.n > 1 && wire_u8(&w) != 3))
        return -1;
    if (bytes.n < 5)
        return 0;
    (void)wire_u8(&w);
    n = wire_u16(&w);
    if (n > RECORD_MAX || n < 4)
        return -1;
    if (wire_left(&w) < n)
        return 0;
    hello = part(&w, n);
    if (wire_u8(&hello) != 1)
        return -1;
    (void)wire_u8(&hello);
    (void)wire_u16(&hello);
    (void)wire_bytes(&hello, 2 + 32);
    (void)part(&hello, wire_u8(&hello));
    (void)part(&hello, wire_u16(&hello));
    (void)part(&hello, wire_u8(&hello));
    all = part(&hello, wire_u16(&hello));
    while (!all.err && wire_left(&all)) {
        unsigned type = wire_u16(&all);
        struct wire x = part(&all, wire_u16(&all));
        if (!all.err)
            extension(type, x, name, alpn, ret_xmpp);
    }
    if (name[0] || alpn[0])
        snprintf(out, HELLO_TEXT, "%s%s%s%s", name[0] ? "for " : "", name, name[0] && alpn[0] ? ", " : "", alpn);
    return 1;
}
