// link: record base
// libs: -licuuc -licudata
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The record decoder against hostile bytes: what it accepts encodes to the very same bytes. */
#include <stdlib.h>

#include "jid.h"
#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rec_limits limits = { 65536, 32, 2000, 32 };
    static int opened;
    if (!opened++ && jid_init())
        abort();
    struct rec *r = NULL, *copy = NULL;
    if (rec_decode((struct str){ (const char *)data, size }, &limits, &r))
        return 0;
    struct buf b;
    buf_init(&b, 1 << 20);
    if (rec_encode(r, &b) || buf_size(&b) != size || (size && memcmp(buf_data(&b), data, size)))
        abort();
    if (rec_apply(r, NULL, 0, &copy) || !rec_equal(r, copy))
        abort();
    rec_free(copy);
    rec_free(r);
    buf_clear(&b);
    return 0;
}
