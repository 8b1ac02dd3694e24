/* SPDX-License-Identifier: ISC */
/*
 * The names of the counters and what they count, as `ocmctl stats` shows it.
 */
#include "counter.h"

#define COUNTER_NAME(name, text) #name,
#define COUNTER_TEXT(name, text) text,

const char *const room_counter_names[RC_COUNT] = {
	ROOM_COUNTERS(COUNTER_NAME)
};
const char *const room_counter_texts[RC_COUNT] = {
	ROOM_COUNTERS(COUNTER_TEXT)
};
const char *const relay_counter_names[LC_COUNT] = {
	RELAY_COUNTERS(COUNTER_NAME)
};
const char *const relay_counter_texts[LC_COUNT] = {
	RELAY_COUNTERS(COUNTER_TEXT)
};
