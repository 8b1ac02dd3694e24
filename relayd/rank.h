/* SPDX-License-Identifier: ISC */
/*
 * Which of many weighs most: a heap of numbers by weight, whose weights
 * change all the time.  The queue finds with it who talks the most.
 */
#ifndef RELAYD_RANK_H
#define RELAYD_RANK_H

#include <stdint.h>

#define RANK_NONE UINT32_MAX

struct rank_entry {
	uint64_t	weight;
	uint32_t	id;
};

struct rank {
	uint32_t	 count;
	struct rank_entry *heap;
	uint32_t	*at;		/* of each id: place + 1, 0: none */
};

/* For ids below `ids`, of which at most `most` weigh anything at a time.
 * fatal where memory is short. */
void	rank_make(struct rank *, uint32_t ids, uint32_t most);
/* Changes a weight; 0 takes it out. */
void	rank_set(struct rank *, uint32_t id, uint64_t weight);

/* The heaviest, RANK_NONE where nothing weighs anything. */
static inline uint32_t
rank_top(const struct rank *r)
{
	return r->count == 0 ? RANK_NONE : r->heap[0].id;
}

/* Its weight, or 0. */
static inline uint64_t
rank_most(const struct rank *r)
{
	return r->count == 0 ? 0 : r->heap[0].weight;
}

#endif
