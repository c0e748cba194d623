// link: ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keeper and journal ask the token, as they may when they were taken over. The input is a script of questions and raw bytes; the vendor's module
 * is played. Oracles: the module is asked for keys of the asker alone, and for its kind of text alone; who breaks the protocol loses his own
 * channel, not the other's. */
#include <stdint.h>
#include <stdlib.h>

#define take form_take
#include "../../gw/token/form.c"
#undef take
#include "../../gw/token/keys.c"
#include "../../gw/token/leaf.c"
#include "../../gw/token/serve.c"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "gate/journal"
static struct gw_conf conf;
static struct token_key all[2] = { { .uri = "pkcs11:token=gate;object=tls", .asker = IPC_KEEPER, .handle = 1 },
    { .uri = "pkcs11:token=gate;object=log", .asker = IPC_JOURNAL, .handle = 2 } };
static struct token t;
static struct ipc *asker[CHANNELS];
static int raw[CHANNELS];
static int turn_of;
static bool fails;

static void must(bool good)
{
    if (!good)
        abort();
}

/* ---- the module ---- */

int module_find(struct module *m, const struct pkcs11_uri *name, const char *as_written, unsigned long *ret_key)
{
    (void)m, (void)name, (void)as_written, (void)ret_key;
    return GW_ERR(CONF);
}

int module_public(struct module *m, const struct pkcs11_uri *name, const char *as_written, unsigned char ret[32])
{
    (void)m, (void)name, (void)as_written, (void)ret;
    return GW_ERR(CONF);
}

int module_sign(struct module *m, unsigned long key, enum module_way way, const unsigned char *p, size_t n, unsigned char *sig, size_t *ret_n)
{
    (void)m, (void)p, (void)n;
    must((key == 1 && turn_of == KEEPER) || (key == 2 && turn_of == JOURNAL && way == WAY_EDDSA));
    if (key == 2)
        must(!form_note_wrong((struct str){ (const char *)p, n }, NAME));
    if (fails)
        return GW_ERR(IO);
    memset(sig, 1, 64);
    *ret_n = 64;
    return 0;
}

/* ---- the script ---- */

static void begin(void)
{
    t = (struct token){ .conf = &conf, .keys = { all, 2 } };
    snprintf(t.note_name, sizeof t.note_name, NAME);
    for (int i = PARENT; i < CHANNELS; i++) {
        int fds[2];
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        raw[i] = fds[0];
        asker[i] = ipc_new(fds[0], roles[i], IPC_TOKEN);
        *channel(&t, i) = ipc_new(fds[1], IPC_TOKEN, roles[i]);
        must(asker[i] && *channel(&t, i));
    }
}

static void end(void)
{
    for (int i = PARENT; i < CHANNELS; i++) {
        ipc_free(asker[i]);
        ipc_free(*channel(&t, i));
    }
}

static void turn(int i)
{
    bool more = false;
    struct ipc *c = *channel(&t, i), *other = *channel(&t, i == KEEPER ? JOURNAL : KEEPER);
    if (!c)
        return;
    turn_of = i;
    int err = serve(&t, i, true, &more);
    if (err && *channel(&t, i) == c)
        drop(&t, i, err);
    must(*channel(&t, i == KEEPER ? JOURNAL : KEEPER) == other || i == PARENT);
}

static void look(int i)
{
    struct ipc_msg m;
    struct msg_signed s;
    if (ipc_fill(asker[i]) < 0)
        return;
    while (ipc_next(asker[i], &m) == 1)
        must(i == PARENT || (m.type == IPC_M_SIGNED && ipc_get_signed(&m, &s) == 0));
}

static size_t ask(int i, const uint8_t *p, size_t n)
{
    static const unsigned numbers[] = { 0x0807, 0x0403, 0x0804, 0x0601 };
    static const char *const notes[] = { NAME "\n17\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "cosignature/v1\ntime 17\n" NAME "\n17\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" };
    char text[256];
    if (n < 4)
        return n;
    size_t len;
    if (p[0] & 1) {
        len = strlen(notes[p[0] >> 1 & 1]);
        memcpy(text, notes[p[0] >> 1 & 1], len);
    } else {
        len = 130;
        memset(text, ' ', len);
        memcpy(text + 64, "TLS 1.3, server CertificateVerify", 34);
    }
    if (p[0] & 4)
        text[p[2] % len] = (char)p[3];
    if (p[0] & 8)
        len = p[2] < len ? p[2] : len;
    struct msg_sign q = { .ask = p[3], .domain = str_c(p[0] & 16 ? all[0].uri : p[0] & 32 ? "" : all[1].uri), .scheme = (uint16_t)numbers[p[1] & 3], .input = { text, len } };
    if (ipc_put_sign(asker[i], &q) == 0)
        (void)!ipc_flush(asker[i]);
    return 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!all[0].pub) {
        all[0].pub = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); /* as the other one: only the asker tells them apart */
        all[1].pub = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        must(all[0].pub && all[1].pub);
        log_init("fuzz", LOG_L_ERROR);
    }
    begin();
    for (size_t at = 0; at < size && at < 400 && !t.broken && !t.stop;) {
        uint8_t op = data[at++];
        int i = op & 1 ? KEEPER : JOURNAL;
        fails = (op & 6) == 6;
        if (op & 8) {
            size_t n = at < size ? data[at++] : 0;
            n = n > size - at ? size - at : n;
            (void)!send(raw[op & 16 ? PARENT : i], data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
            at += n;
        } else {
            at += ask(i, data + at, size - at);
        }
        for (int c = PARENT; c < CHANNELS; c++)
            turn(c);
        for (int c = PARENT; c < CHANNELS; c++)
            look(c);
    }
    end();
    return 0;
}
