/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sizes and times with units, and the nearest of some words. */
#include <ctype.h>

#include "conf.h"
#include "conf_units.h"

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit sizes[] = { { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 } };
static const struct unit times[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

static int with_unit(const char *text, const struct unit *units, int64_t *ret)
{
    int64_t v = 0;
    const char *p = text;

    if (!isdigit((unsigned char)*p))
        return GW_ERR(SYNTAX);
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
            return GW_ERR(RANGE);
    if (*p == 0 && v == 0) {
        *ret = 0;
        return 0;
    }
    if (*p == ' ')
        p++;
    for (; units->name; units++) {
        if (strcmp(p, units->name) != 0)
            continue;
        if (__builtin_mul_overflow(v, units->factor, &v))
            return GW_ERR(RANGE);
        *ret = v;
        return 0;
    }
    return GW_ERR(SYNTAX);
}

int conf_size(const char *text, int64_t *ret_bytes)
{
    return with_unit(text, sizes, ret_bytes);
}

int conf_time(const char *text, int64_t *ret_ms)
{
    return with_unit(text, times, ret_ms);
}

static const char *unit_text(int64_t v, const struct unit *units, char out[CONF_UNIT_TEXT])
{
    const struct unit *best = units;

    for (const struct unit *u = units; u->name; u++)
        if (v != 0 && v % u->factor == 0)
            best = u;
    snprintf(out, CONF_UNIT_TEXT, "%lld%s", (long long)(v / best->factor), best->name);
    return out;
}

const char *conf_size_text(int64_t bytes, char out[CONF_UNIT_TEXT])
{
    return unit_text(bytes, sizes, out);
}

const char *conf_time_text(int64_t ms, char out[CONF_UNIT_TEXT])
{
    return unit_text(ms, times, out);
}

#define WORD_MAX 64

/* Letters changed, added, left out or swapped with their neighbour (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), rows[3][WORD_MAX + 1];

    if (n > WORD_MAX || m > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t d = up[j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

            if (up[j] + 1 < d)
                d = up[j] + 1;
            if (now[j - 1] + 1 < d)
                d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < d)
                d = up2[j - 2] + 1;
            now[j] = d;
        }
    }
    return rows[n % 3][m];
}

const char *conf_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    size_t n = strlen(word), near = n / 3 + 1;

    if (n == 2)
        near = 2; /* one letter of two may be wrong */
    for (; *candidates; candidates++) {
        size_t d = distance(word, *candidates);

        if (d < near) {
            near = d;
            best = *candidates;
        }
    }
    return best;
}
