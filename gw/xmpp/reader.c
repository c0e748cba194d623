/* SPDX-License-Identifier: GPL-3.0-or-later
 * expat, tamed. When bytes are handed to expat is decided here (deferral by our own rule, so that a complete tag is seen at
 * once and a tag in a thousand pieces costs little); what they mean is decided by expat alone. */
#include "reader.h"

#include <strings.h>

#include "plain.h"
#include "utf8.h"

#define SEPARATOR 0x1F   /* no XML character, so it cannot occur in a name or a namespace */
#define SLICE 32768u       /* bytes handed to expat at once */
#define SMALL 2048       /* unfinished tokens up to this many bytes are tried again with each byte */

/* expat defers the parse of a token that came in pieces (the fix of CVE-2023-52425, also in Debian 12's 2.5.0); that
 * would leave a complete stanza unseen. Weak: an expat without the symbol has no deferral either. */
extern XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

/* ---- names ---- */

void xml_name_split(const char *z, struct xml_name *ret)
{
    const char *a = strchr(z, SEPARATOR), *b = a ? strchr(a + 1, SEPARATOR) : NULL;
    ret->prefix = STR_NONE;
    if (!a) {
        ret->ns = STR("");
        ret->local = str_c(z);
        return;
    }
    ret->ns = (struct str){ z, (size_t)(a - z) };
    if (b) {
        ret->local = (struct str){ a + 1, (size_t)(b - a - 1) };
        ret->prefix = str_c(b + 1);
    } else {
        ret->local = str_c(a + 1);
    }
}

bool reader_expat_fit(void)
{
    XML_Expat_Version v = XML_ExpatVersionInfo();
    return v.major > 2 || (v.major == 2 && (v.minor > 4 || (v.minor == 4 && v.micro >= 5)));
}

/* ---- faults ---- */

void reader_fail(struct reader *r, const char *condition, enum gw_reason reason, const char *detail)
{
    if (r->fault.condition)
        return;
    r->fault = (struct fault){ condition, reason, detail, false };
    (void)XML_StopParser(r->p, XML_FALSE);
}

void reader_nomem(struct reader *r)
{
    reader_fail(r, "resource-constraint", GW_R_INTERNAL, "out of memory");
    r->fault.nomem = true;
}

void reader_pause(struct reader *r)
{
    if (!r->fault.condition)
        (void)XML_StopParser(r->p, XML_TRUE);
}

/* ---- expat's callbacks ---- */

static uint64_t token_start(const struct reader *r) { return (uint64_t)(r->base + XML_GetCurrentByteIndex(r->p)); }

static void token_done(struct reader *r) { r->done = token_start(r) + (uint64_t)XML_GetCurrentByteCount(r->p); }

/* What expat is told again must not be heard again; after a fault nothing counts. */
static bool deaf(const struct reader *r) { return r->muted || r->fault.condition; }

static void root_started(struct reader *r)
{
    r->root_seen = true;
    r->unit = r->done;
    if (buf_put(&r->header, buf_data(&r->in), (size_t)(r->done - r->pos)) < 0)
        reader_nomem(r);
}

static void on_start(void *data, const XML_Char *name, const XML_Char **atts)
{
    struct reader *r = data;
    struct xml_name n;
    if (deaf(r))
        return;
    token_done(r);
    r->depth++;
    if (r->depth == 1)
        root_started(r);
    else if (r->depth == 2)
        r->first = token_start(r);
    xml_name_split(name, &n);
    r->hooks->start(r->who, r->depth, &n, atts);
}

static void on_end(void *data, const XML_Char *name)
{
    struct reader *r = data;
    (void)name;
    if (deaf(r))
        return;
    token_done(r);
    r->depth--;
    r->hooks->end(r->who, r->depth + 1);
    if (r->depth == 1)
        r->unit = r->done;
}

static void on_text(void *data, const XML_Char *s, int n)
{
    struct reader *r = data;
    if (deaf(r))
        return;
    token_done(r);
    r->hooks->text(r->who, r->depth, (struct str){ s, (size_t)n });
}

/* Comes before the start of the element that declares it. */
static void on_ns(void *data, const XML_Char *prefix, const XML_Char *uri)
{
    struct reader *r = data;
    if (deaf(r))
        return;
    if (uri && strnlen(uri, XML_NAME_MAX + 1) > XML_NAME_MAX)
        reader_fail(r, "policy-violation", GW_R_STREAM_LIMIT, "a namespace name is too long");
    else if (!r->root_seen && r->hooks->root_ns)
        r->hooks->root_ns(r->who, str_c(prefix), str_c(uri));
}

static void restricted(struct reader *r, const char *what) { reader_fail(r, "restricted-xml", GW_R_XML_RESTRICTED, what); }

static void on_doctype(void *data, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid, int subset)
{
    (void)name, (void)sysid, (void)pubid, (void)subset;
    restricted(data, "DTD");
}

static void on_comment(void *data, const XML_Char *text)
{
    (void)text;
    restricted(data, "comment");
}

static void on_pi(void *data, const XML_Char *target, const XML_Char *text)
{
    (void)target, (void)text;
    restricted(data, "processing instruction");
}

static void on_skipped(void *data, const XML_Char *name, int parameter)
{
    (void)name, (void)parameter;
    restricted(data, "entity");
}

static void on_declaration(void *data, const XML_Char *version, const XML_Char *encoding, int standalone)
{
    (void)standalone;
    if (version && strcmp(version, "1.0") != 0)
        reader_fail(data, "not-well-formed", GW_R_XML_NOT_WELL_FORMED, "XML version is not 1.0");
    else if (encoding && strcasecmp(encoding, "UTF-8") != 0)
        reader_fail(data, "unsupported-encoding", GW_R_XML_ENCODING, "declared encoding is not UTF-8");
}

static int set_up(struct reader *r)
{
    if (XML_SetReparseDeferralEnabled)
        (void)XML_SetReparseDeferralEnabled(r->p, XML_FALSE);
    XML_SetReturnNSTriplet(r->p, 1);
    XML_SetUserData(r->p, r);
    XML_SetElementHandler(r->p, on_start, on_end);
    XML_SetCharacterDataHandler(r->p, on_text);
    XML_SetStartNamespaceDeclHandler(r->p, on_ns);
    XML_SetStartDoctypeDeclHandler(r->p, on_doctype);
    XML_SetCommentHandler(r->p, on_comment);
    XML_SetProcessingInstructionHandler(r->p, on_pi);
    XML_SetSkippedEntityHandler(r->p, on_skipped);
    XML_SetXmlDeclHandler(r->p, on_declaration);
    return 0;
}

/* ---- when to parse ----
 * expat looks at an unfinished token again from its start each time, so a tag sent byte by byte would cost the square of
 * its size. This scanner knows only enough of XML to see that a tag ended and how many values it holds; it decides when
 * expat is asked and when no more, never what anything means. In XML without a DTD it is exact. */

enum { IN_TEXT, IN_LT, IN_TAG, IN_QUOT, IN_APOS, IN_BANG, IN_COMMENT, IN_DECL, IN_CDATA, IN_PI, IN_REF };

static unsigned char scan_byte(struct reader *r, unsigned char c, bool *go)
{
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
        *go = true; /* never XML: let expat say so now */
    switch (r->scan) {
    case IN_TEXT: return c == '<' ? IN_LT : c == '&' ? IN_REF : IN_TEXT;
    case IN_REF:
        if (c != ';' && c != '<')
            return IN_REF;
        *go = true;
        return c == ';' ? IN_TEXT : IN_LT;
    case IN_LT:
        r->values = 0;
        if (c == '>')
            *go = true;
        return c == '!' ? IN_BANG : c == '?' ? IN_PI : c == '>' ? IN_TEXT : IN_TAG;
    case IN_TAG:
        if (c == '>' || c == '<')
            *go = true;
        if (c == '"' || c == '\'')
            r->values++;
        return c == '>' ? IN_TEXT : c == '"' ? IN_QUOT : c == '\'' ? IN_APOS : IN_TAG;
    case IN_QUOT:
    case IN_APOS:
        if (c == '<')
            *go = true;
        return c == (r->scan == IN_QUOT ? '"' : '\'') ? IN_TAG : r->scan;
    case IN_BANG:
        r->dashes = 0;
        if (c != '-' && c != '[')
            *go = true;
        return c == '-' ? IN_COMMENT : c == '[' ? IN_CDATA : IN_DECL;
    case IN_COMMENT: /* the dash of "<!-" is not counted; the one behind it is, which only makes a parse too early */
    case IN_CDATA:
    case IN_PI:
        if (c == '>' && r->dashes >= (r->scan == IN_PI ? 1 : 2)) {
            *go = true;
            return IN_TEXT;
        }
        if (c == (r->scan == IN_COMMENT ? '-' : r->scan == IN_CDATA ? ']' : '?'))
            r->dashes = r->dashes < 2 ? r->dashes + 1 : 2;
        else
            r->dashes = 0;
        return r->scan;
    default: /* IN_DECL: a DTD; expat refuses it as soon as it sees it */
        *go = true;
        return c == '>' ? IN_TEXT : IN_DECL;
    }
}

/* Bytes that mean something in the states in which nearly all bytes lie; the rest is passed over quickly. */
enum { STOP_TEXT = 1, STOP_TAG = 2, STOP_VALUE = 4, STOP_ALL = 7 };
#define CONTROL STOP_ALL
static const unsigned char stops[256] = { [0 ... 8] = CONTROL, [11 ... 12] = CONTROL, [14 ... 31] = CONTROL, ['<'] = STOP_ALL, ['&'] = STOP_TEXT,
    ['>'] = STOP_TAG, ['"'] = STOP_TAG | STOP_VALUE, ['\''] = STOP_TAG | STOP_VALUE };

/* The first byte from i on that is a stop. */
static size_t pass(const unsigned char *p, size_t i, size_t n, unsigned stop)
{
    for (;;) {
        i += plain_run(p + i, n - i);
        size_t end = n - i < 16 ? n : i + 16;
        while (i < end && !(stops[p[i]] & stop))
            i++;
        if (i < end || i == n)
            return i;
    }
}

static void scan(struct reader *r, const unsigned char *p, size_t n)
{
    uint64_t at = r->pos + buf_size(&r->in);
    for (size_t i = 0; i < n; i++) {
        unsigned stop = r->scan == IN_TEXT ? STOP_TEXT : r->scan == IN_TAG ? STOP_TAG : r->scan == IN_QUOT || r->scan == IN_APOS ? STOP_VALUE : 0;
        bool go = false;
        if (stop)
            i = pass(p, i, n, stop);
        if (i == n)
            break;
        r->scan = scan_byte(r, p[i], &go);
        if (go)
            r->go = at + i + 1;
        if (r->values > XML_ATTRS_MAX && !r->wide)
            r->wide = at + i;
    }
}

/* The position that expat must not be fed beyond: so a limit is noticed at the same byte however the bytes came. */
static uint64_t bound(const struct reader *r)
{
    uint64_t token = r->done + r->limits.token, end = r->unit + r->limits.unit;
    if (!r->root_seen)
        end = r->limits.header;
    else if (token < end)
        end = token;
    return r->wide && r->wide < end ? r->wide : end;
}

static const char *too_long(const struct reader *r)
{
    uint64_t at = r->pos + r->fed;
    if (r->wide && at >= r->wide)
        return "too many attributes";
    return !r->root_seen ? "stream header too long" : at >= r->unit + r->limits.unit ? "stanza too long" : "tag too long";
}

static size_t due(const struct reader *r)
{
    size_t waiting = buf_size(&r->in) - r->fed;
    uint64_t at = r->pos + r->fed, end = bound(r), pending = at > r->done ? at - r->done : 0;
    size_t n = waiting;
    bool text = r->scan == IN_TEXT || r->scan == IN_CDATA;
    if (n == 0 || at >= end)
        return 0;
    if (n > end - at)
        n = (size_t)(end - at);
    else if (!(at < r->go || text || pending + waiting <= SMALL || waiting >= pending))
        return 0;
    return n < SLICE ? n : SLICE;
}

/* ---- encoding, before expat guesses at it ---- */

/* 0: cannot tell yet, more bytes needed; 1: may be UTF-8; -1: it is not, or not what RFC 6120 section 11.6 wants. */
static int first_bytes(struct reader *r)
{
    static const unsigned char ebcdic[4] = { 0x4C, 0x6F, 0xA7, 0x94 }; /* "<?xm" */
    const unsigned char *p = buf_data(&r->in);
    size_t n = buf_size(&r->in);
    const char *what = NULL;
    if (n == 0)
        return 0;
    /* expat looks for UTF-16 in the first two bytes even when it was told the encoding */
    if (p[0] == 0xEF) {
        reader_fail(r, "not-well-formed", GW_R_XML_NOT_WELL_FORMED, "a byte order mark, or text before the root");
        return -1;
    }
    if (p[0] == 0xFE || p[0] == 0xFF || p[0] == 0)
        what = "UTF-16 or UTF-32";
    else if (n < 2)
        return 0;
    else if (p[1] == 0)
        what = "UTF-16 or UTF-32";
    else if (memcmp(p, ebcdic, n < 4 ? n : 4) == 0) {
        if (n < 4)
            return 0;
        what = "EBCDIC";
    }
    if (!what)
        return 1;
    reader_fail(r, "unsupported-encoding", GW_R_XML_ENCODING, what);
    return -1;
}

/* ---- expat's errors ---- */

/* Whether the bytes where expat stopped are UTF-8 (RFC 6120 section 4.9.3.22 names that case of its own): 1 they are, 0 they
 * are not, -1 the character has not come in full, so that the answer would depend on how the bytes were cut. */
static int utf8_at_error(const struct reader *r)
{
    int64_t index = r->base + XML_GetCurrentByteIndex(r->p);
    struct str s = buf_str(&r->in);
    unsigned char lead;
    size_t skip, want;
    if (index < 0 || (uint64_t)index < r->pos || (uint64_t)index - r->pos >= s.n)
        return 1;
    skip = (size_t)((uint64_t)index - r->pos);
    s.p += skip;
    s.n -= skip;
    lead = (unsigned char)s.p[0];
    if (lead < 0x80)
        return 1;
    want = lead < 0xC2 || lead > 0xF4 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < want && i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xC0) != 0x80)
            return 0;
    if (want > s.n)
        return -1;
    s.n = want;
    return utf8_valid(s);
}

/* Whether text stands between stanzas where expat stopped: "x]]>" is one bad token to it when it comes at once, and text with
 * a bad token behind it when it comes in pieces. */
static bool stray_text(const struct reader *r)
{
    struct str s = buf_str(&r->in), c;
    size_t end = 0;
    if (!r->root_seen || r->depth != 1)
        return false;
    while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
        s.p++, s.n--;
    if (s.n == 0 || s.p[0] == '<' || s.p[0] == '&')
        return false;
    do
        end++;
    while (end < s.n && end < 4 && ((unsigned char)s.p[end] & 0xC0) == 0x80);
    c = (struct str){ s.p, end };
    return utf8_xml(c);
}

static void translate(struct reader *r)
{
    enum XML_Error e = XML_GetErrorCode(r->p);
    int utf8 = utf8_at_error(r);
    if (r->fault.condition)
        return;
    if (e == XML_ERROR_NO_MEMORY)
        reader_nomem(r);
    else if (e == XML_ERROR_UNDEFINED_ENTITY || e == XML_ERROR_RECURSIVE_ENTITY_REF || e == XML_ERROR_BINARY_ENTITY_REF ||
        e == XML_ERROR_ATTRIBUTE_EXTERNAL_ENTITY_REF || e == XML_ERROR_EXTERNAL_ENTITY_HANDLING)
        restricted(r, "entity");
    else if (e == XML_ERROR_UNKNOWN_ENCODING || e == XML_ERROR_INCORRECT_ENCODING)
        reader_fail(r, "unsupported-encoding", GW_R_XML_ENCODING, XML_ErrorString(e));
    else if (utf8 == 0)
        reader_fail(r, "unsupported-encoding", GW_R_XML_ENCODING, "bytes that are not UTF-8");
    else if (utf8 > 0 && stray_text(r))
        reader_fail(r, "bad-format", GW_R_STREAM_PROTOCOL, "text between stanzas");
    else if (utf8 > 0)
        reader_fail(r, "not-well-formed", GW_R_XML_NOT_WELL_FORMED, XML_ErrorString(e));
}

/* ---- life ---- */

/* A parser that knows nothing yet. */
static int blank(struct reader *r)
{
    if (r->p)
        return XML_ParserReset(r->p, "UTF-8") ? set_up(r) : GW_ERR(NOMEM);
    /* A named encoding keeps expat from following a byte order mark or a declaration into another one. */
    r->p = XML_ParserCreateNS("UTF-8", SEPARATOR);
    return r->p ? set_up(r) : GW_ERR(NOMEM);
}

int reader_init(struct reader *r, const struct reader_hooks *hooks, void *who, const struct reader_limits *limits, size_t in_max)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->in, in_max);
    buf_init(&r->header, limits->header);
    r->hooks = hooks;
    r->who = who;
    r->limits = *limits;
    if (!reader_expat_fit())
        return GW_ERR(UNSUPPORTED);
    return blank(r);
}

void reader_clear(struct reader *r)
{
    if (r->p)
        XML_ParserFree(r->p);
    r->p = NULL;
    buf_clear(&r->in);
    buf_clear(&r->header);
}

int reader_restart(struct reader *r)
{
    int err = blank(r);
    if (err < 0)
        return err;
    buf_reset(&r->header);
    r->fed = 0;
    r->base = 0;
    r->renewed = 0;
    r->pos = r->done = r->unit = r->first = r->go = r->wide = 0;
    r->values = 0;
    r->depth = 0;
    r->root_seen = r->paused = r->failed = false;
    r->fault = (struct fault){ NULL, GW_R_NONE, NULL, false };
    r->scan = IN_TEXT;
    r->dashes = 0;
    if (buf_size(&r->in) > 0) { /* what waits is scanned anew, as the beginning of the new document */
        size_t n = buf_size(&r->in);
        r->in.len -= n;
        scan(r, r->in.p + r->in.off, n);
        r->in.len += n;
    }
    return 0;
}

int reader_feed(struct reader *r, const void *p, size_t n)
{
    uint64_t go = r->go, wide = r->wide;
    unsigned values = r->values;
    unsigned char state = r->scan, dashes = r->dashes;
    int err;
    if (n == 0)
        return 0;
    scan(r, p, n);
    err = buf_put(&r->in, p, n);
    if (err < 0) {
        r->go = go;
        r->wide = wide;
        r->values = values;
        r->scan = state;
        r->dashes = dashes;
    }
    return err;
}

/* Empties the parser between two first-level elements; see reader.h. */
static int renew(struct reader *r)
{
    enum XML_Status st;
    size_t n = buf_size(&r->header);
    if (blank(r) < 0)
        return GW_ERR(NOMEM);
    r->muted = true;
    st = XML_Parse(r->p, (const char *)buf_data(&r->header), (int)n, 0);
    r->muted = false;
    r->base = (int64_t)r->done - (int64_t)n;
    r->renewed = r->done;
    r->fed = 0;
    return st == XML_STATUS_OK ? 0 : GW_ERR(NOMEM); /* it was well-formed the first time */
}

void reader_rest(struct reader *r)
{
    if (!r->p || !r->root_seen || r->depth != 1 || r->scan != IN_TEXT || r->paused || r->failed || r->fault.condition || buf_size(&r->in) > 0)
        return;
    XML_ParserFree(r->p);
    r->p = NULL;
    buf_clear(&r->in);
}

/* Lets go of the bytes of finished tokens. */
static void settle(struct reader *r)
{
    size_t n = (size_t)(r->done - r->pos);
    buf_drop(&r->in, n);
    r->fed -= n;
    r->pos = r->done;
}

enum reader_result reader_run(struct reader *r)
{
    enum XML_Status st;
    if (!r->p && buf_size(&r->in) == 0)
        return READER_MORE;
    while (!r->fault.condition) {
        if (!r->p && renew(r) < 0) {
            r->fault = (struct fault){ "resource-constraint", GW_R_INTERNAL, "out of memory", true };
            break;
        }
        if (r->failed) { /* by expat; what to call it may need some more bytes */
            translate(r);
            if (r->fault.condition)
                break;
            return READER_MORE;
        }
        if (r->paused) {
            r->paused = false;
            if (r->depth == 1 && r->renew && r->done - r->renewed > r->renew) {
                if (renew(r) < 0)
                    reader_nomem(r);
                continue;
            }
            st = XML_ResumeParser(r->p);
        } else {
            size_t n;
            void *room;
            if (r->pos + r->fed == 0) {
                int ready = first_bytes(r);
                if (ready < 0)
                    break;
                if (ready == 0)
                    return READER_MORE;
            }
            if (r->pos + r->fed >= bound(r)) {
                reader_fail(r, "policy-violation", GW_R_STREAM_LIMIT, too_long(r));
                break;
            }
            n = due(r);
            if (n == 0)
                return READER_MORE;
            room = XML_GetBuffer(r->p, (int)n);
            if (!room) {
                reader_nomem(r);
                break;
            }
            memcpy(room, buf_data(&r->in) + r->fed, n);
            r->fed += n;
            st = XML_ParseBuffer(r->p, (int)n, 0);
        }
        settle(r);
        if (st == XML_STATUS_ERROR) {
            r->failed = true;
            continue;
        }
        if (st == XML_STATUS_SUSPENDED) {
            r->paused = true;
            return READER_PAUSED;
        }
    }
    return READER_FAULT;
}
