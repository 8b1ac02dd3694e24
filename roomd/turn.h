/* SPDX-License-Identifier: ISC */
/*
 * Whose turn it is.  One process serves everybody, so nobody who keeps it
 * busy may make others wait: who has used up a turn goes on when nothing
 * else is to be done.  Called by session.c; setup.c and control.c know the
 * priorities.
 */
#ifndef OCM_TURN_H
#define OCM_TURN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>

/* Of events.  libevent gives the middle one to all that are not asked. */
enum {
	PRIORITY_CONTROL,		/* ocmd, which wants an answer */
	PRIORITY_FRESH,
	PRIORITY_REST,			/* more work of the same ones */
	PRIORITIES
};

/* One turn, and what a request costs besides the bytes of its answer. */
enum { TURN_BYTES = 64 * 1024, TURN_REQUEST = 4 * 1024 };

struct turn {
	struct event	rest;
	size_t		left;		/* bytes */
};

/* fn is called with arg for each further turn, and for turn_rest only. */
void	turn_make(struct turn *, struct event_base *, event_callback_fn fn,
	    void *arg);
void	turn_begin(struct turn *);
void	turn_spend(struct turn *, size_t bytes);
bool	turn_over(const struct turn *);
/* There is more to do; others first. */
void	turn_rest(struct turn *);
void	turn_end(struct turn *);	/* no further turn is to come */

#endif
