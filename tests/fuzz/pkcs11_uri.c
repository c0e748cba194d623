// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The name of a key on a token. Oracle: what is taken has a token and an object or an id, and is taken for the same when it is written
 * anew with every byte as %xx; what is refused says why and leaves nothing behind. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *percent(char *to, const char *name, const void *p, size_t n)
{
    const unsigned char *b = p;
    if (n)
        to += sprintf(to, "%s=", name);
    for (size_t i = 0; i < n; i++)
        to += sprintf(to, "%%%02X", b[i]);
    to += sprintf(to, ";");
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pkcs11_uri none;
    struct pkcs11_uri u = none, again = none;
    const char *what = NULL;
    char written[1024], *to = written;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    int rc = pkcs11_uri_parse(text, &u, &what);
    free(text);
    if (rc) {
        if (!what || !*what || memcmp(&u, &none, sizeof u) != 0)
            abort();
        return 0;
    }
    if (!u.token[0] || (!u.object[0] && !u.id_n) || u.id_n > sizeof u.id || !memchr(u.token, 0, sizeof u.token) || !memchr(u.object, 0, sizeof u.object))
        abort();
    to += sprintf(to, "pkcs11:");
    to = percent(to, "token", u.token, strlen(u.token));
    if (u.object[0])
        to = percent(to, "object", u.object, strlen(u.object));
    if (u.id_n)
        to = percent(to, "id", u.id, u.id_n);
    to[-1] = 0; /* the last ; */
    if (pkcs11_uri_parse(written, &again, &what) || memcmp(&u, &again, sizeof u) != 0)
        abort();
    return 0;
}
