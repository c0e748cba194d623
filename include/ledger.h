/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal as bytes: lines (JSON, one a record), the RFC 6962 Merkle tree over them, signed checkpoints, the folder
 * they lie in. No process, no channel: the journal writes with it, `lockgate verify` and `lockgate log` read with it.
 *
 * A journal folder holds
 *   0000000001.jsonl ...  segments; the name is the number (seq) of the first record in it
 *   checkpoints           signed notes (C2SP tlog-checkpoint), oldest first, an empty line behind each
 *   tree                  the hashes of all complete subtrees, in the order in which they become complete; can be rebuilt
 *   senders               where each sender of lines stood; can be rebuilt
 * Records count from 1. Leaf i of the tree is record i + 1: the exact bytes of its line without the newline. */
#ifndef LOCKGATE_LEDGER_H
#define LOCKGATE_LEDGER_H

#include <stdio.h>
#include <sys/types.h>

#include "fields.h"

/* ---- lines ---- */
#define LED_LINE_MAX (512u << 10) /* bytes of one line: 64 KiB of fields, escaped, always fit */
#define LED_FIELDS_MAX 512        /* fields of one line */
#define LED_PROGRAM_MAX 32
#define LED_MAC 16

/* What the journal itself puts in front of the fields. */
struct led_head {
    uint64_t time_us; /* microseconds since 1970, UTC */
    uint64_t seq;
    int event;           /* enum gw_event */
    struct str program;  /* "guard", "edge/high" */
    uint64_t epoch, number; /* the sender's epoch and number of this line */
    bool has_release;    /* a record may go to the side `target` because of this line */
    uint8_t target;      /* enum gw_side */
    unsigned char mac[LED_MAC]; /* keyed: says which record, to the journal alone */
};
/* Appends one line with its newline; nothing on error. SYNTAX: unknown field, wrong type, bad UTF-8, a field that is no LIST
 * twice. RANGE: unknown event or program name. LIMIT, NOMEM. */
int led_line(struct buf *out, const struct led_head *h, struct str fields) GW_MUST_CHECK;
/* "2026-11-20T23:33:55.123456Z" in out (28 bytes with the end). Years 1970 to 9999. */
#define LED_TIME_TEXT 28
void led_time_text(uint64_t time_us, char out[LED_TIME_TEXT]);
/* The reverse, strict for the form above; also accepts "...Z" without fraction, and a date alone. SYNTAX. */
int led_time_parse(struct str text, uint64_t *ret_us) GW_MUST_CHECK;
/* Characters that a line never holds as such: controls, separators, direction marks, invisible ones, private use. */
bool led_hidden(uint32_t c);

/* Reading one line (without newline) of the form that led_line writes: one flat object, members as strings, unsigned
 * numbers or lists of strings. Strict: what led_line cannot write is SYNTAX. */
enum led_type { LED_STR, LED_NUM, LED_LIST };
struct led_member {
    struct str name; /* as it stands; never holds an escape */
    enum led_type type;
    struct str raw; /* STR: between the quotes; LIST: between the brackets; NUM: the digits; still escaped */
    uint64_t num;
};
struct led_reader { struct str line; size_t at; int state; };
void led_read(struct led_reader *r, struct str line);
/* 1 and a member, 0 at the end, SYNTAX. */
int led_read_next(struct led_reader *r, struct led_member *ret) GW_MUST_CHECK;
/* The strings of a list, one after another: 1, 0, SYNTAX. *at starts with 0. ret_raw as raw above. */
int led_list_next(struct str raw, size_t *at, struct str *ret_raw) GW_MUST_CHECK;
/* Appends the characters that raw stands for. SYNTAX, LIMIT, NOMEM. */
int led_unescape(struct str raw, struct buf *out) GW_MUST_CHECK;
/* Only what led_head holds (program borrows from line). SYNTAX. Much faster than reading all. */
int led_head_read(struct str line, struct led_head *ret) GW_MUST_CHECK;
/* Is the whole line in the closed schema: members known, of the right type, none twice, the head first? SYNTAX; *ret_what says
 * what is wrong (static). */
int led_schema_check(struct str line, const char **ret_what) GW_MUST_CHECK;
/* Both in one pass: SYNTAX when the head cannot be read. what: why the line is outside the schema, or NULL (static); rules: its rule
 * set's hash in hex, borrowed, empty when it names none or is outside the schema in front of that. Threads may call it side by side. */
struct led_scan { struct led_head head; const char *what; struct str rules; };
int led_line_scan(struct str line, struct led_scan *ret) GW_MUST_CHECK;
/* The closed schema as JSON Schema (draft 2020-12), as conf/journal.schema.json holds it. */
void led_schema_print(FILE *to);

/* Says which record a line releases without saying anything about it: HMAC-SHA256 over epoch, number, side and the record's
 * SHA-256, cut to 16 bytes. The key is the journal's alone. */
struct led_mac_key { unsigned char b[32]; };
void led_mac(const struct led_mac_key *k, uint64_t epoch, uint64_t number, uint8_t target, const unsigned char hash[32],
    unsigned char ret[LED_MAC]);

/* ---- tree (RFC 6962 section 2.1) ---- */
struct led_hash { unsigned char b[32]; };
static inline bool led_hash_eq(const struct led_hash *a, const struct led_hash *b) { return memcmp(a->b, b->b, 32) == 0; }
void led_sha256_text(struct str s, char ret_hex[65]);
void led_leaf(struct str line, struct led_hash *ret);
void led_node(const struct led_hash *l, const struct led_hash *r, struct led_hash *ret);
/* A growing tree knows only its right edge: the roots of the complete subtrees of its size, by level. */
#define LED_LEVELS 64
struct led_tree { uint64_t size; struct led_hash peak[LED_LEVELS]; };
/* Adds a leaf. ret_new (may be NULL, room for LED_LEVELS) receives the subtrees that became complete, the leaf first: they are
 * what is appended to the file `tree`. Returns how many. */
size_t led_tree_add(struct led_tree *t, const struct led_hash *leaf, struct led_hash *ret_new);
void led_tree_root(const struct led_tree *t, struct led_hash *ret); /* size 0: SHA-256 of nothing */
/* How many hashes the file `tree` holds for a size, and where in it subtree n of a level (0: leaves) stands. */
uint64_t led_stored_count(uint64_t size);
uint64_t led_stored_at(unsigned level, uint64_t n);

/* Proofs; get returns a complete subtree's hash or a negative code, which the caller gets. proof has room for LED_LEVELS. */
typedef int (*led_get_fn)(void *arg, unsigned level, uint64_t n, struct led_hash *ret);
int led_root_at(led_get_fn get, void *arg, uint64_t size, struct led_hash *ret) GW_MUST_CHECK;
int led_tree_load(led_get_fn get, void *arg, uint64_t size, struct led_tree *ret) GW_MUST_CHECK;
/* index < size, else RANGE. old <= size. */
int led_inclusion(led_get_fn get, void *arg, uint64_t index, uint64_t size, struct led_hash *proof, size_t *ret_n) GW_MUST_CHECK;
int led_consistency(led_get_fn get, void *arg, uint64_t old, uint64_t size, struct led_hash *proof, size_t *ret_n) GW_MUST_CHECK;
/* 0 or MISMATCH. */
int led_inclusion_check(const struct led_hash *leaf, uint64_t index, uint64_t size, const struct led_hash *root,
    const struct led_hash *proof, size_t n) GW_MUST_CHECK;
int led_consistency_check(uint64_t old, const struct led_hash *old_root, uint64_t size, const struct led_hash *root,
    const struct led_hash *proof, size_t n) GW_MUST_CHECK;

/* ---- checkpoints (C2SP signed-note, tlog-checkpoint; the time by tlog-cosignature v1) ---- */
#define LED_NAME_MAX 200
#define LED_NOTE_MAX 8192
struct led_key; /* Ed25519; with or without its private half */
/* Makes a new pair: private (PEM, mode 0400) and public (one vkey line, mode 0444). EXIST when one of the files is there. */
int led_key_make(int dir_fd, const char *private_name, const char *public_name, const char *name) GW_MUST_CHECK;
/* The private file names no key name: that comes from the public file, which must hold the same key. */
int led_key_open(int dir_fd, const char *private_name, const char *public_name, struct led_key **ret) GW_MUST_CHECK;
/* The public half alone, for a key that signs elsewhere: NOENT, SYNTAX, SYS. */
int led_key_open_public(int dir_fd, const char *public_name, struct led_key **ret) GW_MUST_CHECK;
bool led_key_signs(const struct led_key *k); /* is the private half here? */
/* A public key: a vkey line ("name+hash+base64"), as text. SYNTAX, NOMEM. */
int led_key_parse(struct str vkey, struct led_key **ret) GW_MUST_CHECK;
#define LED_VKEY_MAX (LED_NAME_MAX + 64)
/* The vkey line (with its newline) of a public key that lies elsewhere: its length, or SYNTAX: no name for a key. */
int led_vkey_text(const char *name, const unsigned char pub[32], char out[LED_VKEY_MAX]) GW_MUST_CHECK;
void led_key_free(struct led_key *k);
const char *led_key_name(const struct led_key *k);

/* Appends a checkpoint, signed, with its time (seconds since 1970). */
int led_note_sign(const struct led_key *k, uint64_t size, const struct led_hash *root, uint64_t time, struct buf *out) GW_MUST_CHECK;
/* The same in two steps, for a key that signs elsewhere: the two texts that are to be signed (Ed25519), and the checkpoint of a text
 * and both signatures. What came back is to be held against the key by led_note_verify. */
int led_note_texts(const struct led_key *k, uint64_t size, const struct led_hash *root, uint64_t time, struct buf *text, struct buf *timed) GW_MUST_CHECK;
int led_note_join(const struct led_key *k, struct str text, uint64_t time, const unsigned char plain[64], const unsigned char timed[64],
    struct buf *out) GW_MUST_CHECK;
struct led_note {
    struct str text;   /* the signed text, borrowed */
    struct str sigs;   /* the signature lines, borrowed */
    struct str origin;
    uint64_t size;
    struct led_hash root;
    uint64_t time; /* set by led_note_verify; 0: no signed time */
};
/* The next note of a file at *off (which moves behind it and the empty line): 1, 0 at the end, SYNTAX (*off unchanged). */
int led_note_next(struct str file, size_t *off, struct led_note *ret) GW_MUST_CHECK;
/* 0; MISMATCH: the key's signature is wrong; NOENT: no signature of this key; SYNTAX. Sets time. */
int led_note_verify(const struct led_key *k, struct led_note *n) GW_MUST_CHECK;

/* ---- the folder ---- */
struct led_segment { uint64_t first; off_t size; char name[24]; };
struct led_dir { int fd; struct led_segment *v; size_t n; };
/* Lists the segments, by first record. NOENT, SYS, NOMEM. Does not look into them. */
int led_dir_open(const char *path, struct led_dir *ret) GW_MUST_CHECK;
int led_dir_list(struct led_dir *d) GW_MUST_CHECK; /* again, over the same fd */
void led_dir_close(struct led_dir *d);
/* Maps or reads a whole file below dir_fd (at most max bytes): NOENT, SYS (errno), LIMIT, NOMEM. Freed by led_file_close. */
struct led_file { const char *p; size_t n; void *map; };
int led_file_open(int dir_fd, const char *name, size_t max, struct led_file *ret) GW_MUST_CHECK;
void led_file_close(struct led_file *f);
static inline struct str led_file_str(const struct led_file *f) { return (struct str){ f->p, f->n }; }

/* Lines of one segment, in order, with bounded memory; never follows a file that shrinks into a fault. */
struct led_lines { int fd; char *p; size_t from, to; uint64_t at; bool end; };
int led_lines_open(struct led_lines *l, int dir_fd, const char *name) GW_MUST_CHECK; /* NOENT, SYS, NOMEM */
/* 1 and a line (without newline, borrowed until the next call; l->at: bytes of the file up to and with it). 0: the end; what
 * follows the last newline is l->to - l->from bytes long, and a later call reads on if the file has grown. LIMIT: a line longer
 * than LED_LINE_MAX was passed over. SYS. */
int led_lines_next(struct led_lines *l, struct str *ret) GW_MUST_CHECK;
void led_lines_close(struct led_lines *l);

#endif
