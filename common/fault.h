/* SPDX-License-Identifier: ISC */
/*
 * Fault points: places where a test makes a process die or hang; and
 * mutants: mistakes that a test has the code make, to see that they are
 * noticed.  They are compiled in with `make FAULTS=1` alone, for tests/faults
 * and tests/model; in every other build nothing is left of them.
 */
#ifndef OCM_FAULT_H
#define OCM_FAULT_H

#include <stdbool.h>

#ifdef OCM_FAULTS
#include <stddef.h>

/* Dies or hangs where the test has ordered it (tests/faults/fault.c). */
void	fault_point(const char *name);
/* The same, at the point `poison`, where a message is the word for it. */
void	fault_poison(const void *msg, size_t len);
/* Whether the mistake of this name is to be made ($OCM_MUTANT). */
bool	fault_mutant(const char *name);
#define FAULT(name)		fault_point(#name)
#define FAULT_POISON(msg, len)	fault_poison(msg, len)
#define MUTANT(name)		fault_mutant(#name)
#else
#define FAULT(name)		((void)0)
#define FAULT_POISON(msg, len)	((void)0)
#define MUTANT(name)		false
#endif

#endif
