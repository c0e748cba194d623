// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The order of trying: priority is strict, weight is a share (RFC 2782). */
#include "../../gw/edge/choose.c"
#include <string.h>

#include "tap.h"

static uint32_t next;
static uint32_t counting(void) { return next++; }

/* How often each of three stands first, over n evenly spread draws. */
static void firsts(uint16_t a, uint16_t b, uint16_t c, unsigned n, unsigned ret[3])
{
    memset(ret, 0, 3 * sizeof *ret);
    for (next = 0; next < 3 * n;) {
        struct choice v[3] = { { 5, a, 0 }, { 5, b, 1 }, { 5, c, 2 } };
        uint32_t at = next;
        choose(v, 3, counting);
        next = at + 1;
        ret[v[0].index] += at < n;
    }
}

int main(void)
{
    struct choice v[] = { { 30, 9, 0 }, { 10, 1, 1 }, { 20, 0, 2 }, { 10, 0, 3 } };
    unsigned f[3];
    choose(v, 4, counting);
    ok(v[0].priority == 10 && v[1].priority == 10 && v[2].index == 2 && v[3].index == 0, "lower priorities come first, whatever their weight");
    choose(v, 0, counting);
    ok(true, "none is fine");
    firsts(1, 1, 2, 400, f);
    ok(f[0] > 60 && f[1] > 60 && f[2] > 140 && f[2] > f[0] && f[2] > f[1], "weights 1, 1, 2 share the first place: %u, %u, %u of 400", f[0], f[1], f[2]);
    firsts(0, 0, 10, 1100, f);
    ok(f[2] > 900 && f[0] + f[1] > 0, "weight 0 has a small chance: %u, %u, %u of 1100", f[0], f[1], f[2]);
    firsts(0, 0, 0, 30, f);
    ok(f[0] == 30, "all of weight 0: the order in which they stand");
    bool whole = true;
    for (next = 0; next < 100;) {
        struct choice w[4] = { { 1, 3, 0 }, { 1, 0, 1 }, { 1, 7, 2 }, { 2, 1, 3 } };
        unsigned seen = 0;
        choose(w, 4, counting);
        for (int i = 0; i < 4; i++)
            seen |= 1u << w[i].index;
        whole &= seen == 15 && w[3].index == 3;
    }
    ok(whole, "nobody is lost or doubled");
    return done_testing();
}
