/* SPDX-License-Identifier: GPL-3.0-or-later
 * The Merkle tree of RFC 6962 section 2.1: growing it, its root, and proofs from the hashes of complete subtrees.
 *
 * Subtree (level, n) covers the leaves [n * 2^level, (n + 1) * 2^level). The hashes are stored in the order in which the
 * subtrees become complete, so a growing tree only appends, and any of them is one read away. */
#include "impl.h"

/* ---- growing ---- */
size_t led_tree_add(struct led_tree *t, const struct led_hash *leaf, struct led_hash *ret_new)
{
    struct led_hash h = *leaf;
    unsigned level = 0;
    uint64_t n = t->size;

    for (;; level++) {
        if (ret_new)
            ret_new[level] = h;
        if (!(n >> level & 1))
            break;
        led_node(&t->peak[level], &h, &h);
    }
    t->peak[level] = h;
    t->size++;
    return level + 1;
}

void led_tree_root(const struct led_tree *t, struct led_hash *ret)
{
    bool some = false;

    if (t->size == 0) {
        led_sha256("", 0, NULL, 0, NULL, 0, ret->b);
        return;
    }
    for (unsigned level = 0; level < LED_LEVELS; level++) {
        if (!(t->size >> level & 1))
            continue;
        if (some)
            led_node(&t->peak[level], ret, ret);
        else
            *ret = t->peak[level];
        some = true;
    }
}

/* Each leaf i completes as many subtrees as i + 1 has trailing zero bits, and itself: 2 * size - (ones in size) in all. */
uint64_t led_stored_count(uint64_t size)
{
    return 2 * size - (uint64_t)__builtin_popcountll(size);
}

/* A subtree is stored right behind its last leaf, level by level. */
uint64_t led_stored_at(unsigned level, uint64_t n)
{
    uint64_t last = ((n + 1) << level) - 1;

    return led_stored_count(last) + level;
}

/* ---- from stored hashes ---- */
int led_tree_load(led_get_fn get, void *arg, uint64_t size, struct led_tree *ret)
{
    struct led_tree t = { .size = size };

    for (unsigned level = 0; level < LED_LEVELS; level++) {
        if (!(size >> level & 1))
            continue;
        int err = get(arg, level, (size >> level) - 1, &t.peak[level]);
        if (err < 0)
            return err;
    }
    *ret = t;
    return 0;
}

int led_root_at(led_get_fn get, void *arg, uint64_t size, struct led_hash *ret)
{
    struct led_tree t;
    int err = led_tree_load(get, arg, size, &t);

    if (err < 0)
        return err;
    led_tree_root(&t, ret);
    return 0;
}

/* The largest power of two below n (n >= 2), as its exponent: where RFC 6962 splits a tree. */
static unsigned split_level(uint64_t n)
{
    return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* MTH of the leaves [from, to), where from is a multiple of the power of two that holds to - from. */
static int range_root(led_get_fn get, void *arg, uint64_t from, uint64_t to, struct led_hash *ret)
{
    struct led_hash part;
    bool some = false;
    int err;

    for (unsigned level = 0; level < LED_LEVELS; level++) { /* from the right edge upwards */
        uint64_t rest = to - from;
        if (!(rest >> level & 1))
            continue;
        if ((err = get(arg, level, (to >> level) - 1, &part)) < 0)
            return err;
        if (some)
            led_node(&part, ret, ret);
        else
            *ret = part;
        some = true;
        to -= (uint64_t)1 << level;
        if (to == from)
            break;
    }
    return some ? 0 : GW_ERR(RANGE);
}

int led_inclusion(led_get_fn get, void *arg, uint64_t index, uint64_t size, struct led_hash *proof, size_t *ret_n)
{
    uint64_t from = 0, to = size;
    size_t n = 0;

    if (index >= size)
        return GW_ERR(RANGE);
    /* from the root down to the leaf: the sibling at each split; RFC 6962 lists them from the leaf upwards */
    while (to - from > 1) {
        uint64_t mid = from + ((uint64_t)1 << split_level(to - from));
        int err = index < mid ? range_root(get, arg, mid, to, &proof[n]) : range_root(get, arg, from, mid, &proof[n]);
        if (err < 0)
            return err;
        n++;
        if (index < mid)
            to = mid;
        else
            from = mid;
    }
    for (size_t i = 0; i < n / 2; i++) {
        struct led_hash h = proof[i];
        proof[i] = proof[n - 1 - i];
        proof[n - 1 - i] = h;
    }
    *ret_n = n;
    return 0;
}

/* SUBPROOF of RFC 6962 section 2.1.2, from the top; turned round at the end. */
int led_consistency(led_get_fn get, void *arg, uint64_t old, uint64_t size, struct led_hash *proof, size_t *ret_n)
{
    uint64_t from = 0, to = size;
    bool whole = true; /* the old tree is a subtree known by its root */
    size_t n = 0;
    int err;

    if (old > size)
        return GW_ERR(RANGE);
    *ret_n = 0;
    if (old == 0 || old == size)
        return 0;
    while (old != to) {
        uint64_t mid = from + ((uint64_t)1 << split_level(to - from));
        if (old <= mid) {
            err = range_root(get, arg, mid, to, &proof[n++]);
            to = mid;
        } else {
            err = range_root(get, arg, from, mid, &proof[n++]);
            from = mid;
            whole = false;
        }
        if (err < 0)
            return err;
    }
    if (!whole && (err = range_root(get, arg, from, to, &proof[n++])) < 0)
        return err;
    for (size_t i = 0; i < n / 2; i++) {
        struct led_hash h = proof[i];
        proof[i] = proof[n - 1 - i];
        proof[n - 1 - i] = h;
    }
    *ret_n = n;
    return 0;
}

/* ---- checking proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2 give these loops) ---- */
int led_inclusion_check(const struct led_hash *leaf, uint64_t index, uint64_t size, const struct led_hash *root,
    const struct led_hash *proof, size_t n)
{
    uint64_t fn = index, sn = size - 1;
    struct led_hash r = *leaf;

    if (index >= size)
        return GW_ERR(MISMATCH);
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return GW_ERR(MISMATCH);
        if (fn & 1 || fn == sn) {
            led_node(&proof[i], &r, &r);
            while (!(fn & 1) && fn != 0)
                fn >>= 1, sn >>= 1;
        } else {
            led_node(&r, &proof[i], &r);
        }
        fn >>= 1, sn >>= 1;
    }
    return sn == 0 && led_hash_eq(&r, root) ? 0 : GW_ERR(MISMATCH);
}

int led_consistency_check(uint64_t old, const struct led_hash *old_root, uint64_t size, const struct led_hash *root,
    const struct led_hash *proof, size_t n)
{
    uint64_t fn = old - 1, sn = size - 1;
    struct led_hash fr, sr;
    size_t i = 0;

    if (old == size)
        return n == 0 && led_hash_eq(old_root, root) ? 0 : GW_ERR(MISMATCH);
    if (old > size)
        return GW_ERR(MISMATCH);
    if (old == 0) {
        led_sha256("", 0, NULL, 0, NULL, 0, fr.b);
        return n == 0 && led_hash_eq(old_root, &fr) ? 0 : GW_ERR(MISMATCH);
    }
    while (fn & 1)
        fn >>= 1, sn >>= 1;
    if (fn == 0)
        fr = sr = *old_root; /* the old size is a power of two: its root is itself a subtree */
    else if (n == 0)
        return GW_ERR(MISMATCH);
    else
        fr = sr = proof[i++];
    for (; i < n; i++) {
        if (sn == 0)
            return GW_ERR(MISMATCH);
        if (fn & 1 || fn == sn) {
            led_node(&proof[i], &fr, &fr);
            led_node(&proof[i], &sr, &sr);
            while (!(fn & 1) && fn != 0)
                fn >>= 1, sn >>= 1;
        } else {
            led_node(&sr, &proof[i], &sr);
        }
        fn >>= 1, sn >>= 1;
    }
    return sn == 0 && led_hash_eq(&fr, old_root) && led_hash_eq(&sr, root) ? 0 : GW_ERR(MISMATCH);
}
