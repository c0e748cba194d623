/* SPDX-License-Identifier: GPL-3.0-or-later
 * One stanza from foreign text. Oracles: parse(serialise(record)) = record, alone and in the record's own encoding. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include <stdio.h>
#include <stdlib.h>

#include "jid.h"
#include "xmpp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool ready;
    const struct rec_limits limits = { 32768, 16, 200, 16 }, wide = { 1u << 20, 16, 400, 16 };
    struct rec *r = NULL, *again = NULL, *decoded = NULL;
    struct buf xml, once_more, code;
    const char *detail = NULL;
    if (!ready)
        must(jid_init() == 0, "jid_init");
    ready = true;
    if (n < 1 || xs_parse_stanza((struct str){ (const char *)data + 1, n - 1 }, data[0] & 1, &limits, &r, &detail) < 0) {
        must(n < 1 || (detail && !r), "a refusal says why and gives nothing");
        return 0;
    }
    buf_init(&xml, 1u << 20);
    buf_init(&once_more, 1u << 20);
    buf_init(&code, 1u << 20);
    must(xs_serialise(r, true, &xml) == 0, "serialise");
    must(xs_parse_stanza(buf_str(&xml), false, &wide, &again, &detail) == 0, "what we wrote can be read");
    must(rec_equal(r, again), "parse(serialise(record)) = record");
    must(xs_serialise(again, true, &once_more) == 0 && str_eq(buf_str(&xml), buf_str(&once_more)), "one normal form");
    must(rec_encode(r, &code) == 0 && rec_decode(buf_str(&code), &limits, &decoded) == 0 && rec_equal(r, decoded), "decode(encode(record)) = record");
    rec_free(r);
    rec_free(again);
    rec_free(decoded);
    buf_clear(&xml);
    buf_clear(&once_more);
    buf_clear(&code);
    return 0;
}
