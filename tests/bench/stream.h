/* SPDX-License-Identifier: ISC */
/*
 * In each of R rooms of another server one that talks and N - 1 that listen,
 * over TCP in that server's protocol.  As in crowd.h a message begins with
 * its number and its room, and every delivery is checked byte for byte.
 * Used by bench_stream; one thread.
 */
#ifndef OCM_BENCH_STREAM_H
#define OCM_BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crowd.h"
#include "histogram.h"
#include "peer_wire.h"

struct stream;

struct stream_plan {
	const struct peer_wire	*wire;
	const char		*address;	/* "127.0.0.1:6379" */
	unsigned		 rooms, size;	/* people in each */
	unsigned		 entering;	/* at a time, and no more */
	size_t			 bytes;		/* of a message */
};

enum { STREAM_WINDOW_MAX = 1024 };	/* messages of a room in flight */

/*
 * Lets everybody enter and makes sure that everybody is heard.  NULL with a
 * message printed on any failure.
 */
struct stream *stream_open(const struct stream_plan *);
void	stream_close(struct stream *);
/* The room's next message; it leaves in the next stream_hear(). */
void	stream_say(struct stream *, unsigned room);
/* Lets every room say messages until `window` of its own are in flight. */
void	stream_fill(struct stream *, unsigned window);
/*
 * Sends what was said and takes what has arrived; waits for something at
 * most so long.  True if there was something.
 */
bool	stream_hear(struct stream *, uint64_t wait_ns);
/* Messages that not every listener has heard yet. */
uint64_t stream_in_flight(const struct stream *);
/* Stops waiting for those: they are lost. */
void	stream_give_up(struct stream *);
/* Zeroes the figures: what is counted starts here. */
void	stream_reset(struct stream *);
const struct crowd_counts *stream_counts(const struct stream *);
const struct histogram *stream_latency(const struct stream *);	/* ns */

#endif
