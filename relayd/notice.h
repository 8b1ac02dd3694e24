/* SPDX-License-Identifier: ISC */
/*
 * What the server itself says to members (ocm-protocol(7), "Leaving and
 * notices"): who joined and left, why a member or a room is gone, and that
 * the server stops.  Only relay worker 0 speaks.
 */
#ifndef RELAYD_NOTICE_H
#define RELAYD_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl.h"
#include "peers.h"
#include "send.h"
#include "timers.h"

enum {
	NOTICE_ROOM_MAX = 64,		/* larger rooms are not told */
	NOTICE_GAP_MS = 1000,		/* between two in one room */
	NOTICE_PENDING = 1024,		/* rooms with one that waits */
	NOTICE_NAMES = 384,		/* bytes of names in one half */
};

struct notice_half {			/* "bob, carol and 3 more joined" */
	uint16_t	len;
	uint16_t	more;		/* names that did not fit */
	uint8_t		names[NOTICE_NAMES];
};

struct notice_pending {
	uint32_t	room, room_gen;
	uint32_t	next;		/* free or ready: index + 1 */
	struct notice_half joined, left;
};

struct notice_room {
	uint64_t	last_ms;	/* when it last got one */
	uint32_t	room_gen;	/* what last_ms is about */
	uint32_t	pending;	/* index + 1, 0 none */
};

struct notices {
	struct peers		*peers;
	struct outlet		*out;
	const struct ctl_settings *set;
	struct notice_room	*rooms;
	struct notice_pending	*pool;
	uint32_t		 fresh, free;	/* of the pool */
	uint32_t		 ready;		/* list: index + 1 */
	struct wheel		 wheel;		/* over rooms */
};

/* Keeps the pointers.  fatal where memory is short. */
void	notice_make(struct notices *, struct peers *, struct outlet *,
	    const struct ctl_settings *, uint64_t now_ms);

/* Notes for the room that a member joined, or is about to be forgotten. */
void	notice_joined(struct notices *, uint32_t slot, uint64_t now_ms);
void	notice_left(struct notices *, uint32_t slot, uint64_t now_ms);
/* Sends what was noted and may be said by now. */
void	notice_flush(struct notices *, uint64_t now_ms);
/* Milliseconds until notice_flush has something to do, -1: nothing. */
int	notice_wait(const struct notices *, uint64_t now_ms);

/* Tells one member why it is removed, where there is something to tell. */
void	notice_removed(struct notices *, uint32_t slot, enum ending);
/* Tells every member of a room, in the words of its dialect, why it ends. */
void	notice_closing(struct notices *, uint32_t room, enum ending);
/* Tells every member that the server stops; gives up at the deadline. */
void	notice_shutdown(struct notices *, uint64_t deadline_ms);

#endif
