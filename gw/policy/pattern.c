/* SPDX-License-Identifier: GPL-3.0-or-later
 * Patterns with * (any run of characters) and ? (one character), for addresses and values. Never more than the product of both lengths. */
#include "internal.h"
#include "utf8.h"

bool pattern_match(struct str p, struct str s)
{
    size_t i = 0, k = 0, star = SIZE_MAX, from = 0; /* from: where the last star began to take characters */
    while (i < s.n) {
        if (k < p.n && p.p[k] == '*') {
            star = k++;
            from = i;
        } else if (k < p.n && p.p[k] == '?') {
            (void)utf8_next(s, &i);
            k++;
        } else if (k < p.n && p.p[k] == s.p[i]) {
            i++;
            k++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            (void)utf8_next(s, &from);
            i = from;
        } else {
            return false;
        }
    }
    while (k < p.n && p.p[k] == '*')
        k++;
    return k == p.n;
}
