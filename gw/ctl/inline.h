/* SPDX-License-Identifier: GPL-3.0-or-later
 * What `lockgate inline` does, as data: the packet rules of one side as text, and the list of steps that put them and all
 * around them in place. Printed or carried out, it is the same list. */
#ifndef LOCKGATE_INLINE_H
#define LOCKGATE_INLINE_H

#include "gwconf.h"

/* The numbers of the rules. The parent gives every socket INLINE_MARK_LEG; admission turns ASK into ADMITTED. */
#define INLINE_TABLE "lockgate"
#define INLINE_QUEUE_ASK 0    /* first packets: may this one try? With admission.queues more, the numbers from here on */
#define INLINE_QUEUE_AUDIT 10 /* everything else: written down, dropped */
#define INLINE_ROUTES 100     /* routing table: all addresses are local */
#define INLINE_RULE_PREF 50   /* of the first card; one more for each further */
#define INLINE_NFLOG_GROUP 5

/* The rules of one side for nft. with_queue: this kernel has nft's own queue statement; otherwise iptables-nft hangs the
 * NFQUEUE target between the chains (steps). LIMIT, NOMEM. */
int inline_rules(const struct gw_conf *c, enum gw_side side, bool with_queue, struct buf *out) GW_MUST_CHECK;
/* The rules that need the card to be there: other ethertypes. */
int inline_card_rules(const struct gw_conf *c, enum gw_side side, struct buf *out) GW_MUST_CHECK;

enum step_kind {
    STEP_RUN,    /* a command */
    STEP_FEED,   /* a command with text on its standard input */
    STEP_SYSCTL, /* args[0] = path below /proc/sys, args[1] = value, inside the namespace */
    STEP_NOTE    /* args[0] = a remark for the reader of `show` */
};
#define STEP_ARGS 20
struct step {
    enum step_kind kind;
    bool inside;   /* runs inside the side's namespace */
    bool may_fail; /* undoing what may not be there, or what this kernel may lack */
    char *args[STEP_ARGS + 1];
    struct str feed;
};
#define STEPS_MAX 8192 /* every card may have as many routes as the configuration lets it */
struct steps {
    struct step v[STEPS_MAX];
    size_t n;
    struct arena a;
    int err; /* sticky */
};
void steps_init(struct steps *s);
void steps_clear(struct steps *s);
/* What is to be done; facts say what was found (or, for down, what up had found). */
#define INLINE_MOVED_MAX (2 * GW_CARDS_MAX) /* those of a configuration before this one as well */
struct inline_facts {
    bool make_namespace; /* it is not there (down: we made it) */
    bool with_queue;
    bool make_port[GW_CARDS_MAX]; /* the port of the VLAN is not there */
    char moved[INLINE_MOVED_MAX][16]; /* devices that are in the caller's namespace (down: that we moved) */
    size_t n_moved;
    size_t n_cards; /* down: so many had rules of routing, now or in a configuration before this one */
};
/* Is it the first card of the side on its device? VLANs of one device share it, and it is moved and set up once. */
bool inline_first(const struct gw_side_conf *s, size_t card);
void inline_up(const struct gw_conf *c, enum gw_side side, const struct inline_facts *f, struct steps *ret);
/* A gateway that stands by in bridge mode: the cards down, with all else in place; and up again, with what went with them. */
void inline_standby(const struct gw_conf *c, enum gw_side side, struct steps *ret);
void inline_active(const struct gw_conf *c, enum gw_side side, struct steps *ret);
void inline_down(const struct gw_conf *c, enum gw_side side, const struct inline_facts *f, struct steps *ret);

/* Carries out (inline_do.c): stops at the first step that fails and may not. 0, SYS (it said what failed). */
int steps_run(const struct steps *s, const char *ns) GW_MUST_CHECK;
void steps_print(const struct steps *s, const char *ns);
/* Runs one command; its output is swallowed unless it fails and quiet is false. Its exit status, or -1. */
int step_command(const char *ns, char *const *args, struct str feed, bool quiet);
/* The same, with its output appended to out. */
int step_output(const char *ns, char *const *args, struct buf *out);
/* Calls f in a process of its own, inside the namespace (NULL: here); its return value, or 1. arg comes back changed only if it is shared. */
int step_inside(const char *ns, int (*f)(void *), void *arg);

/* What `up` left, kept beside the control socket; and whether it is still so (inline_check.c). 0; MISMATCH, NOENT (not up) or
 * SYS after saying what is wrong. */
int inline_remember(const struct gw_conf *c, enum gw_side side) GW_MUST_CHECK;
void inline_forget(const struct gw_conf *c, enum gw_side side);
/* Lays it aside, while the cards are down by intention, or takes it back. False: there is none. */
bool inline_lay_aside(const struct gw_conf *c, enum gw_side side);
bool inline_stands_by(const struct gw_conf *c, enum gw_side side);
bool inline_take_back(const struct gw_conf *c, enum gw_side side);
int inline_check(const struct gw_conf *c, enum gw_side side) GW_MUST_CHECK;

/* Is the interface in this namespace (NULL: our own)? */
bool inline_has_card(const char *ns, const char *card);

#endif
