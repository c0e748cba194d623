// link: ipc base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every message of msgs.h goes over a channel and comes out as it went in; one byte less or more is refused; only the named
 * senders may send it and only the named receivers take it. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc.h"
#include "tap.h"

/* Values that differ from field to field, so that exchanged fields are seen. */
static uint64_t tick = 0x0102030405060708;
static struct str str_value(void)
{
    static char text[4][40];
    static unsigned i;
    char *t = text[++i % 4];
    snprintf(t, 40, "text %u", i);
    return (struct str){ t, strlen(t) };
}
static struct ipc_hash hash_value(void)
{
    struct ipc_hash h;
    for (size_t i = 0; i < sizeof h.b; i++)
        h.b[i] = (unsigned char)(tick * 7 + i);
    tick++;
    return h;
}
static struct net_addr addr_value(void)
{
    struct net_addr a;
    if (net_parse(tick % 2 ? "10.1.2.3" : "fd77::9:a", &a) < 0)
        abort();
    a.port = (uint16_t)(5269 + tick++ % 100);
    return a;
}
#define FILL_U8 (uint8_t)(tick++)
#define FILL_U16 (uint16_t)(tick++ * 257)
#define FILL_U32 (uint32_t)(tick++ * 16843009)
#define FILL_U64 (tick++ * 0x0101010101010101)
#define FILL_STR str_value()
#define FILL_HASH hash_value()
#define FILL_ADDR addr_value()
#define SAME_U8(a, b) ((a) == (b))
#define SAME_U16(a, b) ((a) == (b))
#define SAME_U32(a, b) ((a) == (b))
#define SAME_U64(a, b) ((a) == (b))
#define SAME_STR(a, b) str_eq(a, b)
#define SAME_HASH(x, y) (memcmp((x).b, (y).b, 32) == 0)
#define SAME_ADDR(a, b) (memcmp(&(a), &(b), sizeof(struct net_addr)) == 0)
#define FILL(type, name) m.name = FILL_##type;
#define SAME(type, name) && SAME_##type(m.name, r.name)

static struct ipc *ends[2];
static void connect_ends(enum ipc_role a, enum ipc_role b)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
        exit(1);
    ends[0] = ipc_new(s[0], a, b);
    ends[1] = ipc_new(s[1], b, a);
}
static void free_ends(void)
{
    ipc_free(ends[0]);
    ipc_free(ends[1]);
}
static enum ipc_role first_of(unsigned roles)
{
    return (enum ipc_role)__builtin_ctz(roles);
}
static enum ipc_role not_of(unsigned roles)
{
    for (enum ipc_role r = 0; r < IPC_ROLE_COUNT; r++)
        if (!(roles & (1u << r)))
            return r;
    return IPC_ROLE_COUNT;
}

/* 1: a whole message is in *ret */
static int pass(struct ipc_msg *ret)
{
    if (ipc_flush(ends[0]) != 0 || ipc_fill(ends[1]) <= 0)
        return -100;
    return ipc_next(ends[1], ret);
}

/* A frame written by hand, for what ipc_put_x would not write. */
static int pass_raw(unsigned type, const void *payload, size_t n, struct ipc_msg *ret)
{
    unsigned char frame[8 + 4096] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n,
        (unsigned char)(type >> 8), (unsigned char)type };
    memcpy(frame + 8, payload, n);
    if (write(ipc_fd(ends[0]), frame, 8 + n) != (ssize_t)(8 + n) || ipc_fill(ends[1]) <= 0)
        return -100;
    return ipc_next(ends[1], ret);
}

#define X(id, name, lower, from, to, max) \
    static void test_##lower(void) \
    { \
        struct msg_##lower m = { .end_ = {} }, r = { .end_ = {} }; \
        struct ipc_msg got = { .fd = -1 }; \
        char cut[4096] = { 0 }; \
        size_t n; \
        MSG_##name(FILL) \
        connect_ends(first_of(from), first_of(to)); \
        ok(ipc_put_##lower(ends[0], &m) == 0 && pass(&got) == 1 && got.type == IPC_M_##name && got.fd == -1, #name " goes over"); \
        ok(ipc_get_##lower(&got, &r) == 0 MSG_##name(SAME), #name " comes out as it went in"); \
        n = got.payload.n < sizeof cut - 1 ? got.payload.n : 0; \
        memcpy(cut, got.payload.p, n); \
        got.payload = (struct str){ cut, n + 1 }; \
        ok(ipc_get_##lower(&got, &r) == GW_ERR(SYNTAX), #name " with a byte too many is refused"); \
        got.payload.n = n ? n - 1 : 1; \
        ok(ipc_get_##lower(&got, &r) == GW_ERR(SYNTAX), #name " with a byte too few is refused"); \
        got.payload.n = n; \
        got.type = id == 1 ? IPC_M_STOP : IPC_M_READY; \
        ok(ipc_get_##lower(&got, &r) == GW_ERR(SYNTAX), #name " is not read from another type"); \
        free_ends(); \
        if (not_of(from) < IPC_ROLE_COUNT) { \
            connect_ends(not_of(from), first_of(to)); \
            ok(ipc_put_##lower(ends[0], &m) == GW_ERR(PROTO), #name " is not sent by %s", ipc_role_name(not_of(from))); \
            ok(pass_raw(id, cut, n, &got) == GW_ERR(PROTO), #name " is not taken from %s", ipc_role_name(not_of(from))); \
            free_ends(); \
        } \
        if (not_of(to) < IPC_ROLE_COUNT) { \
            connect_ends(first_of(from), not_of(to)); \
            ok(ipc_put_##lower(ends[0], &m) == GW_ERR(PROTO), #name " is not sent to %s", ipc_role_name(not_of(to))); \
            ok(pass_raw(id, cut, n, &got) == GW_ERR(PROTO), #name " is not taken by %s", ipc_role_name(not_of(to))); \
            free_ends(); \
        } \
        connect_ends(first_of(from), first_of(to)); \
        unsigned char head[8] = { (unsigned char)(((max) + 1) >> 24), (unsigned char)(((max) + 1) >> 16), (unsigned char)(((max) + 1) >> 8), \
            (unsigned char)((max) + 1), 0, id }; \
        ok(write(ipc_fd(ends[0]), head, 8) == 8 && ipc_fill(ends[1]) > 0 && ipc_next(ends[1], &got) == GW_ERR(PROTO), \
            #name " over its maximum is refused by its header alone"); \
        free_ends(); \
    }
IPC_MESSAGES(X)
#undef X

static void addresses(void)
{
    struct msg_dns_socket r;
    struct ipc_msg got = { .type = IPC_M_DNS_SOCKET, .fd = -1 };
    unsigned char b[27] = { 0 };

    got.payload = (struct str){ (char *)b, sizeof b };
    ok(ipc_get_dns_socket(&got, &r) == 0 && r.to.family == 0, "no address");
    b[8] = 5;
    ok(ipc_get_dns_socket(&got, &r) == GW_ERR(SYNTAX), "family 5 is refused");
    b[8] = 4;
    b[13] = 1;
    ok(ipc_get_dns_socket(&got, &r) == GW_ERR(SYNTAX), "an IPv4 address has one encoding");
    b[8] = 0;
    ok(ipc_get_dns_socket(&got, &r) == GW_ERR(SYNTAX), "no address has one encoding");
}

static void lengths(void)
{
    struct msg_ctl m = { .verb = STR("x") };
    char *big = calloc(1, 70000);

    connect_ends(IPC_CTL, IPC_PARENT);
    m.argument = (struct str){ big, 65536 - 9 };
    ok(ipc_put_ctl(ends[0], &m) == 0, "a message of exactly its maximum");
    m.argument.n++;
    ok(ipc_put_ctl(ends[0], &m) == GW_ERR(LIMIT), "one byte more is refused");
    free_ends();
    free(big);
}

int main(void)
{
#define X(id, name, lower, from, to, max) test_##lower();
    IPC_MESSAGES(X)
#undef X
    addresses();
    lengths();
    ok(!strcmp(ipc_type_name(IPC_M_STANZA), "STANZA") && !strcmp(ipc_type_name(9999), "?") && !strcmp(ipc_role_name(IPC_GUARD), "guard") &&
        !strcmp(ipc_role_name((enum ipc_role)99), "?"), "names");
    return done_testing();
}
