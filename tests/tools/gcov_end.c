/* SPDX-License-Identifier: GPL-3.0-or-later
 * For COVERAGE=1 alone, linked into everything: a process that leaves by _exit() writes its counters too. Who is killed does not. */
#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}
