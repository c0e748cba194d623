/* SPDX-License-Identifier: GPL-3.0-or-later
 * Loads the gateway's configuration, and answers questions about it. */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

#include "gwconf_raw.h"

#define GWCONF_MEMORY ((size_t)64 << 20)

void gwconf_mistake(struct gwconf_reader *r, enum conf_severity sev, unsigned line, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = 0;
    va_end(ap);
    conf_error_add(r->errs, sev, r->file, line, "%s", text);
}

void *gwconf_take(struct gwconf_reader *r, size_t n, size_t size)
{
    void *p = arena_alloc(&r->c->arena, n * size); /* n: at most what fits a file of 8 MiB */

    if (!p)
        r->fatal = GW_ERR(NOMEM);
    return p;
}

char *gwconf_path(struct gwconf_reader *r, const char *path)
{
    size_t n = strlen(r->dir) + strlen(path ? path : "") + 2;
    char *p = gwconf_take(r, n, 1);

    if (!p || !path || !path[0])
        return p;
    if (path[0] == '/')
        snprintf(p, n, "%s", path);
    else
        snprintf(p, n, "%s/%s", r->dir, path);
    return p;
}

static int fill(struct gwconf_reader *r)
{
    const struct raw_conf *raw = r->raw;
    struct gw_conf *c = r->c;

    c->name = raw->gateway.name;
    c->mode = (enum gw_mode)raw->gateway.mode;
    c->watch = !raw->gateway.enforce;
    c->state = gwconf_path(r, raw->gateway.state);
    c->run = gwconf_path(r, raw->gateway.run);
    c->rules = gwconf_path(r, raw->gateway.rules);
    c->reader = raw->gateway.reader;
    c->uid_first = raw->gateway.uid_first;
    c->tap = raw->gateway.tap;
    c->limits = raw->limits.v;
    c->admission.rate = raw->admission.rate;
    c->admission.burst = raw->admission.burst;
    c->admission.open = raw->admission.open;
    c->admission.queues = raw->admission.queues;
    c->decoy.on = raw->decoy.on;
    c->decoy.connections = raw->decoy.connections;
    c->decoy.time = raw->decoy.time;
    c->decoy.bytes = raw->decoy.bytes;
    c->pairs = gwconf_take(r, raw->pairs.n + 1, sizeof *c->pairs);
    for (enum gw_side side = GW_HIGH; side < GW_SIDES && r->fatal == 0; side++)
        gwconf_side(r, side);
    if (r->fatal == 0)
        gwconf_journal(r);
    if (r->fatal == 0)
        gwconf_mint(r);
    if (r->fatal == 0)
        gwconf_pkcs11(r);
    if (r->fatal == 0)
        gwconf_services(r);
    if (r->fatal == 0)
        gwconf_check(r);
    return r->fatal;
}

/* Absolute path of the file and of its folder, both in the arena. */
static bool set_paths(struct gwconf_reader *r, const char *path)
{
    char real[PATH_MAX], *slash;

    if (!realpath(path, real)) /* it cannot be read then, which conf_read says better */
        snprintf(real, sizeof real, "%s", path);
    r->c->path = gwconf_take(r, strlen(real) + 1, 1);
    if (r->c->path)
        strcpy(r->c->path, real);
    slash = strrchr(real, '/');
    if (slash)
        slash[slash == real] = 0;
    r->dir = arena_str(&r->c->arena, str_c(slash ? real : ".")).p;
    return r->c->path && r->dir;
}

int gw_conf_load(const char *path, struct gw_conf **ret, struct conf_errors *errs)
{
    struct raw_conf *raw = calloc(1, sizeof *raw);
    struct gw_conf *c = calloc(1, sizeof *c);
    struct gwconf_reader r = { .c = c, .raw = raw, .errs = errs, .file = path };
    size_t before = errs->n_errors;
    int err = GW_ERR(NOMEM);

    if (!raw || !c)
        goto out;
    arena_init(&c->arena, GWCONF_MEMORY);
    raw->gateway.enforce = true; /* also where its group cannot be read */
    raw->gateway.mode = -1; /* stays so after a mistake: then no check that depends on it is made */
    if (!set_paths(&r, path))
        goto out;
    err = conf_read(path, gwconf_rows, raw, &c->arena, errs, NULL);
    /* after mistakes in single keys the rest is still looked at, except when there was nothing to read */
    if (raw->where.file && (err == 0 || err == GW_ERR(CONF)))
        err = fill(&r);
    if (err == GW_ERR(NOENT) || (err == 0 && errs->n_errors > before))
        err = GW_ERR(CONF);
    if (err == 0) {
        *ret = c;
        c = NULL;
    }
out:
    gw_conf_free(c);
    free(raw);
    return err;
}

void gw_conf_free(struct gw_conf *c)
{
    if (!c)
        return;
    arena_clear(&c->arena);
    free(c);
}

void gw_conf_describe(FILE *to)
{
    conf_describe(gwconf_rows, to);
}

/* ---- questions ---- */

const struct gw_domain *gw_conf_domain(const struct gw_conf *c, enum gw_side side, struct str domain)
{
    const struct gw_side_conf *s = &c->side[side];

    for (size_t i = 0; i < s->n_domains; i++)
        if (str_eq(s->domains[i].name, domain))
            return &s->domains[i];
    return NULL;
}

int gw_conf_side_of(const struct gw_conf *c, struct str domain)
{
    for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++)
        if (gw_conf_domain(c, side, domain))
            return (int)side;
    return -1;
}

bool gw_conf_pair_allowed(const struct gw_conf *c, enum gw_side from_side, struct str from, struct str to)
{
    for (size_t i = 0; i < c->n_pairs; i++)
        if (str_eq(c->pairs[i].domain[from_side], from) && str_eq(c->pairs[i].domain[gw_other(from_side)], to))
            return true;
    return false;
}

const struct gw_certificate *gw_conf_certificate(const struct gw_conf *c, enum gw_side side, struct str domain)
{
    const struct gw_side_conf *s = &c->side[side];

    for (size_t i = 0; i < s->n_certificates; i++)
        if (str_eq(s->certificates[i].domain, domain))
            return &s->certificates[i];
    return NULL;
}

/* Length of the longest network of the side that holds the address, plus one; 0: none. */
static unsigned nearness(const struct gw_side_conf *s, const struct net_addr *a)
{
    unsigned best = 0;

    for (size_t i = 0; i < s->n_networks; i++)
        if (net_in(a, &s->networks[i]) && s->networks[i].bits + 1u > best)
            best = s->networks[i].bits + 1u;
    return best;
}

const struct gw_card *gw_conf_card(const struct gw_side_conf *s, const struct net_addr *a)
{
    const struct gw_card *best = s->n_cards ? &s->cards[0] : NULL;
    unsigned bits = 0;

    for (size_t i = 0; i < s->n_cards; i++)
        for (size_t k = 0; k < s->cards[i].n_networks; k++)
            if (net_in(a, &s->cards[i].networks[k]) && s->cards[i].networks[k].bits + 1u > bits) {
                best = &s->cards[i];
                bits = s->cards[i].networks[k].bits + 1u;
            }
    return best;
}

/* Where networks of both sides hold an address (bridge mode, or a /0), it belongs to the side whose network is narrower. */
bool gw_conf_in_side(const struct gw_conf *c, enum gw_side side, const struct net_addr *a)
{
    unsigned here = nearness(&c->side[side], a);

    return here != 0 && here >= nearness(&c->side[gw_other(side)], a);
}

int gw_conf_load_said(const char *path, struct gw_conf **ret)
{
    struct conf_errors errs;
    conf_errors_init(&errs);
    int err = gw_conf_load(path, ret, &errs);
    if (err)
        conf_errors_print(&errs, stderr);
    conf_errors_clear(&errs);
    return err;
}
