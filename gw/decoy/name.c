/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the first bytes of a connection speak. A guess for a record, never a reason to let anything through. */
#include <strings.h>

#include "decoy.h"

static bool starts(const unsigned char *p, size_t n, const char *with)
{
    size_t len = strlen(with);
    return n >= len && memcmp(p, with, len) == 0;
}

static bool has(const unsigned char *p, size_t n, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= n; i++)
        if (strncasecmp((const char *)p + i, word, len) == 0)
            return true;
    return false;
}

/* ---- XML streams: RFC 6120 section 4 ---- */

static const char *name_xml(const unsigned char *p, size_t n, bool *ret_sure)
{
    bool stream = has(p, n, "http://etherx.jabber.org/streams") || has(p, n, "jabber:server") || has(p, n, "jabber:client") || has(p, n, "<stream:stream");
    if (has(p, n, "urn:ietf:params:xml:ns:xmpp-tls")) {
        *ret_sure = true;
        return "xmpp-starttls";
    }
    return stream ? "xmpp" : "xml";
}

/* ---- HTTP ---- */

/* XEP-0206 and XEP-0124 (BOSH), RFC 7395 (WebSocket). */
static const char *name_http(const unsigned char *p, size_t n, bool *ret_sure)
{
    *ret_sure = has(p, n, "\r\n\r\n") && !starts(p, n, "POST"); /* what a POST is for stands in its body */
    if (has(p, n, "upgrade: websocket") || has(p, n, "sec-websocket-protocol:"))
        return has(p, n, "sec-websocket-protocol: xmpp") ? "xmpp-websocket" : "websocket";
    if (has(p, n, "http://jabber.org/protocol/httpbind") || has(p, n, "/http-bind") || has(p, n, "urn:xmpp:xbosh")) {
        *ret_sure = true;
        return "xmpp-bosh";
    }
    return "http";
}

static const char *name_tls(const struct decoy_words *w)
{
    bool xmpp = strstr(w->alpn, "xmpp-server") || strstr(w->alpn, "xmpp-client") || strncmp(w->sni, "xmpp.", 5) == 0 || strncmp(w->sni, "jabber.", 7) == 0;
    return xmpp ? "xmpp-direct-tls" : "tls";
}

/* ---- others, by how they begin ---- */

static const struct {
    const char *begins; /* or at offset at */
    size_t at;
    const char *name;
} known[] = {
    { "SSH-", 0, "ssh" }, { "PRI * HTTP/2.0", 0, "http2" }, { "EHLO ", 0, "smtp" }, { "HELO ", 0, "smtp" }, { "USER ", 0, "ftp" }, { "RFB ", 0, "vnc" },
    { "\xffSMB", 4, "smb" }, { "\xfeSMB", 4, "smb" }, { "REGISTER sip:", 0, "sip" }, { "INVITE sip:", 0, "sip" },
    { "\x13" "BitTorrent protocol", 0, "bittorrent" }, { "\x05\x01", 0, "socks5" }, { "\x05\x02", 0, "socks5" }, { "\x04\x01", 0, "socks4" },
    { "MQTT", 4, "mqtt" }, { "<policy-file-request", 0, "flash-policy" },
};
static const char *const methods[] = { "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT ", "DELETE ", "PATCH ", "TRACE " };

static const char *name_other(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n > known[i].at && starts(p + known[i].at, n - known[i].at, known[i].begins))
            return known[i].name;
    if (n >= 6 && p[0] == 3 && p[1] == 0 && (p[5] & 0xf0) == 0xe0) /* TPKT with an X.224 connection request */
        return "rdp";
    return "unknown";
}

const char *decoy_name(const unsigned char *p, size_t n, struct decoy_words *ret, bool *ret_sure)
{
    size_t space = 0;
    memset(ret, 0, sizeof *ret);
    *ret_sure = false;
    if (!n)
        return "silent";
    int hello = decoy_hello(p, n, ret);
    if (hello >= 0) {
        *ret_sure = hello == 1;
        return n >= 6 ? name_tls(ret) : "unknown";
    }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (starts(p, n, methods[i]))
            return name_http(p, n, ret_sure);
    if (starts(p, n, "\xef\xbb\xbf"))
        space = 3;
    while (space < n && strchr(" \t\r\n", p[space]) && p[space])
        space++;
    if (starts(p + space, n - space, "<?xml") || starts(p + space, n - space, "<stream") || (space < n && p[space] == '<' && has(p, n, "jabber:")))
        return name_xml(p, n, ret_sure);
    return name_other(p, n);
}
