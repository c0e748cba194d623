/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate check --system: the looks one after the other, and how they are shown. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "system.h"
#include "verbs.h"

static const char *const words[] = { "fine", "warning", "WRONG" };

void sys_say(struct sys_report *r, enum sys_level level, const char *area, const char *todo, const char *fmt, ...)
{
    char text[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++) /* names from certificates and answers must not reach the terminal as they came */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    r->count[level]++;
    if (r->list) {
        json_array_append_new(r->list, json_pack("{s:s, s:s, s:s, s:s*}", "level", level == SYS_WRONG ? "wrong" : words[level], "area", area, "text",
            text, "todo", todo));
    } else {
        printf("%-8s %-12s %s%s%s\n", words[level], area, text, todo ? ": " : "", todo ? todo : "");
        fflush(stdout); /* a look may take a while; what is known is seen */
    }
}

int ctl_check_system(const struct gw_conf *c, bool json)
{
    struct sys_report r = { .list = json ? json_array() : NULL };
    if (json && !r.list)
        return CTL_NO;
    if (geteuid() != 0)
        sys_say(&r, SYS_WARNING, "user", "run it again as root", "this is not root: keys, namespaces and packet rules cannot be looked at");
    sys_machine(&r, c);
    sys_certificates(&r, c);
    sys_network(&r, c);
    sys_dns(&r, c);
    if (json) {
        json_t *all = json_pack("{s:i, s:i, s:i, s:O}", "fine", (int)r.count[SYS_FINE], "warnings", (int)r.count[SYS_WARNING], "wrong",
            (int)r.count[SYS_WRONG], "lines", r.list);
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
        json_decref(r.list);
    } else {
        printf("%u fine, %u warning%s, %u wrong\n", r.count[SYS_FINE], r.count[SYS_WARNING], r.count[SYS_WARNING] == 1 ? "" : "s", r.count[SYS_WRONG]);
    }
    return r.count[SYS_WRONG] ? CTL_NO : CTL_YES;
}
