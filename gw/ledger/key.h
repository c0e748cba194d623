/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys as the notes use them, inside this folder. */
#ifndef LOCKGATE_LEDGER_KEY_H
#define LOCKGATE_LEDGER_KEY_H

#include <openssl/types.h>

#include "impl.h"

/* signature types of signed-note: Ed25519 over the text, and with a time in front (tlog-cosignature v1) */
#define LED_SIG_PLAIN 0x01
#define LED_SIG_TIMED 0x04

struct led_key {
    char name[LED_NAME_MAX + 1];
    unsigned char pub[32];
    uint32_t id, id_timed;
    bool private_half;
    EVP_PKEY *pkey;
};
bool led_key_name_ok(struct str name);
int led_key_vkey(const struct led_key *k, char out[LED_VKEY_MAX]) GW_MUST_CHECK; /* the line's length */
int led_base64_decode(struct str s, unsigned char *out, size_t max, size_t *ret_n) GW_MUST_CHECK;

#endif
