/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of this folder share: the tables of events and fields, the head's members. */
#ifndef LOCKGATE_LEDGER_IMPL_H
#define LOCKGATE_LEDGER_IMPL_H

#include "ledger.h"

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

#define LED_HEAD_ROWS 8 /* timestamp seq event_type program line_epoch line_number target release_mac */
/* The row of a member, or -1. */
int led_row_find(struct str name);
int led_event_find(struct str name);
bool led_program_ok(struct str program);

/* hash.c */
void led_sha256(const void *a, size_t an, const void *b, size_t bn, const void *c, size_t cn, unsigned char out[32]);

#endif
