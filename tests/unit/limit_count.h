/* SPDX-License-Identifier: ISC */
/*
 * How many half-open requests roomd counts, as its limits tell: one more is
 * opened, and the limit is what it would have to be to let that one be.
 * Included by check_limit.c and roomd_client.h.
 */
#ifndef LIMIT_COUNT_H
#define LIMIT_COUNT_H

#include <check.h>
#include <string.h>

#include "../../roomd/limit.h"

static uint32_t
limit_count(struct limit *l)
{
	struct limit_conn one = { .source = NULL };
	struct addr a;
	uint32_t all = 0;

	memset(&a, 0, sizeof(a));
	ck_assert(limit_open(l, &one, LIMIT_HALF_OPEN, &a));
	while (limit_victim(l, &one, all, UINT32_MAX) != NULL)
		ck_assert_uint_lt(++all, 1 << 20);
	limit_done(l, &one);
	return all - 1;
}

#endif
