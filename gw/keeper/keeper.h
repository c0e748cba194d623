/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the keeper share: the keys of both sides, certificates made for them, what is to be signed, the channels. */
#ifndef LOCKGATE_KEEPER_H
#define LOCKGATE_KEEPER_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gwconf.h"
#include "mint.h"
#include "outbox.h"

/* ---- keys (keys.c) ---- */
struct key {
    struct str domain;
    EVP_PKEY *pkey;    /* only the public half when the key is on a token */
    const char *token; /* its URI then, else NULL */
    struct leaf *leaf; /* the certificate, when it is minted here; else NULL: it is given */
};
/* A certificate of our own. Its key stays the same as long as the keeper runs, so that what an edge asks for while a new one is on the way
 * is good with the old one as well. */
struct leaf {
    struct buf chain;     /* DER: it, then what stands between it and an anchor; empty: not made yet */
    int64_t ends, renew;  /* seconds since 1970 */
    int64_t again;        /* not tried before */
    bool failing;         /* the journal was told */
};
/* A CA of one side. */
struct mint_ca {
    X509 *x;               /* NULL: nothing is minted for this side */
    EVP_PKEY *key;         /* only the public half when it is on a token */
    const char *token;     /* its URI then, else NULL */
    STACK_OF(X509) *above; /* its issuers, for the servers; a self-signed certificate is theirs to have */
    int64_t life;          /* seconds */
};
struct keys { struct key *v[GW_SIDES]; size_t n[GW_SIDES]; struct mint_ca ca[GW_SIDES]; };
/* Reads the key of every certificate of both sides and tries each one, so that OpenSSL has opened all that it ever will. Says
 * in the log what is wrong: CONF, NOMEM. */
int keys_load(const struct gw_conf *conf, struct keys *k) GW_MUST_CHECK;
void keys_clear(struct keys *k);
EVP_PKEY *keys_read(const char *path); /* PEM, without a passphrase; NULL */
/* The key of the certificate that is shown on `side` for domain, or NULL: there is no other way to a key. */
const struct key *keys_find(const struct keys *k, enum gw_side side, struct str domain);
#define SIGNATURE_MAX 1024 /* bytes: RSA of 8192 bits */
/* scheme: SignatureScheme of RFC 8446 section 4.2.3. PROTO: not one for this key; CRYPTO. sig: SIGNATURE_MAX bytes. */
int keys_sign(EVP_PKEY *k, unsigned scheme, struct str input, unsigned char *sig, size_t *ret_n) GW_MUST_CHECK;
/* Is it a scheme for this key? Is this a signature of it? */
bool keys_scheme_fits(EVP_PKEY *k, unsigned scheme);
bool keys_signature_good(EVP_PKEY *k, unsigned scheme, struct str input, struct str sig);

/* ---- minting (mint.c) ---- */
/* Reads the CA of a side, if there is one, and holds it against mint_ca_fits. Says in the log what is wrong: CONF. */
int mint_load(const struct gw_conf *conf, enum gw_side side, struct mint_ca *ret) GW_MUST_CHECK;
void mint_clear(struct mint_ca *ca);
/* A certificate for name, all but its signature: one dNSName, server and client, from an hour ago until life is over, never longer than the
 * CA's own. NULL: no memory, or the CA's time is over. */
X509 *mint_draft(const struct mint_ca *ca, struct str name, EVP_PKEY *key, int64_t now);
/* What the CA signs of it; the caller frees *ret by OPENSSL_free. CRYPTO. */
int mint_input(X509 *draft, unsigned char **ret, size_t *ret_n) GW_MUST_CHECK;
/* With its signature, checked as a server would: the CA's constraints hold for it. to: as leaf.chain. CRYPTO: it is none. */
int mint_finish(X509 *draft, const struct mint_ca *ca, struct str name, struct str signature, struct buf *to) GW_MUST_CHECK;

/* ---- certificates in time (chains.c) ---- */
struct minting { /* the one that the token was asked for */
    bool open;
    enum gw_side side;
    struct key *key;
    X509 *draft;
    uint64_t token_ask;
    int64_t until; /* as away.until */
};
struct keeper;
/* Makes what is due, or asks the token for it; gives it to the edge of that side and tells the journal. */
void chains_make(struct keeper *k);
/* All that an edge shows, to one that was just linked. NOMEM, LIMIT. */
int chains_give(struct keeper *k, enum gw_side side) GW_MUST_CHECK;
/* The token's answer; false: none that minting waits for. signature empty: it did not sign, and why says that. */
bool chains_signed(struct keeper *k, uint64_t token_ask, struct str signature, const char *why);

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
    struct minting minting;
    uint64_t minted[GW_SIDES];
    struct outbox lines;
    bool stop;
};
/* Until STOP, or the parent is gone: then 1. */
int keeper_run(struct keeper *k);

#endif
