/* SPDX-License-Identifier: ISC */
/*
 * A hostile writer of shared memory, for the targets whose input is a region
 * of the segment.  The input is a list of stores, in rounds: whenever the
 * code under test takes or gives back the lock, or has loaded as many words
 * as the input says, the next round is stored, as a process under an
 * attacker's control would do at the worst moment.
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
	/* As it was, for hostile_restore; NULL: restored by the target. */
	uint8_t	*image;
	bool	 *touched;	/* by block */
};

struct hostile {
	const uint8_t		*p;
	size_t			 left;
	struct hostile_region	 region[4];	/* by two bits of a store */
	/* What is more than a store: of the target, and may be NULL. */
	void			(*verb)(struct hostile *, unsigned which);
	unsigned		 wait;	/* loads until a round, 0: the lock */
	uint32_t		*race;	/* counts on its own, or NULL: */
	uint8_t			 pace;	/* by one in so many loads */
	unsigned long		 loads;	/* from a region, in this turn */
	bool			 busy;
};

/*
 * A store is: a byte with the length (low 4 bits, 0 ends the round), the
 * region (2 bits), from where the offset counts (1 bit) and whether the
 * bytes repeat (1 bit); two bytes of offset in words; the bytes.  After a
 * round comes a byte that says how many loads later the next one is due.
 */
enum {
	STORE_LENGTH = 0x0f,
	STORE_VERB = 0x0f,		/* no store, but one of 8 verbs */
	STORE_REGION = 4,
	STORE_NEAR = 0x40,
	STORE_REPEAT = 0x80,
	STORE_REPEATS = 64,
	TOUCH_BLOCK = 512,		/* bytes restored together */
	HOSTILE_LOADS = 1 << 20,	/* one turn never needs as many */
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

/* A region that only the input writes gets back what was written in it. */
static inline void
hostile_keep(struct hostile_region *r, uint8_t *image)
{
	r->image = image;
	r->touched = calloc(r->size / TOUCH_BLOCK + 1, sizeof(*r->touched));
	MUST(r->touched != NULL && r->size % TOUCH_BLOCK == 0);
}

static inline void
hostile_touch(const struct hostile_region *r, const void *p, size_t len)
{
	size_t at = (size_t)((const uint8_t *)p - r->base), b;

	for (b = at / TOUCH_BLOCK; r->touched != NULL &&
	    b <= (at + len - 1) / TOUCH_BLOCK; b++)
		r->touched[b] = true;
}

static inline void
hostile_restore(const struct hostile_region *r)
{
	size_t b;

	for (b = 0; b < r->size / TOUCH_BLOCK; b++)
		if (r->touched[b])
			memcpy(r->base + b * TOUCH_BLOCK,
			    r->image + b * TOUCH_BLOCK, TOUCH_BLOCK);
	memset(r->touched, 0, r->size / TOUCH_BLOCK);
}

static inline void
hostile_store(const struct hostile_region *r, size_t at, const uint8_t *p,
    size_t len)
{
	if (at >= r->size || len == 0)
		return;
	if (len > r->size - at)
		len = r->size - at;
	memcpy(r->base + at, p, len);
	hostile_touch(r, r->base + at, len);
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
	if (len == STORE_VERB) {
		if (h->verb != NULL)
			h->verb(h, head >> STORE_REGION & 7);
		return true;
	}
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
	if (h->busy)
		return;
	h->busy = true;
	while (hostile_step(h))
		continue;
	h->wait = hostile_byte(h);
	h->busy = false;
}

/* ---- loads, where the compiler can tell of them (run.sh asks it to) ---- */

static struct hostile *hostile_reads;	/* who hears of them */

/* Itself it is not watched, or its comparisons were all that is learnt. */
#ifdef __clang__
#define UNWATCHED __attribute__((no_sanitize("coverage", "address", \
	    "undefined")))
#else
#define UNWATCHED
#endif

/* Every walk over foreign memory ends, however it changes meanwhile. */
UNWATCHED static void
hostile_loads(const void *p)
{
	struct hostile *h = hostile_reads;
	unsigned i = 0;

	if (h == NULL || h->busy)
		return;
	while ((uintptr_t)p - (uintptr_t)h->region[i].base >=
	    h->region[i].size)
		if (++i == 4)
			return;
	if (++h->loads >= HOSTILE_LOADS)
		abort();
	if (h->race != NULL && h->pace != 0 && h->loads % h->pace == 0)
		++*h->race;
	if (h->wait != 0 && --h->wait == 0)
		hostile_round(h);
}

/* Called before a load of so many bytes, in code that was built for it. */
void	__sanitizer_cov_load1(const void *);
void	__sanitizer_cov_load2(const void *);
void	__sanitizer_cov_load4(const void *);
void	__sanitizer_cov_load8(const void *);
void	__sanitizer_cov_load16(const void *);

UNWATCHED void
__sanitizer_cov_load1(const void *p)
{
	hostile_loads(p);
}

UNWATCHED void
__sanitizer_cov_load2(const void *p)
{
	hostile_loads(p);
}

UNWATCHED void
__sanitizer_cov_load4(const void *p)
{
	hostile_loads(p);
}

UNWATCHED void
__sanitizer_cov_load8(const void *p)
{
	hostile_loads(p);
}

UNWATCHED void
__sanitizer_cov_load16(const void *p)
{
	hostile_loads(p);
}

#endif
