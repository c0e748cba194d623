/* SPDX-License-Identifier: GPL-3.0-or-later
 * The server name and the protocols that a TLS ClientHello asks for (RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301). */
#include "decoy.h"
#include "wire.h"

#define HANDSHAKE 22
#define CLIENT_HELLO 1
#define EXT_SERVER_NAME 0
#define EXT_ALPN 16

/* A name from the network, for a log: printable ASCII, words separated by a comma. */
static void add_word(char out[DECOY_WORD], const unsigned char *p, size_t n)
{
    size_t at = strlen(out);
    if (at && at + 1 < DECOY_WORD)
        out[at++] = ',';
    for (size_t i = 0; i < n && at + 1 < DECOY_WORD; i++)
        out[at++] = p[i] > 0x20 && p[i] < 0x7f && p[i] != ',' ? (char)p[i] : '?';
    out[at] = 0;
}

static void read_server_name(struct wire *w, struct decoy_words *ret)
{
    size_t list = wire_u16(w);
    uint8_t type = wire_u8(w);
    size_t n = wire_u16(w);
    const unsigned char *p = wire_bytes(w, n);
    if (p && type == 0 && n + 3 <= list)
        add_word(ret->sni, p, n);
}

static void read_alpn(struct wire *w, struct decoy_words *ret)
{
    (void)wire_u16(w);
    while (!w->err && wire_left(w)) {
        size_t n = wire_u8(w);
        const unsigned char *p = wire_bytes(w, n);
        if (p)
            add_word(ret->alpn, p, n);
    }
}

static void read_extensions(struct wire *w, struct decoy_words *ret)
{
    (void)wire_u16(w);
    while (!w->err && wire_left(w) >= 4) {
        unsigned type = wire_u16(w);
        size_t n = wire_u16(w);
        const unsigned char *p = wire_bytes(w, n);
        struct wire one;
        if (!p)
            return;
        wire_init(&one, p, n);
        if (type == EXT_SERVER_NAME && !ret->sni[0])
            read_server_name(&one, ret);
        else if (type == EXT_ALPN && !ret->alpn[0])
            read_alpn(&one, ret);
    }
}

int decoy_hello(const unsigned char *p, size_t n, struct decoy_words *ret)
{
    struct wire w;
    if ((n > 0 && p[0] != HANDSHAKE) || (n > 1 && p[1] != 3) || (n > 5 && p[5] != CLIENT_HELLO))
        return GW_ERR(SYNTAX);
    if (n < 9)
        return 0;
    size_t record = (size_t)p[3] << 8 | p[4], hello = (size_t)p[6] << 16 | (size_t)p[7] << 8 | p[8];
    if (record < 4 || record > 16384 + 256)
        return GW_ERR(SYNTAX);
    bool whole = n >= 5 + record || n >= 9 + hello;
    wire_init(&w, p + 9, n - 9); /* one that is cut, or goes on in a second record, is read as far as it goes */
    (void)wire_bytes(&w, 2 + 32);
    (void)wire_bytes(&w, wire_u8(&w));  /* session id */
    (void)wire_bytes(&w, wire_u16(&w)); /* cipher suites */
    (void)wire_bytes(&w, wire_u8(&w));  /* compression */
    memset(ret, 0, sizeof *ret);
    if (!w.err && wire_left(&w))
        read_extensions(&w, ret);
    return whole;
}
