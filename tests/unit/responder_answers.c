// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a responder answers: DNS out of the configuration, NTP out of the clock's state, echoes; and what it does not. */
#include "../../gw/responder/dns.c"
#undef HEAD
#include "../../gw/responder/echo.c"
#undef HEAD
#include "../../gw/responder/ntp.c"
#include "tap.h"

static struct gw_target two[] = { { { 4, { 10, 77, 2, 2 }, 5269 }, GW_STARTTLS, 1, 7 }, { { 6, { 0xfd, 0x77, [15] = 9 }, 5270 }, GW_DIRECT_TLS, 0, 1 } };
static struct gw_target many[16];
static struct gw_domain domains[] = { { .name = { "low.example", 11 }, .targets = two, .n_targets = 2 }, { .name = { "rooms.low.example", 17 } },
    { .name = { "many.example", 12 }, .targets = many, .n_targets = 16 } };
static struct gw_conf conf;

/* ---- DNS ---- */

static size_t ask(unsigned char *q, const char *name, unsigned type, unsigned class, bool edns)
{
    struct buf b = { .p = q, .cap = 600, .max = 600 };
    struct wire_out o;
    static const unsigned char rest[] = { 0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0 };
    wire_out_init(&o, &b);
    wire_put_bytes(&o, rest, sizeof rest);
    wire_put_u8(&o, edns);
    put_name(&o, name);
    wire_put_u16(&o, (uint16_t)type);
    wire_put_u16(&o, (uint16_t)class);
    if (edns) {
        static const unsigned char opt[] = { 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0 };
        wire_put_bytes(&o, opt, sizeof opt);
    }
    return buf_size(&b);
}

static unsigned get16(const unsigned char *p)
{
    return (unsigned)(p[0] << 8 | p[1]);
}

static const struct { const char *name; unsigned type, class, code, answers, more; enum gw_reason reason; } names[] = {
    { "low.example", 1, 1, NOERROR, 1, 0, GW_R_ANSWERED }, { "LOW.Example", 28, 1, NOERROR, 1, 0, GW_R_ANSWERED },
    { "low.example", 16, 1, NOERROR, 0, 0, GW_R_ANSWERED }, /* TXT: none */
    { "xmpp-1.low.example", 1, 1, NOERROR, 1, 0, GW_R_ANSWERED }, { "xmpp-1.low.example", 28, 1, NOERROR, 0, 0, GW_R_ANSWERED },
    { "xmpp-3.low.example", 1, 1, NXDOMAIN, 0, 0, GW_R_ANSWERED }, { "a.low.example", 1, 1, NXDOMAIN, 0, 0, GW_R_ANSWERED },
    { "_xmpp-server._tcp.low.example", 33, 1, NOERROR, 1, 1, GW_R_ANSWERED }, { "_xmpps-server._tcp.low.example", 33, 1, NOERROR, 1, 1, GW_R_ANSWERED },
    { "_xmpp-server._tcp.low.example", 1, 1, NOERROR, 0, 0, GW_R_ANSWERED }, { "_tcp.low.example", 1, 1, NOERROR, 0, 0, GW_R_ANSWERED },
    { "_xmpp-client._tcp.low.example", 33, 1, NXDOMAIN, 0, 0, GW_R_ANSWERED }, { "_xmpp-server._tcp.rooms.low.example", 33, 1, NOERROR, 0, 0, GW_R_ANSWERED },
    { "low.example", 255, 1, REFUSED, 0, 0, GW_R_HOST_UNKNOWN }, { "low.example", 252, 1, NOERROR, 0, 0, GW_R_ANSWERED },
    { "low.example", 1, 3, REFUSED, 0, 0, GW_R_HOST_UNKNOWN }, { "high.example", 1, 1, REFUSED, 0, 0, GW_R_HOST_UNKNOWN },
    { "slow.example", 1, 1, REFUSED, 0, 0, GW_R_HOST_UNKNOWN }, { "example", 1, 1, REFUSED, 0, 0, GW_R_HOST_UNKNOWN },
};

static void test_names(void)
{
    unsigned char q[600], out[ANSWER_MAX];
    enum gw_reason why;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int edns = 0; edns < 2; edns++) {
            size_t n = ask(q, names[i].name, names[i].type, names[i].class, edns), got = dns_answer(&conf, GW_HIGH, q, n, out, &why);
            ok(got && out[0] == 0x12 && out[1] == 0x34 && (out[2] & 0x81) == 0x81 && (out[3] & 15) == names[i].code && get16(out + 6) == names[i].answers &&
                get16(out + 10) == names[i].more + (unsigned)edns && why == names[i].reason && !memcmp(out + 12, q + 12, strlen(names[i].name) + 6),
                "%s type %u class %u%s", names[i].name, names[i].type, names[i].class, edns ? ", EDNS" : "");
        }
}

/* One byte is changed, or the length; the code that must come, -1: no answer at all. */
static const struct { const char *what; size_t at; int value; int more, code; } broken[] = {
    { "a response", 2, 0x81, 0, -1 }, { "an update", 2, 0x29, 0, NOTIMP }, { "two questions", 5, 2, 0, FORMERR }, { "no question", 5, 0, 0, FORMERR },
    { "with an answer", 7, 1, 0, FORMERR }, { "with an authority", 9, 1, 0, FORMERR }, { "with a record that is not there", 11, 1, 0, FORMERR },
    { "a pointer for a name", 12, 0xc0, 0, FORMERR }, { "a label that is longer than the message", 12, 63, 0, FORMERR }, { "a dot in a label", 13, '.', 0, FORMERR },
    { "a space in a label", 13, ' ', 0, FORMERR }, { "a byte too many", 3, 0, 1, FORMERR }, { "a byte too few", 3, 0, -1, FORMERR }, { "a head alone", 3, 0, -17, FORMERR },
    { "less than a head", 3, 0, -18, -1 },
};

static void test_broken(void)
{
    unsigned char q[600], out[ANSWER_MAX];
    enum gw_reason why;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        size_t n = ask(q, "low.example", 1, 1, false);
        q[broken[i].at] = (unsigned char)broken[i].value;
        n = (size_t)((int)n + broken[i].more);
        size_t got = dns_answer(&conf, GW_HIGH, q, n, out, &why);
        ok(why == GW_R_PORT_FORBIDDEN && (broken[i].code < 0 ? got == 0 : got == 12 && (out[3] & 15) == broken[i].code && get16(out + 4) == 0), "%s", broken[i].what);
    }
    size_t n = ask(q, "low.example", 1, 1, true);
    q[n - 5] = 1; /* EDNS version */
    size_t got = dns_answer(&conf, GW_HIGH, q, n, out, &why);
    ok(got && (out[3] & 15) == 0 && out[got - 6] == 1, "EDNS of another version: BADVERS");
    n = ask(q, "low.example", 1, 1, true);
    q[n - 9] = 16; /* a TXT record in the place of OPT */
    ok(dns_answer(&conf, GW_HIGH, q, n, out, &why) == 12 && (out[3] & 15) == FORMERR, "another record than OPT");
}

static void test_size(void)
{
    unsigned char q[600], out[ANSWER_MAX];
    enum gw_reason why;
    for (size_t i = 0; i < 16; i++)
        many[i] = (struct gw_target){ { 4, { 10, 77, 2, (uint8_t)i }, 5269 }, GW_STARTTLS, 0, 1 };
    size_t n = ask(q, "_xmpp-server._tcp.many.example", 33, 1, false), got = dns_answer(&conf, GW_HIGH, q, n, out, &why);
    ok(got <= 512 && (out[2] & 2) && get16(out + 6) == 0, "without EDNS a set that does not fit 512 bytes is cut as a whole, and said to be");
    n = ask(q, "_xmpp-server._tcp.many.example", 33, 1, true);
    got = dns_answer(&conf, GW_HIGH, q, n, out, &why);
    ok(got <= n * ANSWER_TIMES && got <= ANSWER_MAX && !(out[2] & 2) && get16(out + 6) == 16 && get16(out + 10) < 17, "with it all are there, and addresses as far as they fit");
}

/* ---- NTP ---- */

static void test_ntp(void)
{
    static const struct timespec now = { .tv_sec = 1700000000, .tv_nsec = 500000000 };
    struct timex t = { .maxerror = 250000 };
    unsigned char q[49] = { 4 << 3 | 3, 0, 6, [40] = 0xe8, 1, 2, 3, 4, 5, 6, 7 }, out[ANSWER_MAX];
    enum gw_reason why;
    size_t n = ntp_answer(TIME_OK, &t, 4, now, q, 48, out, &why);
    ok(n == 48 && out[0] == (4 << 3 | 4) && out[1] == 4 && out[2] == 6 && !memcmp(out + 24, q + 40, 8) && why == GW_R_ANSWERED, "a synchronised clock: stratum, poll, originate time");
    ok(!memcmp(out + 8, "\0\0\x40\0", 4) && !memcmp(out + 4, "\0\0\0\0", 4), "its error bound, 250 ms, is the root dispersion");
    ok(!memcmp(out + 32, "\xe8\xfe\x6f\x80\x80\0\0\0", 8) && !memcmp(out + 40, out + 32, 8), "receive and transmit time: seconds since 1900, and a half");
    q[0] = 3 << 3 | 3;
    ok(ntp_answer(TIME_INS, &t, 4, now, q, 48, out, &why) == 48 && out[0] == (1 << 6 | 3 << 3 | 4), "version 3, and a leap second to come");
    ok(ntp_answer(TIME_ERROR, &t, 4, now, q, 48, out, &why) == 48 && out[0] >> 6 == 3 && out[1] == 16, "a clock in error: not synchronised, stratum 16");
    t.status = STA_UNSYNC;
    ok(ntp_answer(TIME_OK, &t, 4, now, q, 48, out, &why) == 48 && out[0] >> 6 == 3 && out[1] == 16, "the kernel says so by its status as well");
    static const unsigned char first[] = { 4 << 3 | 1, 4 << 3 | 2, 4 << 3 | 4, 4 << 3 | 5, 4 << 3 | 6, 4 << 3 | 7, 2 << 3 | 3, 5 << 3 | 3 };
    bool none = true;
    for (size_t i = 0; i < sizeof first; i++) {
        q[0] = first[i];
        none &= ntp_answer(TIME_OK, &t, 4, now, q, 48, out, &why) == 0 && why == GW_R_PORT_FORBIDDEN;
    }
    ok(none, "no other mode, no other version: control and private requests least of all");
    q[0] = 4 << 3 | 3;
    ok(!ntp_answer(TIME_OK, &t, 4, now, q, 47, out, &why) && !ntp_answer(TIME_OK, &t, 4, now, q, 49, out, &why) && !ntp_answer(TIME_OK, &t, 4, now, q, 0, out, &why), "no other length");
}

/* ---- echo ---- */

static void test_echo(void)
{
    unsigned char q[20 + 8 + 2000] = { 0x45, [20] = 8, 0, 0, 0, 1, 2, 3, 4, 'a', 'b', 'c' }, out[ANSWER_MAX];
    enum gw_reason why;
    uint16_t sum = checksum(q + 20, 11);
    q[22] = (unsigned char)(sum >> 8), q[23] = (unsigned char)sum;
    ok(echo_answer(4, q, 31, out, &why) == 11 && out[0] == 0 && !memcmp(out + 4, "\1\2\3\4abc", 7) && checksum(out, 11) == 0 && why == GW_R_ANSWERED, "an echo: identifier, number, data");
    q[28] ^= 1;
    ok(!echo_answer(4, q, 31, out, &why) && why == GW_R_PORT_FORBIDDEN, "a wrong sum");
    q[28] ^= 1, q[0] = 0x46;
    ok(!echo_answer(4, q, 31, out, &why), "IP options");
    q[0] = 0x45;
    ok(!echo_answer(4, q, 27, out, &why) && !echo_answer(4, q, 0, out, &why), "too short");
    q[20] = 13;
    ok(!echo_answer(4, q, 31, out, &why), "another question than echo");
    unsigned char six[8 + 1025] = { 128, 0, 0, 0, 9, 9, 9, 9 };
    ok(echo_answer(6, six, 8 + 1024, out, &why) == 1032 && out[0] == 129 && out[4] == 9, "ICMPv6, with the most data that is answered");
    ok(!echo_answer(6, six, 8 + 1025, out, &why), "and one byte more");
}

int main(void)
{
    conf.side[GW_LOW].domains = domains;
    conf.side[GW_LOW].n_domains = 3;
    test_names();
    test_broken();
    test_size();
    test_ntp();
    test_echo();
    return done_testing();
}
