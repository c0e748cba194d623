/* SPDX-License-Identifier: GPL-3.0-or-later
 * The courier: carries the newest checkpoint to each witness of the configuration. It stands in the gateway's own namespace (the
 * management network), names a witness by its row, and gets a connected socket from the parent. Nothing waits for it. */
#ifndef LOCKGATE_COURIER_H
#define LOCKGATE_COURIER_H

#include <sys/types.h>

#include "gwconf.h"
#include "ipc.h"
#include "teller.h"

#define COURIER_ATTEMPT_MS 10000 /* for one try, from the asking to the answer */
#define COURIER_UDP_MS 500       /* so long a datagram may come back as undeliverable */
#define COURIER_LAST_MS 2000     /* for the last checkpoint, when the gateway ends */

enum witness_state { WITNESS_IDLE, WITNESS_ASKED, WITNESS_CONNECTING, WITNESS_SENDING, WITNESS_ANSWER };
struct witness {
    const struct gw_witness *conf;
    enum witness_state state;
    int fd;             /* a socket under way; of a file, open all the time; -1 */
    uint64_t ask;       /* of the connection that was asked for */
    uint64_t carrying, carried; /* records that the checkpoint covers */
    int64_t due, deadline, failing_since; /* monotonic milliseconds; failing_since 0: it works, or was never tried */
    uint64_t failures;
    bool told;          /* the journal knows that it works, or that it does not */
    char why[120];      /* of the last failure */
    struct buf out;
    char answer[256];
    size_t answer_n;
};

struct courier {
    struct gw_conf *conf;
    struct ipc *parent;
    struct teller teller;
    struct witness w[GW_WITNESSES_MAX];
    size_t n;
    uint64_t ask, size; /* size: records that the newest checkpoint covers; 0: there is none */
    struct buf note;
    bool stop;
    int64_t stop_by;
    char host[256];
};

/* ---- form.c: what a witness is sent; LIMIT or NOMEM ---- */
int form_syslog(struct buf *out, const char *host, uint64_t size, struct str note, int64_t wall_s, bool framed) GW_MUST_CHECK;
int form_http(struct buf *out, const struct gw_witness *w, struct str note) GW_MUST_CHECK;
/* The status of an HTTP answer: 200; 0: not whole yet; -1: it is none. */
int form_http_status(struct str answer);

/* ---- file.c: a file on another disk ---- */
/* Opens, or makes, the file as the one who runs this and gives it to uid (0: stays). Failure is said in w->why. */
int file_open(struct witness *w, uid_t uid) GW_MUST_CHECK;
/* Appends and syncs; a file that was moved away or failed is opened again. */
int file_append(struct witness *w, struct str note) GW_MUST_CHECK;

/* ---- witness.c: one witness ---- */
void witness_init(struct witness *w, const struct gw_witness *conf);
/* Starts what is due, ends what is over its time. Returns when it wants to be called again, or INT64_MAX. */
int64_t witness_tick(struct courier *c, struct witness *w, int64_t now);
void witness_connected(struct courier *c, struct witness *w, uint32_t error, int fd, int64_t now);
short witness_events(const struct witness *w); /* of poll, for w->fd; 0: none */
void witness_ready(struct courier *c, struct witness *w, int64_t now);
bool witness_busy(const struct courier *c, const struct witness *w); /* it lacks the newest checkpoint */

/* ---- say.c: lines for the journal ---- */
void say_carried(struct courier *c, const struct witness *w, int64_t now);
void say_failed(struct courier *c, const struct witness *w);

#endif
