// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Each validator on numbers that are right, and on the same with something wrong. Numbers are specimens from the standards' own texts
 * and forms, or made by the rule. */
#include "content_help.h"

#include "../../gw/content/validators.h"

static const struct { const char *validator, *right, *wrong; } rows[] = {
    { "card", "4111 1111 1111 1111", "4111 1111 1111 1112" }, { "card", "378282246310005", "378282246310006" }, { "card", "6011000990139424", "4 1 1 1 11 11 1111 111 11" },
    { "card", "5555-5555-5555-4444", "0000000000000000" }, { "luhn", "79927398713", "79927398710" }, { "iban", "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33" },
    { "iban", "NO9386011117947", "XX9386011117947" }, { "iban", "MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001" }, { "us-aba", "021000021", "021000022" },
    { "isin", "US0378331005", "US0378331006" }, { "base58check", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1BoatSLRHtKNngkdXEeobR76b53LETtpyU" },
    { "bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5" },
    { "bech32", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj1" },
    { "crypto", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz" },
    { "de-tax-id", "86095742719", "86095742710" }, { "de-document", "L01X00T471", "L01X00T472" }, { "de-pension", "65170839J003", "65170839J004" },
    { "de-health", "A123456780", "A123456781" }, { "de-vat", "DE136695976", "DE036695976" }, { "de-doctor", "123456601", "123456501" },
    { "uk-nhs", "943 476 5919", "943 476 5918" }, { "uk-nino", "AB123456C", "BG123456C" }, { "uk-nino", "JG103759A", "JG103759E" }, { "ie-pps", "1234567T", "1234567U" },
    { "ie-pps", "1234567FA", "1234567GA" }, { "fr-nir", "1 84 12 76 451 089 46", "1 84 12 76 451 089 47" }, { "nl-bsn", "111222333", "111222334" },
    { "be-nrn", "85.07.30-033.28", "85.07.30-033.29" }, { "es-nif", "12345678Z", "12345678A" }, { "es-nie", "X1234567L", "X1234567M" }, { "pt-nif", "123456789", "123456780" },
    { "it-cf", "RSSMRA85T10A562S", "RSSMRA85T10A562T" }, { "it-vat", "01333550323", "01333550324" }, { "se-person", "811218-9876", "811218-9877" },
    { "se-company", "556036-0793", "556036-0794" }, { "fi-hetu", "131052-308T", "131052-308U" }, { "fi-hetu", "010594Y9032", "320594Y9032" }, { "no-birth", "01010750160", "01010750161" },
    { "dk-cpr", "0707614285", "3207614285" }, { "baltic-id", "37605030299", "37605030298" }, { "ch-ahv", "756.9217.0769.85", "757.9217.0769.85" },
    { "at-svnr", "1237 010180", "1238 010180" }, { "pl-pesel", "44051401359", "44051401358" }, { "cz-sk-birth", "736028/5163", "736028/5164" },
    { "ro-cnp", "1800101221144", "1800101221145" }, { "bg-egn", "7523169263", "7523169264" }, { "hr-oib", "33392005961", "33392005962" }, { "jmbg", "0101006500006", "0101006500007" },
    { "gr-amka", "01013099997", "01013099998" }, { "hu-taj", "123 456 788", "123 456 789" }, { "tr-kimlik", "10000000146", "10000000147" }, { "ru-inn", "7707083893", "7707083894" },
    { "ru-inn", "500100732259", "500100732258" }, { "ru-snils", "112-233-445 95", "112-233-445 96" }, { "ph-tin", "000-123-456-000", "000-123-457-000" },
    { "us-ssn", "078-05-1123", "666-05-1123" }, { "us-ssn", "219-09-9998", "219-09-9999" },
    { "us-itin", "911-70-1234", "911-69-1234" }, { "us-npi", "1234567893", "1234567894" }, { "us-mbi", "1EG4-TE5-MK73", "1EG4-TE5-MB73" }, { "us-dea", "BB1388568", "BB1388569" },
    { "ca-sin", "130 692 544", "130 692 545" }, { "br-cpf", "390.533.447-05", "390.533.447-06" }, { "br-cnpj", "16.727.230/0001-97", "16.727.230/0001-98" },
    { "cl-rut", "76.086.428-5", "76.086.428-6" }, { "ar-cuit", "20-05536168-2", "20-05536168-3" }, { "mx-curp", "BOXW310820HNERXN09", "BOXW310820HNERXN08" },
    { "in-aadhaar", "234123412346", "234123412347" }, { "in-gstin", "27AAPFU0939F1ZV", "99XXXXXXXXXXXXX0" }, { "sg-nric", "S0000001I", "A0000001I" }, { "sg-uen", "53125226D", "53125226E" },
    { "sg-uen", "197401143C", "197401143D" }, { "sg-uen", "T16RF0037C", "T16RF0037D" }, { "cn-id", "11010519491231002X", "110105194912310021" },
    { "kr-resident", "960121-1013413", "961321-1013413" }, { "kr-company", "124-81-00998", "124-81-00999" }, { "jp-my-number", "123456789018", "123456789019" },
    { "th-id", "1234567890121", "1234567890122" }, { "tw-id", "A123456789", "A123456788" }, { "hk-id", "A123456(3)", "A123456(4)" }, { "il-id", "123456782", "123456783" },
    { "za-id", "8001015009087", "8001015009088" }, { "ng-nin", "12345678902", "12345678903" }, { "au-abn", "51 824 753 556", "51 824 753 557" }, { "au-acn", "005 499 981", "005 499 982" },
    { "au-tfn", "876 543 210", "876 543 211" }, { "au-medicare", "2123 45670 1", "2123 45671 1" }, { "nz-ird", "49-091-850", "49-091-851" },
    { "coordinate-decimal", "48.8584, 2.2945", "98.8584, 2.2945" }, { "coordinate-decimal", "-33.8568 151.2153", "1.23, 4.56" },
    { "coordinate-dms", "48\xc2\xb0" "51'29.6\"N 2\xc2\xb0" "17'40.2\"E", "48\xc2\xb0" "61'29.6\"N 2\xc2\xb0" "17'40.2\"E" }, { "mgrs", "33UUU9041620284", "61UUU9041620284" },
    { "mgrs", "18S UJ 2337 0651", "18S UJ 2337 065" }, { "utm", "33U 390416 5820284", "33U 990416 5820284" }, { "e164", "+49 30 901820", "+999 30 901820" },
    { "e164", "+1 415 555 2671", "+1 115 555 2671" }, { "e164", "+33 1 23 45 67 89", "+33 1 23" }, { "nanp", "(425) 882-9090", "(125) 882-9090" }, { "phone-digits", "450 0840", "450 08" },
    { "mrz", "L898902C36UTO7408122F1204159ZE184226B<<<<<10", "L898902C37UTO7408122F1204159ZE184226B<<<<<10" }, { "ipv4", "192.0.2.44", "192.0.2.256" },
    { "ipv4-private", "10.1.2.3", "11.1.2.3" }, { "ipv4-private", "172.31.0.1", "172.32.0.1" }, { "ipv4-public", "8.8.8.8", "192.0.2.1" }, { "ipv6", "2001:db8::1", "2001:db8:::1" },
    { "ipv6", "fe80::1%eth0", "12:30:45" }, { "ipv6-private", "fd12:3456::1", "2001:db8::1" }, { "mac", "00:1a:2b:3c:4d:5e", "00:1a-2b:3c:4d:5e" }, { "email", "anna@mail.example.org", "anna@example..org" },
    { "email", "a.b+c@x-y.example", ".a@example.org" }, { "random", "key=9f8a7c6b5d4e3f2a1b0c", "key=aaaaaaaaaaaaaaaaaaaa" }, { "random", "aZ3kQ9vT2LmX", "example-key-1234" },
    { "very-random", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzb3kQ9vT2L", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }, { "password", "password: Tr0ub4dor&3", "password: ********" },
    { "password-url", "https://u:s3cret@h.example/", "https://u:$PASS@h.example/" }, { "token", "ghp_abc123", "xxxxxxxxxxxxxxxxxxxxxx" },
    { "jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "abcdefgh.ijklmnop.qrstuvwx" },
};

static enum opinion ask(const struct validator *v, const char *text)
{
    struct candidate c = { .text = str_c(text), .one_separator = true };
    candidate_compact(&c);
    if (v->max_digits) {
        char sep = 0;
        for (size_t i = 0; text[i];) {
            size_t n = strspn(text + i, "0123456789");
            if (n && c.n_groups < GROUPS_MAX)
                c.group[c.n_groups++] = (unsigned char)n;
            i += n;
            if (text[i]) {
                c.one_separator = c.one_separator && (!sep || sep == text[i]);
                sep = text[i++];
            }
        }
        if (c.n < v->min_digits || c.n > v->max_digits)
            return OPINION_NO;
    }
    return v->check(&c);
}

int main(void)
{
    const struct validator *v;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        v = validator_find(rows[i].validator);
        if (!ok(v != NULL, "%s is there", rows[i].validator))
            continue;
        ok(ask(v, rows[i].right) != OPINION_NO, "%s: %s is right", rows[i].validator, rows[i].right);
        ok(ask(v, rows[i].wrong) == OPINION_NO, "%s: %s is wrong", rows[i].validator, rows[i].wrong);
    }
    for (size_t i = 0; (v = validator_get(i)); i++) {
        bool tested = false;
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            tested |= strcmp(rows[k].validator, v->name) == 0;
        ok(tested, "%s has a row here", v->name);
    }
    /* arithmetic against the specimen of each standard */
    ok(verhoeff_ok("2363", 4) && !verhoeff_ok("2364", 4), "Verhoeff");
    ok(iso7064_11_10("12345678903", 11), "ISO 7064 modulo 11, 10");
    ok(mod_of("3214282912345698765432161182", 28, 97) == 1, "modulo 97");
    ok(entropy_bits(STR("aaaa")) < 0.01 && entropy_bits(STR("abcd")) > 1.99, "entropy");
    return done_testing();
}
