/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate check --system: the two cards, ways around the gateway, packet rules, tables of others. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inline.h"
#include "system.h"

#define OTHERS 5        /* so many cards that are not ours are named */
#define CARRIER_TRIES 20 /* of 100 ms: the kernel learns of a carrier a moment after a card is up */

/* What a process inside the namespace sees; in memory that it shares with us. */
struct inside {
    const struct gw_side_conf *side;
    struct { bool found, up, carrier; int mtu; } card[GW_CARDS_MAX];
    int n_others, forward4, forward6;
    char others[OTHERS][IF_NAMESIZE];
};

static int setting(const char *path)
{
    char c = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &c, 1) != 1)
        c = 0;
    if (fd >= 0)
        close(fd);
    return c == '0' ? 0 : c ? 1 : -1;
}

static void look_at_card(struct inside *v, size_t n, int fd, struct ifreq *q, short flags)
{
    v->card[n].found = true;
    v->card[n].up = flags & IFF_UP;
    for (int i = 0; v->card[n].up && !(flags & IFF_RUNNING) && i < CARRIER_TRIES; i++) {
        usleep(100000);
        flags = ioctl(fd, SIOCGIFFLAGS, q) == 0 ? q->ifr_flags : 0;
    }
    v->card[n].carrier = flags & IFF_RUNNING;
    v->card[n].mtu = ioctl(fd, SIOCGIFMTU, q) == 0 ? q->ifr_mtu : 0;
}

/* What a VLAN of ours is on is no card of others. */
static bool ours(const struct gw_side_conf *s, const char *name, size_t *ret_card)
{
    bool device = false;
    for (size_t i = 0; i < s->n_cards; i++) {
        if (strcmp(name, s->cards[i].interface) == 0) {
            *ret_card = i;
            return true;
        }
        device |= strcmp(name, s->cards[i].device) == 0;
    }
    return device;
}

static int look_inside(void *arg)
{
    struct inside *v = arg;
    struct if_nameindex *all = if_nameindex();
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (struct if_nameindex *i = all; i && i->if_index; i++) {
        struct ifreq q = { 0 };
        snprintf(q.ifr_name, sizeof q.ifr_name, "%s", i->if_name);
        short flags = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &q) == 0 ? q.ifr_flags : 0;
        size_t card = GW_CARDS_MAX;
        if (ours(v->side, i->if_name, &card)) {
            if (card < GW_CARDS_MAX)
                look_at_card(v, card, fd, &q, flags);
        } else if (!(flags & IFF_LOOPBACK) && flags & IFF_UP) {
            if (v->n_others < OTHERS)
                snprintf(v->others[v->n_others], IF_NAMESIZE, "%s", i->if_name);
            v->n_others++;
        }
    }
    if_freenameindex(all);
    v->forward4 = setting("/proc/sys/net/ipv4/ip_forward");
    v->forward6 = setting("/proc/sys/net/ipv6/conf/all/forwarding");
    return 0;
}

static bool namespace_there(const char *ns)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", ns);
    return access(path, F_OK) == 0;
}

static void card(struct sys_report *r, const char *side, const struct gw_side_conf *d, const struct inside *v, size_t n)
{
    const char *name = d->cards[n].interface;
    if (!v->card[n].found)
        sys_say(r, SYS_WRONG, "interfaces", "lockgate inline up; `ip link` lists what is here", "%s: %s is not in namespace %s", side, name, d->namespace_);
    else if (!v->card[n].up)
        sys_say(r, SYS_WRONG, "interfaces", "lockgate inline up", "%s: %s is down", side, name);
    else if (!v->card[n].carrier)
        sys_say(r, SYS_WRONG, "interfaces", "look at the cable and the switch", "%s: %s has no carrier", side, name);
    else
        sys_say(r, SYS_FINE, "interfaces", NULL, "%s: %s is up, mtu %d", side, name, v->card[n].mtu);
}

/* The cards before there is a namespace. */
static void not_up(struct sys_report *r, const char *side, const struct gw_side_conf *d)
{
    for (size_t i = 0; i < d->n_cards; i++) {
        bool here = inline_has_card(NULL, d->cards[i].device);
        sys_say(r, here ? SYS_WARNING : SYS_WRONG, "interfaces", here ? "lockgate inline up, then look again" : "`ip link` lists what is here",
            here ? "%s: namespace %s is not there yet; %s is here" : "%s: namespace %s is not there, and no card %s is here", side, d->namespace_, d->cards[i].device);
    }
}

/* Another card in the same namespace, or a kernel that forwards there, would be a way around the gateway. */
static void ways_around(struct sys_report *r, const char *side, const struct gw_side_conf *d, const struct inside *v)
{
    for (int i = 0; i < v->n_others && i < OTHERS; i++)
        sys_say(r, SYS_WRONG, "interfaces", "take it out of there", "%s: namespace %s has a further card that is up, %s: a way around the gateway", side,
            d->namespace_, v->others[i]);
    if (v->forward4 > 0 || v->forward6 > 0)
        sys_say(r, SYS_WRONG, "forwarding", "lockgate inline up", "%s: the kernel forwards %s in namespace %s", side, v->forward4 > 0 ? "IPv4" : "IPv6",
            d->namespace_);
    else
        sys_say(r, SYS_FINE, "forwarding", NULL, "%s: the kernel forwards nothing in namespace %s", side, d->namespace_);
}

/* Tables of nft that are not ours. The target NFQUEUE hangs in `mangle`, which iptables-nft makes. */
static void tables(struct sys_report *r, const char *side, const char *ns)
{
    struct buf b;
    char *args[] = { (char[]){ "nft" }, (char[]){ "list" }, (char[]){ "tables" }, NULL };
    buf_init(&b, 65536);
    if (step_output(ns, args, &b) != 0 || buf_put(&b, "", 1)) {
        sys_say(r, SYS_WARNING, "firewall", "install nftables", "%s: tables cannot be listed", side);
        buf_clear(&b);
        return;
    }
    unsigned others = 0;
    char *save = NULL;
    for (char *line = strtok_r((char *)(uintptr_t)buf_data(&b), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char family[16] = "", name[100] = "";
        if (sscanf(line, "table %15s %99s", family, name) != 2 || !strcmp(name, INLINE_TABLE) ||
            (!strcmp(name, "mangle") && (!strcmp(family, "ip") || !strcmp(family, "ip6"))))
            continue;
        others++;
        sys_say(r, SYS_WRONG, "firewall", "take it away: only the gateway's own tables may stand there", "%s: table %s %s in namespace %s", side, family, name, ns);
    }
    buf_clear(&b);
    if (!others)
        sys_say(r, SYS_FINE, "firewall", NULL, "%s: no table of others in namespace %s", side, ns);
}

static void rules(struct sys_report *r, const struct gw_conf *c)
{
    char *args[] = { (char[]){ "/proc/self/exe" }, (char[]){ "inline" }, (char[]){ "check" }, (char[]){ "-c" }, c->path, NULL };
    if (step_command(NULL, args, STR_NONE, true) == 0)
        sys_say(r, SYS_FINE, "rules", NULL, "packet rules and routes are as `lockgate inline up` left them");
    else
        sys_say(r, SYS_WRONG, "rules", "`lockgate inline check` says how, `lockgate inline up` puts them back", "packet rules or routes are not as `up` left them");
}

void sys_network(struct sys_report *r, const struct gw_conf *c)
{
    int mtu[GW_SIDES] = { 0 };
    bool all = geteuid() == 0;
    for (int s = 0; s < GW_SIDES && geteuid() == 0; s++) {
        const struct gw_side_conf *d = &c->side[s];
        const char *side = gw_side_name((enum gw_side)s);
        if (!namespace_there(d->namespace_)) {
            not_up(r, side, d);
            all = false;
            continue;
        }
        struct inside *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (v == MAP_FAILED)
            return;
        v->side = d;
        if (step_inside(d->namespace_, look_inside, v) == 0) {
            for (size_t i = 0; i < d->n_cards; i++)
                card(r, side, d, v, i);
            ways_around(r, side, d, v);
            tables(r, side, d->namespace_);
            mtu[s] = d->n_cards == 1 ? v->card[0].mtu : 0;
        } else {
            sys_say(r, SYS_WRONG, "interfaces", "run it as root", "%s: namespace %s cannot be entered", side, d->namespace_);
        }
        munmap(v, sizeof *v);
    }
    if (all)
        rules(r, c);
    if (mtu[GW_HIGH] && mtu[GW_LOW] && mtu[GW_HIGH] != mtu[GW_LOW])
        sys_say(r, SYS_WARNING, "interfaces", "both legs are connections of their own, so this may be meant", "mtu %d on high, %d on low", mtu[GW_HIGH], mtu[GW_LOW]);
}
