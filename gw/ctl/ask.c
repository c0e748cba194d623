/* SPDX-License-Identifier: GPL-3.0-or-later
 * A verb for the running gateway, over its control socket; and `lockgate stop`. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc.h"
#include "verbs.h"

#define ANSWER_MS 40000 /* a reload may take 30 s to load, and 3 s to take over */

static int connect_control(const struct gw_conf *c)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s/control", c->run) >= (int)sizeof sun.sun_path)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
        return fd;
    if (errno == EACCES)
        fprintf(stderr, "%s: only root and the groups lockgate-officer, lockgate-engineer, lockgate-auditor may ask\n", sun.sun_path);
    else
        fprintf(stderr, "no gateway is running with this configuration (%s: %s)\n", sun.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool ctl_running(const struct gw_conf *c)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s/control", c->run) >= (int)sizeof sun.sun_path)
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0 || errno == EAGAIN); /* AGAIN: too many wait */
    if (fd >= 0)
        close(fd);
    return yes;
}

/* Takes what has come. Returns 1 while more is to come, 0 at the end of the answer, negative when the channel broke. */
static int take(struct ipc *ch, struct buf *out, int *ret_status, bool wait_end)
{
    struct ipc_msg m;
    struct msg_ctl_text t;
    int e = ipc_fill(ch), n;
    while ((n = ipc_next(ch, &m)) == 1) {
        if (m.fd >= 0)
            close(m.fd);
        if (ipc_get_ctl_text(&m, &t) != 0 || buf_puts(out, t.text) != 0)
            return GW_ERR(PROTO);
        *ret_status = t.exit_status;
        if (t.last && !wait_end)
            return 0;
    }
    if (n < 0)
        return n;
    return e < 0 && e != GW_ERR(AGAIN) ? e : 1;
}

static int converse(struct ipc *ch, const struct msg_ctl *q, bool wait_end, struct buf *out)
{
    int status = -1, e = ipc_put_ctl(ch, q);
    while (e >= 0) {
        bool ready = false;
        struct ipc *v[] = { ch };
        int n = ipc_wait(v, 1, -1, ANSWER_MS, &ready, NULL);
        if (n <= 0)
            break;
        e = ready ? take(ch, out, &status, wait_end) : 1;
        if (e == 0)
            break;
    }
    if (status < 0)
        fputs("the gateway gave no answer (it closes to those who may not ask)\n", stderr);
    return status < 0 ? CTL_NO : status;
}

int ctl_ask(const struct gw_conf *c, const char *verb, const char *argument, bool wait_end, struct buf *out)
{
    const struct msg_ctl q = { .verb = str_c(verb), .argument = str_c(argument) };
    int fd = connect_control(c);
    if (fd < 0)
        return CTL_NO;
    struct ipc *ch = ipc_new(fd, IPC_CTL, IPC_PARENT);
    if (!ch)
        return CTL_NO;
    int status = converse(ch, &q, wait_end, out);
    ipc_free(ch);
    return status;
}

int verb_stop(int argc, char **argv)
{
    const char *conf;
    struct buf out;
    int n = ctl_options(argc, argv, &conf, NULL);
    if (n != 1)
        return ctl_usage(n, argv);
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    buf_init(&out, 2u << 20);
    int status = ctl_ask(c, "stop", "", true, &out);
    if (status != CTL_YES)
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&out)));
    buf_clear(&out);
    gw_conf_free(c);
    return status;
}
