// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Many pieces in one pass: the same owners as looking for each piece by itself. */
#include <ctype.h>

#include "content_help.h"

#include "../../gw/content/pieces.h"

#define OWNERS 40u
static uint32_t dice(uint32_t n)
{
    static uint32_t seed = 7;
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

static void on_found(void *user, uint32_t owner)
{
    ((unsigned *)user)[owner]++;
}

/* Byte by byte, in small letters. */
static bool holds(struct str text, struct str piece)
{
    for (size_t i = 0; i + piece.n <= text.n; i++) {
        size_t k = 0;
        while (k < piece.n && tolower((unsigned char)text.p[i + k]) == tolower((unsigned char)piece.p[k]))
            k++;
        if (k == piece.n)
            return true;
    }
    return false;
}

static void random_pieces(const char *alphabet)
{
    static char bytes[OWNERS][3][12];
    static size_t length[OWNERS][3];
    struct pieces p;
    bool same = true;
    unsigned found_any = 0, texts = 0;
    for (unsigned round = 0; round < 60; round++) {
        pieces_init(&p);
        for (uint32_t o = 0; o < OWNERS; o++)
            for (unsigned k = 0; k < 3; k++) {
                length[o][k] = 1 + dice(12) * dice(12) / 12;
                for (size_t i = 0; i < length[o][k]; i++)
                    bytes[o][k][i] = alphabet[dice((uint32_t)strlen(alphabet))];
                same &= pieces_add(&p, o, (struct str){ bytes[o][k], length[o][k] }) == 0;
            }
        same &= pieces_finish(&p) == 0;
        for (unsigned t = 0; t < 40 && same; t++, texts++) {
            char text[60];
            unsigned seen[OWNERS] = { 0 };
            struct str s = { text, dice(sizeof text) };
            for (size_t i = 0; i < s.n; i++)
                text[i] = dice(30) ? alphabet[dice((uint32_t)strlen(alphabet))] : (char)dice(256);
            pieces_find(&p, s, on_found, seen);
            for (uint32_t o = 0; o < OWNERS; o++) {
                bool is = false;
                for (unsigned k = 0; k < 3; k++)
                    is |= holds(s, (struct str){ bytes[o][k], length[o][k] });
                same &= is == (seen[o] > 0);
                found_any += is;
            }
        }
        pieces_clear(&p);
    }
    ok(same && found_any > 1000, "of \"%s\": %u owners found in %u texts, the same as one by one", alphabet, found_any, texts);
}

int main(void)
{
    struct pieces p;
    unsigned seen[4] = { 0 };
    random_pieces("ab");
    random_pieces("aAbBcC0");
    random_pieces("a0-:. ");
    random_pieces("\xc3\xa9\xc3\xbc\xe4\xb8\x80xyz");

    pieces_init(&p);
    pieces_find(&p, STR("nothing"), on_found, seen);
    ok(pieces_finish(&p) == 0, "no pieces at all");
    pieces_find(&p, STR("nothing"), on_found, seen);
    pieces_clear(&p);
    ok(seen[0] == 0, "find nothing");

    pieces_init(&p);
    ok(pieces_add(&p, 0, STR("she")) == 0 && pieces_add(&p, 1, STR("he")) == 0 && pieces_add(&p, 2, STR("hers")) == 0 && pieces_add(&p, 3, STR("HE")) == 0 && pieces_finish(&p) == 0,
        "pieces inside of pieces, and one twice");
    pieces_find(&p, STR("usHErs"), on_found, seen);
    ok(seen[0] && seen[1] && seen[2] && seen[3], "all are found");
    unsigned before = seen[1];
    pieces_find(&p, STR("he he he he she"), on_found, seen);
    ok(seen[1] == before + 1, "and each is told once, however often it is there");
    p.now = UINT32_MAX;
    memset(seen, 0, sizeof seen);
    pieces_find(&p, STR("hers"), on_found, seen); /* last found in the first text, which has the same number */
    pieces_find(&p, STR("he"), on_found, seen);
    ok(seen[1] == 2 && seen[2] == 1, "in every text, also when texts are counted anew");
    pieces_clear(&p);

    char *big = calloc(1, 256);
    memset(big, 'x', 255);
    pieces_init(&p);
    ok(pieces_add(&p, 0, (struct str){ big, 0 }) == GW_ERR(LIMIT) && pieces_add(&p, 0, (struct str){ big, 256 }) == GW_ERR(LIMIT), "none of no bytes, nor of more than 255");
    int err = 0;
    size_t n = 0;
    for (; !err && n < 100000; n++)
        err = pieces_add(&p, 0, (struct str){ big, 255 });
    ok(err == GW_ERR(LIMIT) && n == PIECES_STATES_MAX / 255 + 1 && !pieces_fit(&p, 255) && pieces_fit(&p, 1), "and no more than there is room for");
    ok(pieces_finish(&p) == 0, "what had room is made");
    memset(seen, 0, sizeof seen);
    pieces_find(&p, (struct str){ big, 255 }, on_found, seen);
    ok(seen[0] > 0, "and found");
    pieces_clear(&p);
    free(big);
    return done_testing();
}
