// link: record ipc base
// libs: -lcrypto -licuuc -licudata
/* SPDX-License-Identifier: GPL-3.0-or-later
 * An edge that was taken over, in the place of lockgate-edge on side high; on side low, and after its last life, it becomes the real one
 * (lockgate-edge.real beside it). From when a file "go" is there, in each of its lives it says a few hundred things to guard, journal, keeper, reader and parent that an
 * attacker with its channels might: lies that are well formed, then noise. Chance comes from the number of the life, so that every run is the
 * same. Whatever holds the word UNRELEASED and reaches it is a leak, which it says ("LEAK") on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fields.h"
#include "ipc.h"
#include "jid.h"
#include "log.h"
#include "record.h"

#define LIVES 5
#define LIFE_MS 1500

enum { PARENT, GUARD, JOURNAL, KEEPER, READER, CHANNELS };
static const enum ipc_role roles[CHANNELS] = { IPC_PARENT, IPC_GUARD, IPC_JOURNAL, IPC_KEEPER, IPC_READER };
static struct ipc *ch[CHANNELS];
static uint64_t chance;
static bool mad; /* before that it only waits */

static uint32_t rnd(uint32_t n)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance >> 33) % n;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct str noise(size_t max)
{
    static char b[70000];
    size_t n = rnd((uint32_t)max);
    for (size_t i = 0; i < n; i++)
        b[i] = (char)rnd(256);
    return (struct str){ b, n };
}

/* ---- lies ---- */

static const char *const domains[] = { "high.example", "low.example", "rooms.low.example", "gate.example", "else.example" };
static struct str domain(void) { return str_c(domains[rnd(5)]); }

/* A well-made stanza. Those that the policy would not release to this side's own server, or that are not its to say, are named bad-. */
static void record(struct buf *b, struct str from, struct str to)
{
    static unsigned count;
    char a[80], z[80], id[40];
    struct rec *r = rec_new(&REC_HARD_LIMITS);
    bool own = str_eq(from, STR("high.example")) && (str_eq(to, STR("low.example")) || str_eq(to, STR("rooms.low.example"))), word = rnd(2);
    snprintf(a, sizeof a, "a@%.*s/mad", STR_ARG(from));
    snprintf(z, sizeof z, "b@%.*s/r", STR_ARG(to));
    snprintf(id, sizeof id, "%s-%u-%u", own && !word ? "fair" : "bad", (unsigned)getpid(), ++count);
    buf_init(b, 1u << 20);
    if (!r || rec_head(r, REC_MESSAGE, STR("chat"), str_c(id), STR_NONE) || rec_address(r, str_c(a), str_c(z), STR_NONE, STR_NONE) || rec_pair(r, from, to)
        || rec_open(r, STR("jabber:server"), STR("message")) || rec_open(r, STR("jabber:server"), STR("body"))
        || rec_text(r, word ? STR("a FORGET-ME-NOT from the mad edge") : STR("from the mad edge")) || rec_close(r) || rec_close(r) || rec_seal(r) || rec_encode(r, b))
        buf_reset(b);
    rec_free(r);
    if (buf_size(b) && !word && !rnd(6)) /* a broken word would be no word any more, and rightly cross */
        b->p[b->off + rnd((uint32_t)buf_size(b))] ^= (unsigned char)(1 + rnd(255));
}

#define FLOWS 16
static struct flow { struct str from, to; } flow[FLOWS]; /* told to the guard, numbered from 1 */
static size_t n_flows;

static int lie_to_guard(struct ipc *c, uint64_t n)
{
    struct net_addr here = { .family = 4, .addr = { 10, 77, (uint8_t)(1 + rnd(2)), 2 }, .port = 5269 };
    struct buf b = { 0 };
    int rc = 0;
    switch (rnd(9)) {
    case 0: case 1:
        if (n_flows == FLOWS)
            return 0;
        flow[n_flows] = (struct flow){ domain(), domain() };
        n_flows++;
        return ipc_put_flow(c, &(struct msg_flow){ .flow = n_flows, .from = here, .to = here, .from_domain = flow[n_flows - 1].from,
            .to_domain = flow[n_flows - 1].to });
    case 2: case 3: case 4: case 5: { /* of the flow's own pair, or of another; now and then of a flow that was never told */
        uint32_t k = rnd((uint32_t)n_flows);
        bool own = rnd(3);
        record(&b, own ? flow[k].from : domain(), own ? flow[k].to : domain());
        rc = ipc_put_stanza(c, &(struct msg_stanza){ .ticket = n, .flow = rnd(400) ? k + 1 : rnd(1000), .record = buf_str(&b) });
        break;
    }
    case 6:
        return ipc_put_settle(c, &(struct msg_settle){ .guard = rnd(6), .number = rnd(400), .reason = (uint8_t)rnd(60) });
    case 7: /* not its turn for these any more: the guard may break with it */
        if (rnd(300))
            return 0;
        return ipc_put_open_number(c, &(struct msg_open_number){ .guard = rnd(6), .number = rnd(400), .epoch = rnd(9), .ticket = rnd(99), .state = (uint8_t)rnd(4) });
    default:
        if (rnd(300))
            return 0;
        return ipc_put_hello(c, &(struct msg_hello){ .version = 1, .side = (uint8_t)rnd(3), .epoch = rnd(99) });
    }
    buf_clear(&b);
    return rc;
}

/* What it claims at the beginning: open tickets and numbers that were never its own. */
static int first_words(struct ipc *c)
{
    int rc = ipc_put_hello(c, &(struct msg_hello){ .version = 1, .side = rnd(6) || !mad ? GW_HIGH : GW_LOW, .epoch = 1 + rnd(1000) });
    for (uint64_t i = 1; i < 20 && !rc && mad; i++) {
        struct buf b;
        record(&b, domain(), domain());
        rc = ipc_put_open_ticket(c, &(struct msg_open_ticket){ .ticket = i, .stub = buf_str(&b) });
        buf_clear(&b);
        rc = rc ? rc : ipc_put_open_number(c, &(struct msg_open_number){ .guard = rnd(60) ? 1 : 1 + rnd(9), .number = rnd(100), .epoch = rnd(99), .ticket = rnd(99), .state = (uint8_t)rnd(3) });
    }
    rc = rc ? rc : ipc_put_open_end(c, &(struct msg_open_end){ });
    struct net_addr here = { .family = 4, .addr = { 10, 77, 1, 2 }, .port = 5269 };
    flow[0] = (struct flow){ STR("high.example"), STR("low.example") };
    n_flows = 1;
    return rc ? rc : ipc_put_flow(c, &(struct msg_flow){ .flow = 1, .from = here, .to = here, .from_domain = STR("high.example"), .to_domain = STR("low.example") });
}

/* Lines that would open the gate, if an edge could tell them. */
static int lie_to_journal(struct ipc *c, uint64_t n)
{
    struct ipc_hash hash = { { (unsigned char)rnd(256) } };
    struct buf b;
    struct wire_out o;
    buf_init(&b, 65536);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, rnd(2) ? "high" : "low");
    field_z(&o, GW_F_ACTION, "mad");
    if (!rnd(3))
        field_z(&o, GW_F_VERDICT, "release");
    int rc = ipc_put_line(c, &(struct msg_line){ .guard = rnd(4) ? 77 : rnd(5), .number = rnd(5) ? n : rnd(100), .target = rnd(3) ? LINE_TARGET_NONE : (uint8_t)rnd(3),
        .hash = hash, .event = (uint8_t)rnd(GW_EV_COUNT + 1), .fields = rnd(8) ? buf_str(&b) : noise(200) });
    buf_clear(&b);
    return rc;
}

static int lie_to_keeper(struct ipc *c, uint64_t n)
{
    char input[200];
    memset(input, ' ', sizeof input);
    memcpy(input + 64, "TLS 1.3, server CertificateVerify", 34);
    struct str right = { input, 98 + 32 };
    return ipc_put_sign(c, &(struct msg_sign){ .ask = n, .domain = domain(), .scheme = rnd(4) ? 0x0403 : (uint16_t)rnd(65536), .input = rnd(2) ? right : noise(300) });
}

static int lie_to_reader(struct ipc *c, uint64_t n)
{
    struct buf b;
    record(&b, domain(), domain());
    int rc = ipc_put_read(c, &(struct msg_read){ .ask = n, .record = rnd(3) ? buf_str(&b) : noise(300), .xml = noise(300) });
    buf_clear(&b);
    return rc;
}

/* Sockets to where it has no business. */
static int lie_to_parent(struct ipc *c, uint64_t n)
{
    struct net_addr a = { .family = 4, .addr = { 10, 77, (uint8_t)(1 + rnd(2)), (uint8_t)rnd(4) }, .port = (uint16_t)(rnd(2) ? 5269 : rnd(65536)) }, z = a;
    z.addr[2] = (uint8_t)(1 + rnd(2));
    if (rnd(3))
        return ipc_put_connect(c, &(struct msg_connect){ .ask = n, .from = a, .to = z });
    return rnd(2) ? ipc_put_dns_socket(c, &(struct msg_dns_socket){ .ask = n, .to = z })
                  : ipc_put_stats(c, &(struct msg_stats){ .ask = n, .json = rnd(2) ? noise(500) : STR("{\"mad\":true}") });
}

static void lie(int i, uint64_t n)
{
    int (*const to[CHANNELS])(struct ipc *, uint64_t) = { lie_to_parent, lie_to_guard, lie_to_journal, lie_to_keeper, lie_to_reader };
    if (ch[i] && to[i](ch[i], n) != 0)
        log_warn("could not lie to the %s", ipc_role_name(roles[i]));
}

/* Bytes that are no frame, and a descriptor where none may be. */
static void noise_to(int i)
{
    struct str b = noise(4000);
    int fd = ch[i] ? ipc_fd(ch[i]) : -1;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec v = { (void *)(uintptr_t)b.p, b.n ? b.n : 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &(int){ 2 }, sizeof(int));
    if (fd >= 0)
        (void)!sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- hearing ---- */

static void link_(const struct ipc_msg *m)
{
    struct msg_link l;
    if (m->fd < 0 || ipc_get_link(m, &l) != 0)
        return;
    for (int i = GUARD; i < CHANNELS; i++)
        if (roles[i] == (enum ipc_role)l.role) {
            ipc_free(ch[i]);
            ch[i] = ipc_new(m->fd, IPC_EDGE, roles[i]);
            if (i == GUARD && ch[i] && first_words(ch[i]) != 0)
                log_warn("no first words");
            return;
        }
    close(m->fd);
}

static void hear(int i, struct ipc_msg *m)
{
    struct msg_signed s;
    if (memmem(m->payload.p, m->payload.n, "UNRELEASED", 10))
        fprintf(stderr, "LEAK %s from the %s\n", ipc_type_name(m->type), ipc_role_name(roles[i]));
    if (m->type == IPC_M_SIGNED && ipc_get_signed(m, &s) == 0 && s.signature.n)
        fprintf(stderr, "SIGNED\n"); /* a true input for a name of its side: that much it may */
    if (i == PARENT && m->type == IPC_M_STOP)
        exit(0);
    if (i == PARENT && m->type == IPC_M_LINK)
        link_(m);
    else if (m->fd >= 0)
        close(m->fd);
}

static void listen_to(int ms)
{
    bool ready[CHANNELS];
    if (ipc_wait(ch, CHANNELS, -1, ms, ready, NULL) < 0)
        exit(1);
    for (int i = 0; i < CHANNELS; i++) {
        struct ipc_msg m;
        struct ipc *c = ch[i];
        if (!c || !ready[i])
            continue;
        int rc = ipc_fill(c);
        while (ch[i] == c && ipc_next(c, &m) == 1)
            hear(i, &m);
        if (rc < 0 && rc != GW_ERR(AGAIN) && ch[i] == c) {
            ipc_free(c);
            ch[i] = NULL;
            if (i == PARENT)
                exit(0);
        }
    }
}

/* ---- its lives ---- */

static unsigned life(const char *counter)
{
    unsigned n = 0;
    FILE *f = fopen(counter, "r+");
    if (!f || fscanf(f, "%u", &n) != 1)
        n = 0;
    if (f) {
        rewind(f);
        fprintf(f, "%u\n", n + 1);
        fclose(f);
    }
    return n;
}

int main(int argc, char **argv)
{
    char real[4096], counter[4096], go[4096];
    ssize_t n = readlink("/proc/self/exe", real, sizeof real - 10);
    if (argc != 3 || n <= 0)
        return 2;
    real[n] = 0;
    snprintf(counter, sizeof counter, "%.*s/lives", (int)(strrchr(real, '/') - real), real);
    snprintf(go, sizeof go, "%.*s/go", (int)(strrchr(real, '/') - real), real);
    strcat(real, ".real");
    unsigned lived = strcmp(argv[2], "high") == 0 ? life(counter) : LIVES;
    if (lived >= LIVES) {
        execv(real, argv);
        return 72;
    }
    log_init("mad edge", LOG_L_INFO);
    chance = 1000 + lived;
    if (jid_init() != 0)
        return 1;
    ch[PARENT] = ipc_new(IPC_PARENT_FD, IPC_EDGE, IPC_PARENT);
    if (ipc_put_ready(ch[PARENT], &(struct msg_ready){ }) != 0)
        return 1;
    while (!(mad = access(go, F_OK) == 0)) /* until the gateway is up */
        listen_to(50);
    int64_t end = now_ms() + LIFE_MS;
    for (uint64_t number = 21; now_ms() < end; number++) {
        listen_to(ch[GUARD] ? 2 : 20);
        for (int k = 0; k < 4; k++)
            lie(GUARD, number * 4 + k);
        lie(JOURNAL + (int)(number % (CHANNELS - JOURNAL)), number);
        if (number % 16 == 0)
            lie(PARENT, number);
    }
    for (int i = GUARD; i < CHANNELS; i++)
        noise_to(i);
    listen_to(50);
    return 1;
}
