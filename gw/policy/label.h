/* SPDX-License-Identifier: GPL-3.0-or-later
 * Security labels: policies, labels, clearances as they are kept, and the pure decision over them (XEP-0258, XEP-0314, X.841). */
#ifndef LOCKGATE_POLICY_LABEL_H
#define LOCKGATE_POLICY_LABEL_H

#include "internal.h"

#define NS_LABEL "urn:xmpp:sec-label:0"
#define NS_LABEL_FAMILY "urn:xmpp:sec-label:"
#define NS_LABEL_ESS "urn:xmpp:sec-label:ess:0"
#define NS_LABEL_PLAIN "urn:lockgate:label:0"
#define NS_LABEL_STANAG "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
#define NS_LABEL_PUBSUB "urn:xmpp:sec-label:pubsub:0"
#define NS_LABEL_CATALOG "urn:xmpp:sec-label:catalog:2"

#define LABEL_LEVELS_MAX 64
#define LABEL_TAGS_MAX 32
#define LABEL_VALUES_MAX 256 /* category values of one policy */
#define LABEL_POLICIES_MAX 16
#define LABEL_NO_MAP 0xffff

/* ---- policies ---- */
struct label_bits { uint64_t w[LABEL_VALUES_MAX / 64]; };
/* Restrictive: who reads needs each of them. Permissive: one of those named in the same tag. Informative: nobody needs any. */
enum label_type { LABEL_RESTRICTIVE, LABEL_PERMISSIVE, LABEL_INFORMATIVE };
enum label_form { LABEL_PLAIN, LABEL_ESS, LABEL_STANAG, LABEL_AS_CAME };
struct label_level { struct str name, marking, fgcolor, bgcolor; int64_t number; bool unstated; };
struct label_tag {
    struct str name, prefix, oid; /* oid: the contents of its DER encoding */
    enum label_type type;
    bool enumerated; /* how ESS writes it: numbers, or else bits */
    struct label_bits values;
};
struct label_value { struct str name, marking; int64_t number; unsigned tag; };
struct label_map {
    const struct label_policy *to;
    uint16_t level[LABEL_LEVELS_MAX], value[LABEL_VALUES_MAX]; /* LABEL_NO_MAP: nothing there says the same */
};
struct label_policy {
    struct label_policy *next;
    struct str name, uri, oid, separator;
    struct label_level level[LABEL_LEVELS_MAX];
    struct label_tag tag[LABEL_TAGS_MAX];
    struct label_value value[LABEL_VALUES_MAX];
    unsigned n_levels, n_tags, n_values;
    struct label_map *maps;
    size_t n_maps;
    const void *conf; /* as read, while the files are being read */
    const char *file;
    unsigned line;
};

/* ---- labels and clearances ---- */
struct label { const struct label_policy *policy; unsigned level; struct label_bits values; }; /* policy NULL: nil */
struct label_clearance { const struct label_policy *policy; uint64_t levels; struct label_bits values; };
/* All clearances of one party, at most one in each policy; none at all: nil. */
struct label_subject { const struct label_clearance *v[LABEL_POLICIES_MAX]; size_t n; };

struct label_holder {
    struct addr_pattern *who;
    size_t n_who;
    const struct pol_list **lists;
    size_t n_lists;
    struct label_clearance clearance;
    const char *file;
    unsigned line;
};
struct label_default {
    struct addr_pattern *room, *from;
    size_t n_room, n_from;
    struct label label;
    const char *file;
    unsigned line;
};
/* Two domains between which labels are enforced, with what the way between them is cleared for. */
struct label_pair {
    struct addr_pattern a, b;
    struct label_clearance *clearances;
    size_t n_clearances;
    bool withhold; /* items above are left out; else the stanza is refused */
    const char *file;
    unsigned line;
};
struct labels {
    struct label_policy *policies;
    struct label_holder *holders;
    struct label_default *defaults;
    struct label_pair *pairs;
    size_t n_holders, n_defaults, n_pairs;
};

/* label_acdf.c: the access decision function; nothing in it looks at a stanza */
static inline bool label_bit(const struct label_bits *b, unsigned i) { return b->w[i / 64] >> (i % 64) & 1; }
static inline void label_bit_set(struct label_bits *b, unsigned i) { b->w[i / 64] |= (uint64_t)1 << (i % 64); }
bool label_equal(const struct label *a, const struct label *b);
/* Does this clearance, which is of the label's policy, grant? ret_why (may be NULL): the first thing that is missing. */
bool label_grants(const struct label_clearance *c, const struct label *l, const char **ret_why);
/* The label that says the same in policy `to`. False: there is none. Informative values that have no equivalent are left out. */
bool label_translate(const struct label *l, const struct label_policy *to, struct label *ret);
/* The whole decision for one party: a clearance in the label's own policy decides; else all clearances decide in whose policy the label
 * can be said, at least one. Nil label or nil clearance: no. */
bool label_admits(const struct label_subject *s, const struct label *l, const char **ret_why);

/* label_load.c, label_who.c */
int labels_load(struct pol_load *l, const struct conf_strings *names, struct labels **ret);
struct label_policy *label_policy_find(const struct labels *all, struct str name);
/* "Tag/VALUE" (or "Tag/" and a star: all of it) of a policy, added to ret. Mistakes are noted at file:line. */
int label_read_values(struct pol_load *l, const struct label_policy *p, const struct conf_strings *v, const char *file, unsigned line, bool star,
    struct label_bits *ret);
int label_read_level(struct pol_load *l, const struct label_policy *p, const char *name, const char *file, unsigned line, unsigned *ret);
int label_read_policy(struct pol_load *l, const struct labels *all, const char *name, const char *file, unsigned line,
    const struct label_policy **ret);
/* The first entry of each policy that names the address holds. */
void label_subject_of(const struct labels *all, struct str jid, struct label_subject *ret);
const struct label_pair *label_pair_of(const struct labels *all, struct str from_domain, struct str to_domain);
const struct label *label_default_of(const struct labels *all, const struct rec *r);
void label_lint(const struct policy *p, struct conf_errors *errs);

/* label_der.c: ESSSecurityLabel (RFC 2634 section 3.2), DER only */
int label_oid(const char *dotted, unsigned char *ret, size_t max, size_t *ret_n) GW_MUST_CHECK; /* SYNTAX */
enum label_found { LABEL_READ, LABEL_EMPTY, LABEL_FOREIGN, LABEL_BAD };
/* base64: the element's text. ret_why: LABEL_BAD, a constant sentence. */
enum label_found label_ess_read(const struct labels *all, struct str base64, struct label *ret, const char **ret_why);
/* Base64 with a NUL. LIMIT; SYNTAX: the policy has no numbers for it. */
int label_ess_write(const struct label *l, char *ret, size_t max) GW_MUST_CHECK;

/* label_read.c: what stands in a stanza */
#define LABEL_UNITS_MAX 256
enum label_place { LABEL_OWN, LABEL_COPY, LABEL_ITEM, LABEL_OFFER, LABEL_DEFAULT };
struct label_unit {
    enum label_place place;
    uint32_t node, holder; /* the securitylabel; what is withheld with it (an item, a forwarded copy), or REC_NONE */
    struct label label;    /* policy NULL: nil */
    enum label_form form;
    bool empty;            /* <label/>: the default is meant */
    struct str marking;    /* what people are shown, as it came; none, or of a policy not known: empty */
    bool sender_denied, above, withheld;
    const char *who, *why; /* above: whose clearance lacks what */
};
/* All labels of a stanza, at most max. False: *ret_why, a label is unreadable, doubled, contradictory, or stands where none may. */
bool label_units(const struct labels *all, const struct rec *r, struct label_unit *v, size_t max, size_t *ret_n, const char **ret_why);
/* One securitylabel element. EMPTY, READ (ret->label), BAD; FOREIGN: neither it nor an equivalent is of a known policy. */
enum label_found label_element(const struct labels *all, const struct rec *r, uint32_t node, struct label_unit *ret, const char **ret_why);

/* label_write.c */
/* "SECRET/CRYPTO/REL TO MER": the display marking. Cut at max. */
size_t label_marking(const struct label *l, char *ret, size_t max);
bool label_marking_is(const struct label *l, struct str text);
/* Does the first line of a text name a classification, and another than the label's? l->policy NULL: any that it names. */
bool label_text_lies(const struct labels *all, const struct label *l, struct str text);
/* The whole securitylabel element, into a record under construction. */
int label_write(struct rec *to, const struct label *l, enum label_form form) GW_MUST_CHECK;

/* label_judge.c: the labels of the stanza under judgement */
struct label_state {
    const struct label_pair *pair; /* NULL: labels are not enforced between these domains */
    bool invalid, is_error;        /* an error carries none and is not judged */
    const char *why;               /* invalid */
    struct label_unit *v;
    size_t n, own;                 /* v[own]: the effective label of the stanza itself */
    bool by_default, has_own;      /* has_own: a label of its own that is not empty */
    struct label_subject sender, recipient, channel;
    struct label_subject *others;  /* further recipients */
    size_t n_others;
};
/* Reads the labels of e->in, decides, and withholds from e->rec what the pair says. Before the allow-list. False: no memory. */
bool label_begin(struct pol_eval *e);
/* Decides again with the further recipients that the stanza carries. False: no memory. */
bool label_parties(struct pol_eval *e);
/* What a release would break of the label policy; GW_R_NONE: nothing. */
enum gw_reason label_refusal(const struct pol_eval *e);
/* Has something been left out of what came? */
bool label_withheld(const struct pol_eval *e);
/* Decides again for recipient and channel: labels have changed. The sender is judged by the label that came. */
void label_rejudge(struct pol_eval *e);
/* Is the label that it came with, or was given, still on it? True when it has none of its own. */
bool label_leaves(const struct pol_eval *e);
/* "MERIDIAN: SECRET/CRYPTO" of the stanza itself, for the journal and the scanner. */
struct str label_text(struct pol_eval *e, bool with_policy);

/* label_catalog.c: catalogue requests (XEP-0258 section 4) */
bool label_catalog_asked(const struct rec *r);
enum pol_step label_catalog_answer(struct pol_eval *e);

/* label_disco.c: labels in answers of service discovery (XEP-0258 section 3) */
/* Is var a feature of labels that nothing here keeps: no label policies, or no rule that answers for a catalogue? */
bool label_disco_hides(const struct policy *p, struct str var);
/* A domain between which and the asker labels are enforced has their features, because the gateway sees to both. query: of e->rec, an
 * answer. False: failed, refuse. */
bool label_disco_add(struct pol_eval *e, uint32_t query);

/* label_action.c: the action relabel */
/* Why not every label of this policy can be written as ESS; NULL: all can. */
const char *label_no_ess(const struct label_policy *p);
struct label_change {
    const struct label_policy *policy; /* NULL: the policy that it has */
    bool set;                          /* give it `label`; else say the same in `policy` */
    struct label label;
    enum label_form form;
    bool first_line;
};
int label_change_read(struct pol_load *l, const config_setting_t *s, struct label_change **ret);
/* False: it cannot be done; *ret_why */
bool label_change_do(struct pol_eval *e, const struct label_change *c, const char **ret_why);

#endif
