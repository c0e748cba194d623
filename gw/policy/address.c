/* SPDX-License-Identifier: GPL-3.0-or-later
 * Addresses in rules and lists, and lists of them in files of their own: loaded once, looked up in constant time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "jid.h"
#include "utf8.h"

int addr_parse(struct arena *a, struct str s, struct addr_pattern *ret)
{
    struct jid j;
    enum addr_form form = ADDR_FULL;
    if (s.n > 2 && s.p[0] == '*' && (s.p[1] == '@' || s.p[1] == '.')) {
        form = s.p[1] == '@' ? ADDR_ANYBODY : ADDR_BELOW;
        s = (struct str){ s.p + 2, s.n - 2 };
    }
    int rc = jid_prepare(s, &j);
    if (rc)
        return rc;
    if (form != ADDR_FULL && (j.local.n || j.resource.n))
        return GW_ERR(SYNTAX);
    if (form == ADDR_FULL && !j.resource.n)
        form = j.local.n ? ADDR_BARE : ADDR_DOMAIN;
    ret->form = form;
    ret->text = arena_str(a, j.full);
    return ret->text.p ? 0 : GW_ERR(NOMEM);
}

struct parts { struct str full, bare, domain; bool local; };

static struct parts split(struct str jid)
{
    struct str local, domain, resource;
    jid_split(jid, &local, &domain, &resource);
    return (struct parts){ jid, { jid.p, (size_t)(domain.p + domain.n - jid.p) }, domain, local.n > 0 };
}

static bool below(struct str domain, struct str parent)
{
    return domain.n > parent.n && domain.p[domain.n - parent.n - 1] == '.' &&
        !memcmp(domain.p + domain.n - parent.n, parent.p, parent.n);
}

bool addr_match(const struct addr_pattern *p, struct str jid)
{
    struct parts j = split(jid);
    switch (p->form) {
    case ADDR_FULL:
        return str_eq(p->text, j.full);
    case ADDR_BARE:
        return str_eq(p->text, j.bare);
    case ADDR_DOMAIN:
        return str_eq(p->text, j.domain);
    case ADDR_ANYBODY:
        return j.local && str_eq(p->text, j.domain);
    case ADDR_BELOW:
        return below(j.domain, p->text);
    }
    return false;
}

/* ---- lists ---- */

/* Entries lie one behind the other in text; the table holds offset + 1 of each, at the place that its hash says. */
struct pol_list {
    struct pol_list *next;
    struct str name;
    bool addresses, has_below;
    char *text;
    size_t text_n, text_cap, n, mask;
    struct slot { uint32_t at, n; uint64_t hash; } *slots;
};

struct str list_name(const struct pol_list *l) { return l->name; }
const struct pol_list *list_next(const struct pol_list *l) { return l->next; }
size_t list_size(const struct pol_list *l) { return l->n; }

/* Forms share one table: a tag in front keeps "domain" and "*@domain" apart. */
static uint64_t hash_of(char form, struct str s)
{
    char b[JID_MAX + 1] GW_UNSET;
    if (s.n > JID_MAX)
        return 0;
    b[0] = form;
    memcpy(b + 1, s.p, s.n);
    return siphash(siphash_process_key(), b, s.n + 1);
}

static bool has(const struct pol_list *l, char form, struct str s)
{
    if (!l->slots || s.n > JID_MAX)
        return false;
    uint64_t h = hash_of(form, s);
    for (size_t i = h & l->mask;; i = (i + 1) & l->mask) {
        const struct slot *t = &l->slots[i];
        if (!t->at)
            return false;
        if (t->hash == h && t->n == s.n && l->text[t->at - 1] == form && !memcmp(l->text + t->at, s.p, s.n))
            return true;
    }
}

static bool grow_table(struct pol_list *l)
{
    size_t size = l->slots ? (l->mask + 1) * 2 : 64;
    struct slot *old = l->slots, *v = calloc(size, sizeof *v);
    if (!v)
        return false;
    for (size_t i = 0; old && i <= l->mask; i++) {
        if (!old[i].at)
            continue;
        size_t k = old[i].hash & (size - 1);
        while (v[k].at)
            k = (k + 1) & (size - 1);
        v[k] = old[i];
    }
    free(old);
    l->slots = v;
    l->mask = size - 1;
    return true;
}

/* 0, EXIST, NOMEM, LIMIT */
static int insert(struct pol_list *l, char form, struct str s)
{
    if (has(l, form, s))
        return GW_ERR(EXIST);
    if ((!l->slots || l->n * 2 > l->mask) && !grow_table(l))
        return GW_ERR(NOMEM);
    if (l->text_n + s.n + 1 > l->text_cap) {
        size_t cap = l->text_cap ? l->text_cap * 2 : 4096;
        while (cap < l->text_n + s.n + 1)
            cap *= 2;
        char *p = cap < UINT32_MAX ? realloc(l->text, cap) : NULL;
        if (!p)
            return GW_ERR(NOMEM);
        l->text = p;
        l->text_cap = cap;
    }
    uint64_t h = hash_of(form, s);
    size_t k = h & l->mask;
    while (l->slots[k].at)
        k = (k + 1) & l->mask;
    l->slots[k] = (struct slot){ (uint32_t)l->text_n + 1, (uint32_t)s.n, h };
    l->text[l->text_n] = form;
    memcpy(l->text + l->text_n + 1, s.p, s.n);
    l->text_n += s.n + 1;
    l->n++;
    return 0;
}

static const char form_tag[] = { 'f', 'b', 'd', 'a', 'w' };

static int add_line(struct pol_list *l, struct str s, struct arena *scratch)
{
    if (!l->addresses)
        return s.n <= JID_MAX ? insert(l, 't', s) : GW_ERR(LIMIT);
    struct addr_pattern a;
    arena_reset(scratch);
    int rc = addr_parse(scratch, s, &a);
    if (rc)
        return rc;
    l->has_below |= a.form == ADDR_BELOW;
    return insert(l, form_tag[a.form], a.text);
}

static int read_list(struct pol_load *l, struct pol_list *to, FILE *f, const char *path)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = 0;
    struct arena scratch;
    arena_init(&scratch, 65536);
    for (unsigned no = 1; (n = getline(&line, &cap, f)) >= 0; no++) {
        struct str s = { line, (size_t)n };
        const char *hash = memchr(s.p, '#', s.n);
        if (hash && (hash == s.p || hash[-1] == ' ' || hash[-1] == '\t'))
            s.n = (size_t)(hash - s.p);
        while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
            s.n--;
        while (s.n && strchr(" \t", *s.p))
            s = (struct str){ s.p + 1, s.n - 1 };
        if (!s.n)
            continue;
        int r = utf8_xml(s) ? add_line(to, s, &scratch) : GW_ERR(SYNTAX);
        if (r == GW_ERR(EXIST)) {
            conf_error_add(l->errs, CONF_WARNING, path, no, "\"%.*s\" stands in this list already", STR_ARG(s));
        } else if (r == GW_ERR(NOMEM)) {
            rc = r;
            break;
        } else if (r) {
            conf_error_add(l->errs, CONF_ERROR, path, no, "\"%.*s\" is no address; allowed are user@domain/resource, user@domain, domain, "
                "*@domain, *.domain, and comments behind #", STR_ARG(s));
            rc = GW_ERR(CONF);
        }
    }
    arena_clear(&scratch);
    free(line);
    return rc;
}

int list_load(struct pol_load *l, struct str name, bool addresses, const config_setting_t *where, const struct pol_list **ret)
{
    char path[4096];
    for (struct pol_list *p = l->p->lists; p; p = p->next)
        if (str_eq(p->name, name) && p->addresses == addresses) {
            *ret = p;
            return 0;
        }
    for (size_t i = 0; i < name.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", name.p[i]) || (name.p[i] == '.' && !i))
            return load_error(l, where, "\"%.*s\" is no name of a list; allowed are letters, digits, - _ .", STR_ARG(name));
    snprintf(path, sizeof path, "%s/lists/%.*s.list", l->p->dir, STR_ARG(name));
    FILE *f = fopen(path, "re");
    if (!f)
        return load_error(l, where, "there is no list \"%.*s\": %s: %s", STR_ARG(name), path, strerror(errno));
    struct pol_list *p = calloc(1, sizeof *p);
    int rc = GW_ERR(NOMEM);
    if (p) {
        *p = (struct pol_list){ .next = l->p->lists, .name = name, .addresses = addresses };
        l->p->lists = p;
        rc = read_list(l, p, f, path);
    }
    fclose(f);
    if (!rc)
        *ret = p;
    return rc;
}

bool list_has_address(const struct pol_list *l, struct str jid)
{
    struct parts j = split(jid);
    if (has(l, 'f', j.full) || has(l, 'd', j.domain) || (j.local && (has(l, 'b', j.bare) || has(l, 'a', j.domain))))
        return true;
    for (size_t i = 0; l->has_below && i < j.domain.n; i++)
        if (j.domain.p[i] == '.' && has(l, 'w', (struct str){ j.domain.p + i + 1, j.domain.n - i - 1 }))
            return true;
    return false;
}

bool list_has(const struct pol_list *l, struct str text) { return has(l, 't', text); }

void list_free_all(struct pol_list *p)
{
    while (p) {
        struct pol_list *next = p->next;
        free(p->text);
        free(p->slots);
        free(p);
        p = next;
    }
}
