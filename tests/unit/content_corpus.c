// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -ljansson -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Precision and recall of the detectors that ship, on test sets that were not written with them: JSON lines {type, text, expect} in
 * fixtures/dlp/presidio.jsonl, or, all of it, in $LOCKGATE_CORPUS/dlp/ *.jsonl (fixtures of Presidio and detect-secrets, labelled sentences). "reported": with the threshold of the
 * detector. "recognised": pattern and validator, whatever the confidence, as those projects' own unit tests see it.
 * LOCKGATE_CORPUS_FIND=FILE, for tests/tools/dlp_compare: says only what is found in each {text} of the file, a line of JSON each. */
#include "content_help.h"

#include <jansson.h>

#include "../../gw/content/impl.h"

/* Which detectors answer for a type; floors in percent that may not be fallen below, as reached when this was written. recall is of
 * "recognised". Known differences: lengths of tokens are open upward (gitlab, openai, pypi: longer ones also match); a JSON Web Token's
 * header is opened but not parsed as JSON (jwt); an IBAN is seen through small letters, blanks and slashes; one detector covers Korean residents and
 * foreigners; repeated-x placeholders are not taken for keys (twilio). */
static const struct row { const char *type, *detectors; int recall, precision; } rows[] = {
    { "CREDIT_CARD", "payment-card", 100, 100 }, { "IBAN_CODE", "iban", 100, 98 }, { "CRYPTO", "crypto-address", 100, 100 },
    { "EMAIL_ADDRESS", "email-address", 100, 100 }, { "IP_ADDRESS", "ip-any ipv6", 98, 100 }, { "MAC_ADDRESS", "mac-address", 100, 100 },
    { "PHONE", "phone-international phone-north-america phone-national", 100, 100 }, { "ABA_ROUTING_NUMBER", "us-bank-routing", 100, 100 },
    { "US_SSN", "us-ssn", 100, 100 }, { "US_ITIN", "us-itin", 100, 100 }, { "US_NPI", "us-npi", 100, 100 }, { "US_MBI", "us-mbi", 100, 100 },
    { "US_PASSPORT", "us-passport us-passport-digits", 100, 100 }, { "MEDICAL_LICENSE", "us-dea", 100, 100 }, { "UK_NHS", "uk-nhs", 100, 100 },
    { "UK_NINO", "uk-nino", 100, 100 }, { "UK_PASSPORT", "uk-passport", 100, 100 }, { "UK_DRIVING_LICENCE", "uk-driving-licence", 100, 100 },
    { "CA_SIN", "ca-sin", 100, 100 }, { "AU_ABN", "au-abn", 100, 100 }, { "AU_ACN", "au-acn", 100, 100 }, { "AU_TFN", "au-tfn", 100, 100 },
    { "AU_MEDICARE", "au-medicare", 100, 100 }, { "DE_TAX_ID", "de-tax-id", 100, 100 }, { "DE_ID_CARD", "de-id-card", 100, 100 },
    { "DE_PASSPORT", "de-id-card", 100, 100 }, { "DE_SOCIAL_SECURITY", "de-pension", 100, 100 }, { "DE_HEALTH_INSURANCE", "de-health", 100, 100 },
    { "DE_VAT_ID", "de-vat", 100, 100 }, { "DE_LANR", "de-doctor", 100, 100 }, { "ES_NIF", "es-nif", 100, 100 }, { "ES_NIE", "es-nie", 100, 100 },
    { "FI_PERSONAL_IDENTITY_CODE", "fi-hetu", 100, 100 }, { "IN_AADHAAR", "in-aadhaar", 100, 100 }, { "IN_PAN", "in-pan in-pan-like", 100, 100 },
    { "IN_GSTIN", "in-gstin", 80, 100 }, { "IN_VOTER", "in-voter", 100, 100 }, { "IT_FISCAL_CODE", "it-cf it-cf-like", 100, 100 }, { "IT_VAT_CODE", "it-vat", 100, 100 },
    { "KR_RRN", "kr-resident", 100, 100 }, { "KR_FRN", "kr-foreigner", 100, 100 }, { "KR_BRN", "kr-company", 100, 100 }, { "NG_NIN", "ng-nin", 100, 100 },
    { "PL_PESEL", "pl-pesel", 100, 100 }, { "SE_PERSONNUMMER", "se-person", 100, 100 }, { "SE_ORGANISATIONSNUMMER", "se-company", 100, 100 },
    { "SG_NRIC_FIN", "sg-nric sg-nric-like", 100, 100 }, { "TH_TNIN", "th-id", 100, 100 }, { "TR_NATIONAL_ID", "tr-kimlik", 100, 100 }, { "ZA_ID_NUMBER", "za-id", 83, 100 },
    { "TR_PHONE_NUMBER", "phone-international phone-national", 100, 100 }, { "PH_MOBILE_NUMBER", "phone-international phone-national", 100, 100 },
    { "artifactory", "artifactory-token", 100, 100 }, { "aws_key", "aws-access-key aws-secret-key", 100, 100 }, { "azure_storage_key", "azure-storage-key", 100, 100 },
    { "basic_auth", "url-with-password database-uri", 100, 100 }, { "discord", "discord-token", 100, 100 }, { "github_token", "github-token", 100, 100 },
    { "gitlab_token", "gitlab-token", 100, 40 }, { "jwt", "jwt", 100, 87 }, { "mailchimp_key", "mailchimp-key", 100, 100 }, { "npm", "npm-token", 100, 100 },
    { "openai", "openai-key", 100, 0 }, { "pypi_token", "pypi-token", 100, 0 }, { "sendgrid", "sendgrid-key", 100, 100 }, { "stripe_key", "stripe-key", 100, 100 },
    { "telegram_token", "telegram-token", 100, 100 }, { "twilio", "twilio-key", 0, 100 }, { "ip_public", "ip-public", 100, 91 },
    { "DE_BSNR", "de-practice", 100, 100 },
    { "DE_FUEHRERSCHEIN", "de-driving-licence", 100, 100 },
    { "DE_HANDELSREGISTER", "de-commercial-register", 100, 100 },
    { "DE_KFZ", "de-plate", 100, 100 },
    { "DE_PLZ", "de-postcode", 100, 100 },
    { "DE_TAX_NUMBER", "de-tax-number", 100, 100 },
    { "ES_PASSPORT", "es-passport", 100, 100 },
    { "IT_PASSPORT", "it-passport", 100, 100 },
    { "IT_IDENTITY_CARD", "it-id-card", 100, 100 },
    { "IT_DRIVER_LICENSE", "it-driving-licence", 100, 100 },
    { "UK_POSTCODE", "uk-postcode", 100, 100 },
    { "UK_VEHICLE_REGISTRATION", "uk-plate", 100, 100 },
    { "US_DRIVER_LICENSE", "us-driving-licence us-driving-licence-digits", 100, 100 },
    { "US_BANK_NUMBER", "us-bank-account", 100, 100 },
    { "IN_PASSPORT", "in-passport", 100, 100 },
    { "IN_VEHICLE_REGISTRATION", "in-plate", 100, 100 },
    { "KR_PASSPORT", "kr-passport", 100, 100 },
    { "KR_DRIVER_LICENSE", "kr-driving-licence", 100, 100 },
    { "NG_VEHICLE_REGISTRATION", "ng-plate", 100, 100 },
    { "PH_TIN", "ph-tin", 100, 100 },
    { "SG_UEN", "sg-company", 100, 100 },
    { "TR_LICENSE_PLATE", "tr-plate", 100, 100 },
    { "DATE_TIME", "birth-date", 100, 100 },
    { "URL", "url web-name", 100, 100 },
    { "cloudant", "cloudant-key", 100, 100 },
    { "ibm_cloud_iam", "ibm-cloud-key", 100, 100 },
    { "ibm_cos_hmac", "ibm-cos-key", 100, 100 },
    { "softlayer", "softlayer-key", 100, 100 },
};
#define ROWS (sizeof rows / sizeof *rows)
static struct { unsigned want, found[2], none, wrong[2]; } count[ROWS];

static bool named(const char *list, struct str rule)
{
    const char *p = list;
    while (*p) {
        size_t n = strcspn(p, " ");
        if (str_eq(rule, (struct str){ p, n }))
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static bool fires(struct content *c, const char *detectors, const char *text, bool all)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = str_c(text) };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    struct scan_result result;
    struct arena a;
    bool found = false;
    arena_init(&a, 4u << 20);
    c->dlp.report_all = all;
    if (content_scan(c, &r, &a, &result) == 0 && result.status == SCAN_DONE)
        for (size_t i = 0; i < result.n_matches && !found; i++)
            found = (result.matches[i].source == SCAN_DLP || result.matches[i].source == SCAN_NOTED) && named(detectors, result.matches[i].rule);
    arena_clear(&a);
    return found;
}

static void one_case(struct content *c, const char *type, const char *text, bool want)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].type, type) != 0)
            continue;
        bool reported = fires(c, rows[i].detectors, text, false), any = fires(c, rows[i].detectors, text, true);
        if (want) {
            count[i].want++;
            count[i].found[0] += reported;
            count[i].found[1] += any;
        } else {
            count[i].none++;
            count[i].wrong[0] += reported;
            count[i].wrong[1] += any;
        }
        if ((want ? !any : reported) && getenv("LOCKGATE_CORPUS_SHOW"))
            diag("%s %s: %.160s", type, want ? "missed" : "false", text);
    }
}

/* ---- labelled sentences: spans of the mapped types must be covered, and nothing else reported ---- */

static const struct { const char *type, *detectors; int recall, precision; } spans[] = { { "CREDIT_CARD", "payment-card", 99, 100 }, { "EMAIL_ADDRESS", "email-address", 100, 100 },
    { "IBAN_CODE", "iban", 100, 100 }, { "US_SSN", "us-ssn", 100, 100 }, { "IP_ADDRESS", "ip-any ipv6", 100, 100 },
    { "PHONE_NUMBER", "phone-international phone-north-america phone-national", 95, 98 } };
#define SPANS (sizeof spans / sizeof *spans)
static struct { unsigned want, found, right, wrong; } span_count[SPANS];

static void one_sentence(struct content *c, json_t *o)
{
    const char *text = json_string_value(json_object_get(o, "text"));
    json_t *list = json_object_get(o, "spans");
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = str_c(text ? text : "") };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    struct scan_result result;
    struct arena a;
    arena_init(&a, 4u << 20);
    c->dlp.report_all = false;
    if (text && content_scan(c, &r, &a, &result) == 0 && result.status == SCAN_DONE)
        for (size_t k = 0; k < SPANS; k++) {
            bool hit_right[SCAN_MATCHES_MAX] = { false };
            for (size_t i = 0; i < json_array_size(list); i++) {
                json_t *sp = json_array_get(list, i);
                const char *type = json_string_value(json_object_get(sp, "type")), *value = json_string_value(json_object_get(sp, "value"));
                const char *at = type && value && strcmp(type, spans[k].type) == 0 ? strstr(text, value) : NULL;
                if (!at)
                    continue;
                size_t from = (size_t)(at - text), to = from + strlen(value);
                bool found = false;
                for (size_t m = 0; m < result.n_matches; m++)
                    if (named(spans[k].detectors, result.matches[m].rule) && result.matches[m].off < to && from < result.matches[m].off + result.matches[m].len)
                        found = hit_right[m] = true;
                span_count[k].want++;
                span_count[k].found += found;
                if (!found && getenv("LOCKGATE_CORPUS_SHOW"))
                    diag("%s missed: %s in: %.140s", spans[k].type, value, text);
            }
            for (size_t m = 0; m < result.n_matches; m++)
                if (named(spans[k].detectors, result.matches[m].rule)) {
                    span_count[k].right += hit_right[m];
                    span_count[k].wrong += !hit_right[m];
                    if (!hit_right[m] && getenv("LOCKGATE_CORPUS_SHOW"))
                        diag("%s false: %.*s in: %.140s", spans[k].type, (int)result.matches[m].len, text + result.matches[m].off, text);
                }
        }
    arena_clear(&a);
}

static bool read_file(struct content *c, const char *dir, const char *name)
{
    char path[4096], *line = NULL;
    size_t cap = 0;
    snprintf(path, sizeof path, "%s/dlp/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    while (getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        const char *type = json_string_value(json_object_get(o, "type")), *text = json_string_value(json_object_get(o, "text")),
                   *expect = json_string_value(json_object_get(o, "expect"));
        if (json_object_get(o, "spans"))
            one_sentence(c, o);
        else if (type && text && expect && text[0])
            one_case(c, type, text, strcmp(expect, "match") == 0);
        json_decref(o);
    }
    free(line);
    fclose(f);
    return true;
}

/* ---- what is found in texts of others ---- */

static void tell_found(struct content *c, const char *text, bool all, json_t *to)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = str_c(text) };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    struct scan_result result;
    struct arena a;
    arena_init(&a, 4u << 20);
    c->dlp.report_all = all;
    if (content_scan(c, &r, &a, &result) || result.status != SCAN_DONE)
        exit(99);
    for (size_t i = 0; i < result.n_matches; i++) {
        const struct scan_match *m = &result.matches[i];
        if (m->source == SCAN_DLP || m->source == SCAN_NOTED)
            json_array_append_new(to, json_pack("[s%iiib]", m->rule.p, (int)m->rule.n, (int)m->off, (int)m->len, (int)m->confidence, !all));
    }
    arena_clear(&a);
}

static int find_all(struct content *c, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    while (f && getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL), *found = json_array();
        const char *text = json_string_value(json_object_get(o, "text"));
        for (int all = 0; all < 2 && text; all++)
            tell_found(c, text, all, found);
        json_dumpf(found, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(found);
        json_decref(o);
    }
    free(line);
    if (f)
        fclose(f);
    return f ? 0 : 99;
}

static unsigned percent(unsigned part, unsigned whole)
{
    return whole ? 100 * part / whole : 100;
}

/* One row for people; a name of capitals is a type of Presidio, whose own recognizer passes all of its cases (they are its tests). */
static void put_row(FILE *f, size_t i)
{
    const unsigned *found = count[i].found, *wrong = count[i].wrong;
    bool presidio = rows[i].type[0] >= 'A' && rows[i].type[0] <= 'Z';
    fprintf(f, "| %s | %s | %u | %u | %u%% | %u%% | %u%% | %u%% | %s |\n", rows[i].type, rows[i].detectors, count[i].want, count[i].none,
        percent(found[1], count[i].want), percent(found[1], found[1] + wrong[1]), percent(found[0], count[i].want), percent(found[0], found[0] + wrong[0]),
        presidio ? "100%, 100%" : "");
}

/* What dlp_compare wrote behind its mark stays. */
static char *compared(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1u << 20), *at = NULL;
    if (f && text && fread(text, 1, (1u << 20) - 1, f) > 0 && (at = strstr(text, "\nThe same sentences,")))
        memmove(text, at, strlen(at) + 1);
    if (f)
        fclose(f);
    if (!at && text)
        text[0] = 0;
    return text;
}

static void put_table(const char *path)
{
    char *tail = compared(path);
    FILE *f = fopen(path, "w");
    if (!f || !tail)
        exit(99);
    fputs("# Precision and recall on test sets that were not written with the detectors\n\n"
        "Written by `LOCKGATE_CORPUS=... LOCKGATE_CORPUS_TABLE=tests/unit/content_corpus.md build/tests/content_corpus`; the same run holds the figures against floors.\n"
        "Cases are the labelled texts of Presidio's and detect-secrets' own tests. *Recognised*: pattern and validator, whatever the confidence, as those\n"
        "projects' tests see it. *Reported*: with the detector's threshold, as a rule sees it; bare numbers are below it by intent where much else looks so.\n"
        "Others are texts in which this detector must not fire. R: recall, P: precision. Presidio's own figures on its own cases are what its tests\n"
        "assert.\n\n"
        "| type | detectors | cases | others | recognised: R | P | reported: R | P | Presidio: R, P |\n|---|---|---|---|---|---|---|---|---|\n", f);
    for (size_t i = 0; i < ROWS; i++)
        put_row(f, i);
    fputs("\nLabelled sentences (presidio-research, spans covered and nothing else reported):\n\n| type | spans | recall | precision |\n|---|---|---|---|\n", f);
    for (size_t k = 0; k < SPANS; k++)
        fprintf(f, "| %s | %u | %u%% | %u%% |\n", spans[k].type, span_count[k].want, percent(span_count[k].found, span_count[k].want),
            percent(span_count[k].right, span_count[k].right + span_count[k].wrong));
    fputs("\nWhat differs, and why: two Indian tax numbers among the company numbers are found as what they are; an address with five parts and two dates are\n"
        "labels of the extraction rather than of a number; lengths of tokens are open upward (gitlab, openai, pypi), so longer ones are found too; a JSON Web\n"
        "Token's header is opened but not parsed (jwt); an IBAN is seen through small letters, blanks and slashes; placeholders of one letter are no keys (twilio).\n", f);
    fputs(tail, f);
    free(tail);
    if (fclose(f))
        exit(99);
}

int main(void)
{
    struct content *c = NULL;
    struct conf_errors errs;
    const char *dir = getenv("LOCKGATE_CORPUS");
    conf_errors_init(&errs);
    bool whole = dir != NULL;
    dir = whole ? dir : "tests/unit/fixtures";
    if (!ok(content_load("rules", &c, &errs) == 0, "rules/ loads"))
        return done_testing();
    if (getenv("LOCKGATE_CORPUS_FIND")) {
        int rc = find_all(c, getenv("LOCKGATE_CORPUS_FIND"));
        content_free(c);
        return rc;
    }
    ok(read_file(c, dir, "presidio.jsonl"), "Presidio's cases are there");
    ok(!whole || read_file(c, dir, "detect-secrets.jsonl"), "so are those of detect-secrets, where there is a corpus");
    diag("%-26s %5s %9s %11s | %5s %9s %11s", "type", "cases", "reported", "recognised", "none", "reported", "recognised");
    for (size_t i = 0; i < ROWS; i++) {
        if (!whole && !count[i].want && !count[i].none)
            continue;
        unsigned recall = percent(count[i].found[1], count[i].want);
        unsigned precision = percent(count[i].none - count[i].wrong[0], count[i].none);
        diag("%-26s %5u %8u%% %10u%% | %5u %9u %11u", rows[i].type, count[i].want, percent(count[i].found[0], count[i].want), recall, count[i].none,
            count[i].wrong[0], count[i].wrong[1]);
        ok((int)recall >= rows[i].recall && (int)precision >= rows[i].precision, "%s: recall %u%% (floor %d%%), silent on %u%% of the others (floor %d%%)",
            rows[i].type, recall, rows[i].recall, precision, rows[i].precision);
    }
    ok(!whole || read_file(c, dir, "presidio-research-sentences.jsonl"), "the labelled sentences are there, where there is a corpus");
    for (size_t k = 0; k < SPANS && whole; k++) {
        unsigned recall = percent(span_count[k].found, span_count[k].want), precision = percent(span_count[k].right, span_count[k].right + span_count[k].wrong);
        ok((int)recall >= spans[k].recall && (int)precision >= spans[k].precision, "sentences: %s: %u spans, recall %u%% (floor %d%%), precision %u%% (floor %d%%)",
            spans[k].type, span_count[k].want, recall, spans[k].recall, precision, spans[k].precision);
    }
    const char *table = getenv("LOCKGATE_CORPUS_TABLE");
    if (table && whole)
        put_table(table);
    content_free(c);
    conf_errors_clear(&errs);
    return done_testing();
}
