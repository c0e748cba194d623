/* SPDX-License-Identifier: GPL-3.0-or-later
 * Typed journal fields on the wire. The writer repairs text; the reader accepts none that it would have to repair. */
#include "fields.h"
#include "utf8.h"

#define FIELD_HEAD 6 /* u16 field, u32 length */
#define FIELD_HEX_MAX 64 /* bytes; the longest hash there is */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for bytes that are not UTF-8 */

static const char *field_json(unsigned f, enum gw_field_type *ret_type)
{
    switch (f) {
#define X(id, name, json, type) \
    case id: \
        *ret_type = GW_FT_##type; \
        return json;
        GW_FIELDS(X)
#undef X
    default:
        return NULL;
    }
}

/* One field, in one piece: room is looked for once. */
static void field_put(struct wire_out *o, enum gw_field f, const void *p, size_t n)
{
    unsigned char *at = o->err == 0 ? buf_room(o->b, FIELD_HEAD + n) : NULL;
    uint16_t field = htobe16((uint16_t)f);
    uint32_t length = htobe32((uint32_t)n);

    if (!at) {
        if (o->err == 0)
            o->err = buf_size(o->b) + FIELD_HEAD + n > o->b->max ? GW_ERR(LIMIT) : GW_ERR(NOMEM);
        return;
    }
    memcpy(at, &field, sizeof field);
    memcpy(at + sizeof field, &length, sizeof length);
    memcpy(at + FIELD_HEAD, p, n);
    buf_added(o->b, FIELD_HEAD + n);
}

/* Bytes at p (n > 0) that make the next character, at most max; 0: not UTF-8. */
static size_t character(const char *p, size_t n)
{
    for (size_t len = 1; len <= 4 && len <= n; len++)
        if (utf8_valid((struct str){ p, len }))
            return len;
    return 0;
}

/* Copies s into out, cut and repaired; the length written. */
static size_t field_repair(struct str s, char out[GW_FIELD_TEXT_MAX])
{
    size_t n = 0, i = 0, cut = 0;

    while (i < s.n) {
        size_t len = character(s.p + i, s.n - i), put = len ? len : 3;

        if (n + put > GW_FIELD_TEXT_MAX)
            break;
        memcpy(out + n, len ? s.p + i : REPLACEMENT, put);
        n += put;
        i += len ? len : 1;
        if (n <= GW_FIELD_TEXT_MAX - 3)
            cut = n;
    }
    if (i < s.n) {
        memcpy(out + cut, "...", 3);
        n = cut + 3;
    }
    return n;
}

/* Apart, for its large local: the compiler clears it at each entry. */
static __attribute__((noinline)) void field_repaired(struct wire_out *o, enum gw_field f, struct str s)
{
    char text[GW_FIELD_TEXT_MAX];
    size_t n = field_repair(s, text);

    field_put(o, f, text, n);
}

void field_str(struct wire_out *o, enum gw_field f, struct str s)
{
    if (s.n == 0)
        return;
    if (s.n > GW_FIELD_TEXT_MAX || !utf8_valid(s))
        field_repaired(o, f, s);
    else
        field_put(o, f, s.p, s.n);
}

void field_z(struct wire_out *o, enum gw_field f, const char *z)
{
    field_str(o, f, str_c(z));
}

void field_num(struct wire_out *o, enum gw_field f, uint64_t v)
{
    v = htobe64(v);
    field_put(o, f, &v, sizeof v);
}

void field_hex(struct wire_out *o, enum gw_field f, const void *p, size_t n)
{
    if (n == 0)
        return;
    if (n > FIELD_HEX_MAX) {
        if (o->err == 0)
            o->err = GW_ERR(LIMIT);
        return;
    }
    field_put(o, f, p, n);
}

int field_next(struct wire *w, struct field_value *ret)
{
    struct field_value v = { 0 };
    struct wire number;
    unsigned f;
    size_t max = GW_FIELD_TEXT_MAX;

    if (w->err == 0 && wire_left(w) == 0)
        return 0;
    f = wire_u16(w);
    v.json = field_json(f, &v.type);
    if (w->err == 0 && !v.json)
        wire_fail(w, GW_ERR(SYNTAX));
    if (v.json && v.type == GW_FT_NUM)
        max = 8;
    else if (v.json && v.type == GW_FT_HEX)
        max = FIELD_HEX_MAX;
    v.field = (enum gw_field)f;
    v.bytes = wire_str32(w, max);
    if (w->err == 0 && v.type == GW_FT_NUM && v.bytes.n != 8)
        wire_fail(w, GW_ERR(SYNTAX));
    if (w->err == 0 && (v.type == GW_FT_STR || v.type == GW_FT_LIST) && !utf8_valid(v.bytes))
        wire_fail(w, GW_ERR(SYNTAX));
    if (w->err != 0)
        return GW_ERR(SYNTAX);
    if (v.type == GW_FT_NUM) {
        wire_init(&number, v.bytes.p, v.bytes.n);
        v.num = wire_u64(&number);
    }
    *ret = v;
    return 1;
}
