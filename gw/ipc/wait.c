/* SPDX-License-Identifier: GPL-3.0-or-later
 * Waiting on a few channels, for programs without an event loop. */
#include <errno.h>
#include <poll.h>

#include "codec.h"

#define WAIT_MAX 128 /* channels */

int ipc_wait(struct ipc *const *v, size_t n, int extra_fd, int timeout_ms, bool *ret_ready, bool *ret_extra)
{
    struct pollfd p[WAIT_MAX + 1] GW_UNSET;
    int count = 0, r;

    if (n > WAIT_MAX) {
        errno = EINVAL;
        return GW_ERR(SYS);
    }
    for (size_t i = 0; i < n; i++) {
        p[i] = (struct pollfd){ .fd = -1 };
        ret_ready[i] = false;
        if (!v[i])
            continue;
        p[i].fd = ipc_fd(v[i]);
        p[i].events = POLLIN;
        if (ipc_queued(v[i]) == 0)
            continue;
        r = ipc_flush(v[i]);
        if (r == GW_ERR(AGAIN)) {
            p[i].events = POLLIN | POLLOUT;
        } else if (r < 0) {
            ret_ready[i] = true; /* ipc_fill says what is wrong, after what had still come */
            timeout_ms = 0;
        } else if (ipc_drained(v[i])) {
            timeout_ms = 0; /* the caller may have held back for a full queue: it must not sleep on an empty one */
        }
    }
    p[n] = (struct pollfd){ .fd = extra_fd, .events = POLLIN };
    if (ret_extra)
        *ret_extra = false;
    r = poll(p, n + 1, timeout_ms);
    if (r < 0 && errno != EINTR)
        return GW_ERR(SYS);
    for (size_t i = 0; i < n; i++) {
        if (r > 0 && p[i].revents & POLLOUT) {
            int sent = ipc_flush(v[i]);

            ret_ready[i] |= sent < 0 && sent != GW_ERR(AGAIN);
        }
        if (r > 0 && p[i].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
            ret_ready[i] = true;
        count += ret_ready[i];
    }
    if (r > 0 && extra_fd >= 0 && p[n].revents != 0) {
        count++;
        if (ret_extra)
            *ret_extra = true;
    }
    return count;
}
