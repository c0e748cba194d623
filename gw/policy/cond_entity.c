/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions from_is, to_is, room and room_list: what an address stands for. */
#include <string.h>

#include "cond_address.h"
#include "jid.h"
#include "rows.h"

#define IS_DOMAIN 1u
#define IS_BARE 2u
#define IS_FULL 4u

static int parse_is(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    static const char *const words[] = { "domain", "bare", "full", NULL };
    unsigned *mask = arena_alloc(l->arena, sizeof *mask);
    struct str *v;
    size_t n;
    if (!mask)
        return GW_ERR(NOMEM);
    *mask = 0;
    c->arg = mask;
    int rc = load_strings(l, s, &v, &n);
    for (size_t i = 0; i < n && !rc; i++) {
        unsigned w = 0;
        while (words[w] && strcmp(words[w], v[i].p) != 0)
            w++;
        if (!words[w])
            rc = load_error(l, s, "\"%s\" is no sort of address; allowed are domain, bare, full", v[i].p);
        *mask |= 1u << w;
    }
    return rc;
}

static unsigned sort_of(struct str jid)
{
    struct str local, domain, resource;
    jid_split(jid, &local, &domain, &resource);
    return resource.n ? IS_FULL : local.n ? IS_BARE : IS_DOMAIN;
}

static enum tri match_from_is(const struct cond *c, struct pol_eval *e) { return tri_of(sort_of(e->rec->from) & *(const unsigned *)c->arg); }
static enum tri match_to_is(const struct cond *c, struct pol_eval *e) { return tri_of(sort_of(e->rec->to) & *(const unsigned *)c->arg); }

/* A room has one address, whoever speaks in it: what goes to it or comes from it, or from anybody in it, is of that room. */
static enum tri match_room(const struct cond *c, struct pol_eval *e)
{
    const struct addr_patterns *p = c->arg;
    for (size_t i = 0; i < p->n; i++)
        if (addr_match(&p->v[i], e->rec->from) || addr_match(&p->v[i], e->rec->to) || (e->party && e->party->room.n && addr_match(&p->v[i], e->party->room)))
            return TRI_YES;
    return TRI_NO;
}

static int parse_room(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    int rc = cond_parse_addresses(l, s, c);
    const struct addr_patterns *p = c->arg;
    for (size_t i = 0; !rc && i < p->n; i++)
        if (p->v[i].form == ADDR_FULL)
            rc = load_error(l, s, "\"%.*s\": a room is written room@service, *@service, or its service alone", STR_ARG(p->v[i].text));
    return rc;
}

static enum tri match_room_list(const struct cond *c, struct pol_eval *e)
{
    const struct lists *p = c->arg;
    for (size_t i = 0; i < p->n; i++)
        if (list_has_address(p->v[i], e->rec->from) || list_has_address(p->v[i], e->rec->to) ||
            (e->party && e->party->room.n && list_has_address(p->v[i], e->party->room)))
            return TRI_YES;
    return TRI_NO;
}

const struct cond_row cond_from_is = { "from_is", COND_STRINGS, 0, parse_is, match_from_is, NULL, NULL, "from_is = \"full\"",
    "the sender is a domain, a bare address (user@domain) or a full one (with a resource)" };
const struct cond_row cond_to_is = { "to_is", COND_STRINGS, 0, parse_is, match_to_is, NULL, NULL, "to_is = [ \"domain\", \"bare\" ]",
    "the same of the recipient" };
const struct cond_row cond_room = { "room", COND_STRINGS, 0, parse_room, match_room, NULL, NULL,
    "room = [ \"plans@rooms.low.example\", \"public.low.example\" ]",
    "it goes to this room or comes from it, or from anybody in it: room@service, *@service, or the service" };
const struct cond_row cond_room_list = { "room_list", COND_STRINGS, 0, cond_parse_lists, match_room_list, NULL, NULL,
    "room_list = \"rooms\"", "the same of a room in rules/lists/NAME.list" };
