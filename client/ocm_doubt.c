/* SPDX-License-Identifier: ISC */
/*
 * Doubting endings: see ocm_doubt.h.  The server is asked for the list of
 * members, and its length says how many there are to ask.
 */
#include "ocm_doubt.h"

enum {
	SPREAD_MS = 300,	/* of a small room */
	SPREAD_MAX_MS = 5000,
	SPREAD_STEP = 4096,	/* bytes of a list: as much again */
	DOUBT_MIN_MS = 5000,
	DOUBT_MAX_MS = 60000,
};

uint32_t
doubt_spread_ms(size_t list_len)
{
	if (list_len / SPREAD_STEP >= SPREAD_MAX_MS / SPREAD_MS)
		return SPREAD_MAX_MS;
	return SPREAD_MS * (uint32_t)(1 + list_len / SPREAD_STEP);
}

/* Who goes on claiming it is heeded ever less. */
uint64_t
doubt_after_ms(uint64_t last_ms, uint64_t since_ms)
{
	if (last_ms < DOUBT_MIN_MS || since_ms > DOUBT_MAX_MS)
		return DOUBT_MIN_MS;
	return last_ms * 2 < DOUBT_MAX_MS ? last_ms * 2 : DOUBT_MAX_MS;
}
