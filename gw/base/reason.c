/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names of reasons and verdicts, as they stand in the journal. */
#include "msgs.h"
#include "reason.h"

const char *gw_reason_code(enum gw_reason r)
{
    static const char *const code[GW_R_COUNT] = {
#define X(name, word, text) [GW_R_##name] = word,
        GW_REASONS(X)
#undef X
    };
    return (unsigned)r < GW_R_COUNT ? code[r] : "internal";
}

const char *gw_reason_text(enum gw_reason r)
{
    static const char *const sentence[GW_R_COUNT] = {
#define X(name, word, text) [GW_R_##name] = text,
        GW_REASONS(X)
#undef X
    };
    return (unsigned)r < GW_R_COUNT ? sentence[r] : "a reason that is not on the list";
}

const char *gw_verdict_name(enum gw_verdict v)
{
    static const char *const name_of[GW_V_COUNT] = {
#define X(name, text) [GW_V_##name] = text,
        GW_VERDICTS(X)
#undef X
    };
    return (unsigned)v < GW_V_COUNT ? name_of[v] : "none";
}
