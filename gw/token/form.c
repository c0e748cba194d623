/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the journal may have signed: the text of a checkpoint of this gateway and nothing else, so that its key on the token speaks
 * for the log alone. */
#include "token.h"

static bool take(struct str *s, struct str word)
{
    if (s->n < word.n || memcmp(s->p, word.p, word.n) != 0)
        return false;
    *s = (struct str){ s->p + word.n, s->n - word.n };
    return true;
}

/* A decimal number without leading zeros, and the end of its line. */
static bool take_number(struct str *s)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (n == 0 || n > 20 || (s->p[0] == '0' && n > 1))
        return false;
    *s = (struct str){ s->p + n, s->n - n };
    return take(s, STR("\n"));
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

const char *form_note_wrong(struct str in, const char *name)
{
    enum { ROOT = 43 }; /* base64 digits of 32 bytes */

    if (take(&in, STR("cosignature/v1\ntime ")) && !take_number(&in))
        return "a cosignature without a time";
    if (!take(&in, str_c(name)) || !take(&in, STR("\n")))
        return "not a checkpoint of this gateway";
    if (!take_number(&in))
        return "a checkpoint without its size";
    for (size_t i = 0; i < ROOT; i++)
        if (i >= in.n || !is_base64(in.p[i]))
            return "a checkpoint without its root";
    in = (struct str){ in.p + ROOT, in.n - ROOT };
    return str_eq(in, STR("=\n")) ? NULL : "more than a checkpoint";
}
