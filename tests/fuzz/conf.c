// link: base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Any bytes as the gateway's configuration: taken or refused with a mistake that says why, never half taken. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gwconf.h"
#include "libconfig_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf_errors errs;
    struct gw_conf *c = NULL;
    char path[64];
    FILE *none = fopen("/dev/null", "w");
    int fd = memfd_create("conf", MFD_CLOEXEC), err;

    if (fd < 0 || !none || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    conf_errors_init(&errs);
    err = gw_conf_load(path, &c, &errs);
    if ((err == 0) != (c != NULL) || (err == GW_ERR(CONF)) != (errs.n_errors > 0) || (err != 0 && err != GW_ERR(CONF)))
        abort();
    for (size_t i = 0; c && i < c->n_pairs; i++) /* what is loaded is whole */
        if (!gw_conf_domain(c, GW_HIGH, c->pairs[i].domain[GW_HIGH]) || !gw_conf_certificate(c, GW_LOW, c->pairs[i].domain[GW_HIGH]) ||
            !gw_conf_domain(c, GW_LOW, c->pairs[i].domain[GW_LOW]) || gw_conf_side_of(c, c->pairs[i].domain[GW_LOW]) != GW_LOW)
            abort();
    conf_errors_print(&errs, none);
    gw_conf_free(c);
    conf_errors_clear(&errs);
    fclose(none);
    close(fd);
    return 0;
}
