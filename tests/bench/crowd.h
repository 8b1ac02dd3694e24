/* SPDX-License-Identifier: ISC */
/*
 * N members in each of R rooms, over the real protocol: joined by TCP, then
 * talking over UDP, each from an address and port of its own; where so many
 * have no descriptor each, several on one socket.  Every message begins with
 * its number and its room and is kept as its hearers must get it, so that a
 * delivery is checked with one comparison of all its bytes.  Used by
 * bench_relay; one thread.
 */
#ifndef OCM_BENCH_CROWD_H
#define OCM_BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

struct crowd;

struct crowd_plan {
	const char	*name;		/* what its rooms' names begin with */
	const char	*rooms_addr;	/* "127.0.0.1:9001" */
	const char	*relay_addr;
	bool		 lobby;		/* its protocol; rooms_addr is unused */
	unsigned	 rooms, size;	/* members of each */
	unsigned	 talkers;	/* how many of them talk; 0: all */
	size_t		 bytes;		/* of a message */
	bool		 mixed;		/* anything up to that */
	bool		 bundles;	/* receivers ask for them */
	bool		 stamps;	/* the kernel says when they came */
	unsigned	 share;		/* members on one socket; 0: one */
	unsigned	 remembered;	/* messages of each room, at least */
};

enum {
	CROWD_BYTES_MIN = 20,
	CROWD_BYTES_MAX = 4000,
	CROWD_SHARE_MAX = 16384,
	CROWD_REMEMBERED_MAX = 1 << 17,
};

struct crowd_counts {
	uint64_t	sent;		/* messages */
	uint64_t	expected;	/* deliveries they should cause */
	uint64_t	delivered;	/* good ones */
	uint64_t	duplicates;
	uint64_t	own;		/* members that heard themselves */
	uint64_t	wrong_room;
	uint64_t	wrong;		/* bytes that nobody sent so */
	uint64_t	late;		/* too old to be checked: as if lost */
	uint64_t	unsent;		/* send() refused it */
};

/*
 * Lets everybody join and makes sure that everybody is heard.  NULL with a
 * message printed on any failure.
 */
struct crowd *crowd_open(const struct crowd_plan *);
void	crowd_close(struct crowd *);
/* The next talker of a room says the room's next message. */
void	crowd_say(struct crowd *, unsigned room);
/*
 * Takes what has arrived, in a few parts of a millisecond at most; waits for
 * something at most so long.  True if there was something.
 */
bool	crowd_hear(struct crowd *, uint64_t wait_ns);
/*
 * Lets every room say messages until `window` of its own are in flight; a
 * room where that is so already costs nothing.
 */
void	crowd_fill(struct crowd *, unsigned window);
/* Messages that not every member has heard yet. */
uint64_t crowd_in_flight(const struct crowd *);
/* Stops waiting for those that are so old: they are lost. */
void	crowd_give_up(struct crowd *, uint64_t age_ns);
/* Zeroes the figures: what is counted starts here. */
void	crowd_reset(struct crowd *);
const struct crowd_counts *crowd_counts(const struct crowd *);
const struct histogram *crowd_latency(const struct crowd *);	/* ns */
uint64_t crowd_now(void);		/* CLOCK_MONOTONIC, ns */

#endif
