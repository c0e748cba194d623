/* SPDX-License-Identifier: GPL-3.0-or-later
 * Proofs with few reads: that one record is under a checkpoint, and that the log only grew since a checkpoint. */
#include <unistd.h>

#include <openssl/evp.h>

#include "verbs.h"
#include "verify.h"

int verify_get(void *arg, unsigned level, uint64_t n, struct led_hash *ret)
{
    const struct verify *v = arg;
    ssize_t r = v->tree_fd < 0 ? 0 : pread(v->tree_fd, ret->b, 32, (off_t)(led_stored_at(level, n) * 32));

    return r == 32 ? 0 : r < 0 ? GW_ERR(SYS) : GW_ERR(NOENT);
}

/* ---- one record ---- */
static int find_line(struct verify *v, uint64_t record, struct led_lines *l, struct str *ret)
{
    struct led_head h;
    size_t i = v->dir.n;
    int got;

    while (i > 0 && v->dir.v[i - 1].first > record)
        i--;
    if (i == 0)
        return GW_ERR(NOENT);
    if ((got = led_lines_open(l, v->dir.fd, v->dir.v[i - 1].name)) < 0)
        return got;
    while ((got = led_lines_next(l, ret)) != 0 && got != GW_ERR(SYS))
        if (got == 1 && led_head_read(*ret, &h) == 0 && h.seq == record)
            return 0;
    led_lines_close(l);
    return GW_ERR(NOENT);
}

/* The piece of evidence that a line names, as it lies beside it. Static text; *ret_bad: it is not what the line names. */
static const char *evidence_of(const struct verify *v, struct str line, bool *ret_bad)
{
    char name[48], hex[65];
    struct led_reader r;
    struct led_member m;
    struct led_file f;

    *ret_bad = false;
    led_read(&r, line);
    while (led_read_next(&r, &m) == 1)
        if (str_eq(m.name, STR("evidence"))) {
            snprintf(name, sizeof name, "evidence/%010llu.cms", (unsigned long long)v->record);
            if (led_file_open(v->dir.fd, name, 1u << 30, &f) < 0)
                return "its evidence is not here: it was not copied, or was kept as long as it may be";
            led_sha256_text(led_file_str(&f), hex);
            led_file_close(&f);
            *ret_bad = !str_eq(m.raw, str_c(hex));
            return *ret_bad ? "its evidence is NOT what the record names: it was changed" : "its evidence is the one that the record names";
        }
    return NULL;
}

static void print_record(const struct verify *v, struct str line, const struct claim *c, const struct led_hash *proof, size_t n)
{
    char time[LED_TIME_TEXT], b64[48];

    led_time_text(c->time * 1000000, time);
    if (v->json) {
        printf("{\"record\":%llu,\"included\":true,\"checkpoint\":%llu,\"checkpoint_time\":\"%s\",\"outside\":%s,\"proof\":[", (unsigned long long)v->record,
            (unsigned long long)c->size, time, c->outside ? "true" : "false");
        for (size_t i = 0; i < n; i++) {
            EVP_EncodeBlock((unsigned char *)b64, proof[i].b, 32);
            printf("%s\"%s\"", i ? "," : "", b64);
        }
        printf("],\"line\":%.*s}\n", STR_ARG(line));
        return;
    }
    printf("Record %s is in the journal as it was signed: %zu hashes lead from it to the root of the checkpoint\n"
           "over %s records%s, signed by %s on %s.\n\n%.*s\n", thousands(v->record), n, thousands(c->size), c->outside ? " that is held outside" : "",
        led_key_name(v->key), time, STR_ARG(line));
}

static int not_so(const struct verify *v, int status, const char *text)
{
    if (v->json)
        printf("{\"record\":%llu,\"included\":false,\"reason\":\"%s\"}\n", (unsigned long long)v->record, text);
    else
        printf("Record %s is %s: %s.\n", thousands(v->record), status == CTL_UNPROVEN ? "UNPROVEN" : "NOT proven", text);
    return status;
}

/* The checkpoint held outside is the better witness; then the oldest one that covers the record. */
static const struct claim *covering(const struct verify *v)
{
    const struct claim *best = NULL;

    for (size_t i = v->n_claims; i-- > 0;)
        if (v->claims[i].size >= v->record && (!best || v->claims[i].outside >= best->outside))
            best = &v->claims[i];
    return best;
}

int verify_record(struct verify *v)
{
    const struct claim *c = covering(v);
    struct led_hash proof[LED_LEVELS], leaf;
    struct led_lines l;
    struct str line;
    size_t n = 0;
    int status;

    if (find_line(v, v->record, &l, &line) < 0)
        return not_so(v, CTL_NO, c ? "it is not here, though a checkpoint was signed over it" : "there is no such record");
    led_leaf(line, &leaf);
    if (!c)
        status = not_so(v, CTL_UNPROVEN, "no checkpoint covers it yet");
    else if (led_inclusion(verify_get, v, v->record - 1, c->size, proof, &n) < 0)
        status = not_so(v, CTL_UNPROVEN, "the file of tree hashes does not reach it; `lockgate verify` without --record reads all lines instead");
    else if (led_inclusion_check(&leaf, v->record - 1, c->size, &c->root, proof, n) < 0)
        status = not_so(v, CTL_NO, "its line, or the hashes beside it, are not what the checkpoint signed; `lockgate verify` without --record says which");
    else {
        bool bad;
        const char *evidence = evidence_of(v, line, &bad);
        print_record(v, line, c, proof, n);
        if (evidence)
            fprintf(v->json ? stderr : stdout, "Record %s: %s.\n", thousands(v->record), evidence);
        status = bad;
    }
    led_lines_close(&l);
    return status;
}

/* ---- only grew ---- */
int verify_since(struct verify *v)
{
    struct led_hash proof[LED_LEVELS];
    const struct claim *now = NULL;
    struct led_note old;
    struct led_tree tree;
    size_t n;
    int err = verify_note_file(v, v->since_file, &old);

    if (err < 0)
        return err;
    for (size_t i = 0; i < v->n_claims; i++)
        if (!v->claims[i].outside)
            now = &v->claims[i];
    if (!now || now->size < old.size) {
        finding_add(&v->findings, "cut", now ? now->size + 1 : 1, old.size, "the newest checkpoint here is over %s records, the one given over %s",
            thousands(now ? now->size : 0), thousands(old.size));
        return 0;
    }
    err = led_consistency(verify_get, v, old.size, now->size, proof, &n);
    if (!err)
        err = led_consistency_check(old.size, &old.root, now->size, &now->root, proof, n);
    if (!err)
        err = led_tree_load(verify_get, v, old.size, &tree);
    if (err < 0) {
        finding_add(&v->findings, "not-grown", 1, old.size,
            "no proof leads from the checkpoint given (over %s records) to the newest (over %s): the journal did not only grow, or its file of tree hashes was "
            "changed. `lockgate verify --checkpoint` reads all lines and says which", thousands(old.size), thousands(now->size));
        return 0;
    }
    v->grown_from = old.size; /* of the hashes: no line up to here is read */
    return verify_walk(v, old.size, &tree);
}
