/* SPDX-License-Identifier: GPL-3.0-or-later
 * National numbers of European countries, with their check digits. Each takes letters and digits alone. */
#include "validators.h"

#define C c->compact
#define DIGITS(count) (c->n == (count) && all_digits(C, (count)))
#define YES_IF(x) ((x) ? OPINION_YES : OPINION_NO)
#define AT(i) (C[i] - '0')

/* ---- Germany ---- */

/* Identification number for taxes: of the first ten digits one stands twice or three times, the others at most once (ISO 7064). */
static enum opinion check_de_tax(const struct candidate *c)
{
    int count[10] = { 0 }, twice = 0;
    if (!DIGITS(11) || C[0] == '0' || !iso7064_11_10(C, 11))
        return OPINION_NO;
    for (size_t i = 0; i < 10; i++)
        count[AT(i)]++;
    for (size_t i = 0; i < 10; i++) {
        twice += count[i] == 2 || count[i] == 3;
        if (count[i] > 3)
            return OPINION_NO;
    }
    return twice == 1 ? OPINION_YES : OPINION_WEAK;
}

/* Identity card and passport: weights 7 3 1, letters from 10. */
static enum opinion check_de_document(const struct candidate *c)
{
    static const int w[] = { 7, 3, 1 };
    int sum = 0, digits = 0;
    if (c->n < 9 || c->n > 10)
        return OPINION_NO;
    for (size_t i = 0; i < 9; i++) {
        int v = C[i] >= 'A' ? C[i] - 'A' + 10 : AT(i);
        digits += C[i] < 'A';
        sum += v * w[i % 3];
    }
    if (digits == 0)
        return OPINION_NO;
    if (c->n == 9)
        return OPINION_WEAK;
    return C[9] == '0' + sum % 10 ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_de_pension(const struct candidate *c)
{
    static const int w[] = { 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1 };
    char d[13];
    int sum = 0;
    if (c->n != 12 || !all_digits(C, 8) || C[8] < 'A' || !all_digits(C + 9, 3) || !date_ok(number_of(C + 2, 2) % 50, number_of(C + 4, 2)))
        return OPINION_NO;
    memcpy(d, C, 8);
    d[8] = (char)('0' + (C[8] - 'A' + 1) / 10);
    d[9] = (char)('0' + (C[8] - 'A' + 1) % 10);
    d[10] = C[9];
    d[11] = C[10];
    for (size_t i = 0; i < 12; i++) {
        int p = (d[i] - '0') * w[i];
        sum += p / 10 + p % 10;
    }
    return YES_IF(sum % 10 == AT(11));
}

static enum opinion check_de_health(const struct candidate *c)
{
    char d[12];
    int sum = 0;
    if (c->n != 10 || C[0] < 'A' || !all_digits(C + 1, 9))
        return OPINION_NO;
    d[0] = (char)('0' + (C[0] - 'A' + 1) / 10);
    d[1] = (char)('0' + (C[0] - 'A' + 1) % 10);
    memcpy(d + 2, C + 1, 8);
    for (size_t i = 0; i < 10; i++) {
        int p = (d[i] - '0') * (i % 2 ? 2 : 1);
        sum += p / 10 + p % 10;
    }
    return YES_IF(sum % 10 == AT(9));
}

static enum opinion check_de_vat(const struct candidate *c)
{
    if (c->n != 11 || !all_digits(C + 2, 9) || C[2] == '0')
        return OPINION_NO;
    return iso7064_11_10(C + 2, 9) ? OPINION_YES : OPINION_WEAK;
}

/* Doctor's number (LANR): six digits weighted 4 9, then the check digit. */
static enum opinion check_de_doctor(const struct candidate *c)
{
    static const int w[] = { 4, 9, 4, 9, 4, 9 };
    return YES_IF(DIGITS(9) && !one_digit_only(C, 9) && (10 - weighted(C, w, 6) % 10) % 10 == AT(6));
}

/* ---- United Kingdom and Ireland ---- */

static enum opinion check_uk_nhs(const struct candidate *c)
{
    static const int w[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(10) || one_digit_only(C, 10))
        return OPINION_NO;
    int check = 11 - weighted(C, w, 9) % 11;
    return YES_IF((check == 11 ? 0 : check) == AT(9));
}

static enum opinion check_uk_nino(const struct candidate *c)
{
    static const char *const never[] = { "BG", "GB", "KN", "NK", "NT", "TN", "ZZ" };
    if (c->n != 9 || strchr("DFIQUV", C[0]) || strchr("DFIOQUV", C[1]) || !all_digits(C + 2, 6) || C[8] < 'A' || C[8] > 'D')
        return OPINION_NO;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (memcmp(C, never[i], 2) == 0)
            return OPINION_NO;
    return OPINION_YES;
}

static enum opinion check_ie_pps(const struct candidate *c)
{
    static const int w[] = { 8, 7, 6, 5, 4, 3, 2 };
    if (c->n < 8 || c->n > 9 || !all_digits(C, 7))
        return OPINION_NO;
    int sum = weighted(C, w, 7) + (c->n == 9 && C[8] != 'W' && C[8] >= 'A' ? 9 * (C[8] - 'A' + 1) : 0);
    return YES_IF(C[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23]);
}

/* ---- France, Belgium, Netherlands, Luxembourg ---- */

/* Registration number: 13 characters and a key, 97 - n mod 97; Corsica's 2A and 2B count as 19 and 18. */
static enum opinion check_fr_nir(const struct candidate *c)
{
    char d[16];
    if (c->n != 15 || (C[0] != '1' && C[0] != '2' && C[0] != '3' && C[0] != '4' && C[0] != '7' && C[0] != '8'))
        return OPINION_NO;
    memcpy(d, C, 15);
    if (d[5] == '2' && (d[6] == 'A' || d[6] == 'B')) {
        d[6] = d[6] == 'A' ? '9' : '8';
        d[5] = '1';
    }
    int month = number_of(C + 3, 2);
    if (!all_digits(d, 15) || !((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50))
        return OPINION_NO;
    return 97 - mod_of(d, 13, 97) == (unsigned)number_of(d + 13, 2) ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_nl_bsn(const struct candidate *c)
{
    static const int w[] = { 9, 8, 7, 6, 5, 4, 3, 2, -1 };
    return YES_IF(DIGITS(9) && number_of(C, 9) > 9999999 && !one_digit_only(C, 9) && weighted(C, w, 9) % 11 == 0);
}

static enum opinion check_be_nrn(const struct candidate *c)
{
    char d[11] = { '2' };
    if (!DIGITS(11) || !date_ok(number_of(C + 4, 2), number_of(C + 2, 2) % 20))
        return OPINION_NO;
    unsigned check = (unsigned)number_of(C + 9, 2);
    memcpy(d + 1, C, 9);
    return YES_IF(97 - mod_of(C, 9, 97) == check || 97 - mod_of(d, 10, 97) == check);
}

/* ---- Iberia ---- */

static const char es_letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";

static enum opinion check_es_nif(const struct candidate *c)
{
    size_t d = c->n - 1;
    return YES_IF((c->n == 8 || c->n == 9) && all_digits(C, d) && C[d] == es_letters[number_of(C, d) % 23]);
}

static enum opinion check_es_nie(const struct candidate *c)
{
    char d[9];
    if (c->n != 9 || C[0] < 'X' || C[0] > 'Z' || !all_digits(C + 1, 7))
        return OPINION_NO;
    d[0] = (char)('0' + C[0] - 'X');
    memcpy(d + 1, C + 1, 7);
    return YES_IF(C[8] == es_letters[number_of(d, 8) % 23]);
}

static enum opinion check_pt_nif(const struct candidate *c)
{
    static const int w[] = { 9, 8, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(9) || strchr("04", C[0]))
        return OPINION_NO;
    int r = weighted(C, w, 8) % 11;
    return YES_IF((r < 2 ? 0 : 11 - r) == AT(8));
}

/* ---- Italy ---- */

static enum opinion check_it_cf(const struct candidate *c)
{
    static const int odd_digit[] = { 1, 0, 5, 7, 9, 13, 15, 17, 19, 21 };
    static const int odd_letter[] = { 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
    int sum = 0;
    if (c->n != 16 || C[15] < 'A')
        return OPINION_NO;
    for (size_t i = 0; i < 15; i++) {
        bool digit = C[i] < 'A';
        int v = digit ? AT(i) : C[i] - 'A';
        sum += i % 2 ? v : digit ? odd_digit[v] : odd_letter[v];
    }
    return C[15] == 'A' + sum % 26 ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_it_vat(const struct candidate *c)
{
    return YES_IF(DIGITS(11) && !one_digit_only(C, 11) && luhn_ok(C, 11));
}

/* ---- the north ---- */

/* Last ten digits: date, number, Luhn. Coordination numbers have 60 added to the day. */
static enum opinion check_se_person(const struct candidate *c)
{
    const char *d = C + (c->n == 12 ? 2 : 0);
    if ((c->n != 10 && c->n != 12) || !all_digits(C, c->n) || !luhn_ok(d, 10))
        return OPINION_NO;
    if (c->n == 12 && (number_of(C, 2) < 18 || number_of(C, 2) > 20))
        return OPINION_NO;
    int day = number_of(d + 4, 2);
    return YES_IF(date_ok(day > 60 ? day - 60 : day, number_of(d + 2, 2)));
}

static enum opinion check_se_company(const struct candidate *c)
{
    return YES_IF(DIGITS(10) && C[2] >= '2' && C[0] != '0' && luhn_ok(C, 10) && !one_digit_only(C, 10));
}

static enum opinion check_fi_hetu(const struct candidate *c)
{
    char d[9];
    /* the century's sign is no digit in every case; it may be a letter */
    size_t at = c->n == 10 ? 6 : 7;
    if ((c->n != 10 && c->n != 11) || !all_digits(C, 6) || !date_ok(number_of(C, 2), number_of(C + 2, 2)) || !all_digits(C + at, 3))
        return OPINION_NO;
    if (c->n == 11 && !strchr("ABCDEFYXWVU", C[6]))
        return OPINION_NO;
    memcpy(d, C, 6);
    memcpy(d + 6, C + at, 3);
    return C[at + 3] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[number_of(d, 9) % 31] ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_no_birth(const struct candidate *c)
{
    static const int w1[] = { 3, 7, 6, 1, 8, 9, 4, 5, 2 }, w2[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(11))
        return OPINION_NO;
    int day = number_of(C, 2) % 40, month = number_of(C + 2, 2) % 40;
    int k1 = (11 - weighted(C, w1, 9) % 11) % 11, k2 = (11 - weighted(C, w2, 10) % 11) % 11;
    return date_ok(day, month) && k1 == AT(9) && k2 == AT(10) ? OPINION_STRONG : OPINION_NO;
}

/* Since 2007 numbers are given without the modulo 11; those with it are surer. */
static enum opinion check_dk_cpr(const struct candidate *c)
{
    static const int w[] = { 4, 3, 2, 7, 6, 5, 4, 3, 2, 1 };
    if (!DIGITS(10) || !date_ok(number_of(C, 2), number_of(C + 2, 2)))
        return OPINION_NO;
    return weighted(C, w, 10) % 11 == 0 ? OPINION_YES : OPINION_WEAK;
}

static enum opinion check_ee_lt(const struct candidate *c)
{
    static const int w1[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 1 }, w2[] = { 3, 4, 5, 6, 7, 8, 9, 1, 2, 3 };
    if (!DIGITS(11) || C[0] < '1' || C[0] > '8' || !date_ok(number_of(C + 5, 2), number_of(C + 3, 2)))
        return OPINION_NO;
    int r = weighted(C, w1, 10) % 11;
    if (r == 10)
        r = weighted(C, w2, 10) % 11 % 10;
    return YES_IF(r == AT(10));
}

/* ---- the Alps ---- */

/* 756, then as an EAN-13. */
static enum opinion check_ch_ahv(const struct candidate *c)
{
    static const int w[] = { 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3 };
    return DIGITS(13) && memcmp(C, "756", 3) == 0 && (10 - weighted(C, w, 12) % 10) % 10 == AT(12) ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_at_svnr(const struct candidate *c)
{
    static const int w[] = { 3, 7, 9, 0, 5, 8, 4, 2, 1, 6 };
    return YES_IF(DIGITS(10) && C[0] != '0' && weighted(C, w, 10) % 11 == AT(3) && number_of(C + 4, 2) <= 31 && number_of(C + 6, 2) <= 15);
}

/* ---- the east and south-east ---- */

static enum opinion check_pl_pesel(const struct candidate *c)
{
    static const int w[] = { 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1 };
    return YES_IF(DIGITS(11) && date_ok(number_of(C + 4, 2), number_of(C + 2, 2) % 20) && weighted(C, w, 11) % 10 == 0);
}

static enum opinion check_cz_sk(const struct candidate *c)
{
    if ((c->n != 9 && c->n != 10) || !all_digits(C, c->n))
        return OPINION_NO;
    int month = number_of(C + 2, 2);
    month = month > 70 ? month - 70 : month > 50 ? month - 50 : month > 20 ? month - 20 : month;
    if (!date_ok(number_of(C + 4, 2), month))
        return OPINION_NO;
    if (c->n == 9)
        return OPINION_WEAK;
    return YES_IF(mod_of(C, 10, 11) == 0 || (mod_of(C, 9, 11) == 10 && C[9] == '0'));
}

static enum opinion check_ro_cnp(const struct candidate *c)
{
    static const int w[] = { 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9 };
    if (!DIGITS(13) || C[0] == '0' || !date_ok(number_of(C + 5, 2), number_of(C + 3, 2)))
        return OPINION_NO;
    int r = weighted(C, w, 12) % 11;
    return YES_IF((r == 10 ? 1 : r) == AT(12));
}

static enum opinion check_bg_egn(const struct candidate *c)
{
    static const int w[] = { 2, 4, 8, 5, 10, 9, 7, 3, 6 };
    if (!DIGITS(10) || !date_ok(number_of(C + 4, 2), number_of(C + 2, 2) % 20))
        return OPINION_NO;
    return YES_IF(weighted(C, w, 9) % 11 % 10 == AT(9));
}

static enum opinion check_hr_oib(const struct candidate *c)
{
    return YES_IF(DIGITS(11) && iso7064_11_10(C, 11) && !one_digit_only(C, 11));
}

/* Unique master citizen number: Serbia, Bosnia, Montenegro, North Macedonia, Slovenia. */
static enum opinion check_jmbg(const struct candidate *c)
{
    static const int w[] = { 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(13) || !date_ok(number_of(C, 2), number_of(C + 2, 2)))
        return OPINION_NO;
    int r = 11 - weighted(C, w, 12) % 11;
    return YES_IF((r >= 10 ? 0 : r) == AT(12));
}

static enum opinion check_gr_amka(const struct candidate *c)
{
    return YES_IF(DIGITS(11) && date_ok(number_of(C, 2), number_of(C + 2, 2)) && luhn_ok(C, 11));
}

static enum opinion check_hu_taj(const struct candidate *c)
{
    static const int w[] = { 3, 7, 3, 7, 3, 7, 3, 7 };
    return YES_IF(DIGITS(9) && !one_digit_only(C, 9) && weighted(C, w, 8) % 10 == AT(8));
}

static enum opinion check_tr_kimlik(const struct candidate *c)
{
    int odd = 0, even = 0;
    if (!DIGITS(11) || C[0] == '0')
        return OPINION_NO;
    for (size_t i = 0; i < 9; i++)
        *(i % 2 ? &even : &odd) += AT(i);
    return YES_IF(((odd * 7 - even) % 10 + 10) % 10 == AT(9) && (odd + even + AT(9)) % 10 == AT(10));
}

static enum opinion check_ru_inn(const struct candidate *c)
{
    static const int w10[] = { 2, 4, 10, 3, 5, 9, 4, 6, 8 }, w11[] = { 7, 2, 4, 10, 3, 5, 9, 4, 6, 8 }, w12[] = { 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8 };
    if (DIGITS(10))
        return YES_IF(weighted(C, w10, 9) % 11 % 10 == AT(9) && !one_digit_only(C, 10));
    return YES_IF(DIGITS(12) && weighted(C, w11, 10) % 11 % 10 == AT(10) && weighted(C, w12, 11) % 11 % 10 == AT(11) && !one_digit_only(C, 12));
}

static enum opinion check_ru_snils(const struct candidate *c)
{
    static const int w[] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
    if (!DIGITS(11) || one_digit_only(C, 9))
        return OPINION_NO;
    int r = weighted(C, w, 9) % 101;
    return YES_IF((r == 100 ? 0 : r) == number_of(C + 9, 2));
}

const struct validator validators_europe[] = {
    { "de-tax-id", 11, 11, check_de_tax, "Germany: tax identification number (ISO 7064)" },
    { "de-document", 0, 0, check_de_document, "Germany: identity card or passport number (7 3 1)" },
    { "de-pension", 0, 0, check_de_pension, "Germany: pension insurance number" },
    { "de-health", 0, 0, check_de_health, "Germany: health insurance number" },
    { "de-vat", 0, 0, check_de_vat, "Germany: VAT number" },
    { "de-doctor", 9, 9, check_de_doctor, "Germany: doctor's number" },
    { "uk-nhs", 10, 10, check_uk_nhs, "United Kingdom: NHS number" },
    { "uk-nino", 0, 0, check_uk_nino, "United Kingdom: national insurance number" },
    { "ie-pps", 0, 0, check_ie_pps, "Ireland: PPS number" },
    { "fr-nir", 0, 0, check_fr_nir, "France: social security number with key" },
    { "nl-bsn", 9, 9, check_nl_bsn, "Netherlands: BSN (test of eleven)" },
    { "be-nrn", 11, 11, check_be_nrn, "Belgium: national register number" },
    { "es-nif", 0, 0, check_es_nif, "Spain: DNI/NIF with letter" },
    { "es-nie", 0, 0, check_es_nie, "Spain: NIE with letter" },
    { "pt-nif", 9, 9, check_pt_nif, "Portugal: NIF" },
    { "it-cf", 0, 0, check_it_cf, "Italy: codice fiscale" },
    { "it-vat", 11, 11, check_it_vat, "Italy: partita IVA" },
    { "se-person", 10, 12, check_se_person, "Sweden: personal number" },
    { "se-company", 10, 10, check_se_company, "Sweden: organisation number" },
    { "fi-hetu", 0, 0, check_fi_hetu, "Finland: personal identity code" },
    { "no-birth", 11, 11, check_no_birth, "Norway: birth number" },
    { "dk-cpr", 10, 10, check_dk_cpr, "Denmark: CPR number" },
    { "baltic-id", 11, 11, check_ee_lt, "Estonia and Lithuania: personal code" },
    { "ch-ahv", 13, 13, check_ch_ahv, "Switzerland: AHV number" },
    { "at-svnr", 10, 10, check_at_svnr, "Austria: social insurance number" },
    { "pl-pesel", 11, 11, check_pl_pesel, "Poland: PESEL" },
    { "cz-sk-birth", 9, 10, check_cz_sk, "Czechia and Slovakia: birth number" },
    { "ro-cnp", 13, 13, check_ro_cnp, "Romania: CNP" },
    { "bg-egn", 10, 10, check_bg_egn, "Bulgaria: EGN" },
    { "hr-oib", 11, 11, check_hr_oib, "Croatia: OIB" },
    { "jmbg", 13, 13, check_jmbg, "Serbia and neighbours: JMBG/EMSO" },
    { "gr-amka", 11, 11, check_gr_amka, "Greece: AMKA" },
    { "hu-taj", 9, 9, check_hu_taj, "Hungary: TAJ" },
    { "tr-kimlik", 11, 11, check_tr_kimlik, "Turkey: identity number" },
    { "ru-inn", 10, 12, check_ru_inn, "Russia: INN" },
    { "ru-snils", 11, 11, check_ru_snils, "Russia: SNILS" },
    { NULL, 0, 0, NULL, NULL },
};
