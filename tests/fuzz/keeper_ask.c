// link: ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Edges that ask the keeper for signatures, and a token that answers as it likes. The input is a script of steps: whole questions, answers
 * of the token, raw bytes. Oracles: a signature comes back only for a name of the asker's own side, over what TLS signs, and is good for that
 * name's key; one side's breach leaves the other's channel. */
#include <stdint.h>
#include <stdlib.h>

#include "../../gw/keeper/serve.c"

#include "../../gw/keeper/away.c"
#include "../../gw/keeper/chains.c"
#include "../../gw/keeper/keys.c"
#include "../../gw/keeper/mint.c"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_conf conf;
static struct key side_keys[GW_SIDES][2];
static struct keys keys = { .v = { side_keys[0], side_keys[1] }, .n = { 2, 2 } };
static const char *const names[] = { "low.example", "away.low.example", "high.example", "away.high.example", "else.example", "" };
static struct keeper k;
static struct ipc *edge[GW_SIDES], *token;
static int raw[GW_SIDES]; /* the edge's end of its channel */
static struct { bool good; size_t name; unsigned scheme; char input[256]; size_t n; } asked[256]; /* by the number of the question */
static unsigned side_of[256];

static void must(bool good)
{
    if (!good)
        abort();
}

static struct ipc *pair(struct ipc **ret, enum ipc_role other)
{
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    *ret = ipc_new(fds[0], other, IPC_KEEPER);
    struct ipc *c = ipc_new(fds[1], IPC_KEEPER, other);
    must(*ret && c);
    if (other == IPC_EDGE)
        raw[ret == &edge[GW_LOW]] = fds[0];
    return c;
}

static void begin(void)
{
    conf.limits.signatures = 100000;
    k = (struct keeper){ .conf = &conf, .keys = &keys };
    outbox_init(&k.lines, 5, 1u << 20);
    for (int s = 0; s < GW_SIDES; s++)
        k.edge[s].ipc = pair(&edge[s], IPC_EDGE);
    k.token = pair(&token, IPC_TOKEN);
    memset(asked, 0, sizeof asked);
}

static void end(void)
{
    for (int s = 0; s < GW_SIDES; s++) {
        away_done(&k.edge[s].away);
        ipc_free(edge[s]);
        ipc_free(k.edge[s].ipc);
    }
    ipc_free(token);
    ipc_free(k.token);
    outbox_clear(&k.lines);
}

/* The keeper's turn at one channel. */
static void turn(int i)
{
    bool more = false;
    struct ipc *c = *channel(&k, i);
    if (!c)
        return;
    int err = serve(&k, i, true, &more);
    if (err && *channel(&k, i) == c)
        drop(&k, i, err);
}

/* What an edge got: each signature against what was asked under that number. */
static void look(unsigned side)
{
    struct ipc_msg m;
    struct msg_signed s;
    int got = ipc_fill(edge[side]);
    if (got < 0)
        return;
    while (ipc_next(edge[side], &m) == 1 && m.type == IPC_M_SIGNED && ipc_get_signed(&m, &s) == 0) {
        if (s.signature.n == 0)
            continue;
        must(s.ask < 256 && asked[s.ask].good && side_of[s.ask] == side);
        struct str input = { asked[s.ask].input, asked[s.ask].n };
        const struct key *key = keys_find(&keys, (enum gw_side)side, str_c(names[asked[s.ask].name]));
        must(key && !tls_input_wrong(input, asked[s.ask].scheme) && keys_signature_good(key->pkey, asked[s.ask].scheme, input, s.signature));
    }
}

/* A question: number, name, scheme, text. The text is a good one with bytes of the script over it. */
static size_t ask(const uint8_t *p, size_t n)
{
    static const unsigned numbers[] = { 0x0403, 0x0804, 0x0807, 0x0503, 0x0401, 0 };
    static uint8_t number;
    struct msg_sign q;
    char text[256];
    if (n < 5)
        return n;
    unsigned side = p[0] & 1, i = number++;
    size_t len = 98 + (p[0] & 2 ? 32 : 0);
    memset(text, ' ', 64);
    memcpy(text + 64, p[0] & 4 ? "TLS 1.3, client CertificateVerify" : "TLS 1.3, server CertificateVerify", 34);
    memset(text + 98, 7, sizeof text - 98);
    if (p[0] & 8)
        text[p[3] % len] = (char)p[4];
    if (p[0] & 16)
        len = p[3];
    asked[i].good = true;
    side_of[i] = side;
    asked[i].name = p[1] % (sizeof names / sizeof *names);
    asked[i].scheme = numbers[p[2] % 6] ? numbers[p[2] % 6] : (unsigned)p[3] << 8 | p[4];
    asked[i].n = len;
    memcpy(asked[i].input, text, len);
    q = (struct msg_sign){ .ask = i, .domain = str_c(names[asked[i].name]), .scheme = (uint16_t)asked[i].scheme, .input = { text, len } };
    if (ipc_put_sign(edge[side], &q) == 0)
        (void)!ipc_flush(edge[side]);
    return 5;
}

/* The token answers: the right key, another, rubbish, a number that nobody asked. */
static size_t token_answers(const uint8_t *p, size_t n)
{
    unsigned char sig[SIGNATURE_MAX] = { 0 };
    size_t len = 0;
    struct ipc_msg m;
    struct msg_sign q = { .ask = 0 };
    if (n < 2)
        return n;
    if (!k.token || ipc_fill(token) < 0 || ipc_next(token, &m) != 1 || ipc_get_sign(&m, &q) != 0)
        q.ask = p[1];
    else if (p[0] & 1)
        must(keys_sign(side_keys[p[0] >> 1 & 1][1].pkey, q.scheme, q.input, sig, &len) == 0 || len == 0);
    if (p[0] & 4)
        q.ask += p[1];
    if (p[0] & 8)
        len = p[1];
    if (ipc_put_signed(token, &(struct msg_signed){ .ask = q.ask, .signature = { (const char *)sig, len } }) == 0)
        (void)!ipc_flush(token);
    turn(TOKEN);
    return 2;
}

static void once(void)
{
    for (int s = 0; s < GW_SIDES; s++)
        for (int i = 0; i < 2; i++) {
            side_keys[s][i] = (struct key){ .domain = str_c(names[2 * s + i]), .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"),
                .token = i ? "pkcs11:token=gate;object=a" : NULL };
            must(side_keys[s][i].pkey != NULL);
        }
    log_init("fuzz", LOG_L_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!side_keys[0][0].pkey)
        once();
    begin();
    for (size_t at = 0; at < size && at < 400;) {
        uint8_t op = data[at++];
        unsigned side = op >> 3 & 1;
        if ((op & 7) < 4) {
            at += ask(data + at, size - at);
        } else if ((op & 7) == 4) {
            at += token_answers(data + at, size - at);
        } else if ((op & 7) == 5) {
            size_t n = at < size ? data[at++] : 0;
            n = n > size - at ? size - at : n;
            (void)!send(raw[side], data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
            at += n;
        } else if ((op & 7) == 6) {
            give_up(&k, op & 16);
        } else {
            tell(&k, (enum gw_side)side);
        }
        for (unsigned s = 0; s < GW_SIDES; s++) {
            turn(EDGES + (int)s);
            look(s);
        }
    }
    end();
    return 0;
}
