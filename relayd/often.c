/* SPDX-License-Identifier: ISC */
/*
 * Who did what how often (see often.h): a place for each, which the next one
 * who needs it takes.
 */
#include <stdbool.h>
#include <string.h>

#include "often.h"

static uint32_t
place_of(uint32_t slot)
{
	return slot % OFTEN_PLACES;
}

static bool
is_of(const struct often_place *p, uint64_t now_ms, uint32_t slot)
{
	return p->slot == slot && p->ms == now_ms;
}

uint32_t
often_times(const struct often *o, uint64_t now_ms, uint32_t slot,
    enum often_kind kind)
{
	const struct often_place *p = slot == OFTEN_ALL ? &o->all :
	    &o->member[place_of(slot)];

	return is_of(p, now_ms, slot) ? p->times[kind] : 0;
}

uint32_t
often_again(struct often *o, uint64_t now_ms, uint32_t slot,
    enum often_kind kind)
{
	struct often_place *p = slot == OFTEN_ALL ? &o->all :
	    &o->member[place_of(slot)];

	if (!is_of(p, now_ms, slot)) {
		memset(p, 0, sizeof(*p));
		p->slot = slot;
		p->ms = now_ms;
	}
	return p->times[kind]++;
}
