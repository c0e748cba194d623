/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate held`: what rules hold back for a person, one line a stanza, or one of them in full (PROTOCOL.md, "Held stanzas"). */
#include <dirent.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "held.h"
#include "stanza_file.h"
#include "verbs.h"
#include "wire.h"

#define HELD_MAX (17u << 20)

struct held { uint64_t guard, number, time_ms; uint8_t side; struct str record; };

/* The file as a whole; borrowed from bytes. What is wrong with it, or NULL. */
static const char *read_held(struct str bytes, struct held *ret)
{
    unsigned char sum[HELD_SUM];
    struct wire w;
    size_t magic = sizeof HELD_MAGIC - 1;
    if (bytes.n < HELD_OVERHEAD || memcmp(bytes.p, HELD_MAGIC, magic) != 0)
        return "this is no held stanza";
    SHA256((const unsigned char *)bytes.p, bytes.n - HELD_SUM, sum);
    if (memcmp(sum, bytes.p + bytes.n - HELD_SUM, HELD_SUM) != 0)
        return "it was changed or is not whole";
    wire_init(&w, bytes.p + magic, bytes.n - magic - HELD_SUM);
    ret->guard = wire_u64(&w);
    ret->number = wire_u64(&w);
    ret->time_ms = wire_u64(&w);
    ret->side = wire_u8(&w);
    ret->record = wire_str32(&w, HELD_MAX);
    return wire_done(&w) || ret->side >= GW_SIDES ? "it breaks its format" : NULL;
}

static int load(const char *folder, const char *name, struct buf *b)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return GW_ERR(NOENT);
    char part[65536];
    size_t n;
    int rc = 0;
    while (!rc && (n = fread(part, 1, sizeof part, f)) > 0)
        rc = buf_puts(b, (struct str){ part, n });
    if (ferror(f))
        rc = GW_ERR(SYS);
    fclose(f);
    return rc;
}

/* One line, or with `whole` the stanza too. False: it cannot be read. */
static bool show(const char *folder, const char *name, bool whole)
{
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct held h;
    struct rec *r = NULL;
    struct buf b;
    char when[32] = "?";
    struct tm tm;
    buf_init(&b, HELD_MAX);
    const char *why = load(folder, name, &b) ? "it cannot be read" : read_held(buf_str(&b), &h);
    if (!why && rec_decode(h.record, &limits, &r))
        why = "its record breaks its format";
    if (why) {
        printf("%s: %s\n", name, why);
        buf_clear(&b);
        return false;
    }
    time_t t = (time_t)(h.time_ms / 1000);
    if (gmtime_r(&t, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    printf("%llu-%llu  %s  from %s  %.*s -> %.*s  %zu bytes\n", (unsigned long long)h.guard, (unsigned long long)h.number, when,
        gw_side_name((enum gw_side)h.side), STR_ARG(r->from), STR_ARG(r->to), h.record.n);
    char *xml = whole ? stanza_xml(r) : NULL;
    if (xml)
        printf("%s\n", xml);
    free(xml);
    rec_free(r);
    buf_clear(&b);
    return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    char *end;
    unsigned long long ga = strtoull((*a)->d_name, &end, 10), na = *end ? strtoull(end + 1, NULL, 10) : 0;
    unsigned long long gb = strtoull((*b)->d_name, &end, 10), nb = *end ? strtoull(end + 1, NULL, 10) : 0;
    return ga != gb ? (ga < gb ? -1 : 1) : na != nb ? (na < nb ? -1 : 1) : 0;
}

static int is_held(const struct dirent *d)
{
    size_t digits = strspn(d->d_name, "0123456789-");
    return digits > 0 && strcmp(d->d_name + digits, HELD_SUFFIX) == 0;
}

static int list(const char *folder)
{
    struct dirent **v = NULL;
    int n = scandir(folder, &v, is_held, by_name), status = CTL_YES;
    if (n < 0) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return CTL_NO;
    }
    for (int i = 0; i < n; i++) {
        if (!show(folder, v[i]->d_name, false))
            status = CTL_NO;
        free(v[i]);
    }
    free(v);
    if (!n)
        puts("nothing is held");
    return status;
}

int verb_held(int argc, char **argv)
{
    const char *conf;
    int n = ctl_options(argc, argv, &conf, NULL);
    if (n < 1 || n > 2 || (n == 2 && strspn(argv[1], "0123456789-") != strlen(argv[1])))
        return ctl_usage(n, argv);
    struct gw_conf *c = ctl_load(conf);
    if (!c)
        return CTL_CONF;
    char folder[4096], name[128];
    snprintf(folder, sizeof folder, "%s/" HELD_FOLDER, c->state);
    snprintf(name, sizeof name, "%.100s" HELD_SUFFIX, n == 2 ? argv[1] : "");
    int status = n == 1 ? list(folder) : show(folder, name, true) ? CTL_YES : CTL_NO;
    gw_conf_free(c);
    return status;
}
