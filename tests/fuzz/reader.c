/* SPDX-License-Identifier: GPL-3.0-or-later
 * The second reader. Input: a stanza, a zero byte, then pairs (place u16, byte) that change what the writer makes of it. Oracles: what the
 * writer wrote is the record; changed bytes that the reader still takes for the record are the record for expat too. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include "../../gw/reader/parse.c"

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

/* expat's opinion: parsed in a stream's default namespace. */
static bool same_for_expat(const struct rec *r, struct str xml)
{
    const struct rec_limits wide_limits = { 1u << 20, 16, 400, 64 };
    struct rec *again = NULL;
    const char *detail = NULL;
    bool same = xs_parse_stanza(xml, false, &wide_limits, &again, &detail) == 0 && rec_equal(r, again);
    rec_free(again);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool ready;
    const struct rec_limits limits = { 32768, 16, 200, 16 };
    const uint8_t *zero = n ? memchr(data, 0, n) : NULL;
    struct rec *r = NULL;
    struct buf xml;
    const char *detail = NULL, *wrong;
    size_t n_stanza = zero ? (size_t)(zero - data) : n;
    if (!ready)
        must(jid_init() == 0, "jid_init");
    ready = true;
    if (xs_parse_stanza((struct str){ (const char *)data, n_stanza }, false, &limits, &r, &detail) < 0)
        return 0;
    buf_init(&xml, 1u << 20);
    must(xs_serialise(r, false, &xml) == 0, "serialise");
    wrong = rdr_compare(r, buf_str(&xml));
    must(!wrong, wrong ? wrong : "");
    must(same_for_expat(r, buf_str(&xml)), "expat reads it alike");
    for (const uint8_t *p = zero ? zero + 1 : data + n; p + 3 <= data + n; p += 3) {
        unsigned char *at = xml.p + xml.off + (size_t)(p[0] << 8 | p[1]) % buf_size(&xml);
        *at = p[2];
        if (!rdr_compare(r, buf_str(&xml)))
            must(same_for_expat(r, buf_str(&xml)), "a change that the reader does not see");
    }
    /* cut short at any place, or with a byte more, it is never the record */
    if (n_stanza < 2000) {
        buf_reset(&xml);
        must(xs_serialise(r, false, &xml) == 0, "serialise");
        for (size_t k = 0; k < buf_size(&xml); k++)
            must(rdr_compare(r, (struct str){ (const char *)buf_data(&xml), k }) != NULL, "cut short");
    }
    rec_free(r);
    buf_clear(&xml);
    return 0;
}
