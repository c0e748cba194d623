/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate check --system: what the configured resolvers say of the configured domains (SRV, then A and AAAA; RFC 6120 section 3.2,
 * XEP-0368), asked from inside the side's namespace. Answers are untrusted: a reader with a sticky error, and only counts leave it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inline.h"
#include "system.h"
#include "wire.h"

#define WAIT_S 2
#define NAME_BYTES 255
#define LEG_MARK 0x1000 /* the packet rules let only the gateway's own queries leave */
enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_SRV = 33 };

/* One question and what came of it; in memory that is shared with the process that asks. */
struct question {
    const struct net_addr *server, *source;
    char name[300];
    uint16_t type;
    int err;   /* errno; 0: an answer came */
    int rcode; /* RFC 1035 section 4.1.1 */
    unsigned answers;
};

/* The message. 0: the name does not fit. */
static size_t put_question(unsigned char *m, uint16_t id, const char *name, uint16_t type)
{
    size_t n = 12;
    memset(m, 0, 12);
    m[0] = (unsigned char)(id >> 8);
    m[1] = (unsigned char)id;
    m[2] = 1; /* recursion desired */
    m[5] = 1;
    while (*name) {
        size_t len = strcspn(name, ".");
        if (len < 1 || len > 63 || n + len + 6 > 12 + NAME_BYTES)
            return 0;
        m[n++] = (unsigned char)len;
        memcpy(m + n, name, len);
        n += len;
        name += len + (name[len] == '.');
    }
    m[n++] = 0;
    m[n++] = (unsigned char)(type >> 8);
    m[n++] = (unsigned char)type;
    m[n++] = 0;
    m[n++] = 1; /* IN */
    return n;
}

/* Over a name: labels, then an end or a pointer that is not followed. */
static void skip_name(struct wire *w)
{
    for (int i = 0; i < 128; i++) {
        uint8_t len = wire_u8(w);
        if (!len || len >= 0xc0) {
            if (len)
                wire_u8(w);
            return;
        }
        wire_bytes(w, len);
    }
}

static void read_answer(struct question *q, struct str message)
{
    struct wire w;
    wire_init(&w, message.p, message.n);
    wire_u16(&w);
    q->rcode = wire_u16(&w) & 15;
    unsigned questions = wire_u16(&w), answers = wire_u16(&w);
    wire_u32(&w);
    for (unsigned i = 0; i < questions && i < 4; i++) {
        skip_name(&w);
        wire_u32(&w);
    }
    for (unsigned i = 0; i < answers && i < 100 && !w.err; i++) {
        skip_name(&w);
        uint16_t type = wire_u16(&w);
        wire_u16(&w);
        wire_u32(&w);
        wire_bytes(&w, wire_u16(&w));
        q->answers += type == q->type && !w.err;
    }
    if (w.err && !q->answers)
        q->err = EBADMSG;
}

static int ask(void *arg)
{
    struct question *q = arg;
    unsigned char out[512], in[4096];
    uint16_t id = 0;
    struct sockaddr_storage to, from;
    unsigned to_n = net_to_sockaddr(q->server, &to), from_n = net_to_sockaddr(q->source, &from);
    size_t n = getrandom(&id, sizeof id, 0) == sizeof id ? put_question(out, id, q->name, q->type) : 0;
    int fd = socket(q->server->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval wait = { .tv_sec = WAIT_S };
    const int mark = LEG_MARK;
    q->err = EINVAL;
    if (!n || fd < 0)
        return 1;
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0 || (from_n && bind(fd, (struct sockaddr *)&from, from_n) != 0) || connect(fd, (struct sockaddr *)&to, to_n) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 || send(fd, out, n, 0) != (ssize_t)n) {
        q->err = errno;
        return 1;
    }
    for (int i = 0; i < 5; i++) { /* answers to something else are passed over */
        ssize_t got = recv(fd, in, sizeof in, 0);
        if (got < 0) {
            q->err = errno == EAGAIN ? ETIMEDOUT : errno;
            return 1;
        }
        if (got < 12 || memcmp(in, out, 2) != 0 || !(in[2] & 0x80))
            continue;
        q->err = 0;
        read_answer(q, (struct str){ (char *)in, (size_t)got });
        return 0;
    }
    q->err = EBADMSG;
    return 1;
}

static void put(struct question *q, const char *ns, const char *prefix, const char *domain, uint16_t type)
{
    snprintf(q->name, sizeof q->name, "%s%s", prefix, domain);
    q->type = type;
    q->err = EIO;
    q->rcode = 0;
    q->answers = 0;
    if (step_inside(ns, ask, q) != 0 && !q->err)
        q->err = EIO;
}

/* One domain at one resolver. False: the resolver does not answer. */
static bool domain_look(struct sys_report *r, const char *side, const char *ns, const char *domain, const char *resolver, struct question *q)
{
    static const char *const names[] = { "_xmpp-server._tcp.", "_xmpps-server._tcp." };
    unsigned records[2] = { 0 }, addresses = 0;
    for (int i = 0; i < 2; i++) {
        put(q, ns, names[i], domain, TYPE_SRV);
        if (q->err) {
            sys_say(r, SYS_WRONG, "dns", "look at high.dns, low.dns, the route there, and dns_source", "%s: resolver %s: %s", side, resolver, strerror(q->err));
            return false;
        }
        records[i] = q->answers;
    }
    for (int i = 0; i < 2; i++) {
        put(q, ns, "", domain, i ? TYPE_AAAA : TYPE_A);
        addresses += q->err ? 0 : q->answers;
    }
    if (records[0] + records[1])
        sys_say(r, SYS_FINE, "dns", NULL, "%s: %s: %u SRV for STARTTLS, %u for direct TLS (%s)", side, domain, records[0], records[1], resolver);
    else if (addresses)
        sys_say(r, SYS_WARNING, "dns", "fine when the server listens on port 5269 there", "%s: %s has no SRV record, but %u addresses (%s)", side, domain, addresses,
            resolver);
    else
        sys_say(r, SYS_WRONG, "dns", "add _xmpp-server._tcp records, or targets in the configuration", "%s: %s has neither SRV record nor address (%s)", side, domain,
            resolver);
    return true;
}

static void side_look(struct sys_report *r, const struct gw_side_conf *d, const char *side, struct question *q)
{
    for (size_t i = 0; i < d->n_dns; i++) {
        char resolver[NET_TEXT_MAX];
        q->server = &d->dns[i];
        q->source = &d->dns_source;
        net_text(&d->dns[i], resolver);
        for (size_t k = 0; k < d->n_domains; k++) {
            char domain[256];
            snprintf(domain, sizeof domain, "%.*s", STR_ARG(d->domains[k].name));
            bool ascii = true;
            for (const char *p = domain; *p; p++)
                ascii = ascii && (unsigned char)*p < 0x80;
            if (ascii && !d->domains[k].n_targets && !domain_look(r, side, d->namespace_, domain, resolver, q))
                break;
        }
    }
}

void sys_dns(struct sys_report *r, const struct gw_conf *c)
{
    struct question *q = mmap(NULL, sizeof *q, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int s = 0; s < GW_SIDES && q != MAP_FAILED && geteuid() == 0; s++) {
        char path[256];
        const struct gw_side_conf *d = &c->side[s];
        const char *side = gw_side_name((enum gw_side)s);
        snprintf(path, sizeof path, "/run/netns/%s", d->namespace_);
        if (!d->n_dns)
            sys_say(r, SYS_FINE, "dns", NULL, "%s: no resolver is configured: targets and intercepted destinations are all", side);
        else if (access(path, F_OK) != 0)
            sys_say(r, SYS_WARNING, "dns", "lockgate inline up, then look again", "%s: not asked: namespace %s is not there yet", side, d->namespace_);
        else
            side_look(r, d, side, q);
    }
    if (q != MAP_FAILED)
        munmap(q, sizeof *q);
}
