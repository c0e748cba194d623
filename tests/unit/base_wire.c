// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The cursor: what was written is read, nothing is read past the end, the first error stays. */
#include <stdlib.h>

#include "tap.h"
#include "wire.h"

static void round_trip(void)
{
    struct buf b;
    struct wire_out o;
    struct wire w;
    static const unsigned char want[] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 1, 2, 3, 4, 5, 6, 7, 9, 0, 2, 'h', 'i', 0, 0, 0, 1, '!', 'x' };

    buf_init(&b, 100);
    wire_out_init(&o, &b);
    wire_put_u8(&o, 0x12);
    wire_put_u16(&o, 0x3456);
    wire_put_u32(&o, 0x789abcde);
    wire_put_u64(&o, 0x0102030405060708 + 1);
    wire_put_str16(&o, STR("hi"));
    wire_put_str32(&o, STR("!"));
    wire_put_bytes(&o, "x", 1);
    ok(o.err == 0, "written");
    ok(str_eq(buf_str(&b), (struct str){ (const char *)want, sizeof want }), "byte for byte, big end first");
    wire_init(&w, buf_data(&b), buf_size(&b));
    ok(wire_u8(&w) == 0x12 && wire_u16(&w) == 0x3456 && wire_u32(&w) == 0x789abcde && wire_u64(&w) == 0x0102030405060709, "numbers");
    ok(str_eq(wire_str16(&w, 2), STR("hi")) && str_eq(wire_str32(&w, 1), STR("!")), "strings");
    ok(wire_done(&w) == GW_ERR(SYNTAX), "a byte is left over");
    ok(wire_bytes(&w, 1) && wire_done(&w) == 0, "now nothing is");
    buf_clear(&b);
}

static void errors(void)
{
    struct wire w;
    unsigned char *p = malloc(3); /* exact, so that the address sanitizer sees one byte too many */

    memcpy(p, "\0\5a", 3);
    wire_init(&w, p, 3);
    ok(wire_u32(&w) == 0 && w.err == GW_ERR(SYNTAX), "u32 of 3 bytes");
    ok(wire_u8(&w) == 0 && wire_left(&w) == 3, "nothing is read behind an error");
    ok(wire_done(&w) == GW_ERR(SYNTAX), "and the error stays");
    wire_init(&w, p, 3);
    ok(wire_str16(&w, 100).p == NULL && w.err == GW_ERR(SYNTAX), "a string that ends behind the end");
    wire_init(&w, p, 3);
    ok(wire_str16(&w, 4).n == 0 && w.err == GW_ERR(LIMIT), "a string over its maximum");
    wire_fail(&w, GW_ERR(SYNTAX));
    ok(w.err == GW_ERR(LIMIT), "the first error stays");
    wire_init(&w, NULL, 0);
    ok(wire_done(&w) == 0 && wire_left(&w) == 0, "nothing at all is fine");
    ok(wire_u8(&w) == 0 && w.err == GW_ERR(SYNTAX), "until it is read");
    memcpy(p, "\377\377\377", 3);
    wire_init(&w, p, 3);
    ok(wire_bytes(&w, SIZE_MAX) == NULL, "absurd lengths are refused");
    free(p);
}

static void writing(void)
{
    struct buf b;
    struct wire_out o;
    char *big = calloc(1, 70000);

    buf_init(&b, 6);
    wire_out_init(&o, &b);
    wire_put_u32(&o, 1);
    wire_put_u32(&o, 2);
    wire_put_u8(&o, 3);
    ok(o.err == GW_ERR(LIMIT) && buf_size(&b) == 4, "the buffer's maximum sticks, nothing is written behind it");
    buf_clear(&b);
    buf_init(&b, 100000);
    wire_out_init(&o, &b);
    wire_put_str16(&o, (struct str){ big, 65536 });
    ok(o.err == GW_ERR(LIMIT) && buf_size(&b) == 0, "a string of 65536 bytes does not go into str16");
    wire_out_init(&o, &b);
    wire_put_str16(&o, (struct str){ big, 65535 });
    ok(o.err == 0 && buf_size(&b) == 65537, "65535 bytes do");
    buf_clear(&b);
    free(big);
}

int main(void)
{
    round_trip();
    errors();
    writing();
    return done_testing();
}
