/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-guard CONF EPOCH: decides. Its life: arguments, configuration, rules, keys, sandbox, READY, messages until STOP. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core.h"
#include "jid.h"
#include "log.h"
#include "process.h"
#include "sandbox.h"
#include "siphash.h"

#define EXIT_CONF 78

static int wrong_conf(struct conf_errors *errs)
{
    conf_errors_print(errs, stderr);
    conf_errors_clear(errs);
    return EXIT_CONF;
}

static int load(const char *path, struct gw_conf **ret_conf, struct policy **ret_policy)
{
    struct conf_errors errs;
    struct timespec now;
    conf_errors_init(&errs);
    clock_gettime(CLOCK_REALTIME, &now);
    if (jid_init()) {
        log_error("ICU is not usable; is libicu72 installed as a whole?");
        return 1;
    }
    if (gw_conf_load(path, ret_conf, &errs))
        return wrong_conf(&errs);
    int rc = policy_load((*ret_conf)->rules, (int64_t)now.tv_sec * 1000, ret_policy, &errs);
    if (rc) {
        if (!errs.n_errors)
            log_error("the rules in %s could not be loaded: %s", (*ret_conf)->rules, gw_strerror(rc));
        return wrong_conf(&errs);
    }
    conf_errors_clear(&errs); /* warnings are for `lockgate check` */
    return 0;
}

/* The key of the salted hashes outlives a guard, so that two lines about the same bytes can be held against each other. */
static int hash_secret(const char *state, unsigned char key[32])
{
    char path[4096];
    snprintf(path, sizeof path, "%s/hash.key", state);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        ssize_t n = read(fd, key, 32);
        close(fd);
        if (n == 32)
            return 0;
    }
    if (RAND_bytes(key, 32) != 1)
        return GW_ERR(CRYPTO);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, key, 32) != 32 || fsync(fd))
        log_warn("%s cannot be kept (%s): salted hashes of this guard and the next will differ", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return 0;
}

static int close_doors(const struct gw_conf *conf)
{
    struct sandbox_options o = { .nofile = 64, .memory = (unsigned long)conf->limits.memory };
    (void)siphash_process_key(); /* drawn while getrandom is allowed */
    if (geteuid() == 0)
        o.uid = (uid_t)(conf->uid_first + GW_UID_GUARD);
    int rc = sandbox_enter(SANDBOX_GUARD, &o);
    if (rc)
        log_error("the sandbox did not close: %s", gw_strerror(rc));
    return rc;
}

int main(int argc, char **argv)
{
    struct gw_conf *conf = NULL;
    struct policy *policy = NULL;
    unsigned char secret[32];
    struct hash_key key;
    char *end = NULL;
    log_init("guard", LOG_L_INFO);
    unsigned long long epoch = argc == 3 ? strtoull(argv[2], &end, 10) : 0;
    if (!epoch || *end) {
        fprintf(stderr, "usage: lockgate-guard CONF EPOCH (started by lockgate-parent, its channel on descriptor %d)\n", IPC_PARENT_FD);
        return 2;
    }
    int status = load(argv[1], &conf, &policy);
    if (status)
        return status;
    if (hash_secret(conf->state, secret))
        return 1;
    hash_key_set(&key, secret, sizeof secret);
    if (close_doors(conf))
        return 1;
    struct process p;
    if (process_init(&p, conf, policy, epoch, &key, IPC_PARENT_FD)) {
        log_error("out of memory");
        return 1;
    }
    status = process_run(&p);
    process_clear(&p);
    policy_free(policy);
    gw_conf_free(conf);
    jid_finish();
    return status;
}
