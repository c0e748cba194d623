// link: ledger ipc base
// libs: -lcrypto
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys and checkpoints: what is signed verifies, what was touched does not, other signatures are passed over. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "tap.h"

/* From the documentation of the Go package for signed notes. */
#define GO_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

static const struct { const char *name, *vkey; bool good; } vkeys[] = {
    { "the key of the Go documentation", GO_KEY, true }, { "with a line end", GO_KEY "\n", true },
    { "another name", "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
    { "another hash", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
    { "another key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX", false },
    { "another type", "PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
    { "cut", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", false },
    { "empty", "", false }, { "no name", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", false },
};

static void test_vkeys(void)
{
    for (size_t i = 0; i < sizeof vkeys / sizeof *vkeys; i++) {
        struct led_key *k = NULL;
        ok((led_key_parse(str_c(vkeys[i].vkey), &k) == 0) == vkeys[i].good, "%s: %s", vkeys[i].name, vkeys[i].good ? "taken" : "refused");
        led_key_free(k);
    }
}

static void replace(struct buf *b, const char *from, const char *to)
{
    char *p = memmem(buf_data(b), buf_size(b), from, strlen(from));
    if (p)
        memcpy(p, to, strlen(from));
}

static void test_notes(const struct led_key *k, const struct led_key *other)
{
    struct led_hash root = { { 1, 2, 3 } };
    struct led_note n;
    struct buf b;
    size_t off = 0;

    buf_init(&b, 65536);
    ok(led_note_sign(k, 5, &root, 1763680435, &b) == 0 && led_note_sign(k, 1234567, &root, 1763680445, &b) == 0, "two notes are signed");
    diag("%.*s", STR_ARG(buf_str(&b)));
    ok(led_note_next(buf_str(&b), &off, &n) == 1 && n.size == 5 && led_hash_eq(&n.root, &root), "the first reads back");
    ok(led_note_verify(k, &n) == 0 && n.time == 1763680435, "and verifies, with its time");
    ok(led_note_verify(other, &n) == GW_ERR(NOENT), "not by another key");
    ok(led_note_next(buf_str(&b), &off, &n) == 1 && n.size == 1234567 && led_note_verify(k, &n) == 0 && n.time == 1763680445, "so does the second");
    ok(led_note_next(buf_str(&b), &off, &n) == 0, "there is no third");

    replace(&b, "\n5\n", "\n6\n");
    off = 0;
    ok(led_note_next(buf_str(&b), &off, &n) == 1 && led_note_verify(k, &n) == GW_ERR(MISMATCH), "another size does not verify");
    for (size_t cut = 0, good = 0; cut < buf_size(&b); cut++) {
        struct str part = { (const char *)buf_data(&b), cut };
        off = 0;
        good = 0;
        while (led_note_next(part, &off, &n) == 1)
            good++;
        if (good > 2)
            ok(false, "cut at %zu gives %zu notes", cut, good);
    }
    buf_clear(&b);
}

/* A note with a witness's signature between ours. */
static void test_witness(const struct led_key *k)
{
    struct led_hash root = { { 9 } };
    struct led_note n;
    struct buf b, c;
    const char *at;
    size_t off = 0;

    buf_init(&b, 65536);
    buf_init(&c, 65536);
    (void)!led_note_sign(k, 5, &root, 1763680435, &b);
    at = memmem(buf_data(&b), buf_size(&b), "\n\n", 2);
    (void)!buf_put(&c, buf_data(&b), (size_t)(at + 2 - (const char *)buf_data(&b)));
    (void)!buf_puts(&c, STR("\xe2\x80\x94 witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"));
    (void)!buf_put(&c, at + 2, buf_size(&b) - (size_t)(at + 2 - (const char *)buf_data(&b)));
    ok(led_note_next(buf_str(&c), &off, &n) == 1 && led_note_verify(k, &n) == 0, "a witness's signature is passed over");
    buf_clear(&b);
    buf_clear(&c);
}

int main(void)
{
    char dir[] = "/tmp/lg-note-XXXXXX", cmd[64];
    struct led_key *k = NULL, *other = NULL;
    struct stat st;
    int fd;

    test_vkeys();
    if (!mkdtemp(dir) || (fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0)
        return 1;
    ok(led_key_make(fd, "a.key", "a.pub", "gate.example/journal") == 0, "a key is made");
    ok(led_key_make(fd, "a.key", "a.pub", "gate.example/journal") == GW_ERR(EXIST), "not twice");
    ok(led_key_make(fd, "b.key", "b.pub", "gate.example/journal") == 0, "another one is made");
    ok(led_key_make(fd, "c.key", "c.pub", "a name") == GW_ERR(SYNTAX), "a name with a space is refused");
    ok(fstatat(fd, "a.key", &st, 0) == 0 && (st.st_mode & 0777) == 0400, "the private half is for its owner alone");
    ok(led_key_open(fd, "a.key", "a.pub", &k) == 0 && strcmp(led_key_name(k), "gate.example/journal") == 0, "it opens, with its name");
    ok(led_key_open(fd, "a.key", "b.pub", &other) == GW_ERR(MISMATCH), "not with another public half");
    ok(led_key_open(fd, "b.key", "b.pub", &other) == 0, "the other opens");
    if (k && other) {
        test_notes(k, other);
        test_witness(k);
    }
    led_key_free(k);
    led_key_free(other);
    close(fd);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    (void)!system(cmd);
    return done_testing();
}
