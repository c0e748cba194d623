/* SPDX-License-Identifier: GPL-3.0-or-later
 * Checkpoints: signed notes (C2SP signed-note) whose text is origin, size and root (C2SP tlog-checkpoint). Each carries two
 * signatures of the journal's key: over the text, and over text and time (C2SP tlog-cosignature v1). */
#include <openssl/evp.h>
#include <stdlib.h>

#include "key.h"
#include "utf8.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space: how a signature line begins */
#define SIGS_MAX 64

static int sign(const struct led_key *k, const void *p, size_t n, unsigned char sig[64])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 64;
    bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 && EVP_DigestSign(ctx, sig, &len, p, n) == 1 && len == 64;

    EVP_MD_CTX_free(ctx);
    return done ? 0 : GW_ERR(CRYPTO);
}

static bool signature_good(const struct led_key *k, const void *p, size_t n, const unsigned char sig[64])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1 && EVP_DigestVerify(ctx, sig, 64, p, n) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

static void put_be(unsigned char *o, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, v >>= 8)
        o[i] = (unsigned char)v;
}

static uint64_t get_be(const unsigned char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* The timed message: two lines, then the text. */
static int timed_message(struct str text, uint64_t time, struct buf *out)
{
    int err = buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time);
    return err ? err : buf_puts(out, text);
}

static int put_signature(struct buf *out, const char *name, uint32_t id, const unsigned char *p, size_t n)
{
    unsigned char raw[4 + 8 + 64];
    char b64[128];

    put_be(raw, id, 4);
    memcpy(raw + 4, p, n);
    EVP_EncodeBlock((unsigned char *)b64, raw, (int)(n + 4));
    return buf_printf(out, DASH "%s %s\n", name, b64);
}

int led_note_texts(const struct led_key *k, uint64_t size, const struct led_hash *root, uint64_t time, struct buf *text, struct buf *timed)
{
    char b64[48];
    int err;

    EVP_EncodeBlock((unsigned char *)b64, root->b, 32);
    err = buf_printf(text, "%s\n%llu\n%s\n", k->name, (unsigned long long)size, b64);
    return err ? err : timed_message(buf_str(text), time, timed);
}

int led_note_join(const struct led_key *k, struct str text, uint64_t time, const unsigned char plain[64], const unsigned char timed[64], struct buf *out)
{
    unsigned char sig[72];
    struct buf b;
    int err;

    buf_init(&b, LED_NOTE_MAX);
    put_be(sig, time, 8);
    memcpy(sig + 8, timed, 64);
    if ((err = buf_puts(&b, text)) == 0 && (err = buf_put(&b, "\n", 1)) == 0 && (err = put_signature(&b, k->name, k->id, plain, 64)) == 0 &&
        (err = put_signature(&b, k->name, k->id_timed, sig, 72)) == 0 && (err = buf_put(&b, "\n", 1)) == 0)
        err = buf_put(out, buf_data(&b), buf_size(&b));
    buf_clear(&b);
    return err;
}

int led_note_sign(const struct led_key *k, uint64_t size, const struct led_hash *root, uint64_t time, struct buf *out)
{
    struct buf text, timed;
    unsigned char plain_sig[64], timed_sig[64];
    int err = k->private_half ? 0 : GW_ERR(CRYPTO);

    buf_init(&text, LED_NOTE_MAX);
    buf_init(&timed, LED_NOTE_MAX);
    if (!err && (err = led_note_texts(k, size, root, time, &text, &timed)) == 0 &&
        (err = sign(k, buf_data(&text), buf_size(&text), plain_sig)) == 0 && (err = sign(k, buf_data(&timed), buf_size(&timed), timed_sig)) == 0)
        err = led_note_join(k, buf_str(&text), time, plain_sig, timed_sig, out);
    buf_clear(&text);
    buf_clear(&timed);
    return err;
}

/* ---- reading ---- */
static bool take_line(struct str s, size_t *at, struct str *ret)
{
    const char *nl = *at < s.n ? memchr(s.p + *at, '\n', s.n - *at) : NULL;

    if (!nl)
        return false;
    *ret = (struct str){ s.p + *at, (size_t)(nl - (s.p + *at)) };
    *at += ret->n + 1;
    return true;
}

static bool starts_with_dash(struct str s)
{
    return s.n > sizeof DASH - 1 && memcmp(s.p, DASH, sizeof DASH - 1) == 0;
}

static int read_size(struct str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n == 0 || s.n > 19 || (s.p[0] == '0' && s.n > 1))
        return GW_ERR(SYNTAX);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return GW_ERR(SYNTAX);
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *ret = v;
    return 0;
}

int led_note_next(struct str file, size_t *off, struct led_note *ret)
{
    struct led_note n = { 0 };
    size_t at = *off, start, sigs, count = 0, used;
    struct str line;

    while (at < file.n && file.p[at] == '\n') /* empty lines between notes */
        at++;
    if (at >= file.n)
        return 0;
    start = at;
    if (!take_line(file, &at, &n.origin) || n.origin.n == 0 || n.origin.n > LED_NAME_MAX || !take_line(file, &at, &line) ||
        read_size(line, &n.size) < 0 || !take_line(file, &at, &line) || led_base64_decode(line, n.root.b, 32, &used) < 0 || used != 32)
        return GW_ERR(SYNTAX);
    do { /* extension lines, up to the empty one */
        n.text = (struct str){ file.p + start, at - start };
        if (!take_line(file, &at, &line) || n.text.n > LED_NOTE_MAX)
            return GW_ERR(SYNTAX);
    } while (line.n > 0);
    sigs = at;
    for (size_t next = at; take_line(file, &next, &line) && starts_with_dash(line) && count < SIGS_MAX; count++)
        at = next;
    if (count == 0 || !utf8_valid(n.text))
        return GW_ERR(SYNTAX);
    n.sigs = (struct str){ file.p + sigs, at - sigs };
    if (at < file.n && file.p[at] == '\n')
        at++;
    *off = at;
    *ret = n;
    return 1;
}

static int check_timed(const struct led_key *k, struct str text, const unsigned char *raw, uint64_t *ret_time)
{
    struct buf m;
    uint64_t time = get_be(raw + 4, 8);
    int err;

    buf_init(&m, 2 * LED_NOTE_MAX);
    err = timed_message(text, time, &m);
    if (!err && !signature_good(k, buf_data(&m), buf_size(&m), raw + 12))
        err = GW_ERR(MISMATCH);
    buf_clear(&m);
    if (!err)
        *ret_time = time;
    return err;
}

/* Signatures of other keys (witnesses) are passed over, as signed-note demands. */
int led_note_verify(const struct led_key *k, struct led_note *n)
{
    size_t at = 0, name_len = strlen(k->name), len;
    unsigned char raw[128];
    bool plain = false;
    struct str line;
    int err;

    if (!str_eq(n->origin, str_c(k->name)))
        return GW_ERR(NOENT);
    n->time = 0;
    while (take_line(n->sigs, &at, &line)) {
        line = (struct str){ line.p + sizeof DASH - 1, line.n - (sizeof DASH - 1) };
        if (line.n < name_len + 2 || memcmp(line.p, k->name, name_len) != 0 || line.p[name_len] != ' ')
            continue;
        if (led_base64_decode((struct str){ line.p + name_len + 1, line.n - name_len - 1 }, raw, sizeof raw, &len) < 0)
            return GW_ERR(SYNTAX);
        if (len == 68 && get_be(raw, 4) == k->id) {
            if (!signature_good(k, n->text.p, n->text.n, raw + 4))
                return GW_ERR(MISMATCH);
            plain = true;
        } else if (len == 76 && get_be(raw, 4) == k->id_timed) {
            if ((err = check_timed(k, n->text, raw, &n->time)) < 0)
                return err;
        }
    }
    return plain ? 0 : GW_ERR(NOENT);
}
