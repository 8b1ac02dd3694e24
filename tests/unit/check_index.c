/* SPDX-License-Identifier: ISC */
/*
 * The keyed index: what was put is found among its like in the order of
 * putting, what was removed is not, and no look-up walks for ever.
 */
#include <check.h>
#include <sodium.h>
#include <stdlib.h>

#include "../../relayd/index.h"
#include "roll.h"
#include "run_suite.h"

enum { NUMBERS = 500, KEYS = 120, STEPS = 50000 };

static struct index ix;

static void
setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	index_make(&ix, NUMBERS);
}

/* What is put where can be foretold by nobody. */
START_TEST(test_a_key_of_its_own)
{
	static struct index other;
	const uint32_t same = 1;

	index_make(&other, NUMBERS);
	ck_assert_mem_ne(ix.key, other.key, sizeof(ix.key));
	ck_assert_uint_ne(index_hash(&ix, &same, sizeof(same)),
	    index_hash(&other, &same, sizeof(same)));
}
END_TEST

START_TEST(test_random)
{
	unsigned key[NUMBERS] = { 0 };	/* the model; 0: not in */
	unsigned i, n, in, found, walk;
	uint64_t hash;
	uint32_t at;

	seed = 5;
	for (i = 0; i < STEPS; i++) {
		n = roll(NUMBERS);
		key[n] = roll(3) == 0 ? 0 : 1 + roll(KEYS);
		if (key[n] == 0)
			index_remove(&ix, n);
		else
			index_put(&ix, n, index_hash(&ix, &key[n],
			    sizeof(key[n])));
		if (i % 50 != 0)
			continue;
		for (n = 1; n <= KEYS; n++) {
			hash = index_hash(&ix, &n, sizeof(n));
			found = in = 0;
			at = index_first(&ix, hash, &walk);
			for (; at != INDEX_NONE;
			    at = index_next(&ix, at, &walk)) {
				ck_assert_uint_lt(at, NUMBERS);
				ck_assert_uint_eq(key[at], n);
				found++;
			}
			for (at = 0; at < NUMBERS; at++)
				in += key[at] == n;
			ck_assert_uint_eq(found, in);
		}
	}
	for (n = in = 0; n < NUMBERS; n++)
		in += key[n] != 0;
	ck_assert_uint_eq(ix.count, in);
}
END_TEST

START_TEST(test_order_and_turns)
{
	unsigned walk;
	uint32_t n;

	for (n = 0; n < 4; n++)
		index_put(&ix, n, 42);
	ck_assert_uint_eq(index_first(&ix, 42, &walk), 0);
	index_put(&ix, 0, 42);		/* to the end of its like */
	ck_assert_uint_eq(n = index_first(&ix, 42, &walk), 1);
	ck_assert_uint_eq(n = index_next(&ix, n, &walk), 2);
	ck_assert_uint_eq(n = index_next(&ix, n, &walk), 3);
	ck_assert_uint_eq(n = index_next(&ix, n, &walk), 0);
	ck_assert_uint_eq(index_next(&ix, n, &walk), INDEX_NONE);
	index_remove(&ix, 1);
	ck_assert_uint_eq(index_first(&ix, 42, &walk), 2);
}
END_TEST

/* Many behind one key cost a bounded walk. */
START_TEST(test_bounded)
{
	unsigned walk, steps = 0;
	uint32_t n;

	for (n = 0; n < NUMBERS; n++)
		index_put(&ix, n, 7);
	for (n = index_first(&ix, 7, &walk); n != INDEX_NONE;
	    n = index_next(&ix, n, &walk))
		steps++;
	ck_assert_uint_eq(steps, INDEX_WALK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("index");
	TCase *tc = tcase_create("index");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_a_key_of_its_own);
	tcase_add_test(tc, test_random);
	tcase_add_test(tc, test_order_and_turns);
	tcase_add_test(tc, test_bounded);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
