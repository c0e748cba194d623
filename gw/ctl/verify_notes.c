/* SPDX-License-Identifier: GPL-3.0-or-later
 * The checkpoints: each must be a note signed by the journal's key, and together they must only grow. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "verify.h"

#define NOTES_MAX (1u << 30)

static int add_claim(struct verify *v, const struct led_note *n, bool outside)
{
    struct claim *c = realloc(v->claims, (v->n_claims + 1) * sizeof *c);

    if (!c)
        return GW_ERR(NOMEM);
    v->claims = c;
    c[v->n_claims++] = (struct claim){ .size = n->size, .time = n->time, .root = n->root, .outside = outside };
    if (outside)
        v->n_outside++;
    else
        v->n_inside++;
    return 0;
}

static const char *day(uint64_t seconds)
{
    static char t[LED_TIME_TEXT];

    led_time_text(seconds * 1000000, t);
    memcpy(t + 19, "Z", 2);
    return t;
}

/* Order among the notes of the journal's own file. */
static void check_order(struct verify *v, const struct led_note *n, const struct led_note *last, size_t number)
{
    if (n->size < last->size)
        finding_add(&v->findings, "checkpoint-replayed", n->size, n->size,
            "checkpoint %zu, over %s records, stands behind one over %s: an old checkpoint was put in again, or the order was changed", number,
            thousands(n->size), thousands(last->size));
    else if (n->size == last->size && !led_hash_eq(&n->root, &last->root))
        finding_add(&v->findings, "checkpoint-forked", n->size, n->size,
            "checkpoints %zu and %zu are over %s records both, but have different roots: the key signed two histories", number - 1, number,
            thousands(n->size));
    else if (n->size == last->size)
        finding_add(&v->findings, "checkpoint-replayed", n->size, n->size, "checkpoint %zu, over %s records, is there twice", number,
            thousands(n->size));
    if (n->size > last->size && n->time + 1 < last->time)
        finding_add(&v->remarks, "clock", n->size, n->size, "checkpoint %zu is dated %s, before the one that it follows: the clock moved back",
            number, day(n->time));
}

/* The key of another gateway has often the same name. How many notes there are when our key signed none; 0: it signed one. */
static size_t all_foreign(const struct verify *v, struct str file)
{
    struct led_note n;
    size_t off = 0, notes = 0;

    while (led_note_next(file, &off, &n) == 1) {
        if (led_note_verify(v->key, &n) != GW_ERR(NOENT))
            return 0;
        notes++;
    }
    return notes;
}

static int inside(struct verify *v, struct str file)
{
    struct led_note n, last = { 0 };
    size_t off = 0, number = 0, foreign = all_foreign(v, file);
    int got, err;

    if (foreign) {
        finding_add(&v->findings, "checkpoint-foreign", 0, 0, "none of the %zu checkpoints is signed by the key that was given (%s): it is not this journal's, "
            "or all of it was written anew by somebody with another", foreign, v->key_file);
        return 0;
    }
    while ((got = led_note_next(file, &off, &n)) == 1) {
        number++;
        err = led_note_verify(v->key, &n);
        if (err == GW_ERR(NOENT)) {
            finding_add(&v->findings, "checkpoint-foreign", n.size, n.size, "checkpoint %zu, over %s records, is not signed by %s", number,
                thousands(n.size), led_key_name(v->key));
            continue;
        }
        if (err < 0) {
            finding_add(&v->findings, "checkpoint-forged", n.size, n.size,
                "the signature of checkpoint %zu, over %s records, is wrong: the checkpoint was changed", number, thousands(n.size));
            continue;
        }
        if (number > 1 && last.origin.p)
            check_order(v, &n, &last, number);
        last = n;
        if ((err = add_claim(v, &n, false)) < 0)
            return err;
    }
    if (got < 0)
        finding_add(&v->findings, "checkpoint-unreadable", 0, 0, "behind checkpoint %zu, %zu bytes of the file are not in the form of checkpoints",
            number, file.n - off);
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    return x->size < y->size ? -1 : x->size > y->size ? 1 : x->outside - y->outside;
}

static int no_note(const struct verify *v, const char *path, size_t notes)
{
    if (notes)
        fprintf(stderr, "lockgate verify: %s holds no checkpoint that %s has signed\n", path, led_key_name(v->key));
    else
        fprintf(stderr, "lockgate verify: %s holds no checkpoint in the form in which it was signed (what a syslog server kept is in base64: base64 -d)\n", path);
    return GW_ERR(NOENT);
}

int verify_note_file(struct verify *v, const char *path, struct led_note *ret)
{
    static struct led_file f; /* ret borrows from it */
    struct led_note n;
    bool found = false;
    size_t off = 0, notes = 0;
    int err;

    led_file_close(&f);
    err = led_file_open(AT_FDCWD, path, NOTES_MAX, &f);
    if (err < 0) {
        fprintf(stderr, "lockgate verify: %s cannot be read: %s\n", path, file_error(err));
        return err;
    }
    for (; (err = led_note_next(led_file_str(&f), &off, &n)) == 1; notes++)
        if (led_note_verify(v->key, &n) == 0 && (!found || n.size >= ret->size)) {
            *ret = n; /* of a whole file of them the newest: that is when it was kept */
            found = true;
        }
    return found ? 0 : no_note(v, path, notes);
}

/* A file held outside may hold one note or many; one that our key did not sign is no proof of anything. */
static int outside(struct verify *v)
{
    struct led_file f;
    struct led_note n;
    size_t off = 0, bad = 0;
    int got, err = led_file_open(AT_FDCWD, v->outside_file, NOTES_MAX, &f);

    if (err < 0) {
        fprintf(stderr, "lockgate verify: %s cannot be read: %s\n", v->outside_file, file_error(err));
        return err;
    }
    while ((got = led_note_next(led_file_str(&f), &off, &n)) == 1 && !err) {
        if (led_note_verify(v->key, &n) < 0)
            bad++;
        else
            err = add_claim(v, &n, true);
    }
    led_file_close(&f);
    if (bad)
        finding_add(&v->remarks, "outside", 0, 0, "%zu of the notes in %s are not signed by %s, and were passed over", bad, v->outside_file,
            led_key_name(v->key));
    return !err && v->n_outside == 0 ? no_note(v, v->outside_file, bad) : err;
}

int verify_notes(struct verify *v)
{
    struct led_file f;
    int err = led_file_open(v->dir.fd, "checkpoints", NOTES_MAX, &f);

    if (err == GW_ERR(NOENT)) {
        finding_add(&v->findings, "checkpoints-missing", 0, 0, "there is no file of checkpoints");
        err = 0;
    } else if (err < 0) {
        fprintf(stderr, "lockgate verify: the checkpoints cannot be read: %s\n", file_error(err));
        return err;
    } else {
        err = inside(v, led_file_str(&f));
        led_file_close(&f);
    }
    if (!err && v->outside_file)
        err = outside(v);
    if (v->n_claims)
        qsort(v->claims, v->n_claims, sizeof *v->claims, by_size);
    return err;
}
