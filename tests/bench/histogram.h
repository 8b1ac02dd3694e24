/* SPDX-License-Identifier: ISC */
/*
 * Latencies in a fixed table: 32 steps per power of two, so a percentile is
 * at most 3 % too large.  Used by bench_relay.
 */
#ifndef OCM_BENCH_HISTOGRAM_H
#define OCM_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_SLOTS = 60 * HISTOGRAM_STEPS };

struct histogram {
	uint64_t	count, max;
	uint64_t	slot[HISTOGRAM_SLOTS];
};

void	histogram_add(struct histogram *, uint64_t value);
/* The value that `share` (0..1) of all values do not exceed; 0 if none. */
uint64_t histogram_at(const struct histogram *, double share);

#endif
