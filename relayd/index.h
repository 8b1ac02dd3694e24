/* SPDX-License-Identifier: ISC */
/*
 * A keyed hash index over small numbers: which members (or lobby clients)
 * are behind a source address?  Several numbers may have one key.  The key
 * is drawn at start, so that nobody outside can aim at one bucket, and a
 * look-up walks INDEX_WALK entries at the most, whatever is in the bucket.
 */
#ifndef RELAYD_INDEX_H
#define RELAYD_INDEX_H

#include <stddef.h>
#include <stdint.h>

enum { INDEX_KEY = 16, INDEX_WALK = 64 };
#define INDEX_NONE UINT32_MAX

struct index_entry {			/* links are numbers + 1, 0 is none */
	uint64_t	hash;		/* 0: not in the index */
	uint32_t	next, prev;	/* prev of the first is the last */
};

struct index {
	struct index_entry *entries;
	uint32_t	*bucket;
	uint32_t	 mask;
	uint32_t	 count;		/* numbers that are in */
	uint8_t		 key[INDEX_KEY];
};

/* For numbers 0..count-1.  fatal where memory is short. */
void	index_make(struct index *, uint32_t count);
/* Never 0. */
uint64_t index_hash(const struct index *, const void *, size_t len);
/* Puts n last among its like; it moves if it was there already. */
void	index_put(struct index *, uint32_t n, uint64_t hash);
void	index_remove(struct index *, uint32_t n);
/*
 * The first number with that hash, INDEX_NONE if there is none; then the
 * next.  *walk is set by _first and counts down.  The caller compares what
 * was hashed, since different things may have one hash.
 */
uint32_t index_first(const struct index *, uint64_t hash, unsigned *walk);
uint32_t index_next(const struct index *, uint32_t n, unsigned *walk);

#endif
