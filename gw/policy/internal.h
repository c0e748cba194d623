/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of gw/policy share: the rule set, the table of conditions, the judgement under way. */
#ifndef LOCKGATE_POLICY_INTERNAL_H
#define LOCKGATE_POLICY_INTERNAL_H

#include <libconfig.h>

#include "policy.h"
#include "siphash.h"

#define NS_SERVER "jabber:server"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

/* ---- conditions ---- */
enum cond_operand { COND_STRINGS, COND_GROUP, COND_GROUPS, COND_INT, COND_SIZE, COND_BOOL, COND_INTS };
/* What a condition needs besides the stanza as it stands. */
#define COND_SCAN 1u     /* the scanner's answer */
#define COND_CONTENT 2u  /* looks at text: its spans can be redacted */
#define COND_STATE 4u    /* what is remembered between stanzas */

struct pol_load;
struct cond;
/* One row is one keyword; the documentation and `check --list` come from these rows. */
struct cond_row {
    const char *keyword;
    enum cond_operand operand;
    unsigned needs;
    /* Fills c->arg from the setting; mistakes go to l->errs. 0, CONF, NOMEM. */
    int (*parse)(struct pol_load *l, const config_setting_t *s, struct cond *c);
    enum tri (*match)(const struct cond *c, struct pol_eval *e);
    /* Content conditions: adds the spans that matched (pol_span_add). */
    int (*spans)(const struct cond *c, struct pol_eval *e);
    void (*free)(struct cond *c); /* NULL: arg lives in the set's arena */
    const char *example;
    const char *help;
};
struct cond {
    const struct cond_row *row;
    void *arg;
    struct cond *sub; /* any, all, not: the parts */
    size_t n_sub;
    unsigned needs;   /* of itself and all below */
    const char *file;
    unsigned line;
    struct str text;  /* the operand as written, for explain */
};
const struct cond_row *const *cond_rows(void); /* NULL-terminated */
/* A group { keyword = operand; ... }: all must hold. Parts that need a scan are put last. */
int cond_parse_group(struct pol_load *l, const config_setting_t *group, struct cond *ret);
int cond_parse_one(struct pol_load *l, const config_setting_t *s, const struct cond_row *row, struct cond *ret);
const struct cond_row *cond_group_row(void); /* of a group itself */
void cond_free(struct cond *c);
enum tri cond_match(const struct cond *c, struct pol_eval *e);
int cond_spans(const struct cond *c, struct pol_eval *e);

/* Truth table:   and | no  yes unk     or | no  yes unk     not |
 *                no  | no  no  no      no | no  yes unk      no | yes
 *                yes | no  yes unk     yes| yes yes yes     yes | no
 *                unk | no  unk unk     unk| unk yes unk     unk | unk     */
static inline enum tri tri_and(enum tri a, enum tri b)
{
    return a == TRI_NO || b == TRI_NO ? TRI_NO : a == TRI_YES && b == TRI_YES ? TRI_YES : TRI_UNKNOWN;
}
static inline enum tri tri_or(enum tri a, enum tri b)
{
    return a == TRI_YES || b == TRI_YES ? TRI_YES : a == TRI_NO && b == TRI_NO ? TRI_NO : TRI_UNKNOWN;
}
static inline enum tri tri_not(enum tri a) { return a == TRI_NO ? TRI_YES : a == TRI_YES ? TRI_NO : TRI_UNKNOWN; }
static inline enum tri tri_of(bool b) { return b ? TRI_YES : TRI_NO; }

/* ---- rules ---- */
#define POL_ACTIONS(X) X(RELEASE, "release") X(REJECT, "reject") X(DROP, "drop") X(HOLD, "hold") X(ANSWER, "answer") X(STRIP, "strip") \
    X(REDACT, "redact") X(ALERT, "alert") X(THROTTLE, "throttle") X(REWRITE, "rewrite") X(FOLD, "fold") X(RELABEL, "relabel")
enum pol_action {
#define X(name, text) ACT_##name,
    POL_ACTIONS(X)
#undef X
    ACT_COUNT
};
static inline bool action_decides(enum pol_action a) { return a <= ACT_ANSWER; }
enum pol_severity { SEV_INFO, SEV_LOW, SEV_MEDIUM, SEV_HIGH, SEV_CRITICAL, SEV_COUNT };
extern const char *const pol_severity_names[];
extern const char *const pol_action_names[];
extern const char pol_action_help[];

#define DIR_HIGH_TO_LOW 1u
#define DIR_LOW_TO_HIGH 2u

/* A name in Clark notation, "{ns}name"; name empty: any element of that namespace; ns.p NULL: any namespace. */
struct clark { struct str ns, name; };

struct pol_answers;
struct pol_rewrite;
struct pol_fold;
struct label_change;
struct labels;
struct label_state;
struct pol_hits { uint64_t n; int64_t last_ms; };
struct pol_rule {
    uint32_t id;
    char *name;
    bool enabled;
    enum pol_action action;
    enum pol_severity severity;
    int64_t expires_ms;
    struct cond when;
    int error; /* index into pol_errors, -1: not given */
    char *text, *with;
    struct label_change *relabel;
    struct clark *strip;
    size_t n_strip;
    struct pol_answers *answers; /* answer */
    struct pol_rewrite *rewrite; /* rewrite */
    struct pol_fold *fold;       /* fold */
    int64_t rate, per_ms, burst; /* throttle */
    struct pol_test *tests;
    size_t n_tests;
    const char *file;
    unsigned line;
    struct pol_hits *hits;
};

/* Stanza errors of RFC 6120 section 8.3.3 with the type that goes with each. */
struct pol_error { const char *condition, *type; };
extern const struct pol_error pol_errors[];
int pol_error_find(const char *condition); /* index or -1 */

/* ---- lists: rules/lists/NAME.list ---- */
struct pol_list;
/* Loads (once) the list of that name. addresses: entries are JIDs, domains, *@domain, *.domain; else plain text. */
int list_load(struct pol_load *l, struct str name, bool addresses, const config_setting_t *where, const struct pol_list **ret);
bool list_has_address(const struct pol_list *l, struct str jid);
bool list_has(const struct pol_list *l, struct str text);
struct str list_name(const struct pol_list *l);
const struct pol_list *list_next(const struct pol_list *l);
size_t list_size(const struct pol_list *l);
void list_free_all(struct pol_list *first);

/* ---- addresses in operands ---- */
/* "user@domain/res": exactly; "user@domain": with any resource; "domain": it and everybody in it; "*@domain": everybody in it;
 * "*.domain": every domain below it and everybody there. Stored prepared. */
enum addr_form { ADDR_FULL, ADDR_BARE, ADDR_DOMAIN, ADDR_ANYBODY, ADDR_BELOW };
struct addr_pattern { enum addr_form form; struct str text; };
int addr_parse(struct arena *a, struct str s, struct addr_pattern *ret);
bool addr_match(const struct addr_pattern *p, struct str jid);

/* ---- patterns (pattern.c): * any run of characters, ? one ---- */
bool pattern_match(struct str pattern, struct str text);

/* ---- the allow-list of payloads (profiles) ---- */
struct schema;
int schema_load(struct pol_load *l, const struct conf_strings *profiles, bool strip_unnamed, struct schema **ret);
void schema_free(struct schema *s);
/* Judges rec: adds edits for what is to be stripped (schema_edit on e), or returns false with *ret_why (in e's arena). */
bool schema_check(const struct schema *s, struct pol_eval *e, struct str *ret_why);

/* ---- the rule set ---- */
struct policy {
    struct arena arena;
    char *dir;
    struct pol_rule *rules;
    size_t n_rules;
    struct schema *schema;
    struct pol_list *lists;
    struct labels *labels; /* NULL: none are switched on */
    struct rule_index *index;
    bool tell_all; /* service discovery is not filtered */
    bool folds;    /* a rule folds presence */
    size_t recipients_max;    /* addresses that one stanza may carry for others */
    uint32_t forwarded_depth; /* of forwarded stanzas in each other */
    bool strip_foreign;       /* carried addresses of elsewhere are left out; else the stanza is refused */
    uint32_t *rewrites; /* the rules with action rewrite */
    size_t n_rewrites;
    struct pol_scan_name *scan_names;
    size_t n_scan_names;
    unsigned char hash[32];
};
/* index.c: rules that can hold for a stanza's addresses, in their order */
struct rule_stream { const uint32_t *v; size_t n, at; };
struct rule_streams { struct rule_stream *v; size_t n; };
int index_build(struct policy *p);
bool index_begin(struct pol_eval *e); /* for the stanza as it stands and all whom it concerns; false: no memory */
size_t index_next(struct rule_streams *s, size_t from); /* the first at `from` or behind it; SIZE_MAX: none */
int policy_hash_files(const char *dir, unsigned char ret[32]);

struct pol_load {
    struct policy *p;
    struct arena *arena;
    struct conf_errors *errs;
    int64_t now_ms;
    size_t cap_rules, cap_names;
};
/* A mistake at a setting; always returns CONF. */
int load_error(struct pol_load *l, const config_setting_t *s, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A string or a list of strings as an array in the set's arena. min..: at least one. */
int load_strings(struct pol_load *l, const config_setting_t *s, struct str **ret, size_t *ret_n);
int load_int(struct pol_load *l, const config_setting_t *s, int64_t min, int64_t max, int64_t *ret);
int load_size(struct pol_load *l, const config_setting_t *s, int64_t *ret);
int load_time(struct pol_load *l, const config_setting_t *s, int64_t *ret);
/* "2027-12-31": the first millisecond of that day, UTC */
int load_date(struct pol_load *l, const config_setting_t *s, const char *text, int64_t *ret);
int load_bool(struct pol_load *l, const config_setting_t *s, bool *ret);
/* "{ns}name", "ns" (any element of it) */
int load_clark(struct pol_load *l, const config_setting_t *s, struct str text, struct clark *ret);
bool clark_is(const struct clark *c, const struct rec_node *n);
int load_scan_name(struct pol_load *l, enum scan_source source, enum pol_scan_what what, struct str name, const config_setting_t *s);
const char *setting_file(const config_setting_t *s);
int rules_load(struct pol_load *l, const config_setting_t *list);

/* ---- a judgement under way ---- */
enum seg_kind { SEG_NODE, SEG_ID, SEG_LANG, SEG_ADDRESS };
struct pol_span { uint32_t seg, off, len, hit; };
/* Somebody whom the stanza concerns besides its own from and to (expand.c). */
struct pol_party {
    struct str from, to, from_domain, to_domain; /* prepared */
    struct str room;  /* that it invites to; may be empty */
    bool recipient;   /* it is delivered to them, too */
    struct rec *copy; /* a forwarded stanza, as if it had come alone; NULL: the stanza itself, for others */
};
struct pol_eval {
    const struct policy *p;
    struct pol_state *state;
    struct pol_facts facts;
    const struct rec *in;  /* as received */
    const struct rec *rec; /* as it stands now */
    struct rec *own;       /* rec when it is a changed copy */
    struct rec *reply;     /* the gateway's own answer to it */
    struct arena arena;
    struct str asker;      /* its recipient as its own side knows it */
    const struct pol_rule *fold_rule; /* it may be dropped when the recipient knows it; NULL: not so */
    bool malformed;        /* its heads or payloads break RFC 6120 */
    bool stripped;         /* the allow-list took something out of it */
    bool label_lost;       /* a security label or a part of one, and left what it stood on */
    bool uninspectable;    /* as received, it carried content that cannot be inspected */

    struct scan_segment *segs; /* of rec, once collected */
    uint8_t *seg_kinds;
    size_t n_segs;
    bool have_segs;
    struct scan_request request;
    /* the scanner's answer about rec */
    enum { SCAN_NOT_ASKED, SCAN_ASKED, SCAN_ANSWERED, SCAN_NO_ANSWER } scan;
    enum gw_reason scan_reason;
    struct scan_match *matches;
    size_t n_matches;
    bool want_scan; /* a condition asked for it */

    struct rec_edit *edits;
    size_t n_edits, cap_edits;
    struct pol_span *spans;
    size_t n_spans, cap_spans, n_spanless;

    struct pol_party *parties; /* of rec, while have_parties */
    size_t n_parties, cap_parties;
    bool have_parties;
    const struct pol_party *party; /* for whom conditions are asked now; NULL: the stanza itself */

    struct rule_streams streams;
    size_t at;       /* the rule that is looked at */
    bool verifying;  /* it has redacted, and the new text is being scanned */
    bool unknown_release; /* a release rule could not be answered */
    enum gw_reason unknown_reason;
    uint32_t unknown_rule;
    struct pol_counted { const struct cond *cond; struct str to; enum tri answer; } *counted; /* by rate conditions */
    size_t n_counted, cap_counted;

    struct label_state *labels; /* NULL: no label policies */

    struct pol_verdict v;
    enum pol_severity severity;
    uint32_t *matched;
    size_t cap_matched;
    struct str *changed, *noted;
    size_t cap_changed, cap_noted;
    bool explain;
    bool watch;      /* policy refusals are let through */
    struct pol_step_info *steps;
    size_t n_steps, cap_steps;
    const struct pol_rule *rule;
};
/* eval.c: verdicts that other files reach */
enum pol_step pol_refuse(struct pol_eval *e, enum gw_reason reason); /* no officer wrote this refusal */
enum pol_step pol_answered(struct pol_eval *e); /* by e->reply */
/* segments.c: all text of rec, with places; false: too many (a limit: refuse). */
bool segments_collect(struct pol_eval *e);
bool segments_request(struct pol_eval *e);
/* change.c */
bool pol_edit(struct pol_eval *e, struct rec_edit edit);
bool pol_span_add(struct pol_eval *e, uint32_t seg, uint32_t off, uint32_t len, uint32_t hit);
/* Applies e->edits to e->rec; what was known about the old text is forgotten. */
bool pol_apply(struct pol_eval *e);
/* From here on the stanza is r (taken over; NULL: as it is), and what was known about the old text is forgotten. */
void pol_become(struct pol_eval *e, struct rec *r);
bool pol_strip(struct pol_eval *e, const struct clark *names, size_t n, uint32_t rule);
/* Does the element say where something stands in a text, by counting its characters? */
/* A security label (XEP-0258) or a piece of one: of which a part were taken away, it would be another label. */
bool pol_in_label(const struct rec *r, uint32_t i);
bool pol_counts(const struct rec *r, uint32_t node);
/* 1: done, 0: a span cannot be replaced cleanly, negative: failed */
int pol_redact(struct pol_eval *e, struct str with);
bool pol_empty(const struct rec *r); /* nothing is left that could be meant */
bool pol_changed(struct pol_eval *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pol_note(struct pol_eval *e, enum tri answer, bool condition, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* An array in the arena that grows; NULL: no memory. */
void *pol_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size);
#define POL_PUSH(e, v, n, cap) ((v) = pol_grow(&(e)->arena, (v), (n), &(cap), sizeof *(v)))
bool pol_from_room(const struct rec *r);
bool schema_uninspectable(const struct rec *r);
const char *tri_name(enum tri t);

#endif
