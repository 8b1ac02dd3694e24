/* SPDX-License-Identifier: ISC */
/* See histogram.h. */
#include "histogram.h"

enum { STEP_BITS = 5 };		/* log2 of HISTOGRAM_STEPS */

static unsigned
slot_of(uint64_t value)
{
	unsigned top;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	top = 63 - (unsigned)__builtin_clzll(value);
	return (top - STEP_BITS + 1) * HISTOGRAM_STEPS +
	    (unsigned)(value >> (top - STEP_BITS)) % HISTOGRAM_STEPS;
}

/* The largest value of a slot. */
static uint64_t
slot_end(unsigned slot)
{
	unsigned shift;

	if (slot < HISTOGRAM_STEPS)
		return slot;
	shift = slot / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(HISTOGRAM_STEPS + slot % HISTOGRAM_STEPS + 1) <<
	    shift) - 1;
}

void
histogram_add(struct histogram *h, uint64_t value)
{
	h->slot[slot_of(value)]++;
	h->count++;
	if (value > h->max)
		h->max = value;
}

uint64_t
histogram_at(const struct histogram *h, double share)
{
	uint64_t want = (uint64_t)(share * (double)h->count), seen = 0;
	unsigned i;

	for (i = 0; i < HISTOGRAM_SLOTS; i++) {
		seen += h->slot[i];
		if (seen > want || (seen == h->count && seen > 0))
			return slot_end(i) < h->max ? slot_end(i) : h->max;
	}
	return h->max;
}
