/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names of keys on tokens (RFC 7512): read, with what is wrong about them. */
#include "pkcs11_uri.h"

#include <string.h>

#define SCHEME "pkcs11:"

bool pkcs11_is_uri(const char *text)
{
    return text && strncmp(text, SCHEME, sizeof SCHEME - 1) == 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding (RFC 3986 section 2.1). Bytes, or -1: not well formed, or more than max. */
static int decode(const char *p, size_t n, unsigned char *out, size_t max)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)p[i];
        if (c <= ' ' || c >= 0x7f || c == '?' || k == max)
            return -1;
        if (c == '%') {
            int h = i + 2 < n ? hex(p[i + 1]) : -1, l = h >= 0 ? hex(p[i + 2]) : -1;
            if (l < 0)
                return -1;
            c = h << 4 | l;
            i += 2;
        }
        out[k++] = (unsigned char)c;
    }
    return (int)k;
}

static bool decode_text(const char *p, size_t n, char *out, size_t size)
{
    int k = decode(p, n, (unsigned char *)out, size - 1);
    if (k <= 0 || out[0] == 0 || memchr(out, 0, (size_t)k))
        return false;
    out[k] = 0;
    return true;
}

static const char *take(const char *p, size_t n, struct pkcs11_uri *u)
{
    const char *eq = memchr(p, '=', n), *v = eq ? eq + 1 : p;
    size_t name = eq ? (size_t)(eq - p) : 0, vn = n - (size_t)(v - p);

    if (name == 5 && memcmp(p, "token", 5) == 0)
        return u->token[0] || !decode_text(v, vn, u->token, sizeof u->token) ? "token= must stand there once: the token's label, up to 32 bytes" : NULL;
    if (name == 6 && memcmp(p, "object", 6) == 0)
        return u->object[0] || !decode_text(v, vn, u->object, sizeof u->object) ? "object= must be a label of up to 127 bytes, once" : NULL;
    if (name == 2 && memcmp(p, "id", 2) == 0) {
        int k = u->id_n ? -1 : decode(v, vn, u->id, sizeof u->id);
        u->id_n = k > 0 ? (size_t)k : 0;
        return k > 0 ? NULL : "id= must be up to 32 bytes as %xx, once";
    }
    if (name == 4 && memcmp(p, "type", 4) == 0)
        return vn == 7 && memcmp(v, "private", 7) == 0 ? NULL : "type= can only be private";
    return "allowed are token=, object=, id= and type=private, with ; between them (the PIN stands in pkcs11.pin_file)";
}

int pkcs11_uri_parse(const char *text, struct pkcs11_uri *ret, const char **ret_what)
{
    struct pkcs11_uri u = { .token = "" };

    if (!pkcs11_is_uri(text)) {
        *ret_what = "it does not begin with pkcs11:";
        return GW_ERR(SYNTAX);
    }
    for (const char *p = text + sizeof SCHEME - 1;;) {
        size_t n = strcspn(p, ";");
        const char *what = take(p, n, &u);
        if (what) {
            *ret_what = what;
            return GW_ERR(SYNTAX);
        }
        if (!p[n])
            break;
        p += n + 1;
    }
    if (!u.token[0] || (!u.object[0] && !u.id_n)) {
        *ret_what = u.token[0] ? "object= or id= is missing" : "token= is missing";
        return GW_ERR(SYNTAX);
    }
    *ret = u;
    return 0;
}
