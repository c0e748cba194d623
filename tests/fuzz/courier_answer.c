// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a witness answers: HTTP or the end of a syslog connection, in pieces. First byte: kind of witness and size of the pieces. Oracles:
 * a status once read does not change with what follows; a checkpoint counts as carried only behind a 2xx, or an end in order;
 * every failure says why; and the note in a syslog message is the note. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../../gw/courier/file.c"
#include "../../gw/courier/form.c"
#include "../../gw/courier/witness.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOTE "gate/journal\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx\n"
static int told;

void say_carried(struct courier *c, const struct witness *w, int64_t now)
{
    (void)c, (void)w, (void)now;
    told++;
}

void say_failed(struct courier *c, const struct witness *w)
{
    (void)c;
    if (!w->why[0])
        abort();
    told++;
}

static void must(bool good)
{
    if (!good)
        abort();
}

/* However much of it has come, the first status that is seen stays. */
static int status_of(const char *p, size_t n)
{
    int seen = 0;
    for (size_t k = 0; k <= n && k <= 64; k++) {
        char *copy = malloc(k ? k : 1);
        must(copy != NULL);
        memcpy(copy, p, k);
        int status = form_http_status((struct str){ copy, k });
        free(copy);
        must(status >= -1 && status <= 999 && (!seen || status == seen || status == -1));
        seen = status;
    }
    return seen;
}

static void attempt(enum gw_witness_kind kind, const char *p, size_t n, size_t piece)
{
    static char path[] = "/keep", host[] = "w.example";
    static struct gw_witness conf;
    static struct gw_conf gw;
    int fds[2], parent[2];
    conf = (struct gw_witness){ .kind = kind, .path = path, .host = host };
    struct courier c = { .conf = &gw, .n = 1, .size = 7, .host = "gate" };
    struct witness *w = &c.w[0];
    witness_init(w, &conf);
    buf_init(&c.note, 4096);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, parent) == 0);
    must(buf_puts(&c.note, STR(NOTE)) == 0);
    c.parent = ipc_new(parent[0], IPC_COURIER, IPC_PARENT);
    must(c.parent != NULL);
    (void)witness_tick(&c, w, 1);
    must(w->state == WITNESS_ASKED);
    witness_connected(&c, w, 0, fds[0], 2);
    for (int i = 0; i < 4 && (w->state == WITNESS_CONNECTING || w->state == WITNESS_SENDING); i++)
        witness_ready(&c, w, 3);
    must(w->state == WITNESS_ANSWER);
    for (size_t at = 0; at < n && w->state == WITNESS_ANSWER; at += piece) {
        size_t k = n - at < piece ? n - at : piece;
        if (send(fds[1], p + at, k, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        for (int i = 0; i < 8 && w->state == WITNESS_ANSWER; i++)
            witness_ready(&c, w, 4);
    }
    close(fds[1]);
    for (int i = 0; i < 64 && w->state == WITNESS_ANSWER; i++)
        witness_ready(&c, w, 5);
    (void)witness_tick(&c, w, 5 + COURIER_ATTEMPT_MS);
    must(w->state != WITNESS_ANSWER || kind == GW_WITNESS_SYSLOG_UDP);
    if (kind == GW_WITNESS_HTTP && w->carried) {
        int status = status_of(p, n < 12 ? n : 13);
        must(status >= 200 && status < 300);
    }
    must(w->carried || w->failures || w->state != WITNESS_IDLE);
    if (w->fd >= 0)
        close(w->fd);
    ipc_free(c.parent);
    close(parent[1]);
    buf_clear(&w->out);
    buf_clear(&c.note);
}

static void syslog_note(struct str note)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out;
    buf_init(&out, 65536);
    if (form_syslog(&out, "", 1, note, 0, false) == 0) {
        const char *p = memmem(buf_data(&out), buf_size(&out), "note=", 5);
        must(p != NULL);
        p += 5;
        size_t n = buf_size(&out) - (size_t)(p - (const char *)buf_data(&out));
        must(n == (note.n + 2) / 3 * 4);
        for (size_t i = 0; i < note.n; i++) {
            const char *a = memchr(digits, p[i / 3 * 4 + i % 3], 64), *b = memchr(digits, p[i / 3 * 4 + i % 3 + 1], 64);
            must(a && b);
            unsigned v = ((unsigned)(a - digits) << 6 | (unsigned)(b - digits)) >> (4 - 2 * (i % 3));
            must((v & 255) == (unsigned char)note.p[i]);
        }
    }
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum gw_witness_kind kinds[] = { GW_WITNESS_HTTP, GW_WITNESS_SYSLOG, GW_WITNESS_SYSLOG_UDP, GW_WITNESS_HTTP };
    if (size < 1 || size > 4096)
        return 0;
    const char *p = (const char *)data + 1;
    syslog_note((struct str){ p, size - 1 });
    (void)status_of(p, size - 1);
    attempt(kinds[data[0] & 3], p, size - 1, (size_t)(data[0] >> 2) + 1);
    return 0;
}
