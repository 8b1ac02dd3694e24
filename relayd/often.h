/* SPDX-License-Identifier: ISC */
/*
 * How often something was done within the same millisecond, by a member or by
 * all of them, where doing it often takes the time of others.  Of very many
 * members at once some are forgotten; none is ever taken for another.  Called
 * by relay.c and take.c.
 */
#ifndef RELAYD_OFTEN_H
#define RELAYD_OFTEN_H

#include <stdint.h>

enum often_kind {
	OFTEN_IDLE,		/* said what changes nothing */
	OFTEN_REFUSED,		/* said what was refused */
	OFTEN_ANSWERED,
	OFTEN_BLIND,		/* had JSON read that may be nobody's */
	OFTEN_KINDS
};
enum { OFTEN_PLACES = 256 };
#define OFTEN_ALL	UINT32_MAX	/* in place of a slot */

struct often_place {
	uint64_t	ms;
	uint32_t	slot;
	uint32_t	times[OFTEN_KINDS];
};

struct often {
	struct often_place all, member[OFTEN_PLACES];
};

/* How often so far; often_again: and that it is done once more. */
uint32_t often_times(const struct often *, uint64_t now_ms, uint32_t slot,
	    enum often_kind);
uint32_t often_again(struct often *, uint64_t now_ms, uint32_t slot,
	    enum often_kind);

#endif
