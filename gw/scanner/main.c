/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-scanner CONF INDEX: text in, rule names and spans out. It decides nothing and knows nobody but the guard. Its life:
 * arguments, configuration, rules, sandbox, READY, questions until the parent says STOP or goes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gwconf.h"
#include "log.h"
#include "sandbox.h"
#include "scanner.h"

#define EXIT_CONF 78
#define SCANNER_MEMORY (3ul << 30)

static int wrong_conf(struct conf_errors *errs)
{
    conf_errors_print(errs, stderr);
    conf_errors_clear(errs);
    return EXIT_CONF;
}

/* Rules are compiled as root, from files that only the administrator may change; no foreign byte has come in yet. */
static int load(const char *conf_path, struct gw_conf **ret_conf, struct content **ret_content)
{
    struct conf_errors errs;
    conf_errors_init(&errs);
    if (gw_conf_load(conf_path, ret_conf, &errs))
        return wrong_conf(&errs);
    char cache[4096];
    snprintf(cache, sizeof cache, "%s/%s", (*ret_conf)->state, CONTENT_CACHE);
    int err = content_load_cached((*ret_conf)->rules, cache, ret_content, &errs);
    if (err) {
        if (errs.n_errors == 0)
            log_error("rules in %s could not be loaded: %s", (*ret_conf)->rules, gw_strerror(err));
        return wrong_conf(&errs);
    }
    conf_errors_clear(&errs); /* warnings are for `lockgate check` */
    return 0;
}

static int close_doors(const struct gw_conf *conf)
{
    struct sandbox_options o = { .nofile = 64 };
    if (geteuid() == 0)
        o.uid = (uid_t)(conf->uid_first + GW_UID_SCANNER);
#ifndef LOCKGATE_SANITIZE
    o.memory = SCANNER_MEMORY;
#endif
    int err = sandbox_enter(SANDBOX_SCANNER, &o);
    if (err)
        log_error("the sandbox did not close: %s", gw_strerror(err));
    return err;
}

int main(int argc, char **argv)
{
    static char name[32] = "scanner";
    struct gw_conf *conf = NULL;
    struct content *content = NULL;
    log_init(name, LOG_L_INFO);
    if (argc != 3 || strspn(argv[2], "0123456789") != strlen(argv[2]) || strlen(argv[2]) > 3) {
        fprintf(stderr, "usage: lockgate-scanner CONF INDEX (started by lockgate-parent, its channel on descriptor %d)\n", IPC_PARENT_FD);
        return 2;
    }
    snprintf(name, sizeof name, "scanner/%s", argv[2]);
    int status = load(argv[1], &conf, &content);
    if (status)
        return status;
    if (close_doors(conf))
        return 1;
    gw_conf_free(conf);
    struct scanner s;
    if (scanner_init(&s, content, IPC_PARENT_FD)) {
        log_error("out of memory");
        return 1;
    }
    status = scanner_run(&s);
    scanner_clear(&s);
    content_free(content);
    return status;
}
