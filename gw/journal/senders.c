/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where each sender of lines stands, so that a line told again is not written again and its release can be repeated. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal.h"

#define SENDERS_FILE "senders"
#define SENDERS_HEAD "lockgate senders 2\n"
#define SENDERS_FILE_MAX (1u << 16)

static void drop(struct senders *s, size_t i)
{
    free(s->v[i]->recall);
    free(s->v[i]);
    s->v[i] = s->v[--s->n];
}

/* Keeps the newest epochs of a program, and the table within its size. */
static void make_room(struct senders *s, struct str program)
{
    size_t oldest = SIZE_MAX, any = SIZE_MAX, count = 0;

    for (size_t i = 0; i < s->n; i++) {
        bool same = str_eq(str_c(s->v[i]->program), program);
        count += same;
        if (s->v[i]->bound)
            continue;
        if (any == SIZE_MAX || s->v[i]->used < s->v[any]->used)
            any = i;
        if (same && (oldest == SIZE_MAX || s->v[i]->used < s->v[oldest]->used))
            oldest = i;
    }
    if (count >= EPOCHS_KEPT && oldest != SIZE_MAX)
        drop(s, oldest);
    else if (s->n == SENDERS_MAX && any != SIZE_MAX)
        drop(s, any);
}

struct sender *senders_get(struct senders *s, struct str program, uint64_t epoch, bool make)
{
    struct sender *e;

    for (size_t i = 0; i < s->n; i++)
        if (s->v[i]->epoch == epoch && str_eq(str_c(s->v[i]->program), program))
            return s->v[i];
    if (!make || program.n > LED_PROGRAM_MAX || !(e = calloc(1, sizeof *e)))
        return NULL;
    make_room(s, program);
    if (s->n == SENDERS_MAX) {
        free(e);
        return NULL;
    }
    memcpy(e->program, program.p, program.n);
    e->epoch = epoch;
    return s->v[s->n++] = e;
}

int sender_remember(struct sender *s, uint64_t number, uint8_t target, const unsigned char mac[LED_MAC])
{
    if (!s->recall && !(s->recall = calloc(RECALL, sizeof *s->recall)))
        return GW_ERR(NOMEM);
    struct recall *r = &s->recall[number % RECALL];
    r->number = number;
    r->target = target;
    memcpy(r->mac, mac, LED_MAC);
    return 0;
}

const struct recall *sender_recall(const struct sender *s, uint64_t number)
{
    const struct recall *r = s->recall ? &s->recall[number % RECALL] : NULL;

    return r && r->number == number ? r : NULL;
}

void senders_clear(struct senders *s)
{
    while (s->n)
        drop(s, 0);
}

/* Only a shortcut: without this file, or with a wrong one, the whole journal is read at the next start. */
int senders_table(const struct senders *s, uint64_t seq, uint64_t open, struct buf *ret)
{
    int err;

    buf_init(ret, SENDERS_FILE_MAX);
    err = buf_printf(ret, SENDERS_HEAD "%llu %llu\n", (unsigned long long)seq, (unsigned long long)open);
    for (size_t i = 0; i < s->n && !err; i++)
        err = buf_printf(ret, "%s %llu %llu %llu\n", s->v[i]->program, (unsigned long long)s->v[i]->epoch,
            (unsigned long long)s->v[i]->last, (unsigned long long)s->v[i]->used);
    if (!err)
        err = buf_printf(ret, "end\n");
    if (err)
        buf_clear(ret);
    return err;
}

int senders_save(int dir_fd, const struct buf *table)
{
    int fd = -1, err = 0;

    if ((fd = openat(dir_fd, SENDERS_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)) < 0)
        err = GW_ERR(SYS);
    if (!err)
        err = store_pwrite(fd, buf_data(table), buf_size(table), 0);
    if (!err && (fdatasync(fd) < 0 || renameat(dir_fd, SENDERS_FILE ".new", dir_fd, SENDERS_FILE) < 0))
        err = GW_ERR(SYS);
    if (fd >= 0)
        close(fd);
    return err;
}

static int read_table(struct senders *s, char *text, uint64_t *ret_seq, uint64_t *ret_open)
{
    unsigned long long epoch, last, used, seq, open;
    char program[LED_PROGRAM_MAX + 1], *line, *rest = text;

    if (strncmp(text, SENDERS_HEAD, sizeof SENDERS_HEAD - 1) != 0)
        return GW_ERR(SYNTAX);
    rest += sizeof SENDERS_HEAD - 1;
    if (!(line = strsep(&rest, "\n")) || sscanf(line, "%llu %llu", &seq, &open) != 2)
        return GW_ERR(SYNTAX);
    while ((line = strsep(&rest, "\n"))) {
        if (strcmp(line, "end") == 0) {
            *ret_seq = seq;
            *ret_open = open;
            return 0;
        }
        if (sscanf(line, "%32s %llu %llu %llu", program, &epoch, &last, &used) != 4 || program[0] == 0)
            return GW_ERR(SYNTAX);
        struct sender *e = senders_get(s, str_c(program), epoch, true);
        if (!e)
            return GW_ERR(NOMEM);
        e->last = last;
        e->used = used;
    }
    return GW_ERR(SYNTAX);
}

int senders_load(struct senders *s, int dir_fd, uint64_t *ret_seq, uint64_t *ret_open)
{
    struct led_file f;
    int err = led_file_open(dir_fd, SENDERS_FILE, SENDERS_FILE_MAX, &f);
    char *text;

    if (err)
        return err;
    text = strndup(f.p, f.n);
    led_file_close(&f);
    err = text ? read_table(s, text, ret_seq, ret_open) : GW_ERR(NOMEM);
    free(text);
    if (err)
        senders_clear(s);
    return err;
}
