/* SPDX-License-Identifier: GPL-3.0-or-later
 * Encoders and decoders, one pair for each message, made from the list in msgs.h. */
#include <endian.h>
#include <unistd.h>

#include "codec.h"

const char *ipc_role_name(enum ipc_role r)
{
    static const char *const name_of[IPC_ROLE_COUNT] = {
#define X(name, text) [IPC_##name] = text,
        IPC_ROLES(X)
#undef X
    };
    return (unsigned)r < IPC_ROLE_COUNT ? name_of[r] : "?";
}

static const struct ipc_type_info infos[] = {
#define X(id, name, lower, from, to, max) [id] = { #name, from, to, max },
    IPC_MESSAGES(X)
#undef X
};

const struct ipc_type_info *ipc_type_info(unsigned type)
{
    return type < sizeof infos / sizeof infos[0] && infos[type].name ? &infos[type] : NULL;
}

const char *ipc_type_name(unsigned type)
{
    const struct ipc_type_info *i = ipc_type_info(type);

    return i ? i->name : "?";
}

/* ---- one encoder and decoder for each field type ---- */

#define ADDR_BYTES (1 + 16 + 2)

static unsigned char *put_u8(unsigned char *p, uint8_t v)
{
    *p = v;
    return p + 1;
}

__attribute__((unused)) static unsigned char *put_u16(unsigned char *p, uint16_t v)
{
    v = htobe16(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static unsigned char *put_u32(unsigned char *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static unsigned char *put_u64(unsigned char *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static unsigned char *put_str(unsigned char *p, struct str s)
{
    p = put_u32(p, (uint32_t)s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static unsigned char *put_hash(unsigned char *p, struct ipc_hash h)
{
    memcpy(p, h.b, sizeof h.b);
    return p + sizeof h.b;
}

static unsigned char *put_addr(unsigned char *p, struct net_addr a)
{
    p = put_u8(p, a.family);
    memcpy(p, a.addr, sizeof a.addr);
    return put_u16(p + sizeof a.addr, a.port);
}

static struct ipc_hash get_hash(struct wire *w)
{
    struct ipc_hash h = { { 0 } };
    const unsigned char *p = wire_bytes(w, sizeof h.b);

    if (p)
        memcpy(h.b, p, sizeof h.b);
    return h;
}

/* One address has one encoding: what the family does not use is zero. */
static struct net_addr get_addr(struct wire *w)
{
    static const unsigned char zeros[16];
    struct net_addr a = { .family = wire_u8(w) };
    const unsigned char *p = wire_bytes(w, sizeof a.addr);
    size_t used = a.family == 6 ? 16 : a.family == 4 ? 4 : 0;

    if (p)
        memcpy(a.addr, p, sizeof a.addr);
    a.port = wire_u16(w);
    if ((a.family != 0 && used == 0) || memcmp(a.addr + used, zeros, sizeof a.addr - used) != 0)
        wire_fail(w, GW_ERR(SYNTAX));
    return a;
}

/* ---- the messages ---- */

#define SIZE_U8(m) 1
#define SIZE_U16(m) 2
#define SIZE_U32(m) 4
#define SIZE_U64(m) 8
#define SIZE_STR(m) 4 + (m).n
#define SIZE_HASH(m) 32
#define SIZE_ADDR(m) ADDR_BYTES
#define PUT_U8(m) p = put_u8(p, m);
#define PUT_U16(m) p = put_u16(p, m);
#define PUT_U32(m) p = put_u32(p, m);
#define PUT_U64(m) p = put_u64(p, m);
#define PUT_STR(m) p = put_str(p, m);
#define PUT_HASH(m) p = put_hash(p, m);
#define PUT_ADDR(m) p = put_addr(p, m);
#define GET_U8 wire_u8(&w)
#define GET_U16 wire_u16(&w)
#define GET_U32 wire_u32(&w)
#define GET_U64 wire_u64(&w)
#define GET_STR wire_str32(&w, SIZE_MAX)
#define GET_HASH get_hash(&w)
#define GET_ADDR get_addr(&w)

#define FIELD_SIZE(type, name) + SIZE_##type(m->name)
#define FIELD_PUT(type, name) PUT_##type(m->name)
#define FIELD_GET(type, name) r.name = GET_##type;

/* A string whose length does not fit u32 is over every maximum, so ipc_frame has refused it before put_str cuts it. */
#define X(id, name, lower, from, to, max) \
    static int put_##lower##_fd(struct ipc *c, const struct msg_##lower *m, int fd) \
    { \
        unsigned char *p = NULL; \
        int err = ipc_frame(c, IPC_M_##name, (size_t)0 MSG_##name(FIELD_SIZE), fd, &p); \
\
        (void)m; \
        if (err < 0) \
            return err; \
        MSG_##name(FIELD_PUT) \
        (void)p; \
        return 0; \
    } \
    int ipc_put_##lower(struct ipc *c, const struct msg_##lower *m) \
    { \
        return put_##lower##_fd(c, m, -1); \
    } \
    int ipc_get_##lower(const struct ipc_msg *m, struct msg_##lower *ret) \
    { \
        struct msg_##lower r = { .end_ = {} }; \
        struct wire w; \
        int err; \
\
        if (m->type != IPC_M_##name) \
            return GW_ERR(SYNTAX); \
        wire_init(&w, m->payload.p, m->payload.n); \
        MSG_##name(FIELD_GET) \
        err = wire_done(&w); \
        if (err < 0) \
            return GW_ERR(SYNTAX); \
        *ret = r; \
        return 0; \
    }
IPC_MESSAGES(X)
#undef X

#define PUT_FD(lower) \
    int ipc_put_##lower##_fd(struct ipc *c, const struct msg_##lower *m, int fd) \
    { \
        int err = put_##lower##_fd(c, m, fd); \
\
        if (err < 0 && fd >= 0) \
            close(fd); \
        return err; \
    }
PUT_FD(link)
PUT_FD(listener)
PUT_FD(service)
PUT_FD(crl)
PUT_FD(connected)
