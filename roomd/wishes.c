/* SPDX-License-Identifier: ISC */
/*
 * Wishes of the relayds: see wishes.h.  They are read from regions that
 * others write, so a wish counts only for the generation it names, for the
 * endings a relayd can know of, and a bounded number at a time.
 */
#include <stdlib.h>

#include "wishes.h"

enum {
	WISHES_PER_CALL = 256,		/* of one relayd */
	SLOTS_PER_CALL = 8192,
};

struct wishes {
	struct rooms	*rooms;
	struct {
		uint32_t tail;
		uint32_t scan;	/* next slot; beyond the last: none */
	} of[OCM_WORKERS_MAX];
};

struct wishes *
wishes_new(struct rooms *rooms)
{
	struct wishes *w;

	if ((w = calloc(1, sizeof(*w))) != NULL)
		w->rooms = rooms;
	return w;
}

void
wishes_free(struct wishes *w)
{
	free(w);
}

static void
grant(struct wishes *w, const struct live *live, uint32_t slot)
{
	uint32_t gen = roomtab_member_gen(rooms_table(w->rooms), slot);
	enum ending why;

	/* Looking at a wish that was never written makes memory of it. */
	if ((gen & 1) == 0)
		return;
	why = live_wish_of(live, slot, gen);
	if (why == END_LEFT || why == END_IDLE || why == END_UNREACHABLE ||
	    why == END_HARMFUL)
		(void)rooms_remove(w->rooms, slot, gen, why);
}

static bool
grant_ring(struct wishes *w, const struct live *live, uint32_t k)
{
	uint32_t n, slot;
	bool overflow = false;

	for (n = 0; n < WISHES_PER_CALL; n++) {
		if (!live_next_wish(live, &w->of[k].tail, &slot, &overflow))
			break;
		grant(w, live, slot);
	}
	if (overflow)
		w->of[k].scan = 0;
	return n == WISHES_PER_CALL;
}

static bool
grant_scan(struct wishes *w, const struct live *live, uint32_t k)
{
	const uint32_t end = rooms_limits(w->rooms)->table.members;
	uint32_t n;

	for (n = 0; n < SLOTS_PER_CALL && w->of[k].scan < end; n++)
		grant(w, live, w->of[k].scan++);
	return w->of[k].scan < end;
}

bool
wishes_grant(struct wishes *w)
{
	const struct live *live;
	bool more = false;
	uint32_t k;

	for (k = 0; k < rooms_limits(w->rooms)->workers; k++) {
		live = rooms_live(w->rooms, k);
		if (grant_ring(w, live, k))
			more = true;
		if (grant_scan(w, live, k))
			more = true;
	}
	return more;
}
