// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a witness is sent and what its answer means, as tables. */
#include "../../gw/courier/form.c"
#include "tap.h"

/* RFC 4648 section 10. */
static const struct { const char *plain, *coded; } words[] = { { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" } };

static const struct { const char *name, *text; int status; } answers[] = {
    { "nothing yet", "", 0 }, { "a beginning", "HTT", 0 }, { "no status yet", "HTTP/1.1 2", 0 }, { "no end of the status yet", "HTTP/1.1 200", 0 },
    { "200", "HTTP/1.1 200 OK\r\n", 200 }, { "204 of HTTP/1.0", "HTTP/1.0 204 \r\n", 204 }, { "without a phrase", "HTTP/1.1 200\r\n", 200 },
    { "503", "HTTP/1.1 503 no\r\n", 503 }, { "another protocol", "SSH-2.0-x\r\n", -1 }, { "HTTP/2 in clear", "HTTP/2.0 200 OK\r\n", -1 },
    { "a status of letters", "HTTP/1.1 2x0 OK\r\n", -1 }, { "four digits", "HTTP/1.1 2000 OK\r\n", -1 } };

int main(void)
{
    char path[] = "/keep", host[] = "10.9.0.5:8080", long_note[300];
    struct gw_witness w = { .path = path, .host = host };
    struct buf b;

    buf_init(&b, 400);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        buf_reset(&b);
        ok(put_base64(&b, str_c(words[i].plain)) == 0 && str_eq(buf_str(&b), str_c(words[i].coded)), "base64 of \"%s\"", words[i].coded);
    }
    buf_reset(&b);
    ok(form_syslog(&b, "gate", 7, STR("note\n"), 1764374400, false) == 0 &&
        str_eq(buf_str(&b), STR("<109>1 2025-11-29T00:00:00Z gate lockgate - checkpoint - size=7 note=bm90ZQo=")), "syslog, as a datagram");
    buf_reset(&b);
    ok(form_syslog(&b, "", 7, STR("note\n"), 1764374400, true) == 0 &&
        str_eq(buf_str(&b), STR("74 <109>1 2025-11-29T00:00:00Z - lockgate - checkpoint - size=7 note=bm90ZQo=")), "syslog, counted, without a host name");
    buf_reset(&b);
    ok(form_http(&b, &w, STR("note\n")) == 0 && strncmp((const char *)buf_data(&b), "POST /keep HTTP/1.1\r\nHost: 10.9.0.5:8080\r\n", 42) == 0 &&
        memmem(buf_data(&b), buf_size(&b), "Content-Length: 5\r\n", 19) && memcmp(buf_data(&b) + buf_size(&b) - 9, "\r\n\r\nnote\n", 9) == 0, "an HTTP request");
    memset(long_note, 'x', sizeof long_note);
    buf_reset(&b);
    ok(form_syslog(&b, "gate", 7, (struct str){ long_note, sizeof long_note }, 0, true) == GW_ERR(LIMIT), "a note that does not fit is refused whole");
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        ok(form_http_status(str_c(answers[i].text)) == answers[i].status, "answer: %s", answers[i].name);
    buf_clear(&b);
    return done_testing();
}
