/* SPDX-License-Identifier: GPL-3.0-or-later
 * A label as people read it, and as it is written into a stanza: plain, ESS, STANAG 4774. */
#include <stdio.h>
#include <string.h>

#include "label.h"

/* ---- for people ---- */

struct line { char *p; size_t n, max; };

static void add(struct line *to, struct str s)
{
    size_t room = to->max - to->n, n = s.n < room ? s.n : room;
    if (n)
        memcpy(to->p + to->n, s.p, n);
    to->n += n;
}

size_t label_marking(const struct label *l, char *ret, size_t max)
{
    const struct label_policy *p = l->policy;
    struct line to = { ret, 0, max };
    add(&to, p->level[l->level].marking);
    for (unsigned t = 0; t < p->n_tags; t++) {
        bool first = true;
        for (unsigned i = 0; i < p->n_values; i++) {
            if (p->value[i].tag != t || !label_bit(&l->values, i))
                continue;
            add(&to, first ? p->separator : STR(","));
            if (first)
                add(&to, p->tag[t].prefix);
            add(&to, p->value[i].marking);
            first = false;
        }
    }
    while (to.n == max && to.n && ((unsigned char)ret[to.n - 1] & 0x80)) /* cut on a whole character */
        to.n--;
    return to.n;
}

/* White space as one blank, none at the ends, ASCII letters small: what a reader does not tell apart. */
static size_t fold(struct str s, char *to, size_t max)
{
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            gap = n > 0;
            continue;
        }
        if (n + 2 > max)
            return SIZE_MAX;
        if (gap)
            to[n++] = ' ';
        gap = false;
        to[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    return n;
}

#define MARKING_MAX 4096

bool label_marking_is(const struct label *l, struct str text)
{
    char want[MARKING_MAX], a[MARKING_MAX], b[MARKING_MAX];
    size_t w = label_marking(l, want, sizeof want - 2), n = fold((struct str){ want, w }, a, sizeof a), m = fold(text, b, sizeof b);
    return n != SIZE_MAX && m != SIZE_MAX && str_eq((struct str){ a, n }, (struct str){ b, m });
}

/* ---- what the first line says ---- */

/* The first line that is not blank, without brackets and rules around it. */
static struct str first_line(struct str s)
{
    static const char around[] = " \t\r\n[]()<>{}*=_#-";
    while (s.n && *s.p && strchr(around, *s.p))
        s = (struct str){ s.p + 1, s.n - 1 };
    const char *end = memchr(s.p ? s.p : "", '\n', s.n);
    if (end)
        s.n = (size_t)(end - s.p);
    while (s.n && s.p[s.n - 1] && strchr(around, s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Does the line begin with this name as a marking: in its own spelling, and then its end or something that parts markings? */
static bool begins(struct str line, struct str name)
{
    if (!name.n || line.n < name.n || memcmp(line.p, name.p, name.n) != 0)
        return false;
    return line.n == name.n || strchr("/:;,)]|-", line.p[name.n]);
}

bool label_text_lies(const struct labels *all, const struct label *l, struct str text)
{
    struct str line = first_line(text);
    char marking[MARKING_MAX];
    size_t longest = 0;
    bool agrees = false;
    if (l->policy) {
        struct str own = { marking, label_marking(l, marking, sizeof marking) };
        if (begins(line, own))
            return false;
    }
    for (const struct label_policy *p = all->policies; p; p = p->next) {
        struct label there;
        bool same = label_translate(l, p, &there);
        for (unsigned i = 0; i < p->n_levels; i++) {
            struct str name = begins(line, p->level[i].marking) ? p->level[i].marking : p->level[i].name;
            if (!begins(line, name) || name.n < longest)
                continue;
            agrees = (same && there.level == i) || (name.n == longest && agrees); /* two policies may use one word */
            longest = name.n;
        }
    }
    return longest && !agrees;
}

/* ---- into a stanza ---- */

static int leaf(struct rec *to, struct str ns, struct str name, struct str text)
{
    int rc = rec_open(to, ns, name);
    if (!rc && text.n)
        rc = rec_text(to, text);
    return rc ? rc : rec_close(to);
}

static int write_plain(struct rec *to, const struct label *l)
{
    const struct label_policy *p = l->policy;
    struct str ns = STR(NS_LABEL_PLAIN);
    int rc = rec_open(to, ns, STR("plain"));
    if (!rc)
        rc = rec_attr_add(to, STR_NONE, STR("classification"), p->level[l->level].name);
    if (!rc)
        rc = rec_attr_add(to, STR_NONE, STR("policy"), p->name);
    for (unsigned i = 0; i < p->n_values && !rc; i++) {
        if (!label_bit(&l->values, i))
            continue;
        rc = rec_open(to, ns, STR("category"));
        if (!rc)
            rc = rec_attr_add(to, STR_NONE, STR("tag"), p->tag[p->value[i].tag].name);
        if (!rc)
            rc = rec_text(to, p->value[i].name);
        if (!rc)
            rc = rec_close(to);
    }
    return rc ? rc : rec_close(to);
}

static int write_stanag_tag(struct rec *to, const struct label *l, unsigned t)
{
    static const char *const words[] = { "RESTRICTIVE", "PERMISSIVE", "INFORMATIVE" };
    const struct label_policy *p = l->policy;
    struct str ns = STR(NS_LABEL_STANAG);
    bool open = false;
    int rc = 0;
    for (unsigned i = 0; i < p->n_values && !rc; i++) {
        if (p->value[i].tag != t || !label_bit(&l->values, i))
            continue;
        if (!open)
            rc = rec_open(to, ns, STR("Category"));
        if (!rc && !open)
            rc = rec_attr_add(to, STR_NONE, STR("TagName"), p->tag[t].name);
        if (!rc && !open)
            rc = rec_attr_add(to, STR_NONE, STR("Type"), str_c(words[p->tag[t].type]));
        open = true;
        if (!rc)
            rc = leaf(to, ns, STR("GenericValue"), p->value[i].name);
    }
    return rc || !open ? rc : rec_close(to);
}

static int write_stanag(struct rec *to, const struct label *l)
{
    const struct label_policy *p = l->policy;
    struct str ns = STR(NS_LABEL_STANAG);
    int rc = rec_open(to, ns, STR("originatorConfidentialityLabel"));
    if (!rc)
        rc = rec_open(to, ns, STR("ConfidentialityInformation"));
    if (!rc)
        rc = rec_open(to, ns, STR("PolicyIdentifier"));
    if (!rc && p->uri.n)
        rc = rec_attr_add(to, STR_NONE, STR("URI"), p->uri);
    if (!rc)
        rc = rec_text(to, p->name);
    if (!rc)
        rc = rec_close(to);
    if (!rc)
        rc = leaf(to, ns, STR("Classification"), p->level[l->level].name);
    for (unsigned t = 0; t < p->n_tags && !rc; t++)
        rc = write_stanag_tag(to, l, t);
    if (!rc)
        rc = rec_close(to);
    return rc ? rc : rec_close(to);
}

static int write_ess(struct rec *to, const struct label *l)
{
    char text[4096];
    int rc = label_ess_write(l, text, sizeof text);
    return rc ? rc : leaf(to, STR(NS_LABEL_ESS), STR("esssecuritylabel"), str_c(text));
}

int label_write(struct rec *to, const struct label *l, enum label_form form)
{
    const struct label_level *level = &l->policy->level[l->level];
    struct str ns = STR(NS_LABEL);
    char marking[MARKING_MAX];
    int rc = rec_open(to, ns, STR("securitylabel"));
    if (!rc)
        rc = rec_open(to, ns, STR("displaymarking"));
    if (!rc && level->bgcolor.n)
        rc = rec_attr_add(to, STR_NONE, STR("bgcolor"), level->bgcolor);
    if (!rc && level->fgcolor.n)
        rc = rec_attr_add(to, STR_NONE, STR("fgcolor"), level->fgcolor);
    if (!rc)
        rc = rec_text(to, (struct str){ marking, label_marking(l, marking, sizeof marking) });
    if (!rc)
        rc = rec_close(to);
    if (!rc)
        rc = rec_open(to, ns, STR("label"));
    if (!rc)
        rc = form == LABEL_ESS ? write_ess(to, l) : form == LABEL_STANAG ? write_stanag(to, l) : write_plain(to, l);
    if (!rc)
        rc = rec_close(to);
    return rc ? rc : rec_close(to);
}
