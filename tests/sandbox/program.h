/* SPDX-License-Identifier: ISC */
/*
 * A role's filter as the kernel would get it, and what it answers: an
 * interpreter for the few instructions that libseccomp makes.  Used by
 * filter.c.
 */
#ifndef OCM_PROGRAM_H
#define OCM_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PROGRAM_ALLOWS = 1,
	PROGRAM_FAILS = 2,		/* with an errno */
	PROGRAM_KILLS = 4,
	PROGRAM_OTHER = 8,
};

/* Takes the program of a child with these SANDBOX_*; exits where it cannot. */
void	program_get(unsigned caps, bool strict);
/*
 * Its answer to a call of a processor; where args is NULL, all the answers
 * that any arguments could get, as bits.
 */
unsigned program_answers(uint32_t arch, uint32_t nr, const uint64_t args[6]);

#endif
