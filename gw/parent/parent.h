/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the parent share: the list of programs and the state of each, sockets in the two namespaces, the control
 * socket. The parent touches no byte that came from a network. */
#ifndef LOCKGATE_PARENT_H
#define LOCKGATE_PARENT_H

#include <sys/types.h>

#include "gwconf.h"
#include "ipc.h"
#include "outbox.h"
#include "reason.h"
#include "seen.h"

/* ---- the programs, one row for each process (programs.c) ---- */
enum program_arg { ARG_NONE, ARG_SIDE, ARG_INDEX, ARG_EPOCH };
struct program {
    const char *name;   /* as in the log and the journal: "edge/high" */
    const char *binary; /* beside our own */
    enum ipc_role role;
    uint8_t side, index; /* of LINK; 0 where they mean nothing */
    enum program_arg arg;
    bool in_namespace;   /* starts inside its side's network namespace */
    int stop_phase;      /* doors first, then judges, the journal, and the courier with its last checkpoint */
};
#define PROGRAMS 17
extern const struct program programs[PROGRAMS];
#define STOP_PHASES 4
/* May these two be joined? The one place that says so. */
bool programs_joined(const struct program *a, const struct program *b);

struct child {
    const struct program *program;
    pid_t pid;        /* 0: not running */
    struct ipc *chan; /* NULL: not running, or its channel broke and it is being killed */
    bool ready;
    bool served;      /* it was ready, in this life */
    bool off;         /* the configuration does not want it: never started */
    bool staged;      /* one of a reload's: not joined to anybody yet */
    unsigned starts, quick_deaths;
    uint64_t epoch;      /* guard */
    int64_t started, restart_at; /* milliseconds, CLOCK_MONOTONIC; restart_at 0: none due */
    int last_status;     /* of waitpid */
    uint64_t stats_ask;  /* of the newest answer */
    int64_t answered;    /* when it came, or when the program got ready */
    struct buf stats;    /* its JSON, as it came: never parsed here */
};

enum reload_state { RELOAD_NONE, RELOAD_STAGING, RELOAD_DRAINING };
/* The watch over packet rules (watch.c). */
struct watch {
    char command[600]; /* lockgate; empty: not found, no watch */
    int fd[GW_SIDES];
    pid_t pid;         /* of the helper that checks or repairs, 0: none */
    bool repairing, again, down_said;
    int64_t due;
};
/* The service manager (notify.c). */
struct notify {
    int fd;
    int64_t every, due; /* of the watchdog, milliseconds; 0: none */
    int64_t asked;      /* when the programs were asked last, 0: not yet */
};
struct control;
struct parent {
    struct gw_conf *conf;
    char folder[512]; /* of the programs */
    int own_ns, side_ns[GW_SIDES];
    struct child child[PROGRAMS];
    struct child stage[PROGRAMS]; /* reload: guard and scanners with the new rules, then the old ones until they ended */
    enum reload_state reload;
    int64_t reload_deadline;
    struct seen *seen; /* who was admitted lately */
    struct outbox lines;
    uint64_t lines_lost; /* program lines that found no room while the journal was away */
    struct control *control;
    struct watch watch;
    struct notify notify;
    struct buf hits; /* what the guard that ended at a reload said of its rules, for the next; bytes to us */
    int64_t far_due; /* when responders are told next about the other side */
    bool was_ready, stopping;
    int stop_phase;
    int64_t stop_deadline, ready_deadline;
    int exit_status;
    uint64_t ask;
    int64_t started;
    struct { int64_t due; bool known; struct crl_mark { uint64_t inode; int64_t changed, size; } file[GW_SIDES]; } crl; /* crl.c */
};
int64_t parent_now(void); /* milliseconds, CLOCK_MONOTONIC */
void parent_stop(struct parent *p, int exit_status); /* begins an orderly end */

/* ---- one child (child.c) ---- */
int child_start(struct parent *p, struct child *c) GW_MUST_CHECK;
/* Everything that may come from it; a broken channel kills it (the rest happens when it was waited for). */
void child_readable(struct parent *p, struct child *c);
void child_kill(struct child *c, const char *why);
/* waitpid said so. */
void child_ended(struct parent *p, struct child *c, int status);
struct child *child_find(struct parent *p, enum ipc_role role, unsigned side, unsigned index); /* NULL: none */

/* ---- reload (reload.c) ---- */
/* Starts the new programs. AGAIN: one is under way, or the gateway is not up. The outcome is told by control_reload_done. */
int reload_begin(struct parent *p) GW_MUST_CHECK;
/* Revocation lists (crl.c): a file that has changed is opened and goes to its edge, unread; all of them, at a reload. */
void crl_tick(struct parent *p, int64_t now);
void crl_give_all(struct parent *p);
void reload_tick(struct parent *p, int64_t now);
void reload_child_ended(struct parent *p, struct child *c); /* a staged one */
void reload_lost(struct parent *p, const struct child *c);  /* one that is in service */

/* ---- joining them (link.c) ---- */
/* A fresh socket pair between c and each running program that it may be joined to. A scanner is joined when it is ready. */
void link_child(struct parent *p, struct child *c);
void link_join(struct child *a, struct child *b); /* one channel between the two, whatever the table says; one that cannot be joined is killed */

/* ---- sockets in the namespaces (sock.c) ---- */
/* Opens the namespaces and looks whether each side's card is there; each mistake is logged. 0 or CONF. */
int sock_open_namespaces(struct parent *p) GW_MUST_CHECK;
/* setns() of the calling process (a child before exec). SYS. */
int sock_enter(const struct parent *p, enum gw_side side) GW_MUST_CHECK;
/* The listening socket of a side; intercepted: on the loopback, for connections that the packet rules hand to it. ret_fd is the
 * caller's. SYS. */
int sock_listen(const struct parent *p, enum gw_side side, unsigned family, uint16_t port, bool intercepted, int *ret_fd) GW_MUST_CHECK;
/* A TCP socket with connect() under way, or a connected UDP socket. Returns 0 or an errno value. */
int sock_connect(const struct parent *p, enum gw_side side, bool udp, const struct net_addr *from, const struct net_addr *to, int *ret_fd);
/* A socket in the gateway's own namespace (management) with connect() under way, to a witness. Returns 0 or an errno value. */
int sock_witness(const struct gw_witness *w, int *ret_fd);
/* A netlink socket inside a side's namespace, or -1 (errno). */
int sock_netlink(const struct parent *p, enum gw_side side, int protocol);
/* All listeners of a side, to its edge. */
int sock_give_listeners(const struct parent *p, enum gw_side side, struct ipc *edge) GW_MUST_CHECK;
/* Those of its decoy. */
int sock_give_decoy(const struct parent *p, enum gw_side side, struct ipc *decoy) GW_MUST_CHECK;
/* Those of its responder: one for each service, bound to the address that it answers for. */
int sock_give_services(const struct parent *p, enum gw_side side, struct ipc *responder) GW_MUST_CHECK;
/* Has the side's card a carrier? */
bool sock_linked(const struct parent *p, enum gw_side side);
/* The mark of every socket that the parent makes; the packet rules let nothing else out (conf: lockgate inline show). */
#define SOCK_MARK 0x1000
#define SOCK_MARK_SERVICE 0x3000 /* a responder's: answers of its services alone */

/* ---- may an edge have this socket? (connect.c; no system calls) ---- */
/* GW_R_ADMITTED, or the reason why not. side: where the socket would be made. */
enum gw_reason connect_check(const struct gw_conf *c, struct seen *seen, enum gw_side side, const struct net_addr *from,
    const struct net_addr *to, int64_t now);
enum gw_reason connect_check_dns(const struct gw_conf *c, enum gw_side side, const struct net_addr *to);

/* ---- epochs (epoch.c) ---- */
/* The next number of <state>/epoch, on disk before it is returned. SYS, SYNTAX (the file is damaged). */
int epoch_next(const char *state, uint64_t *ret) GW_MUST_CHECK;

/* ---- the parent's own lines (line.c) ---- */
void line_program(struct parent *p, const struct child *c, enum gw_reason reason, const char *status);
void line_refused(struct parent *p, enum gw_side side, enum gw_reason reason, const struct net_addr *from, const struct net_addr *to);
void line_operator(struct parent *p, const char *who, const char *verb, const char *status);
void line_flush(struct parent *p);

/* ---- watch over packet rules (watch.c) ---- */
void watch_open(struct parent *p);
struct pollfd;
size_t watch_poll(struct parent *p, struct pollfd *v); /* GW_SIDES entries */
void watch_ready(struct parent *p, const struct pollfd *v);
void watch_ended(struct parent *p, int status);
void watch_tick(struct parent *p, int64_t now);

/* ---- service manager (notify.c) ---- */
void notify_open(struct notify *n);
void notify_say(const struct notify *n, const char *text);
void notify_tick(struct parent *p, int64_t now); /* the watchdog: "alive" while every program answers */

/* ---- control socket (control.c, status.c) ---- */
int control_open(struct parent *p) GW_MUST_CHECK;
void control_close(struct parent *p);
#define CONTROL_FDS 17
size_t control_poll(struct parent *p, struct pollfd *v); /* fills up to CONTROL_FDS */
void control_ready(struct parent *p, const struct pollfd *v, size_t n);
void control_reload_done(struct parent *p, int status, const char *text);
void control_probed(struct parent *p, const struct msg_probed *m);
int64_t control_due(const struct parent *p); /* when control_tick wants to be called, 0: never */
void control_tick(struct parent *p);
/* The state of the gateway as JSON; children's own objects are strings inside, since nobody here parses them. */
int status_json(struct parent *p, struct buf *out) GW_MUST_CHECK;

#endif
