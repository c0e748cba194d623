/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys that are on a token: the token program is asked, one question of each edge at a time, and what it answers is held against
 * the certificate, since a vendor's code made it. */
#include "keeper.h"

#define ANSWER_MS 900 /* the edge waits for a second */

const char *away_ask(struct keeper *k, struct away *a, const struct key *key, const struct msg_sign *q, int64_t now)
{
    struct msg_sign to = { .ask = k->token_asked + 1, .domain = str_c(key->token), .scheme = q->scheme, .input = q->input };

    if (!keys_scheme_fits(key->pkey, q->scheme))
        return "a signature scheme that is not this key's";
    if (!k->token)
        return "the token's program is not there";
    if (k->token_owes) /* an edge that waits serves nobody: one such wait is enough */
        return "an answer of the token is overdue";
    buf_init(&a->input, 160u << 10);
    if (buf_puts(&a->input, q->input) < 0 || ipc_put_sign(k->token, &to) < 0) {
        buf_clear(&a->input);
        return "the token takes no question";
    }
    a->open = true;
    a->ask = q->ask;
    a->token_ask = to.ask;
    a->key = key;
    a->scheme = q->scheme;
    a->until = now + ANSWER_MS;
    k->token_asked++;
    (void)!ipc_flush(k->token); /* an error shows when it is read */
    return NULL;
}

const char *away_wrong(const struct away *a, struct str signature)
{
    if (signature.n == 0)
        return "the token did not sign";
    if (signature.n > SIGNATURE_MAX || !keys_signature_good(a->key->pkey, a->scheme, buf_str(&a->input), signature))
        return "what the token signs is not good for the certificate";
    return NULL;
}

void away_done(struct away *a)
{
    if (a->open)
        buf_clear(&a->input);
    a->open = false;
}
