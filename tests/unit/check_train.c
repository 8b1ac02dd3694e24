/* SPDX-License-Identifier: ISC */
/*
 * Trains keep each sender's order, lose nothing, and obey the kernel's rules:
 * one size but for a shorter last one, and no more than it takes at once.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../relayd/train.h"
#include "net.h"
#include "run_suite.h"

static struct trains t;

static void
setup(void)
{
	trains_make(&t);
}

/* The size, the sender and a number of its own. */
static void
add(uint32_t sender, size_t len, uint8_t number)
{
	struct fanout_place place = { 1, sender };
	uint8_t *p = trains_space(&t);

	memset(p, number, len);
	p[0] = (uint8_t)sender;
	trains_add(&t, sender, place, len);
}

static void
check_train(const struct train *c, uint8_t last[256], size_t *bytes)
{
	const struct train_piece *p;
	size_t len = 0;
	bool one = true;
	unsigned i;

	ck_assert_uint_ge(c->count, 1);
	ck_assert_uint_le(c->count, NET_BUNDLE_PIECES);
	for (i = c->first; i < c->first + (unsigned)c->count; i++) {
		p = &t.piece[t.order[i]];
		ck_assert_uint_eq(p->at, c->at + len);
		len += p->len;
		one = one && p->sender == t.piece[t.order[c->first]].sender;
		ck_assert_uint_eq(t.arena[p->at], t.sender[p->sender].id);
		ck_assert_uint_gt(t.arena[p->at + 1], last[t.arena[p->at]]);
		last[t.arena[p->at]] = t.arena[p->at + 1];
		if (c->count == 1)
			continue;
		if (i + 1 < c->first + (unsigned)c->count)
			ck_assert_uint_eq(p->len, c->size);
		else
			ck_assert_uint_le(p->len, c->size);
	}
	ck_assert_uint_eq(len, c->len);
	ck_assert(c->count > 1 || c->size == 0);
	ck_assert_uint_le(c->len, NET_BUNDLE_BYTES);
	ck_assert_int_eq(one, c->one_sender);
	*bytes += len;
}

static void
check_all(void)
{
	uint8_t last[256] = { 0 };
	unsigned i, n = 0;
	size_t bytes = 0;

	for (i = 0; i < t.count; i++) {
		ck_assert_uint_eq(t.train[i].first, n);
		check_train(&t.train[i], last, &bytes);
		n += t.train[i].count;
	}
	ck_assert_uint_eq(n, t.n);
	ck_assert_uint_eq(bytes, t.used);
}

START_TEST(test_equal)
{
	unsigned i;

	for (i = 0; i < TRAIN_WINDOW; i++)
		add(i % 10, 200, (uint8_t)(1 + i));
	trains_arrange(&t, UINT32_MAX);
	check_all();
	ck_assert_uint_eq(t.count, TRAIN_WINDOW / NET_BUNDLE_PIECES);
	trains_clear(&t);
	add(1, 10, 1);
	trains_arrange(&t, UINT32_MAX);
	check_all();
	ck_assert_uint_eq(t.count, 1);
	ck_assert_uint_eq(t.train[0].size, 0);
}
END_TEST

/* _i: others whose messages make them many */
START_TEST(test_shorter_last)
{
	unsigned i;

	add(1, 100, 1);
	add(1, 100, 2);
	add(1, 50, 3);
	add(1, 100, 4);		/* must not overtake the shorter one */
	add(2, 100, 1);
	add(3, 30, 1);
	for (i = 0; i < (unsigned)_i; i++)
		add(10 + i, 100, 1);
	trains_arrange(&t, UINT32_MAX);
	check_all();
	ck_assert_uint_eq(t.count, 2);
	/* as they came: 1 1 1, then 1 2 3; many: 1 1 2 10.., then the rest */
	ck_assert_uint_eq(t.train[0].count, _i == 0 ? 3 : 4 + (unsigned)_i);
	ck_assert_uint_eq(t.train[1].count, _i == 0 ? 3 : 2);
	for (i = 0; _i == 0 && i < t.n; i++)
		ck_assert_uint_eq(t.order[i], i);
}
END_TEST

START_TEST(test_bytes)
{
	unsigned i;

	for (i = 0; i < 40; i++)
		add(i, 4000, 1);
	trains_arrange(&t, UINT32_MAX);
	check_all();
	ck_assert_uint_eq(t.train[0].count, NET_BUNDLE_BYTES / 4000);
}
END_TEST

/* Not one byte more than the kernel takes, whatever they add up to. */
START_TEST(test_bytes_of_any_size)
{
	const size_t least = NET_BUNDLE_BYTES / NET_BUNDLE_PIECES;
	size_t len;
	unsigned i;

	for (len = least; len < 2 * least; len++) {
		trains_clear(&t);
		for (i = 0; i < NET_BUNDLE_PIECES; i++)
			add(i, len, 1);
		trains_arrange(&t, UINT32_MAX);
		check_all();
		ck_assert_uint_eq(t.train[0].count, NET_BUNDLE_BYTES / len);
	}
}
END_TEST

START_TEST(test_random)
{
	unsigned round, i, n, senders, sizes;
	uint8_t number[256];

	srandom(7);
	for (round = 0; round < 20000; round++) {
		n = 1 + (unsigned)random() % TRAIN_WINDOW;
		senders = 1 + (unsigned)random() % 20;
		sizes = 1 + (unsigned)random() % 300;
		memset(number, 0, sizeof(number));
		trains_clear(&t);
		for (i = 0; i < n; i++) {
			unsigned s = (unsigned)random() % senders;

			add(s, 2 + (size_t)random() % sizes, ++number[s]);
		}
		trains_arrange(&t, round % 8 != 0 ? UINT32_MAX : 0);
		check_all();
		if (round % 8 == 0)
			ck_assert_uint_eq(t.count, n);
	}
}
END_TEST

/* However many trains there were before: stamps do not run into old ones. */
START_TEST(test_long_life)
{
	unsigned i;

	t.stamp = UINT32_MAX;
	trains_clear(&t);
	for (i = 0; i < TRAIN_WINDOW; i++)
		add(i, 2 + i, 1);
	trains_arrange(&t, UINT32_MAX);
	check_all();
	ck_assert_uint_eq(t.count, TRAIN_WINDOW / 2);
}
END_TEST

/* What a path would not carry in a bundle goes alone.  _i: how many rows */
START_TEST(test_most)
{
	static const size_t lens[] = { 50, 100, 100, 101, 50, 50, 101, 101 };
	const struct train *c;
	unsigned i;

	for (i = 0; i < 8 * (unsigned)_i; i++)
		add(7, lens[i % 8], (uint8_t)(1 + i));
	trains_arrange(&t, 100);
	check_all();
	for (c = t.train; c < t.train + t.count; c++)
		ck_assert_uint_le(c->size, 100);
	/* 50; 100 100; 101; 50 50; 101; 101 */
	ck_assert_uint_eq(t.count, 6 * (unsigned)_i);
	trains_clear(&t);
	add(1, 10, 1);
	add(1, 10, 2);
	trains_arrange(&t, 0);
	check_all();
	ck_assert_uint_eq(t.count, 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("train");
	TCase *tc = tcase_create("train");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_equal);
	tcase_add_loop_test(tc, test_shorter_last, 0, 1);
	tcase_add_loop_test(tc, test_most, 1, 5);
	tcase_add_loop_test(tc, test_shorter_last, TRAIN_FEW, TRAIN_FEW + 1);
	tcase_add_test(tc, test_bytes);
	tcase_add_test(tc, test_bytes_of_any_size);
	tcase_add_test(tc, test_random);
	tcase_add_test(tc, test_long_life);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
