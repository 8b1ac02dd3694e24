/* SPDX-License-Identifier: ISC */
/*
 * What one source may ask of roomd: creates and joins per second, lists that
 * must be made, and connections that are not memberships.  A source is an
 * IPv4 address or an IPv6 /64 (addr_source).  Called by answer.c, session.c
 * and sessions.c.
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

/* ---- connections ---- */

/* What takes a place that others may need.  Memberships are limited apart. */
enum limit_phase {
	LIMIT_HALF_OPEN,	/* its request is not whole */
	LIMIT_ANSWERED,		/* it was answered, and is not closed yet */
	LIMIT_PHASES
};

struct limit_conn {		/* one connection; owned by the caller */
	TAILQ_ENTRY(limit_conn)	 link;
	struct limit_source	*source;	/* NULL: not counted */
	enum limit_phase	 phase;
};

/*
 * Counts a connection in this phase from now on.  false: no memory, it is
 * not counted; never for one that was counted in the other phase.
 */
bool	limit_open(struct limit *, struct limit_conn *, enum limit_phase,
	    const struct addr *);
/* It is a membership now, or gone.  Harmless when it is not counted. */
void	limit_done(struct limit *, struct limit_conn *);
/*
 * Which half-open one to close, after limit_open of `latest`: the oldest of
 * its source where that has more than per_source; else the oldest of the
 * busiest source where there are more than `all`; else NULL.  Call again
 * after limit_done of the answer.
 */
struct limit_conn *limit_victim(struct limit *,
	    const struct limit_conn *latest, uint32_t all,
	    uint32_t per_source);
/*
 * Which one to close for another's sake: the oldest answered one of the
 * source with the most of them where there are more than `answered`; where
 * places are short, the oldest of the source with the most in one phase,
 * rather answered ones; else NULL.  Call again after limit_done.
 */
struct limit_conn *limit_crowded(struct limit *, uint32_t answered,
	    bool is_short);

#endif
