/* SPDX-License-Identifier: ISC */
/*
 * How long a dead child waits for its next life: the first restart at once,
 * then 100 ms doubling to 5 s; ten seconds of life forget the past.
 */
#ifndef OCMD_BACKOFF_H
#define OCMD_BACKOFF_H

#include <stdint.h>

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 5000,
	BACKOFF_FORGET_MS = 10000,
};

struct backoff {
	uint32_t	next_ms;	/* 0: at once */
};

/* After a life of lived_ms: milliseconds to wait. */
uint32_t backoff_delay(struct backoff *, uint64_t lived_ms);

#endif
