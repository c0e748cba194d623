/* SPDX-License-Identifier: GPL-3.0-or-later
 * Mistakes in configuration, collected in one pass and printed in the order of the file. */
#include <stdarg.h>
#include <stdlib.h>

#include "conf.h"

void conf_errors_init(struct conf_errors *e)
{
    *e = (struct conf_errors){ 0 };
}

void conf_errors_clear(struct conf_errors *e)
{
    for (size_t i = 0; i < e->n; i++) {
        free(e->v[i].file);
        free(e->v[i].text);
    }
    free(e->v);
    conf_errors_init(e);
}

void conf_error_add(struct conf_errors *e, enum conf_severity sev, const char *file, unsigned line, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    if (sev == CONF_ERROR)
        e->n_errors++;
    if (e->n >= CONF_ERRORS_MAX)
        return;
    if (!e->v)
        e->v = calloc(CONF_ERRORS_MAX, sizeof *e->v);
    if (!e->v)
        return; /* n_errors still counts it: nothing is started */
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = 0;
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    e->v[e->n] = (struct conf_error){ .file = file ? strdup(file) : NULL, .line = line, .severity = sev, .text = strdup(text) };
    if (e->v[e->n].text)
        e->n++;
    else
        free(e->v[e->n].file);
}

struct error_order {
    const struct conf_error *e;
    size_t at;
};

static int order(const void *pa, const void *pb)
{
    const struct error_order *a = pa, *b = pb;
    int c = strcmp(a->e->file ? a->e->file : "", b->e->file ? b->e->file : "");

    if (c != 0)
        return c;
    if (a->e->line != b->e->line)
        return a->e->line < b->e->line ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

void conf_errors_print(struct conf_errors *e, FILE *to)
{
    struct error_order o[CONF_ERRORS_MAX];
    size_t kept = 0;

    for (size_t i = 0; i < e->n; i++) {
        o[i] = (struct error_order){ &e->v[i], i };
        kept += e->v[i].severity == CONF_ERROR;
    }
    qsort(o, e->n, sizeof o[0], order);
    for (size_t i = 0; i < e->n; i++) {
        const struct conf_error *x = o[i].e; // cppcheck-suppress uninitvar // the first loop filled e->n of them

        if (x->file && x->line)
            fprintf(to, "%s:%u: ", x->file, x->line);
        else if (x->file)
            fprintf(to, "%s: ", x->file);
        fprintf(to, "%s%s\n", x->severity == CONF_WARNING ? "warning: " : "", x->text);
    }
    if (e->n_errors > kept)
        fprintf(to, "and %zu mistakes more\n", e->n_errors - kept);
}
