/* SPDX-License-Identifier: GPL-3.0-or-later
 * The capture file itself, through libpcap, and the queue of events that one packet may cause. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#include "impl.h"

static const uint16_t xmpp_ports[] = { 5222, 5223, 5269, 5270 };

static const struct {
    const char *code, *text;
} notes[] = {
#define X(name, code, text) { code, text },
    REPLAY_NOTES(X)
#undef X
};
const char *replay_note_code(enum replay_note n) { return (unsigned)n < REPLAY_N_COUNT ? notes[n].code : "unknown"; }
const char *replay_note_text(enum replay_note n) { return (unsigned)n < REPLAY_N_COUNT ? notes[n].text : "unknown"; }

void replay_fail(struct replay *r, int err)
{
    if (r->err == 0)
        r->err = err;
}

/* ---- events ---- */

static struct str copy(char **at, struct str s)
{
    struct str c = { *at, s.n };
    if (!s.p)
        return STR_NONE;
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return c;
}

/* A new event at the end of the queue, with room for the texts of like. */
static struct queued *add(struct replay *r, const struct flow *f, int dir, const struct replay_event *like)
{
    struct queued *q = calloc(1, sizeof *q + like->detail.n + like->stanza_from.n + like->stanza_to.n + like->kind.n);
    char *at;
    if (!q) {
        replay_fail(r, GW_ERR(NOMEM));
        return NULL;
    }
    at = q->text;
    q->ev = *like;
    q->ev.detail = copy(&at, like->detail);
    q->ev.stanza_from = copy(&at, like->stanza_from);
    q->ev.stanza_to = copy(&at, like->stanza_to);
    q->ev.kind = copy(&at, like->kind);
    q->ev.time_us = r->now_us;
    q->ev.packet = r->packet;
    if (f) {
        q->ev.flow = f->number;
        q->ev.from = f->end[dir];
        q->ev.to = f->end[1 - dir];
        q->ev.client = f->talk[dir].client;
        q->ev.guessed = f->talk[dir].guessed;
    }
    *r->last = q;
    r->last = &q->next;
    return q;
}

void replay_note(struct replay *r, const struct flow *f, int dir, enum replay_note note, enum gw_reason reason, const char *detail, uint64_t bytes)
{
    struct replay_event ev = { .type = REPLAY_NOTE, .note = note, .reason = reason, .detail = str_c(detail), .bytes = bytes };
    (void)add(r, f, dir, &ev);
}

void replay_stanza(struct replay *r, const struct flow *f, int dir, struct rec *stanza, size_t bytes)
{
    struct replay_event ev = { .type = REPLAY_STANZA, .bytes = bytes };
    struct queued *q = add(r, f, dir, &ev);
    r->stats.stanzas++;
    if (q) {
        q->stanza = stanza;
        q->ev.stanza = stanza;
    } else {
        rec_free(stanza);
    }
}

void replay_bad_stanza(struct replay *r, const struct flow *f, int dir, const struct xp_event *x)
{
    struct replay_event ev = { .type = REPLAY_NOTE, .note = REPLAY_N_STANZA, .reason = x->reason, .detail = str_c(x->detail), .bytes = x->bytes,
        .stanza_from = x->from, .stanza_to = x->to, .kind = x->kind };
    r->stats.bad_stanzas++;
    (void)add(r, f, dir, &ev);
}

static void free_queued(struct queued *q)
{
    if (q)
        rec_free(q->stanza);
    free(q);
}

/* ---- packets ---- */

#define CHECK_US 1000000

static void one_packet(struct replay *r, const struct pcap_pkthdr *h, const unsigned char *bytes)
{
    struct packet p;
    struct flow *f;
    int dir;
    r->packet++;
    r->stats.packets++;
    r->now_us = (int64_t)h->ts.tv_sec * 1000000 + (h->ts.tv_usec >= 0 && h->ts.tv_usec < 1000000 ? h->ts.tv_usec : 0);
    if (r->now_us - r->checked_us > CHECK_US || r->now_us < r->checked_us) {
        r->checked_us = r->now_us;
        flow_check_all(r);
    }
    switch (frame_read(r, bytes, h->caplen, &p)) {
    case FRAME_OTHER: r->stats.other++; return;
    case FRAME_UNREAD: r->stats.unread++; return;
    case FRAME_FRAGMENT: return;
    case FRAME_TCP: break;
    }
    r->stats.tcp++;
    f = flow_of(r, &p, &dir);
    if (f)
        segment_take(r, f, dir, &p);
}

/* The next packet; 0: there is none any more. */
static int read_packet(struct replay *r)
{
    struct pcap_pkthdr *h;
    const unsigned char *bytes;
    int got = pcap_next_ex(r->pcap, &h, &bytes);
    if (got == 1) {
        one_packet(r, h, bytes);
        return 1;
    }
    if (got != PCAP_ERROR_BREAK)
        replay_note(r, NULL, 0, REPLAY_N_END, GW_R_NONE, pcap_geterr(r->pcap), 0);
    r->end = true;
    return 0;
}

/* What is left behind the last packet, piece by piece: the queue stays short. False: all is said. */
static bool wind_up(struct replay *r)
{
    if (r->wound_up)
        return false;
    if (!flow_end_one(r)) {
        fragment_clear(r, true);
        r->wound_up = true;
    }
    return true;
}

int replay_next(struct replay *r, struct replay_event *ev)
{
    free_queued(r->current);
    r->current = NULL;
    while (!r->first && r->err == 0) {
        if (r->end) {
            if (!wind_up(r))
                break;
        } else if (read_packet(r) && !r->first && r->conf.tick && r->packet % r->conf.tick == 0) {
            *ev = (struct replay_event){ .type = REPLAY_TICK, .packet = r->packet, .time_us = r->now_us };
            return r->err;
        }
    }
    memset(ev, 0, sizeof *ev);
    if (r->err < 0 || !r->first)
        return r->err;
    r->current = r->first;
    r->first = r->current->next;
    if (!r->first)
        r->last = &r->first;
    *ev = r->current->ev;
    return 0;
}

/* ---- life ---- */

static void defaults(struct replay_conf *c)
{
    if (!c->limits.bytes)
        c->limits = (struct rec_limits){ 256 * 1024, 32, 2000, 32 };
    if (!c->stanza_bytes)
        c->stanza_bytes = 256 * 1024;
    if (!c->memory)
        c->memory = 256u << 20;
    if (!c->flows)
        c->flows = 8192;
    if (!c->ports) {
        c->ports = xmpp_ports;
        c->n_ports = sizeof xmpp_ports / sizeof *xmpp_ports;
    }
}

static int adopt(pcap_t *p, const struct replay_conf *conf, struct replay **ret, char *error)
{
    struct replay *r;
    const char *name = pcap_datalink_val_to_name(pcap_datalink(p));
    if (!frame_knows(pcap_datalink(p))) {
        snprintf(error, REPLAY_ERROR_MAX, "link layer %s (%d) is not known here: Ethernet, Linux cooked (SLL, SLL2), raw IP and loopback are",
            name ? name : "without a name", pcap_datalink(p));
        pcap_close(p);
        return GW_ERR(UNSUPPORTED);
    }
    r = calloc(1, sizeof *r);
    if (!r) {
        pcap_close(p);
        return GW_ERR(NOMEM);
    }
    r->pcap = p;
    r->dlt = pcap_datalink(p);
    r->last = &r->first;
    if (conf)
        r->conf = *conf;
    defaults(&r->conf);
    *ret = r;
    return 0;
}

int replay_open_file(FILE *f, const struct replay_conf *conf, struct replay **ret, char *error)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_t *p = pcap_fopen_offline(f, why);
    if (!p) {
        fclose(f);
        snprintf(error, REPLAY_ERROR_MAX, "%s", why);
        return GW_ERR(SYNTAX);
    }
    return adopt(p, conf, ret, error);
}

int replay_open(const char *path, const struct replay_conf *conf, struct replay **ret, char *error)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    if (!f) {
        snprintf(error, REPLAY_ERROR_MAX, "%s", strerror(errno));
        return GW_ERR(NOENT);
    }
    return replay_open_file(f, conf, ret, error);
}

void replay_stats(const struct replay *r, struct replay_stats *ret) { *ret = r->stats; }

void replay_free(struct replay *r)
{
    if (!r)
        return;
    while (wind_up(r))
        ;
    free_queued(r->current);
    while (r->first) {
        struct queued *q = r->first;
        r->first = q->next;
        free_queued(q);
    }
    pcap_close(r->pcap);
    free(r);
}
