/* SPDX-License-Identifier: GPL-3.0-or-later
 * The schema of conf/lockgate.conf: every key with its type, range, default and help. */
#include "gwconf_raw.h"

#define MIB (INT64_C(1) << 20)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static const char *const modes[] = { [GW_BRIDGE] = "bridge", [GW_ROUTED] = "routed", [GW_PROXY] = "proxy", NULL };
static const char *const witness_kinds[] = { [GW_WITNESS_FILE] = "file", [GW_WITNESS_SYSLOG] = "syslog", [GW_WITNESS_SYSLOG_UDP] = "syslog-udp",
    [GW_WITNESS_HTTP] = "http", NULL };
static const char *const tls_modes[] = { [GW_STARTTLS] = "starttls", [GW_DIRECT_TLS] = "direct", NULL };

#define WHERE(tag) { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct tag, where) }
#define END { .key = NULL }

static const struct conf_row gateway_rows[] = {
    WHERE(raw_gateway),
    { "name", CONF_STRING, offsetof(struct raw_gateway, name), true, 1, 253, .help = "how the gateway names itself in the journal" },
    { "mode", CONF_ENUM, offsetof(struct raw_gateway, mode), true, .names = modes,
        .help = "bridge: one subnet on both cards; routed: two subnets; proxy: DNS points at the gateway" },
    { "enforce", CONF_BOOL, offsetof(struct raw_gateway, enforce), false, .def = "true",
        .help = "false: watch mode for the first days; what policy refuses is recorded and let through" },
    { "state", CONF_STRING, offsetof(struct raw_gateway, state), false, 1, 200, "/var/lib/lockgate",
        .help = "folder of the journal and of what must survive a restart" },
    { "run", CONF_STRING, offsetof(struct raw_gateway, run), false, 1, 80, "/run/lockgate", .help = "folder of the control socket" },
    { "rules", CONF_STRING, offsetof(struct raw_gateway, rules), true, 1, 200, .help = "folder of what security officers edit" },
    { "reader", CONF_BOOL, offsetof(struct raw_gateway, reader), false, .def = "true",
        .help = "is what leaves read again, by another parser in a process of its own, before it is sent" },
    { "uid_first", CONF_INT, offsetof(struct raw_gateway, uid_first), false, 1000, 2000000000, "59800",
        .help = "programs run under the user ids from here on" },
    { "tap", CONF_SIZE, offsetof(struct raw_gateway, tap), false, 0, 1024 * 1024 * MIB, "0",
        .help = "each edge writes what is said inside TLS to state/tap, up to this size; 0: nothing is written" },
    END,
};

static const struct conf_row target_rows[] = {
    WHERE(raw_target),
    { "address", CONF_STRING, offsetof(struct raw_target, address), true, 1, 63, .help = "IPv4 or IPv6 address of the server" },
    { "port", CONF_INT, offsetof(struct raw_target, port), false, 1, 65535, "5269", .help = "its port" },
    { "tls", CONF_ENUM, offsetof(struct raw_target, tls), false, .def = "starttls", .names = tls_modes,
        .help = "STARTTLS, or TLS from the first byte (XEP-0368)" },
    { "priority", CONF_INT, offsetof(struct raw_target, priority), false, 0, 65535, "0", .help = "lower ones are tried first, and gone back to (RFC 2782)" },
    { "weight", CONF_INT, offsetof(struct raw_target, weight), false, 0, 65535, "1", .help = "its share among those of the same priority" },
    END,
};

static const struct conf_row domain_rows[] = {
    WHERE(raw_domain),
    { "name", CONF_STRING, offsetof(struct raw_domain, name), true, 1, 253, .help = "XMPP domain that lives on this side" },
    { "targets", CONF_LIST, offsetof(struct raw_domain, targets), false, 0, 16, .sub = target_rows, .sub_size = sizeof(struct raw_target),
        .help = "where its servers are; empty: the intercepted destination, then DNS" },
    { "health", CONF_TIME, offsetof(struct raw_domain, health), false, 0, 10 * MINUTE, "15s",
        .help = "with several targets: how often an idle server is tried by a connection, and a quiet stream by a ping; 0s: never" },
    { "dialback", CONF_BOOL, offsetof(struct raw_domain, dialback), false, .def = "false",
        .help = "is dialback accepted from, and offered to, the servers of this domain" },
    { "pins", CONF_STRINGS, offsetof(struct raw_domain, pins), false, 0, GW_PINS_MAX,
        .help = "SHA-256 of its servers' public keys (SubjectPublicKeyInfo), 64 hex digits each: no other key is accepted, however good its certificate" },
    END,
};

static const struct conf_row route_rows[] = {
    WHERE(raw_route),
    { "to", CONF_STRING, offsetof(struct raw_route, to), true, 1, 63, .help = "a further network of this side" },
    { "via", CONF_STRING, offsetof(struct raw_route, via), true, 1, 63,
        .help = "the router that leads there: in a subnet of the card's addresses; in bridge mode a host in its networks" },
    END,
};

static const struct conf_row certificate_rows[] = {
    WHERE(raw_certificate),
    { "domain", CONF_STRING, offsetof(struct raw_certificate, domain), true, 1, 253, .help = "domain of the other side that it stands for" },
    { "chain", CONF_STRING, offsetof(struct raw_certificate, chain), true, 1, 4000, .help = "PEM file, the certificate first, then its issuers" },
    { "key", CONF_STRING, offsetof(struct raw_certificate, key), true, 1, 4000, .help = "PEM file with the private key, or pkcs11:token=...;object=..." },
    END,
};

static const struct conf_row mint_rows[] = {
    WHERE(raw_mint),
    { "ca", CONF_STRING, offsetof(struct raw_mint, ca), false, 0, 4000,
        .help = "PEM file with the certificate of a CA that this side trusts, name-constrained to domains of the other; empty: nothing is minted" },
    { "key", CONF_STRING, offsetof(struct raw_mint, key), false, 0, 4000, .help = "PEM file with its private key, or pkcs11:token=...;object=..." },
    { "life", CONF_TIME, offsetof(struct raw_mint, life), false, 10 * SECOND, 398 * 24 * HOUR, "7d",
        .help = "how long each certificate holds; a new one is made when a third of it is left" },
    END,
};

static const char *const outdated[] = { "refuse", "accept", NULL };

#define CARD_VLAN_HELP "the VLAN (IEEE 802.1Q) of this side on the card; 0: frames without a tag"
static const struct conf_row card_rows[] = {
    WHERE(raw_card),
    { "name", CONF_STRING, offsetof(struct raw_card, name), true, 1, 15, .help = "the card; it may stand here more than once, with a VLAN each time" },
    { "vlan", CONF_INT, offsetof(struct raw_card, vlan), false, 0, 4094, "0", .help = CARD_VLAN_HELP },
    { "addresses", CONF_STRINGS, offsetof(struct raw_card, addresses), false, 0, 16, .help = "its own addresses (none in bridge mode)" },
    { "networks", CONF_STRINGS, offsetof(struct raw_card, networks), true, 1, 256, .help = "where the hosts behind it live: these alone may speak there" },
    { "routes", CONF_LIST, offsetof(struct raw_card, routes), false, 0, 256, .sub = route_rows, .sub_size = sizeof(struct raw_route),
        .help = "further networks behind routers" },
    END,
};

static const char *const unless_cards[] = { "interfaces", NULL };
static const struct conf_row side_rows[] = {
    WHERE(raw_side),
    { "interface", CONF_STRING, offsetof(struct raw_side, card.name), true, 1, 15, .help = "the card on this side", .names = unless_cards },
    { "vlan", CONF_INT, offsetof(struct raw_side, card.vlan), false, 0, 4094, "0", .help = CARD_VLAN_HELP, .names = unless_cards },
    { "namespace", CONF_STRING, offsetof(struct raw_side, namespace_), true, 1, 64, .help = "network namespace that the card is put into" },
    { "addresses", CONF_STRINGS, offsetof(struct raw_side, card.addresses), false, 0, 16, .help = "the card's own addresses (none in bridge mode)",
        .names = unless_cards },
    { "networks", CONF_STRINGS, offsetof(struct raw_side, card.networks), true, 1, 256, .help = "where hosts of this side live", .names = unless_cards },
    { "routes", CONF_LIST, offsetof(struct raw_side, card.routes), false, 0, 256, .sub = route_rows, .sub_size = sizeof(struct raw_route),
        .help = "further networks behind routers", .names = unless_cards },
    { "interfaces", CONF_LIST, offsetof(struct raw_side, cards), false, 1, GW_CARDS_MAX, .sub = card_rows, .sub_size = sizeof(struct raw_card),
        .help = "several cards on this side, in place of interface, vlan, addresses, networks and routes; nothing crosses from one to another" },
    { "ports", CONF_INTS, offsetof(struct raw_side, ports), true, 1, 65535, .help = "destination ports that may be tried from this side" },
    { "dns", CONF_STRINGS, offsetof(struct raw_side, dns), false, 0, 8, .help = "resolvers on this side" },
    { "dns_source", CONF_STRING, offsetof(struct raw_side, dns_source), false, 0, 63, .help = "the address that queries to them come from" },
    { "domains", CONF_LIST, offsetof(struct raw_side, domains), true, 1, 1000, .sub = domain_rows, .sub_size = sizeof(struct raw_domain),
        .help = "XMPP domains that live on this side" },
    { "trust", CONF_STRING, offsetof(struct raw_side, trust), true, 1, 4000, .help = "PEM file: who vouches for the servers of this side" },
    { "crl", CONF_STRING, offsetof(struct raw_side, crl), false, 0, 4000,
        .help = "PEM file with a revocation list of every authority that may stand in their chains, no link; empty: revocation is not looked at" },
    { "crl_outdated", CONF_ENUM, offsetof(struct raw_side, crl_outdated), false, .def = "refuse", .names = outdated,
        .help = "a list whose nextUpdate is over: refuse, nobody of that authority is let in until there is a new one; accept, it counts on, with a record" },
    { "certificates", CONF_LIST, offsetof(struct raw_side, certificates), false, 0, 1000, .sub = certificate_rows,
        .sub_size = sizeof(struct raw_certificate), .help = "what the gateway shows to this side: certificates for domains of the other" },
    { "mint", CONF_GROUP, offsetof(struct raw_side, mint), false, .sub = mint_rows,
        .help = "a CA by which the gateway makes the certificates that are not given" },
    END,
};

static const struct conf_row pair_rows[] = {
    WHERE(raw_pair),
    { "high", CONF_STRING, offsetof(struct raw_pair, domain[GW_HIGH]), true, 1, 253, .help = "a domain of side high" },
    { "low", CONF_STRING, offsetof(struct raw_pair, domain[GW_LOW]), true, 1, 253, .help = "a domain of side low" },
    END,
};

#define LIMIT(key, type, low, high, def, help) { #key, type, offsetof(struct raw_limits, v.key), false, low, high, def, NULL, NULL, 0, help }
static const struct conf_row limit_rows[] = {
    WHERE(raw_limits),
    LIMIT(stanza, CONF_SIZE, 10000, 16 * MIB, "256KiB", "one stanza as it arrives (RFC 6120 section 13.12: at least 10000 bytes)"),
    LIMIT(depth, CONF_INT, 4, 256, "32", "elements inside elements"),
    LIMIT(attributes, CONF_INT, 4, 256, "32", "of one element"),
    LIMIT(elements, CONF_INT, 16, 65536, "2000", "of one stanza"),
    LIMIT(header, CONF_SIZE, 1024, 65536, "8KiB", "a stream header, and each element before authentication"),
    LIMIT(token, CONF_SIZE, 8192, MIB, "64KiB", "one tag with its attributes"),
    LIMIT(name, CONF_SIZE, 64, 1024, "1KiB", "one name, or one namespace's name"),
    LIMIT(text, CONF_SIZE, 1024, 16 * MIB, "256KiB", "one attribute's value, or the text between two tags"),
    LIMIT(children, CONF_INT, 16, 65535, "2000", "elements directly inside one element"),
    LIMIT(streams, CONF_INT, 1, 100000, "1000", "on each side"),
    LIMIT(streams_per_address, CONF_INT, 1, 100000, "250", "opened by one address"),
    LIMIT(streams_per_domain, CONF_INT, 1, 100000, "250", "opened in the name of one domain"),
    LIMIT(pairs_per_stream, CONF_INT, 1, 1000, "16", "domain pairs on one stream"),
    LIMIT(stream_stanzas, CONF_INT, 1, 1000000, "50000", "stanzas a second on one stream; what is more waits (the stream is read more slowly)"),
    LIMIT(stream_bytes, CONF_SIZE, 16384, 1024 * MIB, "64MiB", "bytes a second on one stream"),
    LIMIT(domain_stanzas, CONF_INT, 1, 1000000, "50000", "stanzas a second of one domain, on all its streams"),
    LIMIT(domain_bytes, CONF_SIZE, 16384, 1024 * MIB, "64MiB", "bytes of stanzas a second of one domain"),
    LIMIT(side_stanzas, CONF_INT, 1, 1000000, "100000", "stanzas a second on all streams of one side"),
    LIMIT(side_bytes, CONF_SIZE, 16384, 1024 * MIB, "128MiB", "bytes a second on all streams of one side"),
    LIMIT(dialbacks, CONF_INT, 1, 10000, "64", "questions under way to servers of one side, whether a dialback key is theirs"),
    LIMIT(dialbacks_per_stream, CONF_INT, 1, 1000, "16", "of these, for one stream"),
    LIMIT(handshake, CONF_TIME, 1 * SECOND, 5 * MINUTE, "10s", "from TCP to an authenticated stream"),
    LIMIT(progress, CONF_TIME, 1 * SECOND, 10 * MINUTE, "60s", "for a stanza from its first byte to its last; and for a peer that takes no data"),
    LIMIT(idle, CONF_TIME, 1 * SECOND, 24 * HOUR, "10min", "a stream without a stanza is closed in order"),
    LIMIT(keepalive, CONF_TIME, 0, 1 * HOUR, "60s", "white space on quiet streams; 0s: none"),
    LIMIT(connect, CONF_TIME, 100, 30 * SECOND, "10s", "for one try to reach the other server"),
    LIMIT(deliver, CONF_TIME, 1 * SECOND, 30 * SECOND, "25s", "a stanza that cannot leave within this time goes back to its sender"),
    LIMIT(window_stanzas, CONF_INT, 1, 65536, "1024", "under way at once for one domain pair and direction"),
    LIMIT(window_bytes, CONF_SIZE, 65536, 256 * MIB, "4MiB", "the same, in bytes of records"),
    LIMIT(signatures, CONF_INT, 1, 100000, "500", "TLS handshakes a second on each side; for twice as many the keeper signs at once"),
    LIMIT(sessions, CONF_INT, 0, 100000, "1000", "TLS sessions that each side keeps, so that a peer that comes back needs no full handshake; 0: none"),
    LIMIT(session_time, CONF_TIME, 1 * MINUTE, 24 * HOUR, "1h", "how long after the handshake that verified a peer its session may be resumed"),
    LIMIT(certificates, CONF_SIZE, 4096, MIB, "64KiB", "what a peer shows of itself in a TLS handshake: its certificate and those above it"),
    LIMIT(scan, CONF_TIME, 1, 10 * SECOND, "100ms", "after this the scanner is ended and its answer is \"unknown\""),
    LIMIT(memory, CONF_SIZE, 256 * MIB, 64 * 1024 * MIB, "2GiB", "address space of each edge, guard and reader"),
    END,
};
static const struct conf_row witness_rows[] = {
    WHERE(raw_witness),
    { "name", CONF_STRING, offsetof(struct raw_witness, name), true, 1, 32, .help = "how records and status name it: a-z, 0-9, -" },
    { "kind", CONF_ENUM, offsetof(struct raw_witness, kind), true, .names = witness_kinds,
        .help = "a file on another disk; RFC 5424 over TCP or UDP; HTTP POST" },
    { "to", CONF_STRING, offsetof(struct raw_witness, to), true, 1, 1000,
        .help = "a path, address:port, or http://address[:port]/path; addresses as numbers, in the management network" },
    END,
};
#define JOURNAL(key, type, low, high, def, help) { #key, type, offsetof(struct raw_journal, key), false, low, high, def, NULL, NULL, 0, help }
static const struct conf_row journal_rows[] = {
    WHERE(raw_journal),
    JOURNAL(segment_size, CONF_SIZE, MIB, 4096 * MIB, "64MiB", "a file of the journal ends at this size"),
    JOURNAL(segment_time, CONF_TIME, MINUTE, 31 * 24 * HOUR, "24h", "or after this time"),
    JOURNAL(checkpoint, CONF_TIME, SECOND, HOUR, "10s", "how often the journal's state is signed"),
    JOURNAL(keep_time, CONF_TIME, 0, 36500 * 24 * HOUR, "0s", "files whose newest record is older than this are deleted; 0s: never"),
    JOURNAL(keep_size, CONF_SIZE, 0, 1024 * 1024 * 1024 * MIB, "0", "the oldest files are deleted above this size of all; 0: never"),
    { "witnesses", CONF_LIST, offsetof(struct raw_journal, witnesses), false, 0, GW_WITNESSES_MAX, .sub = witness_rows,
        .sub_size = sizeof(struct raw_witness), .help = "who keeps checkpoints outside the gateway" },
    { "key", CONF_STRING, offsetof(struct raw_journal, key), false, 0, 1000,
        .help = "pkcs11:token=...;object=... of the Ed25519 key that signs checkpoints; empty: a file below state/keys, made at the first start" },
    { "evidence", CONF_STRING, offsetof(struct raw_journal, evidence), false, 0, 4000,
        .help = "PEM file with the auditors' certificates: refused and changed stanzas (watched: those to refuse, too) are kept, encrypted to them; empty: none is" },
    JOURNAL(evidence_time, CONF_TIME, 0, 36500 * 24 * HOUR, "30d", "how long a piece of evidence is kept; 0s: for ever"),
    JOURNAL(evidence_size, CONF_SIZE, 0, 1024 * 1024 * 1024 * MIB, "1GiB", "the oldest pieces go above this size of all; 0: no limit"),
    JOURNAL(witness_time, CONF_TIME, SECOND, 24 * HOUR, "10s", "how often the newest checkpoint is carried to each; a failure is tried again as often"),
    JOURNAL(hold_time, CONF_TIME, 0, 36500 * 24 * HOUR, "30d", "held stanzas that are older are deleted, and a record says so; 0s: never"),
    JOURNAL(hold_size, CONF_SIZE, MIB, 1024 * 1024 * MIB, "64MiB", "all held stanzas together; what does not fit is refused"),
    END,
};
static const struct conf_row admission_rows[] = {
    { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct raw_conf, admission.where) - offsetof(struct raw_conf, admission) },
    { "rate", CONF_INT, offsetof(struct raw_conf, admission.rate) - offsetof(struct raw_conf, admission), false, 1, 100000, "50",
        .help = "new connections a second from one address" },
    { "burst", CONF_INT, offsetof(struct raw_conf, admission.burst) - offsetof(struct raw_conf, admission), false, 1, 1000000, "200",
        .help = "that many at once" },
    { "open", CONF_INT, offsetof(struct raw_conf, admission.open) - offsetof(struct raw_conf, admission), false, 0, 100000, "500",
        .help = "connections from one address (IPv6: /64) that are open or being opened; 0: not counted" },
    { "queues", CONF_INT, offsetof(struct raw_conf, admission.queues) - offsetof(struct raw_conf, admission), false, 1, 8, "1",
        .help = "queues of first packets on each side, which pairs of addresses are spread over; each is served in turn" },
    END,
};

static const struct conf_row decoy_rows[] = {
    WHERE(raw_decoy),
    { "on", CONF_BOOL, offsetof(struct raw_decoy, on), false, .def = "false",
        .help = "finish the handshake on ports that are not for crossing, name what is spoken, record it, close (bridge and routed)" },
    { "connections", CONF_INT, offsetof(struct raw_decoy, connections), false, 1, 1024, "64", .help = "at once on each side; more are closed at once" },
    { "time", CONF_TIME, offsetof(struct raw_decoy, time), false, 100, MINUTE, "5s", .help = "for one to say something" },
    { "bytes", CONF_SIZE, offsetof(struct raw_decoy, bytes), false, 512, 16384, "4KiB", .help = "of one that are looked at" },
    END,
};

static const char *const sides[] = { [GW_HIGH] = "high", [GW_LOW] = "low", NULL };
static const char *const service_kinds[] = { [GW_SERVICE_ECHO] = "echo", [GW_SERVICE_DNS] = "dns", [GW_SERVICE_NTP] = "ntp", NULL };
static const struct conf_row service_rows[] = {
    WHERE(raw_service),
    { "side", CONF_ENUM, offsetof(struct raw_service, side), true, .names = sides, .help = "where those live that ask" },
    { "protocol", CONF_ENUM, offsetof(struct raw_service, protocol), true, .names = service_kinds,
        .help = "echo: ICMP and ICMPv6 echo; dns: the other side's domains and their targets, over UDP; ntp: this machine's clock" },
    { "address", CONF_STRING, offsetof(struct raw_service, address), true, 1, 63, .help = "the host of the other side in whose place the gateway answers" },
    { "stratum", CONF_INT, offsetof(struct raw_service, stratum), false, 1, 15, "10",
        .help = "ntp: of this machine's clock, which the kernel does not know; one more than its own time server's" },
    END,
};
static const struct conf_row pkcs11_rows[] = {
    WHERE(raw_pkcs11),
    { "module", CONF_STRING, offsetof(struct raw_pkcs11, module), false, 0, 4000, .help = "the vendor's library (PKCS#11), for keys that are named pkcs11:..." },
    { "pin_file", CONF_STRING, offsetof(struct raw_pkcs11, pin_file), false, 0, 4000, .help = "file with the user PIN in its first line; root's, mode 600" },
    { "folder", CONF_STRING, offsetof(struct raw_pkcs11, folder), false, 0, 4000,
        .help = "where the module keeps files that it needs while it signs (SoftHSM: directories.tokendir); all others are shut to it" },
    END,
};

const struct conf_row gwconf_rows[] = {
    WHERE(raw_conf),
    { "gateway", CONF_GROUP, offsetof(struct raw_conf, gateway), true, .sub = gateway_rows, .help = "the gateway as a whole" },
    { "high", CONF_GROUP, offsetof(struct raw_conf, side[GW_HIGH]), true, .sub = side_rows, .help = "the network of security domain \"high\"" },
    { "low", CONF_GROUP, offsetof(struct raw_conf, side[GW_LOW]), true, .sub = side_rows, .help = "the network of security domain \"low\"" },
    { "pairs", CONF_LIST, offsetof(struct raw_conf, pairs), true, 1, 10000, .sub = pair_rows, .sub_size = sizeof(struct raw_pair),
        .help = "who may federate with whom; everything else is refused" },
    { "services", CONF_LIST, offsetof(struct raw_conf, services), false, 0, GW_SERVICES_MAX, .sub = service_rows, .sub_size = sizeof(struct raw_service),
        .help = "what the gateway answers in the place of the other side; nothing of it crosses (bridge and routed)" },
    { "limits", CONF_GROUP, offsetof(struct raw_conf, limits), false, .sub = limit_rows, .help = "each is a refusal with a reason when it is reached" },
    { "journal", CONF_GROUP, offsetof(struct raw_conf, journal), false, .sub = journal_rows, .help = "the journal's files" },
    { "admission", CONF_GROUP, offsetof(struct raw_conf, admission), false, .sub = admission_rows, .help = "who may try how often" },
    { "pkcs11", CONF_GROUP, offsetof(struct raw_conf, pkcs11), false, .sub = pkcs11_rows, .help = "the token that keys named pkcs11:... are on" },
    { "decoy", CONF_GROUP, offsetof(struct raw_conf, decoy), false, .sub = decoy_rows, .sub_size = 0, .help = "names what is tried on other ports" },
    END,
};
