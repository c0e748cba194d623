/* SPDX-License-Identifier: GPL-3.0-or-later
 * For targets that load a whole set of rules with one file of arbitrary bytes in it. */
#ifndef LOCKGATE_FUZZ_POLICY_FOLDER_H
#define LOCKGATE_FUZZ_POLICY_FOLDER_H

#include "folder.h"
#include "libconfig_leaks.h"
#include "policy.h"

/* The set in the folder, or NULL when it is refused: with mistakes that say something. */
static struct policy *folder_policy(void)
{
    struct policy *p = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    int rc = policy_load(folder, 1, &p, &errs);
    if ((rc == 0) != (p != NULL))
        abort();
    if (p)
        policy_lint(p, 1, &errs);
    mistakes_must(rc, &errs);
    conf_errors_clear(&errs);
    return p;
}

__attribute__((unused)) static struct policy *folder_policy_of(const char *rules)
{
    folder_put("main.rules", rules, strlen(rules));
    return folder_policy();
}

#endif
