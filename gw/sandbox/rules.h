/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the lists of system calls are written with. A call that is on no list of its program ends the process. */
#ifndef GW_SANDBOX_RULES_H
#define GW_SANDBOX_RULES_H

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* A call that is allowed (error 0) or answered with an errno. Several rows for one call: any of them may match. */
struct sandbox_rule {
    int nr;
    int error;
    unsigned n_args;
    struct scmp_arg_cmp args[2];
};
struct sandbox_list {
    const struct sandbox_rule *v;
    size_t n;
};
#define SANDBOX_LIST(rows) { rows, sizeof rows / sizeof rows[0] }

#define ALLOW(call) { SCMP_SYS(call), 0, 0, { { 0 } } }
#define REFUSE(call, err) { SCMP_SYS(call), err, 0, { { 0 } } }
/* Allowed when argument a (from 0), of type int, has a value; when some bits of argument a are off; when pointer a is NULL. */
#define ALLOW_INT(call, a, value) { SCMP_SYS(call), 0, 1, { SCMP_CMP64(a, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(value)) } }
#define ALLOW_INTS(call, a, va, b, vb) { SCMP_SYS(call), 0, 2, { SCMP_CMP64(a, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(va)), \
    SCMP_CMP64(b, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(vb)) } }
#define ALLOW_WITHOUT(call, a, bits) { SCMP_SYS(call), 0, 1, { SCMP_CMP64(a, SCMP_CMP_MASKED_EQ, (bits), 0) } }
#define ALLOW_NULL(call, a) { SCMP_SYS(call), 0, 1, { SCMP_CMP64(a, SCMP_CMP_EQ, 0) } }

extern const struct sandbox_list sandbox_common, sandbox_no_files; /* common.c */
extern const struct sandbox_list sandbox_edge, sandbox_guard, sandbox_scanner, sandbox_journal, sandbox_admission, sandbox_keeper;
extern const struct sandbox_list sandbox_reader, sandbox_courier, sandbox_decoy, sandbox_token, sandbox_responder;
extern const struct sandbox_list sandbox_sanitizers; /* sanitizers.c; empty in an ordinary build */

#endif
