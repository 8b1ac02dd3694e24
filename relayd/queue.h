/* SPDX-License-Identifier: ISC */
/*
 * Messages that were accepted and are about to be sent, by room and in the
 * order in which they came.  It is empty again after each turn of the loop
 * unless more comes in than can go out; then what it holds is bounded, and
 * what does not fit is not simply what came last: the newest message of the
 * member who causes the most work goes first, or where no one stands out,
 * the newest of the room that does, or where many rooms do, one of the newest
 * of the address that speaks in them.  So a room in which little is said
 * loses nothing because of another, nor because of very many small ones of
 * somebody else.  And whose turn it is to be sent goes by addresses first.
 *
 * Work is counted in copies that have to wait for others of the same member
 * or room: whoever has a single message waiting is not talkative at all.  A
 * message counts as no fewer copies than there are for each place in the
 * queue, so that many small rooms cannot take all places.
 */
#ifndef RELAYD_QUEUE_H
#define RELAYD_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "rank.h"
#include "wire.h"

enum {
	QUEUE_MAX = 2048,		/* messages that wait or are sent */
	QUEUE_COPIES = 1 << 18,		/* and so many copies that wait */
	QUEUE_TEXT = DATAGRAM_MAX + NAME_MAX_BYTES,
	/* Addresses by their hash: that two are one is not worth a search. */
	QUEUE_SOURCES = 1 << 16,	/* 0: of nobody knows where */
	QUEUE_KEY = 16,
};

/*
 * A speaker who has left while messages of its own are here has a number
 * from here on, the same for all of them, and they have its name.
 */
#define QUEUE_GONE (UINT32_C(1) << 31)

struct queued {				/* links: + 1, 0 none */
	uint32_t	room, speaker;
	uint32_t	next, prev;	/* in its room; or free */
	uint32_t	newer, older;	/* of its speaker, while it waits */
	uint32_t	later, sooner;	/* of its source, then, too */
	uint32_t	source;
	uint32_t	copies;
	uint16_t	len;
	uint16_t	name_len;	/* where its speaker has gone */
};

struct queue_room {
	uint32_t	first, last;	/* + 1, 0 none */
	uint32_t	taken;		/* of the first: being sent */
	uint32_t	waiting;	/* those behind */
	uint32_t	place;		/* in active[] */
	/* the ring of those whom the same source made active */
	uint32_t	source, after, before;
};

struct queue_speaker {
	uint32_t	oldest, newest;	/* + 1, 0 none */
	uint32_t	waiting;
	uint32_t	source;
};

struct queue_source {
	uint32_t	last;		/* that waits: + 1, 0 none */
	uint32_t	waiting;
	uint64_t	work;		/* that these are */
	uint32_t	turn;		/* of a room in its ring: + 1 */
	uint32_t	place;		/* in turns[] */
};

struct queue {
	uint32_t	 count;		/* messages, of both kinds */
	uint64_t	 copies;	/* that wait */
	uint32_t	 fresh, free;	/* free: + 1 */
	uint32_t	 gone;		/* speakers that left */
	uint32_t	 rooms;		/* in active[] */
	struct queue_room *room;
	struct queue_speaker *speaker;
	struct queue_source *source;
	uint8_t		 key[QUEUE_KEY];
	struct rank	 busy_rooms, talkers, busy_sources;
	struct queued	 msg[QUEUE_MAX + 1];
	uint32_t	 active[QUEUE_MAX + 1];	/* rooms where some wait */
	uint32_t	 sources, turn;	/* in turns[] */
	uint32_t	 turns[QUEUE_MAX + 1];	/* sources that have a ring */
	uint8_t		*text;		/* QUEUE_TEXT for each */
	_Atomic uint64_t *counters;	/* of relay_counter */
};

/*
 * For rooms and speakers below those limits; counts drop_talker,
 * drop_busy and drop_source.  fatal where memory is short.
 */
void	queue_make(struct queue *, uint32_t rooms, uint32_t speakers,
	    _Atomic uint64_t *counters);
/* Where a speaker speaks from, until it leaves: for what it says later. */
void	queue_from(struct queue *, uint32_t speaker, const struct addr *);
/*
 * Copies a message (len up to DATAGRAM_MAX), last of its room, which means
 * so many copies.  Then drops what is too much; false where it was the same.
 */
bool	queue_put(struct queue *, uint32_t room, uint32_t speaker,
	    uint32_t copies, const void *, size_t len);
/*
 * A speaker of that room leaves, and its number is soon another one's.  Its
 * messages, also those that are being sent, keep its name (len bytes, up to
 * NAME_MAX_BYTES).
 */
void	queue_leave(struct queue *, uint32_t room, uint32_t speaker,
	    const void *name, size_t len);
/* Drops what waits in a room; counted as drop_busy. */
void	queue_drop(struct queue *, uint32_t room);
/*
 * A room in which some wait (there must be one): of each source in turn the
 * next of the rooms that it made wait.
 */
uint32_t queue_turn(struct queue *);
/* The n oldest that wait in a room are being sent: they are safe now. */
void	queue_take(struct queue *, uint32_t room, uint32_t n);
/* The oldest message of a room, or NULL; those that are taken come first. */
const struct queued *queue_first(const struct queue *, uint32_t room);
const struct queued *queue_next(const struct queue *,
	    const struct queued *);
const uint8_t *queue_text(const struct queue *, const struct queued *);
/* name_len bytes, of a speaker that has left. */
const uint8_t *queue_name(const struct queue *, const struct queued *);
/* All that were taken of a room are sent. */
void	queue_sent(struct queue *, uint32_t room);

#endif
