/* SPDX-License-Identifier: ISC */
/*
 * Regions L of two relayds, for the targets in which a hostile one writes
 * them: fuzz_follow.c and fuzz_wishes.c.
 */
#ifndef OCM_FUZZ_RELAYS_H
#define OCM_FUZZ_RELAYS_H

#include "hostile.h"
#include "live.h"
#include "table.h"

enum { WORKERS = 2, LOBBY = 6 };

static uint8_t *live_mem[WORKERS];
static size_t live_bytes;
static struct live *live[WORKERS];

static inline void
relays_make(void)
{
	const struct live_limits lim = { TABLE_MEMBERS, LOBBY };
	unsigned k;

	live_bytes = live_size(&lim);
	for (k = 0; k < WORKERS; k++) {
		live_mem[k] = table_memory(live_bytes);
		MUST((live[k] = live_open(live_mem[k], &lim)) != NULL);
	}
}

/* Where a region has something that a verb just made of its zeros. */
static inline size_t
relays_trace(unsigned k)
{
	size_t at = 0;

	while (at < live_bytes && live_mem[k][at] == 0)
		at++;
	memset(live_mem[k], 0, live_bytes);
	return at & ~(size_t)3;
}

/*
 * On purpose, and not at random: a relay says where it heard a member.
 * Returns which relay; *how is the byte of the input that said so.
 */
static inline struct live *
relays_say_where(struct hostile *h, const struct roomtab *t, uint8_t *how,
    uint32_t *slot)
{
	struct live_where w = { 0, 0, 0, false };

	*how = hostile_byte(h);
	*slot = hostile_byte(h) % TABLE_MEMBERS;
	w.gen = roomtab_member_gen(t, *slot);
	w.port = (uint16_t)(50000 + (*how & 7));
	w.sock = *how >> 3 & 3;
	w.enrolled = (*how & 0x20) != 0;
	live_set_where(live[*how >> 7], *slot, w);
	return live[*how >> 7];
}

#endif
