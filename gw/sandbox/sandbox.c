/* SPDX-License-Identifier: GPL-3.0-or-later
 * Closing the door: ids and capabilities go first, then the ways back, then files, then system calls. */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "landlock.h"
#include "log.h"

#define NOFILE_DEFAULT 256
#ifdef LOCKGATE_SANITIZE
#define DUMPABLE 1 /* the leak sanitizer traces the process */
#else
#define DUMPABLE 0
#endif

#if defined LOCKGATE_SANITIZE || defined LOCKGATE_COVERAGE /* a name for tests/links and `make install` to find: no such program is installed */
extern const char sandbox_weakened[];
const char sandbox_weakened[] = "this build watches itself; its sandbox is weaker";
#endif

static int set_limit(__rlimit_resource_t what, rlim_t value, const char *name)
{
    struct rlimit l = { value, value };

    if (setrlimit(what, &l) == 0)
        return 0;
    log_error("sandbox: limit %s cannot be set to %llu: %s", name, (unsigned long long)value, strerror(errno));
    return GW_ERR(SYS);
}

static int set_limits(const struct sandbox_options *o)
{
    int err = set_limit(RLIMIT_CORE, 0, "core");

    if (err == 0)
        err = set_limit(RLIMIT_NOFILE, o->nofile ? o->nofile : NOFILE_DEFAULT, "nofile");
#ifndef LOCKGATE_SANITIZE /* the address sanitizer maps terabytes */
    if (err == 0 && o->memory)
        err = set_limit(RLIMIT_AS, o->memory, "as");
#endif
    return err;
}

/* Ids and capabilities in one step: CAP_NET_ADMIN of admission has to survive the change of the user id. */
static int drop_privileges(enum sandbox_program program, const struct sandbox_options *o)
{
    bool keep = program == SANDBOX_ADMISSION && geteuid() == 0;
    int r;

    capng_clear(CAPNG_SELECT_BOTH);
    if (keep && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) < 0)
        return GW_ERR(SYS);
    if (o->uid != 0) {
        if (geteuid() != 0) {
            log_error("sandbox: only root can become user id %u", (unsigned)o->uid);
            return GW_ERR(DENIED);
        }
        r = capng_change_id((int)o->uid, (int)o->uid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    } else {
        r = capng_apply(geteuid() == 0 ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
    }
    if (r < 0) {
        log_error("sandbox: ids and capabilities cannot be dropped (step %d): %s", r, strerror(errno));
        return GW_ERR(SYS);
    }
    return 0;
}

/* Looks at what is left instead of trusting what was asked for. */
static int check_privileges(enum sandbox_program program, const struct sandbox_options *o)
{
    bool admission = program == SANDBOX_ADMISSION;
    uid_t real, effective, saved;
    gid_t groups[1];

    if (capng_get_caps_process() < 0)
        return GW_ERR(SYS);
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (capng_have_capability(CAPNG_PERMITTED, cap) && !(admission && cap == CAP_NET_ADMIN))
            return GW_ERR(DENIED);
    if (o->uid == 0)
        return 0;
    if (getresuid(&real, &effective, &saved) < 0 || real != o->uid || effective != o->uid || saved != o->uid)
        return GW_ERR(DENIED);
    if (getgroups(1, groups) > 0 || getegid() != (gid_t)o->uid || getgid() != (gid_t)o->uid)
        return GW_ERR(DENIED);
    return setresuid(0, 0, 0) == 0 ? GW_ERR(DENIED) : 0; /* the way back must be closed */
}

int sandbox_enter(enum sandbox_program program, const struct sandbox_options *o)
{
    int err = set_limits(o);

    if (err == 0)
        err = drop_privileges(program, o);
    if (err == 0)
        err = check_privileges(program, o);
#ifdef LOCKGATE_COVERAGE /* `make coverage` alone: counters are written to files at the end, by each program's user */
    (void)umask(0);
    log_warn("sandbox: this is a build for measuring coverage: NO LANDLOCK, NO SECCOMP");
    return err;
#endif
    if (err == 0 && prctl(PR_SET_DUMPABLE, DUMPABLE) < 0) /* behind the change of ids, which sets it anew */
        err = GW_ERR(SYS);
    if (err == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        err = GW_ERR(SYS);
    if (err == 0)
        err = landlock_close(o->write_below);
    if (err == 0)
        err = filter_close(program);
    if (err < 0)
        log_error("sandbox: not closed (%s); this program does not go on", gw_strerror(err));
    return err;
}
