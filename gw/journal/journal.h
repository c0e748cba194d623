/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal: what its files share. One thread, one loop: take lines, write them, make them durable, then say so. */
#ifndef LOCKGATE_JOURNAL_H
#define LOCKGATE_JOURNAL_H

#include "gwconf.h"
#include "ipc.h"
#include "ledger.h"

/* A batch is what one write and one sync take. */
#define BATCH_LINES 16384
#define BATCH_BYTES (8u << 20)
#define EDGE_WAIT_MS 5000
#define COMPANY_MS 5 /* so long a batch of nothing but deliveries waits for a line that somebody waits for */
#define RECALL 32768 /* releases of a guard that can be repeated: far more than a guard has open */
/* Beyond limits.deliver: a guard has 10 s for what an edge owes it (gw/guard), and its line some more to come here. */
#define SETTLE_GRACE_MS 15000
#define SETTLE_SOON_MS 5000 /* so long somebody may still know, when the far edge is gone or no edge has the order */

/* ---- store.c: the segments ---- */
struct store {
    int dir_fd, fd;
    char name[24];
    uint64_t first;       /* of the open segment */
    uint64_t seq;         /* the last durable record */
    off_t durable;        /* bytes of the open segment that are durable */
    int64_t opened_ms;    /* monotonic */
    int64_t max_size, max_ms;
    int why;              /* errno of the last failure */
    bool said;            /* in the log; once is enough until it works again */
};
int store_open(struct store *s, uint64_t first, off_t durable, bool create) GW_MUST_CHECK;
/* Writes and syncs. 0: durable. AGAIN: no space, nothing of it is in the file; try later. IO: give up. */
int store_append(struct store *s, const void *p, size_t n, uint64_t records) GW_MUST_CHECK;
/* Starts a new segment when the open one is full or old. 0, AGAIN (no space: stays with the old one), IO. */
int store_rotate(struct store *s, int64_t now_ms) GW_MUST_CHECK;
/* Writes all of p at an offset: 0, AGAIN (no space), IO. */
int store_pwrite(int fd, const void *p, size_t n, off_t at) GW_MUST_CHECK;

/* ---- senders.c: where each sender of lines stands ---- */
struct recall { uint64_t number; uint8_t target; unsigned char mac[LED_MAC]; };
struct sender {
    char program[LED_PROGRAM_MAX + 1];
    uint64_t epoch, last; /* the last line that was taken, durable or in the batch */
    uint64_t used;        /* seq of that line: the oldest epochs are forgotten first */
    bool bound;           /* a channel tells lines of it: never forgotten */
    struct recall *recall; /* ring by number; NULL until the first release */
};
#define SENDERS_MAX 256
#define EPOCHS_KEPT 4 /* of one program: a guard and its successors */
struct senders { struct sender *v[SENDERS_MAX]; size_t n; };
/* The entry, made when it is not there. NULL: no memory. */
struct sender *senders_get(struct senders *s, struct str program, uint64_t epoch, bool make);
int sender_remember(struct sender *s, uint64_t number, uint8_t target, const unsigned char mac[LED_MAC]) GW_MUST_CHECK;
const struct recall *sender_recall(const struct sender *s, uint64_t number);
/* The table as it is now, behind record seq, for senders_save once a checkpoint covers that; freed by buf_clear. open: settle_oldest(). */
int senders_table(const struct senders *s, uint64_t seq, uint64_t open, struct buf *ret) GW_MUST_CHECK;
int senders_save(int dir_fd, const struct buf *table) GW_MUST_CHECK;
/* 0, *ret_seq and *ret_open; NOENT; SYNTAX. */
int senders_load(struct senders *s, int dir_fd, uint64_t *ret_seq, uint64_t *ret_open) GW_MUST_CHECK;
void senders_clear(struct senders *s);

/* ---- open.c: what was released, until it is known what became of it ---- */
/* What a line says about an order. */
struct told {
    uint64_t guard, number, ticket; /* 0: not said */
    uint8_t near;                   /* the side that the stanza came from; GW_SIDES: not said */
    bool release;                   /* a verdict that lets it go */
    bool probe;                     /* the gateway's own, ordered nowhere */
    bool discarded;                 /* by the edge that held it */
};
enum open_list_id {
    OPEN_WAITS,  /* somebody may say what became of it, within limits.deliver + SETTLE_GRACE_MS */
    OPEN_SOON,   /* hardly anybody can: SETTLE_SOON_MS */
    OPEN_DUE,    /* nobody will: the journal's own record of it is due */
    OPEN_CLOSED, /* its record is written; remembered, so that no second one is */
    OPEN_LISTS
};
#ifndef OPEN_MAX                   /* a test has smaller ones */
#define OPEN_MAX (1u << 19)        /* more than a guard can have open (gw/guard) */
#define OPEN_REMEMBERED (1u << 15) /* of those that are closed */
#endif
#define OPEN_ROOM (OPEN_MAX + OPEN_REMEMBERED + 4 * BATCH_LINES) /* some more, until records of theirs are written */
struct open_entry {
    uint64_t guard, number, ticket; /* guard 0: a ticket whose stanza was never released */
    uint64_t record;                /* the verdict's; 0: no line of it was seen */
    int64_t since_ms;               /* in its list */
    uint32_t prev, next, chain[2];
    uint8_t near, target, list;     /* target: GW_SIDES when nothing was ordered */
    bool release, discarded, full;  /* full: there was no room for it any more */
};
struct open_list { uint32_t first, last, n; };
struct open_table {
    uint64_t factor; /* of the hashes, random */
    struct open_entry *v;
    uint32_t max, used, free, *by_number, *by_ticket;
    struct open_list list[OPEN_LISTS];
};
int open_init(struct open_table *t, uint32_t max) GW_MUST_CHECK;
void open_clear(struct open_table *t);
/* A new entry at the end of a list; borrowed until it is closed and forgotten. NULL: max are open. */
struct open_entry *open_put(struct open_table *t, const struct told *m, enum open_list_id list, int64_t now);
/* To the end of a list. May forget the oldest closed ones. */
void open_move(struct open_table *t, struct open_entry *e, enum open_list_id list, int64_t now);
void open_ticket(struct open_table *t, struct open_entry *e, uint8_t near, uint64_t ticket); /* it was not known before */
struct open_entry *open_find(struct open_table *t, uint64_t guard, uint64_t number);
struct open_entry *open_find_ticket(struct open_table *t, unsigned near, uint64_t ticket); /* the newest */
struct open_entry *open_first(const struct open_table *t, enum open_list_id list);
struct open_entry *open_next(const struct open_table *t, const struct open_entry *e); /* in its list */

/* ---- notary.c: tree and checkpoints ---- */
struct notary {
    int dir_fd, tree_fd, note_fd;
    struct led_key *key;
    struct led_tree tree;      /* over durable lines */
    struct buf pending;        /* hashes not yet in the file `tree` */
    uint64_t stored;           /* hashes in that file */
    off_t note_size;           /* bytes of whole notes */
    uint64_t signed_size;      /* of the newest checkpoint */
    struct buf newest;         /* its text; what the courier gets */
    bool tree_behind;          /* the file could not be kept up; it is rebuilt at the next start */
};
int notary_open(struct notary *n, int dir_fd, struct led_key *key) GW_MUST_CHECK;
/* The newest checkpoint of our key: 1, 0 when there is none, negative (said in the log) when the file is not ours. */
int notary_last(struct notary *n, struct led_note *ret, struct led_hash *ret_root) GW_MUST_CHECK;
/* Loads the tree of a size from the file and holds it against root. MISMATCH, NOENT, SYS. */
int notary_load_tree(struct notary *n, uint64_t size, const struct led_hash *root) GW_MUST_CHECK;
int notary_reset_tree(struct notary *n) GW_MUST_CHECK; /* from nothing: to be rebuilt line by line */
void notary_add(struct notary *n, struct str line);
void notary_write_tree(struct notary *n);
/* Signs the present tree into note (initialised here, cleared by the caller). */
int notary_sign(struct notary *n, uint64_t time, struct buf *note) GW_MUST_CHECK;
/* Writes a checkpoint over size records, and keeps it as the newest. 0; AGAIN (no space), IO. */
int notary_write(struct notary *n, uint64_t size, const struct buf *note) GW_MUST_CHECK;
void notary_close(struct notary *n);

/* ---- token.c: a signing key that is on a token. It is asked over a channel, and nothing waits for its answer: records go on. ---- */
struct token {
    bool open;           /* a question is under way */
    uint64_t ask;        /* its number; the second signature's is the next */
    unsigned got;        /* signatures that came, one bit each */
    unsigned char sig[2][64];
    uint64_t size, time; /* what is being signed */
    struct buf text, table;
    int64_t until;
    bool late;           /* said in the journal */
};
struct journal;
struct channel;
struct ipc_msg;
/* Asks for signatures over the present tree, unless a question is under way. */
void token_ask(struct journal *j);
void token_answer(struct journal *j, struct channel *ch, const struct ipc_msg *m); /* a SIGNED */
void token_tick(struct journal *j);
void token_last(struct journal *j); /* at the end: asks, and waits a moment for the answer */
void token_clear(struct token *t);

/* ---- evidence.c: stanzas kept for the auditors, encrypted to them ---- */
#define EVIDENCE_FOLDER "evidence"
struct stack_st_X509;
struct evidence {
    int dir_fd;                        /* -1: none is kept */
    struct stack_st_X509 *auditors;
    int64_t keep_ms, keep_size, next_ms;
    bool said;                         /* that it fails; once is enough until it works again */
    int64_t since;                     /* bytes since the last look at all of them */
    uint64_t kept, failed;
};
/* Opens the folder below the journal's (made and given to uid) and reads the certificates, before the sandbox closes. A mistake
 * is said in the log: CONF. */
int evidence_open(struct evidence *e, const struct gw_conf *conf, int journal_fd, uid_t uid, gid_t gid) GW_MUST_CHECK;
/* Encrypts and stores a piece as <record>.cms; its SHA-256. room false: the disk is nearly full (LIMIT). A failure is no reason to stop: the line then names none. */
int evidence_keep(struct evidence *e, uint64_t record, struct str content, bool room, unsigned char ret_sha256[32]) GW_MUST_CHECK;
/* At the start: pieces of records that never became durable go. */
void evidence_recover(struct evidence *e, uint64_t last_record);
void evidence_close(struct evidence *e);

/* ---- the whole ---- */
struct channel {
    struct ipc *c; /* NULL: free place */
    enum ipc_role role;
    uint8_t side, index;
    char program[LED_PROGRAM_MAX + 1];
    struct sender *sender; /* bound by its first line */
    uint64_t told;         /* the highest number that came over this channel */
    uint64_t durable;      /* of these: on disk */
    bool acknowledge;      /* lines of it came since the last DURABLE */
    bool more;             /* whole messages may wait in its buffer */
    bool held;             /* over its budget: not read for now */
    int64_t budget, budget_ms; /* bytes that it may still tell, and when that was reckoned */
};
#define CHANNELS_MAX 120
struct release { uint8_t side; struct msg_release m; };
struct journal {
    struct gw_conf *conf;
    struct store store;
    struct senders senders;
    struct open_table open;
    int64_t open_from_ms, open_tick_ms; /* waiting is counted from here at the earliest; the last look */
    uint64_t open_lost;                 /* found open at the start, with no room for them */
    struct notary notary;
    struct token token;
    struct evidence evidence;
    struct led_mac_key mac_key;
    struct channel ch[CHANNELS_MAX]; /* 0: the parent */
    struct ipc *ipc[CHANNELS_MAX];   /* the same, for ipc_wait */
    /* the batch */
    struct buf text;
    uint32_t *lengths; /* of its lines, with newline */
    size_t n_lines;
    bool awaited;        /* somebody waits for one of them */
    int64_t since_ms;    /* its first line came */
    struct release *releases;
    bool edge_seen[GW_SIDES]; /* linked since our start: before that its releases wait, up to EDGE_WAIT_MS */
    int64_t started_ms;
    size_t n_releases;
    struct msg_released released[GW_SIDES]; /* the newest that went to an edge of that side, or may have gone before our start */
    bool blocked; /* the batch could not be written; nothing more is taken until it is */
    int64_t blocked_ms, retry_ms;
    /* the journal as a sender of lines */
    int64_t space_ms;      /* when the free space was looked at */
    bool little_space;
    uint64_t epoch;
    struct sender *self;
    int64_t clock_offset; /* wall clock less monotonic clock, microseconds */
    struct { char name[24]; uint64_t seq; int64_t next_ms; } retire; /* a segment that goes when record seq is durable */
    struct { int dir_fd; int64_t bytes, next_ms; } hold; /* held stanzas; when their age is looked at */
    bool stop;
    int exit_status;
    struct { uint64_t records, bytes, batches, releases, duplicates, sync_us, sync_us_max, full, unsettled; } stats;
};

/* main.c: a checkpoint is written, or err says why not; table: the senders at that record, or NULL. */
void checkpoint_done(struct journal *j, int err, const struct buf *table);

/* batch.c */
uint64_t wall_us(void);
int64_t mono_ms(void);
bool batch_full(const struct journal *j);
void batch_line(struct journal *j, struct channel *ch, const struct ipc_msg *m); /* a LINE; may break the channel */
/* Milliseconds until the batch is to be committed; 0: now. A delivery that is told is waited for by nobody, and its sync would hold up
 * the next stanza's. */
int64_t batch_wait_ms(const struct journal *j);
void batch_commit(struct journal *j); /* all that is in it, or sets j->blocked */
/* Puts a line of the journal's own into the batch: 0, or a negative code (said in the log). */
int batch_own(struct journal *j, enum gw_event event, struct str fields) GW_MUST_CHECK;
/* An event of the journal's own. action: one word; detail: a sentence; subject may be NULL; count: bytes, seconds... */
void batch_event(struct journal *j, const char *action, const char *subject, uint64_t count, const char *detail_fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* allowed.c: what a program of this role may say. NULL, or what is wrong (static). *ret: what the line says about an order. */
const char *allowed(const struct channel *ch, unsigned event, struct str fields, struct told *ret);
/* Programs that stand near the network may not fill the disk: they tell so many bytes a second, and none when little is left. */
bool budget_left(struct journal *j, struct channel *ch);
bool space_is_little(struct journal *j);
void budget_charge(struct channel *ch, size_t bytes);

/* settle.c: each released number has one record of its delivery, the journal's own where nobody else wrote one. */
/* As which event a line is to be written: what comes behind the one record of a delivery is a settlement. */
enum gw_event settle_event(struct journal *j, enum gw_event event, const struct told *m);
/* A line was put into the batch, or is read again at the start. */
void settle_line(struct journal *j, const struct led_head *h, const struct told *m);
void settle_edge_anew(struct journal *j, uint8_t side); /* another edge took the place of one that was there */
void settle_tick(struct journal *j);                    /* in front of batch_commit */
void settle_rest(struct journal *j);                    /* at the end: nobody will tell any more */
void settle_read(struct str line, const struct led_head *h, struct told *ret); /* what a written line said */
uint64_t settle_oldest(const struct journal *j);        /* the record from which on the journal is to be read to know what is open */

/* links.c */
void links_parent(struct journal *j, int fd);
void links_take(struct journal *j); /* messages of all channels, until the batch is full */
bool links_more(const struct journal *j);
void links_break(struct journal *j, struct channel *ch, const char *why);
void links_drop(struct journal *j, struct channel *ch);
void links_checkpoint(struct journal *j); /* the newest one to the courier */
void links_parent_only(struct journal *j); /* while blocked */

/* hold.c */
void hold_take(struct journal *j, struct channel *ch, const struct ipc_msg *m); /* a KEEP; answered at once */
void hold_look(struct journal *j);
void hold_tick(struct journal *j);

/* retire.c */
void retire(struct journal *j);
/* The oldest pieces of evidence that are older than they may be, or too many bytes in all (evidence.c). */
void evidence_retire(struct journal *j);

/* recover.c: 0, or a negative code after which the program must end (said in the log). */
int recover(struct journal *j) GW_MUST_CHECK;

#endif
