/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal's signing key: made once, private half for the journal alone, public half as one line (vkey) for auditors:
 * name+key hash+base64(type, key), as the Go tools for signed notes write it. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"

static uint32_t key_id(const char *name, unsigned char type, const unsigned char pub[32])
{
    unsigned char h[32], head[2] = { '\n', type };

    led_sha256(name, strlen(name), head, 2, pub, 32, h);
    return (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
}

static int key_new(struct str name, const unsigned char pub[32], EVP_PKEY *pkey, struct led_key **ret)
{
    struct led_key *k = calloc(1, sizeof *k);

    if (!k)
        return GW_ERR(NOMEM);
    memcpy(k->name, name.p, name.n);
    memcpy(k->pub, pub, 32);
    k->id = key_id(k->name, LED_SIG_PLAIN, pub);
    k->id_timed = key_id(k->name, LED_SIG_TIMED, pub);
    k->private_half = pkey != NULL;
    k->pkey = pkey ? pkey : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, 32);
    if (!k->pkey) {
        free(k);
        return GW_ERR(CRYPTO);
    }
    *ret = k;
    return 0;
}

void led_key_free(struct led_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    free(k);
}

const char *led_key_name(const struct led_key *k)
{
    return k->name;
}

/* Key names hold no space, no plus, nothing that a terminal would obey (signed-note). */
bool led_key_name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '+')
            return false;
    return s.n > 0 && s.n <= LED_NAME_MAX;
}

int led_base64_decode(struct str s, unsigned char *out, size_t max, size_t *ret_n)
{
    unsigned char tmp[256];
    size_t pad = 0;

    if (s.n == 0 || s.n % 4 != 0 || s.n / 4 * 3 > sizeof tmp)
        return GW_ERR(SYNTAX);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ') /* OpenSSL would skip white space */
            return GW_ERR(SYNTAX);
    while (pad < 2 && s.p[s.n - 1 - pad] == '=')
        pad++;
    int n = EVP_DecodeBlock(tmp, (const unsigned char *)s.p, (int)s.n);
    if (n < 0 || (size_t)n - pad > max)
        return GW_ERR(SYNTAX);
    *ret_n = (size_t)n - pad;
    memcpy(out, tmp, *ret_n);
    /* the bits behind the end must be zero: one encoding of one value */
    char again[360];
    EVP_EncodeBlock((unsigned char *)again, out, (int)*ret_n);
    return memcmp(again, s.p, s.n) == 0 ? 0 : GW_ERR(SYNTAX);
}

int led_key_parse(struct str vkey, struct led_key **ret)
{
    const char *plus, *plus2, *end;
    unsigned char raw[64];
    char hash[9], name[LED_NAME_MAX + 1];
    size_t n;

    while (vkey.n && (vkey.p[vkey.n - 1] == '\n' || vkey.p[vkey.n - 1] == '\r' || vkey.p[vkey.n - 1] == ' '))
        vkey.n--;
    end = vkey.p + vkey.n;
    plus = vkey.n ? memchr(vkey.p, '+', vkey.n) : NULL;
    plus2 = plus ? memchr(plus + 1, '+', (size_t)(end - plus - 1)) : NULL;
    if (!plus2 || plus2 - plus != 9 || !led_key_name_ok((struct str){ vkey.p, (size_t)(plus - vkey.p) }))
        return GW_ERR(SYNTAX);
    if (led_base64_decode((struct str){ plus2 + 1, (size_t)(end - plus2 - 1) }, raw, sizeof raw, &n) < 0 || n != 33 || raw[0] != LED_SIG_PLAIN)
        return GW_ERR(SYNTAX);
    memcpy(name, vkey.p, (size_t)(plus - vkey.p));
    name[plus - vkey.p] = 0;
    snprintf(hash, sizeof hash, "%08x", key_id(name, LED_SIG_PLAIN, raw + 1));
    if (memcmp(hash, plus + 1, 8) != 0)
        return GW_ERR(SYNTAX);
    return key_new(str_c(name), raw + 1, NULL, ret);
}

/* ---- files ---- */
static int read_small(int dir_fd, const char *name, char *out, size_t max, size_t *ret_n)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? GW_ERR(NOENT) : GW_ERR(SYS);
    n = read(fd, out, max);
    close(fd);
    if (n < 0)
        return GW_ERR(SYS);
    *ret_n = (size_t)n;
    return 0;
}

int led_key_open_public(int dir_fd, const char *public_name, struct led_key **ret)
{
    char text[512];
    size_t n;
    int err = read_small(dir_fd, public_name, text, sizeof text, &n);

    return err ? err : led_key_parse((struct str){ text, n }, ret);
}

bool led_key_signs(const struct led_key *k)
{
    return k->private_half;
}

int led_key_open(int dir_fd, const char *private_name, const char *public_name, struct led_key **ret)
{
    char pem[1024];
    unsigned char pub[32];
    struct led_key *pub_key = NULL;
    size_t n, len = sizeof pub;
    EVP_PKEY *pkey = NULL;
    BIO *bio = NULL;
    int err;

    if ((err = led_key_open_public(dir_fd, public_name, &pub_key)) < 0 ||
        (err = read_small(dir_fd, private_name, pem, sizeof pem, &n)) < 0)
        goto out;
    err = GW_ERR(CRYPTO);
    bio = BIO_new_mem_buf(pem, (int)n);
    pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    if (!pkey || EVP_PKEY_get_raw_public_key(pkey, pub, &len) != 1 || len != 32)
        goto out;
    err = memcmp(pub, pub_key->pub, 32) == 0 ? key_new(str_c(pub_key->name), pub, pkey, ret) : GW_ERR(MISMATCH);
    if (!err)
        pkey = NULL; /* taken */
out:
    OPENSSL_cleanse(pem, sizeof pem);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    led_key_free(pub_key);
    return err;
}

static int write_new(int dir_fd, const char *name, mode_t mode, const void *p, size_t n)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), err = 0;

    if (fd < 0)
        return errno == EEXIST ? GW_ERR(EXIST) : GW_ERR(SYS);
    if (write(fd, p, n) != (ssize_t)n || fchmod(fd, mode) < 0 || fsync(fd) < 0)
        err = GW_ERR(SYS);
    if (close(fd) < 0)
        err = GW_ERR(SYS);
    if (err)
        (void)unlinkat(dir_fd, name, 0);
    return err;
}

int led_vkey_text(const char *name, const unsigned char pub[32], char out[LED_VKEY_MAX])
{
    unsigned char raw[33] = { LED_SIG_PLAIN };
    char b64[64];

    if (!led_key_name_ok(str_c(name)))
        return GW_ERR(SYNTAX);
    memcpy(raw + 1, pub, 32);
    EVP_EncodeBlock((unsigned char *)b64, raw, sizeof raw);
    return snprintf(out, LED_VKEY_MAX, "%s+%08x+%s\n", name, key_id(name, LED_SIG_PLAIN, pub), b64);
}

int led_key_vkey(const struct led_key *k, char out[LED_VKEY_MAX])
{
    return led_vkey_text(k->name, k->pub, out);
}

/* The public file is written last: a private file without it was never used, and is replaced. */
int led_key_make(int dir_fd, const char *private_name, const char *public_name, const char *name)
{
    EVP_PKEY *pkey = NULL;
    struct led_key *k = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char pub[32];
    size_t len = sizeof pub;
    char *pem, vkey[LED_VKEY_MAX];
    long n;
    int len_text, err = GW_ERR(CRYPTO);

    if (!led_key_name_ok(str_c(name))) {
        err = GW_ERR(SYNTAX);
        goto out;
    }
    if (faccessat(dir_fd, public_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        err = GW_ERR(EXIST);
        goto out;
    }
    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!bio || !pkey || EVP_PKEY_get_raw_public_key(pkey, pub, &len) != 1 ||
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1 || (n = BIO_get_mem_data(bio, &pem)) <= 0)
        goto out;
    if ((err = key_new(str_c(name), pub, NULL, &k)) < 0)
        goto out;
    (void)unlinkat(dir_fd, private_name, 0);
    if ((err = write_new(dir_fd, private_name, 0400, pem, (size_t)n)) == 0 && fsync(dir_fd) == 0)
        err = (len_text = led_key_vkey(k, vkey)) < 0 ? len_text : write_new(dir_fd, public_name, 0444, vkey, (size_t)len_text);
    (void)fsync(dir_fd);
out:
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    led_key_free(k);
    return err;
}
