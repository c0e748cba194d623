/* SPDX-License-Identifier: GPL-3.0-or-later
 * Input: a file of a rules folder, then, behind a zero byte, a stanza. */
#ifndef LOCKGATE_FUZZ_FILE_AND_STANZA_H
#define LOCKGATE_FUZZ_FILE_AND_STANZA_H

#include "policy_folder.h"
#include "xmpp.h"

/* Puts the file, loads both sets of rules with it, and hands the stanza to `with` for each: under deny nothing may be released. */
static void file_and_stanza(const char *file, const uint8_t *data, size_t size, const char *deny, const char *go,
    void (*with)(struct policy *p, const struct rec *r, bool releases))
{
    const struct rec_limits limits = { 32768, 32, 400, 32 };
    const char *detail = NULL;
    struct rec *r = NULL;
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    folder_put(file, data, zero ? (size_t)(zero - data) : size);
    struct policy *none = folder_policy_of(deny), *all = folder_policy_of(go);
    if (zero && none && all &&
        !xs_parse_stanza((struct str){ (const char *)zero + 1, (size_t)(data + size - zero - 1) }, true, &limits, &r, &detail)) {
        with(none, r, false);
        with(all, r, true);
        rec_free(r);
    }
    policy_free(none);
    policy_free(all);
}

#endif
