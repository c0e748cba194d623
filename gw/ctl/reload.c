/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate reload: checks the present rules, then asks the running gateway to let a new guard with them take over. */
#include <stdio.h>

#include "verbs.h"

int verb_reload(int argc, char **argv)
{
    const char *conf;
    struct buf out;
    int n = ctl_options(argc, argv, &conf, NULL);
    if (n != 1)
        return ctl_usage(n, argv);
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    char *check[] = { (char[]){ "check" }, (char[]){ "-q" }, (char[]){ "-c" }, c->path, NULL };
    int status = verb_check ? verb_check(4, check) : CTL_YES;
    if (status != CTL_YES) {
        fputs("the old rules stay in force; while the files are wrong, a guard that dies cannot come back: mend them soon\n", stderr);
        gw_conf_free(c);
        return status;
    }
    buf_init(&out, 1u << 20);
    status = ctl_ask(c, "reload", "", false, &out);
    fprintf(status == CTL_YES ? stdout : stderr, "%.*s\n", STR_ARG(buf_str(&out)));
    buf_clear(&out);
    gw_conf_free(c);
    return status;
}
