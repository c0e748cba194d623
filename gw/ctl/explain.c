/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate explain`: what each rule answers about one stanza, sentence by sentence, and what leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stanza_file.h"
#include "verbs.h"

static const char usage[] =
    "usage: lockgate explain [-c CONF | --rules DIR] [--from high|low] [-v] [--show] STANZA.xml\n"
    "\n"
    "Says which rules looked at a stanza, what each answered and why, and what leaves. Nothing is sent.\n"
    "\n"
    "  STANZA.xml     a file with one message, presence or iq; - reads standard input;\n"
    "                 or a decrypted piece of evidence\n"
    "  --from SIDE    the side that it comes from (default: where the sender's domain lives)\n"
    "  --before FILE  a stanza that went before it, such as the question (may be given again)\n"
    "  --show         the stanza itself, first\n"
    "  -v             every answer of every condition\n"
    "  --rules DIR    these rules, without a configuration\n"
    "  -c CONF        the configuration (default " CTL_CONF_DEFAULT ")\n"
    "\n"
    "Exit status: 0 it would be released, 1 it would not, 2 wrong usage or a file that is no stanza, 78 wrong configuration.\n";

struct asked { const char *conf, *rules, *from, *file, *before[16]; size_t n_before; bool all, show; };

static int read_options(int argc, char **argv, struct asked *a)
{
    *a = (struct asked){ .conf = CTL_CONF_DEFAULT };
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "-c") && more)
            a->conf = argv[++i];
        else if (!strcmp(argv[i], "--rules") && more)
            a->rules = argv[++i];
        else if (!strcmp(argv[i], "--from") && more && (!strcmp(argv[i + 1], "high") || !strcmp(argv[i + 1], "low")))
            a->from = argv[++i];
        else if (!strcmp(argv[i], "--before") && more && a->n_before < 16)
            a->before[a->n_before++] = argv[++i];
        else if (!strcmp(argv[i], "--show"))
            a->show = true;
        else if (!strcmp(argv[i], "-v"))
            a->all = true;
        else if ((argv[i][0] != '-' || !argv[i][1]) && !a->file)
            a->file = argv[i];
        else
            return ctl_unknown(argv[0], argv[i], usage);
    }
    return a->file ? 0 : (fputs(usage, stderr), CTL_USAGE);
}

/* One rule's steps: its conditions, then its answer. A rule that does not hold is said in one line, with the condition that said no. */
static void print_steps(const struct pol_step_info *v, size_t n, bool all)
{
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i].is_condition)
            continue;
        bool quiet = v[i].answer == TRI_NO && v[i].rule && !all;
        printf("  %.*s", STR_ARG(v[i].text));
        for (size_t k = first; k < i && quiet; k++)
            if (v[k].answer == TRI_NO) {
                printf("  (%.*s)", STR_ARG(v[k].text));
                break;
            }
        putchar('\n');
        for (size_t k = first; k < i && !quiet; k++)
            printf("      %.*s\n", STR_ARG(v[k].text));
        first = i + 1;
    }
}

static void print_verdict(const struct judge *j, const struct rec *in, const struct pol_verdict *v)
{
    struct rec *answer = NULL;
    char *text;
    printf("\nVerdict: %s", gw_verdict_name(v->verdict));
    if (v->rule)
        printf(", by rule %u (%.*s)", v->rule, STR_ARG(v->rule_name));
    printf("; %s; severity %.*s\n", gw_reason_text(v->reason), STR_ARG(v->severity));
    for (size_t i = 0; i < v->n_changed; i++)
        printf("Changed: %.*s\n", STR_ARG(v->changed[i]));
    if (v->n_changes > v->n_changed)
        printf("Changed: %zu more that are not listed\n", v->n_changes - v->n_changed);
    for (size_t i = 0; i < v->n_noted; i++)
        printf("Noted only: detector %.*s\n", STR_ARG(v->noted[i]));
    if (v->out && (text = stanza_xml(v->out))) {
        printf("%s:\n  %s\n", v->verdict == GW_V_HOLD ? "Kept" : "Leaves as", text);
        free(text);
    }
    if (v->reply) {
        if ((text = stanza_xml(v->reply)))
            printf("The gateway answers the sender itself:\n  %s\n", text);
        free(text);
    } else if (v->answer && !pol_answer(judge_eval(j), STR("0-0"), &answer)) {
        if ((text = stanza_xml(answer)))
            printf("The sender gets:\n  %s\n", text);
        free(text);
        rec_free(answer);
    } else if (v->for_asker && !pol_substitute(judge_eval(j), &answer)) {
        if ((text = stanza_xml(answer)))
            printf("Who asked gets, in its place:\n  %s\n", text);
        free(text);
        rec_free(answer);
    } else if (v->verdict == GW_V_REJECT) {
        printf("The sender gets nothing: %s\n", in->kind == REC_IQ || !str_eq(in->type, STR("error")) ?
            "an error in return would do harm (it comes from a room, is an answer itself, or says that somebody left)" :
            "errors are never answered");
    }
}

int verb_explain(int argc, char **argv)
{
    struct asked a;
    struct rules_place place;
    const struct pol_step_info *steps;
    const char *why;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return fputs(usage, stdout) < 0 ? CTL_NO : CTL_YES;
    int status = read_options(argc, argv, &a);
    if (status || (status = rules_place_load(a.conf, a.rules, &place)))
        return status;
    int64_t now = (int64_t)time(NULL) * 1000;
    struct judge *j = judge_new(place.dir, now, false);
    struct rec *r = j ? stanza_read(a.file, &place, &why) : NULL;
    status = j ? CTL_USAGE : CTL_CONF;
    if (j && !r)
        fprintf(stderr, "%s: no stanza can be read here: %s\n", a.file, why);
    if (r) {
        enum gw_side side = stanza_side(&place, a.from, r);
        printf("%s%s%.*s from %.*s to %.*s, %s\n\n", rec_kind_name(r->kind), r->type.n ? " of type " : "", STR_ARG(r->type), STR_ARG(r->from),
            STR_ARG(r->to), side == GW_HIGH ? "high to low" : "low to high");
        if (!a.from && !stanza_side_known(&place, r))
            printf("Taken as from the high side: %s. If it is from the other, say --from low.\n\n",
                place.conf ? "the configuration does not say where the sender's domain lives" : "without a configuration nothing says where the sender's domain lives");
        char *came = a.show ? stanza_xml(r) : NULL;
        if (came)
            printf("The stanza:\n  %s\n\n", came);
        free(came);
        for (size_t i = 0; i < a.n_before; i++)
            if (stanza_before(a.before[i], &place, j, r, side, now, &why))
                fprintf(stderr, "%s: this is no stanza: %s\n", a.before[i], why);
        pol_explain(judge_eval(j), true);
        const struct pol_verdict *v = judge_stanza(j, r, side, now);
        size_t n = pol_steps(judge_eval(j), &steps);
        print_steps(steps, n, a.all);
        print_verdict(j, r, v);
        status = v->verdict == GW_V_RELEASE ? CTL_YES : CTL_NO;
    }
    judge_free(j);
    rec_free(r);
    rules_place_free(&place);
    return status;
}
