/* SPDX-License-Identifier: GPL-3.0-or-later
 * Answers questions in the order in which they came: all that was read is answered, sent in small lots. */
#include "scanner.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

int scanner_init(struct scanner *s, struct content *content, int parent_fd)
{
    *s = (struct scanner){ .content = content };
    arena_init(&s->arena, 64u << 20);
    buf_init(&s->result, 1u << 20);
    s->parent = ipc_new(parent_fd, IPC_SCANNER, IPC_PARENT);
    return s->parent ? 0 : GW_ERR(NOMEM);
}

void scanner_clear(struct scanner *s)
{
    for (size_t i = 0; i < SCANNER_GUARDS_MAX; i++)
        ipc_free(s->guard[i]);
    ipc_free(s->parent);
    arena_clear(&s->arena);
    buf_clear(&s->result);
}

/* ---- the parent ---- */

static void link_guard(struct scanner *s, const struct ipc_msg *m)
{
    struct msg_link l;
    if (ipc_get_link(m, &l) || l.role != IPC_GUARD || l.index >= SCANNER_GUARDS_MAX || m->fd < 0) {
        log_warn("a link from the parent was not for us");
        if (m->fd >= 0)
            close(m->fd);
        return;
    }
    ipc_free(s->guard[l.index]);
    s->guard[l.index] = ipc_new(m->fd, IPC_SCANNER, IPC_GUARD);
    if (!s->guard[l.index])
        log_error("no memory for the link to guard %u", l.index);
}

static int send_stats(struct scanner *s, const struct ipc_msg *m)
{
    struct msg_stats_ask ask;
    char json[512];
    if (ipc_get_stats_ask(m, &ask))
        return GW_ERR(SYNTAX);
    int n = snprintf(json, sizeof json, "{\"scans\":%llu,\"unknown\":%llu,\"matches\":%llu,\"bytes\":%llu,\"yara_us\":%llu,\"dlp_us\":%llu,\"rules\":%zu}",
        (unsigned long long)s->n_scans, (unsigned long long)s->n_unknown, (unsigned long long)s->n_matches, (unsigned long long)s->bytes,
        (unsigned long long)(s->yara_ns / 1000), (unsigned long long)(s->dlp_ns / 1000), content_rule_count(s->content));
    struct msg_stats stats = { .ask = ask.ask, .json = { json, (size_t)n } };
    return ipc_put_stats(s->parent, &stats);
}

static int parent_said(struct scanner *s, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_LINK:
        link_guard(s, m);
        return 0;
    case IPC_M_STATS_ASK:
        return send_stats(s, m);
    case IPC_M_STOP:
        s->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- a guard ---- */

static int answer(struct scanner *s, struct ipc *guard, const struct ipc_msg *m)
{
    struct msg_scan ask;
    struct scan_request request;
    struct scan_result result = { .status = SCAN_UNKNOWN };
    if (m->type != IPC_M_SCAN)
        return GW_ERR(PROTO);
    int err = ipc_get_scan(m, &ask);
    if (err)
        return err;
    arena_reset(&s->arena);
    err = scan_request_get(ask.request, &s->arena, &request);
    if (err == GW_ERR(SYNTAX))
        return err;
    if (!err)
        err = content_scan(s->content, &request, &s->arena, &result);
    if (err)
        result = (struct scan_result){ .status = SCAN_UNKNOWN };
    buf_reset(&s->result);
    if ((err = scan_result_put(&s->result, &result))) { /* too large for one message */
        result = (struct scan_result){ .status = SCAN_UNKNOWN, .yara_ns = result.yara_ns, .dlp_ns = result.dlp_ns };
        buf_reset(&s->result);
        if ((err = scan_result_put(&s->result, &result)))
            return err;
    }
    s->n_scans++;
    s->n_unknown += result.status != SCAN_DONE;
    s->n_matches += result.n_matches;
    s->bytes += ask.request.n;
    s->yara_ns += result.yara_ns;
    s->dlp_ns += result.dlp_ns;
    struct msg_scanned out = { .id = ask.id, .result = buf_str(&s->result) };
    return ipc_put_scanned(guard, &out);
}

/* Answers are sent after so many, or so long. */
#define UNSENT_MAX 32u
#define UNSENT_NS 2000000u

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Reads what is there and handles all of it. A channel that breaks the protocol is dropped; the parent makes a new one. */
static int serve(struct scanner *s, struct ipc *c, bool parent)
{
    struct ipc_msg m;
    int err = ipc_fill(c), got = 0;
    if (err == GW_ERR(AGAIN))
        return 0;
    bool closed = err < 0;
    unsigned unsent = 0;
    uint64_t since = now_ns();
    while ((got = ipc_next(c, &m)) == 1) {
        err = parent ? parent_said(s, &m) : answer(s, c, &m);
        if (err)
            return err;
        if (s->stop)
            return 0;
        /* the guard sees progress while a long batch is under way */
        if (!parent && (++unsent == UNSENT_MAX || now_ns() - since > UNSENT_NS)) {
            if ((err = ipc_flush(c)) && err != GW_ERR(AGAIN))
                return err;
            unsent = 0;
            since = now_ns();
        }
    }
    if (got < 0)
        return got;
    if (closed)
        return GW_ERR(CLOSED);
    err = ipc_flush(c);
    return err == GW_ERR(AGAIN) ? 0 : err;
}

int scanner_run(struct scanner *s)
{
    struct msg_ready ready = {};
    struct ipc *v[1 + SCANNER_GUARDS_MAX];
    bool is_ready[1 + SCANNER_GUARDS_MAX];
    if (ipc_put_ready(s->parent, &ready))
        return 1;
    int err = ipc_flush(s->parent);
    if (err && err != GW_ERR(AGAIN))
        return 1;
    while (!s->stop) {
        v[0] = s->parent;
        for (size_t i = 0; i < SCANNER_GUARDS_MAX; i++)
            v[1 + i] = s->guard[i];
        if (ipc_wait(v, 1 + SCANNER_GUARDS_MAX, -1, -1, is_ready, NULL) < 0) {
            if (errno == EINTR)
                continue;
            log_error("waiting failed");
            return 1;
        }
        if (is_ready[0] && serve(s, s->parent, true))
            return s->stop ? 0 : 1; /* without a parent there is nothing to do */
        for (size_t i = 0; i < SCANNER_GUARDS_MAX && !s->stop; i++) {
            /* the parent may just have replaced this link */
            if (!is_ready[1 + i] || s->guard[i] != v[1 + i] || !s->guard[i])
                continue;
            err = serve(s, s->guard[i], false);
            if (err) {
                if (err != GW_ERR(CLOSED))
                    log_warn("link to guard %zu dropped: %s", i, gw_strerror(err));
                ipc_free(s->guard[i]);
                s->guard[i] = NULL;
            }
        }
    }
    return 0;
}
