/* SPDX-License-Identifier: GPL-3.0-or-later
 * Makes the gate in front of a set of rules: what each rule demands of a text, what its strings need, and the parts in which they
 * are compiled. That nothing is missed rests on three things: what a condition demands (yara_text.c); a literal string, the pieces that
 * every match of a regular expression holds, or those by which libyara itself looks for a string, taken from its own automaton; and a
 * comparison of the parts with the whole. libyara's own pieces are four bytes at most, and stand in much ordinary text. */
#include <stddef.h>
#include <stdlib.h>
#include <yara/ahocorasick.h>

#include "dlp_factor.h"
#include "yara_set.h"

#define PART_RULES 16u   /* rules of a part at least */
#define PARTS_MAX 128u
#define ALWAYS UINT32_MAX

/* What is known about one rule of the set, in the set's order. */
struct known { YR_RULE *rule; struct yara_source *source; const struct yara_rule_text *text; size_t leader; uint32_t part; bool gated; };
struct making {
    struct yara_set *s;
    const char *folder;
    struct known *rules;
    size_t n;
    uint8_t *shortest; /* of each string that is no literal: its shortest piece; 0: it has to be looked for everywhere */
    uint32_t *owner;   /* of each string: the part that it opens; ALWAYS: none */
    struct factors **held; /* of each string that is an expression: pieces of its matches, or NULL */
    bool lost;         /* the parts do not come out like the whole */
};

void yara_gate_clear(struct yara_gate *g)
{
    for (size_t i = 0; i < g->n_parts; i++)
        yara_part_close(&g->parts[i]);
    yara_part_close(&g->always);
    free(g->parts);
    free(g->wanted);
    free(g->heads);
    atoms_clear(&g->atoms);
    *g = (struct yara_gate){ 0 };
    atoms_init(&g->atoms);
}

/* ---- strings ---- */

/* The bytes themselves are known, whatever their case. */
static bool is_plain(const YR_STRING *x)
{
    return STRING_IS_LITERAL(x) && !(x->flags & (STRING_FLAGS_WIDE | STRING_FLAGS_XOR | STRING_FLAGS_BASE64 | STRING_FLAGS_BASE64_WIDE));
}

/* Calls back for each (piece, string) of libyara's automaton. Pieces that a state has from its shorter endings come up there too. */
typedef int on_piece(struct making *m, struct str piece, const YR_STRING *string);
static int walk(struct making *m, uint32_t state, unsigned char *path, unsigned depth, on_piece *f)
{
    const YR_RULES *rules = m->s->all.rules;
    int err = 0;
    if (rules->ac_match_table[state])
        for (const YR_AC_MATCH *x = &rules->ac_match_pool[rules->ac_match_table[state] - 1]; x && !err; x = x->next)
            err = f(m, (struct str){ (const char *)path, depth }, x->string);
    for (uint32_t c = 0; c < 256 && depth < YR_MAX_ATOM_LENGTH && !err; c++) {
        YR_AC_TRANSITION t = rules->ac_transition_table[state + c + 1];
        if (YR_AC_INVALID_TRANSITION(t, c + 1) || YR_AC_NEXT_STATE(t) == YR_AC_ROOT_STATE)
            continue;
        path[depth] = (unsigned char)c;
        err = walk(m, YR_AC_NEXT_STATE(t), path, depth + 1, f);
    }
    return err;
}

static int note_length(struct making *m, struct str piece, const YR_STRING *x)
{
    uint8_t *least = &m->shortest[x->idx];
    *least = piece.n < *least ? (uint8_t)piece.n : *least;
    return 0;
}

static int add_piece(struct making *m, struct str piece, const YR_STRING *x)
{
    uint32_t owner = m->owner[x->idx];
    return owner == ALWAYS || is_plain(x) || x->chained_to || m->held[x->idx] ? 0 : atoms_add(&m->s->gate.atoms, owner, piece);
}

/* Each of its strings can be looked for. The later pieces of a string with gaps need not be: it begins with the first. */
static bool strings_ok(const struct making *m, const YR_RULE *rule)
{
    YR_STRING *x;
    size_t n = 0;
    yr_rule_strings_foreach(rule, x)
    {
        n++;
        if (x->chained_to)
            continue;
        if (m->held[x->idx])
            continue;
        if (is_plain(x) ? x->length < 2 : m->shortest[x->idx] < 2 || m->shortest[x->idx] == UINT8_MAX)
            return false;
    }
    return n > 0;
}

static size_t count_strings(const YR_RULE *rule)
{
    YR_STRING *x;
    size_t n = 0;
    yr_rule_strings_foreach(rule, x) n++;
    return n;
}

/* Pieces of at least two bytes; none is no mistake: libyara's own serve as well. */
static int read_expressions(struct making *m, const YR_RULE *rule, struct str text, struct arena *a)
{
    YR_STRING *x;
    struct factors *f = malloc(sizeof *f);
    int err = f ? 0 : GW_ERR(NOMEM);
    yr_rule_strings_foreach(rule, x)
    {
        if (err || is_plain(x) || x->chained_to || !STRING_IS_REGEXP(x))
            continue;
        struct str s = yara_text_expression(text, str_c(x->identifier));
        const struct tree *t = s.n ? tree_read(s, true, a) : NULL;
        err = factors_of_tree(t, false, f);
        bool good = !err && f->n > 0;
        for (size_t i = 0; i < f->n && good; i++)
            good = f->v[i].n >= 2;
        if (!good)
            continue;
        size_t used = offsetof(struct factors, v) + f->n * sizeof *f->v; /* most have few */
        if ((m->held[x->idx] = arena_alloc(a, used)))
            memcpy(m->held[x->idx], f, used);
        else
            err = GW_ERR(NOMEM);
    }
    free(f);
    return err;
}

/* ---- rules ---- */

/* The rules of the set and those of the texts, side by side. ret_agree false: they do not agree. */
static int match_texts(struct making *m, struct yara_source *sources, size_t n, struct arena *a, bool *ret_agree)
{
    size_t at = 0;
    *ret_agree = false;
    for (size_t i = 0; i < n; i++) {
        const struct yara_file_text *f = &sources[i].read;
        size_t first = at;
        for (; at < m->n && strcmp(m->rules[at].rule->ns->name, sources[i].name) == 0; at++) {
            const struct yara_rule_text *t = f->whole || at - first >= f->n_rules ? NULL : &f->rules[at - first];
            if (!f->whole && (!t || !str_eq(t->name, str_c(m->rules[at].rule->identifier))))
                return 0;
            int err = t ? read_expressions(m, m->rules[at].rule, t->text, a) : 0;
            if (err)
                return err;
            m->rules[at].source = &sources[i];
            m->rules[at].text = t;
            m->rules[at].leader = t ? first + t->group : first;
            m->rules[at].gated = t && !demands_nothing(&t->demand) && (!t->demand.string || strings_ok(m, m->rules[at].rule));
        }
        if (!f->whole && at - first != f->n_rules)
            return 0;
    }
    *ret_agree = at == m->n;
    return 0;
}

/* Rules that name each other share a part. One that demands nothing takes all of them into the part that is always scanned. */
static size_t assign(struct making *m)
{
    size_t per_part = m->n / PARTS_MAX + 1, fill = 0, parts = 0;
    per_part = per_part < PART_RULES ? PART_RULES : per_part;
    for (size_t i = 0; i < m->n; i++)
        if (!m->rules[i].gated)
            m->rules[m->rules[i].leader].gated = false;
    for (size_t i = 0; i < m->n; i++) {
        struct known *k = &m->rules[i], *leader = &m->rules[k->leader];
        YR_STRING *x;
        if (k == leader) {
            if (k->gated && (parts == 0 || fill >= per_part)) {
                parts++;
                fill = 0;
            }
            k->part = k->gated ? (uint32_t)parts - 1 : ALWAYS;
        }
        k->part = leader->part;
        fill += k->part != ALWAYS;
        yr_rule_strings_foreach(k->rule, x) m->owner[x->idx] = k->text && k->text->demand.string ? k->part : ALWAYS;
    }
    return parts;
}

static int add_head(struct making *m, const struct known *k)
{
    struct yara_gate *g = &m->s->gate;
    const struct yara_demand *d = &k->text->demand;
    for (size_t i = 0; i < g->n_heads; i++)
        if (g->heads[i].part == k->part && g->heads[i].n == d->n && memcmp(g->heads[i].bytes, d->bytes, d->n) == 0)
            return 0;
    struct yara_head *v = reallocarray(g->heads, g->n_heads + 1, sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    g->heads = v;
    v[g->n_heads] = (struct yara_head){ .part = k->part, .n = d->n };
    memcpy(v[g->n_heads++].bytes, d->bytes, sizeof d->bytes);
    return 0;
}

static int add_demands(struct making *m)
{
    unsigned char path[YR_MAX_ATOM_LENGTH];
    int err = walk(m, YR_AC_ROOT_STATE, path, 0, add_piece);
    for (size_t i = 0; i < m->n && !err; i++) {
        YR_STRING *x;
        if (m->rules[i].part == ALWAYS)
            continue;
        if (m->rules[i].text->demand.n)
            err = add_head(m, &m->rules[i]);
        yr_rule_strings_foreach(m->rules[i].rule, x)
        {
            const struct factors *f = m->held[x->idx];
            if (err || m->owner[x->idx] == ALWAYS || x->chained_to)
                continue;
            if (is_plain(x))
                err = atoms_add(&m->s->gate.atoms, m->owner[x->idx], (struct str){ (const char *)x->string, (size_t)x->length });
            for (size_t k = 0; f && k < f->n && !err; k++)
                err = atoms_add(&m->s->gate.atoms, m->owner[x->idx], (struct str){ f->v[k].p, f->v[k].n });
        }
    }
    return err ? err : atoms_finish(&m->s->gate.atoms);
}

/* ---- compiling a part ---- */

static size_t write_bytes(const void *p, size_t size, size_t count, void *user)
{
    return buf_put(user, p, size * count) ? 0 : count;
}

static size_t read_bytes(void *p, size_t size, size_t count, void *user)
{
    struct buf *b = user;
    size_t n = buf_size(b) / size < count ? buf_size(b) / size : count;
    memcpy(p, buf_data(b), n * size);
    buf_drop(b, n * size);
    return n;
}

/* A compiler sets a megabyte aside for each of its tables; what is written out and read back takes only what it needs. */
static int compact(YR_COMPILER *compiler, YR_RULES **ret)
{
    struct buf b;
    YR_RULES *wide;
    YR_STREAM out = { .user_data = &b, .write = write_bytes }, in = { .user_data = &b, .read = read_bytes };
    if (yr_compiler_get_rules(compiler, &wide) != ERROR_SUCCESS)
        return GW_ERR(NOMEM);
    buf_init(&b, 1u << 30);
    int err = yr_rules_save_stream(wide, &out) == ERROR_SUCCESS && yr_rules_load_stream(&in, ret) == ERROR_SUCCESS ? 0 : GW_ERR(NOMEM);
    buf_clear(&b);
    yr_rules_destroy(wide);
    return err;
}

/* The text of one file's rules in this part, with the modules that they name. */
static int put_file(struct making *m, size_t from, size_t to, uint32_t part, struct buf *b)
{
    const struct yara_file_text *f = &m->rules[from].source->read;
    int err = 0;
    buf_reset(b);
    for (size_t k = 0; k < f->n_imports && !err; k++)
        for (size_t i = from; i < to; i++)
            if (m->rules[i].part == part && yara_text_names(m->rules[i].text->text, f->imports[k])) {
                err = buf_printf(b, "import \"%.*s\"\n", STR_ARG(f->imports[k]));
                break;
            }
    for (size_t i = from; i < to && !err; i++)
        if (m->rules[i].part == part) {
            err = buf_puts(b, m->rules[i].text->text);
            err = err ? err : buf_puts(b, STR("\n"));
        }
    return err ? err : buf_put(b, "", 1);
}

static void be_silent(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
    (void)level;
    (void)file;
    (void)line;
    (void)rule;
    (void)message;
    (void)user;
}

static int compile(struct making *m, uint32_t part, YR_COMPILER *c, struct buf *b)
{
    int err = 0;
    for (size_t i = 0, end; i < m->n && !err; i = end) {
        const struct yara_source *f = m->rules[i].source;
        bool any = false;
        for (end = i; end < m->n && m->rules[end].source == f; end++)
            any |= m->rules[end].part == part;
        if (!any)
            continue;
        if (!f->read.whole)
            err = put_file(m, i, end, part, b);
        const struct buf *text = f->read.whole ? &f->text : b;
        if (!err && yr_compiler_add_string(c, (const char *)buf_data(text), f->name) != 0) {
            m->lost = true; /* a compiler that saw an error takes no more */
            return 0;
        }
    }
    return err;
}

/* The part holds exactly the rules that it should, with all their strings. */
static bool as_planned(const struct making *m, uint32_t part, YR_RULES *rules, size_t *ret_n)
{
    YR_RULE *r = rules->rules_table;
    size_t left = rules->num_rules;
    for (size_t i = 0; i < m->n; i++) {
        const YR_RULE *want = m->rules[i].rule;
        if (m->rules[i].part != part)
            continue;
        if (left == 0 || strcmp(r->identifier, want->identifier) != 0 || strcmp(r->ns->name, want->ns->name) != 0 || r->flags != want->flags ||
            count_strings(r) != count_strings(want))
            return false;
        r++;
        left--;
        ++*ret_n;
    }
    return left == 0;
}

static size_t count_rules(const struct making *m, uint32_t part)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->rules[i].part == part;
    return n;
}

static int make_part(struct making *m, uint32_t part, struct yara_part *p, size_t *ret_n)
{
    YR_COMPILER *c;
    struct buf b;
    *ret_n = count_rules(m, part);
    if (*ret_n == 0 || *ret_n == m->n) /* all of them: the whole set stands for the part */
        return 0;
    *ret_n = 0;
    int err = yara_compiler_new(m->folder, &c);
    if (err)
        return err;
    yr_compiler_set_callback(c, be_silent, NULL);
    buf_init(&b, 256u << 20);
    err = compile(m, part, c, &b);
    if (!err && !m->lost)
        err = compact(c, &p->rules);
    if (!err && !m->lost && !as_planned(m, part, p->rules, ret_n))
        m->lost = true;
    if (!err && !m->lost && *ret_n)
        err = yara_part_open(p);
    buf_clear(&b);
    yr_compiler_destroy(c);
    return err;
}

static int make(struct making *m)
{
    struct yara_gate *g = &m->s->gate;
    size_t parts = assign(m), n, sum;
    int err = add_demands(m);
    g->parts = calloc(parts + 1, sizeof *g->parts);
    g->wanted = calloc(parts + 1, sizeof *g->wanted);
    if (!err && (!g->parts || !g->wanted))
        err = GW_ERR(NOMEM);
    if (!err)
        err = make_part(m, ALWAYS, &g->always, &g->n_always);
    sum = g->n_always;
    for (; g->n_parts < parts && !err && !m->lost; g->n_parts++) {
        err = make_part(m, (uint32_t)g->n_parts, &g->parts[g->n_parts], &n);
        sum += n;
    }
    g->on = !err && !m->lost && sum == m->n;
    return err;
}

int yara_gate_make(struct yara_set *s, const char *folder, struct yara_source *sources, size_t n, struct arena *a)
{
    struct making m = { .s = s, .folder = folder };
    unsigned char path[YR_MAX_ATOM_LENGTH];
    size_t strings = s->all.rules->num_strings;
    YR_RULE *r;
    for (size_t i = 0; i < n; i++) {
        struct str text = { (const char *)buf_data(&sources[i].text), buf_size(&sources[i].text) - 1 };
        int err = yara_text_read(text, a, &sources[i].read);
        if (err)
            return err;
    }
    m.rules = arena_alloc(a, (s->all.rules->num_rules + 1) * sizeof *m.rules);
    m.shortest = arena_alloc(a, strings + 1);
    m.owner = arena_alloc(a, (strings + 1) * sizeof *m.owner);
    m.held = arena_alloc(a, (strings + 1) * sizeof *m.held);
    if (!m.rules || !m.shortest || !m.owner || !m.held)
        return GW_ERR(NOMEM);
    memset(m.shortest, UINT8_MAX, strings);
    yr_rules_foreach(s->all.rules, r) m.rules[m.n++].rule = r;
    int err = walk(&m, YR_AC_ROOT_STATE, path, 0, note_length);
    bool agree = false;
    err = err ? err : match_texts(&m, sources, n, a, &agree);
    if (!err && agree)
        err = make(&m);
    if (!s->gate.on)
        yara_gate_clear(&s->gate);
    return err == GW_ERR(LIMIT) || err == GW_ERR(UNKNOWN) || err == GW_ERR(RANGE) ? 0 : err;
}
