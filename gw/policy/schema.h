/* SPDX-License-Identifier: GPL-3.0-or-later
 * The allow-list as it is kept: elements by name, with attributes, value forms, counts and nesting. */
#ifndef LOCKGATE_POLICY_SCHEMA_H
#define LOCKGATE_POLICY_SCHEMA_H

#include "internal.h"

/* X(name, word, what it allows) */
#define SCHEMA_FORMS(X) X(NONE, "none", "nothing, or white space, which is left out") X(ANY, "any", "any text") \
    X(NUMBER, "number", "digits, with a sign at most") X(BYTE, "byte", "a number from -128 to 127") X(DECIMAL, "decimal", "digits with a point at most") X(BOOL, "boolean", "true, false, 0 or 1") X(LANG, "lang", "a language tag") \
    X(DATE, "date", "a date and time (XEP-0082)") X(JID, "jid", "an address") \
    X(OWN, "own", "an address in the domain of the stanza's sender") X(TOKEN, "token", "letters, digits and ._:/#@+=~-") \
    X(ID, "id", "printable ASCII without white space") X(BASE64, "base64", "base64") X(HEX, "hex", "hexadecimal digits") \
    X(URI, "uri", "a URI: printable ASCII without white space, with a colon") \
    X(LIST, "@name", "stands in rules/lists/name.list") X(WORDS, "a|b|c", "one of these words")
enum schema_form {
#define X(name, word, help) FORM_##name,
    SCHEMA_FORMS(X)
#undef X
    FORM_COUNT
};
struct schema_value { enum schema_form form; size_t max; struct str *words; size_t n_words; const struct pol_list *list; };
/* An attribute of another form is left out ("name"); or the whole element is another one ("name?", "name!": it must be there, too). */
enum schema_need { NEED_NOT, NEED_RIGHT, NEED_THERE };
struct schema_attr { struct str ns, name; enum schema_need need; struct schema_value value; };
struct schema_element {
    struct str ns, name;
    uint32_t min, max; /* in one parent; max 0: any number */
    uint32_t choice; /* min and max are those of its whole list, in which so many names stand before it; else 0 */
    bool strip;    /* what is unnamed inside is stripped; else the stanza is refused */
    bool filled;   /* at least one child is left, or the element is none */
    bool stanza;   /* a forwarded message: inside stands what may stand in a message */
    bool shared;   /* profiles that name it add up */
    bool in_error; /* stands in stanzas of type error, and there only */
    unsigned kinds; /* top level */
    struct str *types;
    size_t n_types;
    struct schema_value text;
    struct schema_attr *attrs;
    size_t n_attrs;
    struct str form_type;  /* jabber:x:data: only forms of this FORM_TYPE (XEP-0068) */
    const struct schema_element **sub; /* its children, those of the groups that it uses among them */
    size_t n_sub;
    struct conf_strings use;
    const struct schema_groups *groups; /* of its profile */
    struct schema_element *own; /* children that stand in its own list */
    size_t n_own;
    const char *file;
    unsigned line;
    struct schema_element *more; /* shared: what another profile says of it */
    struct schema_element *next; /* top level: with the same hash, in the order of the files */
    struct schema_element *all;  /* every element of the schema */
};
struct schema_features { struct conf_strings list; struct schema_features *next; }; /* names without a namespace in the schema; "NAME*" */
#define SCHEMA_BUCKETS 256
struct schema {
    bool strip;
    struct schema_element *top[SCHEMA_BUCKETS];
    struct schema_element *all;
    struct schema_features *features;
};
/* The first element of that name at the top, and the next one; they may differ in what they need (attributes, type, form). */
const struct schema_element *schema_find(const struct schema *s, enum rec_kind kind, struct str ns, struct str name);
const struct schema_element *schema_again(const struct schema_element *e, enum rec_kind kind);

/* ---- schema_value.c ---- */
bool schema_value_ok(const struct schema_value *v, const struct rec *r, struct str text);
/* "token", "any:1023", "get|set", "=word", "@list" */
int schema_value_parse(struct pol_load *l, const config_setting_t *s, struct str text, struct schema_value *ret);
int schema_attr_parse(struct pol_load *l, const config_setting_t *s, const char *text, struct schema_attr *ret);

#endif
