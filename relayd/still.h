/* SPDX-License-Identifier: ISC */
/*
 * A room's receivers as they were at a moment, to be sent to while the room
 * itself goes on changing: whoever leaves is left out, whoever moves is sent
 * to where it was.  Taken by window.c when somebody moves in the midst of a
 * window, so that nobody has to wait for the end of that window.  To find one
 * who leaves takes no longer where there are many: all may leave at once.
 */
#ifndef RELAYD_STILL_H
#define RELAYD_STILL_H

#include <stdbool.h>
#include <stdint.h>

#include "fanout.h"

struct still {
	struct fanout	 fanout;	/* nothing but its groups */
	uint32_t	 list;		/* of groups: + 1, 0 none */
	uint32_t	 n;		/* receivers */
	struct mmsghdr	*entry;		/* of all groups */
	struct receiver	**who;		/* they are, NULL: has left */
	union dest	*dest;		/* of those who moved since */
	uint32_t	*was;		/* the number of a group, there */
};

/* For up to so many receivers.  fatal where memory is short. */
void	still_make(struct still *, uint32_t receivers);
/*
 * Copies the groups of a list, in their order; receivers' addresses stay
 * theirs, and a receiver who moves or leaves has to be said before it does.
 * Nobody is in more than one copy that is in use.
 */
void	still_take(struct still *, const struct fanout *, uint32_t list);
/*
 * The number (+ 1) that a group of that list has here; 0 for 0, and
 * UINT32_MAX where it is of another list.
 */
uint32_t still_group(const struct still *, uint32_t group);
/* Nothing more is sent to that receiver, if it is here. */
void	still_leave(struct still *, const struct receiver *);
/* Its address is about to change: it is sent to the oldest one. */
void	still_keep(struct still *, const struct receiver *);

#endif
