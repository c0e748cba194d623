/* SPDX-License-Identifier: GPL-3.0-or-later
 * The small elements of stream negotiation, collected whole: a flat list of parts in document order. */
#include "stanza.h"
#include "xmpp.h"

void nonza_init(struct nonza *z, size_t max)
{
    memset(z, 0, sizeof *z);
    arena_init(&z->mem, 2 * max + NONZA_PARTS * sizeof *z->part);
    buf_init(&z->text, max);
}

void nonza_clear(struct nonza *z)
{
    arena_clear(&z->mem);
    buf_clear(&z->text);
    nonza_reset(z);
}

void nonza_reset(struct nonza *z)
{
    arena_reset(&z->mem);
    buf_reset(&z->text);
    z->part = NULL;
    z->n = z->depth = 0;
    z->from = z->to = z->id = z->type = z->mechanism = z->h = STR_NONE;
    z->fault = (struct fault){ NULL, GW_R_NONE, NULL, false };
}

static void spoil(struct nonza *z, const char *detail)
{
    if (!z->fault.condition)
        z->fault = (struct fault){ "policy-violation", GW_R_STREAM_LIMIT, detail, false };
}

static struct str keep(struct nonza *z, struct str s)
{
    struct str k = arena_str(&z->mem, s);
    if (!k.p)
        spoil(z, "negotiation element too large");
    return k;
}

static void attributes(struct nonza *z, const char **atts)
{
    const struct { struct str name; struct str *to; } known[] = { { STR("from"), &z->from }, { STR("to"), &z->to },
        { STR("id"), &z->id }, { STR("type"), &z->type }, { STR("mechanism"), &z->mechanism }, { STR("h"), &z->h } };
    struct xml_name a;
    for (const char **at = atts; *at; at += 2) {
        xml_name_split(at[0], &a);
        for (size_t i = 0; a.ns.n == 0 && i < sizeof known / sizeof *known; i++)
            if (str_eq(a.local, known[i].name))
                *known[i].to = keep(z, str_c(at[1]));
    }
}

void nonza_start(struct nonza *z, const struct xml_name *n, const char **atts)
{
    struct nonza_part *part;
    z->depth++;
    if (z->fault.condition)
        return;
    if (z->n == NONZA_PARTS || z->depth > NONZA_PARTS) {
        spoil(z, "negotiation element too large");
        return;
    }
    if (z->depth > 1 && str_eq(n->ns, STR(XS_NS_STREAM))) {
        spoil(z, "a stream element inside a negotiation element");
        return;
    }
    if (!z->part)
        z->part = arena_alloc(&z->mem, NONZA_PARTS * sizeof *z->part);
    if (!z->part) {
        spoil(z, "negotiation element too large");
        return;
    }
    part = &z->part[z->n++];
    part->depth = z->depth;
    part->ns = keep(z, n->ns);
    part->name = keep(z, n->local);
    part->text = buf_size(&z->text);
    part->text_n = 0;
    if (z->n == 1)
        attributes(z, atts);
}

void nonza_text(struct nonza *z, struct str text)
{
    struct nonza_part *part = z->n ? &z->part[z->n - 1] : NULL;
    if (z->fault.condition || !part || part->depth != z->depth)
        return; /* text behind a child: white space, or of no use here */
    if (buf_puts(&z->text, text) < 0)
        spoil(z, "negotiation element too large");
    else
        part->text_n += text.n;
}

void nonza_end(struct nonza *z) { z->depth--; }

bool nonza_is(const struct nonza *z, unsigned i, const char *ns, const char *name)
{
    return i < z->n && str_eq(z->part[i].ns, str_c(ns)) && str_eq(z->part[i].name, str_c(name));
}

static bool white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct str nonza_text_of(const struct nonza *z, unsigned i)
{
    struct str s = STR("");
    if (i >= z->n || z->part[i].text_n == 0)
        return s;
    s = (struct str){ (const char *)buf_data(&z->text) + z->part[i].text, z->part[i].text_n };
    while (s.n && white(s.p[0])) // NOLINT(clang-analyzer-core.NullDereference): n > 0 means that p is set
        s.p++, s.n--;
    while (s.n && white(s.p[s.n - 1]))
        s.n--;
    return s;
}
