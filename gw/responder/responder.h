/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the responder share. It answers echo, DNS and NTP in the place of hosts of the other side, out of the configuration
 * and this machine's clock. Nothing that it is asked, and nothing that it says, crosses. */
#ifndef LOCKGATE_RESPONDER_H
#define LOCKGATE_RESPONDER_H

#include <sys/timex.h>
#include <time.h>

#include "gwconf.h"
#include "ipc.h"
#include "rate.h"
#include "say.h"
#include "teller.h"

#define QUESTION_MAX 1500 /* bytes that are read; a longer one is refused */
#define ANSWER_MAX 1232   /* no answer is larger: it fits every path of IPv6 */

/* ---- answers (dns.c, ntp.c, echo.c; pure, hostile input) ----
 * The answer in out (ANSWER_MAX bytes), its length; 0: none. ret_reason: ANSWERED, or why not, or why only a refusal was said. */

/* RFC 1035, 2782, 6891: names and servers of the domains of the side that is not `side`. At most ANSWER_TIMES as long as the question. */
#define ANSWER_TIMES 16
size_t dns_answer(const struct gw_conf *c, enum gw_side side, const unsigned char *q, size_t n, unsigned char *out, enum gw_reason *ret_reason);

/* RFC 5905, client requests alone. state and t: what adjtimex (its return value) says of the clock; now: that clock. */
size_t ntp_answer(int state, const struct timex *t, unsigned stratum, struct timespec now, const unsigned char *q, size_t n, unsigned char *out,
    enum gw_reason *ret_reason);

/* RFC 792 with its IPv4 header, RFC 4443 without one, as raw sockets give them; the answer has none. */
#define ECHO_DATA_MAX 1024
size_t echo_answer(unsigned family, const unsigned char *q, size_t n, unsigned char *out, enum gw_reason *ret_reason);

/* ---- questions (serve.c) ---- */
struct responder {
    const struct gw_conf *conf;
    enum gw_side side;
    struct ipc *parent;
    struct { int fd; const struct gw_service *service; } socket[GW_SERVICES_MAX];
    size_t n_sockets;
    struct rate *rate;
    struct teller teller;
    struct say say;
    int64_t far_until; /* until then the other side counts as there */
    uint64_t answered[GW_SERVICE_NTP + 1], refused;
    bool stop;
};
/* Until STOP, or the parent is gone: then 1. */
int responder_run(struct responder *r);

#endif
