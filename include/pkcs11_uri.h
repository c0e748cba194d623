/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names of keys on tokens: the part of RFC 7512 that names one private key. */
#ifndef LOCKGATE_PKCS11_URI_H
#define LOCKGATE_PKCS11_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct pkcs11_uri {
    char token[33];   /* label of the token, without the spaces that pad it */
    char object[128]; /* CKA_LABEL; empty: not asked for */
    unsigned char id[32];
    size_t id_n;      /* CKA_ID; 0: not asked for */
};
/* Does a path of the configuration name a key on a token ("pkcs11:...")? */
bool pkcs11_is_uri(const char *text);
/* pkcs11:token=LABEL;object=LABEL;id=%01%02;type=private, in any order; token is needed, and one of object and id. SYNTAX and
 * *ret_what says what is wrong (static). */
int pkcs11_uri_parse(const char *text, struct pkcs11_uri *ret, const char **ret_what) GW_MUST_CHECK;

#endif
