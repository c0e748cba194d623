/* SPDX-License-Identifier: GPL-3.0-or-later
 * Answers to NTP clients (RFC 5905 section 7.3): what this machine's clock says, and how far it is to be trusted, as the kernel knows it. */
#include "responder.h"

#define PACKET 48
#define CLIENT 3
#define SERVER 4
#define UNSYNCHRONISED 16
#define NTP_EPOCH UINT64_C(2208988800) /* 1900 to 1970, seconds */
#define LOCAL_CLOCK "\177\177\1\1"     /* reference id of a clock whose source is not said: 127.127.1.1 */

static void put(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static void put_time(unsigned char *p, struct timespec t)
{
    put(p, (uint32_t)((uint64_t)t.tv_sec + NTP_EPOCH));
    put(p + 4, (uint32_t)(((uint64_t)t.tv_nsec << 32) / 1000000000));
}

/* Leap indicator: the last minute of the day has 61 or 59 seconds; 3: not synchronised. */
static unsigned leap(int state, bool synchronised)
{
    return !synchronised ? 3 : state == TIME_INS ? 1 : state == TIME_DEL ? 2 : 0;
}

/* NTPv3 and v4, without extension fields or authentication, which nobody here could check. */
size_t ntp_answer(int state, const struct timex *t, unsigned stratum, struct timespec now, const unsigned char *q, size_t n, unsigned char *out,
    enum gw_reason *ret_reason)
{
    unsigned version = n ? q[0] >> 3 & 7 : 0;
    bool synchronised = state >= 0 && state != TIME_ERROR && !(t->status & STA_UNSYNC);
    *ret_reason = GW_R_PORT_FORBIDDEN;
    if (n != PACKET || (q[0] & 7) != CLIENT || version < 3 || version > 4)
        return 0;
    memset(out, 0, PACKET);
    out[0] = (unsigned char)(leap(state, synchronised) << 6 | version << 3 | SERVER);
    out[1] = (unsigned char)(synchronised ? stratum : UNSYNCHRONISED);
    out[2] = q[2];
    out[3] = (unsigned char)-20; /* about a microsecond */
    if (synchronised) {
        /* The kernel's bound of the error holds the way to the root as well: delay 0, all of it dispersion (16.16 seconds). */
        put(out + 8, (uint32_t)(((uint64_t)(t->maxerror > 0 ? t->maxerror : 0) << 16) / 1000000));
        memcpy(out + 12, LOCAL_CLOCK, 4);
        put_time(out + 16, now); /* the clock is being held right now; when a correction came last the kernel does not say */
    }
    memcpy(out + 24, q + 40, 8);
    put_time(out + 32, now);
    put_time(out + 40, now);
    *ret_reason = GW_R_ANSWERED;
    return PACKET;
}
