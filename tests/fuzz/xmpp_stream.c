/* SPDX-License-Identifier: GPL-3.0-or-later
 * A stream of foreign bytes, both roles. Oracles: other cuts, same events; every stanza survives parse(serialise(it)). */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include "jid.h"
#include "../unit/xmpp_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first byte chooses the role and what comes before; the second the cuts of the second run. */
static void run_one(struct run *r, const uint8_t *data, size_t n, unsigned chunks)
{
    struct xs_conf conf = { .role = data[0] & 1 ? XS_INITIATING : XS_RECEIVING, .limits = { 16384, 16, 200, 16 }, .header_bytes = data[0] & 64 ? 500 : 1024,
        .stanza_bytes = data[0] & 64 ? 600 : 8192, .offer_starttls = (data[0] & 2) != 0, .offer_external = (data[0] & 4) == 0, .dialback = (data[0] & 8) == 0, .spare_stream = (data[0] & 32) != 0, .manage = (data[0] & 128) != 0,
        .from = STR("capulet.example"), .to = STR("montague.example") };
    bool ready = (data[0] & 16) && conf.role == XS_RECEIVING;
    if (ready) {
        conf.offer_starttls = false;
        conf.offer_external = true;
    }
    run_init(r, &conf);
    if (ready)
        run_input(r, (const unsigned char *)RUN_UNTIL_READY, sizeof RUN_UNTIL_READY - 1, RUN_WHOLE, false);
    run_input(r, data + 2, n - 2, chunks, true);
    run_forget_injected_starttls(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool ready;
    struct run whole, cut;
    if (!ready)
        run_must(jid_init());
    ready = true;
    if (n < 2)
        return 0;
    run_one(&whole, data, n, RUN_WHOLE);
    run_one(&cut, data, n, 1 + data[1]);
    if (!str_eq(buf_str(&whole.log), buf_str(&cut.log))) {
        fprintf(stderr, "other cuts, other events:\n%.*s---\n%.*s", STR_ARG(buf_str(&whole.log)), STR_ARG(buf_str(&cut.log)));
        abort();
    }
    run_clear(&whole);
    run_clear(&cut);
    return 0;
}
