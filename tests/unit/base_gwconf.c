// link: base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * conf/lockgate.conf loads, and each mistake across its keys is found: one change to it, one message at the right line. */
#include <stdlib.h>
#include <unistd.h>

#include "gwconf.h"
#include "tap.h"

#define SHIPPED "conf/lockgate.conf"
static char copy[64];

/* The file's text with the first `from` replaced, or NULL when it is not there. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = NULL;
    size_t n;
    FILE *f;

    if (!at || !(f = open_memstream(&out, &n)))
        return NULL;
    fprintf(f, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    fclose(f);
    return out;
}

static char *whole(const char *path)
{
    char *out = NULL, piece[4096];
    size_t n, k;
    FILE *in = fopen(path, "r"), *f = open_memstream(&out, &n);

    if (!in || !f)
        return NULL;
    while ((k = fread(piece, 1, sizeof piece, in)) > 0)
        fwrite(piece, 1, k, f);
    fclose(in);
    fclose(f);
    return out;
}

static char *load(const char *text, int *ret_err, struct gw_conf **ret)
{
    struct conf_errors e;
    char *out = NULL;
    size_t n;
    FILE *f = fopen(copy, "w"), *to = open_memstream(&out, &n);

    fputs(text, f);
    fclose(f);
    conf_errors_init(&e);
    *ret = NULL;
    *ret_err = gw_conf_load(copy, ret, &e);
    conf_errors_print(&e, to);
    conf_errors_clear(&e);
    fclose(to);
    return out;
}

/* Side low with several cards, in place of the one that the file has. */
#define ONE_CARD "  interface = \"g-lo\";\n  namespace = \"lg-low\";\n  addresses = [ \"10.77.2.1/24\", \"fd77:2::1/64\" ];\n" \
    "  networks = [ \"10.77.2.0/24\", \"fd77:2::/64\" ];\n  routes = ( );\n"
#define CARDS(list) ONE_CARD, "  namespace = \"lg-low\"; interfaces = ( " list " );\n"
#define FIRST "{ name = \"g-lo\"; addresses = [ \"10.77.2.1/24\", \"fd77:2::1/64\" ]; networks = [ \"10.77.2.0/24\", \"fd77:2::/64\" ]; }"
#define SECOND "{ name = \"g-lo2\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\", \"10.80.0.0/16\" ]; " \
    "routes = ( { to = \"10.80.0.0/16\"; via = \"10.77.3.254\"; } ); }"

/* The same in bridge mode: a router behind the second card, and a host of its network behind the first. */
#define IN_BRIDGE "  interface = \"g-lo\";\n  namespace = \"lg-low\";\n  \n  networks = [ \"10.77.2.0/24\", \"fd77:2::/64\" ];\n  routes = ( );\n"
#define CARD_OF(router) "  namespace = \"lg-low\"; interfaces = ( { name = \"g-lo\"; networks = [ \"10.77.2.0/24\", \"fd77:2::/64\", \"10.77.4.9/32\" ]; }, " \
    "{ name = \"g-lo2\"; networks = [ \"10.77.4.0/24\", \"10.80.0.0/16\" ]; routes = ( { to = \"10.80.0.0/16\"; via = \"" router "\"; } ); } );\n"

/* name; what in the file becomes what (a second change may follow); what must be said (NULL: it loads without a word) */
static const struct { const char *name, *from, *to, *from2, *to2, *want; } rows[] = {
    { "as it is", "", "", NULL, NULL, NULL },
    { "a key on a token", "module = \"\"", "module = \"/m.so\"", "pin_file = \"\"", "pin_file = \"pin\"", NULL },
    { "the journal's on a token that is not named", "key = \"\";                     # for example \"pkcs11", "key = \"pkcs11:token=gate;object=journal\"; # \"pkcs11", NULL, NULL,
        "is on a token, so pkcs11.module and pkcs11.pin_file are needed" },
    { "a certificate's on one", "key = \"tls/low.example.on-high.key\"", "key = \"pkcs11:token=gate;object=low\"", NULL, NULL,
        "is on a token, so pkcs11.module and pkcs11.pin_file are needed" },
    { "no name of a key", "key = \"\";                     # for example \"pkcs11", "key = \"pkcs11:token=gate\"; # \"pkcs11", NULL, NULL, "object= or id= is missing" },
    { "a PIN in a name", "key = \"\";                     # for example \"pkcs11", "key = \"pkcs11:token=gate;object=a;pin-value=1\"; # \"pkcs11", NULL, NULL, "the PIN stands in pkcs11.pin_file" },
    { "a path for the journal's key", "key = \"\";                     # for example \"pkcs11", "key = \"tls/journal.key\"; # \"pkcs11", NULL, NULL, "it does not begin with pkcs11:" },
    { "no gateway", "gateway = {", "gateway_ = {", NULL, NULL, "\"gateway\" is missing (the gateway as a whole)" },
    { "pairs misspelt", "pairs = (", "piars = (", NULL, NULL, "piars: this key is not known; did you mean \"pairs\"?" },
    { "unknown mode, and nothing that follows from it", "mode = \"routed\"", "mode = \"router\"", NULL, NULL,
        "gateway.mode: \"router\" is not known; allowed: \"bridge\", \"routed\", \"proxy\"; did you mean \"routed\"?\n" },
    { "mode proxy", "mode = \"routed\"", "mode = \"proxy\"", NULL, NULL, NULL },
    { "bridge with addresses", "mode = \"routed\"", "mode = \"bridge\"", NULL, NULL, "addresses: in bridge mode the card has none; write [ ]" },
    { "routed without addresses", "addresses = [ \"10.77.1.1/24\", \"fd77:1::1/64\" ]", "addresses = [ ]", NULL, NULL, "the card of side high needs at least one" },
    { "uid 0", "uid_first = 59800", "uid_first = 0", NULL, NULL, "gateway.uid_first: 0 is out of range; allowed: from 1000 to 2000000000" },
    { "an address that is none", "\"10.77.1.1/24\"", "\"10.77.1.300/24\"", NULL, NULL, "addresses: \"10.77.1.300/24\" is not an address with its prefix length" },
    { "host bits in a network", "networks = [ \"10.77.1.0/24\"", "networks = [ \"10.77.1.9/24\"", NULL, NULL,
        "networks: \"10.77.1.9/24\" has bits set behind its prefix length; did you mean \"10.77.1.0/24\"?" },
    { "one network on both sides", "networks = [ \"10.77.2.0/24\"", "networks = [ \"10.77.1.0/24\"", NULL, NULL,
        "networks: 10.77.1.0/24 of side low overlaps 10.77.1.0/24 of side high" },
    { "a network inside the other's", "networks = [ \"10.77.2.0/24\"", "networks = [ \"10.77.1.128/25\", \"10.77.2.0/24\"", NULL, NULL,
        "networks: 10.77.1.128/25 of side low overlaps 10.77.1.0/24 of side high" },
    { "everything else as a network", "networks = [ \"10.77.2.0/24\"", "networks = [ \"0.0.0.0/0\"", NULL, NULL, NULL },
    { "a card's address in the other's network", "addresses = [ \"10.77.2.1/24\"", "addresses = [ \"10.77.1.9/24\"", NULL, NULL,
        "addresses: 10.77.1.9 lies in a network of side high" },
    { "one card for both sides", "interface = \"g-lo\"", "interface = \"g-hi\"", NULL, NULL, "interface \"g-hi\" is on both sides" },
    { "one namespace for both sides", "namespace = \"lg-low\"", "namespace = \"lg-high\"", NULL, NULL, "namespace \"lg-high\" is on both sides" },
    { "a card's name that is a command", "interface = \"g-lo\"", "interface = \"a;rm x\"", NULL, NULL, "interface \"a;rm x\": allowed are letters and digits" },
    { "a card's name that is an option", "interface = \"g-lo\"", "interface = \"-lo\"", NULL, NULL, "interface \"-lo\": allowed are letters and digits" },
    { "two cards on one side", CARDS(FIRST ", " SECOND), NULL, NULL, NULL },
    { "one card in the list", CARDS(FIRST), NULL, NULL, NULL },
    { "two VLANs of one card", CARDS("{ name = \"t0\"; vlan = 5; addresses = [ \"10.77.2.1/24\" ]; networks = [ \"10.77.2.0/24\" ]; }, "
        "{ name = \"t0\"; vlan = 6; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, NULL },
    { "no list of cards", CARDS(""), NULL, NULL, "low.interfaces" },
    { "a card and a list of them", "interface = \"g-lo\";", "interface = \"g-lo\"; interfaces = ( " SECOND " );", NULL, NULL, "low.interface: not together with \"interfaces\": one of the two must go" },
    { "networks of the side and a list of cards", ONE_CARD, "  namespace = \"lg-low\"; networks = [ \"10.77.2.0/24\" ]; interfaces = ( " FIRST " );\n", NULL, NULL,
        "low.networks: not together with \"interfaces\"" },
    { "neither card nor list", "interface = \"g-lo\";", "", NULL, NULL, "\"interface\" is missing (the card on this side)" },
    { "a card without a name", CARDS(FIRST ", { networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "\"name\" is missing" },
    { "a card without networks", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.3.1/24\" ]; }"), NULL, NULL, "\"networks\" is missing (where the hosts behind it live" },
    { "a card without an address", CARDS(FIRST ", { name = \"g-lo2\"; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "addresses: in this mode each card needs at least one" },
    { "one card twice", CARDS(FIRST ", { name = \"g-lo\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "interface \"g-lo\" stands here twice" },
    { "one card with a tag and without", CARDS(FIRST ", { name = \"g-lo\"; vlan = 5; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "allowed with a VLAN of its own each time" },
    { "a card that is called as a VLAN's port", CARDS("{ name = \"g-lo.5\"; addresses = [ \"10.77.2.1/24\" ]; networks = [ \"10.77.2.0/24\" ]; }, "
        "{ name = \"g-lo\"; vlan = 5; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "the port of the VLAN would be called \"g-lo.5\", as the card in line " },
    { "a second card of the other side", CARDS(FIRST ", { name = \"g-hi\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "interface \"g-hi\" is on both sides" },
    { "a network behind two cards", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.2.0/24\" ]; }"), NULL, NULL,
        "networks: 10.77.2.0/24 of g-lo2 is behind g-lo as well" },
    { "a narrower network behind another card, with a route", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\", \"10.77.2.128/25\" ]; "
        "routes = ( { to = \"10.77.2.128/25\"; via = \"10.77.3.254\"; } ); }"), NULL, NULL, NULL },
    { "and without one", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\", \"10.77.2.128/25\" ]; }"), NULL, NULL,
        "networks: 10.77.2.128/25 is behind g-lo2, but addresses and routes lead to it over g-lo (line " },
    { "two cards in one subnet", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.2.9/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL,
        "addresses: 10.77.2.9/24 of g-lo2 is in one subnet with an address of g-lo" },
    { "one route over two cards", CARDS("{ name = \"g-lo\"; addresses = [ \"10.77.2.1/24\" ]; networks = [ \"10.77.2.0/24\", \"10.80.0.0/15\" ]; "
        "routes = ( { to = \"10.80.0.0/16\"; via = \"10.77.2.254\"; } ); }, " SECOND), NULL, NULL, "routes: 10.80.0.0/16 leads over g-lo2 and over g-lo" },
    { "a router behind another card", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.3.1/24\" ]; networks = [ \"10.77.3.0/24\", \"10.80.0.0/16\" ]; "
        "routes = ( { to = \"10.80.0.0/16\"; via = \"10.77.2.254\"; } ); }"), NULL, NULL, "via 10.77.2.254 is in no subnet of the addresses of g-lo2" },
    { "a card in the other side's network", CARDS(FIRST ", { name = \"g-lo2\"; addresses = [ \"10.77.1.9/24\" ]; networks = [ \"10.77.3.0/24\" ]; }"), NULL, NULL, "addresses: 10.77.1.9 lies in a network of side high" },
    { "a tap without a unit", "uid_first = 59800", "tap = \"64\"", NULL, NULL, "gateway.tap" },
    { "a tap over 1 TiB", "uid_first = 59800", "tap = \"2048GiB\"", NULL, NULL, "gateway.tap: 2048GiB is out of range; allowed: from 0B to 1024GiB" },
    { "a VLAN", "namespace = \"lg-low\"", "vlan = 7; namespace = \"lg-low\"", NULL, NULL, NULL },
    { "a VLAN that there is not", "namespace = \"lg-low\"", "vlan = 4095; namespace = \"lg-low\"", NULL, NULL, "vlan: 4095 is out of range; allowed: from 0 to 4094" },
    { "a VLAN of a long name", "interface = \"g-lo\"", "vlan = 100; interface = \"abcdefghijkl\"", NULL, NULL, "the port would be called \"abcdefghijkl.100\"" },
    { "one card for both sides, two VLANs", "interface = \"g-lo\"", "vlan = 7; interface = \"g-hi\"", NULL, NULL, "interface \"g-hi\" is on both sides" },
    { "a long card name", "interface = \"g-lo\"", "interface = \"abcdefghijklmnop\"", NULL, NULL, "16 bytes is out of range; allowed: from 1 to 15 bytes" },
    { "a namespace that is a path", "namespace = \"lg-low\"", "namespace = \"../x\"", NULL, NULL, "namespace \"../x\": allowed are letters" },
    { "a route", "routes = ( );", "routes = ( { to = \"10.77.1.64/26\"; via = \"10.77.1.254\"; } );", NULL, NULL, NULL },
    { "a route over nowhere", "routes = ( );", "routes = ( { to = \"10.9.0.0/16\"; via = \"10.5.1.254\"; } );", NULL, NULL, "via 10.5.1.254 is in no subnet of high.addresses" },
    { "a route of two kinds", "routes = ( );", "routes = ( { to = \"fd99::/64\"; via = \"10.77.1.254\"; } );", NULL, NULL, "to and via must both be IPv4 or both IPv6" },
    { "a route to strangers", "routes = ( );", "routes = ( { to = \"10.9.0.0/16\"; via = \"10.77.1.254\"; } );", NULL, NULL,
        "warning: routes: 10.9.0.0/16 lies in no network of side high" },
    { "no ports", "ports = [ 5269, 5270 ]", "ports = [ ]", NULL, NULL, "ports: at least one is needed" },
    { "port 0", "ports = [ 5269, 5270 ]", "ports = [ 0 ]", NULL, NULL, "high.ports[0]: 0 is out of range; allowed: from 1 to 65535" },
    { "a resolver", "dns = [ ]", "dns = [ \"10.77.1.53\" ]", NULL, NULL, NULL },
    { "a resolver of the other side", "dns = [ ]", "dns = [ \"10.77.2.53\" ]", NULL, NULL, "dns: 10.77.2.53 lies in no network of side high" },
    { "a resolver without a source of its kind", "dns = [ ]", "dns = [ \"fd77:1::53\" ]", "\"10.77.1.1/24\", \"fd77:1::1/64\"", "\"10.77.1.1/24\"", "dns_source is missing" },
    { "resolver and source of two kinds", "dns = [ ];", "dns = [ \"fd77:1::53\" ];", "dns_source = \"\"", "dns_source = \"10.77.1.1\"",
        "dns: resolvers and dns_source must all be IPv4 or all IPv6" },
    { "a domain in capitals is the same", "name = \"high.example\"", "name = \"HIGH.Example\"", NULL, NULL, NULL },
    { "a domain on both sides", "name = \"low.example\"", "name = \"high.example\"", NULL, NULL, "domain \"high.example\" lives on both sides (side high: line " },
    { "a domain twice", "name = \"rooms.low.example\"", "name = \"low.example\"", NULL, NULL, "domain \"low.example\" stands here twice; the first is in line " },
    { "a domain with a dot at its end", "name = \"rooms.low.example\"", "name = \"rooms.low.example.\"", NULL, NULL, "is not a domain name: it ends with a dot" },
    { "a domain with an empty label", "name = \"rooms.low.example\"", "name = \"rooms..example\"", NULL, NULL, "is not a domain name: a label is empty" },
    { "a domain with an underscore", "name = \"rooms.low.example\"", "name = \"ro_oms.low.example\"", NULL, NULL, "is not a domain name: only letters, digits, hyphens and dots" },
    { "a domain with a hyphen first", "name = \"rooms.low.example\"", "name = \"-rooms.low.example\"", NULL, NULL, "a label begins or ends with a hyphen" },
    { "a domain with a hyphen last", "name = \"rooms.low.example\"", "name = \"rooms-.low.example\"", NULL, NULL, "a label begins or ends with a hyphen" },
    { "an internationalised domain", "name = \"rooms.low.example\"", "name = \"r\xc3\xb6hms.low.example\"", NULL, NULL, "(no internationalised names yet)" },
    { "the same as an A-label", "name = \"rooms.low.example\"", "name = \"xn--rhms-5qa.low.example\"", NULL, NULL, "internationalised names (xn--) are not supported yet" },
    { "an address for a domain", "name = \"rooms.low.example\"", "name = \"10.77.2.3\"", NULL, NULL, "is not a domain name: it looks like an address" },
    { "a label of 64 letters", "name = \"rooms.low.example\"", "name = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example\"", NULL, NULL,
        "a label is longer than 63 bytes" },
    { "a target of the other side", "address = \"10.77.1.2\"", "address = \"10.77.2.2\"", NULL, NULL, "targets: 10.77.2.2 lies in no network of side high" },
    { "a target that is a name", "address = \"10.77.1.2\"", "address = \"xmpp.high.example\"", NULL, NULL, "address: \"xmpp.high.example\" is not an address" },
    { "an unknown kind of TLS", "tls = \"starttls\"", "tls = \"startls\"", NULL, NULL, "allowed: \"starttls\", \"direct\"; did you mean \"starttls\"?" },
    { "direct TLS", "tls = \"starttls\"", "tls = \"direct\"", NULL, NULL, NULL },
    { "a pair with an unknown domain, near", "{ high = \"high.example\"; low = \"low.example\"; }", "{ high = \"high.exampel\"; low = \"low.example\"; }", NULL, NULL,
        "\"high.exampel\" is no domain of side high; did you mean \"high.example\"?" },
    { "a pair the wrong way round", "{ high = \"high.example\"; low = \"low.example\"; }", "{ high = \"low.example\"; low = \"high.example\"; }", NULL, NULL,
        "\"low.example\" lives on side low, not on side high" },
    { "a pair twice", "low = \"rooms.low.example\"", "low = \"low.example\"", NULL, NULL, "warning: this pair stands here twice" },
    { "a pair without a certificate", "{ domain = \"high.example\"; chain = \"tls/high.example.on-low.pem\"; key = \"tls/high.example.on-low.key\"; }", "", NULL, NULL,
        "\"high.example\" has no certificate in low.certificates" },
    { "a certificate for its own side", "{ domain = \"high.example\"; chain", "{ domain = \"low.example\"; chain", NULL, NULL, "\"low.example\" lives on side low, not on side high" },
    { "a domain without a pair", "low = \"rooms.low.example\"; }", "low = \"low.example\"; }", NULL, NULL, "warning: domain \"rooms.low.example\" is in no pair" },
    { "a number cut by libconfig", "depth = 32", "depth = 4294967328", NULL, NULL, "the number does not fit (4294967328)" },
    { "deliver over 30 s", "deliver = \"25s\"", "deliver = \"31s\"", NULL, NULL, "limits.deliver: 31s is out of range; allowed: from 1s to 30s" },
    { "connect longer than deliver", "connect = \"10s\"", "connect = \"26s\"", NULL, NULL, "limits.connect must not be longer than limits.deliver" },
    { "a window under two stanzas", "window_bytes = \"4MiB\"", "window_bytes = \"256KiB\"", NULL, NULL, "limits.window_bytes must hold two stanzas" },
    { "a stanza limit under RFC 6120's", "stanza = \"256KiB\"", "stanza = \"9KiB\"", NULL, NULL, "limits.stanza: 9KiB is out of range; allowed: from 10000B to 16MiB" },
    { "a burst under the rate", "burst = 200", "burst = 20", NULL, NULL, "admission.burst must not be smaller than admission.rate" },
    { "services", "services = ( );", "services = ( { side = \"low\"; protocol = \"echo\"; address = \"10.77.1.2\"; }, { side = \"low\"; protocol = \"dns\"; address = \"fd77:1::2\"; }, { side = \"high\"; protocol = \"ntp\"; address = \"10.77.2.2\"; stratum = 3; } );", NULL, NULL, NULL },
    { "a service of an unknown protocol", "services = ( );", "services = ( { side = \"low\"; protocol = \"ssh\"; address = \"10.77.1.2\"; } );", NULL, NULL, "allowed: \"echo\", \"dns\", \"ntp\"" },
    { "a service without an address", "services = ( );", "services = ( { side = \"low\"; protocol = \"echo\"; } );", NULL, NULL, "address" },
    { "a service by name", "services = ( );", "services = ( { side = \"low\"; protocol = \"echo\"; address = \"high.example\"; } );", NULL, NULL, "is no IPv4 or IPv6 address" },
    { "a service of the side that asks", "services = ( );", "services = ( { side = \"low\"; protocol = \"echo\"; address = \"10.77.2.2\"; } );", NULL, NULL, "is no host of side high" },
    { "a service's stratum", "services = ( );", "services = ( { side = \"low\"; protocol = \"ntp\"; address = \"10.77.1.2\"; stratum = 16; } );", NULL, NULL, "stratum" },
    { "a service twice", "services = ( );", "services = ( { side = \"low\"; protocol = \"echo\"; address = \"10.77.1.2\"; }, { side = \"low\"; protocol = \"echo\"; address = \"10.77.1.2\"; } );", NULL, NULL, "this service stands here twice" },
    { "names without targets", "services = ( );", "services = ( { side = \"high\"; protocol = \"dns\"; address = \"10.77.2.2\"; } );", NULL, NULL, "warning: no domain of side low has targets" },
    { "services in proxy mode", "services = ( );", "services = ( { side = \"low\"; protocol = \"echo\"; address = \"10.77.1.2\"; } );", "mode = \"routed\"", "mode = \"proxy\"", "in proxy mode there are none" },
    { "witnesses", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"syslog\"; to = \"10.9.0.5:601\"; }, { name = \"b\"; kind = \"http\"; to = \"http://[fd00::5]:8080/x\"; },"
        " { name = \"c\"; kind = \"file\"; to = \"/media/w/checkpoints\"; }, { name = \"d\"; kind = \"http\"; to = \"http://10.9.0.5\"; } );", NULL, NULL, NULL },
    { "a witness of unknown kind", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"syslogd\"; to = \"10.9.0.5:601\"; } );", NULL, NULL,
        "did you mean \"syslog\"?" },
    { "a witness behind the gate", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"syslog\"; to = \"10.77.2.9:601\"; } );", NULL, NULL,
        "to: 10.77.2.9 lies in a network of side low; a witness stands in the management network" },
    { "a witness without a port", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"syslog\"; to = \"10.9.0.5\"; } );", NULL, NULL,
        "to: \"10.9.0.5\" is no place for a syslog server; allowed: address:port" },
    { "a witness with a port and more", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"syslog-udp\"; to = \"10.9.0.5:601x\"; } );", NULL, NULL,
        "is no place for a syslog server" },
    { "a witness by name", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"http\"; to = \"http://log.example/x\"; } );", NULL, NULL,
        "is no URL for a witness; allowed: http://address[:port]/path" },
    { "a witness with https", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"http\"; to = \"https://10.9.0.5/x\"; } );", NULL, NULL, "there is no https here" },
    { "a witness whose URL ends the request line", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"http\"; to = \"http://10.9.0.5/x HTTP/1.1\\r\\nX: y\"; } );",
        NULL, NULL, "is no URL for a witness" },
    { "two witnesses of one name", "witnesses = ( );", "witnesses = ( { name = \"a\"; kind = \"file\"; to = \"/x/y\"; }, { name = \"a\"; kind = \"file\"; to = \"/x/z\"; } );", NULL,
        NULL, "name: \"a\" is there already (line " },
    { "a witness's name that is a command", "witnesses = ( );", "witnesses = ( { name = \"a b\"; kind = \"file\"; to = \"/x/y\"; } );", NULL, NULL,
        "name: \"a b\" holds another character" },
    { "a list of revocations", "crl = \"\"", "crl = \"tls/high-crl.pem\"", NULL, NULL, NULL },
    { "certificates that are minted, on one side", "ca = \"\"", "ca = \"tls/ca.pem\"", "key = \"\";                   # \"tls", "key = \"tls/ca.key\"; # \"tls",
        "warning: mint: every domain of side low has a certificate in high.certificates, so none is made" },
    { "a CA without its key", "ca = \"\"", "ca = \"tls/ca.pem\"", NULL, NULL, "mint: ca is there without key; both are needed, or neither" },
    { "a CA's key without the CA", "key = \"\";                   # \"tls", "key = \"tls/ca.key\"; # \"tls", NULL, NULL, "mint: key is there without ca" },
    { "a CA's key that is a certificate's", "ca = \"\"", "ca = \"tls/ca.pem\"", "key = \"\";                   # \"tls", "key = \"tls/low.example.on-high.key\"; # \"tls",
        "is the key of a certificate (line " },
    { "a CA's key on a token that is not there", "ca = \"\"", "ca = \"tls/ca.pem\"", "key = \"\";                   # \"tls", "key = \"pkcs11:token=a;object=b\"; # \"tls",
        "so pkcs11.module and pkcs11.pin_file are needed" },
    { "certificates of a second", "life = \"7d\"", "life = \"1s\"", NULL, NULL, "high.mint.life: 1s is out of range; allowed: from 10s to 398d" },
    { "two pins", "pins = [ ]", "pins = [ \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", \"0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\" ]", NULL, NULL, NULL },
    { "a pin that is none", "pins = [ ]", "pins = [ \"sha256//abc=\" ]", NULL, NULL, "pins: \"sha256//abc=\" is no SHA-256 of a public key; allowed: 64 hex digits" },
    { "a pin of a SHA-1", "pins = [ ]", "pins = \"0123456789abcdef0123456789abcdef01234567\"", NULL, NULL, "is no SHA-256 of a public key" },
    { "pins and dialback", "pins = [ ]", "pins = [ \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\" ]", "dialback = false;   ", "dialback = true;   ", "has pins and dialback: dialback proves a domain without its key" },
    { "a rate of nothing", "stream_stanzas = 50000", "stream_stanzas = 0", NULL, NULL, "limits.stream_stanzas: 0 is out of range; allowed: from 1 to 1000000" },
    { "no memory", "memory = \"2GiB\"", "memory = \"64MiB\"", NULL, NULL, "limits.memory: 64MiB is out of range; allowed: from 256MiB to 64GiB" },
    { "no keepalive", "keepalive = \"60s\"", "keepalive = \"0s\"", NULL, NULL, NULL },
};

static void questions(const char *text)
{
    struct gw_conf *c;
    struct net_addr a;
    int err;
    char *said = load(text, &err, &c);

    free(said);
    if (!ok(err == 0, "loads"))
        return;
    ok(!strcmp(c->name, "gate.example") && c->mode == GW_ROUTED && c->uid_first == 59800 && !c->tap, "the gateway, without a tap");
    ok(!strcmp(c->state, "/var/lib/lockgate") && !strcmp(c->rules, "/tmp/../rules") && !strcmp(c->side[GW_HIGH].trust, "/tmp/tls/high-ca.pem") &&
        !strcmp(c->path, copy), "paths are absolute");
    ok(c->limits.stanza == 262144 && c->limits.idle == 600000 && c->limits.window_bytes == 4 << 20 && c->limits.scan == 100, "limits");
    ok(c->journal.segment_size == 64 << 20 && c->journal.segment_time == 86400000 && c->journal.checkpoint == 10000 && c->admission.rate == 50 &&
        c->admission.burst == 200, "journal and admission");
    ok(c->side[GW_HIGH].n_addresses == 2 && c->side[GW_HIGH].addresses[0].bits == 24 && c->side[GW_LOW].n_ports == 2 && c->side[GW_LOW].ports[1] == 5270, "network");
    ok(gw_conf_side_of(c, STR("high.example")) == GW_HIGH && gw_conf_side_of(c, STR("rooms.low.example")) == GW_LOW && gw_conf_side_of(c, STR("x.example")) == -1 &&
        gw_conf_side_of(c, STR("high.exampl")) == -1, "side of a domain");
    ok(gw_conf_domain(c, GW_HIGH, STR("high.example"))->targets[0].address.port == 5269 && !gw_conf_domain(c, GW_LOW, STR("high.example")), "a domain's entry");
    ok(gw_conf_pair_allowed(c, GW_HIGH, STR("high.example"), STR("low.example")) && gw_conf_pair_allowed(c, GW_LOW, STR("low.example"), STR("high.example")), "a pair, both ways");
    ok(!gw_conf_pair_allowed(c, GW_LOW, STR("high.example"), STR("low.example")) && !gw_conf_pair_allowed(c, GW_HIGH, STR("high.example"), STR("high.example")) &&
        !gw_conf_pair_allowed(c, GW_HIGH, STR(""), STR("")), "no pair otherwise");
    ok(gw_conf_certificate(c, GW_HIGH, STR("low.example")) && !gw_conf_certificate(c, GW_LOW, STR("low.example")), "certificates are by the side that sees them");
    ok(net_parse("10.77.1.2", &a) == 0 && gw_conf_in_side(c, GW_HIGH, &a) && !gw_conf_in_side(c, GW_LOW, &a), "an address lies in its side");
    ok(net_parse("10.88.1.2", &a) == 0 && !gw_conf_in_side(c, GW_HIGH, &a) && !gw_conf_in_side(c, GW_LOW, &a), "a stranger lies in none");
    gw_conf_free(c);
}

/* A side whose certificates are all minted needs no list; given ones stay. */
static void minted(const char *text)
{
    struct gw_conf *c;
    int err;
    char *one = changed(text, "    { domain = \"rooms.low.example\"; chain = \"tls/rooms.low.example.on-high.pem\"; key = \"tls/rooms.low.example.on-high.key\"; }\n", "");
    char *two = one ? changed(one, "low.example.on-high.key\"; },", "low.example.on-high.key\"; }") : NULL;
    char *three = two ? changed(two, "ca = \"\"", "ca = \"tls/ca.pem\"") : NULL;
    char *four = three ? changed(three, "key = \"\";                   # \"tls", "key = \"tls/ca.key\"; # \"tls") : NULL;
    char *five = four ? changed(four, "  certificates = ( { domain = \"high.example\"", "  mint = { ca = \"b.pem\"; key = \"b.key\"; life = \"1d\"; };\n#") : NULL;
    char *six = five ? changed(five, "ca = \"b.pem\"; key = \"b.key\"", "ca = \"tls/ca.pem\"; key = \"tls/ca.key\"") : NULL;
    char *said = five ? load(five, &err, &c) : NULL;

    if (ok(c && !said[0], "minted certificates on both sides")) {
        const struct gw_certificate *given = gw_conf_certificate(c, GW_HIGH, STR("low.example")), *made = gw_conf_certificate(c, GW_HIGH, STR("rooms.low.example"));
        ok(given && !gw_conf_minted(given) && made && gw_conf_minted(made) && c->side[GW_HIGH].n_certificates == 2, "high: one is given, the other domain's is made");
        made = gw_conf_certificate(c, GW_LOW, STR("high.example"));
        ok(made && gw_conf_minted(made) && c->side[GW_LOW].n_certificates == 1, "low: all are made");
        ok(c->side[GW_HIGH].mint.life == 7 * 86400000LL && c->side[GW_LOW].mint.life == 86400000 && !strcmp(c->side[GW_HIGH].mint.key, "/tmp/tls/ca.key"), "life and key");
    } else {
        diag("%s", said ? said : "(the text to change is not in the file)");
    }
    gw_conf_free(c);
    free(said);
    said = six ? load(six, &err, &c) : NULL;
    ok(said && !c && strstr(said, "both sides have the same CA; each side needs one of its own"), "but not by one CA");
    free(said);
    free(one), free(two), free(three), free(four), free(five), free(six);
}

/* Each card has its piece of what the side has as a whole, and the narrowest network says behind which one an address lives. */
static void cards(const char *text)
{
    struct gw_conf *c;
    struct net_addr a;
    int err;
    char *changes = changed(text, ONE_CARD "  ports = [ 5269, 5270 ];\n  dns = [ ];\n", "  namespace = \"lg-low\"; ports = [ 5269 ]; dns = [ \"10.80.0.53\" ]; interfaces = ( "
        "{ name = \"t0\"; vlan = 5; addresses = [ \"10.77.2.1/24\", \"fd77:2::1/64\" ]; networks = [ \"10.77.2.0/24\", \"fd77:2::/64\" ]; }, " SECOND " );\n");
    char *said = load(changes ? changes : "", &err, &c);
    const struct gw_side_conf *s = c ? &c->side[GW_LOW] : NULL;

    if (ok(c && !said[0] && s->n_cards == 2, "two cards load")) {
        ok(!strcmp(s->cards[0].interface, "t0.5") && !strcmp(s->cards[0].device, "t0") && s->cards[0].vlan == 5 && !strcmp(s->cards[1].interface, "g-lo2"), "their names");
        ok(s->n_addresses == 3 && s->n_networks == 4 && s->n_routes == 1, "all that the side has");
        ok(s->cards[0].n_networks == 2 && s->cards[1].n_networks == 2 && s->cards[1].networks == s->networks + 2 && s->cards[1].addresses == s->addresses + 2 &&
            s->cards[1].n_routes == 1 && s->cards[1].routes == s->routes, "and what each has of it");
        ok(net_parse("10.80.0.9", &a) == 0 && gw_conf_in_side(c, GW_LOW, &a) && gw_conf_card(s, &a) == &s->cards[1], "a host behind the second");
        ok(net_parse("fd77:2::9", &a) == 0 && gw_conf_card(s, &a) == &s->cards[0], "a host behind the first");
        ok(net_parse("10.77.3.1", &a) == 0 && net_same_host(&s->dns_source, &a), "a resolver is asked from the card that leads to it");
    } else {
        diag("%s", said);
    }
    gw_conf_free(c);
    free(said);
    free(changes);
}

/* In bridge mode a card has no address, so a router is a host in its networks. */
static void routers_in_a_bridge(const char *text)
{
    static const struct { const char *name, *high, *low, *want; } in[] = {
        { "a router in a bridge", "routes = ( { to = \"10.9.0.0/16\"; via = \"10.77.1.254\"; }, { to = \"fd79::/64\"; via = \"fd77:1::fe\"; } );", NULL, NULL },
        { "a router that is in none of its networks", "routes = ( { to = \"10.9.0.0/16\"; via = \"10.5.1.254\"; } );", NULL,
            "via 10.5.1.254 is in none of high.networks; in bridge mode a router is a host of this side" },
        { "a router that lives on the other side", "routes = ( { to = \"10.9.0.0/16\"; via = \"10.77.1.254\"; } );",
            "networks = [ \"10.77.1.254/32\", \"10.77.2.0/24\"", "routes: via 10.77.1.254 lives on side low, by a narrower network there" },
        { "a router behind the card", "routes = ( );", CARD_OF("10.77.4.254"), NULL },
        { "a router behind no card", "routes = ( );", CARD_OF("10.77.5.254"), "via 10.77.5.254 is in none of the networks of g-lo2; in bridge mode a router is a host behind the card" },
        { "a router that is behind another card", "routes = ( );", CARD_OF("10.77.4.9"), "routes: via 10.77.4.9 lives behind g-lo, by a narrower network there" },
    };
    char *one = changed(text, "mode = \"routed\"", "mode = \"bridge\"");
    char *two = one ? changed(one, "addresses = [ \"10.77.1.1/24\", \"fd77:1::1/64\" ];", "") : NULL;
    char *three = two ? changed(two, "networks = [ \"10.77.1.0/24\"", "networks = [ \"10.9.0.0/16\", \"fd79::/64\", \"10.77.1.0/24\"") : NULL;
    char *base = three ? changed(three, "addresses = [ \"10.77.2.1/24\", \"fd77:2::1/64\" ];", "") : NULL;

    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        struct gw_conf *c = NULL;
        int err = 0;
        char *high = base ? changed(base, "routes = ( );", in[i].high) : NULL;
        bool cards = in[i].low && strstr(in[i].low, "interfaces");
        char *low = !high || !in[i].low ? NULL : cards ? changed(high, IN_BRIDGE, in[i].low) : changed(high, "networks = [ \"10.77.2.0/24\"", in[i].low);
        char *said = high && (low || !in[i].low) ? load(low ? low : high, &err, &c) : NULL;

        if (!ok(said && (in[i].want ? !c && strstr(said, in[i].want) : c && !said[0]), "%s", in[i].name))
            diag("%s", said ? said : "(the text to change is not in the file)");
        gw_conf_free(c);
        free(high), free(low), free(said);
    }
    free(one), free(two), free(three), free(base);
}

/* Where the low side is "everything else", the narrower network wins. */
static void everything_else(const char *text)
{
    struct gw_conf *c;
    struct net_addr a;
    int err;
    char *t = changed(text, "networks = [ \"10.77.2.0/24\"", "networks = [ \"0.0.0.0/0\""), *said = load(t, &err, &c);

    free(said);
    free(t);
    ok(c && net_parse("10.77.1.2", &a) == 0 && gw_conf_in_side(c, GW_HIGH, &a) && !gw_conf_in_side(c, GW_LOW, &a), "a host of high is not of low");
    ok(c && net_parse("192.0.2.1", &a) == 0 && !gw_conf_in_side(c, GW_HIGH, &a) && gw_conf_in_side(c, GW_LOW, &a), "everything else is of low");
    gw_conf_free(c);
}

int main(void)
{
    char *text = whole(SHIPPED);
    int fd;

    strcpy(copy, "/tmp/lockgate-conf-XXXXXX");
    fd = mkstemp(copy);
    if (!ok(text && fd >= 0, "%s can be read (tests run from the top folder)", SHIPPED))
        return done_testing();
    close(fd);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *t = changed(text, rows[i].from, rows[i].to), *t2 = t && rows[i].from2 ? changed(t, rows[i].from2, rows[i].to2) : NULL;
        struct gw_conf *c = NULL;
        char *said = NULL;
        int err = 0;
        bool good;
        if (t && (t2 || !rows[i].from2))
            said = load(t2 ? t2 : t, &err, &c);
        if (rows[i].want && !strncmp(rows[i].want, "warning: ", 9))
            good = said && err == 0 && c && strstr(said, rows[i].want);
        else if (rows[i].want)
            good = said && err == GW_ERR(CONF) && !c && strstr(said, rows[i].want);
        else
            good = said && err == 0 && c && !said[0];
        if (!ok(good, "%s", rows[i].name))
            diag("%d: %s", err, said ? said : "(the text to change is not in the file)");
        gw_conf_free(c);
        free(said);
        free(t2);
        free(t);
    }
    questions(text);
    cards(text);
    routers_in_a_bridge(text);
    everything_else(text);
    minted(text);
    free(text);
    unlink(copy);
    return done_testing();
}
