/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-token CONF: signs with keys on a PKCS#11 token, for the keeper and the journal, so that a vendor's code is in neither of
 * them. Its life: arguments, configuration, PIN and certificates as root, rights given up, the module loaded and logged in to, each
 * key tried, sandbox, READY, questions until STOP. --check CONF ends before the sandbox; --public CONF prints the journal's public
 * key as a line for auditors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "log.h"
#include "pkcs11_uri.h"
#include "sandbox.h"
#include "token.h"

#define EXIT_CONF 78

/* The first line of a file that nobody else can read. */
static int read_pin(const char *path, char pin[PIN_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    ssize_t n = fd >= 0 ? read(fd, pin, PIN_MAX - 1) : -1;
    const char *wrong = n < 0 ? strerror(errno) : fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? "is no file" :
        st.st_mode & 077 ? "may be read by others; its mode must be 600" : NULL;
    if (fd >= 0)
        close(fd);
    pin[n < 0 ? 0 : n] = 0;
    pin[strcspn(pin, "\r\n")] = 0;
    if (!wrong && !pin[0])
        wrong = "holds no PIN in its first line";
    if (!wrong)
        return 0;
    log_error("pkcs11.pin_file: %s: %s", path, wrong);
    explicit_bzero(pin, PIN_MAX);
    return GW_ERR(CONF);
}

/* Before the vendor's code runs: it is never root. */
static int give_up_rights(const struct gw_conf *conf)
{
    uid_t uid = (uid_t)(conf->uid_first + GW_UID_TOKEN);
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0)
        return 0;
    log_error("cannot become user id %u: %s", (unsigned)uid, strerror(errno));
    return GW_ERR(SYS);
}

/* Landlock and seccomp close the door behind the thread that calls; one that the module started would stay outside. */
static bool alone(void)
{
    DIR *d = opendir("/proc/self/task");
    unsigned n = 0;
    for (const struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    if (n != 1)
        log_error("pkcs11.module: it starts threads of its own, so it cannot be used here");
    return n == 1;
}

static int open_token(struct token *t)
{
    const struct gw_conf *conf = t->conf;
    char pin[PIN_MAX] = "";
    struct pkcs11_uri u;
    const char *what;
    int err = read_pin(conf->pkcs11.pin_file, pin);
    if (!err)
        err = keys_list(conf, &t->keys);
    if (!err)
        err = give_up_rights(conf);
    if (!err)
        err = pkcs11_uri_parse(t->keys.v[0].uri, &u, &what); /* all are on one token: the configuration is checked for that */
    if (!err)
        err = module_open(conf->pkcs11.module, u.token, pin, &t->module);
    explicit_bzero(pin, sizeof pin);
    if (!err)
        err = keys_try(conf, t->module, &t->keys);
    return err ? err : alone() ? 0 : GW_ERR(CONF);
}

static int print_public(const struct token *t)
{
    unsigned char raw[32];
    size_t n = sizeof raw;
    char line[LED_VKEY_MAX];
    for (size_t i = 0; i < t->keys.n; i++)
        if (t->keys.v[i].asker == IPC_JOURNAL && EVP_PKEY_get_raw_public_key(t->keys.v[i].pub, raw, &n) == 1 &&
            led_vkey_text(t->note_name, raw, line) > 0)
            return fputs(line, stdout) < 0 || fflush(stdout) != 0;
    log_error("journal.key names no key on a token");
    return EXIT_CONF;
}

static int close_door(const struct gw_conf *conf)
{
    const char *below[] = { conf->pkcs11.folder, NULL };
    const struct sandbox_options o = { .nofile = 64, .write_below = below }; /* user ids changed long ago */
    return sandbox_enter(SANDBOX_TOKEN, &o);
}

int main(int argc, char **argv)
{
    static struct token t;
    struct gw_conf *conf = NULL;
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0, public = argc == 3 && strcmp(argv[1], "--public") == 0;
    log_init("token", LOG_L_INFO);
    if (argc != 2 && !check && !public) {
        fprintf(stderr, "usage: lockgate-token CONF (started by lockgate-parent, its channel on descriptor %d)\n"
            "       lockgate-token --check CONF   is every key there, and the right one?\n"
            "       lockgate-token --public CONF  prints the public half of journal.key, for STATE/keys/journal.pub and the auditors\n", IPC_PARENT_FD);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (gw_conf_load_said(argv[argc - 1], &conf) != 0)
        return EXIT_CONF;
    t.conf = conf;
    snprintf(t.note_name, sizeof t.note_name, "%s/journal", conf->name);
    if (!gw_conf_uses_token(conf)) {
        log_error("%s: no key is on a token", conf->path);
        return EXIT_CONF;
    }
    int status = open_token(&t) ? EXIT_CONF : public ? print_public(&t) : 0;
    if (!status && !check && !public) {
        t.parent = close_door(conf) == 0 ? ipc_new(IPC_PARENT_FD, IPC_TOKEN, IPC_PARENT) : NULL;
        status = t.parent ? token_run(&t) : 1;
    }
    ipc_free(t.parent);
    ipc_free(t.keeper);
    ipc_free(t.journal);
    keys_clear(&t.keys);
    module_close(t.module);
    gw_conf_free(conf);
    return status;
}
