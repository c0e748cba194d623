// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * First bytes of connections to the decoy. Oracles: names are printable and short, and more bytes never take a sure name back. */
#include <stdlib.h>

#include "../../gw/decoy/hello.c"
#include "../../gw/decoy/name.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *s)
{
    for (size_t i = 0; s[i]; i++)
        if (s[i] <= ' ' || s[i] > '~' || i >= DECOY_WORD)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoy_words w;
    bool sure = false;
    size_t step = size / 64 + 1;
    for (size_t n = 0; n <= size; n += step) {
        unsigned char *copy = malloc(n + 1); /* so that a byte past the end is seen */
        if (!copy)
            return 0;
        memcpy(copy, data, n);
        const char *name = decoy_name(copy, n, &w, &sure);
        free(copy);
        check(name);
        check(w.sni);
        check(w.alpn);
        if (!n != !strcmp(name, "silent"))
            abort();
    }
    return 0;
}
