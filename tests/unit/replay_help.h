/* SPDX-License-Identifier: GPL-3.0-or-later
 * Captures made in memory, frame by frame, and what the reader says of them as lines of text. */
#ifndef LOCKGATE_TESTS_REPLAY_HELP_H
#define LOCKGATE_TESTS_REPLAY_HELP_H

#include <stdlib.h>

#include "jid.h"
#include "replay.h"
#include "xmpp.h"

static inline void rh_event(const struct replay_event *ev, FILE *to, bool xml)
{
    if (ev->type == REPLAY_STANZA) {
        fprintf(to, "%u>%u %s%s%s %.*s %.*s", ev->from.port, ev->to.port, ev->client ? "client " : "", ev->guessed ? "guessed " : "",
            rec_kind_name(ev->stanza->kind), STR_ARG(ev->stanza->from), STR_ARG(ev->stanza->to));
        if (xml) {
            struct buf b;
            buf_init(&b, 1u << 24);
            if (xs_serialise(ev->stanza, true, &b) == 0)
                fprintf(to, " %.*s", (int)buf_size(&b), (const char *)buf_data(&b));
            buf_clear(&b);
        }
        putc('\n', to);
        return;
    }
    fprintf(to, "%u>%u note %s", ev->from.port, ev->to.port, replay_note_code(ev->note));
    if (ev->bytes)
        fprintf(to, " %llu", (unsigned long long)ev->bytes);
    if (ev->detail.n)
        fprintf(to, " (%.*s)", STR_ARG(ev->detail));
    putc('\n', to);
}

/* All events of a capture as text; the caller frees it. */
__attribute__((unused)) static char *rh_read(FILE *f, const struct replay_conf *conf, bool xml, struct replay_stats *ret_stats)
{
    char *text = NULL, error[REPLAY_ERROR_MAX] = "";
    size_t n = 0;
    struct replay *r = NULL;
    struct replay_event ev;
    FILE *to = open_memstream(&text, &n);
    int err = replay_open_file(f, conf, &r, error);
    if (err < 0)
        fprintf(to, "not opened: %s\n", error);
    while (err == 0 && (err = replay_next(r, &ev)) == 0 && ev.type != REPLAY_DONE)
        rh_event(&ev, to, xml);
    if (r && ret_stats)
        replay_stats(r, ret_stats);
    replay_free(r);
    fclose(to);
    return text;
}

#endif
