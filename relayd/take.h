/* SPDX-License-Identifier: ISC */
/*
 * What a good datagram of a member means: a message, a word, or only that it
 * is there; and the answer that some dialects want.  Called by relay.c.
 */
#ifndef RELAYD_TAKE_H
#define RELAYD_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay.h"
#include "wire_udp.h"

enum {
	/*
	 * In a millisecond to one member, and to all where each had one.
	 * More answers are counted, not sent.
	 */
	TAKE_ANSWERS = 16,
	TAKE_ANSWERS_ALL = 64,
};

enum taken {
	TAKEN,
	TAKEN_IDLE,		/* saying it again changes nothing */
	TAKEN_ALONE,		/* a message, and nobody to hear it */
	TAKEN_REFUSED,		/* too much */
};

/* A member spoke from there; it has that datagram in hand. */
void	take_heard(struct relay *, uint32_t slot, const struct addr *from,
	    uint8_t sock, size_t len);
enum taken take_datagram(struct relay *, uint32_t slot,
	    const struct room_datagram *);
/* Whether this, too, would be a message that nobody hears. */
bool	take_unheard(const struct relay *, uint32_t slot, const uint8_t *,
	    size_t);
/* Whether a word of its dialect has that length. */
bool	take_word_len(const struct relay *, uint32_t slot, size_t);

#endif
