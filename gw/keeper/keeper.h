/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the keeper share: the keys of both sides, the check of what is to be signed, the channels. */
#ifndef LOCKGATE_KEEPER_H
#define LOCKGATE_KEEPER_H

#include <openssl/evp.h>

#include "gwconf.h"
#include "outbox.h"

/* ---- keys (keys.c) ---- */
struct key {
    struct str domain;
    EVP_PKEY *pkey;    /* only the public half when the key is on a token */
    const char *token; /* its URI then, else NULL */
};
struct keys { struct key *v[GW_SIDES]; size_t n[GW_SIDES]; };
/* Reads the key of every certificate of both sides and tries each one, so that OpenSSL has opened all that it ever will. Says
 * in the log what is wrong: CONF, NOMEM. */
int keys_load(const struct gw_conf *conf, struct keys *k) GW_MUST_CHECK;
void keys_clear(struct keys *k);
/* The key of the certificate that is shown on `side` for domain, or NULL: there is no other way to a key. */
const struct key *keys_find(const struct keys *k, enum gw_side side, struct str domain);
#define SIGNATURE_MAX 1024 /* bytes: RSA of 8192 bits */
/* scheme: SignatureScheme of RFC 8446 section 4.2.3. PROTO: not one for this key; CRYPTO. sig: SIGNATURE_MAX bytes. */
int keys_sign(EVP_PKEY *k, unsigned scheme, struct str input, unsigned char *sig, size_t *ret_n) GW_MUST_CHECK;
/* Is it a scheme for this key? Is this a signature of it? */
bool keys_scheme_fits(EVP_PKEY *k, unsigned scheme);
bool keys_signature_good(EVP_PKEY *k, unsigned scheme, struct str input, struct str sig);

/* ---- keys on a token (away.c) ---- */
/* The one question of an edge that the token has not answered: an edge waits for each answer before it asks again. */
struct away {
    bool open;
    uint64_t ask, token_ask; /* the edge's number and ours */
    const struct key *key;
    unsigned scheme;
    struct buf input;
    int64_t until;           /* milliseconds, CLOCK_MONOTONIC */
};
struct keeper;
struct msg_sign;
/* NULL: the token was asked, and the answer comes later; else why not (static). */
const char *away_ask(struct keeper *k, struct away *a, const struct key *key, const struct msg_sign *q, int64_t now) GW_MUST_CHECK;
/* Why the signature that came is none (static), or NULL. */
const char *away_wrong(const struct away *a, struct str signature);
void away_done(struct away *a);

/* ---- channels (serve.c) ---- */
struct asker { /* one edge */
    struct ipc *ipc;
    int64_t tokens, at;          /* thousandths of a signature, milliseconds */
    uint64_t signed_, refused;
    uint64_t told, told_at;      /* refusals that the journal knows of; when it was last told */
    const char *why;             /* of the newest refusal */
    char domain[64];             /* of the newest refusal, cut */
    struct away away;
};
struct keeper {
    const struct gw_conf *conf;
    struct keys *keys;
    struct ipc *parent, *journal, *token;
    uint64_t token_asked; /* number of the newest question */
    uint64_t token_owes;  /* of the newest that the token let time out; until it is answered nothing more is asked; 0: none */
    struct asker edge[GW_SIDES];
    struct outbox lines;
    bool stop;
};
/* Until STOP, or the parent is gone: then 1. */
int keeper_run(struct keeper *k);

#endif
