/* SPDX-License-Identifier: GPL-3.0-or-later
 * The allow-list as it is kept: elements by name, with attributes, value forms, counts and nesting. */
#ifndef LOCKGATE_POLICY_SCHEMA_H
#define LOCKGATE_POLICY_SCHEMA_H

#include "internal.h"

/* X(name, word, what it allows) */
#define SCHEMA_FORMS(X) X(NONE, "none", "nothing, or white space, which is left out") X(ANY, "any", "any text") \
    X(NUMBER, "number", "digits, with a sign at most") X(BOOL, "boolean", "true, false, 0 or 1") X(LANG, "lang", "a language tag") \
    X(DATE, "date", "a date and time (XEP-0082)") X(JID, "jid", "an address") X(TOKEN, "token", "letters, digits and ._:/#@+=~-") \
    X(ID, "id", "printable ASCII without white space") X(BASE64, "base64", "base64") X(HEX, "hex", "hexadecimal digits") \
    X(URI, "uri", "a URI: printable ASCII without white space, with a colon") X(WORDS, "a|b|c", "one of these words")
enum schema_form {
#define X(name, word, help) FORM_##name,
    SCHEMA_FORMS(X)
#undef X
    FORM_COUNT
};
struct schema_value { enum schema_form form; size_t max; struct str *words; size_t n_words; };
struct schema_attr { struct str ns, name; struct schema_value value; };
struct schema_element {
    struct str ns, name;
    uint32_t max;  /* in one parent; 0: any number */
    bool strip;    /* what is unnamed inside is stripped; else the stanza is refused */
    bool in_error; /* stands in stanzas of type error, and there only */
    unsigned kinds; /* top level */
    struct str *types;
    size_t n_types;
    struct schema_value text;
    struct schema_attr *attrs;
    size_t n_attrs;
    struct schema_element *sub;
    size_t n_sub;
    struct schema_element *next; /* top level: with the same hash */
};
#define SCHEMA_BUCKETS 256
struct schema {
    bool strip;
    struct schema_element *top[SCHEMA_BUCKETS];
};
const struct schema_element *schema_find(const struct schema *s, enum rec_kind kind, struct str ns, struct str name);
bool schema_value_ok(const struct schema_value *v, struct str text);

#endif
