/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate check` and the token: lockgate-token --check loads the module, logs in and lets each key sign; what it says is a mistake
 * of the configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verbs.h"

/* The program with its messages on a pipe. -1 and errno. */
static pid_t start(const char *path, const char *conf, int *ret_fd)
{
    int fd[2];
    if (pipe(fd) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(fd[1], 2) < 0)
            _exit(71);
        close(fd[0]);
        close(fd[1]);
        execl(path, "lockgate-token", "--check", conf, (char *)NULL);
        _exit(71);
    }
    close(fd[1]);
    *ret_fd = fd[0];
    if (pid < 0)
        close(fd[0]);
    return pid;
}

/* "error token: what" or "error token: FILE:LINE: what": the first words say nothing here. */
static void add(const struct gw_conf *c, char *line, struct conf_errors *errs)
{
    static const char head[] = "error token: ";
    unsigned number = 0;
    size_t n = strlen(c->path);
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, head, sizeof head - 1) != 0)
        return;
    line += sizeof head - 1;
    if (strncmp(line, c->path, n) == 0 && line[n] == ':') {
        char *end;
        number = (unsigned)strtoul(line + n + 1, &end, 10);
        line = end + (*end == ':') + (end[0] == ':' && end[1] == ' ');
    }
    conf_error_add(errs, CONF_ERROR, c->path, number, "%s", line);
}

void ctl_check_token(const struct gw_conf *c, struct conf_errors *errs)
{
    char path[512], line[2048];
    int fd = -1, status = 0;
    size_t before = errs->n_errors;
    pid_t pid = ctl_program("lockgate-token", path, sizeof path) == 0 ? start(path, c->path, &fd) : -1;
    if (pid < 0) {
        conf_error_add(errs, CONF_ERROR, c->path, 0, "pkcs11: %s: %s; is the installation complete?", path, strerror(errno));
        return;
    }
    FILE *f = fdopen(fd, "r");
    while (f && fgets(line, sizeof line, f))
        add(c, line, errs);
    if (f)
        fclose(f);
    else
        close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if ((!WIFEXITED(status) || WEXITSTATUS(status) != 0) && errs->n_errors == before)
        conf_error_add(errs, CONF_ERROR, c->path, 0, "pkcs11: the token could not be tried: %s", WIFSIGNALED(status) ? "the module ended the program" : "lockgate-token failed");
}
