/* SPDX-License-Identifier: GPL-3.0-or-later
 * The channels of the reader: the parent's, and that of the edge of its side. All that was read is answered, then sent at once. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "reader.h"
#include "sha256.h"

#define TOLD 16 /* refusals that the operator is told of */

/* ---- a question ---- */

/* Lengths, record, XML: enough to try it again. The files are the reader's own, mode 600: they hold what people wrote. */
static void keep_sample(struct reader *r, const struct msg_read *q)
{
    char head[64];
    int n = snprintf(head, sizeof head, "%zu %zu\n", q->record.n, q->xml.n);
    for (int i = 0; i < SAMPLES; i++) {
        int fd = r->sample[i];
        if (fd < 0)
            continue;
        r->sample[i] = -1;
        if (write(fd, head, (size_t)n) != n || write(fd, q->record.p, q->record.n) != (ssize_t)q->record.n
            || write(fd, q->xml.p, q->xml.n) != (ssize_t)q->xml.n)
            log_warn("a sample could not be kept whole: %m");
        close(fd);
        log_warn("it is kept as sample %d", i);
        return;
    }
}

static int answer(struct reader *r, const struct ipc_msg *m)
{
    struct msg_read q;
    struct msg_read_done a = { 0 };
    const char *wrong;
    int err = m->type == IPC_M_READ ? ipc_get_read(m, &q) : GW_ERR(PROTO);
    if (err)
        return err;
    rec_reset(r->rec);
    wrong = rec_decode_into(q.record, r->rec) == 0 ? rdr_compare(r->rec, q.xml) : "no record";
    a.ask = q.ask;
    a.same = !wrong;
    sha256(q.xml.p, q.xml.n, a.hash.b);
    r->read++;
    if (wrong) {
        r->refused++;
        if (r->refused <= TOLD) /* an edge that was taken over must not fill the log */
            log_error("what the edge is about to write is not what was released: %s%s", wrong, r->refused == TOLD ? " (further ones are only counted)" : "");
        keep_sample(r, &q);
    }
    return ipc_put_read_done(r->edge, &a);
}

/* ---- the parent ---- */

static int on_link(struct reader *r, const struct ipc_msg *m)
{
    struct msg_link l;
    if (m->fd < 0 || ipc_get_link(m, &l) != 0)
        return GW_ERR(PROTO);
    if (l.role != IPC_EDGE) {
        close(m->fd);
        return 0;
    }
    ipc_free(r->edge);
    r->edge = ipc_new(m->fd, IPC_READER, IPC_EDGE);
    return r->edge ? 0 : GW_ERR(NOMEM);
}

static int on_stats(struct reader *r, const struct ipc_msg *m)
{
    struct msg_stats_ask ask;
    char text[128];
    if (ipc_get_stats_ask(m, &ask) != 0)
        return GW_ERR(SYNTAX);
    int n = snprintf(text, sizeof text, "{\"read\":%llu,\"refused\":%llu}", (unsigned long long)r->read, (unsigned long long)r->refused);
    return ipc_put_stats(r->parent, &(struct msg_stats){ .ask = ask.ask, .json = { text, (size_t)n } });
}

static int parent_said(struct reader *r, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_LINK:
        return on_link(r, m);
    case IPC_M_STATS_ASK:
        return on_stats(r, m);
    case IPC_M_STOP:
        r->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- the loop ---- */

static int serve(struct reader *r, struct ipc *c, bool parent)
{
    struct ipc_msg m;
    int filled = ipc_fill(c), got = 0, err;
    if (filled == GW_ERR(AGAIN))
        return 0;
    while (!r->stop && (got = ipc_next(c, &m)) == 1)
        if ((err = parent ? parent_said(r, &m) : answer(r, &m)))
            return err;
    if (got < 0 || filled < 0)
        return got < 0 ? got : filled;
    err = ipc_flush(c);
    return err == GW_ERR(AGAIN) ? 0 : err;
}

int rdr_run(struct reader *r)
{
    if (ipc_put_ready(r->parent, &(struct msg_ready){ }) != 0)
        return 1;
    while (!r->stop) {
        struct ipc *v[] = { r->parent, r->edge };
        bool ready[2];
        if (ipc_wait(v, 2, -1, -1, ready, NULL) < 0) {
            if (errno == EINTR)
                continue;
            return 1;
        }
        if (ready[0] && serve(r, r->parent, true))
            return r->stop ? 0 : 1; /* nobody would bring us back, or stop us */
        if (r->edge && r->edge == v[1] && ready[1]) {
            int err = serve(r, r->edge, false);
            if (err && err != GW_ERR(CLOSED))
                log_warn("the edge's channel is dropped: %s", gw_strerror(err));
            if (err) {
                ipc_free(r->edge);
                r->edge = NULL;
            }
        }
    }
    return 0;
}
