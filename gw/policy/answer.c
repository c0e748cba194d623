/* SPDX-License-Identifier: GPL-3.0-or-later
 * Questions that the gateway answers itself: what the officer wrote down goes back to the sender, and nothing crosses. */
#include "answer.h"

#include <string.h>
#include <time.h>

#include "label.h"

struct answers_conf { const config_setting_t *version, *last; char *zone; bool ping, labels; };
struct version_conf { char *name, *version; };
struct pol_answers { bool has_version, has_last, ping, labels; struct version_conf version; int64_t last; char *zone; };

#define OFF(m) offsetof(struct answers_conf, m)
static const struct conf_row rows[] = {
    { "version", CONF_RAW, OFF(version), false, 0, 0, NULL, NULL, NULL, 0, "XEP-0092: { name = \"...\"; version = \"...\"; }" },
    { "last_activity", CONF_RAW, OFF(last), false, 0, 0, NULL, NULL, NULL, 0, "XEP-0012: this many seconds, whoever is asked" },
    { "time", CONF_STRING, OFF(zone), false, 0, 6, NULL, NULL, NULL, 0, "XEP-0202: the gateway's clock, with this offset: \"+00:00\"" },
    { "ping", CONF_BOOL, OFF(ping), false, 0, 0, "false", NULL, NULL, 0, "XEP-0199: an empty result" },
    { "labels", CONF_BOOL, OFF(labels), false, 0, 0, "false", NULL, NULL, 0, "XEP-0258: the labels that the sender may use towards whom it asks about" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF
#define OFF(m) offsetof(struct version_conf, m)
static const struct conf_row version_rows[] = {
    { "name", CONF_STRING, OFF(name), true, 1, 100, NULL, NULL, NULL, 0, "the name of a software" },
    { "version", CONF_STRING, OFF(version), true, 1, 100, NULL, NULL, NULL, 0, "and its version" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

/* ---- loading ---- */

static bool is_zone(const char *z)
{
    for (const char *form = "s##:##"; *form || *z; form++, z++)
        if (!*form || (*form == 's' ? *z != '+' && *z != '-' : *form == '#' ? *z < '0' || *z > '9' : *z != *form))
            return false;
    return true;
}

static int minutes_of(const char *z)
{
    int m = ((z[1] - '0') * 10 + z[2] - '0') * 60 + (z[4] - '0') * 10 + z[5] - '0';
    return *z == '-' ? -m : m;
}

int answers_load(struct pol_load *l, const config_setting_t *s, struct pol_answers **ret)
{
    struct answers_conf c = { 0 };
    struct pol_answers *a = arena_alloc(l->arena, sizeof *a);
    if (!a)
        return GW_ERR(NOMEM);
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"answers\" wants a group: { version = { name = \"Lockgate\"; version = \"1\"; }; last_activity = 0; }");
    int rc = conf_read_group((const void *)s, rows, &c, l->arena, l->errs), e = 0;
    *a = (struct pol_answers){ .has_version = c.version, .has_last = c.last, .ping = c.ping, .labels = c.labels, .zone = c.zone && *c.zone ? c.zone : NULL };
    if (c.version && !config_setting_is_group(c.version))
        e = load_error(l, c.version, "\"version\" wants a group: { name = \"Lockgate\"; version = \"1\"; }");
    else if (c.version)
        e = conf_read_group((const void *)c.version, version_rows, &a->version, l->arena, l->errs);
    rc = rc ? rc : e;
    e = c.last ? load_int(l, c.last, 0, 3153600000, &a->last) : 0;
    rc = rc ? rc : e;
    if (a->zone && (!is_zone(a->zone) || minutes_of(a->zone) > 14 * 60 || minutes_of(a->zone) < -14 * 60))
        rc = load_error(l, s, "\"time\": \"%s\" is no offset; it is written \"+01:00\", from -14:00 to +14:00", a->zone);
    if (!rc && !a->has_version && !a->has_last && !a->zone && !a->ping && !a->labels)
        rc = load_error(l, s, "\"answers\" is empty; allowed are version, last_activity, time, ping, labels");
    if (!rc && a->labels && !l->p->labels)
        rc = load_error(l, s, "\"labels\" needs label policies: labels = [ \"...\" ] in main.rules");
    *ret = a;
    return rc;
}

/* ---- building ---- */

bool answer_is_question(const struct rec *r) { return r->kind == REC_IQ && str_eq(r->type, STR("get")) && r->id.n; }

struct rec *answer_begin(const struct pol_eval *e)
{
    const struct rec *in = e->in;
    struct rec_limits limits = { ANSWER_BYTES_MAX, 32, 8192, 64 };
    struct rec *r = answer_is_question(in) ? rec_new(&limits) : NULL;
    if (!r)
        return NULL;
    if (rec_head(r, REC_IQ, STR("result"), in->id, STR_NONE) || rec_address(r, in->to, in->from, STR_NONE, STR_NONE) ||
        rec_pair(r, in->to_domain, in->from_domain) || rec_open(r, STR(NS_SERVER), STR("iq"))) {
        rec_free(r);
        return NULL;
    }
    return r;
}

enum pol_step answer_end(struct pol_eval *e, struct rec *r)
{
    if (!r || rec_close(r) || rec_seal(r)) {
        rec_free(r);
        return pol_refuse(e, GW_R_INTERNAL);
    }
    rec_free(e->reply);
    e->reply = r;
    return pol_answered(e);
}

static int leaf(struct rec *r, struct str ns, const char *name, struct str text)
{
    int rc = rec_open(r, ns, str_c(name));
    if (!rc && text.n)
        rc = rec_text(r, text);
    return rc ? rc : rec_close(r);
}

/* ---- the fixed answers ---- */

typedef int (*answer_fn)(struct rec *r, const struct pol_answers *a, int64_t now_ms);

static int put_version(struct rec *r, const struct pol_answers *a, int64_t now_ms)
{
    struct str ns = STR("jabber:iq:version");
    (void)now_ms;
    int rc = rec_open(r, ns, STR("query"));
    if (!rc)
        rc = leaf(r, ns, "name", str_c(a->version.name));
    if (!rc)
        rc = leaf(r, ns, "version", str_c(a->version.version));
    return rc ? rc : rec_close(r);
}

static int put_last(struct rec *r, const struct pol_answers *a, int64_t now_ms)
{
    char seconds[24];
    (void)now_ms;
    snprintf(seconds, sizeof seconds, "%lld", (long long)a->last);
    int rc = rec_open(r, STR("jabber:iq:last"), STR("query"));
    if (!rc)
        rc = rec_attr_add(r, STR_NONE, STR("seconds"), str_c(seconds));
    return rc ? rc : rec_close(r);
}

static int put_time(struct rec *r, const struct pol_answers *a, int64_t now_ms)
{
    struct str ns = STR("urn:xmpp:time");
    char utc[32];
    struct tm tm;
    time_t t = (time_t)(now_ms / 1000);
    if (!gmtime_r(&t, &tm) || !strftime(utc, sizeof utc, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return GW_ERR(RANGE);
    int rc = rec_open(r, ns, STR("time"));
    if (!rc)
        rc = leaf(r, ns, "tzo", str_c(a->zone));
    if (!rc)
        rc = leaf(r, ns, "utc", str_c(utc));
    return rc ? rc : rec_close(r);
}

static int put_nothing(struct rec *r, const struct pol_answers *a, int64_t now_ms)
{
    (void)r, (void)a, (void)now_ms;
    return 0;
}

static answer_fn answer_for(const struct pol_answers *a, const struct rec *r)
{
    uint32_t q = answer_is_question(r) ? rec_child(r, 0, STR_NONE, STR("query"), REC_NONE) : REC_NONE;
    if (!answer_is_question(r))
        return NULL;
    if (q != REC_NONE && a->has_version && str_eq(r->nodes[q].ns, STR("jabber:iq:version")))
        return put_version;
    if (q != REC_NONE && a->has_last && str_eq(r->nodes[q].ns, STR("jabber:iq:last")))
        return put_last;
    if (a->zone && rec_child(r, 0, STR("urn:xmpp:time"), STR("time"), REC_NONE) != REC_NONE)
        return put_time;
    return a->ping && rec_child(r, 0, STR("urn:xmpp:ping"), STR("ping"), REC_NONE) != REC_NONE ? put_nothing : NULL;
}

bool answers_labels(const struct pol_answers *a) { return a && a->labels; }

bool answers_has(const struct pol_answers *a, const struct rec *r) { return (a->labels && label_catalog_asked(r)) || answer_for(a, r) != NULL; }

enum pol_step answers_give(struct pol_eval *e, const struct pol_answers *a)
{
    if (a->labels && label_catalog_asked(e->rec))
        return label_catalog_answer(e);
    answer_fn put = answer_for(a, e->rec);
    struct rec *r = put ? answer_begin(e) : NULL;
    if (r && put(r, a, e->facts.now_ms)) {
        rec_free(r);
        r = NULL;
    }
    return answer_end(e, r);
}
