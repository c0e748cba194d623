/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where to go on reading when the bytes before are not known: the next first-level element that can be told from the bytes alone. */
#include "impl.h"

static const char *const beginnings[] = { "<message", "<presence", "<iq", "<?xml", "<stream:stream", "<stream:features", "<stream:error",
    "<features", "<db:result", "<db:verify", "<starttls", "<proceed", "<auth", "<success", "<challenge", "<response" };
static const char *const endings[] = { "</message>", "</presence>", "</iq>", "</stream:features>", "</db:result>", "</db:verify>" };

static bool is_beginning(struct str s)
{
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t n = strlen(beginnings[i]);
        if (s.n > n && memcmp(s.p, beginnings[i], n) == 0 && strchr(" \t\r\n/>", s.p[n]))
            return true;
    }
    return false;
}

/* Whether what stands before at is a stanza's end tag, and perhaps white space. */
static bool behind_end(struct str s, size_t at)
{
    while (at > 0 && strchr(" \t\r\n", s.p[at - 1]))
        at--;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (at >= n && memcmp(s.p + at - n, endings[i], n) == 0)
            return true;
    }
    return false;
}

bool seek_beginning(struct str s, size_t fresh_at, size_t *ret)
{
    for (const char *p = s.p; p && (p = memchr(p, '<', s.n - (size_t)(p - s.p))); p++) {
        size_t at = (size_t)(p - s.p);
        if (is_beginning((struct str){ p, s.n - at }) && (at == fresh_at || behind_end(s, at))) {
            *ret = at;
            return true;
        }
    }
    return false;
}
