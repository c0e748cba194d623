// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Heads of packets and neighbour frames as they come from a wire. Oracles: only a plain SYN from here to there is admitted; an
 * answer names a host of the other side. */
#include <stdlib.h>

#include "../../gw/admission/decide.c"
#include "../../gw/admission/neighbour.c"
#include "../../gw/admission/packet.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct net_prefix high_net[] = { { { 4, { 10, 77, 1 }, 0 }, 24 }, { { 6, { 0xfd, 0x77, 0, 1 }, 0 }, 64 } };
static struct net_prefix low_net[] = { { { 4, { 10, 77, 2 }, 0 }, 24 }, { { 6, { 0xfd, 0x77, 0, 2 }, 0 }, 64 } };
static uint16_t ports[] = { 5269 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gw_conf conf;
    static struct rate *rate;
    static const unsigned char mac[6] = { 2, 0, 0, 0, 0, 1 };
    unsigned char out[NEIGHBOUR_FRAME];
    struct packet p;
    if (!rate) {
        rate = rate_new(1000000, 1000000);
        conf.mode = GW_BRIDGE;
        conf.side[GW_HIGH] = (struct gw_side_conf){ .networks = high_net, .n_networks = 2, .ports = ports, .n_ports = 1 };
        conf.side[GW_LOW] = (struct gw_side_conf){ .networks = low_net, .n_networks = 2 };
    }
    packet_read(data, size, &p);
    if (decide(&conf, GW_HIGH, false, &p, rate, 1) == GW_R_ADMITTED &&
        (size < 34 || p.proto != 6 || !p.syn || p.to.port != 5269 || !gw_conf_in_side(&conf, GW_LOW, &p.to)))
        abort();
    if (decide(&conf, GW_HIGH, true, &p, rate, 1) == GW_R_ADMITTED)
        abort();
    size_t n = neighbour_arp(&conf, GW_HIGH, mac, data, size, out);
    if (n && (size < 42 || memcmp(out + 28, low_net[0].addr.addr, 3) != 0))
        abort();
    n = neighbour_nd(&conf, GW_HIGH, mac, data, size, out);
    if (n && (size < 78 || memcmp(out + 22, low_net[1].addr.addr, 8) != 0))
        abort();
    return 0;
}
