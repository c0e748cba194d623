// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a guard is told by the one before it, as hostile bytes (u16 length and a record, again and again): it is refused or taken, and what
 * was taken can be handed on and is taken there. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jid.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1700000000000
static struct policy *policy;

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

static void begin(void)
{
    char dir[] = "/tmp/lockgate-fuzz-XXXXXX", path[128];
    struct conf_errors errs;
    conf_errors_init(&errs);
    if (jid_init() || !mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/profiles", dir);
    if (mkdir(path, 0700))
        abort();
    snprintf(path, sizeof path, "%s/profiles/p.conf", dir);
    put(path, "title = \"t\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; } );");
    snprintf(path, sizeof path, "%s/main.rules", dir);
    put(path, "profiles = [ \"p\" ]; rules = ( { id = 1; name = \"n\"; action = \"release\"; } );");
    if (policy_load(dir, 0, &policy, &errs))
        abort();
    conf_errors_clear(&errs);
    for (const char *const *n = (const char *const[]){ "main.rules", "profiles/p.conf", "profiles", "", NULL }; *n; n++) {
        snprintf(path, sizeof path, "%s/%s", dir, *n);
        (void)!remove(path);
    }
}

static int hand_on(void *ctx, struct str record) { return pol_state_take(ctx, policy, record, NOW); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!policy)
        begin();
    struct pol_state *s = pol_state_new(), *next = pol_state_new();
    int rc = !s || !next;
    for (size_t at = 0; !rc && at + 2 <= size;) {
        size_t n = (size_t)data[at] << 8 | data[at + 1];
        at += 2;
        n = n < size - at ? n : size - at;
        rc = pol_state_take(s, policy, (struct str){ (const char *)data + at, n }, NOW);
        at += n;
    }
    if (s && next && pol_state_give(s, policy, NOW, hand_on, next))
        abort(); /* what was taken is in order */
    pol_state_free(s);
    pol_state_free(next);
    return 0;
}
