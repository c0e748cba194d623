/* SPDX-License-Identifier: GPL-3.0-or-later
 * National numbers outside Europe, with their check digits. Each takes letters and digits alone. */
#include "validators.h"

#define C c->compact
#define DIGITS(count) (c->n == (count) && all_digits(C, (count)))
#define YES_IF(x) ((x) ? OPINION_YES : OPINION_NO)
#define AT(i) (C[i] - '0')

/* ---- North America ---- */

static enum opinion check_us_ssn(const struct candidate *c)
{
    if (!DIGITS(9) || one_digit_only(C, 9) || memcmp(C, "000", 3) == 0 || memcmp(C, "666", 3) == 0 || C[0] == '9' ||
        memcmp(C + 3, "00", 2) == 0 || memcmp(C + 5, "0000", 4) == 0)
        return OPINION_NO;
    static const char *const printed[] = { "078051120", "219099999", "123456789", "987654320" }; /* in advertisements, never given */
    for (size_t i = 0; i < sizeof printed / sizeof *printed; i++)
        if (memcmp(C, printed[i], 9) == 0)
            return OPINION_NO;
    bool written = c->n_groups == 3 && c->group[0] == 3 && c->group[1] == 2;
    bool half = c->n_groups == 2 && (c->group[0] == 3 || c->group[0] == 5);
    if (c->n_groups > 1 && !half && (!written || !c->one_separator))
        return OPINION_NO;
    return written ? OPINION_STRONG : OPINION_WEAK;
}

static enum opinion check_us_itin(const struct candidate *c)
{
    if (!DIGITS(9) || C[0] != '9')
        return OPINION_NO;
    int group = number_of(C + 3, 2);
    if (!((group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 92) || (group >= 94 && group <= 99)))
        return OPINION_NO;
    return c->n_groups == 3 && c->group[0] == 3 && c->group[1] == 2 ? OPINION_STRONG : OPINION_WEAK;
}

static enum opinion check_us_npi(const struct candidate *c)
{
    char d[15] = { '8', '0', '8', '4', '0' };
    if (!DIGITS(10) || (C[0] != '1' && C[0] != '2'))
        return OPINION_NO;
    memcpy(d + 5, C, 10);
    return YES_IF(luhn_ok(d, 15));
}

/* Medicare beneficiary identifier: letters without S L O I B Z. */
static enum opinion check_us_mbi(const struct candidate *c)
{
    static const char form[] = "9AXNAXNAANN"; /* 9: 1..9, N: digit, A: letter, X: either */
    if (c->n != 11)
        return OPINION_NO;
    for (size_t i = 0; i < 11; i++) {
        bool digit = C[i] < 'A', letter = !digit && !strchr("SLOIBZ", C[i]);
        if ((form[i] == '9' && (!digit || C[i] == '0')) || (form[i] == 'N' && !digit) || (form[i] == 'A' && !letter) || (!digit && !letter))
            return OPINION_NO;
    }
    return OPINION_YES;
}

/* DEA number: two letters, 7 digits. */
static enum opinion check_us_dea(const struct candidate *c)
{
    if (c->n != 9 || C[0] < 'A' || !all_digits(C + 2, 7))
        return OPINION_NO;
    return YES_IF((AT(2) + AT(4) + AT(6) + 2 * (AT(3) + AT(5) + AT(7))) % 10 == AT(8));
}

static enum opinion check_ca_sin(const struct candidate *c)
{
    if (!DIGITS(9) || C[0] == '0' || C[0] == '8' || !luhn_ok(C, 9) || one_digit_only(C, 9))
        return OPINION_NO;
    return c->n_groups == 3 ? OPINION_STRONG : OPINION_YES; /* of what is nine digits long, every tenth passes */
}

/* ---- Latin America ---- */

static enum opinion check_br_cpf(const struct candidate *c)
{
    static const int w[] = { 11, 10, 9, 8, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(11) || one_digit_only(C, 11))
        return OPINION_NO;
    return YES_IF(weighted(C, w + 1, 9) * 10 % 11 % 10 == AT(9) && weighted(C, w, 10) * 10 % 11 % 10 == AT(10));
}

static enum opinion check_br_cnpj(const struct candidate *c)
{
    static const int w[] = { 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(14) || one_digit_only(C, 14))
        return OPINION_NO;
    int a = weighted(C, w + 1, 12) % 11, b = weighted(C, w, 13) % 11;
    return YES_IF((a < 2 ? 0 : 11 - a) == AT(12) && (b < 2 ? 0 : 11 - b) == AT(13));
}

static enum opinion check_cl_rut(const struct candidate *c)
{
    int sum = 0, w = 2;
    if (c->n < 8 || c->n > 9 || !all_digits(C, c->n - 1))
        return OPINION_NO;
    for (size_t i = c->n - 1; i-- > 0; w = w == 7 ? 2 : w + 1)
        sum += AT(i) * w;
    return YES_IF(C[c->n - 1] == "0K987654321"[sum % 11]);
}

static enum opinion check_ar_cuit(const struct candidate *c)
{
    static const int w[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(11))
        return OPINION_NO;
    int r = 11 - weighted(C, w, 10) % 11;
    return YES_IF((r == 11 ? 0 : r) == AT(10) && strchr("23", C[0]));
}

static enum opinion check_mx_curp(const struct candidate *c)
{
    static const char values[] = "0123456789ABCDEFGHIJKLMN#OPQRSTUVWXYZ"; /* # stands where the N with tilde does */
    int sum = 0;
    if (c->n != 18 || !date_ok(number_of(C + 8, 2), number_of(C + 6, 2)))
        return OPINION_NO;
    for (size_t i = 0; i < 17; i++)
        sum += (int)(strchr(values, C[i]) - values) * (18 - (int)i);
    return YES_IF((10 - sum % 10) % 10 == AT(17));
}

/* ---- Asia ---- */

static enum opinion check_in_aadhaar(const struct candidate *c)
{
    if (!DIGITS(12) || C[0] < '2' || one_digit_only(C, 12))
        return OPINION_NO;
    for (size_t i = 0; i < 6; i++)
        if (C[i] != C[11 - i])
            return YES_IF(verhoeff_ok(C, 12));
    return OPINION_NO; /* the same from both ends is never given */
}

static enum opinion check_in_gstin(const struct candidate *c)
{
    static const char values[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    int sum = 0;
    if (c->n != 15 || number_of(C, 2) < 1 || (number_of(C, 2) > 38 && number_of(C, 2) != 97 && number_of(C, 2) != 99))
        return OPINION_NO;
    for (size_t i = 0; i < 14; i++) {
        int p = (int)(strchr(values, C[i]) - values) * (i % 2 ? 2 : 1);
        sum += p / 36 + p % 36;
    }
    return C[14] == values[(36 - sum % 36) % 36] ? OPINION_STRONG : OPINION_WEAK;
}

static enum opinion check_sg_nric(const struct candidate *c)
{
    static const int w[] = { 2, 7, 6, 5, 4, 3, 2 };
    if (c->n != 9 || !all_digits(C + 1, 7))
        return OPINION_NO;
    int sum = weighted(C + 1, w, 7) + (C[0] == 'T' || C[0] == 'G' ? 4 : C[0] == 'M' ? 3 : 0);
    const char *letters = C[0] == 'S' || C[0] == 'T' ? "JZIHGFEDCBA" : C[0] == 'F' || C[0] == 'G' ? "XWUTRQPNMLK" : C[0] == 'M' ? "KLJNPQRTUWX" : NULL;
    if (!letters)
        return OPINION_NO;
    int r = sum % 11;
    return C[8] == letters[C[0] == 'M' ? 10 - r : r] ? OPINION_STRONG : OPINION_WEAK;
}

/* Businesses: 8 digits; companies: the year and 5 digits; others: T or S or R, the year, the kind, 4 digits. Then a check letter. */
static enum opinion check_sg_uen(const struct candidate *c)
{
    static const int business[] = { 10, 4, 9, 3, 8, 2, 7, 1 }, company[] = { 10, 8, 6, 4, 9, 7, 5, 3, 1 }, other[] = { 4, 3, 5, 3, 10, 2, 2, 5, 7 };
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWX0123456789";
    if (c->n == 9)
        return YES_IF(all_digits(C, 8) && C[8] == "XMKECAWLJDB"[weighted(C, business, 8) % 11]);
    if (c->n != 10)
        return OPINION_NO;
    if (all_digits(C, 9))
        return YES_IF(number_of(C, 4) >= 1800 && number_of(C, 4) < 2100 && C[9] == "ZKCMDNERGWH"[weighted(C, company, 9) % 11]);
    int sum = 0;
    for (size_t i = 0; i < 9; i++) {
        const char *at = strchr(alphabet, C[i]);
        if (!at)
            return OPINION_NO;
        sum += (int)(at - alphabet) * other[i];
    }
    return YES_IF(strchr("RST", C[0]) && all_digits(C + 1, 2) && all_digits(C + 5, 4) && C[9] == alphabet[(sum + 6) % 11]);
}

static enum opinion check_cn_id(const struct candidate *c)
{
    static const int w[] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
    if (c->n != 18 || !all_digits(C, 17) || C[0] == '0' || !date_ok(number_of(C + 12, 2), number_of(C + 10, 2)))
        return OPINION_NO;
    return C[17] == "10X98765432"[weighted(C, w, 17) % 11] ? OPINION_STRONG : OPINION_NO;
}

/* Resident and foreigner numbers: since October 2020 the last digits are random, so the check digit adds certainty only. */
static enum opinion check_kr_resident(const struct candidate *c)
{
    static const int w[] = { 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5 };
    if (!DIGITS(13) || !date_ok(number_of(C + 4, 2), number_of(C + 2, 2)) || C[6] < '1' || C[6] > '8')
        return OPINION_NO;
    int want = (11 - weighted(C, w, 12) % 11) % 10, want_foreign = (13 - weighted(C, w, 12) % 11) % 10;
    return want == AT(12) || (C[6] >= '5' && want_foreign == AT(12)) ? OPINION_STRONG : OPINION_WEAK;
}

static enum opinion check_kr_company(const struct candidate *c)
{
    static const int w[] = { 1, 3, 7, 1, 3, 7, 1, 3 };
    if (!DIGITS(10) || number_of(C, 3) < 101)
        return OPINION_NO;
    int sum = weighted(C, w, 8) + AT(8) * 5 / 10 + AT(8) * 5 % 10;
    return YES_IF((10 - sum % 10) % 10 == AT(9));
}

static enum opinion check_jp_my_number(const struct candidate *c)
{
    static const int w[] = { 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
    if (!DIGITS(12) || one_digit_only(C, 12))
        return OPINION_NO;
    int r = weighted(C, w, 11) % 11;
    return YES_IF((r <= 1 ? 0 : 11 - r) == AT(11));
}

static enum opinion check_th_id(const struct candidate *c)
{
    static const int w[] = { 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2 };
    return YES_IF(DIGITS(13) && C[0] != '0' && C[0] != '9' && !one_digit_only(C, 13) && (11 - weighted(C, w, 12) % 11) % 10 == AT(12));
}

static enum opinion check_tw_id(const struct candidate *c)
{
    static const int value[] = { 10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33 };
    static const int w[] = { 8, 7, 6, 5, 4, 3, 2, 1, 1 };
    if (c->n != 10 || C[0] < 'A' || !all_digits(C + 1, 9) || !strchr("1289", C[1]))
        return OPINION_NO;
    int v = value[C[0] - 'A'];
    return (v / 10 + v % 10 * 9 + weighted(C + 1, w, 9)) % 10 == 0 ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_hk_id(const struct candidate *c)
{
    size_t letters = c->n == 9 ? 2 : 1;
    int sum = c->n == 8 ? 36 * 9 : 0;
    if ((c->n != 8 && c->n != 9) || !all_digits(C + letters, 6))
        return OPINION_NO;
    for (size_t i = 0; i < letters; i++) {
        if (C[i] < 'A')
            return OPINION_NO;
        sum += (C[i] - 'A' + 10) * (9 - (int)(i + 2 - letters));
    }
    for (size_t i = 0; i < 6; i++)
        sum += (C[letters + i] - '0') * (7 - (int)i);
    sum += C[c->n - 1] == 'A' ? 10 : C[c->n - 1] - '0';
    return YES_IF(sum % 11 == 0);
}

static enum opinion check_il_id(const struct candidate *c)
{
    return YES_IF(DIGITS(9) && luhn_ok(C, 9) && !one_digit_only(C, 9));
}

/* ---- Africa, Oceania ---- */

static enum opinion check_za_id(const struct candidate *c)
{
    return YES_IF(DIGITS(13) && date_ok(number_of(C + 4, 2), number_of(C + 2, 2)) && C[10] <= '2' && luhn_ok(C, 13));
}

static enum opinion check_ng_nin(const struct candidate *c)
{
    return YES_IF(DIGITS(11) && verhoeff_ok(C, 11) && !one_digit_only(C, 11));
}

static enum opinion check_au_abn(const struct candidate *c)
{
    static const int w[] = { 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 };
    return YES_IF(DIGITS(11) && (weighted(C, w, 11) - 10) % 89 == 0);
}

static enum opinion check_au_acn(const struct candidate *c)
{
    static const int w[] = { 8, 7, 6, 5, 4, 3, 2, 1 };
    return YES_IF(DIGITS(9) && (10 - weighted(C, w, 8) % 10) % 10 == AT(8) && !one_digit_only(C, 9));
}

static enum opinion check_au_tfn(const struct candidate *c)
{
    static const int w[] = { 1, 4, 3, 7, 5, 8, 6, 9, 10 };
    return YES_IF(DIGITS(9) && weighted(C, w, 9) % 11 == 0 && !one_digit_only(C, 9));
}

static enum opinion check_au_medicare(const struct candidate *c)
{
    static const int w[] = { 1, 3, 7, 9, 1, 3, 7, 9 };
    return YES_IF(DIGITS(10) && C[0] >= '2' && C[0] <= '6' && weighted(C, w, 8) % 10 == AT(8));
}

static enum opinion check_nz_ird(const struct candidate *c)
{
    static const int w1[] = { 3, 2, 7, 6, 5, 4, 3, 2 }, w2[] = { 7, 4, 3, 2, 5, 2, 7, 6 };
    char d[9] = { '0' };
    if ((c->n != 8 && c->n != 9) || !all_digits(C, c->n))
        return OPINION_NO;
    memcpy(d + 9 - c->n, C, c->n);
    int r = (11 - weighted(d, w1, 8) % 11) % 11;
    if (r == 10)
        r = (11 - weighted(d, w2, 8) % 11) % 11;
    return YES_IF(number_of(d, 9) >= 10000000 && r == d[8] - '0');
}

/* Nine digits, the last from the others by weights 9 to 2 modulo 11; three more name a branch. */
static enum opinion check_ph_tin(const struct candidate *c)
{
    unsigned sum = 0;
    if (c->n != 9 && c->n != 12)
        return OPINION_NO;
    for (unsigned i = 0; i < 8; i++)
        sum += (9 - i) * (unsigned)(c->compact[i] - '0');
    return sum && sum % 11 == (unsigned)(c->compact[8] - '0') ? OPINION_YES : OPINION_NO;
}

const struct validator validators_world[] = {
    { "ph-tin", 9, 12, check_ph_tin, "Philippines: taxpayer identification number" },
    { "us-ssn", 9, 9, check_us_ssn, "United States: social security number" },
    { "us-itin", 9, 9, check_us_itin, "United States: individual taxpayer number" },
    { "us-npi", 10, 10, check_us_npi, "United States: national provider identifier" },
    { "us-mbi", 0, 0, check_us_mbi, "United States: Medicare beneficiary identifier" },
    { "us-dea", 0, 0, check_us_dea, "United States: DEA number" },
    { "ca-sin", 9, 9, check_ca_sin, "Canada: social insurance number" },
    { "br-cpf", 11, 11, check_br_cpf, "Brazil: CPF" },
    { "br-cnpj", 14, 14, check_br_cnpj, "Brazil: CNPJ" },
    { "cl-rut", 0, 0, check_cl_rut, "Chile: RUT" },
    { "ar-cuit", 11, 11, check_ar_cuit, "Argentina: CUIT/CUIL" },
    { "mx-curp", 0, 0, check_mx_curp, "Mexico: CURP" },
    { "in-aadhaar", 12, 12, check_in_aadhaar, "India: Aadhaar (Verhoeff)" },
    { "in-gstin", 0, 0, check_in_gstin, "India: GSTIN" },
    { "sg-nric", 0, 0, check_sg_nric, "Singapore: NRIC/FIN" },
    { "sg-uen", 0, 0, check_sg_uen, "Singapore: unique entity number" },
    { "cn-id", 0, 0, check_cn_id, "China: resident identity number" },
    { "kr-resident", 13, 13, check_kr_resident, "Korea: resident or foreigner registration number" },
    { "kr-company", 10, 10, check_kr_company, "Korea: business registration number" },
    { "jp-my-number", 12, 12, check_jp_my_number, "Japan: My Number" },
    { "th-id", 13, 13, check_th_id, "Thailand: identity number" },
    { "tw-id", 0, 0, check_tw_id, "Taiwan: identity number" },
    { "hk-id", 0, 0, check_hk_id, "Hong Kong: identity card" },
    { "il-id", 9, 9, check_il_id, "Israel: identity number" },
    { "za-id", 13, 13, check_za_id, "South Africa: identity number" },
    { "ng-nin", 11, 11, check_ng_nin, "Nigeria: NIN (Verhoeff)" },
    { "au-abn", 11, 11, check_au_abn, "Australia: business number" },
    { "au-acn", 9, 9, check_au_acn, "Australia: company number" },
    { "au-tfn", 9, 9, check_au_tfn, "Australia: tax file number" },
    { "au-medicare", 10, 10, check_au_medicare, "Australia: Medicare number" },
    { "nz-ird", 8, 9, check_nz_ird, "New Zealand: IRD number" },
    { NULL, 0, 0, NULL, NULL },
};
