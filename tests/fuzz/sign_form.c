// link: ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What may be signed. The first two bytes are the scheme, the rest what is to be signed. Oracles: no text is both a checkpoint and what TLS
 * signs, so that no key speaks in the other's place; a checkpoint is its parts and nothing more; what TLS signs keeps to a length. */
#include <stdio.h>
#include <stdlib.h>

#include "../../gw/token/form.c"
#include "tls_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "gate/journal"

static void must(bool good)
{
    if (!good)
        abort();
}

/* Read a second way: by sscanf, and written again. */
static void checkpoint(struct str in)
{
    char text[512], again[512], root[44], size[21], time[21];
    int n = 0;
    must(in.n < sizeof text && !memchr(in.p, 0, in.n));
    memcpy(text, in.p, in.n);
    text[in.n] = 0;
    if (sscanf(text, "cosignature/v1\ntime %20[0-9]\n" NAME "\n%20[0-9]\n%43[A-Za-z0-9+/]=\n%n", time, size, root, &n) == 3 && n)
        snprintf(again, sizeof again, "cosignature/v1\ntime %s\n" NAME "\n%s\n%s=\n", time, size, root);
    else if (sscanf(text, NAME "\n%20[0-9]\n%43[A-Za-z0-9+/]=\n%n", size, root, &n) == 2 && n)
        snprintf(again, sizeof again, NAME "\n%s\n%s=\n", size, root);
    else
        abort();
    must(strcmp(text, again) == 0);
    must(strlen(root) == 43 && (size[0] != '0' || !size[1]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct str in = { (const char *)data + 2, size - 2 };
    const char *note = form_note_wrong(in, NAME), *tls = tls_input_wrong(in, (unsigned)data[0] << 8 | data[1]);
    must(note || tls);
    must((!note || *note) && (!tls || *tls));
    if (!note)
        checkpoint(in);
    return 0;
}
