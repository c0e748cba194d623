/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the token program share: the vendor's module, the keys by name, who may have what signed with which. */
#ifndef LOCKGATE_TOKEN_H
#define LOCKGATE_TOKEN_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gwconf.h"
#include "ipc.h"
#include "mint.h"

#define SIGNATURE_MAX 1024 /* bytes: RSA of 8192 bits */
#define PIN_MAX 256

/* ---- the module (module.c): PKCS#11 and nothing of ours ---- */
struct module; /* loaded, logged in */
/* Loads the vendor's library, looks for the token and logs in. Says in the log what is wrong: CONF. */
int module_open(const char *path, const char *token, const char *pin, struct module **ret) GW_MUST_CHECK;
void module_close(struct module *m); /* NULL is fine */
struct pkcs11_uri;
/* The one private key that a name stands for. Says what is wrong: CONF. */
int module_find(struct module *m, const struct pkcs11_uri *name, const char *as_written, unsigned long *ret_key) GW_MUST_CHECK;
/* The public half of an Ed25519 key, from the public object beside it. CONF, said. */
int module_public(struct module *m, const struct pkcs11_uri *name, const char *as_written, unsigned char ret[32]) GW_MUST_CHECK;
/* How the token signs; PSS: salt as long as the digest. */
enum module_way { WAY_RSA, WAY_PSS_256, WAY_PSS_384, WAY_PSS_512, WAY_ECDSA, WAY_EDDSA };
/* One signature as the token makes it (ECDSA: r and s). IO: the token failed, said in the log. sig: SIGNATURE_MAX bytes. A token
 * that does not come back within some seconds ends the process: the parent starts it again. */
int module_sign(struct module *m, unsigned long key, enum module_way way, const unsigned char *p, size_t n, unsigned char *sig, size_t *ret_n) GW_MUST_CHECK;

/* ---- the keys (keys.c) ---- */
struct token_key {
    const char *uri;     /* as the configuration writes it: how askers name it */
    enum ipc_role asker; /* who may use it: KEEPER or JOURNAL */
    unsigned line;       /* of the configuration; 0: journal.key */
    EVP_PKEY *pub;       /* the certificate's, or the journal's own */
    unsigned long handle;
    X509 *ca;            /* of a CA's key its certificate; NULL: it signs TLS handshakes, or checkpoints */
    enum gw_side side;   /* of the CA */
};
struct keys { struct token_key *v; size_t n; };
/* The list from the configuration, with the public keys of the certificates: before rights are given up. CONF, said. */
int keys_list(const struct gw_conf *conf, struct keys *k) GW_MUST_CHECK;
/* Finds each on the token and lets it sign once: what it signs must be good for its public half. CONF, said for every key. */
int keys_try(const struct gw_conf *conf, struct module *m, struct keys *k) GW_MUST_CHECK;
void keys_clear(struct keys *k);
struct token_key *keys_find(const struct keys *k, enum ipc_role asker, struct str uri); /* NULL: not this asker's */
/* scheme: SignatureScheme of RFC 8446 section 4.2.3. PROTO: not one for this key; CRYPTO; IO: the token. */
int keys_sign(struct module *m, const struct token_key *k, unsigned scheme, struct str input, unsigned char *sig, size_t *ret_n) GW_MUST_CHECK;

/* ---- may this be signed? (form.c) ---- */
/* The text of a checkpoint over `name` (C2SP tlog-checkpoint), or with a time before it (tlog-cosignature). NULL when it is, else
 * what is wrong (static). */
const char *form_note_wrong(struct str input, const char *name);

/* A certificate that the CA of a side may make: for one configured name that is minted there, from now on, no longer than configured, for
 * TLS alone (leaf.c). The same. */
const char *leaf_wrong(struct str input, X509 *ca, const struct gw_conf *conf, enum gw_side side, int64_t now);

/* ---- channels (serve.c) ---- */
struct token {
    const struct gw_conf *conf;
    struct module *module;
    struct keys keys;
    struct ipc *parent, *keeper, *journal;
    char note_name[300]; /* of the gateway's checkpoints */
    struct { uint64_t signed_, refused, failed; } keeper_stats, journal_stats;
    bool stop, broken; /* broken: the token failed; the parent starts us again, and we log in anew */
};
/* Until STOP (0), or the parent or the token is gone: then 1. */
int token_run(struct token *t);

#endif
