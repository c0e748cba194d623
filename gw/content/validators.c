/* SPDX-License-Identifier: GPL-3.0-or-later
 * The list of validators and the arithmetic that they share. */
#include "validators.h"

#include <math.h>

/* The first three are strict. */
static const struct validator *const tables[] = { validators_money, validators_europe, validators_world, validators_place, validators_net,
    validators_secret };


const struct validator *validator_get(size_t i)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct validator *v = tables[t]; v->name; v++)
            if (i-- == 0)
                return v;
    return NULL;
}

const struct validator *validator_find(const char *name)
{
    const struct validator *v;
    for (size_t i = 0; (v = validator_get(i)); i++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

bool validator_is_strict(const struct validator *v)
{
    for (size_t t = 0; t < 3; t++)
        for (const struct validator *x = tables[t]; x->name; x++)
            if (x == v)
                return true;
    return false;
}

void candidate_compact(struct candidate *c)
{
    c->n = 0;
    for (size_t i = 0; i < c->text.n; i++) {
        char x = c->text.p[i];
        bool lower = x >= 'a' && x <= 'z';
        if (!lower && !(x >= 'A' && x <= 'Z') && !(x >= '0' && x <= '9'))
            continue;
        if (c->n == COMPACT_MAX) {
            c->n = 0;
            break;
        }
        c->compact[c->n++] = lower ? (char)(x - 32) : x;
    }
    c->compact[c->n] = 0;
}

bool all_digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return true;
}

bool luhn_ok(const char *digits, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        if (i % 2 && (d *= 2) > 9)
            d -= 9;
        sum += d;
    }
    return sum % 10 == 0;
}

int weighted(const char *digits, const int *weight, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (digits[i] - '0') * weight[i];
    return sum;
}

unsigned mod_of(const char *alnum, size_t n, unsigned mod)
{
    unsigned r = 0;
    for (size_t i = 0; i < n; i++) {
        char c = alnum[i];
        if (c >= '0' && c <= '9')
            r = (r * 10 + (unsigned)(c - '0')) % mod;
        else
            r = (r * 100 + (unsigned)(c - 'A') + 10) % mod;
    }
    return r;
}

bool iso7064_11_10(const char *digits, size_t n)
{
    int p = 10;
    for (size_t i = 0; i + 1 < n; i++) {
        p = (p + digits[i] - '0') % 10;
        p = (p == 0 ? 10 : p) * 2 % 11;
    }
    return (p + digits[n - 1] - '0') % 10 == 1;
}

/* Verhoeff: multiplication in the dihedral group of order 10, and its permutation. */
bool verhoeff_ok(const char *digits, size_t n)
{
    static const unsigned char permutation[10] = { 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 };
    unsigned c = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0');
        for (size_t k = 0; k < i % 8; k++)
            d = permutation[d];
        bool flip = c >= 5;
        unsigned a = c % 5, b = d % 5;
        c = (flip ? (a + 5 - b) % 5 : (a + b) % 5) + ((flip != (d >= 5)) ? 5 : 0);
    }
    return c == 0;
}

int number_of(const char *digits, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (digits[i] - '0');
    return v;
}

bool date_ok(int day, int month)
{
    static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

bool one_digit_only(const char *digits, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (digits[i] != digits[0])
            return false;
    return true;
}

double entropy_bits(struct str s)
{
    unsigned count[256] = { 0 };
    double bits = 0;
    for (size_t i = 0; i < s.n; i++)
        count[(unsigned char)s.p[i]]++;
    for (size_t i = 0; i < 256; i++)
        if (count[i]) {
            double p = (double)count[i] / (double)s.n;
            bits -= p * log2(p);
        }
    return bits;
}
