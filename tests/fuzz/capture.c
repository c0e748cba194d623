/* SPDX-License-Identifier: GPL-3.0-or-later
 * A capture file as it is; or, when the first byte is 0, TCP segments described by the bytes, so that a fuzzer need not invent packets.
 * Oracles: read twice, the same events; every stanza survives parse(serialise(it)); the counts agree with the events. */
// link: replay xmpp record base
// libs: -lpcap -lexpat -lcrypto -licuuc -licudata
#include <stdlib.h>

#include "../unit/replay_help.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct replay_conf small = { .limits = { 16384, 16, 200, 16 }, .stanza_bytes = 8192, .memory = 1u << 20, .flows = 8, .tick = 3 };

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "oracle: %s\n", what);
    abort();
}

static void survives(const struct rec *stanza)
{
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *again = NULL;
    const char *detail = "";
    struct buf b;
    buf_init(&b, 16u << 20);
    must(xs_serialise(stanza, true, &b) == 0, "a stanza cannot be written");
    if (xs_parse_stanza(buf_str(&b), false, &limits, &again, &detail) != 0 || !rec_equal(stanza, again)) {
        fprintf(stderr, "%s: %.*s\n", detail, STR_ARG(buf_str(&b)));
        must(false, "parse(serialise(stanza)) is another");
    }
    rec_free(again);
    buf_clear(&b);
}

/* All events as text. */
static char *read_all(const unsigned char *p, size_t n, bool check)
{
    char *text = NULL, error[REPLAY_ERROR_MAX] = "";
    size_t size = 0, stanzas = 0, bad = 0;
    struct replay *r = NULL;
    struct replay_event ev;
    struct replay_stats st;
    unsigned char *copy = malloc(n ? n : 1);
    FILE *to = open_memstream(&text, &size), *f;
    must(copy && to, "memory");
    memcpy(copy, p, n);
    f = fmemopen(copy, n ? n : 1, "rb");
    must(f != NULL, "fmemopen");
    if (replay_open_file(f, &small, &r, error) == 0) {
        while (replay_next(r, &ev) == 0 && ev.type != REPLAY_DONE) {
            if (ev.type == REPLAY_TICK)
                continue;
            rh_event(&ev, to, false);
            stanzas += ev.type == REPLAY_STANZA;
            bad += ev.type == REPLAY_NOTE && ev.note == REPLAY_N_STANZA;
            if (check && ev.type == REPLAY_STANZA)
                survives(ev.stanza);
        }
        replay_stats(r, &st);
        must(st.stanzas == stanzas && st.bad_stanzas == bad, "counts and events differ");
        must(st.flows == st.xmpp_flows + st.encrypted_flows + st.other_flows || st.encrypted_flows > 0, "connections are not all counted");
    }
    replay_free(r);
    fclose(to);
    free(copy);
    return text;
}

/* ---- segments described by bytes ---- */

static void put32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24), p[1] = (unsigned char)(v >> 16), p[2] = (unsigned char)(v >> 8), p[3] = (unsigned char)v;
}

/* A record of a raw-IP capture with one segment. */
static void segment(struct buf *out, uint32_t time, int dir, unsigned port, uint32_t seq, uint32_t ack, unsigned flags, const uint8_t *p, size_t n)
{
    uint32_t head[4] = { time / 10, time % 10 * 100000, (uint32_t)(40 + n), (uint32_t)(40 + n) };
    unsigned char h[40] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6 };
    h[2] = (unsigned char)((40 + n) >> 8), h[3] = (unsigned char)(40 + n);
    put32(h + 12, dir ? 0x0A020002 : 0x0A010002);
    put32(h + 16, dir ? 0x0A010002 : 0x0A020002);
    put32(h + 20, dir ? port << 16 | 40000 : 40000u << 16 | port);
    put32(h + 24, seq);
    put32(h + 28, ack);
    h[32] = 0x50, h[33] = (unsigned char)flags;
    must(buf_put(out, head, sizeof head) == 0 && buf_put(out, h, sizeof h) == 0 && buf_put(out, p, n) == 0, "memory");
}

/* Each: a byte (direction, flags, whether the position moves on), a signed byte (off the position), a length byte, bytes. */
static void described(const uint8_t *p, size_t n, struct buf *out)
{
    static const uint32_t file[6] = { 0xA1B2C3D4, 2 | 4 << 16, 0, 0, 65535, 101 };
    static const unsigned ports[4] = { 5269, 5222, 5270, 80 };
    uint32_t seq[2] = { 0xFFFFFF00, 7000 }, time = 1;
    unsigned port = ports[n ? p[0] & 3 : 0];
    must(buf_put(out, file, sizeof file) == 0, "memory");
    for (size_t at = 1; at + 3 <= n;) {
        unsigned op = p[at], dir = op & 1, flags = op & 2 ? 16 | (op & 4 ? 2 : 0) | (op & 8 ? 4 : 0) | (op & 16 ? 1 : 0) : op & 4 ? 2 : 16;
        int off = (int8_t)p[at + 1];
        size_t len = p[at + 2] < n - at - 3 ? p[at + 2] : n - at - 3;
        time += op & 32 ? 20 : 0;
        segment(out, time, (int)dir, port, seq[dir] + (uint32_t)off, seq[1 - dir], flags, p + at + 3, len);
        if (op & 64)
            seq[dir] += (uint32_t)len + (flags & 2 ? 1 : 0);
        if (op & 128)
            seq[dir] += 5; /* lost */
        at += 3 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool ready;
    struct buf made;
    char *a, *b;
    if (!ready && jid_init() != 0)
        abort();
    ready = true;
    buf_init(&made, 16u << 20);
    if (n && data[0] == 0) {
        described(data + 1, n - 1, &made);
        data = buf_data(&made);
        n = buf_size(&made);
    }
    a = read_all(data, n, true);
    b = read_all(data, n, false);
    must(strcmp(a, b) == 0, "read twice, other events");
    free(a);
    free(b);
    buf_clear(&made);
    return 0;
}
