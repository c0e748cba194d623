/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-keeper CONF: holds the private keys and signs TLS handshakes for the edges, which have none; makes the certificates that are
 * not given. Its life: arguments, configuration, keys, first certificates, sandbox, READY, questions until STOP. Key files are read as root, before the door closes: they may be
 * root's own, mode 0600. */
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "keeper.h"
#include "log.h"
#include "sandbox.h"

#define EXIT_CONF 78
#define LINES_MAX (1u << 20)

static int load(const char *path, struct gw_conf **ret_conf, struct keys *keys)
{
    if (gw_conf_load_said(path, ret_conf) != 0)
        return EXIT_CONF;
    int err = keys_load(*ret_conf, keys);
    return err == GW_ERR(CONF) ? EXIT_CONF : err ? 1 : 0;
}

static int close_door(const struct gw_conf *conf)
{
    const struct sandbox_options o = { .nofile = 64, .uid = geteuid() == 0 ? (uid_t)(conf->uid_first + GW_UID_KEEPER) : 0 };
    return sandbox_enter(SANDBOX_KEEPER, &o);
}

int main(int argc, char **argv)
{
    struct gw_conf *conf = NULL;
    struct keys keys;
    uint64_t epoch;
    log_init("keeper", LOG_L_INFO);
    if (argc != 2) {
        fprintf(stderr, "usage: lockgate-keeper CONF (started by lockgate-parent, its channel on descriptor %d)\n", IPC_PARENT_FD);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    int status = load(argv[1], &conf, &keys);
    if (status)
        return status;
    if (RAND_bytes((unsigned char *)&epoch, sizeof epoch) != 1)
        return 1;
    struct keeper k = { .conf = conf, .keys = &keys, .parent = ipc_new(IPC_PARENT_FD, IPC_KEEPER, IPC_PARENT) };
    outbox_init(&k.lines, (epoch & 0x1fffffffffffffULL) | 1, LINES_MAX); /* a JSON number in the journal; never 0 */
    if (!k.parent) {
        log_error("out of memory");
        return 1;
    }
    chains_make(&k); /* so that OpenSSL has opened all that it ever will */
    if (close_door(conf) != 0)
        return 1;
    status = keeper_run(&k);
    ipc_free(k.parent);
    ipc_free(k.journal);
    ipc_free(k.token);
    for (int s = 0; s < GW_SIDES; s++) {
        ipc_free(k.edge[s].ipc);
        away_done(&k.edge[s].away);
    }
    X509_free(k.minting.draft);
    outbox_clear(&k.lines);
    keys_clear(&keys);
    gw_conf_free(conf);
    return status;
}
