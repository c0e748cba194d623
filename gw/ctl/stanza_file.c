/* SPDX-License-Identifier: GPL-3.0-or-later
 * One stanza from a file, for the verbs that judge single stanzas. */
#include "stanza_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jid.h"
#include "verbs.h"

#define FILE_MAX (16u << 20)

int rules_place_load(const char *conf_path, const char *dir, struct rules_place *ret)
{
    *ret = (struct rules_place){ .dir = dir, .limits = { 1u << 20, 64, 8192, 64 } };
    if (jid_init()) {
        fprintf(stderr, "lockgate: ICU is not usable; is libicu72 installed as a whole?\n");
        return CTL_NO;
    }
    if (dir)
        return 0;
    ret->conf = ctl_load(conf_path);
    if (!ret->conf)
        return CTL_CONF;
    ret->dir = ret->conf->rules;
    judge_limits(ret->conf, &ret->limits);
    return 0;
}

void rules_place_free(struct rules_place *p)
{
    gw_conf_free(p->conf);
    jid_finish();
}

static char *read_all(FILE *f, size_t *ret_n)
{
    size_t cap = 65536, n = 0, got;
    char *p = malloc(cap);
    while (p && (got = fread(p + n, 1, cap - n, f)) > 0) {
        n += got;
        if (n < cap)
            continue;
        char *more = cap < FILE_MAX ? realloc(p, cap * 2) : NULL;
        if (!more) {
            free(p);
            return NULL;
        }
        p = more;
        cap *= 2;
    }
    *ret_n = n;
    return p;
}

/* A piece of evidence, decrypted: the record as an edge gave it (PROTOCOL.md). It begins with its version, which no XML does. The
 * record is taken apart by the one decoder, written as XML and read again, so that it owns its text. */
static struct rec *from_record(struct str bytes, const struct rules_place *p, const char **ret_why)
{
    struct rec *held = NULL, *r = NULL;
    int rc = rec_decode(bytes, &p->limits, &held);
    char *xml = rc ? NULL : stanza_xml(held);
    const char *detail = NULL;

    *ret_why = "it is a record that breaks its format";
    if (xml && xs_parse_stanza(str_c(xml), true, &p->limits, &r, &detail))
        r = NULL;
    free(xml);
    rec_free(held);
    return r;
}

struct rec *stanza_read(const char *path, const struct rules_place *p, const char **ret_why)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
    struct rec *r = NULL;
    size_t n = 0;
    if (!f) {
        *ret_why = strerror(errno);
        return NULL;
    }
    char *text = read_all(f, &n);
    if (f != stdin)
        fclose(f);
    *ret_why = text ? "it cannot be read as a stanza" : "it is too large";
    if (text && n && text[0] == 1) {
        r = from_record((struct str){ text, n }, p, ret_why);
    } else if (text) {
        while (n && strchr(" \t\r\n", text[n - 1]))
            n--;
        const char *detail = NULL;
        int rc = xs_parse_stanza((struct str){ text, n }, true, &p->limits, &r, &detail);
        if (rc) {
            *ret_why = detail ? detail : gw_strerror(rc);
            r = NULL;
        }
    }
    free(text);
    return r;
}

bool stanza_side_known(const struct rules_place *p, const struct rec *r) { return p->conf && gw_conf_side_of(p->conf, r->from_domain) >= 0; }

enum gw_side stanza_side(const struct rules_place *p, const char *named, const struct rec *r)
{
    if (named)
        return strcmp(named, "low") ? GW_HIGH : GW_LOW;
    int side = p->conf ? gw_conf_side_of(p->conf, r->from_domain) : -1;
    return side < 0 ? GW_HIGH : (enum gw_side)side;
}

int stanza_before(const char *path, const struct rules_place *p, struct judge *j, const struct rec *in, enum gw_side side, int64_t now_ms,
    const char **ret_why)
{
    struct rec *r = stanza_read(path, p, ret_why);
    if (!r)
        return GW_ERR(SYNTAX);
    (void)judge_stanza(j, r, str_eq(r->from_domain, in->from_domain) ? side : gw_other(side), now_ms);
    rec_free(r);
    return 0;
}

char *stanza_xml(const struct rec *r)
{
    struct buf b;
    buf_init(&b, FILE_MAX * 2);
    char *z = xs_serialise(r, false, &b) ? NULL : strndup((const char *)buf_data(&b), buf_size(&b));
    buf_clear(&b);
    return z;
}
