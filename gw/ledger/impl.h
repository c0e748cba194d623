/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of this folder share: the tables of events and fields, the head's members. */
#ifndef LOCKGATE_LEDGER_IMPL_H
#define LOCKGATE_LEDGER_IMPL_H

#include "ledger.h"
#include "net.h"

/* One member of a line as the closed schema knows it. */
struct led_row {
    const char *json;
    size_t len;
    enum gw_field_type type;
    bool head, required; /* written by the journal itself; in every line */
};
extern const struct led_row led_rows[];
extern const size_t led_rows_n;
extern const char *const led_events[GW_EV_COUNT];

enum { LED_ROW_TIMESTAMP, LED_ROW_SEQ, LED_ROW_EVENT, LED_ROW_PROGRAM, LED_ROW_EPOCH, LED_ROW_NUMBER, LED_ROW_TARGET, LED_ROW_MAC, LED_HEAD_ROWS };
/* The row of a member, or -1. */
int led_row_find(struct str name);
int led_event_find(struct str name);
bool led_program_ok(struct str program);

/* line_read.c */
typedef unsigned char bytes16 __attribute__((vector_size(16)));
/* Which of the 16 bytes comes first that is set in a mask of 0x00 and 0xff; 16: none. */
static inline size_t led_first_set(bytes16 mask)
{
    uint64_t half[2];

    memcpy(half, &mask, sizeof half);
    for (size_t i = 0; i < 2; i++)
        if (half[i])
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return 8 * i + (size_t)__builtin_ctzll(half[i]) / 8;
#else
            return 8 * i + (size_t)__builtin_clzll(half[i]) / 8;
#endif
    return 16;
}
/* Values at *at, which moves behind them: 0 or SYNTAX. */
int led_take_string(struct str s, size_t *at, struct str *ret) GW_MUST_CHECK;
int led_take_num(struct str s, size_t *at, struct led_member *m) GW_MUST_CHECK;
int led_take_list(struct str s, size_t *at, struct led_member *m) GW_MUST_CHECK;
int led_read_mac(struct str raw, unsigned char mac[LED_MAC]) GW_MUST_CHECK;
bool led_hex_digits(struct str s); /* as the journal writes them, however many */
/* The head, and the reader behind it (unmoved on SYNTAX). */
int led_head_take(struct led_reader *reader, struct led_head *ret) GW_MUST_CHECK;
/* schema.c: as led_line_scan, member by member. */
int led_line_scan_slow(struct str line, struct led_scan *ret) GW_MUST_CHECK;

/* hash.c */
void led_sha256(const void *a, size_t an, const void *b, size_t bn, const void *c, size_t cn, unsigned char out[32]);

#endif
