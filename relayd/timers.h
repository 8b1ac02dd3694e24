/* SPDX-License-Identifier: ISC */
/*
 * A hashed timer wheel over small numbers (slots, rooms, lobby clients): one
 * timer for each, no allocation, constant cost to set, move and cancel.  A
 * timer never fires early, and late by less than two ticks.
 */
#ifndef RELAYD_TIMERS_H
#define RELAYD_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_BUCKETS = 512 };		/* power of two, multiple of 64 */
#define WHEEL_NONE UINT32_MAX

struct wheel_timer {			/* links are numbers + 1, 0 is none */
	uint32_t	next, prev;
	uint32_t	due;		/* tick; 0: not set */
};

struct wheel {
	struct wheel_timer *timers;
	uint32_t	 tick_ms;
	uint32_t	 now;		/* tick up to which all was looked at */
	uint32_t	 cursor;	/* next to look at in bucket `now` */
	uint32_t	 set;		/* timers that are set */
	uint64_t	 base_ms;	/* time of tick 0 */
	uint64_t	 filled[WHEEL_BUCKETS / 64];	/* a bit per bucket */
	uint32_t	 bucket[WHEEL_BUCKETS];
};

/* For numbers 0..count-1.  fatal where memory is short. */
void	wheel_make(struct wheel *, uint32_t count, uint32_t tick_ms,
	    uint64_t now_ms);
/* Sets or moves the timer of n; a time in the past fires at the next look. */
void	wheel_set(struct wheel *, uint32_t n, uint64_t due_ms);
void	wheel_cancel(struct wheel *, uint32_t n);
/*
 * A number whose time has come, which is then no longer set; WHEEL_NONE when
 * there is no more.  Timers may be set and cancelled between calls.
 */
uint32_t wheel_expired(struct wheel *, uint64_t now_ms);
/* Milliseconds until a look may be worth while, -1: nothing is set. */
int	wheel_wait(const struct wheel *, uint64_t now_ms);

#endif
