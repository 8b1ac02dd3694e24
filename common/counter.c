/* SPDX-License-Identifier: ISC */
/*
 * The names of the counters, as `ocmctl stats` shows them.
 */
#include "counter.h"

#define COUNTER_NAME(name, text) #name,

const char *const room_counter_names[RC_COUNT] = {
	ROOM_COUNTERS(COUNTER_NAME)
};
const char *const relay_counter_names[LC_COUNT] = {
	RELAY_COUNTERS(COUNTER_NAME)
};
