/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate run: everything is checked before anything starts; then this process becomes lockgate-parent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "verbs.h"

/* Our own folder, or the libexec folder beside it in an installation. */
int ctl_program(const char *name, char *ret, size_t n)
{
    char own[400];
    ssize_t got = readlink("/proc/self/exe", own, sizeof own - 1);
    if (got <= 0)
        return GW_ERR(SYS);
    own[got] = 0;
    *strrchr(own, '/') = 0;
    snprintf(ret, n, "%s/%s", own, name);
    if (access(ret, X_OK) == 0)
        return 0;
    snprintf(ret, n, "%s/../libexec/lockgate/%s", own, name);
    return access(ret, X_OK) == 0 ? 0 : GW_ERR(NOENT);
}

/* All of configuration and rules. The verb `check` does it, quietly; without it, the configuration alone. */
static int check_all(const char *conf, char *conf_argument)
{
    char *argv[] = { (char[]){ "check" }, (char[]){ "-q" }, (char[]){ "-c" }, conf_argument, NULL };
    if (verb_check)
        return verb_check(4, argv);
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    gw_conf_free(c);
    return CTL_YES;
}

int verb_run(int argc, char **argv)
{
    const char *conf;
    char path[512];
    int n = ctl_options(argc, argv, &conf, NULL);
    if (n != 1)
        return ctl_usage(n, argv);
    if (geteuid() != 0) {
        fputs("lockgate run: only root may: the parent makes sockets in network namespaces and gives each program an id of its own\n", stderr);
        return CTL_NO;
    }
    char *absolute = realpath(conf, NULL);
    if (!absolute) {
        fprintf(stderr, "%s: %s\n", conf, strerror(errno));
        return CTL_CONF;
    }
    int status = check_all(conf, absolute);
    if (status != CTL_YES)
        fputs("nothing was started\n", stderr);
    else if (ctl_program("lockgate-parent", path, sizeof path) != 0)
        fprintf(stderr, "%s: %s; is the installation complete?\n", path, strerror(errno));
    else
        execl(path, "lockgate-parent", absolute, (char *)NULL);
    free(absolute);
    return status != CTL_YES ? status : CTL_NO;
}
