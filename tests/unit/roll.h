/* SPDX-License-Identifier: ISC */
/* Chance that a seed repeats, on every platform.  Included by the tests. */
#ifndef ROLL_H
#define ROLL_H

static unsigned seed = 1;

/* 0 to n - 1. */
static inline unsigned
roll(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

#endif
