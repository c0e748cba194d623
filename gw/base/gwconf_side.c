/* SPDX-License-Identifier: GPL-3.0-or-later
 * One side of the gateway's configuration: its network, its domains, its certificates. */
#include <ctype.h>
#include <stdlib.h>

#include "gwconf_raw.h"
#include "pkcs11_uri.h"

#define DNS_PORT 53

static void read_ports(struct gwconf_reader *r, struct gw_side_conf *s, const struct raw_side *raw)
{
    if (raw->ports.n == 0 && raw->ports.v)
        gwconf_mistake(r, CONF_ERROR, raw->where.line, "ports: at least one is needed, as in [ 5269 ]");
    s->ports = gwconf_take(r, raw->ports.n, sizeof *s->ports);
    for (size_t i = 0; s->ports && i < raw->ports.n; i++) {
        bool twice = false;

        for (size_t k = 0; k < s->n_ports; k++)
            twice |= s->ports[k] == raw->ports.v[i];
        if (!twice)
            s->ports[s->n_ports++] = (uint16_t)raw->ports.v[i];
    }
}

static void read_dns(struct gwconf_reader *r, enum gw_side side, const struct raw_side *raw)
{
    struct gw_side_conf *s = &r->c->side[side];

    s->dns = gwconf_take(r, raw->dns.n, sizeof *s->dns);
    for (size_t i = 0; s->dns && i < raw->dns.n; i++) {
        struct net_addr *a = &s->dns[s->n_dns];

        gwconf_address(r, raw->dns.v[i], raw->dns.lines[i], "dns", a);
        a->port = DNS_PORT;
        s->n_dns += a->family != 0;
    }
    if (raw->dns_source && raw->dns_source[0])
        gwconf_address(r, raw->dns_source, raw->where.line, "dns_source", &s->dns_source);
    const struct gw_card *card = s->n_dns ? gw_conf_card(s, &s->dns[0]) : NULL;
    for (size_t k = 0; card && s->dns_source.family == 0 && k < card->n_addresses; k++)
        if (card->addresses[k].addr.family == s->dns[0].family)
            s->dns_source = card->addresses[k].addr; /* not set: the card's own */
    if (s->n_dns && s->dns_source.family == 0)
        gwconf_mistake(r, CONF_ERROR, raw->where.line, "dns_source is missing: queries to %s need an address to come from", raw->dns.v[0]);
    for (size_t i = 0; s->dns_source.family && i < s->n_dns; i++)
        if (s->dns[i].family != s->dns_source.family)
            gwconf_mistake(r, CONF_ERROR, raw->dns.lines[i], "dns: resolvers and dns_source must all be IPv4 or all IPv6");
}

/* ---- domains ---- */

/* Letters, digits and hyphens only: what both DNS and every JID profile prepare alike. */
struct str gwconf_domain(struct gwconf_reader *r, const char *text, unsigned line)
{
    struct str s = str_c(text);
    const char *wrong = NULL;
    char *p = gwconf_take(r, s.n + 1, 1);
    size_t label = 0;
    bool digits = true; /* of the last label */

    if (!p)
        return STR_NONE;
    for (size_t i = 0; i <= s.n && !wrong; i++) {
        char c = i < s.n ? s.p[i] : '.';

        p[i] = i < s.n ? (char)tolower((unsigned char)c) : 0;
        if ((unsigned char)c >= 0x80) {
            wrong = "only ASCII letters, digits, hyphens and dots are allowed (no internationalised names yet)";
        } else if (c == '.') {
            if (label == 0)
                wrong = i == s.n ? "it ends with a dot" : "a label is empty";
            else if (label > 63)
                wrong = "a label is longer than 63 bytes";
            else if (s.p[i - 1] == '-' || s.p[i - label] == '-')
                wrong = "a label begins or ends with a hyphen";
            else if (label > 4 && strncasecmp(s.p + i - label, "xn--", 4) == 0)
                wrong = "internationalised names (xn--) are not supported yet";
            else if (i == s.n && digits)
                wrong = "it looks like an address";
            label = 0;
            digits = true;
        } else if (isalnum((unsigned char)c) || c == '-') {
            label++;
            digits &= isdigit((unsigned char)c) != 0;
        } else {
            wrong = "only letters, digits, hyphens and dots are allowed";
        }
    }
    if (!wrong && s.n <= 253)
        return (struct str){ p, s.n };
    gwconf_mistake(r, CONF_ERROR, line, "\"%s\" is not a domain name: %s", text, wrong ? wrong : "it is longer than 253 bytes");
    return STR_NONE;
}

static void read_targets(struct gwconf_reader *r, struct gw_domain *d, const struct conf_list *list)
{
    const struct raw_target *from = list->v;

    d->targets = gwconf_take(r, list->n, sizeof *d->targets);
    for (size_t i = 0; d->targets && i < list->n; i++) {
        struct gw_target *t = &d->targets[d->n_targets];

        if (!from[i].address || !from[i].address[0])
            continue;
        gwconf_address(r, from[i].address, from[i].where.line, "address", &t->address);
        t->address.port = (uint16_t)from[i].port;
        t->tls = (enum gw_tls_mode)from[i].tls;
        t->priority = (uint16_t)from[i].priority;
        t->weight = (uint16_t)from[i].weight;
        d->n_targets += t->address.family != 0;
    }
}

/* 64 hex digits, as openssl dgst -sha256 prints them. */
static bool read_pin(const char *text, unsigned char ret[32])
{
    if (strlen(text) != 64 || strspn(text, "0123456789abcdefABCDEF") != 64)
        return false;
    for (int i = 0; i < 32; i++) {
        const char digits[3] = { text[2 * i], text[2 * i + 1], 0 };
        ret[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return true;
}

static void read_pins(struct gwconf_reader *r, const struct raw_domain *from, struct gw_domain *d)
{
    d->pins = gwconf_take(r, from->pins.n + 1, sizeof *d->pins);
    for (size_t i = 0; d->pins && i < from->pins.n; i++)
        if (read_pin(from->pins.v[i], d->pins[d->n_pins]))
            d->n_pins++;
        else
            gwconf_mistake(r, CONF_ERROR, from->pins.lines[i], "pins: \"%s\" is no SHA-256 of a public key; allowed: 64 hex digits, as this prints them: "
                "openssl x509 -in CERT -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256", from->pins.v[i]);
    if (d->dialback && from->pins.n)
        gwconf_mistake(r, CONF_ERROR, d->line, "domain \"%s\" has pins and dialback: dialback proves a domain without its key, so one of them must go", from->name);
}

static void read_domains(struct gwconf_reader *r, enum gw_side side, const struct raw_side *raw)
{
    struct gw_side_conf *s = &r->c->side[side];
    const struct raw_domain *from = raw->domains.v;

    s->domains = gwconf_take(r, raw->domains.n, sizeof *s->domains);
    for (size_t i = 0; s->domains && i < raw->domains.n; i++) {
        struct gw_domain *d = &s->domains[s->n_domains];
        const struct gw_domain *twin;

        if (!from[i].name || !from[i].name[0])
            continue;
        d->line = from[i].where.line;
        d->name = gwconf_domain(r, from[i].name, d->line);
        d->dialback = from[i].dialback;
        d->health = from[i].health;
        read_pins(r, &from[i], d);
        read_targets(r, d, &from[i].targets);
        if (d->name.n == 0)
            continue;
        twin = gw_conf_domain(r->c, side, d->name);
        if (twin)
            gwconf_mistake(r, CONF_ERROR, d->line, "domain \"%s\" stands here twice; the first is in line %u", d->name.p, twin->line);
        else
            s->n_domains++;
    }
}

static void read_certificates(struct gwconf_reader *r, enum gw_side side, const struct raw_side *raw)
{
    struct gw_side_conf *s = &r->c->side[side];
    const struct raw_certificate *from = raw->certificates.v;

    s->certificates = gwconf_take(r, raw->certificates.n, sizeof *s->certificates);
    for (size_t i = 0; s->certificates && i < raw->certificates.n; i++) {
        struct gw_certificate *k = &s->certificates[s->n_certificates];
        const struct gw_certificate *twin;

        if (!from[i].domain || !from[i].domain[0] || !from[i].chain || !from[i].key)
            continue;
        k->line = from[i].where.line;
        k->domain = gwconf_domain(r, from[i].domain, k->line);
        k->chain = gwconf_path(r, from[i].chain);
        k->key = pkcs11_is_uri(from[i].key) ? from[i].key : gwconf_path(r, from[i].key);
        if (k->domain.n == 0)
            continue;
        twin = gw_conf_certificate(r->c, side, k->domain);
        if (twin)
            gwconf_mistake(r, CONF_ERROR, k->line, "a certificate for \"%s\" stands here twice; the first is in line %u", k->domain.p, twin->line);
        else
            s->n_certificates++;
    }
}

void gwconf_side(struct gwconf_reader *r, enum gw_side side)
{
    const struct raw_side *raw = &r->raw->side[side];
    struct gw_side_conf *s = &r->c->side[side];

    s->line = raw->where.line;
    s->namespace_ = raw->namespace_;
    gwconf_word(r, "namespace", raw->namespace_, raw->where.line);
    gwconf_cards(r, side);
    read_ports(r, s, raw);
    read_dns(r, side, raw);
    read_domains(r, side, raw);
    s->trust = gwconf_path(r, raw->trust);
    if (raw->crl && raw->crl[0])
        s->crl = gwconf_path(r, raw->crl);
    s->crl_keep = raw->crl_outdated == 1;
    read_certificates(r, side, raw);
}
