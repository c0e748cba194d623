/* SPDX-License-Identifier: GPL-3.0-or-later
 * The one list of error codes. Functions that can fail return 0 or a negative code of this list. */
#ifndef LOCKGATE_ERR_H
#define LOCKGATE_ERR_H

#define GW_ERRORS(X) X(OK, "fine") X(NOMEM, "out of memory") X(LIMIT, "a limit was reached") X(SYNTAX, "not well formed") \
    X(PROTO, "not allowed by the protocol") X(IO, "input or output failed") X(CLOSED, "the other end closed") \
    X(AGAIN, "not yet") X(SYS, "a system call failed (see errno)") X(DENIED, "not permitted") X(UNKNOWN, "cannot tell") \
    X(CONF, "wrong configuration") X(NOENT, "not found") X(EXIST, "exists already") X(RANGE, "out of range") \
    X(CRYPTO, "cryptography failed") X(MISMATCH, "does not match") X(UNSUPPORTED, "not supported here")

enum gw_err {
#define X(name, text) GW_E_##name,
    GW_ERRORS(X)
#undef X
    GW_E_COUNT
};

/* Error codes as returned: GW_ERR(LIMIT) is negative, GW_ERR(OK) is 0. */
#define GW_ERR(name) (-(int)GW_E_##name)

/* must_check: the caller may not drop the result. */
#define GW_MUST_CHECK __attribute__((warn_unused_result))

/* A local that the compiler does not clear where it is declared (-ftrivial-auto-var-init clears all): for large arrays on the way of
 * every stanza, of which nothing is read but what was written. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define GW_UNSET __attribute__((uninitialized))
#else
#define GW_UNSET
#endif

/* The sentence of a code as returned (negative or 0). Never NULL, static. */
const char *gw_strerror(int err);

#endif
