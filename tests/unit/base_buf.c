// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Buffers keep their maximum and their order; arenas their maximum and alignment. */
#include <stdlib.h>

#include "buf.h"
#include "tap.h"

static void growing(void)
{
    struct buf b;
    bool same = true;

    buf_init(&b, 1000);
    for (int i = 0; i < 10; i++)
        ok(buf_put(&b, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", 100) == 0,
            "100 bytes fit, %d", i);
    ok(buf_put(&b, "x", 1) == GW_ERR(LIMIT) && buf_size(&b) == 1000, "one byte over the maximum: nothing is appended");
    ok(buf_room(&b, 1) == NULL, "no room beyond the maximum");
    ok(buf_put(&b, NULL, 0) == 0, "nothing always fits");
    buf_drop(&b, 995);
    ok(buf_put(&b, "abcde", 5) == 0 && str_eq(buf_str(&b), STR("56789abcde")), "what was dropped makes room again");
    buf_drop(&b, 2000);
    ok(buf_size(&b) == 0, "dropping more than there is empties it");
    buf_clear(&b);
    ok(buf_put(&b, "x", 1) == 0, "usable after buf_clear");
    buf_clear(&b);

    /* a queue that is never empty: order holds over compaction, and memory stays small */
    buf_init(&b, 1 << 20);
    unsigned char in = 0, out = 0;
    for (int i = 0; i < 100000; i++) {
        unsigned char piece[7];
        for (size_t k = 0; k < sizeof piece; k++)
            piece[k] = in++;
        same &= buf_put(&b, piece, sizeof piece) == 0;
        if (buf_size(&b) > 300)
            for (int k = 0; k < 7; k++) {
                same &= *buf_data(&b) == out++;
                buf_drop(&b, 1);
            }
    }
    ok(same, "first in, first out over 100,000 pieces");
    ok(b.cap <= 2048, "a queue of 300 bytes keeps a small buffer (%zu)", b.cap);
    buf_clear(&b);
}

static void all_zero(void)
{
    struct buf b = { .max = 5 };

    ok(buf_data(&b) == NULL && buf_size(&b) == 0, "all-zero with a maximum is empty");
    ok(buf_printf(&b, "%d", 12345) == 0 && str_eq(buf_str(&b), STR("12345")), "printf exactly to the maximum");
    ok(buf_printf(&b, "%d", 1) == GW_ERR(LIMIT) && buf_size(&b) == 5, "printf over the maximum changes nothing");
    buf_clear(&b);
    b.max = 0;
    ok(buf_put(&b, "x", 1) == GW_ERR(LIMIT), "a maximum of 0 takes nothing");
    buf_clear(&b);
    buf_init(&b, 3000);
    ok(buf_printf(&b, "%2000d", 7) == 0 && buf_size(&b) == 2000 && buf_data(&b)[1999] == '7', "printf longer than its small buffer");
    ok(buf_printf(&b, "%2000d", 7) == GW_ERR(LIMIT) && buf_size(&b) == 2000, "and over the limit");
    buf_clear(&b);
}

static void arenas(void)
{
    struct arena a;
    bool zero = true, aligned = true;
    struct str s;

    arena_init(&a, 100000);
    for (size_t n = 1; n < 200; n++) {
        unsigned char *p = arena_alloc(&a, n);
        aligned &= p && ((uintptr_t)p & 15) == 0;
        for (size_t i = 0; p && i < n; i++)
            zero &= p[i] == 0;
        if (p)
            memset(p, 0xaa, n);
    }
    ok(aligned, "aligned to 16 bytes");
    ok(zero, "zeroed");
    s = arena_str(&a, STR("hello"));
    ok(s.p && str_eq(s, STR("hello")) && s.p[5] == 0, "a string has a NUL behind it");
    ok(arena_alloc(&a, 100000) == NULL, "no more than the maximum");
    ok(arena_alloc(&a, SIZE_MAX) == NULL && arena_alloc(&a, SIZE_MAX - 20) == NULL, "absurd sizes are refused");
    ok(arena_str(&a, (struct str){ "x", SIZE_MAX }).p == NULL, "absurd strings are refused");
    ok(arena_alloc(&a, 0) != NULL, "nothing has a pointer, too");
    arena_reset(&a);
    ok(a.used == 0, "empty after a reset");
    zero = true;
    unsigned char *p = arena_alloc(&a, 3000);
    for (size_t i = 0; p && i < 3000; i++)
        zero &= p[i] == 0;
    ok(p && zero, "zeroed again after a reset");
    arena_clear(&a);
    ok(arena_alloc(&a, 99000) != NULL, "usable after a clear, in one large piece");
    arena_reset(&a);
    arena_clear(&a);
}

int main(void)
{
    growing();
    all_zero();
    arenas();
    return done_testing();
}
