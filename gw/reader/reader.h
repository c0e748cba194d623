/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the reader share. It is written by hand, without expat and without the writer's code, so that a mistake in
 * either of them does not stand on both sides of the comparison. */
#ifndef LOCKGATE_READER_H
#define LOCKGATE_READER_H

#include "gwconf.h"
#include "ipc.h"
#include "record.h"

/* Is xml, as it would stand in a jabber:server stream, this record and nothing else? It is parsed by a grammar of its own: the subset
 * of XML that leaves the gateway (no DTD, comment, PI, CDATA; five named entities, references for TAB LF CR; attributes in single quotes; no
 * prefix but xml and a1, a2 ..., declared where they are used). NULL: it is; else what is wrong (static). */
const char *rdr_compare(const struct rec *r, struct str xml);

/* Room for the bytes of stanzas that were refused: opened before the door closes, the first ones are kept. */
#define SAMPLES 4
struct reader {
    struct ipc *parent, *edge;
    struct rec *rec;
    int sample[SAMPLES]; /* -1: none, or used */
    uint64_t read, refused;
    bool stop;
};
int rdr_run(struct reader *r);

#endif
