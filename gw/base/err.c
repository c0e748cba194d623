/* SPDX-License-Identifier: GPL-3.0-or-later
 * The sentences of the error codes. */
#include "err.h"

const char *gw_strerror(int err)
{
    static const char *const text[GW_E_COUNT] = {
#define X(name, sentence) [GW_E_##name] = sentence,
        GW_ERRORS(X)
#undef X
    };
    if (err > 0 || err <= -(int)GW_E_COUNT)
        return "not a code of the list";
    return text[-err];
}
