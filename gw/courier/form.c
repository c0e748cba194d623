/* SPDX-License-Identifier: GPL-3.0-or-later
 * A checkpoint in the form that a witness takes: a syslog message (RFC 5424) or an HTTP request (RFC 9112). */
#include <stdlib.h>
#include <time.h>

#include "courier.h"

#define PRIORITY (13 * 8 + 5) /* log audit, notice */

/* RFC 4648 section 4. */
static int put_base64(struct buf *out, struct str s)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int err = 0;

    for (size_t i = 0; i < s.n && !err; i += 3) {
        unsigned v = 0, have = s.n - i < 3 ? (unsigned)(s.n - i) : 3;
        char four[4];
        for (unsigned k = 0; k < 3; k++)
            v = v << 8 | (k < have ? (unsigned char)s.p[i + k] : 0);
        for (unsigned k = 0; k < 4; k++)
            four[k] = k <= have ? letters[v >> (18 - 6 * k) & 63] : '=';
        err = buf_put(out, four, 4);
    }
    return err;
}

/* The note goes as one word of base64: a syslog server may cut, escape or fold line ends. framed: octet counting (RFC 6587). */
int form_syslog(struct buf *out, const char *host, uint64_t size, struct str note, int64_t wall_s, bool framed)
{
    time_t seconds = (time_t)wall_s;
    struct tm tm;
    char when[32];
    struct buf m;
    int err;

    gmtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_init(&m, out->max);
    err = buf_printf(&m, "<%d>1 %s %s lockgate - checkpoint - size=%llu note=", PRIORITY, when, host[0] ? host : "-", (unsigned long long)size);
    if (!err)
        err = put_base64(&m, note);
    if (!err && framed)
        err = buf_printf(out, "%zu ", buf_size(&m));
    if (!err)
        err = buf_puts(out, buf_str(&m));
    buf_clear(&m);
    return err;
}

int form_http(struct buf *out, const struct gw_witness *w, struct str note)
{
    int err = buf_printf(out, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: lockgate\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: %zu\r\nConnection: close\r\n\r\n", w->path, w->host, note.n);
    return err ? err : buf_puts(out, note);
}

int form_http_status(struct str a)
{
    static const char start[] = "HTTP/1.";
    size_t n = sizeof start - 1;

    if (memcmp(a.p, start, a.n < n ? a.n : n) != 0)
        return -1;
    if (a.n < n + 6)
        return 0;
    for (size_t i = n + 2; i < n + 5; i++)
        if (a.p[i] < '0' || a.p[i] > '9')
            return -1;
    if ((a.p[n] != '0' && a.p[n] != '1') || a.p[n + 1] != ' ' || (a.p[n + 5] != ' ' && a.p[n + 5] != '\r'))
        return -1;
    return (a.p[n + 2] - '0') * 100 + (a.p[n + 3] - '0') * 10 + (a.p[n + 4] - '0');
}
