/* SPDX-License-Identifier: ISC */
/*
 * A heap that knows where everybody is (see rank.h).  Called by queue.c.
 */
#include <string.h>

#include "rank.h"
#include "sparse.h"

void
rank_make(struct rank *r, uint32_t ids, uint32_t most)
{
	memset(r, 0, sizeof(*r));
	r->heap = sparse_array(most, sizeof(*r->heap));
	r->at = sparse_array(ids, sizeof(*r->at));
}

static void
put(struct rank *r, uint32_t i, struct rank_entry e)
{
	r->heap[i] = e;
	r->at[e.id] = i + 1;
}

static void
rise(struct rank *r, uint32_t i, struct rank_entry e)
{
	uint32_t above;

	for (; i > 0; i = above) {
		above = (i - 1) / 2;
		if (r->heap[above].weight >= e.weight)
			break;
		put(r, i, r->heap[above]);
	}
	put(r, i, e);
}

static void
sink(struct rank *r, uint32_t i, struct rank_entry e)
{
	uint32_t below;

	while ((below = 2 * i + 1) < r->count) {
		if (below + 1 < r->count &&
		    r->heap[below + 1].weight > r->heap[below].weight)
			below++;
		if (r->heap[below].weight <= e.weight)
			break;
		put(r, i, r->heap[below]);
		i = below;
	}
	put(r, i, e);
}

static void
settle(struct rank *r, uint32_t i, struct rank_entry e)
{
	if (i > 0 && r->heap[(i - 1) / 2].weight < e.weight)
		rise(r, i, e);
	else
		sink(r, i, e);
}

void
rank_set(struct rank *r, uint32_t id, uint64_t weight)
{
	const struct rank_entry e = { weight, id };
	struct rank_entry last;
	uint32_t i = r->at[id];

	if (i == 0) {
		if (weight > 0)
			rise(r, r->count++, e);
		return;
	}
	i--;
	if (weight > 0) {
		settle(r, i, e);
		return;
	}
	r->at[id] = 0;
	last = r->heap[--r->count];
	if (last.id != id)
		settle(r, i, last);
}
