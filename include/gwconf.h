/* SPDX-License-Identifier: GPL-3.0-or-later
 * The gateway's configuration (conf/lockgate.conf) as every program reads it, before its sandbox closes. */
#ifndef LOCKGATE_GWCONF_H
#define LOCKGATE_GWCONF_H

#include "conf.h"
#include "net.h"

enum gw_mode { GW_BRIDGE, GW_ROUTED, GW_PROXY };
enum gw_tls_mode { GW_STARTTLS, GW_DIRECT_TLS };

struct gw_target { struct net_addr address; enum gw_tls_mode tls; uint16_t priority, weight; }; /* with port; RFC 2782 */
#define GW_PINS_MAX 8
struct gw_domain {
    struct str name; /* prepared: lower case, A-labels as U-labels (RFC 7622 section 3.2) */
    struct gw_target *targets;
    size_t n_targets;
    int64_t health; /* ms between looks at servers that are idle or quiet, where there are several; 0: none */
    bool dialback;
    unsigned char (*pins)[32]; /* SHA-256 of the SubjectPublicKeyInfo of its servers' keys; n_pins 0: any key will do */
    size_t n_pins;
    unsigned line;
};
struct gw_certificate { struct str domain; char *chain, *key; unsigned line; }; /* paths; chain and key NULL: the keeper mints it */
struct gw_mint { char *ca, *key; int64_t life; unsigned line; }; /* PEM file; path or PKCS#11 URI; milliseconds */
struct gw_route { struct net_prefix to; struct net_addr via; };
/* A card of a side, or the port of a VLAN on one. A side has one as a rule; from one to another nothing is carried. */
#define GW_CARDS_MAX 8
struct gw_card {
    char *interface; /* what is spoken over; with a VLAN, DEVICE.VLAN on the device */
    char *device;
    uint16_t vlan; /* IEEE 802.1Q; 0: frames without a tag */
    struct net_prefix *addresses, *networks; /* networks: the hosts behind it. All three are pieces of the side's own arrays */
    size_t n_addresses, n_networks;
    struct gw_route *routes;
    size_t n_routes;
    unsigned line;
};
struct gw_side_conf {
    unsigned line; /* of the group */
    char *namespace_;
    struct gw_card *cards;
    size_t n_cards; /* at least one */
    struct net_prefix *addresses, *networks; /* of all cards, one after the other */
    size_t n_addresses, n_networks;
    struct gw_route *routes;
    size_t n_routes;
    uint16_t *ports;
    size_t n_ports;
    struct net_addr *dns; /* with port (53) */
    size_t n_dns;
    struct net_addr dns_source; /* family 0: not set */
    struct gw_domain *domains;
    size_t n_domains;
    char *trust; /* path */
    char *crl;   /* path; NULL: revocation is not looked at */
    bool crl_keep; /* crl_outdated = "accept": a list that is out of date still counts */
    struct gw_mint mint; /* ca NULL: all certificates are given */
    struct gw_certificate *certificates; /* given ones first, then one for each domain of the other side that is minted */
    size_t n_certificates;
};
struct gw_pair { struct str domain[GW_SIDES]; };
/* What the gateway answers in the place of a host of the other side; nothing of it crosses. */
#define GW_SERVICES_MAX 16
enum gw_service_kind { GW_SERVICE_ECHO, GW_SERVICE_DNS, GW_SERVICE_NTP };
struct gw_service {
    enum gw_side side;       /* where those live that ask */
    enum gw_service_kind kind;
    struct net_addr address; /* of the other side, with the protocol's port (echo: 0) */
    uint8_t stratum;         /* NTP: of this machine's clock */
    unsigned line;
};
const char *gw_service_name(enum gw_service_kind k); /* "echo", "dns", "ntp" */
/* Who keeps checkpoints outside the gateway; reached by the gateway's own network namespace, never by a card. */
#define GW_WITNESSES_MAX 8
enum gw_witness_kind { GW_WITNESS_FILE, GW_WITNESS_SYSLOG, GW_WITNESS_SYSLOG_UDP, GW_WITNESS_HTTP };
struct gw_witness {
    char *name;
    enum gw_witness_kind kind;
    const char *path;        /* FILE: absolute; HTTP: of the URL */
    const char *host;        /* HTTP: as it stands in the URL */
    struct net_addr address; /* all but FILE */
    unsigned line;
};
struct gw_limits { /* bytes, milliseconds, counts */
    int64_t stanza, depth, attributes, elements, streams, streams_per_address, streams_per_domain, pairs_per_stream, handshake, idle,
        keepalive, connect, deliver, window_stanzas, window_bytes, signatures, scan, header, token, name, text, children, progress,
        stream_stanzas, stream_bytes, domain_stanzas, domain_bytes, side_stanzas, side_bytes, dialbacks, dialbacks_per_stream, memory, sessions, session_time,
        certificates;
};
struct gw_conf {
    char *path; /* the file this came from, absolute */
    char *name, *state, *run, *rules;
    enum gw_mode mode;
    bool watch; /* enforce = false: policy refusals are recorded and let through */
    bool reader;
    int64_t uid_first;
    int64_t tap; /* bytes of each edge's capture of what is said inside TLS; 0: none is written */
    struct gw_side_conf side[GW_SIDES];
    struct gw_pair *pairs;
    size_t n_pairs;
    struct gw_service *services;
    size_t n_services;
    struct gw_limits limits;
    struct {
        int64_t segment_size, segment_time, checkpoint, keep_time, keep_size; /* keep_: 0: for ever */
        int64_t hold_time, hold_size; /* hold_time 0: for ever */
        int64_t witness_time;
        char *key;      /* PKCS#11 URI of the signing key; NULL: a file of the journal's own */
        char *evidence; /* path of certificates; NULL: none is kept */
        int64_t evidence_time, evidence_size;
        struct gw_witness *witnesses;
        size_t n_witnesses;
    } journal;
    struct { int64_t rate, burst, open, queues; } admission; /* open 0: not counted */
    struct { char *module, *pin_file, *folder; } pkcs11; /* paths; NULL: not set */
    struct { bool on; int64_t connections, time, bytes; } decoy; /* at once on each side; ms and bytes of each */
    struct arena arena;
};

/* Reads and checks the whole file, also across keys (a pair names a domain of each side; each domain of a pair has a
 * certificate on the other side; no domain lives on both; networks of the two sides do not overlap, except in bridge
 * mode where single addresses must not; ...). Relative paths are made absolute. Returns 0, CONF (errs says why), NOMEM. */
int gw_conf_load(const char *path, struct gw_conf **ret, struct conf_errors *errs) GW_MUST_CHECK;
/* The same for a program that is started by the parent: what is wrong goes to standard error. */
int gw_conf_load_said(const char *path, struct gw_conf **ret) GW_MUST_CHECK;
void gw_conf_free(struct gw_conf *c);
/* Describes every key: for `lockgate check --list-config` and the documentation. */
void gw_conf_describe(FILE *to);

/* The side on which a (prepared) domain lives, or -1. */
int gw_conf_side_of(const struct gw_conf *c, struct str domain);
/* The domain's own entry, or NULL. */
const struct gw_domain *gw_conf_domain(const struct gw_conf *c, enum gw_side side, struct str domain);
/* May these two federate? from lives on `from_side`. */
bool gw_conf_pair_allowed(const struct gw_conf *c, enum gw_side from_side, struct str from, struct str to);
/* The configured certificate that is shown on `side` for domain, or NULL. */
const struct gw_certificate *gw_conf_certificate(const struct gw_conf *c, enum gw_side side, struct str domain);
/* Is a certificate made by the gateway itself, for a domain that none is given for? */
static inline bool gw_conf_minted(const struct gw_certificate *c) { return !c->chain; }
/* Is any private key on a token? */
bool gw_conf_uses_token(const struct gw_conf *c);
/* crl_open.c: a revocation list, for reading; never waits. SYS when it is not there, no regular file, or a link (symbolic, or a second name);
 * *ret_why then says so, until the next call. */
int gw_crl_open(const char *path, const char **ret_why) GW_MUST_CHECK;
/* Is anything answered to hosts of this side? */
bool gw_conf_has_service(const struct gw_conf *c, enum gw_side side);
/* The card behind which an address of this side lives: the narrowest network that holds it decides; the first where none does. */
const struct gw_card *gw_conf_card(const struct gw_side_conf *s, const struct net_addr *a);
/* Does an address lie in the networks of a side? */
bool gw_conf_in_side(const struct gw_conf *c, enum gw_side side, const struct net_addr *a);

/* The numbers that edges, parent and packet rules share. Listeners for intercepted connections in each namespace. */
#define GW_TPROXY_PORT 15269
#define GW_DECOY_PORT 15299 /* and of the decoy: connections to ports that are not for crossing */
/* user id of a program = uid_first + this */
enum gw_uid { GW_UID_EDGE_HIGH, GW_UID_EDGE_LOW, GW_UID_GUARD, GW_UID_SCANNER, GW_UID_JOURNAL, GW_UID_ADMISSION_HIGH,
    GW_UID_ADMISSION_LOW, GW_UID_KEEPER, GW_UID_READER, GW_UID_DECOY, GW_UID_COURIER, GW_UID_DECOY_LOW, GW_UID_TOKEN, GW_UID_RESPONDER_HIGH, GW_UID_RESPONDER_LOW };

#endif
