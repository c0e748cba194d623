// link: ledger ipc base
// libs: -lcrypto
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The tree against the known roots of RFC 6962's reference implementation, and every proof of every small tree. */
#include <stdlib.h>

#include "ledger.h"
#include "tap.h"

#define SIZES 70

static const struct { struct str leaf; const char *root; } known[] = {
    { STR(""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
    { STR("\0"), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
    { STR("\x10"), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
    { STR("\x20\x21"), "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
    { STR("\x30\x31"), "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
    { STR("\x40\x41\x42\x43"), "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
    { STR("\x50\x51\x52\x53\x54\x55\x56\x57"), "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
    { STR("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static const char *hex(const struct led_hash *h)
{
    static char t[65];

    for (size_t i = 0; i < 32; i++)
        snprintf(t + 2 * i, 3, "%02x", h->b[i]);
    return t;
}

static void test_known(void)
{
    struct led_tree t = { 0 };
    struct led_hash h;

    led_tree_root(&t, &h);
    ok(strcmp(hex(&h), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0, "root of nothing");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        led_leaf(known[i].leaf, &h);
        led_tree_add(&t, &h, NULL);
        led_tree_root(&t, &h);
        ok(strcmp(hex(&h), known[i].root) == 0, "root of %zu leaves", i + 1);
    }
}

/* ---- the stored form: one array, as in the file `tree` ---- */
static struct led_hash stored[2 * SIZES + LED_LEVELS], leaves[SIZES], roots[SIZES + 1];
static size_t n_stored;

static int get(void *arg, unsigned level, uint64_t n, struct led_hash *ret)
{
    uint64_t at = led_stored_at(level, n);

    (void)arg;
    if (at >= n_stored)
        return GW_ERR(NOENT);
    *ret = stored[at];
    return 0;
}

/* MTH as RFC 6962 section 2.1 defines it, word for word. */
static struct led_hash mth(size_t from, size_t to)
{
    struct led_hash l, r, h;
    size_t k = 1;

    if (to - from == 1)
        return leaves[from];
    while (k * 2 < to - from)
        k *= 2;
    l = mth(from, from + k);
    r = mth(from + k, to);
    led_node(&l, &r, &h);
    return h;
}

static void build(void)
{
    struct led_tree t = { 0 };
    bool counts = true, same = true;

    led_tree_root(&t, &roots[0]);
    for (size_t i = 0; i < SIZES; i++) {
        char text[16];
        snprintf(text, sizeof text, "leaf %zu", i);
        led_leaf(str_c(text), &leaves[i]);
        n_stored += led_tree_add(&t, &leaves[i], stored + n_stored);
        led_tree_root(&t, &roots[i + 1]);
        struct led_hash want = mth(0, i + 1);
        same &= led_hash_eq(&want, &roots[i + 1]);
        counts &= n_stored == led_stored_count(i + 1);
    }
    ok(same, "the growing root is MTH for every size up to %d", SIZES);
    ok(counts, "the stored hashes are as many as led_stored_count says");
}

static void test_proofs(void)
{
    struct led_hash proof[LED_LEVELS], root, other;
    bool roots_ok = true, incl = true, cons = true, bad_incl = true, bad_cons = true, lengths = true;
    size_t n;

    for (uint64_t size = 1; size <= SIZES; size++) {
        roots_ok &= led_root_at(get, NULL, size, &root) == 0 && led_hash_eq(&root, &roots[size]);
        for (uint64_t i = 0; i < size; i++) {
            incl &= led_inclusion(get, NULL, i, size, proof, &n) == 0 && led_inclusion_check(&leaves[i], i, size, &root, proof, n) == 0;
            lengths &= n <= 7;
            other = leaves[i];
            other.b[31] ^= 1;
            bad_incl &= led_inclusion_check(&other, i, size, &root, proof, n) < 0;
            bad_incl &= led_inclusion_check(&leaves[i], (i + 1) % (size + 1), size, &root, proof, n) < 0;
            if (n > 0) {
                bad_incl &= led_inclusion_check(&leaves[i], i, size, &root, proof, n - 1) < 0;
                proof[n / 2].b[0] ^= 0x80;
                bad_incl &= led_inclusion_check(&leaves[i], i, size, &root, proof, n) < 0;
            }
        }
        for (uint64_t old = 0; old <= size; old++) {
            cons &= led_consistency(get, NULL, old, size, proof, &n) == 0 &&
                led_consistency_check(old, &roots[old], size, &root, proof, n) == 0;
            other = roots[old];
            other.b[0] ^= 1;
            bad_cons &= led_consistency_check(old, &other, size, &root, proof, n) < 0;
            if (n > 0) {
                proof[n - 1].b[5] ^= 1;
                bad_cons &= led_consistency_check(old, &roots[old], size, &root, proof, n) < 0;
                proof[n - 1].b[5] ^= 1;
                bad_cons &= led_consistency_check(old, &roots[old], size, &root, proof, n - 1) < 0;
                bad_cons &= old == 0 || led_consistency_check(old - 1, &roots[old - 1], size, &root, proof, n) < 0 || old == 1;
            }
        }
    }
    ok(roots_ok, "roots from stored hashes");
    ok(incl, "every inclusion proof of every tree up to %d holds", SIZES);
    ok(lengths, "and is no longer than the tree is high");
    ok(bad_incl, "with another leaf, index, length or hash it does not");
    ok(cons, "every consistency proof holds");
    ok(bad_cons, "with another root, size, length or hash it does not");
    ok(led_inclusion(get, NULL, 5, 5, proof, &n) == GW_ERR(RANGE), "no proof for a leaf that is not there");
    ok(led_consistency(get, NULL, 6, 5, proof, &n) == GW_ERR(RANGE), "no consistency with a larger tree");
}

int main(void)
{
    test_known();
    build();
    test_proofs();
    return done_testing();
}
