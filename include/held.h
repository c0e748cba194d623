/* SPDX-License-Identifier: GPL-3.0-or-later
 * A held stanza on disk (PROTOCOL.md, "Held stanzas"): the journal writes it, tools read it. */
#ifndef LOCKGATE_HELD_H
#define LOCKGATE_HELD_H

#define HELD_FOLDER "held"    /* below the state folder; mode 0700 */
#define HELD_SUFFIX ".held"   /* GUARD-NUMBER.held, as `held` in the journal's line */
#define HELD_MAGIC "LGHELD1\n"
#define HELD_SUM 32           /* SHA-256 over all before it */
/* magic, u64 guard, u64 number, u64 Unix time in milliseconds, u8 side it came from, STR record, sum */
#define HELD_OVERHEAD (8 + 8 + 8 + 8 + 1 + 4 + HELD_SUM)

#endif
