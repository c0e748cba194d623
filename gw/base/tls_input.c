/* SPDX-License-Identifier: GPL-3.0-or-later
 * Is this what a TLS handshake signs? Three forms and no other: so a signature of the keeper, or of a token, is worth nothing outside of TLS.
 * An edge asks with the whole input, never with a digest that could stand for anything. */
#include "tls_input.h"
#include "wire.h"

/* RFC 8446 section 4.4.3: 64 spaces, one of two sentences, a zero byte, the transcript hash (32 or 48 bytes). */
static bool is_tls13(struct str in)
{
    static const char *const sentences[] = { "TLS 1.3, server CertificateVerify", "TLS 1.3, client CertificateVerify" };
    enum { SPACES = 64, SENTENCE = 33, HEAD = SPACES + SENTENCE + 1 };

    if (in.n != HEAD + 32 && in.n != HEAD + 48)
        return false;
    for (size_t i = 0; i < SPACES; i++)
        if (in.p[i] != ' ')
            return false;
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (memcmp(in.p + SPACES, sentences[i], SENTENCE + 1) == 0) /* with its zero byte */
            return true;
    return false;
}

/* RFC 8422 section 5.4, ServerKeyExchange: both randoms, named_curve, the group, the point. */
static bool is_key_exchange(struct str in)
{
    struct wire w;
    size_t n;

    wire_init(&w, in.p, in.n);
    (void)wire_bytes(&w, 64);
    if (wire_u8(&w) != 3)
        return false;
    (void)wire_u16(&w);
    n = wire_u8(&w);
    return n > 0 && wire_bytes(&w, n) && wire_done(&w) == 0;
}

/* RFC 5246 section 7.4.8, CertificateVerify of a client: all handshake messages so far, which for the suites in use are these. */
static bool is_transcript(struct str in)
{
    static const uint8_t order[] = { 1 /* ClientHello */, 2 /* ServerHello */, 11 /* Certificate */, 12 /* ServerKeyExchange */,
        13 /* CertificateRequest */, 14 /* ServerHelloDone */, 11, 16 /* ClientKeyExchange */ };
    struct wire w;

    wire_init(&w, in.p, in.n);
    for (size_t i = 0; i < sizeof order; i++) {
        uint8_t type = wire_u8(&w);
        size_t n = (size_t)wire_u8(&w) << 16;
        const unsigned char *body;

        n |= wire_u16(&w);
        body = wire_bytes(&w, n);
        if (w.err || type != order[i])
            return false;
        if (i < 2 && (n < 34 || body[0] != 3 || body[1] != 3)) /* version 1.2, random */
            return false;
    }
    return wire_done(&w) == 0;
}

const char *tls_input_wrong(struct str in, unsigned scheme)
{
    bool pkcs1 = scheme == 0x0401 || scheme == 0x0501 || scheme == 0x0601;

    if (is_tls13(in))
        return pkcs1 ? "a signature scheme that TLS 1.3 does not have" : NULL;
    return is_key_exchange(in) || is_transcript(in) ? NULL : "not what a TLS handshake signs";
}
