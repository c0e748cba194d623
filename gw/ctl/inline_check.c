/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate inline check: are packet rules and routes still those that `up` made? What `up` left is kept as text and compared,
 * so that a rule which somebody else added, changed or removed is seen. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inline.h"

#define STATE_MAX (1u << 20)

static void state_path(const struct gw_conf *c, enum gw_side side, char ret[512])
{
    snprintf(ret, 512, "%s/inline.%s.rules", c->run, gw_side_name(side));
}

static void aside_path(const struct gw_conf *c, enum gw_side side, char ret[512])
{
    snprintf(ret, 512, "%s/inline.%s.standby", c->run, gw_side_name(side));
}

/* Everything that decides over packets in the namespace, as its tools print it, without counters. */
static int read_live(const char *ns, struct buf *out)
{
    static const char *const commands[][9] = {
        { "nft", "-s", "-t", "list", "ruleset", NULL }, /* -t: not who has connections open; nothing else of ours is a set with a name */
        { "ip", "-4", "rule", "show", NULL },
        { "ip", "-6", "rule", "show", NULL },
        /* "boot" is what the command ip makes; the kernel's own routes come and go with addresses */
        { "ip", "-4", "route", "show", "table", "all", "proto", "boot", NULL },
        { "ip", "-6", "route", "show", "table", "all", "proto", "boot", NULL },
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char *args[10] = { NULL };
        for (int k = 0; k < 9; k++)
            args[k] = (char *)(uintptr_t)commands[i][k];
        if (step_output(ns, args, out) != 0)
            return GW_ERR(SYS);
    }
    return 0;
}

/* Beside, and renamed: without this file a running gateway takes the rules for taken down by intention, so it may not be missing in between. */
int inline_remember(const struct gw_conf *c, enum gw_side side)
{
    char path[512], aside[512], beside[520];
    struct buf b;
    buf_init(&b, STATE_MAX);
    state_path(c, side, path);
    aside_path(c, side, aside);
    snprintf(beside, sizeof beside, "%s.new", path);
    int e = read_live(c->side[side].namespace_, &b);
    int fd = e ? -1 : open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (!e && (fd < 0 || write(fd, buf_data(&b), buf_size(&b)) != (ssize_t)buf_size(&b) || rename(beside, path) != 0)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        e = GW_ERR(SYS);
    }
    if (fd >= 0)
        close(fd);
    if (!e)
        unlink(aside);
    buf_clear(&b);
    return e;
}

void inline_forget(const struct gw_conf *c, enum gw_side side)
{
    char path[512];
    state_path(c, side, path);
    unlink(path);
    aside_path(c, side, path);
    unlink(path);
}

bool inline_stands_by(const struct gw_conf *c, enum gw_side side)
{
    char aside[512];
    aside_path(c, side, aside);
    return access(aside, F_OK) == 0;
}

bool inline_lay_aside(const struct gw_conf *c, enum gw_side side)
{
    char path[512], aside[512];
    state_path(c, side, path);
    aside_path(c, side, aside);
    return rename(path, aside) == 0 || access(aside, F_OK) == 0;
}

bool inline_take_back(const struct gw_conf *c, enum gw_side side)
{
    char path[512], aside[512];
    state_path(c, side, path);
    aside_path(c, side, aside);
    return rename(aside, path) == 0 || access(path, F_OK) == 0;
}

static struct str line_at(struct str s, size_t at)
{
    const char *end = memchr(s.p + at, '\n', s.n - at);
    return (struct str){ s.p + at, end ? (size_t)(end - s.p) - at : s.n - at };
}

/* The first line that differs, for a person. */
static void show_difference(enum gw_side side, struct str was, struct str is)
{
    size_t n = 0, line = 0;
    for (; n < was.n && n < is.n && was.p[n] == is.p[n]; n++)
        if (was.p[n] == '\n')
            line = n + 1;
    struct str a = line_at(was, line), b = line_at(is, line);
    printf("side %s: rules or routes were changed by somebody else; `lockgate inline up` puts them back\n  was: %.*s\n  is:  %.*s\n",
        gw_side_name(side), STR_ARG(a), STR_ARG(b));
}

int inline_check(const struct gw_conf *c, enum gw_side side)
{
    char path[512], aside[512];
    struct buf was, is;
    int e = 0;
    state_path(c, side, path);
    FILE *f = fopen(path, "re");
    if (!f) {
        int why = errno;
        aside_path(c, side, aside);
        if (access(aside, F_OK) == 0)
            printf("side %s: stands by, with its cards down; `lockgate inline active` brings them up\n", gw_side_name(side));
        else
            printf("side %s: not up (%s: %s)\n", gw_side_name(side), path, strerror(why));
        return GW_ERR(NOENT);
    }
    buf_init(&was, STATE_MAX);
    buf_init(&is, STATE_MAX);
    unsigned char *room = buf_room(&was, STATE_MAX - 1);
    if (room)
        buf_added(&was, fread(room, 1, STATE_MAX - 1, f));
    fclose(f);
    if (!room || read_live(c->side[side].namespace_, &is) != 0) {
        e = GW_ERR(SYS);
    } else if (!str_eq(buf_str(&was), buf_str(&is))) {
        show_difference(side, buf_str(&was), buf_str(&is));
        e = GW_ERR(MISMATCH);
    }
    buf_clear(&was);
    buf_clear(&is);
    return e;
}
