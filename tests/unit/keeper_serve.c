/* SPDX-License-Identifier: GPL-3.0-or-later
 * The keeper at its channels: signatures for names of the asking edge's side alone, at a bounded rate, and refusals told to the journal. */
// link: ipc base
// libs: -lcrypto
#include "../../gw/keeper/serve.c"

#include "../../gw/keeper/input.c"
#include "../../gw/keeper/keys.c"

#include <sys/socket.h>

#include "tap.h"

static struct gw_conf conf;
static struct key high_keys[1], low_keys[1];
static struct keys keys = { .v = { [GW_HIGH] = high_keys, [GW_LOW] = low_keys }, .n = { 1, 1 } };
static struct keeper k;
static struct ipc *edge[GW_SIDES];
static char good[130];

static void begin(int64_t per_second)
{
    conf.limits.signatures = per_second;
    k = (struct keeper){ .conf = &conf, .keys = &keys };
    outbox_init(&k.lines, 5, 1u << 20);
    for (int s = 0; s < GW_SIDES; s++) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
            exit(1);
        edge[s] = ipc_new(fds[0], IPC_EDGE, IPC_KEEPER);
        k.edge[s].ipc = ipc_new(fds[1], IPC_KEEPER, IPC_EDGE);
    }
}

static void end(void)
{
    for (int s = 0; s < GW_SIDES; s++) {
        ipc_free(edge[s]);
        ipc_free(k.edge[s].ipc);
    }
    outbox_clear(&k.lines);
}

/* Bytes of the signature that came back, or -1: no answer. */
static int asked(enum gw_side side, const char *domain, unsigned scheme, struct str input)
{
    static uint64_t ask;
    bool more = false;
    struct ipc_msg m;
    struct msg_signed s;
    const struct msg_sign q = { .ask = ++ask, .domain = str_c(domain), .scheme = (uint16_t)scheme, .input = input };
    if (ipc_put_sign(edge[side], &q) != 0 || ipc_flush(edge[side]) != 0 || serve(&k, EDGES + (int)side, true, &more) != 0)
        return -1;
    return ipc_fill(edge[side]) > 0 && ipc_next(edge[side], &m) == 1 && ipc_get_signed(&m, &s) == 0 && s.ask == ask ? (int)s.signature.n : -1;
}

int main(void)
{
    struct str input = { good, sizeof good };
    log_init("test", LOG_L_ERROR);
    high_keys[0] = (struct key){ .domain = STR("low.example"), .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") };
    low_keys[0] = (struct key){ .domain = STR("high.example"), .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") };
    memset(good, ' ', 64);
    memcpy(good + 64, "TLS 1.3, server CertificateVerify", 34);

    begin(1000);
    ok(asked(GW_HIGH, "low.example", 0x0403, input) > 0, "a name of its side is signed for");
    ok(asked(GW_HIGH, "high.example", 0x0403, input) == 0, "a name of the other side is not");
    ok(asked(GW_LOW, "high.example", 0x0403, input) > 0, "though the other edge gets it");
    ok(asked(GW_HIGH, "else.example", 0x0403, input) == 0 && asked(GW_HIGH, "", 0x0403, input) == 0, "nor one of nobody's");
    ok(asked(GW_HIGH, "low.example", 0x0403, STR("0123456789abcdef0123456789abcdef")) == 0, "nor a digest");
    ok(asked(GW_HIGH, "low.example", 0x0804, input) == 0, "nor by a scheme of another kind of key");
    ok(k.edge[GW_HIGH].refused == 5 && k.edge[GW_LOW].refused == 0, "refusals are counted for the edge that asked");
    tell(&k, GW_HIGH);
    tell(&k, GW_LOW);
    ok(k.lines.last == 1, "and told to the journal in one line");
    k.edge[GW_HIGH].refused++;
    tell(&k, GW_HIGH);
    ok(k.lines.last == 1, "not again within a second");
    end();

    begin(5);
    int got = 0;
    for (int i = 0; i < 40; i++)
        got += asked(GW_HIGH, "low.example", 0x0403, input) > 0;
    ok(got >= 10 && got <= 12, "limits.signatures: twice as many as in a second at once, then no more (%d)", got);
    ok(asked(GW_LOW, "high.example", 0x0403, input) > 0, "the other edge has a rate of its own");
    end();

    begin(1000);
    bool more = false;
    (void)!send(ipc_fd(edge[GW_HIGH]), "\0\0\0\1\0\106\0\0x", 9, 0);
    ok(serve(&k, EDGES + GW_HIGH, true, &more) < 0, "what is no message breaks the channel that it came over");
    drop(&k, EDGES + GW_HIGH, GW_ERR(CLOSED));
    ok(asked(GW_LOW, "high.example", 0x0403, input) > 0, "and no other");
    end();
    return done_testing();
}
