/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the keeper share: the keys of both sides, the check of what is to be signed, the channels. */
#ifndef LOCKGATE_KEEPER_H
#define LOCKGATE_KEEPER_H

#include <openssl/evp.h>

#include "gwconf.h"
#include "outbox.h"

/* ---- keys (keys.c) ---- */
struct key { struct str domain; EVP_PKEY *pkey; };
struct keys { struct key *v[GW_SIDES]; size_t n[GW_SIDES]; };
/* Reads the key of every certificate of both sides and tries each one, so that OpenSSL has opened all that it ever will. Says
 * in the log what is wrong: CONF, NOMEM. */
int keys_load(const struct gw_conf *conf, struct keys *k) GW_MUST_CHECK;
void keys_clear(struct keys *k);
/* The key of the certificate that is shown on `side` for domain, or NULL: there is no other way to a key. */
EVP_PKEY *keys_find(const struct keys *k, enum gw_side side, struct str domain);
#define SIGNATURE_MAX 1024 /* bytes: RSA of 8192 bits */
/* scheme: SignatureScheme of RFC 8446 section 4.2.3. PROTO: not one for this key; CRYPTO. sig: SIGNATURE_MAX bytes. */
int keys_sign(EVP_PKEY *k, unsigned scheme, struct str input, unsigned char *sig, size_t *ret_n) GW_MUST_CHECK;

/* ---- is this what a TLS handshake signs? (input.c; no keys) ---- */
/* NULL when it is, else what it is not (static). */
const char *input_wrong(struct str input, unsigned scheme);

/* ---- channels (serve.c) ---- */
struct asker { /* one edge */
    struct ipc *ipc;
    int64_t tokens, at;          /* thousandths of a signature, milliseconds */
    uint64_t signed_, refused;
    uint64_t told, told_at;      /* refusals that the journal knows of; when it was last told */
    const char *why;             /* of the newest refusal */
    char domain[64];             /* of the newest refusal, cut */
};
struct keeper {
    const struct gw_conf *conf;
    struct keys *keys;
    struct ipc *parent, *journal;
    struct asker edge[GW_SIDES];
    struct outbox lines;
    bool stop;
};
/* Until STOP, or the parent is gone: then 1. */
int keeper_run(struct keeper *k);

#endif
