/* SPDX-License-Identifier: GPL-3.0-or-later
 * Builds a program's seccomp filter from its lists and loads it. Default: end the process, whatever the architecture of the call. */
#include <stdbool.h>
#include <unistd.h>

#include "filter.h"
#include "log.h"
#include "rules.h"

#define LISTS_MAX 4

static const struct sandbox_list *const lists[SANDBOX_PROGRAMS][LISTS_MAX] = {
    [SANDBOX_EDGE] = { &sandbox_common, &sandbox_no_files, &sandbox_edge },
    [SANDBOX_GUARD] = { &sandbox_common, &sandbox_no_files, &sandbox_guard },
    [SANDBOX_SCANNER] = { &sandbox_common, &sandbox_no_files, &sandbox_scanner },
    [SANDBOX_JOURNAL] = { &sandbox_common, &sandbox_journal },
    [SANDBOX_ADMISSION] = { &sandbox_common, &sandbox_no_files, &sandbox_admission },
    [SANDBOX_KEEPER] = { &sandbox_common, &sandbox_no_files, &sandbox_keeper },
    [SANDBOX_COURIER] = { &sandbox_common, &sandbox_courier },
    [SANDBOX_DECOY] = { &sandbox_common, &sandbox_no_files, &sandbox_decoy },
    [SANDBOX_RESPONDER] = { &sandbox_common, &sandbox_no_files, &sandbox_responder },
    [SANDBOX_TOKEN] = { &sandbox_common, &sandbox_token },
    [SANDBOX_READER] = { &sandbox_common, &sandbox_no_files, &sandbox_reader },
};

/* Rows for calls that the sanitizers' list allows are left out of the other lists: two answers to one call cannot be. */
static bool in_sanitizers(int nr)
{
    for (size_t i = 0; i < sandbox_sanitizers.n; i++)
        if (sandbox_sanitizers.v[i].nr == nr)
            return true;
    return false;
}

static int add_list(scmp_filter_ctx ctx, const struct sandbox_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct sandbox_rule *r = &list->v[i];
        int err;

        if (r->nr < 0 || (list != &sandbox_sanitizers && in_sanitizers(r->nr)))
            continue; /* below 0: this architecture does not have the call */
        err = seccomp_rule_add_array(ctx, r->error ? SCMP_ACT_ERRNO((uint32_t)r->error) : SCMP_ACT_ALLOW, r->nr, r->n_args, r->args);
        if (err < 0) {
            log_error("sandbox: system call %d cannot be put on the list (error %d)", r->nr, -err);
            return GW_ERR(SYS);
        }
    }
    return 0;
}

/* abort() and raise(): this process may signal itself. Not before version 6 of Landlock does that hold for other ways. */
static int add_own_signal(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp self = SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)getpid());

    if (in_sanitizers(SCMP_SYS(tgkill)))
        return 0;
    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self) < 0 ? GW_ERR(SYS) : 0;
}

int filter_close(enum sandbox_program program)
{
    scmp_filter_ctx ctx;
    int err = 0, r;

    if ((unsigned)program >= SANDBOX_PROGRAMS)
        return GW_ERR(RANGE);
    ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return GW_ERR(NOMEM);
    if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0)
        err = GW_ERR(SYS);
    /* a search tree instead of a long row of comparisons; only slower without it */
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < LISTS_MAX && lists[program][i] && err == 0; i++)
        err = add_list(ctx, lists[program][i]);
    if (err == 0)
        err = add_list(ctx, &sandbox_sanitizers);
    if (err == 0)
        err = add_own_signal(ctx);
    if (err == 0) {
        r = seccomp_load(ctx);
        if (r < 0) {
            log_error("the kernel takes no seccomp filter (error %d): it needs CONFIG_SECCOMP_FILTER", -r);
            err = GW_ERR(UNSUPPORTED);
        }
    }
    seccomp_release(ctx);
    return err;
}
