// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Questions to a responder. Oracles: no answer is longer than it may be, none answers an answer, a DNS answer repeats number and name, and
 * echoes hold what came. */
#include <stdlib.h>

#include "../../gw/responder/dns.c"
#undef HEAD
#include "../../gw/responder/echo.c"
#undef HEAD
#include "../../gw/responder/ntp.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_target two[] = { { { 4, { 10, 77, 2, 2 }, 5269 }, GW_STARTTLS, 1, 7 }, { { 6, { 0xfd, 0x77, [15] = 9 }, 5270 }, GW_DIRECT_TLS, 0, 1 } };
static struct gw_domain domains[] = { { .name = { "low.example", 11 }, .targets = two, .n_targets = 2 }, { .name = { "l", 1 }, .targets = two, .n_targets = 1 } };

static void must(bool so)
{
    if (!so)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gw_conf conf;
    const struct timex t = { .maxerror = 1000 };
    unsigned char out[ANSWER_MAX], again[ANSWER_MAX];
    enum gw_reason why;
    conf.side[GW_LOW].domains = domains;
    conf.side[GW_LOW].n_domains = 2;
    if (size > QUESTION_MAX)
        return 0;
    unsigned char *q = malloc(size + 1); /* so that a byte past the end is seen */
    if (!q)
        return 0;
    memcpy(q, data, size);
    size_t n = dns_answer(&conf, GW_HIGH, q, size, out, &why);
    must(n <= ANSWER_MAX && n <= size * ANSWER_TIMES + 12);
    if (n) {
        must(size >= 12 && n >= 12 && !(q[2] & 0x80) && (out[2] & 0x80) && !memcmp(out, q, 2));
        must(out[5] == 0 || !memcmp(out + 12, q + 12, 5));
        must(dns_answer(&conf, GW_HIGH, out, n, again, &why) == 0); /* never an answer to an answer */
    }
    n = ntp_answer(TIME_OK, &t, 3, (struct timespec){ 1, 0 }, q, size, out, &why);
    must(n == 0 || (n == 48 && size == 48 && (q[0] & 7) == 3 && (out[0] & 7) == 4));
    for (unsigned family = 4; family <= 6; family += 2) {
        n = echo_answer(family, q, size, out, &why);
        must(n == 0 || (n <= 8 + ECHO_DATA_MAX && n <= size && !memcmp(out + 4, q + size - n + 4, n - 4)));
    }
    free(q);
    return 0;
}
