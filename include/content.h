/* SPDX-License-Identifier: GPL-3.0-or-later
 * What text says: YARA rules and DLP detectors over the pieces of one stanza. A library without processes: lockgate-scanner and
 * `lockgate explain` call the same functions. One struct content serves one thread. */
#ifndef LOCKGATE_CONTENT_H
#define LOCKGATE_CONTENT_H

#include "conf.h"
#include "scan.h"

struct content;

/* Compiles everything below rules_dir that looks at text: yara/ *.yar (each stanza), yara/files/ *.yar (opened encodings of binary
 * data), dlp/ *.conf. A missing folder is an empty one. All mistakes of all files are collected in errs as file:line. Opens all
 * that scanning will ever need, so that a sandbox may close behind it. Returns 0, CONF (errs says why), NOMEM. */
int content_load(const char *rules_dir, struct content **ret, struct conf_errors *errs) GW_MUST_CHECK;
/* The same, with a file that keeps compiled patterns, so that a program that is started again is ready at once. It is used only when
 * it belongs to this user, nobody else may write it, and it was made from the same patterns, for this processor; else it is written anew (or
 * not, when that fails: it only saves time). Of programs that start together one compiles and the others wait for it. */
#define CONTENT_CACHE "scanner.patterns" /* in the state folder, written by `lockgate check` and by scanners before their sandbox closes */
int content_load_cached(const char *rules_dir, const char *cache, struct content **ret, struct conf_errors *errs) GW_MUST_CHECK;
void content_free(struct content *c); /* NULL is fine */

/* Scans one request. Matches and their names live in the arena. Every span lies inside its segment's text, on character
 * boundaries; matches that show the same thing in several segments share `hit`. ret->status is SCAN_UNKNOWN, without matches, when
 * a limit was reached, text was not valid UTF-8 or a scanner failed: never a partial answer. Returns 0, or NOMEM. */
int content_scan(struct content *c, const struct scan_request *r, struct arena *a, struct scan_result *ret) GW_MUST_CHECK;

/* What is loaded, for `lockgate check` and `explain`. Strings live as long as c. */
struct content_rule {
    enum scan_source source; /* YARA, DLP; NOTED: a detector in log-only mode; TEXT: a finding about the text itself */
    const char *name;        /* as in scan_match.rule */
    const char *about;       /* a sentence, or "" (YARA: meta description) */
    const char *file;
    int64_t id;                    /* YARA meta id; -1: none */
    const char *action, *severity; /* YARA meta, or "" */
    struct scan_meta meta;         /* the same, as matches carry it */
    bool for_files;
};
size_t content_rule_count(const struct content *c);
void content_rule_get(const struct content *c, size_t i, struct content_rule *ret);
/* The keys of a detector in dlp/ *.conf, for `lockgate check --list-detectors`. */
void content_describe(FILE *to);
bool content_knows(const struct content *c, enum scan_source source, struct str name);

/* ---- lists without plain text, for detectors with `values` or `fingerprints` ---- */
/* entries: hashes that were written; paragraphs: of documents; left_out: values or paragraphs too short to be found without false alarms. */
struct content_made { size_t entries, paragraphs, left_out; };
/* Reads the files (values: one a line, # remarks; documents: UTF-8 text, blank lines between paragraphs) and writes `out` anew, with the key
 * in the file `key`, which is made when it is not there. 0; CONF, SYS and the like with mistakes in errs; LIMIT (4 million hashes, 256 MiB a
 * file), NOMEM. What was left out of values stands in errs as warnings. */
int content_make_values(const char *key, const char *out, const char *const *files, size_t n, struct content_made *ret, struct conf_errors *errs) GW_MUST_CHECK;
int content_make_fingerprints(const char *key, const char *out, const char *const *files, size_t n, struct content_made *ret, struct conf_errors *errs) GW_MUST_CHECK;

/* Runs each detector's own examples (match, clean in its file); failures are added to errs. Returns how many examples ran. */
size_t content_self_test(struct content *c, struct conf_errors *errs);

#endif
