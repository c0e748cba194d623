/* SPDX-License-Identifier: GPL-3.0-or-later
 * Mistakes of thought in a rule set that is right in form. */
#include <string.h>

#include "internal.h"

void policy_lint(const struct policy *p, int64_t now_ms, struct conf_errors *errs)
{
    const struct pol_rule *always = NULL;
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct pol_rule *r = &p->rules[i];
        if (!r->enabled)
            continue;
        if (always)
            conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u can never fire: rule %u (%s:%u) decides about every stanza before it",
                r->id, always->id, always->file, always->line);
        if (!always && action_decides(r->action) && !r->when.n_sub)
            always = r;
        if (r->action == ACT_RELEASE && !r->n_tests)
            conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u releases and has no test", r->id);
        if (r->expires_ms > now_ms && r->expires_ms - now_ms < 14 * 86400000LL)
            conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u ends within 14 days", r->id);
    }
}
