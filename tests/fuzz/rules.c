// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A rule file of arbitrary bytes: it is refused with mistakes that have a place, or loaded; and loading it leaves nothing behind. */
#include "jid.h"
#include "policy_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(void)
{
    static const char profile[] = "title = \"t\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; } );";
    static const char rules[] = "profiles = [ \"p\" ]; files = [ \"fuzz.rules\" ];";
    if (jid_init())
        abort();
    folder_begin((const char *const[]){ "profiles", "lists", NULL });
    folder_put("profiles/p.conf", profile, sizeof profile - 1);
    folder_put("lists/l.list", "a@b.example\n", 12);
    folder_put("main.rules", rules, sizeof rules - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder[0])
        begin();
    folder_put("fuzz.rules", data, size);
    policy_free(folder_policy());
    return 0;
}
