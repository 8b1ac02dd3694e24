/* SPDX-License-Identifier: ISC */
/*
 * How much time to take over a text that claims an ending, which anybody can
 * type: else each such text would make a whole room ask the server at once.
 * Called by ocm_watch.c.
 */
#ifndef OCM_DOUBT_H
#define OCM_DOUBT_H

#include <stddef.h>
#include <stdint.h>

/* Over how long a room's members spread it; bytes of the list of them. */
uint32_t doubt_spread_ms(size_t list_len);
/*
 * How long no other claim is believed after a false one, by how long that was
 * the last time (0: never) and what time has gone by since its end.
 */
uint64_t doubt_after_ms(uint64_t last_ms, uint64_t since_ms);

#endif
