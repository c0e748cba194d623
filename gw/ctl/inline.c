/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate inline up|down|show|check|repair|standby|active: namespaces, cards, routes and packet rules of both sides. Doing it twice is doing it once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inline.h"
#include "verbs.h"

/* What up found before it changed anything is kept beside the control socket, so that down undoes just that. */
static void notes_path(const struct gw_conf *c, enum gw_side side, char ret[512])
{
    snprintf(ret, 512, "%s/inline.%s", c->run, gw_side_name(side));
}

/* A device to be moved, once; one too many is one that stays where it is. */
static void add_moved(struct inline_facts *f, const char *device)
{
    for (size_t i = 0; i < f->n_moved; i++)
        if (strcmp(f->moved[i], device) == 0)
            return;
    if (f->n_moved < INLINE_MOVED_MAX)
        snprintf(f->moved[f->n_moved++], sizeof f->moved[0], "%s", device);
}

static bool read_notes(const struct gw_conf *c, enum gw_side side, struct inline_facts *ret)
{
    char path[512], device[16];
    int made = 0, moved = 0, queue = 0;
    notes_path(c, side, path);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t cards = 1; /* a version that knew one card a side wrote no number */
    bool ok = fscanf(f, "namespace-made %d card-moved %d nft-queue %d cards %zu", &made, &moved, &queue, &cards) >= 3 && cards <= GW_CARDS_MAX;
    *ret = (struct inline_facts){ .make_namespace = made != 0, .with_queue = queue != 0, .n_cards = cards };
    while (ok && fscanf(f, "%15s", device) == 1)
        add_moved(ret, device);
    fclose(f);
    if (moved && !ret->n_moved) /* nor a name */
        add_moved(ret, c->side[side].cards[0].device);
    return ok;
}

static int write_notes(const struct gw_conf *c, enum gw_side side, const struct inline_facts *f)
{
    char path[512];
    notes_path(c, side, path);
    if (mkdir(c->run, 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "%s: %s\n", c->run, strerror(errno));
        return GW_ERR(SYS);
    }
    FILE *to = fopen(path, "we");
    int e = !to || fprintf(to, "namespace-made %d card-moved %d nft-queue %d cards %zu\n", f->make_namespace, f->n_moved != 0, f->with_queue, f->n_cards) < 0;
    for (size_t i = 0; !e && i < f->n_moved; i++)
        e = fprintf(to, "%s\n", f->moved[i]) < 0;
    if (to && fclose(to) != 0)
        e = 1;
    if (e)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return e ? GW_ERR(SYS) : 0;
}

static bool namespace_exists(const char *ns)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", ns);
    return access(path, F_OK) == 0;
}

/* Whether this kernel has nft's own queue statement: it is asked, without changing anything. */
static bool has_nft_queue(void)
{
    char *const args[] = { (char[]){ "nft" }, (char[]){ "-c" }, (char[]){ "-f" }, (char[]){ "-" }, NULL };
    return step_command(NULL, args,
        STR("table inet lockgate_try {\n chain c {\n  type filter hook prerouting priority -150\n  queue num 0\n }\n}\n"), true) == 0;
}

bool inline_first(const struct gw_side_conf *s, size_t card)
{
    for (size_t i = 0; i < card; i++)
        if (strcmp(s->cards[i].device, s->cards[card].device) == 0)
            return false;
    return true;
}

static void look(const struct gw_side_conf *d, struct inline_facts *ret)
{
    *ret = (struct inline_facts){ .make_namespace = !namespace_exists(d->namespace_), .with_queue = has_nft_queue(), .n_cards = d->n_cards };
    for (size_t i = 0; i < d->n_cards; i++) {
        const struct gw_card *card = &d->cards[i];
        if (ret->make_namespace || !inline_has_card(d->namespace_, card->device))
            add_moved(ret, card->device);
        ret->make_port[i] = card->vlan && (ret->make_namespace || !inline_has_card(d->namespace_, card->interface));
    }
}

/* 0, or GW_ERR(NOENT) after saying what is missing: before anything is changed. */
static int all_here(const struct gw_side_conf *d, const struct inline_facts *f)
{
    int e = 0;
    for (size_t i = 0; i < f->n_moved; i++)
        if (!inline_has_card(NULL, f->moved[i])) {
            fprintf(stderr, "interface %s is neither here nor in namespace %s; `ip link` lists what is here\n", f->moved[i], d->namespace_);
            e = GW_ERR(NOENT);
        }
    return e;
}

static int up(const struct gw_conf *c, enum gw_side side)
{
    static struct steps s;
    struct inline_facts now, before;
    const char *ns = c->side[side].namespace_;
    look(&c->side[side], &now);
    int e = all_here(&c->side[side], &now);
    if (e)
        return e;
    if (read_notes(c, side, &before)) { /* a second up: what the first one did stays to be undone */
        before.make_namespace |= now.make_namespace;
        for (size_t i = 0; i < now.n_moved; i++)
            add_moved(&before, now.moved[i]);
        before.with_queue = now.with_queue;
        if (before.n_cards < now.n_cards)
            before.n_cards = now.n_cards;
    } else {
        before = now;
    }
    e = write_notes(c, side, &before);
    if (e)
        return e;
    steps_init(&s);
    inline_up(c, side, &now, &s);
    e = steps_run(&s, ns);
    steps_clear(&s);
    if (!e)
        e = inline_remember(c, side);
    if (e)
        fprintf(stderr, "side %s is not up; `lockgate inline down` removes what was made\n", gw_side_name(side));
    return e;
}

static int down(const struct gw_conf *c, enum gw_side side)
{
    static struct steps s;
    struct inline_facts f = { 0 };
    const char *ns = c->side[side].namespace_;
    char path[512];
    inline_forget(c, side); /* first: a running gateway must not take it for somebody else's doing */
    if (!read_notes(c, side, &f))
        f = (struct inline_facts){ .with_queue = has_nft_queue(), .n_cards = c->side[side].n_cards }; /* made by nobody we know: only what is surely ours goes */
    if (!namespace_exists(ns)) {
        f.make_namespace = false;
        f.n_moved = 0;
    }
    steps_init(&s);
    inline_down(c, side, &f, &s);
    int e = namespace_exists(ns) ? steps_run(&s, ns) : 0;
    steps_clear(&s);
    notes_path(c, side, path);
    unlink(path);
    return e;
}

static int run_cards(const struct gw_conf *c, enum gw_side side, void (*steps)(const struct gw_conf *, enum gw_side, struct steps *))
{
    static struct steps s;
    steps_init(&s);
    steps(c, side, &s);
    int e = steps_run(&s, c->side[side].namespace_);
    steps_clear(&s);
    return e;
}

/* A running gateway takes it for taken down, and leaves it so. The cards go down whatever is known of them: a gateway that stands by with a card
 * up answers in the place of the other. */
static int standby(const struct gw_conf *c, enum gw_side side)
{
    bool was_up = inline_lay_aside(c, side);
    int e = run_cards(c, side, inline_standby);
    if (!was_up) {
        fprintf(stderr, "side %s was not up, so it cannot stand by: `lockgate inline up` first%s\n", gw_side_name(side), e ? "" : "; its cards are down now");
        return GW_ERR(NOENT);
    }
    return e;
}

/* What a running gateway does when it finds its rules changed. It looked before it had its turn: meanwhile somebody may have made it stand by. */
static int repair(const struct gw_conf *c, enum gw_side side)
{
    return inline_stands_by(c, side) ? 0 : up(c, side);
}

/* Far fewer steps than up has, since peers wait. Rules that changed meanwhile are found by the next look at them, as ever. */
static int active(const struct gw_conf *c, enum gw_side side)
{
    if (!inline_take_back(c, side)) {
        fprintf(stderr, "side %s is not up: `lockgate inline up` first\n", gw_side_name(side));
        return GW_ERR(NOENT);
    }
    return run_cards(c, side, inline_active);
}

static int show(const struct gw_conf *c, enum gw_side side)
{
    static struct steps s;
    struct inline_facts f;
    look(&c->side[side], &f);
    printf("%s# ---- side %s ----\n", side ? "\n" : "", gw_side_name(side));
    steps_init(&s);
    inline_up(c, side, &f, &s);
    steps_print(&s, c->side[side].namespace_);
    int e = s.err;
    steps_clear(&s);
    return e;
}

#define TURN_MS 10000
#define TURN_STEP_MS 50
/* One at a time: a running gateway looks at its rules, and puts them back, while somebody else may be at it. The lock goes with this process, and
 * is on a file that only root can open. 0, also where there is no folder, and so nothing that is up; AGAIN: another is at it for TURN_MS; SYS. */
static int wait_for_turn(const struct gw_conf *c, bool make)
{
    char path[512];
    if (make && mkdir(c->run, 0755) != 0 && errno != EEXIST)
        return GW_ERR(SYS);
    snprintf(path, sizeof path, "%s/inline.lock", c->run);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOENT ? 0 : GW_ERR(SYS);
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += TURN_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return GW_ERR(SYS);
        if (waited >= TURN_MS)
            return GW_ERR(AGAIN);
        usleep(TURN_STEP_MS * 1000);
    }
    return 0;
}

int verb_inline(int argc, char **argv)
{
    static const struct {
        const char *word;
        int (*run)(const struct gw_conf *c, enum gw_side side);
        const char *done;
    } words[] = { { "up", up, "in place" }, { "down", down, "removed" }, { "show", show, NULL }, { "check", inline_check, NULL },
        { "repair", repair, NULL }, { "standby", standby, "as they were; the cards are down" }, { "active", active, "as they were; the cards are up" } };
    const char *conf;
    int n = ctl_options(argc, argv, &conf, NULL);
    if (n != 2)
        return ctl_usage(n, argv);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(argv[1], words[i].word) != 0)
            continue;
        struct gw_conf *c = ctl_load(conf);
        if (!c)
            return CTL_CONF;
        int status = CTL_YES;
        if (words[i].run != show && geteuid() != 0) {
            fprintf(stderr, "lockgate inline %s: only root may\n", argv[1]);
            status = CTL_NO;
        }
        /* Its sockets live in the namespaces: without these, or in new ones of the same names, it would carry nothing for ever. */
        if (status == CTL_YES && words[i].run == down && ctl_running(c)) {
            fputs("lockgate inline down: the gateway is running: `lockgate stop` first\n", stderr);
            status = CTL_NO;
        }
        int turn = status == CTL_YES && words[i].run != show ? wait_for_turn(c, words[i].run == up) : 0;
        if (turn != 0) {
            fprintf(stderr, "%s/inline.lock: %s\n", c->run, turn == GW_ERR(AGAIN) ? "another `lockgate inline` is at work, for 10 seconds now" : strerror(errno));
            status = CTL_NO;
        }
        bool done = status != CTL_YES;
        for (int s = 0; s < GW_SIDES && !done; s++)
            if (words[i].run(c, (enum gw_side)s) != 0)
                status = CTL_NO;
        if (status == CTL_YES && words[i].done)
            printf("packet rules of high and low are %s\n", words[i].done);
        gw_conf_free(c);
        return status;
    }
    return ctl_usage(n, argv);
}
