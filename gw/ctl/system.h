/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate check --system`: what is around the gateway. Each look says one line: fine, warning or wrong, and what to do. */
#ifndef LOCKGATE_CTL_SYSTEM_H
#define LOCKGATE_CTL_SYSTEM_H

#include <jansson.h>

#include "gwconf.h"

enum sys_level { SYS_FINE, SYS_WARNING, SYS_WRONG };
struct sys_report {
    json_t *list; /* with --json: nothing is printed until the end; NULL: each line at once */
    unsigned count[3];
};
/* area: one word. todo: what to do, NULL when all is fine. */
void sys_say(struct sys_report *r, enum sys_level level, const char *area, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

void sys_certificates(struct sys_report *r, const struct gw_conf *c); /* system_cert.c */
void sys_dns(struct sys_report *r, const struct gw_conf *c);          /* system_dns.c: needs the namespaces, so root */
void sys_network(struct sys_report *r, const struct gw_conf *c);      /* system_net.c: cards, forwarding, packet rules, other tables */
void sys_machine(struct sys_report *r, const struct gw_conf *c);      /* system_machine.c: kernel, clock, disk */

/* All of them. An exit status: CTL_NO when something is wrong. */
int ctl_check_system(const struct gw_conf *c, bool json);

#endif
