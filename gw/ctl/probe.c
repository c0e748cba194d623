/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate probe: two stanzas of the gateway's own are judged, one must be released and one blocked; every program must run. For health
 * checks (conf/standby): 0 all is well, 1 it is not, with the reason. */
#include <stdio.h>

#include "verbs.h"

int verb_probe(int argc, char **argv)
{
    const char *conf;
    struct buf out;
    int n = ctl_options(argc, argv, &conf, NULL);
    if (n != 1)
        return ctl_usage(n, argv);
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    buf_init(&out, 65536);
    int status = ctl_ask(c, "probe", "", false, &out);
    fprintf(status == CTL_YES ? stdout : stderr, "%.*s", STR_ARG(buf_str(&out)));
    buf_clear(&out);
    gw_conf_free(c);
    return status;
}
