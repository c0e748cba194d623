/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writes pcap (LINKTYPE_RAW): IP and TCP headers are made up around what was read and written, so that streams can be rebuilt from it. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "log.h"
#include "wire.h"

#define LINKTYPE_RAW 101
#define SEGMENT_MAX 16384
#define FIN 0x01
#define SYN 0x02
#define PSH 0x08
#define ACK 0x10

static bool put(struct tap *t, const struct buf *b)
{
    size_t done = 0, n = buf_size(b);
    while (done < n) {
        ssize_t k = write(t->fd, buf_data(b) + done, n - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    t->bytes += n;
    return true;
}

static void stop(struct tap *t, const char *why)
{
    log_warn("the tap ends here: %s", why);
    close(t->fd);
    t->fd = -1;
}

static int begin(struct tap *t)
{
    struct wire_out o;
    buf_init(&t->packet, SEGMENT_MAX + 256);
    wire_out_init(&o, &t->packet);
    wire_put_u32(&o, 0xa1b2c3d4);
    wire_put_u16(&o, 2);
    wire_put_u16(&o, 4);
    wire_put_u32(&o, 0);
    wire_put_u32(&o, 0);
    wire_put_u32(&o, 65535);
    wire_put_u32(&o, LINKTYPE_RAW);
    return o.err || !put(t, &t->packet) ? GW_ERR(SYS) : 0;
}

int tap_init(struct edge *e)
{
    struct tap *t = &e->tap;
    char path[4096], old[4096];
    t->fd = -1;
    t->max = (uint64_t)e->conf->tap;
    if (!t->max)
        return 0;
    snprintf(path, sizeof path, "%s/tap", e->conf->state);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        log_error("%s: the tap's folder cannot be made: %s", path, strerror(errno));
        return GW_ERR(SYS);
    }
    snprintf(path, sizeof path, "%s/tap/edge-%s.pcap", e->conf->state, gw_side_name(e->side));
    snprintf(old, sizeof old, "%s/tap/edge-%s.old.pcap", e->conf->state, gw_side_name(e->side));
    if (rename(path, old) != 0 && errno != ENOENT)
        log_warn("%s: %s", path, strerror(errno));
    t->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (t->fd < 0 || begin(t) != 0) {
        log_error("%s: the tap cannot be opened: %s", path, strerror(errno));
        return GW_ERR(SYS);
    }
    log_warn("what is said inside TLS is written to %s", path);
    return 0;
}

/* ---- packets ---- */

static void head_ip(struct wire_out *o, const struct net_addr *from, const struct net_addr *to, size_t n)
{
    if (from->family == 4) {
        wire_put_u16(o, 0x4500);
        wire_put_u16(o, (uint16_t)(40 + n));
        wire_put_u32(o, 0x4000);
        wire_put_u16(o, 0x4006); /* 64 hops, TCP */
        wire_put_u16(o, 0);      /* no checksum: nothing was damaged on the way to here */
    } else {
        wire_put_u32(o, 0x60000000);
        wire_put_u16(o, (uint16_t)(20 + n));
        wire_put_u16(o, 0x0640);
    }
    wire_put_bytes(o, from->addr, from->family == 4 ? 4 : 16);
    wire_put_bytes(o, to->addr, from->family == 4 ? 4 : 16);
}

static void packet(struct conn *c, bool came, uint8_t flags, const void *p, size_t n)
{
    struct tap *t = &c->edge->tap;
    const struct net_addr *from = came ? &c->remote : &c->local, *to = came ? &c->local : &c->remote;
    struct timespec now;
    struct wire_out o;
    uint32_t size = (uint32_t)((from->family == 4 ? 40 : 60) + n);
    if (t->fd < 0)
        return;
    if (t->bytes + size + 16 > t->max) {
        stop(t, "it has its full size");
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    buf_reset(&t->packet);
    wire_out_init(&o, &t->packet);
    wire_put_u32(&o, (uint32_t)now.tv_sec);
    wire_put_u32(&o, (uint32_t)(now.tv_nsec / 1000));
    wire_put_u32(&o, size);
    wire_put_u32(&o, size);
    head_ip(&o, from, to, n);
    wire_put_u16(&o, from->port);
    wire_put_u16(&o, to->port);
    wire_put_u32(&o, c->tap_seq[came]);
    wire_put_u32(&o, flags & ACK ? c->tap_seq[!came] : 0);
    wire_put_u16(&o, (uint16_t)(0x5000 | flags));
    wire_put_u16(&o, 65535);
    wire_put_u32(&o, 0);
    wire_put_bytes(&o, p, n);
    c->tap_seq[came] += (uint32_t)n + !!(flags & (SYN | FIN));
    if (o.err || !put(t, &t->packet))
        stop(t, "the disk takes no more");
}

void tap_data(struct conn *c, bool came, const void *p, size_t n)
{
    const unsigned char *at = p;
    if (c->edge->tap.fd < 0 || !c->secure || !c->local.family || c->local.family != c->remote.family)
        return;
    if (!c->tapped) {
        c->tapped = true;
        packet(c, c->came, SYN, "", 0);
        packet(c, !c->came, SYN | ACK, "", 0);
        packet(c, c->came, ACK, "", 0);
    }
    for (; n; ) {
        size_t k = n < SEGMENT_MAX ? n : SEGMENT_MAX;
        packet(c, came, PSH | ACK, at, k);
        at += k;
        n -= k;
    }
}

void tap_end(struct conn *c)
{
    if (!c->tapped)
        return;
    c->tapped = false;
    packet(c, true, FIN | ACK, "", 0);
    packet(c, false, FIN | ACK, "", 0);
}
