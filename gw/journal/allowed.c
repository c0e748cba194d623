/* SPDX-License-Identifier: GPL-3.0-or-later
 * What each program may say. Only a guard says verdicts; an edge that was taken over must not be able to write lines that look
 * like them, nor to fill the disk. */
#include <sys/statvfs.h>

#include "journal.h"
#include "log.h"

#define BIT(name) (1u << GW_EV_##name)
static const struct { enum ipc_role role; unsigned events; } may[] = {
    { IPC_GUARD, BIT(VERDICT) | BIT(DELIVERY) | BIT(RULES) | BIT(LIMIT) },
    { IPC_EDGE, BIT(STREAM) | BIT(LIMIT) | BIT(CERTIFICATE) | BIT(JOURNAL) },
    { IPC_ADMISSION, BIT(ADMISSION) | BIT(LIMIT) },
    { IPC_KEEPER, BIT(CERTIFICATE) },
    { IPC_DECOY, BIT(ADMISSION) },
    { IPC_RESPONDER, BIT(ADMISSION) },
    { IPC_PARENT, BIT(PROGRAM) | BIT(ADMISSION) | BIT(OPERATOR) | BIT(RULES) | BIT(LIMIT) },
    { IPC_COURIER, BIT(WITNESS) },
};

static bool event_allowed(enum ipc_role role, unsigned event)
{
    for (size_t i = 0; i < sizeof may / sizeof *may; i++)
        if (may[i].role == role)
            return event < GW_EV_COUNT && may[i].events >> event & 1;
    return false;
}

/* What only a guard knows. */
static bool judges(enum gw_field f)
{
    switch ((unsigned)f) {
    case GW_F_DELIVERY: case GW_F_RULE: case GW_F_RULE_NAME: case GW_F_MATCHED: case GW_F_CHANGED: case GW_F_HASH_IN: case GW_F_HASH_OUT:
    case GW_F_WOULD: case GW_F_HELD:
        return true;
    default:
        return false;
    }
}

static void take_told(const struct field_value *v, struct told *t)
{
    switch ((unsigned)v->field) {
    case GW_F_GUARD: t->guard = v->num; break;
    case GW_F_NUMBER: t->number = v->num; break;
    case GW_F_TICKET: t->ticket = v->num; break;
    case GW_F_DIRECTION: t->near = str_eq(v->bytes, STR("high-to-low")) ? GW_HIGH : GW_LOW; break;
    case GW_F_VERDICT: t->release = str_eq(v->bytes, str_c(gw_verdict_name(GW_V_RELEASE))); break;
    case GW_F_ACTION:
        t->probe = str_eq(v->bytes, STR("probe"));
        t->discarded = str_eq(v->bytes, STR("discarded"));
        break;
    default: break;
    }
}

const char *allowed(const struct channel *ch, unsigned event, struct str fields, struct told *ret)
{
    struct field_value v;
    struct wire w;

    if (!event_allowed(ch->role, event))
        return "an event that is not its to tell";
    *ret = (struct told){ .near = GW_SIDES };
    wire_init(&w, fields.p, fields.n);
    while (field_next(&w, &v) == 1) {
        take_told(&v, ret);
        if (v.field == GW_F_EVIDENCE || v.field == GW_F_RECORD)
            return "a member that only the journal may tell";
        if (ch->role == IPC_GUARD)
            continue;
        if (v.field == GW_F_VERDICT && ch->role == IPC_DECOY && !str_eq(v.bytes, str_c(gw_verdict_name(GW_V_DROP))))
            return "a verdict that is not its to give";
        if (judges(v.field) || (v.field == GW_F_VERDICT && (ch->role == IPC_EDGE || ch->role == IPC_COURIER)))
            return "a member that only a guard may tell";
        if (v.field == GW_F_SIDE && (ch->role == IPC_EDGE || ch->role == IPC_ADMISSION || ch->role == IPC_DECOY || ch->role == IPC_RESPONDER) &&
            !str_eq(v.bytes, str_c(gw_side_name(ch->side))))
            return "a line about the other side";
    }
    return NULL; /* what cannot be read is found when the line is written */
}

/* ---- budget ---- */
#define BUDGET_RATE (1 << 20)  /* bytes a second of edges and admissions: a thousand streams opened and closed */
#define BUDGET_BURST (4 << 20)
#define SPACE_KEPT (64u << 20) /* for guards and the parent; at most a twentieth of the file system */

static bool limited(const struct channel *ch)
{
    return ch->role == IPC_EDGE || ch->role == IPC_ADMISSION || ch->role == IPC_COURIER || ch->role == IPC_DECOY || ch->role == IPC_RESPONDER;
}

static void look_at_space(struct journal *j, int64_t now)
{
    struct statvfs s;
    uint64_t kept = SPACE_KEPT;
    bool little;

    if (now - j->space_ms < 1000)
        return;
    j->space_ms = now;
    if (fstatvfs(j->store.dir_fd, &s) < 0)
        return;
    if (kept > s.f_blocks / 20 * s.f_frsize)
        kept = s.f_blocks / 20 * s.f_frsize;
    little = s.f_bavail * s.f_frsize < kept;
    if (little && !j->little_space)
        log_warn("little space is left for the journal: edges and admissions wait with their lines, and no evidence is kept");
    j->little_space = little;
}

bool space_is_little(struct journal *j)
{
    look_at_space(j, mono_ms());
    return j->little_space;
}

bool budget_left(struct journal *j, struct channel *ch)
{
    int64_t now;

    if (!limited(ch))
        return true;
    now = mono_ms();
    look_at_space(j, now);
    if (ch->budget_ms == 0) {
        ch->budget = BUDGET_BURST;
    } else {
        ch->budget += (now - ch->budget_ms) * BUDGET_RATE / 1000;
        if (ch->budget > BUDGET_BURST)
            ch->budget = BUDGET_BURST;
    }
    ch->budget_ms = now;
    return ch->budget > 0 && !j->little_space;
}

void budget_charge(struct channel *ch, size_t bytes)
{
    if (limited(ch))
        ch->budget -= (int64_t)bytes + 256;
}
