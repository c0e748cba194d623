/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reload: a new guard and new scanners load the present rules beside those that run, and take their place only when all of
 * them are ready. A set that does not load never replaces one that works. */
#include <stdio.h>
#include <sys/wait.h>

#include "log.h"
#include "parent.h"

#define STAGE_MS 30000 /* for the new programs to load and be ready */
#define DRAIN_MS 3000  /* for the old guard to finish what it has; then it is replaced as if it had died */

static bool is_staged(const struct program *g)
{
    return g->role == IPC_GUARD || g->role == IPC_SCANNER;
}

static void say(struct parent *p, int status, const char *text)
{
    if (status)
        log_warn("reload: %s", text);
    else
        log_info("reload: %s", text);
    line_operator(p, "parent", "reload", text);
    control_reload_done(p, status, text);
}

/* The new programs go; what runs stays as it is. */
static void give_up(struct parent *p, int status, const char *why)
{
    for (int i = 0; i < PROGRAMS; i++) {
        struct child *c = &p->stage[i];
        if (c->pid)
            child_kill(c, NULL);
    }
    p->reload = RELOAD_NONE;
    say(p, status, why);
}

int reload_begin(struct parent *p)
{
    if (p->reload != RELOAD_NONE || p->stopping || !p->was_ready)
        return GW_ERR(AGAIN);
    for (int i = 0; i < PROGRAMS; i++)
        if (p->stage[i].pid && waitpid(p->stage[i].pid, NULL, 0) == p->stage[i].pid)
            p->stage[i].pid = 0; /* those of the reload before were killed, and are just ending */
    crl_give_all(p);
    p->reload = RELOAD_STAGING;
    p->reload_deadline = parent_now() + STAGE_MS;
    for (int i = 0; i < PROGRAMS; i++) {
        struct child *c = &p->stage[i];
        if (!is_staged(&programs[i]))
            continue;
        buf_clear(&c->stats);
        *c = (struct child){ .program = &programs[i], .staged = true };
        buf_init(&c->stats, 1u << 20);
        if (child_start(p, c) != 0) {
            give_up(p, 1, "the new programs could not be started");
            return GW_ERR(SYS);
        }
    }
    return 0;
}

void reload_child_ended(struct parent *p, struct child *c)
{
    int status = c->last_status;
    buf_clear(&c->stats);
    if (p->reload != RELOAD_STAGING)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 78)
        give_up(p, 78, "the new rules have mistakes, the old ones stay in force; `lockgate check` lists them");
    else
        give_up(p, 1, "a new program died, the old ones stay");
}

/* A guard died by itself meanwhile: it is started again with the present rules and a higher epoch than the staged one. */
void reload_lost(struct parent *p, const struct child *c)
{
    if (p->reload == RELOAD_STAGING && c->program->role == IPC_GUARD)
        give_up(p, 1, "the guard died meanwhile and was started again");
}

static bool staged_ready(const struct parent *p)
{
    for (int i = 0; i < PROGRAMS; i++)
        if (is_staged(&programs[i]) && !p->stage[i].ready)
            return false;
    return true;
}

/* No more stanzas for the old guard; it ends when it has settled what it had. */
static void drain(struct parent *p)
{
    const struct msg_pause m = { };
    p->reload = RELOAD_DRAINING;
    p->reload_deadline = parent_now() + DRAIN_MS;
    for (int i = 0; i < PROGRAMS; i++) /* what it remembers goes to the new one */
        if (programs[i].role == IPC_GUARD && p->child[i].chan && p->stage[i].chan)
            link_join(&p->child[i], &p->stage[i]);
    for (int i = 0; i < PROGRAMS; i++) {
        struct child *c = &p->child[i];
        if (c->program->role == IPC_EDGE && c->ready && ipc_put_pause(c->chan, &m) != 0)
            child_kill(c, "it could not be paused");
    }
}

/* The new ones take the old ones' places in the table; links follow, so that each pair is joined once. */
static void take_over(struct parent *p)
{
    for (int i = 0; i < PROGRAMS; i++) {
        struct child *old = &p->child[i], *new = &p->stage[i];
        if (!is_staged(&programs[i]))
            continue;
        unsigned starts = old->starts + 1;
        struct child gone = *old;
        *old = *new;
        old->staged = false;
        old->starts = starts;
        *new = gone; /* its end is waited for there */
        new->staged = true;
        new->restart_at = 0;
        if (new->pid)
            child_kill(new, NULL);
    }
    p->reload = RELOAD_NONE;
    for (int i = 0; i < PROGRAMS; i++)
        if (is_staged(&programs[i])) {
            line_program(p, &p->child[i], GW_R_PROGRAM_STARTED, "reload");
            if (programs[i].role == IPC_GUARD) {
                link_child(p, &p->child[i]);
                if (p->child[i].chan && buf_size(&p->hits) && ipc_put_hits(p->child[i].chan, &(struct msg_hits){ .counts = buf_str(&p->hits) }))
                    log_warn("the counts of the rules begin anew");
            }
        }
    say(p, 0, "the new rules are in force");
}

void reload_tick(struct parent *p, int64_t now)
{
    const struct child *guard = child_find(p, IPC_GUARD, 0, 0);
    if (p->reload != RELOAD_NONE && p->stopping)
        give_up(p, 1, "the gateway is stopping");
    else if (p->reload == RELOAD_STAGING && staged_ready(p))
        drain(p);
    else if (p->reload == RELOAD_STAGING && now >= p->reload_deadline)
        give_up(p, 1, "the new programs were not ready in time, the old ones stay");
    if (p->reload == RELOAD_DRAINING && (!guard->pid || now >= p->reload_deadline))
        take_over(p);
}
