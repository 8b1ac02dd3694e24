/* SPDX-License-Identifier: ISC */
/*
 * What one source may ask of roomd: creates and joins per second, lists that
 * must be made, and TCP requests that are not whole yet.  A source is an IPv4
 * address or an IPv6 /64 (addr_source).  Called by answer.c and session.c.
 * The tables are bounded and keyed: nobody can choose who shares a place with
 * him.
 */
#ifndef OCM_LIMIT_H
#define OCM_LIMIT_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct limit;
struct limit_source;

/* most: half-open connections, whatever a setting says.  NULL: no memory. */
struct limit *limit_new(uint32_t most);
void	limit_free(struct limit *);

/* What is counted, each for itself: joins leave the lists alone. */
enum limit_what { LIMIT_JOINS, LIMIT_LISTS, LIMIT_WHATS };

/*
 * So much of it by this source now: is that within `rate` per second after a
 * burst of `burst` (at least 1)?  rate 0: always.  More than a burst counts
 * as one.  now_us is clock_us().  The answer false takes nothing.
 */
bool	limit_take(struct limit *, enum limit_what, const struct addr *,
	    uint32_t much, uint32_t rate, uint32_t burst, uint64_t now_us);

/* ---- half-open requests ---- */

struct half_open {		/* one connection; owned by the caller */
	TAILQ_ENTRY(half_open)	 link;
	struct limit_source	*source;	/* NULL: not counted */
};

/* Counts a connection from now on.  false: no memory, it is not counted. */
bool	limit_open(struct limit *, struct half_open *, const struct addr *);
/* Its request is whole, or it is gone.  Harmless when it is not counted. */
void	limit_done(struct limit *, struct half_open *);
/*
 * Whom to close, after limit_open of `latest`: the oldest connection of its
 * source where that has more than per_source; else the oldest of the
 * busiest source where there are more than `all`; else NULL.  Call again
 * after limit_done of the answer.
 */
struct half_open *limit_victim(struct limit *, const struct half_open *latest,
	    uint32_t all, uint32_t per_source);

#endif
