/* SPDX-License-Identifier: GPL-3.0-or-later
 * The keeper at its channels: signatures for names of the asking edge's side alone, at a bounded rate, and refusals told to the journal. */
// link: ipc base
// libs: -lcrypto
#include "../../gw/keeper/serve.c"

#include "../../gw/keeper/away.c"
#include "../../gw/keeper/chains.c"
#include "../../gw/keeper/keys.c"
#include "../../gw/keeper/mint.c"

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

/* ---- a key on a token: we are the token ---- */

static struct ipc *token;

static void link_token(void)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(1);
    token = ipc_new(fds[0], IPC_TOKEN, IPC_KEEPER);
    k.token = ipc_new(fds[1], IPC_KEEPER, IPC_TOKEN);
}

/* The edge asks; was it answered at once? */
static int ask_only(uint64_t number, struct str input)
{
    bool more = false;
    struct ipc_msg m;
    struct msg_signed s;
    const struct msg_sign q = { .ask = number, .domain = STR("low.example"), .scheme = 0x0403, .input = input };
    if (ipc_put_sign(edge[GW_HIGH], &q) != 0 || ipc_flush(edge[GW_HIGH]) != 0 || serve(&k, EDGES + GW_HIGH, true, &more) != 0)
        return -1;
    return ipc_fill(edge[GW_HIGH]) > 0 && ipc_next(edge[GW_HIGH], &m) == 1 && ipc_get_signed(&m, &s) == 0 && s.ask == number ? (int)s.signature.n : -1;
}

/* What the edge got meanwhile for this number, or -1. */
static int edge_got(uint64_t number)
{
    struct ipc_msg m;
    struct msg_signed s;
    return ipc_fill(edge[GW_HIGH]) > 0 && ipc_next(edge[GW_HIGH], &m) == 1 && ipc_get_signed(&m, &s) == 0 && s.ask == number ? (int)s.signature.n : -1;
}

/* The token reads its question and answers with a signature by `key`, or with none. */
static bool token_answers(EVP_PKEY *key)
{
    unsigned char sig[SIGNATURE_MAX];
    size_t n = 0;
    bool more = false;
    struct ipc_msg m;
    struct msg_sign q;
    if (ipc_fill(token) <= 0 || ipc_next(token, &m) != 1 || ipc_get_sign(&m, &q) != 0 || !str_eq(q.domain, STR("pkcs11:token=gate;object=a")))
        return false;
    if (key && keys_sign(key, q.scheme, q.input, sig, &n) != 0)
        return false;
    return ipc_put_signed(token, &(struct msg_signed){ .ask = q.ask, .signature = { (const char *)sig, n } }) == 0 && ipc_flush(token) == 0 &&
        serve(&k, TOKEN, true, &more) == 0;
}

static void on_token(struct str input)
{
    EVP_PKEY *key = high_keys[0].pkey, *other = low_keys[0].pkey;
    begin(1000);
    high_keys[0].token = "pkcs11:token=gate;object=a";
    ok(ask_only(1, input) == 0, "no token: refused at once");
    link_token();
    ok(ask_only(2, input) == -1 && token_answers(key) && edge_got(2) > 0, "the token is asked, its signature goes to the edge");
    ok(ask_only(3, input) == -1 && token_answers(other) && edge_got(3) == 0, "a signature by another key does not");
    ok(ask_only(4, input) == -1 && token_answers(NULL) && edge_got(4) == 0, "nor none");
    ok(ask_only(5, input) == -1 && ask_only(6, input) == 0, "one question at a time");
    ok(token_answers(key) && edge_got(5) > 0, "which is answered as if nothing had been");
    ok(ask_only(7, STR("not what TLS signs")) == 0 && ipc_fill(token) <= 0, "what TLS does not sign never gets to the token");
    ok(ask_only(8, input) == -1, "the token is silent");
    k.edge[GW_HIGH].away.until = now_ms();
    give_up(&k, false);
    ok(edge_got(8) == 0, "so the edge is refused in time");
    ok(ask_only(9, input) == 0, "and nobody waits behind an overdue answer");
    ok(token_answers(key) && edge_got(8) == -1, "which comes too late for anybody");
    ok(ask_only(10, input) == -1 && token_answers(key) && edge_got(10) > 0, "but then the token is asked again");
    ok(ask_only(11, input) == -1, "a question is under way");
    drop(&k, TOKEN, GW_ERR(CLOSED));
    ok(edge_got(11) == 0 && !k.token, "when the token goes: refused");
    ipc_free(token);
    high_keys[0].token = NULL;
    end();
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
    on_token(input);
    return done_testing();
}
