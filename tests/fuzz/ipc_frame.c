// link: ipc base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bytes as a mad peer program may send them: frames, messages, journal fields, scan texts. Oracle: what is decoded encodes to the
 * same bytes. The first byte chooses who speaks to whom, the second the size of the pieces that arrive. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fields.h"
#include "ipc.h"
#include "scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond)
{
    if (!cond)
        abort();
}

static void look_inside(const struct ipc_msg *msg)
{
    struct arena a;
    struct buf b;
    struct scan_request request;
    struct scan_result result;
    struct msg_line line;
    struct msg_scan scan;
    struct msg_scanned scanned;
    struct field_value v;
    struct wire w;

    arena_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    if (ipc_get_line(msg, &line) == 0) {
        int r;
        wire_init(&w, line.fields.p, line.fields.n);
        while ((r = field_next(&w, &v)) > 0)
            must(v.json && (v.type == GW_FT_NUM || v.bytes.n <= GW_FIELD_TEXT_MAX));
    }
    if (ipc_get_scan(msg, &scan) == 0 && scan_request_get(scan.request, &a, &request) == 0)
        must(scan_request_put(&b, &request) == 0 && str_eq(buf_str(&b), scan.request));
    buf_reset(&b);
    if (ipc_get_scanned(msg, &scanned) == 0 && scan_result_get(scanned.result, &a, &result) == 0)
        must(scan_result_put(&b, &result) == 0 && str_eq(buf_str(&b), scanned.result));
    buf_clear(&b);
    arena_clear(&a);
}

/* Decodes, encodes on the way back to another reader, compares. */
static void echo(const struct ipc_msg *msg, struct ipc *again, struct ipc *end)
{
    struct ipc_msg back = { .fd = -1 };
    bool decoded = false;

    switch (msg->type) {
#define X(id, name, lower, from, to, max) \
    case IPC_M_##name: { \
        struct msg_##lower m; \
        decoded = ipc_get_##lower(msg, &m) == 0; \
        must(!decoded || ipc_put_##lower(again, &m) == 0); \
        break; \
    }
        IPC_MESSAGES(X)
#undef X
    }
    if (!decoded)
        return;
    must(ipc_flush(again) == 0 && ipc_fill(end) > 0 && ipc_next(end, &back) == 1);
    must(back.type == msg->type && str_eq(back.payload, msg->payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int s[2], t[2];
    enum ipc_role from, to;
    struct ipc *in, *again, *end;
    size_t piece;
    bool broken = false;

    if (size < 2 || size > 65536)
        return 0;
    from = (enum ipc_role)(data[0] >> 4) % IPC_ROLE_COUNT;
    to = (enum ipc_role)(data[0] & 15) % IPC_ROLE_COUNT;
    piece = (size_t)data[1] * 16 + 1;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, t) == 0);
    in = ipc_new(s[0], to, from);
    again = ipc_new(t[0], from, to);
    end = ipc_new(t[1], to, from);
    must(in && again && end);
    for (size_t at = 2; at < size && !broken; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        struct ipc_msg msg;
        int r;
        must(write(s[1], data + at, n) == (ssize_t)n && ipc_fill(in) > 0);
        while ((r = ipc_next(in, &msg)) > 0) {
            must(msg.fd == -1);
            echo(&msg, again, end);
            look_inside(&msg);
        }
        must(r == 0 || r == GW_ERR(PROTO));
        broken = r < 0;
    }
    close(s[1]);
    ipc_free(in);
    ipc_free(again);
    ipc_free(end);
    return 0;
}
