/* SPDX-License-Identifier: GPL-3.0-or-later
 * The signing key is on a token: checkpoints are asked for over a channel (PROTOCOL.md, "Keys on a token"). Records never wait for
 * it. A checkpoint that does not come in time is late, which is a record; the next one covers what it would have. */
#include "journal.h"
#include "log.h"

#define ANSWER_MS 5000
#define LAST_MS 1500 /* the parent gives a program some seconds to end */
#define QUEUE_MAX 65536
#define SCHEME_ED25519 0x0807 /* RFC 8446 section 4.2.3 */

static struct channel *token_channel(struct journal *j)
{
    for (size_t i = 1; i < CHANNELS_MAX; i++)
        if (j->ch[i].c && j->ch[i].role == IPC_TOKEN)
            return &j->ch[i];
    return NULL;
}

void token_clear(struct token *t)
{
    if (!t->open)
        return;
    t->open = false;
    buf_clear(&t->text);
    buf_clear(&t->table);
}

/* Once for as long as it lasts. */
static void late(struct journal *j, const char *why)
{
    token_clear(&j->token);
    if (j->token.late)
        return;
    j->token.late = true;
    log_error("no checkpoint: %s", why);
    batch_event(j, "checkpoint-late", NULL, j->notary.tree.size - j->notary.signed_size, "the newest records have no signed checkpoint: %s", why);
}

/* ---- asking ---- */

static int put_questions(struct journal *j, struct channel *ch, struct str text, struct str timed)
{
    struct msg_sign q = { .ask = j->token.ask, .domain = str_c(j->conf->journal.key), .scheme = SCHEME_ED25519, .input = text };
    int err = ipc_put_sign(ch->c, &q);

    q.ask++;
    q.input = timed;
    return err ? err : ipc_put_sign(ch->c, &q);
}

static int ask(struct journal *j, struct channel *ch)
{
    struct token *t = &j->token;
    struct led_hash root;
    struct buf timed;
    int err = senders_table(&j->senders, j->notary.tree.size, settle_oldest(j), &t->table);

    if (err)
        return err;
    buf_init(&t->text, LED_NOTE_MAX);
    buf_init(&timed, LED_NOTE_MAX);
    t->open = true;
    t->got = 0;
    t->ask += 2;
    t->size = j->notary.tree.size;
    t->time = wall_us() / 1000000;
    t->until = mono_ms() + ANSWER_MS;
    led_tree_root(&j->notary.tree, &root);
    err = led_note_texts(j->notary.key, t->size, &root, t->time, &t->text, &timed);
    if (!err)
        err = put_questions(j, ch, buf_str(&t->text), buf_str(&timed));
    buf_clear(&timed);
    return err;
}

void token_ask(struct journal *j)
{
    struct channel *ch = token_channel(j);

    if (j->token.open || j->notary.tree.size == j->notary.signed_size)
        return;
    if (!ch || ipc_queued(ch->c) > QUEUE_MAX)
        late(j, ch ? "the token takes no questions" : "the token's program is not there");
    else if (ask(j, ch) < 0)
        late(j, "the token could not be asked");
    else
        (void)!ipc_flush(ch->c); /* an error shows when it is read */
}

void token_tick(struct journal *j)
{
    if (j->token.open && mono_ms() >= j->token.until)
        late(j, "the token did not answer in time");
}

/* ---- answers ---- */

/* What the token made is believed only when it is good for the public key that auditors have. */
static const char *write_note(struct journal *j)
{
    struct token *t = &j->token;
    struct led_note note;
    struct buf b;
    size_t off = 0;
    const char *wrong = NULL;

    buf_init(&b, LED_NOTE_MAX);
    if (led_note_join(j->notary.key, buf_str(&t->text), t->time, t->sig[0], t->sig[1], &b) < 0)
        wrong = "out of memory";
    else if (led_note_next(buf_str(&b), &off, &note) != 1 || led_note_verify(j->notary.key, &note) < 0 || note.time != t->time)
        wrong = "what the token signs is not good for keys/journal.pub";
    else
        checkpoint_done(j, notary_write(&j->notary, t->size, &b), &t->table);
    buf_clear(&b);
    return wrong;
}

void token_answer(struct journal *j, struct channel *ch, const struct ipc_msg *m)
{
    struct token *t = &j->token;
    struct msg_signed s;
    const char *wrong;

    if (ch->role != IPC_TOKEN || ipc_get_signed(m, &s) < 0) {
        links_break(j, ch, "a signature that nobody asked for");
        return;
    }
    if (!t->open || s.ask < t->ask || s.ask > t->ask + 1)
        return; /* of a question that was given up */
    if (s.signature.n != 64) {
        late(j, s.signature.n ? "the token's signature has a wrong length" : "the token did not sign");
        return;
    }
    memcpy(t->sig[s.ask - t->ask], s.signature.p, 64);
    t->got |= 1u << (s.ask - t->ask);
    if (t->got != 3 || j->blocked)
        return;
    wrong = write_note(j);
    if (wrong) {
        late(j, wrong);
        return;
    }
    token_clear(t);
    if (t->late)
        batch_event(j, "checkpoint-again", NULL, j->notary.signed_size, "the token signs again; all records up to here have a checkpoint");
    t->late = false;
}

void token_last(struct journal *j)
{
    int64_t until = mono_ms() + LAST_MS, now;
    struct channel *ch;

    token_clear(&j->token);
    token_ask(j);
    while (j->token.open && (ch = token_channel(j)) && (now = mono_ms()) < until) {
        struct ipc_msg m;
        bool ready;
        if (ipc_wait(&ch->c, 1, -1, (int)(until - now), &ready, NULL) < 0 || (ready && ipc_fill(ch->c) < 0))
            break;
        while (ch->c && ipc_next(ch->c, &m) == 1)
            if (m.type == IPC_M_SIGNED)
                token_answer(j, ch, &m);
    }
    if (j->token.open)
        log_warn("the last records have no signed checkpoint: the token did not answer");
}
