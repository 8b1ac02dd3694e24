/* SPDX-License-Identifier: ISC */
/*
 * The timer wheel against a plain list of times: never early, late by less
 * than two ticks, and a wait that does not sleep past anything.
 */
#include <check.h>
#include <stdlib.h>

#include "../../relayd/timers.h"
#include "roll.h"
#include "run_suite.h"

enum { TIMERS = 300, STEPS = 200000 };
static const uint64_t start_ms = 123456789;

static struct wheel w;

static bool
is_set(uint32_t n)
{
	return w.timers[n].due != 0;
}

START_TEST(test_simple)
{
	wheel_make(&w, 4, 1000, start_ms);
	ck_assert_int_eq(wheel_wait(&w, start_ms), -1);
	wheel_set(&w, 2, start_ms + 3000);
	ck_assert(is_set(2));
	ck_assert(!is_set(1));
	ck_assert_int_eq(wheel_wait(&w, start_ms), 3000);
	ck_assert_uint_eq(wheel_expired(&w, start_ms + 2999), WHEEL_NONE);
	ck_assert_uint_eq(wheel_expired(&w, start_ms + 3000), 2);
	ck_assert(!is_set(2));
	ck_assert_uint_eq(wheel_expired(&w, start_ms + 3000), WHEEL_NONE);
	ck_assert_int_eq(wheel_wait(&w, start_ms + 3000), -1);
}
END_TEST

START_TEST(test_past_and_cancel)
{
	wheel_make(&w, 4, 1000, start_ms);
	wheel_set(&w, 0, 0);		/* long ago: at the next look */
	wheel_set(&w, 1, start_ms + 500);
	wheel_set(&w, 3, start_ms + 500);
	wheel_cancel(&w, 1);
	wheel_cancel(&w, 1);
	ck_assert_uint_eq(wheel_expired(&w, start_ms + 1000) +
	    wheel_expired(&w, start_ms + 1000), 3);
	ck_assert_uint_eq(wheel_expired(&w, start_ms + 1000), WHEEL_NONE);
}
END_TEST

/* More than one turn of the wheel, and a sleep of many turns. */
START_TEST(test_far)
{
	const uint64_t far = start_ms + 10u * WHEEL_BUCKETS * 1000u;
	uint64_t t;

	wheel_make(&w, 2, 1000, start_ms);
	wheel_set(&w, 1, far);
	for (t = start_ms; t < far; t += 7000)
		ck_assert_uint_eq(wheel_expired(&w, t), WHEEL_NONE);
	ck_assert_uint_eq(wheel_expired(&w, far), 1);
	wheel_set(&w, 0, far + 5000);
	ck_assert_uint_eq(wheel_expired(&w, far * 2), 0);
	wheel_set(&w, 0, far * 2 + 5000);
	ck_assert_int_lt(wheel_wait(&w, far * 2), 6000);
	ck_assert_int_ge(wheel_wait(&w, far * 2), 5000);
}
END_TEST

/* Timers that are set and cancelled by whoever handles another. */
START_TEST(test_changes_while_firing)
{
	unsigned n, fired = 0;

	wheel_make(&w, 8, 10, start_ms);
	for (n = 0; n < 8; n++)
		wheel_set(&w, n, start_ms + 100);
	while ((n = wheel_expired(&w, start_ms + 100)) != WHEEL_NONE) {
		fired++;
		if (n % 2 == 1)
			wheel_cancel(&w, n - 1);
		else
			wheel_cancel(&w, n + 1);
		wheel_set(&w, n, start_ms + 200);
	}
	ck_assert_uint_eq(fired, 4);
	ck_assert_uint_eq(w.set, 4);
	while (wheel_expired(&w, start_ms + 200) != WHEEL_NONE)
		fired++;
	ck_assert_uint_eq(fired, 8);
}
END_TEST

static uint64_t due[TIMERS];		/* the model; 0: not set */

/* Everything that fires is due; nothing stays that was due long since. */
static void
look(uint64_t now, uint32_t tick)
{
	uint64_t earliest = UINT64_MAX;
	uint32_t n;
	int wait;

	while ((n = wheel_expired(&w, now)) != WHEEL_NONE) {
		ck_assert_msg(due[n] != 0 && due[n] <= now,
		    "timer %u early, seed %u", n, seed);
		due[n] = 0;
	}
	for (n = 0; n < TIMERS; n++) {
		ck_assert(is_set(n) == (due[n] != 0));
		if (due[n] == 0)
			continue;
		ck_assert_msg(due[n] + 2 * tick > now,
		    "timer %u late, seed %u", n, seed);
		if (due[n] < earliest)
			earliest = due[n];
	}
	wait = wheel_wait(&w, now);
	if (earliest == UINT64_MAX)
		ck_assert_int_eq(wait, -1);
	else
		ck_assert_msg((uint64_t)wait < (earliest > now ?
		    earliest - now : 0) + 2 * tick, "sleeps too long");
}

START_TEST(test_random)
{
	static const uint32_t ticks[] = { 1000, 50, 1 };
	const uint32_t tick = ticks[_i];
	uint64_t now = start_ms;
	unsigned i, n;

	seed = 1 + (unsigned)_i;
	wheel_make(&w, TIMERS, tick, now);
	for (i = 0; i < STEPS / TIMERS; i++) {
		for (n = roll(40); n > 0; n--) {
			unsigned t = roll(TIMERS);

			if (roll(4) == 0) {
				wheel_cancel(&w, t);
				due[t] = 0;
				continue;
			}
			due[t] = now + 1 + roll(roll(20) == 0 ? 3000 * tick :
			    20 * tick);
			wheel_set(&w, t, due[t]);
		}
		now += roll(30) == 0 ? roll(2000 * tick) : roll(3 * tick);
		look(now, tick);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("timers");
	TCase *tc = tcase_create("wheel");

	tcase_add_test(tc, test_simple);
	tcase_add_test(tc, test_past_and_cancel);
	tcase_add_test(tc, test_far);
	tcase_add_test(tc, test_changes_while_firing);
	tcase_add_loop_test(tc, test_random, 0, 3);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
