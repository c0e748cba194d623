// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -ljansson -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Precision and recall of the detectors that ship, on test sets that were not written with them: JSON lines {type, text, expect} in
 * $LOCKGATE_CORPUS/dlp/ *.jsonl (fixtures of Presidio and detect-secrets; not part of this tree). "reported": with the threshold of the
 * detector. "recognised": pattern and validator, whatever the confidence, as those projects' own unit tests see it. */
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
    { "US_PASSPORT", "us-passport", 100, 100 }, { "MEDICAL_LICENSE", "us-dea", 100, 100 }, { "UK_NHS", "uk-nhs", 100, 100 },
    { "UK_NINO", "uk-nino", 100, 100 }, { "UK_PASSPORT", "uk-passport", 100, 100 }, { "UK_DRIVING_LICENCE", "uk-driving-licence", 100, 100 },
    { "CA_SIN", "ca-sin", 100, 100 }, { "AU_ABN", "au-abn", 100, 100 }, { "AU_ACN", "au-acn", 100, 100 }, { "AU_TFN", "au-tfn", 100, 100 },
    { "AU_MEDICARE", "au-medicare", 100, 100 }, { "DE_TAX_ID", "de-tax-id", 100, 100 }, { "DE_ID_CARD", "de-id-card", 100, 100 },
    { "DE_PASSPORT", "de-id-card", 100, 100 }, { "DE_SOCIAL_SECURITY", "de-pension", 100, 100 }, { "DE_HEALTH_INSURANCE", "de-health", 100, 100 },
    { "DE_VAT_ID", "de-vat", 100, 100 }, { "DE_LANR", "de-doctor", 100, 100 }, { "ES_NIF", "es-nif", 100, 100 }, { "ES_NIE", "es-nie", 100, 100 },
    { "FI_PERSONAL_IDENTITY_CODE", "fi-hetu", 96, 100 }, { "IN_AADHAAR", "in-aadhaar", 100, 100 }, { "IN_PAN", "in-pan", 80, 100 },
    { "IN_GSTIN", "in-gstin", 80, 100 }, { "IN_VOTER", "in-voter", 100, 100 }, { "IT_FISCAL_CODE", "it-cf", 66, 100 }, { "IT_VAT_CODE", "it-vat", 100, 100 },
    { "KR_RRN", "kr-resident", 100, 75 }, { "KR_FRN", "kr-resident", 100, 87 }, { "KR_BRN", "kr-company", 100, 100 }, { "NG_NIN", "ng-nin", 100, 100 },
    { "PL_PESEL", "pl-pesel", 100, 100 }, { "SE_PERSONNUMMER", "se-person", 100, 100 }, { "SE_ORGANISATIONSNUMMER", "se-company", 100, 100 },
    { "SG_NRIC_FIN", "sg-nric", 77, 100 }, { "TH_TNIN", "th-id", 100, 100 }, { "TR_NATIONAL_ID", "tr-kimlik", 100, 100 }, { "ZA_ID_NUMBER", "za-id", 83, 100 },
    { "TR_PHONE_NUMBER", "phone-international phone-national", 100, 100 }, { "PH_MOBILE_NUMBER", "phone-international phone-national", 100, 100 },
    { "artifactory", "artifactory-token", 100, 100 }, { "aws_key", "aws-access-key aws-secret-key", 100, 100 }, { "azure_storage_key", "azure-storage-key", 100, 100 },
    { "basic_auth", "url-with-password database-uri", 100, 100 }, { "discord", "discord-token", 88, 100 }, { "github_token", "github-token", 100, 100 },
    { "gitlab_token", "gitlab-token", 100, 40 }, { "jwt", "jwt", 100, 87 }, { "mailchimp_key", "mailchimp-key", 100, 100 }, { "npm", "npm-token", 100, 100 },
    { "openai", "openai-key", 100, 0 }, { "pypi_token", "pypi-token", 100, 0 }, { "sendgrid", "sendgrid-key", 100, 100 }, { "stripe_key", "stripe-key", 100, 100 },
    { "telegram_token", "telegram-token", 100, 100 }, { "twilio", "twilio-key", 0, 100 }, { "ip_public", "ip-public", 100, 91 },
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

static unsigned percent(unsigned part, unsigned whole)
{
    return whole ? 100 * part / whole : 100;
}

int main(void)
{
    struct content *c = NULL;
    struct conf_errors errs;
    const char *dir = getenv("LOCKGATE_CORPUS");
    conf_errors_init(&errs);
    if (!dir) {
        printf("1..0 # SKIP LOCKGATE_CORPUS is not set\n");
        return 0;
    }
    if (!ok(content_load("rules", &c, &errs) == 0, "rules/ loads"))
        return done_testing();
    ok(read_file(c, dir, "presidio.jsonl") && read_file(c, dir, "detect-secrets.jsonl"), "the corpus is there");
    diag("%-26s %5s %9s %11s | %5s %9s %11s", "type", "cases", "reported", "recognised", "none", "reported", "recognised");
    for (size_t i = 0; i < ROWS; i++) {
        unsigned recall = percent(count[i].found[1], count[i].want);
        unsigned precision = percent(count[i].none - count[i].wrong[0], count[i].none);
        diag("%-26s %5u %8u%% %10u%% | %5u %9u %11u", rows[i].type, count[i].want, percent(count[i].found[0], count[i].want), recall, count[i].none,
            count[i].wrong[0], count[i].wrong[1]);
        ok((int)recall >= rows[i].recall && (int)precision >= rows[i].precision, "%s: recall %u%% (floor %d%%), silent on %u%% of the others (floor %d%%)",
            rows[i].type, recall, rows[i].recall, precision, rows[i].precision);
    }
    ok(read_file(c, dir, "presidio-research-sentences.jsonl"), "the labelled sentences are there");
    for (size_t k = 0; k < SPANS; k++) {
        unsigned recall = percent(span_count[k].found, span_count[k].want), precision = percent(span_count[k].right, span_count[k].right + span_count[k].wrong);
        ok((int)recall >= spans[k].recall && (int)precision >= spans[k].precision, "sentences: %s: %u spans, recall %u%% (floor %d%%), precision %u%% (floor %d%%)",
            spans[k].type, span_count[k].want, recall, spans[k].recall, precision, spans[k].precision);
    }
    content_free(c);
    conf_errors_clear(&errs);
    return done_testing();
}
