// link: ipc base
// libs: -lcrypto
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A second reader that does as the stanza says, in the place of lockgate-reader: DIFFER: "it is something else"; OTHERHASH: "it is", with the
 * hash of other bytes; POISON: it ends. To all else it says yes. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc.h"
#include "log.h"

enum { PARENT, EDGE, CHANNELS };
static struct ipc *ch[CHANNELS];

static bool says(struct str s, const char *word)
{
    return memmem(s.p, s.n, word, strlen(word)) != NULL;
}

static int read_it(const struct ipc_msg *m)
{
    struct msg_read q;
    struct msg_read_done a = { 0 };
    if (ipc_get_read(m, &q) != 0)
        exit(1);
    if (says(q.xml, "POISON"))
        exit(1);
    a.ask = q.ask;
    a.same = !says(q.xml, "DIFFER");
    SHA256((const unsigned char *)q.xml.p, q.xml.n, a.hash.b);
    a.hash.b[0] ^= says(q.xml, "OTHERHASH");
    return ipc_put_read_done(ch[EDGE], &a);
}

static int take(const struct ipc_msg *m)
{
    struct msg_link l;
    struct msg_stats_ask ask;
    if (m->type == IPC_M_LINK && ipc_get_link(m, &l) == 0) {
        ipc_free(ch[EDGE]);
        ch[EDGE] = ipc_new(m->fd, IPC_READER, IPC_EDGE);
    } else if (m->type == IPC_M_STOP) {
        exit(0);
    } else if (m->type == IPC_M_STATS_ASK && ipc_get_stats_ask(m, &ask) == 0) {
        return ipc_put_stats(ch[PARENT], &(struct msg_stats){ .ask = ask.ask, .json = STR("{}") });
    } else if (m->type == IPC_M_READ) {
        return read_it(m);
    }
    return 0;
}

int main(void)
{
    log_init("mad reader", LOG_L_INFO);
    ch[PARENT] = ipc_new(IPC_PARENT_FD, IPC_READER, IPC_PARENT);
    if (ipc_put_ready(ch[PARENT], &(struct msg_ready){ }) != 0)
        return 1;
    for (;;) {
        bool ready[CHANNELS];
        if (ipc_wait(ch, CHANNELS, -1, -1, ready, NULL) < 0)
            return 1;
        for (int i = 0; i < CHANNELS; i++) {
            struct ipc_msg m;
            struct ipc *now = ch[i];
            if (!now || !ready[i])
                continue;
            int rc = ipc_fill(now);
            while (rc > 0 && ch[i] == now && ipc_next(now, &m) == 1)
                if (take(&m) != 0)
                    return 1;
            if (rc < 0 && rc != GW_ERR(AGAIN))
                return 0;
        }
    }
}
