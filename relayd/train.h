/* SPDX-License-Identifier: ISC */
/*
 * Trains: messages that wait for the same receivers, arranged so that the
 * kernel takes as many of them as it can in one send.  A train is messages
 * of one size, of which the last may be shorter.  Where many wait, those of
 * different senders may change places for it; those of one sender never do,
 * and a few go in the order in which they came.
 */
#ifndef RELAYD_TRAIN_H
#define RELAYD_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fanout.h"

enum {
	TRAIN_WINDOW = 128,		/* messages that are arranged at once */
	TRAIN_FEW = 16,			/* so many keep their order */
};

struct train_piece {			/* one message */
	uint32_t	at, len;	/* in the arena */
	uint8_t		sender;		/* index */
};

struct train_sender {
	uint32_t	id;
	uint32_t	stamp;		/* of when it was last looked at */
	struct fanout_place place;	/* where it must not be sent to */
};

struct train {
	uint32_t	at, len;	/* its bytes */
	uint16_t	size;		/* of each message; 0: it is one */
	uint8_t		first, count;	/* in the order */
	bool		one_sender;
	/* Its senders are at these positions of some group: from, to - 1. */
	uint32_t	senders_from, senders_to;
};

struct trains {
	unsigned	 n, senders, count;
	uint32_t	 used;		/* bytes of the arena */
	uint32_t	 most;		/* bytes of a message in company */
	uint32_t	 stamp;		/* drawn last: no sender's is above */
	struct train_piece piece[TRAIN_WINDOW];
	struct train_sender sender[TRAIN_WINDOW];
	uint8_t		 order[TRAIN_WINDOW];	/* pieces, train by train */
	struct train	 train[TRAIN_WINDOW];
	uint8_t		*arena, *spare;
};

/* fatal where memory is short. */
void	trains_make(struct trains *);
void	trains_clear(struct trains *);
/* Space for the next message, DATAGRAM_MAX bytes; TRAIN_WINDOW at the most. */
static inline uint8_t *
trains_space(struct trains *t)
{
	return t->arena + t->used;
}
/* The message in that space is of that sender, who is at that place. */
void	trains_add(struct trains *, uint32_t sender, struct fanout_place,
	    size_t len);
/* Arranges what was added; messages of more than `most` bytes go alone. */
void	trains_arrange(struct trains *, uint32_t most);

#endif
