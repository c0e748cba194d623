// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Addresses, networks, and the lists of names. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "msgs.h"
#include "net.h"
#include "reason.h"
#include "tap.h"

static const struct { const char *text; int family; const char *back; } addresses[] = {
    { "10.77.1.2", 4, "10.77.1.2" }, { "fd77:1::2", 6, "fd77:1::2" }, { "FD77:0001:0:0:0:0:0:2", 6, "fd77:1::2" }, { "::", 6, "::" },
    { "0.0.0.0", 4, "0.0.0.0" }, { "", 0, "" }, { "10.77.1", 0, "" }, { "10.77.1.256", 0, "" }, { "010.77.1.2", 0, "" }, { "10.77.1.2 ", 0, "" },
    { " 10.77.1.2", 0, "" }, { "0x0a.1.2.3", 0, "" }, { "fd77::1::2", 0, "" }, { "fe80::1%eth0", 0, "" }, { "::ffff:10.0.0.1", 0, "" },
    { "10.0.0.1:5269", 0, "" }, { "[fd77::1]", 0, "" }, { "example", 0, "" },
};
static const struct { const char *prefix; const char *address; int in; } nets[] = { /* in: -1 the prefix is refused */
    { "10.77.1.0/24", "10.77.1.255", 1 }, { "10.77.1.0/24", "10.77.2.0", 0 }, { "10.77.1.0/24", "fd77::1", 0 }, { "10.77.1.7/24", "10.77.1.8", 1 },
    { "10.77.1.128/25", "10.77.1.127", 0 }, { "10.77.1.128/25", "10.77.1.128", 1 }, { "0.0.0.0/0", "255.1.2.3", 1 }, { "0.0.0.0/0", "::1", 0 },
    { "10.0.0.1/32", "10.0.0.1", 1 }, { "10.0.0.1/32", "10.0.0.0", 0 }, { "fd77:1::/64", "fd77:1::ffff", 1 }, { "fd77:1::/64", "fd77:1:0:1::", 0 },
    { "fd77::/61", "fd77:0:0:7::", 1 }, { "fd77::/61", "fd77:0:0:8::", 0 }, { "::/0", "1::", 1 }, { "::1/128", "::1", 1 }, { "::1/128", "::2", 0 },
    { "10.0.0.0", "", -1 }, { "10.0.0.0/", "", -1 }, { "10.0.0.0/33", "", -1 }, { "::/129", "", -1 }, { "10.0.0.0/08", "", -1 }, { "10.0.0.0/+8", "", -1 },
    { "10.0.0.0/8 ", "", -1 }, { "10.0.0.0/8/8", "", -1 }, { "/8", "", -1 }, { "10.0.0.0/0008", "", -1 },
};

static void kernel_form(void)
{
    struct sockaddr_storage ss;
    struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(5269) };
    struct net_addr a = { 0 }, b = { 0 };
    char text[NET_TEXT_MAX];

    ok(net_parse("fd77::9", &a) == 0, "parsed");
    a.port = 5270;
    ok(net_to_sockaddr(&a, &ss) == sizeof(struct sockaddr_in6) && net_from_sockaddr((struct sockaddr *)&ss, &b) == 0 && memcmp(&a, &b, sizeof a) == 0,
        "IPv6 to the kernel's form and back");
    ok(net_parse("10.1.2.3", &a) == 0, "parsed");
    a.port = 1;
    ok(net_to_sockaddr(&a, &ss) == sizeof(struct sockaddr_in) && net_from_sockaddr((struct sockaddr *)&ss, &b) == 0 && memcmp(&a, &b, sizeof a) == 0,
        "IPv4 to the kernel's form and back");
    inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr);
    ok(net_from_sockaddr((struct sockaddr *)&mapped, &b) == 0 && b.family == 4 && b.port == 5269 && net_same_host(&a, &b), "a mapped address is the IPv4 one");
    ss.ss_family = AF_UNIX;
    ok(net_from_sockaddr((struct sockaddr *)&ss, &b) == GW_ERR(UNSUPPORTED), "other families are refused");
    a.family = 0;
    ok(net_to_sockaddr(&a, &ss) == 0 && !strcmp(net_text(&a, text), "none"), "no address has no form");
    ok(!net_same_host(&a, &a), "no address is no host");
}

/* codes stand in the journal: each once, lower case and hyphens */
static void reasons(void)
{
    bool once = true, form = true;

    for (enum gw_reason r = 0; r < GW_R_COUNT; r++) {
        const char *code = gw_reason_code(r);
        for (enum gw_reason k = 0; k < r; k++)
            once &= strcmp(code, gw_reason_code(k)) != 0;
        form &= code[0] && strspn(code, "abcdefghijklmnopqrstuvwxyz-") == strlen(code) && gw_reason_text(r)[0];
    }
    ok(once, "each reason code is there once");
    ok(form, "reason codes are lower case and hyphens, with a sentence");
    ok(gw_reason_code(GW_R_COUNT)[0] && gw_reason_text((enum gw_reason)9999)[0], "a number that is no reason has words all the same");
    ok(!strcmp(gw_verdict_name(GW_V_HOLD), "hold") && !strcmp(gw_verdict_name((enum gw_verdict)99), "none"), "verdict names");
    ok(!strcmp(gw_side_name(GW_HIGH), "high") && !strcmp(gw_side_name(GW_LOW), "low") && !strcmp(gw_side_name(GW_SIDES), "none"), "side names");
    ok(!strcmp(gw_strerror(0), "fine") && !strcmp(gw_strerror(GW_ERR(LIMIT)), "a limit was reached"), "error sentences");
    ok(gw_strerror(5)[0] && gw_strerror(-1000)[0], "a number that is no error has words all the same");
}

int main(void)
{
    char text[NET_TEXT_MAX];

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct net_addr a = { .family = 99 };
        int err = net_parse(addresses[i].text, &a);
        ok(addresses[i].family ? err == 0 && a.family == addresses[i].family && !strcmp(net_text(&a, text), addresses[i].back)
                               : err == GW_ERR(SYNTAX) && a.family == 99,
            "address \"%s\" %s", addresses[i].text, addresses[i].family ? "is read" : "is refused");
    }
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        struct net_prefix p;
        struct net_addr a;
        int err = net_parse_prefix(nets[i].prefix, &p);
        if (nets[i].in < 0)
            ok(err == GW_ERR(SYNTAX), "network \"%s\" is refused", nets[i].prefix);
        else
            ok(err == 0 && net_parse(nets[i].address, &a) == 0 && net_in(&a, &p) == nets[i].in, "%s is %sin %s", nets[i].address,
                nets[i].in ? "" : "not ", nets[i].prefix);
    }
    kernel_form();
    reasons();
    return done_testing();
}
