/* SPDX-License-Identifier: GPL-3.0-or-later
 * How often one source may try: token buckets in a table that cannot grow, in rows that nobody outside can aim at. */
#include <stdlib.h>

#include "rate.h"
#include "siphash.h"

#define ROWS 4096
#define WAYS 4

struct bucket {
    uint8_t key[17]; /* family, address (IPv6: its first 8 bytes) */
    bool taken;
    int64_t at;      /* when the tokens were counted */
    int64_t tokens;  /* thousandths */
};
struct rate {
    struct siphash_key key;
    int64_t per_second, burst;
    struct bucket b[ROWS][WAYS];
};

struct rate *rate_new(int64_t per_second, int64_t burst)
{
    struct rate *r = calloc(1, sizeof *r);
    if (r) {
        r->key = *siphash_process_key();
        r->per_second = per_second;
        r->burst = burst;
    }
    return r;
}

void rate_free(struct rate *r)
{
    free(r);
}

static struct bucket *find_bucket(struct rate *r, const uint8_t key[17], int64_t now)
{
    struct bucket *row = r->b[siphash(&r->key, key, 17) % ROWS], *oldest = row;
    for (int i = 0; i < WAYS; i++) {
        if (row[i].taken && memcmp(row[i].key, key, 17) == 0)
            return &row[i];
        if (!row[i].taken || (oldest->taken && row[i].at < oldest->at))
            oldest = &row[i];
    }
    *oldest = (struct bucket){ .taken = true, .at = now, .tokens = r->burst * 1000 };
    memcpy(oldest->key, key, 17);
    return oldest;
}

bool rate_take(struct rate *r, const struct net_addr *from, int64_t now_ms)
{
    uint8_t key[17] = { from->family };
    memcpy(key + 1, from->addr, from->family == 4 ? 4 : 8);
    struct bucket *b = find_bucket(r, key, now_ms);
    int64_t full = r->burst * 1000, passed = now_ms - b->at;
    if (passed > 3600000)
        passed = 3600000;
    if (passed > 0) {
        b->tokens += passed * r->per_second;
        b->at = now_ms;
    }
    if (b->tokens > full)
        b->tokens = full;
    if (b->tokens < 1000)
        return false;
    b->tokens -= 1000;
    return true;
}
