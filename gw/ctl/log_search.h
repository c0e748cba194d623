/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate log`: what its files share. A search reads records in order, keeps those that fit, and gives them to one sink. */
#ifndef LOCKGATE_CTL_LOG_SEARCH_H
#define LOCKGATE_CTL_LOG_SEARCH_H

#include "ledger.h"

/* One record with its members; all borrow from line. */
struct log_rec {
    struct str line;
    uint64_t time_us, seq;
    struct led_member m[LED_FIELDS_MAX];
    size_t n;
};
/* SYNTAX when the line is none. */
int log_rec_read(struct log_rec *r, struct str line) GW_MUST_CHECK;
/* A member's raw text (of a string: still escaped, of a list: with quotation marks and commas, of a number: digits), or p NULL. Besides the
 * members: "day", "hour", "minute" (of the timestamp), "pair" (from_domain and to_domain). */
struct str log_get(const struct log_rec *r, const char *name);

/* ---- what fits ---- */
#define LOG_CONDS_MAX 32
enum log_cond_kind { LOG_IS, LOG_HAS, LOG_ADDRESS, LOG_DOMAIN, LOG_WHO, LOG_SIDE, LOG_RULE, LOG_STREAM, LOG_TEXT, LOG_SEVERITY };
struct log_cond { enum log_cond_kind kind; const char *name; char *value; };
struct log_filter {
    struct log_cond v[LOG_CONDS_MAX];
    size_t n;
    uint64_t from_us, to_us; /* to_us: not any more */
    uint64_t first, last;    /* records */
    bool refused;
    char literal[300];       /* a text that each fitting line holds, to pass over others quickly; empty: none */
};
/* SYNTAX; says on standard error what is legal. */
int log_filter_add(struct log_filter *f, enum log_cond_kind kind, const char *name, const char *value) GW_MUST_CHECK;
/* log_words.c: a condition's value, where only certain words occur, and names of members (joined by commas). SYNTAX, said on
 * standard error with what is allowed. */
extern const char *const log_severities[]; /* least first, then NULL */
int log_words_check(enum log_cond_kind kind, const char *name, const char *value) GW_MUST_CHECK;
int log_names_check(const char *names) GW_MUST_CHECK;
struct str log_meaning(struct str code); /* the sentence of a reason's code; p NULL: there is none */
char *log_filter_words(const struct log_filter *f, uint64_t newest); /* malloc; "" when all records fit. newest: only so many, 0: all */
void log_filter_finish(struct log_filter *f);
bool log_filter_fits(const struct log_filter *f, const struct log_rec *r);
void log_filter_clear(struct log_filter *f);
/* "2026-11-20", "2026-11-20T10:00", "today", "yesterday", "2h" (ago). end: the end of what was named. SYNTAX. */
int log_time(const char *text, bool end, uint64_t *ret_us) GW_MUST_CHECK;

/* ---- where they go ---- */
struct log_sink {
    void (*begin)(void *arg);
    int (*take)(void *arg, const struct log_rec *r); /* not 0: enough */
    void (*end)(void *arg);
    void *arg;
};
struct log_search {
    struct led_dir dir;
    struct log_filter filter;
    struct log_sink sink;
    bool follow, progress, no_index;
    uint64_t last;      /* only the last n that fit; 0: all */
    uint64_t read, fit; /* counts */
    const char *folder;
};
int log_search(struct log_search *s) GW_MUST_CHECK;
/* log_period.c: nothing was found; says so on standard error, and of which time the records are. */
void log_say_nothing(const struct log_search *s);

/* sinks; their state is static, one a process */
void log_sink_text(struct log_sink *s, bool colour);
void log_sink_json(struct log_sink *s);
void log_sink_csv(struct log_sink *s, const char *fields);
void log_csv_text(struct str s); /* text with the journal's escapes, inside the quotation marks of a cell */
void log_sink_count(struct log_sink *s, const char *fields, bool json, bool csv, bool colour);
void log_sink_html(struct log_sink *s, const char *title, const char *filter); /* filter: in words, "": none */
void log_sink_ecs(struct log_sink *s);
void log_sink_ocsf(struct log_sink *s);

/* ---- counting ---- */
struct log_count { char *key; uint64_t n; };
struct log_counts { struct log_count *v; size_t n, slots; uint32_t *slot; };
#define LOG_COUNTS_MAX 1000000 /* different keys; more are counted under "(others)" */
void log_counts_add(struct log_counts *c, struct str key, uint64_t n);
void log_counts_sort(struct log_counts *c); /* most first; the table takes no more after it */
void log_counts_clear(struct log_counts *c);

/* ---- index (log_index.c) ---- */
/* A shortcut in SQLite, in the user's cache folder: for each block of records, which values occur in it. It only says where to
 * look: what is shown is read from the journal. It may be deleted at any time. */
struct log_place { uint64_t segment, offset, length; }; /* lines of a segment */
struct log_index_end { uint64_t seq, segment, offset; }; /* how far the index reaches */
/* Extends the index of a folder, with progress when asked. */
int log_index_build(const char *folder, bool progress) GW_MUST_CHECK;
/* 1: *ret_places (malloc) are where records up to *ret_end may fit. 0: no index, or it does not help. */
int log_index_ask(const char *folder, const struct log_filter *f, struct log_place **ret_places, size_t *ret_n, struct log_index_end *ret_end);
/* Extends the index in a process of its own when there is much to gain. */
void log_index_background(const char *folder, uint64_t bytes);

#endif
