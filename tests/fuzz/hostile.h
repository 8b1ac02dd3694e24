/* SPDX-License-Identifier: ISC */
/*
 * A hostile writer of shared memory, for the targets whose input is a region
 * of the segment.  The input is a list of stores, in rounds: whenever the
 * code under test takes the lock, the next round is stored, as a process
 * under an attacker's control would do at the worst moment.
 */
#ifndef OCM_HOSTILE_H
#define OCM_HOSTILE_H

#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

/* A region that the input may write. */
struct hostile_region {
	uint8_t	*base;
	size_t	 size;
	size_t	 near;		/* where what matters begins */
};

struct hostile {
	const uint8_t		*p;
	size_t			 left;
	struct hostile_region	 region[4];	/* by two bits of a store */
};

/*
 * A store is: a byte with the length (low 4 bits, 0 ends the round), the
 * region (2 bits), from where the offset counts (1 bit) and whether the
 * bytes repeat (1 bit); two bytes of offset in words; the bytes.
 */
enum {
	STORE_LENGTH = 0x0f,
	STORE_REGION = 4,
	STORE_NEAR = 0x40,
	STORE_REPEAT = 0x80,
	STORE_REPEATS = 64,
};

/* The next byte of the input, or 0 at its end. */
static inline uint8_t
hostile_byte(struct hostile *h)
{
	if (h->left == 0)
		return 0;
	h->left--;
	return *h->p++;
}

static inline void
hostile_store(const struct hostile_region *r, size_t at, const uint8_t *p,
    size_t len)
{
	if (at < r->size)
		memcpy(r->base + at, p, len < r->size - at ? len :
		    r->size - at);
}

/* One store of the input; false at the end of a round. */
static inline bool
hostile_step(struct hostile *h)
{
	uint8_t head = hostile_byte(h);
	const struct hostile_region *r = &h->region[head >> STORE_REGION & 3];
	size_t i, at, len = head & STORE_LENGTH;

	if (len == 0)
		return false;
	at = 4 * ((size_t)hostile_byte(h) << 8 | hostile_byte(h));
	if ((head & STORE_NEAR) != 0)
		at += r->near;
	if (len > h->left)
		len = h->left;
	for (i = 0; i < ((head & STORE_REPEAT) != 0 ? STORE_REPEATS : 1); i++)
		hostile_store(r, at + i * len, h->p, len);
	h->p += len;
	h->left -= len;
	return true;
}

static inline void
hostile_round(struct hostile *h)
{
	while (hostile_step(h))
		continue;
}

#endif
