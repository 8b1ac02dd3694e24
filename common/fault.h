/* SPDX-License-Identifier: ISC */
/*
 * Fault points: places where a test makes a process die or hang.  They are
 * compiled in with `make FAULTS=1` alone, for tests/faults; in every other
 * build nothing is left of them.
 */
#ifndef OCM_FAULT_H
#define OCM_FAULT_H

#ifdef OCM_FAULTS
#include <stddef.h>

/* Dies or hangs where the test has ordered it (tests/faults/fault.c). */
void	fault_point(const char *name);
/* The same, at the point `poison`, where a message is the word for it. */
void	fault_poison(const void *msg, size_t len);
#define FAULT(name)		fault_point(#name)
#define FAULT_POISON(msg, len)	fault_poison(msg, len)
#else
#define FAULT(name)		((void)0)
#define FAULT_POISON(msg, len)	((void)0)
#endif

#endif
