/* SPDX-License-Identifier: GPL-3.0-or-later
 * Certificates of our own, in time: made at the start, made again when a third of their life is left, given to the edge that shows
 * them. Which names those are the configuration says; nobody can ask for another. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "keeper.h"
#include "log.h"

#define ANSWER_MS 900 /* as for handshakes (away.c) */
#define AGAIN_S 10    /* after a failure */

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the journal ---- */

static void line(struct keeper *k, enum gw_side side, const struct key *key, const char *action, const X509 *x, const char *why)
{
    unsigned char sha256[32], serial[20];
    unsigned n = sizeof sha256;
    char ends[32];
    time_t t = (time_t)key->leaf->ends;
    struct tm tm;
    struct buf b;
    struct wire_out o;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(side));
    field_z(&o, GW_F_ACTION, action);
    field_str(&o, GW_F_CERT_NAME, key->domain);
    if (why) {
        field_z(&o, GW_F_SEVERITY, "high");
        field_z(&o, GW_F_ERROR, why);
    }
    if (x) {
        const ASN1_INTEGER *s = X509_get0_serialNumber(x);
        int len = ASN1_STRING_length(s) <= (int)sizeof serial ? ASN1_STRING_length(s) : 0;
        memcpy(serial, ASN1_STRING_get0_data(s), (size_t)len);
        field_hex(&o, GW_F_CERT_SERIAL, serial, (size_t)len);
        if (X509_digest(x, EVP_sha256(), sha256, &n) == 1)
            field_hex(&o, GW_F_CERT_HASH, sha256, n);
        if (gmtime_r(&t, &tm) && strftime(ends, sizeof ends, "%Y-%m-%dT%H:%M:%SZ", &tm))
            field_z(&o, GW_F_NOT_AFTER, ends);
    }
    if (o.err || outbox_add(&k->lines, LINE_TARGET_NONE, NULL, GW_EV_CERTIFICATE, buf_str(&b), NULL) != 0)
        log_error("a line for the journal was lost");
    buf_clear(&b);
}

/* One line when it begins to fail; that it works again, the next "minted" says. */
static void failed(struct keeper *k, enum gw_side side, struct key *key, const char *why)
{
    key->leaf->again = (int64_t)time(NULL) + AGAIN_S;
    ERR_clear_error();
    if (key->leaf->failing)
        return;
    key->leaf->failing = true;
    log_error("no certificate for %.*s on side %s: %s", STR_ARG(key->domain), gw_side_name(side), why);
    line(k, side, key, "mint-failed", NULL, why);
}

/* ---- one certificate ---- */

static int give(struct keeper *k, enum gw_side side, const struct key *key)
{
    const struct msg_chain m = { .domain = key->domain, .chain = buf_str(&key->leaf->chain) };
    return k->edge[side].ipc ? ipc_put_chain(k->edge[side].ipc, &m) : 0;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* With the CA's signature over the draft, whoever made it. */
static void finish(struct keeper *k, enum gw_side side, struct key *key, X509 *draft, struct str signature)
{
    struct leaf *l = key->leaf;
    int64_t now = (int64_t)time(NULL);
    struct buf chain = { 0 };

    if (mint_finish(draft, &k->keys->ca[side], key->domain, signature, &chain) != 0) {
        failed(k, side, key, "what was signed would not be accepted by a server");
        buf_clear(&chain);
        return;
    }
    buf_clear(&l->chain);
    l->chain = chain;
    l->ends = seconds_of(X509_get0_notAfter(draft));
    l->renew = now + (l->ends - now) * 2 / 3;
    l->failing = false;
    k->minted[side]++;
    line(k, side, key, "minted", draft, NULL);
    if (give(k, side, key) != 0 || (k->edge[side].ipc && ipc_flush(k->edge[side].ipc) == GW_ERR(NOMEM)))
        log_error("edge/%s cannot be given its certificate", gw_side_name(side)); /* the channel is broken: seen when it is read */
}

static void sign_here(struct keeper *k, enum gw_side side, struct key *key, X509 *draft)
{
    const struct mint_ca *ca = &k->keys->ca[side];
    unsigned char sig[SIGNATURE_MAX], *input;
    size_t n, n_sig;

    if (mint_input(draft, &input, &n) != 0) {
        failed(k, side, key, "it could not be written");
        return;
    }
    int err = keys_sign(ca->key, mint_scheme(ca->key), (struct str){ (const char *)input, n }, sig, &n_sig);
    OPENSSL_free(input);
    if (err)
        failed(k, side, key, "the CA's key does not sign");
    else
        finish(k, side, key, draft, (struct str){ (const char *)sig, n_sig });
}

/* ---- with the CA's key on a token ---- */

/* True: the draft is under way. */
static bool sign_away(struct keeper *k, enum gw_side side, struct key *key, X509 *draft)
{
    const struct mint_ca *ca = &k->keys->ca[side];
    struct msg_sign q = { .ask = k->token_asked + 1, .domain = str_c(ca->token), .scheme = (uint16_t)mint_scheme(ca->key) };
    unsigned char *input;
    size_t n;
    int err = mint_input(draft, &input, &n);

    if (!err) {
        q.input = (struct str){ (const char *)input, n };
        err = ipc_put_sign(k->token, &q);
        OPENSSL_free(input);
    }
    if (err) {
        failed(k, side, key, "the token takes no question");
        return false;
    }
    k->minting = (struct minting){ .open = true, .side = side, .key = key, .draft = draft, .token_ask = q.ask, .until = mono_ms() + ANSWER_MS };
    k->token_asked++;
    (void)!ipc_flush(k->token); /* an error shows when it is read */
    return true;
}

bool chains_signed(struct keeper *k, uint64_t token_ask, struct str signature, const char *why)
{
    struct minting m = k->minting;

    if (!m.open || m.token_ask != token_ask)
        return false;
    k->minting = (struct minting){ 0 };
    if (signature.n == 0 || signature.n > SIGNATURE_MAX)
        failed(k, m.side, m.key, why ? why : "the token did not sign");
    else
        finish(k, m.side, m.key, m.draft, signature);
    X509_free(m.draft);
    return true;
}

/* ---- all of them ---- */

static bool is_due(const struct leaf *l, int64_t now)
{
    return l && now >= l->again && (buf_size(&l->chain) == 0 || now >= l->renew);
}

static void make(struct keeper *k, enum gw_side side, struct key *key, int64_t now)
{
    const struct mint_ca *ca = &k->keys->ca[side];
    X509 *draft;

    if (ca->token && (!k->token || k->minting.open || k->token_owes)) {
        if (!k->token && buf_size(&key->leaf->chain))
            failed(k, side, key, "the token's program is not there");
        return; /* asked when it is free */
    }
    draft = mint_draft(ca, key->domain, key->pkey, now);
    if (!draft)
        failed(k, side, key, "no certificate can be made: the CA's time is over, or memory");
    else if (!ca->token)
        sign_here(k, side, key, draft);
    else if (sign_away(k, side, key, draft))
        return;
    X509_free(draft);
}

void chains_make(struct keeper *k)
{
    int64_t now = (int64_t)time(NULL);
    if (k->minting.open && mono_ms() >= k->minting.until) {
        k->token_owes = k->minting.token_ask > k->token_owes ? k->minting.token_ask : k->token_owes;
        (void)chains_signed(k, k->minting.token_ask, STR_NONE, "the token did not answer in time");
    }
    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < k->keys->n[s]; i++)
            if (is_due(k->keys->v[s][i].leaf, now))
                make(k, (enum gw_side)s, &k->keys->v[s][i], now);
}

int chains_give(struct keeper *k, enum gw_side side)
{
    int err = 0;
    for (size_t i = 0; i < k->keys->n[side] && !err; i++)
        if (k->keys->v[side][i].leaf && buf_size(&k->keys->v[side][i].leaf->chain))
            err = give(k, side, &k->keys->v[side][i]);
    return err;
}
