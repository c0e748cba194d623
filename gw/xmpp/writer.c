/* SPDX-License-Identifier: GPL-3.0-or-later
 * The one normal form of XML that leaves the gateway: escapes, attributes, whole records. */
#include "writer.h"

#include "plain.h"
#include "stanza.h"
#include "xmpp.h"

void xw_begin(struct xw *w, struct buf *b)
{
    w->b = b;
    w->start = buf_size(b);
    w->err = 0;
}

int xw_end(struct xw *w)
{
    if (w->err < 0)
        w->b->len = w->b->off + w->start;
    return w->err;
}

void xw_put(struct xw *w, const char *p, size_t n)
{
    if (w->err == 0 && n > 0)
        w->err = buf_put(w->b, p, n);
}

static void put_str(struct xw *w, struct str s) { xw_put(w, s.p, s.n); }

/* What is written instead of a byte; NULL: the byte itself. White space other than the space goes by reference: a literal CR
 * would come out as LF, and any of them in a value as a space (XML 1.0 sections 2.11 and 3.3.3). */
static const char *const escapes[128] = { ['\t'] = "&#9;", ['\n'] = "&#10;", ['\r'] = "&#13;", ['&'] = "&amp;", ['<'] = "&lt;",
    ['>'] = "&gt;", ['\''] = "&apos;", ['"'] = "&quot;" };

static void put_escaped(struct xw *w, struct str s, bool quotes)
{
    size_t from = 0, look = 0; /* look: where to try sixteen at once again */
    for (size_t i = 0; i < s.n; i++) {
        if (i >= look) {
            i += plain_run(s.p + i, s.n - i);
            look = i + 16;
            if (i == s.n)
                break;
        }
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 128 || !escapes[c] || (!quotes && (c == '\'' || c == '"')))
            continue;
        xw_put(w, s.p + from, i - from);
        xw_raw(w, escapes[c]);
        from = i + 1;
    }
    if (from < s.n) /* an empty string may be no string at all */
        xw_put(w, s.p + from, s.n - from);
}

void xw_text(struct xw *w, struct str s) { put_escaped(w, s, false); }

void xw_attr(struct xw *w, const char *name, struct str value)
{
    if (!value.p)
        return;
    xw_raw(w, " ");
    xw_raw(w, name);
    xw_raw(w, "='");
    put_escaped(w, value, true);
    xw_raw(w, "'");
}

/* ---- records ---- */

static void put_number(struct xw *w, unsigned n)
{
    char digits[12];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    xw_put(w, digits + at, sizeof digits - at);
}

static void put_value(struct xw *w, struct str value)
{
    xw_raw(w, "='");
    put_escaped(w, value, true);
    xw_raw(w, "'");
}

/* An attribute in a namespace cannot do without a prefix: the n-th such namespace of an element is "an", n from 1, declared there. */
static void attributes(struct xw *w, const struct rec *r, const struct rec_node *node)
{
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        const struct rec_attr *a = &r->attrs[node->first_attr + i];
        unsigned prefix = 0;
        if (a->ns.n == 0) {
            xw_raw(w, " ");
        } else if (str_eq(a->ns, STR(NS_XML))) {
            xw_raw(w, " xml:");
        } else {
            bool first = true;
            for (uint32_t j = 0; j <= i; j++) { /* count distinct namespaces up to this one; attributes of an element are few */
                const struct rec_attr *b = &r->attrs[node->first_attr + j];
                bool seen = b->ns.n == 0 || str_eq(b->ns, STR(NS_XML));
                for (uint32_t k = 0; k < j && !seen; k++)
                    seen = str_eq(r->attrs[node->first_attr + k].ns, b->ns);
                if (str_eq(b->ns, a->ns) && j < i)
                    first = false;
                if (!seen)
                    prefix++;
                if (str_eq(b->ns, a->ns))
                    break;
            }
            if (first) {
                xw_raw(w, " xmlns:a");
                put_number(w, prefix);
                put_value(w, a->ns);
            }
            xw_raw(w, " a");
            put_number(w, prefix);
            xw_raw(w, ":");
        }
        put_str(w, a->name);
        put_value(w, a->value);
    }
}

static void open_tag(struct xw *w, const struct rec *r, uint32_t i, struct str scope)
{
    const struct rec_node *node = &r->nodes[i];
    xw_raw(w, "<");
    put_str(w, node->name);
    if (!str_eq(node->ns, scope)) {
        xw_raw(w, " xmlns");
        put_value(w, node->ns);
    }
    if (i == 0) {
        xw_attr(w, "from", r->from);
        xw_attr(w, "to", r->to);
        xw_attr(w, "id", r->id);
        xw_attr(w, "type", r->type);
        xw_attr(w, "xml:lang", r->lang);
    }
    attributes(w, r, node);
    xw_raw(w, node->first_child == REC_NONE ? "/>" : ">");
}

static void close_tag(struct xw *w, const struct rec_node *node)
{
    xw_raw(w, "</");
    put_str(w, node->name);
    xw_raw(w, ">");
}

/* No recursion: the tree is as deep as a hostile record may be, so the way up goes by the parent's number. */
int xs_serialise(const struct rec *r, bool alone, struct buf *out)
{
    struct xw w;
    uint32_t i = 0;
    xw_begin(&w, out);
    while (r->n_nodes > 0) {
        const struct rec_node *node = &r->nodes[i];
        if (node->is_text)
            xw_text(&w, node->text);
        else
            open_tag(&w, r, i, i ? r->nodes[node->parent].ns : alone ? STR("") : STR(XS_NS_SERVER));
        if (!node->is_text && node->first_child != REC_NONE) {
            i = node->first_child;
            continue;
        }
        while (i != 0 && r->nodes[i].next == REC_NONE) {
            i = r->nodes[i].parent;
            close_tag(&w, &r->nodes[i]);
        }
        if (i == 0 || w.err < 0)
            break;
        i = r->nodes[i].next;
    }
    return xw_end(&w);
}
