/* SPDX-License-Identifier: ISC */
/*
 * Messages that were accepted and are about to be sent, by room and in the
 * order in which they came.  The queue is empty again after each turn of the
 * loop unless more comes in than can go out; it is bounded.
 */
#ifndef RELAYD_QUEUE_H
#define RELAYD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUEUE_MAX = 1024 };	/* messages */
#define QUEUE_NONE UINT32_MAX

struct queued {
	uint32_t	slot;		/* of its sender */
	uint32_t	next;		/* + 1, 0 none; of a room, or free */
	uint16_t	len;
};

struct queue_room {
	uint32_t	first, last;	/* + 1, 0 none */
	uint32_t	count;
	uint32_t	place;		/* in active[] */
};

struct queue {
	uint32_t	 count;
	uint32_t	 fresh, free;	/* free: + 1 */
	uint32_t	 rooms;		/* in active[] */
	struct queue_room *room;
	struct queued	 msg[QUEUE_MAX];
	uint32_t	 active[QUEUE_MAX];	/* rooms that have messages */
	uint8_t		*text;		/* DATAGRAM_MAX for each */
};

/* rooms: the limit of their numbers.  fatal where memory is short. */
void	queue_make(struct queue *, uint32_t rooms);
static inline bool
queue_full(const struct queue *q)
{
	return q->count == QUEUE_MAX;
}
/* Copies a message, last of its room; not where the queue is full. */
void	queue_put(struct queue *, uint32_t room, uint32_t slot,
	    const void *, size_t len);
/* The oldest message of a room, or NULL; it stays until queue_drop. */
const struct queued *queue_first(const struct queue *, uint32_t room);
const struct queued *queue_next(const struct queue *,
	    const struct queued *);
const uint8_t *queue_text(const struct queue *, const struct queued *);
/* Forgets the n oldest messages of a room. */
void	queue_drop(struct queue *, uint32_t room, uint32_t n);

#endif
