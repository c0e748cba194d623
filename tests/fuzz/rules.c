// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A rule file of arbitrary bytes: it is refused with mistakes that have a place, or loaded; and loading it leaves nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jid.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 loses the piece of a string that a syntax error cuts off: its own leak, not ours to see again in each run. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:strbuf_append\n"; }

static char dir[64];

static void put(const char *name, const void *p, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f))
        abort();
}

static void leave(void)
{
    static const char *const names[] = { "main.rules", "fuzz.rules", "profiles/p.conf", "lists/l.list", "profiles", "lists", "." };
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)!remove(i == 6 ? dir : path);
    }
}

static void begin(void)
{
    static const char profile[] = "title = \"t\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; } );";
    static const char rules[] = "profiles = [ \"p\" ]; files = [ \"fuzz.rules\" ];";
    char path[128];
    snprintf(dir, sizeof dir, "/tmp/lockgate-fuzz-XXXXXX");
    if (jid_init() || !mkdtemp(dir))
        abort();
    atexit(leave);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, i ? "lists" : "profiles");
        if (mkdir(path, 0700))
            abort();
    }
    put("profiles/p.conf", profile, sizeof profile - 1);
    put("lists/l.list", "a@b.example\n", 12);
    put("main.rules", rules, sizeof rules - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *p = NULL;
    struct conf_errors errs;
    if (!dir[0])
        begin();
    put("fuzz.rules", data, size);
    conf_errors_init(&errs);
    int rc = policy_load(dir, 1, &p, &errs);
    if ((rc == 0) != (p != NULL) || (rc && !errs.n_errors))
        abort(); /* refused without a reason */
    if (p)
        policy_lint(p, 1, &errs);
    for (size_t i = 0; i < errs.n; i++)
        if (!errs.v[i].text || !*errs.v[i].text)
            abort();
    conf_errors_clear(&errs);
    policy_free(p);
    return 0;
}
