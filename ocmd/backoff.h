/* SPDX-License-Identifier: ISC */
/*
 * How long a dead child waits for its next life: not at all, as long as
 * deaths are no loop.  After more than `limit` deaths in ten seconds it waits
 * 100 ms, doubling to 5 s, until one of its lives has lasted ten seconds.
 */
#ifndef OCMD_BACKOFF_H
#define OCMD_BACKOFF_H

#include <stdint.h>

enum {
	BACKOFF_WINDOW_S = 10,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 5000,
	BACKOFF_FORGET_MS = BACKOFF_WINDOW_S * 1000,
};

struct backoff {			/* zeroes: never died */
	uint32_t	next_ms;	/* 0: deaths are no loop */
	uint32_t	deaths[BACKOFF_WINDOW_S];	/* of one second each */
	uint64_t	second;		/* of the newest */
};

/*
 * After a death now, with a life of lived_ms before it: milliseconds to wait.
 * now_ms does not run backwards.
 */
uint32_t backoff_delay(struct backoff *, uint64_t now_ms, uint64_t lived_ms,
	    uint32_t limit);
/* Deaths of the last ten seconds, the one told last among them. */
uint32_t backoff_deaths(const struct backoff *);

#endif
