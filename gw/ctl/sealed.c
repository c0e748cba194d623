/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate values` and `lockgate fingerprint`: what must not leave, turned into keyed hashes that detectors in rules/dlp use. */
#include <stdio.h>

#include "content.h"
#include "verbs.h"

static const char values_usage[] =
    "usage: lockgate values --key KEY -o OUT LIST...\n"
    "\n"
    "Turns lists of secret values (names, numbers, phrases; one a line, # begins a remark) into a file of keyed hashes, for a detector with\n"
    "values = \"OUT\"; key = \"KEY\"; in rules/dlp. Case, blanks and punctuation do not matter when a value is looked for.\n";
static const char fingerprint_usage[] =
    "usage: lockgate fingerprint --key KEY -o OUT FILE...\n"
    "\n"
    "Turns documents (UTF-8 text, blank lines between paragraphs) into a file of keyed fingerprints, for a detector with\n"
    "fingerprints = \"OUT\"; key = \"KEY\"; in rules/dlp. Paragraphs are found again whatever becomes of their blanks, lines and punctuation.\n";
static const char options[] =
    "\n"
    "  --key KEY  the key (64 hexadecimal digits); it is made when it is not there. Keep it where only root can read it.\n"
    "  -o OUT     the file to write\n"
    "\n"
    "Exit status: 0 written, 1 it could not be done, 2 wrong usage.\n";

static int usage(const char *text, FILE *to, int status)
{
    fputs(text, to);
    fputs(options, to);
    return status;
}

static int make(int argc, char **argv, const char *text, bool values)
{
    const char *key = NULL, *out = NULL;
    int n = 1;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return usage(text, stdout, CTL_YES);
        else if (!strcmp(argv[i], "--key") && more)
            key = argv[++i];
        else if (!strcmp(argv[i], "-o") && more)
            out = argv[++i];
        else if (argv[i][0] == '-')
            return fprintf(stderr, "lockgate %s: \"%s\" is not understood\n", argv[0], argv[i]), usage(text, stderr, CTL_USAGE);
        else
            argv[n++] = argv[i];
    }
    if (!key || !out || n == 1)
        return usage(text, stderr, CTL_USAGE);
    struct conf_errors errs;
    struct content_made made;
    conf_errors_init(&errs);
    const char *const *files = (const char *const *)argv + 1;
    int err = values ? content_make_values(key, out, files, (size_t)n - 1, &made, &errs) : content_make_fingerprints(key, out, files, (size_t)n - 1, &made, &errs);
    conf_errors_print(&errs, stderr);
    if (err && !errs.n_errors)
        fprintf(stderr, "lockgate %s: %s\n", argv[0], gw_strerror(err));
    conf_errors_clear(&errs);
    if (err)
        return CTL_NO;
    if (values)
        printf("%s: %zu values, %zu left out\n", out, made.entries, made.left_out);
    else
        printf("%s: %zu fingerprints of %zu paragraphs, %zu too short\n", out, made.entries, made.paragraphs, made.left_out);
    if (!made.entries)
        fprintf(stderr, "lockgate %s: nothing was found that could be looked for\n", argv[0]);
    return made.entries ? CTL_YES : CTL_NO;
}

int verb_values(int argc, char **argv) { return make(argc, argv, values_usage, true); }
int verb_fingerprint(int argc, char **argv) { return make(argc, argv, fingerprint_usage, false); }
