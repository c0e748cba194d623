// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which sockets an edge may have: source and destination against configuration and admission, as a table. */
#include "../../gw/parent/connect.c"
#include "../../gw/parent/seen.c"
#include "tap.h"

static struct net_prefix high_net[] = { { { 4, { 10, 77, 1 }, 0 }, 24 }, { { 6, { 0xfd, 0x77, 0, 1 }, 0 }, 64 } };
static struct net_prefix low_net[] = { { { 4, { 10, 77, 2 }, 0 }, 24 }, { { 6, { 0xfd, 0x77, 0, 2 }, 0 }, 64 } };
static struct net_prefix high_own[] = { { { 4, { 10, 77, 1, 1 }, 0 }, 24 } }, low_own[] = { { { 4, { 10, 77, 2, 1 }, 0 }, 24 } };
static struct gw_target far_target[] = { { { 4, { 192, 0, 2, 9 }, 5271 }, GW_STARTTLS, 0, 1 } }, high_target[] = { { { 4, { 10, 77, 1, 7 }, 5269 }, GW_STARTTLS, 0, 1 } };
static struct gw_domain low_domain[] = { { .targets = far_target, .n_targets = 1 } }, high_domain[] = { { .targets = high_target, .n_targets = 1 } };
static uint16_t ports[] = { 5269, 5270 };
static struct net_addr low_dns[] = { { 4, { 10, 77, 2, 53 }, 53 } };
static struct gw_conf conf;

static struct net_addr at(const char *text, uint16_t port)
{
    struct net_addr a = { 0 };
    if (text[0] && net_parse(text, &a) != 0)
        diag("no address: %s", text);
    a.port = port;
    return a;
}

/* A socket on side low: from, to, its port; what is answered. 10.77.1.2 was admitted, 10.77.1.3 was dialled, 10.77.1.4 was neither. */
static const struct {
    const char *name;
    enum gw_mode mode;
    const char *from;
    uint16_t from_port;
    const char *to;
    uint16_t port;
    enum gw_reason want;
} rows[] = {
    { "admitted client to a host of this side", GW_ROUTED, "10.77.1.2", 0, "10.77.2.2", 5269, GW_R_ADMITTED },
    { "the same in bridge mode", GW_BRIDGE, "10.77.1.2", 0, "10.77.2.2", 5270, GW_R_ADMITTED },
    { "IPv6", GW_ROUTED, "fd77:1::2", 0, "fd77:2::2", 5269, GW_R_ADMITTED },
    { "a host that was dialled", GW_ROUTED, "10.77.1.3", 0, "10.77.2.2", 5269, GW_R_ADMITTED },
    { "a configured target of the other side", GW_ROUTED, "10.77.1.7", 0, "10.77.2.2", 5269, GW_R_ADMITTED },
    { "a host nobody admitted", GW_ROUTED, "10.77.1.4", 0, "10.77.2.2", 5269, GW_R_SOURCE_UNKNOWN },
    { "a host of this side as source", GW_ROUTED, "10.77.2.3", 0, "10.77.2.2", 5269, GW_R_SOURCE_UNKNOWN },
    { "a stranger as source", GW_ROUTED, "192.0.2.1", 0, "10.77.2.2", 5269, GW_R_SOURCE_UNKNOWN },
    { "no source", GW_ROUTED, "", 0, "10.77.2.2", 5269, GW_R_SOURCE_UNKNOWN },
    { "a chosen source port (covert channel)", GW_ROUTED, "10.77.1.2", 40000, "10.77.2.2", 5269, GW_R_SOURCE_UNKNOWN },
    { "families that differ", GW_ROUTED, "10.77.1.2", 0, "fd77:2::2", 5269, GW_R_SOURCE_UNKNOWN },
    { "a port that may not be tried", GW_ROUTED, "10.77.1.2", 0, "10.77.2.2", 22, GW_R_PORT_FORBIDDEN },
    { "port 0", GW_ROUTED, "10.77.1.2", 0, "10.77.2.2", 0, GW_R_PORT_FORBIDDEN },
    { "a destination of the other side", GW_ROUTED, "10.77.1.2", 0, "10.77.1.3", 5269, GW_R_DESTINATION_UNKNOWN },
    { "a destination outside", GW_ROUTED, "10.77.1.2", 0, "192.0.2.1", 5269, GW_R_DESTINATION_UNKNOWN },
    { "a configured target outside, on its port", GW_ROUTED, "10.77.1.2", 0, "192.0.2.9", 5271, GW_R_ADMITTED },
    { "a configured target, another port", GW_ROUTED, "10.77.1.2", 0, "192.0.2.9", 5269, GW_R_DESTINATION_UNKNOWN },
    { "the gateway itself", GW_ROUTED, "10.77.1.2", 0, "10.77.2.1", 5269, GW_R_DESTINATION_UNKNOWN },
    { "loopback", GW_ROUTED, "10.77.1.2", 0, "127.0.0.1", 5269, GW_R_DESTINATION_UNKNOWN },
    { "no destination", GW_ROUTED, "10.77.1.2", 0, "", 5269, GW_R_DESTINATION_UNKNOWN },
    { "a resolver over TCP, without a source", GW_ROUTED, "", 0, "10.77.2.53", 53, GW_R_ADMITTED },
    { "a resolver in somebody's name", GW_ROUTED, "10.77.1.2", 0, "10.77.2.53", 53, GW_R_SOURCE_UNKNOWN },
    { "another port of the resolver", GW_ROUTED, "", 0, "10.77.2.53", 22, GW_R_PORT_FORBIDDEN },
    { "proxy: no source is kept", GW_PROXY, "", 0, "10.77.2.2", 5269, GW_R_ADMITTED },
    { "proxy: the card's own address", GW_PROXY, "10.77.2.1", 0, "10.77.2.2", 5269, GW_R_ADMITTED },
    { "proxy: nobody else's", GW_PROXY, "10.77.1.2", 0, "10.77.2.2", 5269, GW_R_SOURCE_UNKNOWN },
};

static void test_table(struct seen *s)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net_addr from = at(rows[i].from, rows[i].from_port), to = at(rows[i].to, rows[i].port);
        conf.mode = rows[i].mode;
        enum gw_reason got = connect_check(&conf, s, GW_LOW, &from, &to, 10);
        if (!ok(got == rows[i].want, "%s", rows[i].name))
            diag("got %s", gw_reason_code(got));
    }
}

static void test_dns(void)
{
    struct net_addr good = at("10.77.2.53", 53), port = at("10.77.2.53", 54), host = at("10.77.2.54", 53);
    ok(connect_check_dns(&conf, GW_LOW, &good) == GW_R_ADMITTED, "a resolver of this side may be asked");
    ok(connect_check_dns(&conf, GW_LOW, &port) != GW_R_ADMITTED, "on its port only");
    ok(connect_check_dns(&conf, GW_LOW, &host) != GW_R_ADMITTED, "nobody else may");
    ok(connect_check_dns(&conf, GW_HIGH, &good) != GW_R_ADMITTED, "not from the other side");
}

static struct net_addr nth(uint32_t i)
{
    struct net_addr a = { 4, { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i }, 0 };
    return a;
}

/* A flood of sources must not push out those that are in use, and the table must not grow. */
static void test_flood(void)
{
    struct seen *s = seen_new();
    struct net_addr mine = nth(1);
    seen_add(s, GW_HIGH, &mine, 1);
    ok(seen_use(s, GW_HIGH, &mine, 1), "a host that was seen may be used");
    ok(!seen_use(s, GW_LOW, &mine, 1), "on its side only");
    for (uint32_t i = 2; i < 200000; i++) {
        struct net_addr a = nth(i);
        seen_add(s, GW_HIGH, &a, (int64_t)i);
    }
    ok(seen_use(s, GW_HIGH, &mine, 300000), "it is still there behind 200,000 others");
    ok(seen_count(s) <= 16384, "the table does not grow (%zu)", seen_count(s));
    struct net_addr last = nth(199999);
    ok(seen_use(s, GW_HIGH, &last, 300000), "the newest is there");
    seen_free(s);
}

int main(void)
{
    struct seen *s = seen_new();
    struct net_addr client = at("10.77.1.2", 40000), client6 = at("fd77:1::2", 1), dialled = at("10.77.1.3", 5269), stranger = at("192.0.2.1", 9);
    conf.side[GW_HIGH] = (struct gw_side_conf){ .networks = high_net, .n_networks = 2, .addresses = high_own, .n_addresses = 1, .ports = ports,
        .n_ports = 2, .domains = high_domain, .n_domains = 1 };
    conf.side[GW_LOW] = (struct gw_side_conf){ .networks = low_net, .n_networks = 2, .addresses = low_own, .n_addresses = 1, .ports = ports,
        .n_ports = 2, .domains = low_domain, .n_domains = 1, .dns = low_dns, .n_dns = 1 };
    seen_add(s, GW_HIGH, &client, 1);
    seen_add(s, GW_HIGH, &client6, 1);
    seen_add(s, GW_HIGH, &dialled, 1);
    seen_add(s, GW_HIGH, &stranger, 1);
    test_table(s);
    test_dns();
    test_flood();
    seen_free(s);
    return done_testing();
}
