/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys on tokens in the gateway's configuration: where the module is, and whether the names of keys can be understood. */
#include "gwconf_raw.h"
#include "pkcs11_uri.h"

/* first: the token of the first key; all are on one, since there is one PIN. */
static void check_uri(struct gwconf_reader *r, const char *text, unsigned line, struct pkcs11_uri *first)
{
    struct pkcs11_uri u;
    const char *what;

    if (pkcs11_uri_parse(text, &u, &what) < 0)
        gwconf_mistake(r, CONF_ERROR, line, "key: \"%s\": %s", text, what);
    else if (!r->c->pkcs11.module || !r->c->pkcs11.pin_file)
        gwconf_mistake(r, CONF_ERROR, line, "key: \"%s\" is on a token, so pkcs11.module and pkcs11.pin_file are needed", text);
    else if (first->token[0] && strcmp(first->token, u.token) != 0)
        gwconf_mistake(r, CONF_ERROR, line, "key: \"%s\" is on another token than \"%s\"; all keys must be on one", text, first->token);
    else
        *first = u;
}

static char *path_or_none(struct gwconf_reader *r, const char *text)
{
    return text && text[0] ? gwconf_path(r, text) : NULL;
}

bool gw_conf_uses_token(const struct gw_conf *c)
{
    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < c->side[s].n_certificates; i++)
            if (c->side[s].certificates[i].key && pkcs11_is_uri(c->side[s].certificates[i].key))
                return true;
    for (int s = 0; s < GW_SIDES; s++)
        if (c->side[s].mint.ca && pkcs11_is_uri(c->side[s].mint.key))
            return true;
    return c->journal.key != NULL;
}

void gwconf_pkcs11(struct gwconf_reader *r)
{
    struct gw_conf *c = r->c;
    struct pkcs11_uri first = { .token = "" };

    c->pkcs11.module = path_or_none(r, r->raw->pkcs11.module);
    c->pkcs11.pin_file = path_or_none(r, r->raw->pkcs11.pin_file);
    c->pkcs11.folder = path_or_none(r, r->raw->pkcs11.folder);
    if (c->journal.key)
        check_uri(r, c->journal.key, r->raw->journal.where.line, &first);
    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < c->side[s].n_certificates; i++)
            if (c->side[s].certificates[i].key && pkcs11_is_uri(c->side[s].certificates[i].key))
                check_uri(r, c->side[s].certificates[i].key, c->side[s].certificates[i].line, &first);
    for (int s = 0; s < GW_SIDES; s++)
        if (c->side[s].mint.ca && pkcs11_is_uri(c->side[s].mint.key))
            check_uri(r, c->side[s].mint.key, c->side[s].mint.line, &first);
}
