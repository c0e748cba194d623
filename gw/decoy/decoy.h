/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the decoy share. It takes connections to ports that are not for crossing, reads their first bytes, names what is
 * spoken, writes that down and closes. It never sends a byte of its own, and nothing goes onward. */
#ifndef LOCKGATE_DECOY_H
#define LOCKGATE_DECOY_H

#include "gwconf.h"
#include "ipc.h"
#include "teller.h"

/* ---- what is spoken (name.c, hello.c; pure, hostile input) ---- */
#define DECOY_WORD 256
struct decoy_words { /* of a TLS ClientHello: printable ASCII, cut; empty: none */
    char sni[DECOY_WORD], alpn[DECOY_WORD];
};
/* "xmpp", "xmpp-starttls", "xmpp-direct-tls", "xmpp-websocket", "xmpp-bosh", "http", "http2", "tls", "ssh", ..., "unknown", "silent" (no
 * byte came). ret_sure: more bytes would not say more. */
const char *decoy_name(const unsigned char *p, size_t n, struct decoy_words *ret, bool *ret_sure);
/* A TLS record with a ClientHello in front: 1 it is one and whole, 0 it may become one, or SYNTAX. */
int decoy_hello(const unsigned char *p, size_t n, struct decoy_words *ret);

/* ---- connections (serve.c) ---- */
#define DECOY_MAX 1024        /* connections at once; the configuration may say less */
#define DECOY_BYTES_MAX 16384
struct guest {
    int fd; /* -1: free place */
    struct net_addr from, to;
    int64_t deadline;
    size_t n;
    unsigned char *bytes;
};
struct decoy {
    const struct gw_conf *conf;
    enum gw_side side;
    struct ipc *parent;
    int listener[2];
    size_t n_listeners;
    struct guest *guest; /* conf->decoy.connections of them */
    struct teller teller;
    int64_t lines_at;    /* allowance of lines: when it was counted */
    unsigned allowance;
    uint64_t named, turned_away, unwritten; /* turned away: no place; unwritten: lines past the allowance since the last one */
    uint64_t unwritten_told;
    int64_t counted_at;
    bool stop;
};
/* Until STOP, or the parent is gone: then 1. */
int decoy_run(struct decoy *d);

#endif
