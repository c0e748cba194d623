/* SPDX-License-Identifier: GPL-3.0-or-later
 * The gateway's configuration as the schema reads it: text, before addresses and names are understood. */
#ifndef GW_BASE_GWCONF_RAW_H
#define GW_BASE_GWCONF_RAW_H

#include "gwconf.h"

struct raw_target {
    struct conf_where where;
    char *address;
    int64_t port, priority, weight;
    int tls;
};
struct raw_domain {
    struct conf_where where;
    char *name;
    struct conf_list targets;
    int64_t health;
    bool dialback;
    struct conf_strings pins;
};
struct raw_route {
    struct conf_where where;
    char *to, *via;
};
struct raw_certificate {
    struct conf_where where;
    char *domain, *chain, *key;
};
struct raw_mint {
    struct conf_where where;
    char *ca, *key;
    int64_t life;
};
struct raw_card {
    struct conf_where where;
    char *name;
    struct conf_strings addresses, networks;
    struct conf_list routes;
    int64_t vlan;
};
struct raw_side {
    struct conf_where where;
    struct raw_card card;   /* what stands in the side's own group, where it has one card */
    struct conf_list cards; /* of several */
    char *namespace_;
    struct conf_strings dns;
    struct conf_list domains, certificates;
    struct conf_ints ports;
    char *dns_source, *trust, *crl;
    struct raw_mint mint;
    int crl_outdated;
};
struct raw_pair {
    struct conf_where where;
    char *domain[GW_SIDES];
};
struct raw_gateway {
    struct conf_where where;
    char *name, *state, *run, *rules;
    int mode;
    bool enforce;
    bool reader;
    int64_t uid_first, tap;
};
struct raw_limits {
    struct conf_where where;
    struct gw_limits v;
};
struct raw_witness {
    struct conf_where where;
    char *name, *to;
    int kind;
};
struct raw_journal {
    struct conf_where where;
    int64_t segment_size, segment_time, checkpoint, keep_time, keep_size, hold_time, hold_size, witness_time;
    int64_t evidence_time, evidence_size;
    char *evidence, *key;
    struct conf_list witnesses;
};
struct raw_service {
    struct conf_where where;
    char *address;
    int side, protocol;
    int64_t stratum;
};
struct raw_conf {
    struct conf_where where;
    struct raw_gateway gateway;
    struct raw_side side[GW_SIDES];
    struct conf_list pairs;
    struct conf_list services;
    struct raw_limits limits;
    struct raw_journal journal;
    struct { struct conf_where where; int64_t rate, burst, open, queues; } admission;
    struct raw_pkcs11 { struct conf_where where; char *module, *pin_file, *folder; } pkcs11;
    struct raw_decoy { struct conf_where where; bool on; int64_t connections, time, bytes; } decoy;
};

extern const struct conf_row gwconf_rows[];

/* What turns raw text into values and finds mistakes on the way. */
struct gwconf_reader {
    struct gw_conf *c;
    const struct raw_conf *raw;
    struct conf_errors *errs;
    const char *file;
    const char *dir; /* absolute; relative paths start here */
    int fatal;       /* NOMEM */
};
/* Fills r->c->side[side] from the raw one (gwconf_side.c). */
void gwconf_side(struct gwconf_reader *r, enum gw_side side);
/* Its cards: names, addresses, networks, routes (gwconf_cards.c); and whether they fit each other, once both sides are filled. */
void gwconf_cards(struct gwconf_reader *r, enum gw_side side);
void gwconf_check_cards(struct gwconf_reader *r, enum gw_side side);
/* What the keeper mints, behind the certificates that are given (gwconf_mint.c); both sides and the journal are filled before. */
void gwconf_mint(struct gwconf_reader *r);
/* The journal's own group (gwconf_journal.c); both sides are filled before. */
void gwconf_journal(struct gwconf_reader *r);
/* The token's group, and whether keys that name one are well formed (gwconf_pkcs11.c); behind sides and journal. */
void gwconf_pkcs11(struct gwconf_reader *r);
/* What is answered in the place of the other side (gwconf_services.c); both sides are filled before. */
void gwconf_services(struct gwconf_reader *r);
/* Checks across keys, once both sides and the pairs are filled (gwconf_check.c). */
void gwconf_check(struct gwconf_reader *r);

void gwconf_mistake(struct gwconf_reader *r, enum conf_severity sev, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A name that ends up in paths and commands of the network set-up. */
void gwconf_word(struct gwconf_reader *r, const char *what, const char *z, unsigned line);
void gwconf_address(struct gwconf_reader *r, const char *text, unsigned line, const char *what, struct net_addr *ret); /* family 0 after a mistake */
void *gwconf_take(struct gwconf_reader *r, size_t n, size_t size); /* NULL: fatal is set */
char *gwconf_path(struct gwconf_reader *r, const char *path);      /* absolute */
/* A domain in its prepared form, or n == 0 after a mistake. */
struct str gwconf_domain(struct gwconf_reader *r, const char *text, unsigned line);

#endif
