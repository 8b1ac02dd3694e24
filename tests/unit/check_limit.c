/* SPDX-License-Identifier: ISC */
/*
 * Limits per source: buckets by the clock we give them, and who has how many
 * connections, against a plain model.
 */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit_count.h"
#include "run_suite.h"

static struct limit *l;

static void
setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	l = limit_new(500);
	ck_assert_ptr_nonnull(l);
}

static void
teardown(void)
{
	limit_free(l);
}

static struct addr
at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 1), 0);
	return a;
}

/* ---- rates ---- */

static unsigned
takes(const struct addr *a, uint32_t rate, uint32_t burst, uint64_t now_us,
    unsigned tries)
{
	unsigned n = 0;

	while (tries-- > 0)
		n += limit_take(l, LIMIT_JOINS, a, 1, rate, burst, now_us);
	return n;
}

START_TEST(burst_then_rate)
{
	struct addr a = at("192.0.2.1");
	uint64_t now = 77000000;

	ck_assert_uint_eq(takes(&a, 100, 20, now, 50), 20);
	/* a refusal takes nothing: one more each 10 ms */
	ck_assert_uint_eq(takes(&a, 100, 20, now + 9999, 50), 0);
	ck_assert_uint_eq(takes(&a, 100, 20, now + 10000, 50), 1);
	ck_assert_uint_eq(takes(&a, 100, 20, now + 60000, 50), 5);
	/* and never more than the burst, however long it was quiet */
	ck_assert_uint_eq(takes(&a, 100, 20, now + 3600000000, 50), 20);
}
END_TEST

START_TEST(off_and_odd)
{
	struct addr a = at("192.0.2.1");

	ck_assert_uint_eq(takes(&a, 0, 1, 5, 10000), 10000);
	ck_assert_uint_eq(takes(&a, 1, 0, 5000000, 10), 1);
	ck_assert_uint_eq(takes(&a, UINT32_MAX, UINT32_MAX, 6000000, 1000),
	    1000);
}
END_TEST

/* What is dear takes as much; more than all there is, all there is. */
START_TEST(dear_ones)
{
	struct addr a = at("192.0.2.1");
	uint64_t now = 77000000;

	ck_assert(limit_take(l, LIMIT_LISTS, &a, 15, 100, 20, now));
	ck_assert(!limit_take(l, LIMIT_LISTS, &a, 6, 100, 20, now));
	ck_assert(limit_take(l, LIMIT_LISTS, &a, 5, 100, 20, now));
	ck_assert(!limit_take(l, LIMIT_LISTS, &a, 1, 100, 20, now));
	/* joins are another matter */
	ck_assert_uint_eq(takes(&a, 100, 20, now, 50), 20);
	now += 199999;
	ck_assert(!limit_take(l, LIMIT_LISTS, &a, 1000, 100, 20, now));
	ck_assert(limit_take(l, LIMIT_LISTS, &a, 1000, 100, 20, now + 1));
	ck_assert(!limit_take(l, LIMIT_LISTS, &a, 1, 100, 20, now + 1));
	ck_assert(limit_take(l, LIMIT_LISTS, &a, UINT32_MAX, UINT32_MAX,
	    UINT32_MAX, now + 3600000000));
}
END_TEST

/* A reload: what was used up at the old rate is not missed for hours. */
START_TEST(rate_is_raised)
{
	struct addr a = at("192.0.2.1");
	uint64_t now = 77000000;

	ck_assert_uint_eq(takes(&a, 1, 5000, now, 6000), 5000);
	ck_assert_uint_eq(takes(&a, 100, 20, now, 50), 0);
	ck_assert_uint_eq(takes(&a, 100, 20, now + 9999, 50), 0);
	now += 10000;
	ck_assert_uint_eq(takes(&a, 100, 20, now, 50), 1);
	ck_assert_uint_eq(takes(&a, 100, 20, now + 1000000, 50), 20);
}
END_TEST

START_TEST(sources_are_apart)
{
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");
	struct addr c = at("[2001:db8:0:1::1]"), d = at("[2001:db8:0:1::2]");
	struct addr e = at("[2001:db8:0:2::1]");

	ck_assert_uint_eq(takes(&a, 1, 5, 9, 10), 5);
	ck_assert_uint_eq(takes(&b, 1, 5, 9, 10), 5);
	/* a /64 is one source */
	ck_assert_uint_eq(takes(&c, 1, 5, 9, 3), 3);
	ck_assert_uint_eq(takes(&d, 1, 5, 9, 10), 2);
	ck_assert_uint_eq(takes(&e, 1, 5, 9, 10), 5);
	/* ports do not matter */
	a.port = 2;
	ck_assert_uint_eq(takes(&a, 1, 5, 9, 10), 0);
}
END_TEST

/* Strangers may take the places of those at rest, not of the busy one. */
START_TEST(crowd_does_not_free_the_busy)
{
	struct addr a = at("192.0.2.1"), b = at("10.0.0.0");
	uint32_t i;

	ck_assert_uint_eq(takes(&a, 1, 1000, 1000, 1000), 1000);
	for (i = 0; i < 200000; i++) {
		memcpy(b.ip + 12, &i, sizeof(i));
		ck_assert(limit_take(l, LIMIT_JOINS, &b, 1, 1, 1000, 1000));
	}
	ck_assert_uint_eq(takes(&a, 1, 1000, 1000, 10), 0);
}
END_TEST

/* ---- connections ---- */

static bool
half_open(struct limit_conn *conn, const struct addr *a)
{
	return limit_open(l, conn, LIMIT_HALF_OPEN, a);
}

START_TEST(oldest_of_its_source)
{
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");
	struct limit_conn n[5] = { 0 };
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert(half_open(&n[i], &a));
		ck_assert_ptr_null(limit_victim(l, &n[i], 100, 3));
	}
	ck_assert(half_open(&n[3], &b));
	ck_assert_ptr_null(limit_victim(l, &n[3], 100, 3));
	ck_assert(half_open(&n[4], &a));
	ck_assert_ptr_eq(limit_victim(l, &n[4], 100, 3), &n[0]);
	limit_done(l, &n[0]);
	ck_assert_ptr_null(limit_victim(l, &n[4], 100, 3));
	ck_assert_uint_eq(limit_count(l), 4);
	/* done twice is done once */
	limit_done(l, &n[0]);
	ck_assert_uint_eq(limit_count(l), 4);
	for (i = 1; i < 5; i++)
		limit_done(l, &n[i]);
	ck_assert_uint_eq(limit_count(l), 0);
}
END_TEST

/* The descriptors are fewer than the setting allows. */
START_TEST(the_most_there_may_be)
{
	struct addr a = at("192.0.2.1");
	struct limit_conn n[501] = { 0 };
	int i;

	for (i = 0; i < 501; i++) {
		ck_assert(half_open(&n[i], &a));
		ck_assert_ptr_eq(limit_victim(l, &n[i], 10000, 10000),
		    i < 500 ? NULL : &n[0]);
	}
	for (i = 0; i < 501; i++)
		limit_done(l, &n[i]);
}
END_TEST

START_TEST(oldest_of_the_busiest)
{
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");
	struct limit_conn n[4] = { 0 };

	ck_assert(half_open(&n[0], &b));
	ck_assert(half_open(&n[1], &a));
	ck_assert(half_open(&n[2], &a));
	ck_assert(half_open(&n[3], &b));
	limit_done(l, &n[0]);
	/* the stranger who comes last is not the one to suffer */
	ck_assert_ptr_eq(limit_victim(l, &n[3], 2, 10), &n[1]);
	/* a limit lowered while running takes several */
	limit_done(l, &n[1]);
	ck_assert_ptr_nonnull(limit_victim(l, &n[3], 0, 10));
	limit_done(l, &n[2]);
	ck_assert_ptr_eq(limit_victim(l, &n[3], 0, 10), &n[3]);
	limit_done(l, &n[3]);
	ck_assert_ptr_null(limit_victim(l, &n[3], 0, 10));
}
END_TEST

static void
answer(struct limit_conn *conn)
{
	struct addr nowhere = at("203.0.113.1");

	/* it is counted: for the source that it has */
	ck_assert(limit_open(l, conn, LIMIT_ANSWERED, &nowhere));
}

/* Each phase by itself; and where places are short, whoever has the most. */
START_TEST(places)
{
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");
	struct limit_conn n[7] = { 0 };
	int i;

	ck_assert_ptr_null(limit_crowded(l, 0, true));
	for (i = 0; i < 7; i++)
		ck_assert(half_open(&n[i], i < 4 ? &a : &b));
	ck_assert_ptr_null(limit_crowded(l, 0, false));
	ck_assert_ptr_eq(limit_crowded(l, 0, true), &n[0]);
	for (i = 6; i > 3; i--)
		answer(&n[i]);
	/* 4 of a are half-open, 3 of b are answered, the last one first */
	ck_assert_uint_eq(limit_count(l), 4);
	ck_assert_ptr_null(limit_crowded(l, 3, false));
	ck_assert_ptr_eq(limit_crowded(l, 2, false), &n[6]);
	ck_assert_ptr_eq(limit_crowded(l, 3, true), &n[0]);
	limit_done(l, &n[0]);
	ck_assert_ptr_eq(limit_crowded(l, 3, true), &n[6]);
	answer(&n[1]);
	limit_done(l, &n[6]);
	ck_assert_ptr_eq(limit_crowded(l, 3, true), &n[5]);
	/* it asks for something else */
	ck_assert(half_open(&n[5], &b));
	ck_assert_uint_eq(limit_count(l), 3);
	ck_assert_ptr_eq(limit_crowded(l, 3, true), &n[2]);
	for (i = 1; i < 6; i++)
		limit_done(l, &n[i]);
	ck_assert_ptr_null(limit_crowded(l, 0, true));
}
END_TEST

enum { NODES = 600, SOURCES = 12, STEPS = 60000 };

static struct limit_conn nodes[NODES];
static struct {
	bool		open;
	unsigned	source;
	uint64_t	since;
} model[NODES];

static unsigned
model_count(unsigned source)
{
	unsigned i, n = 0;

	for (i = 0; i < NODES; i++)
		n += model[i].open && model[i].source == source;
	return n;
}

static unsigned
model_oldest(unsigned source)
{
	unsigned i, best = NODES;

	for (i = 0; i < NODES; i++)
		if (model[i].open && model[i].source == source &&
		    (best == NODES || model[i].since < model[best].since))
			best = i;
	return best;
}

static void
expect_victim(unsigned latest, unsigned all, unsigned each)
{
	struct limit_conn *v = limit_victim(l, &nodes[latest], all, each);
	unsigned i, s, most = 0, total = 0;

	for (s = 0; s < SOURCES; s++) {
		total += model_count(s);
		if (model_count(s) > most)
			most = model_count(s);
	}
	s = model[latest].source;
	if (model_count(s) > each) {
		ck_assert_ptr_eq(v, &nodes[model_oldest(s)]);
	} else if (total <= all) {
		ck_assert_ptr_null(v);
	} else {
		ck_assert_ptr_nonnull(v);
		i = (unsigned)(v - nodes);
		ck_assert_uint_eq(model_count(model[i].source), most);
		ck_assert_uint_eq(model_oldest(model[i].source), i);
	}
}

START_TEST(against_a_model)
{
	unsigned seed = 20260101, i, step, s;
	char text[32];
	struct addr a;

	printf("seed %u\n", seed);
	memset(model, 0, sizeof(model));
	for (step = 0; step < STEPS; step++) {
		seed = seed * 1103515245u + 12345u;
		i = (seed >> 16) % NODES;
		if (model[i].open) {
			limit_done(l, &nodes[i]);
			model[i].open = false;
			continue;
		}
		/* the first sources come more often than the last */
		s = (seed >> 8) % (1 + (seed >> 4) % SOURCES);
		(void)snprintf(text, sizeof(text), "198.51.100.%u", s);
		a = at(text);
		ck_assert(half_open(&nodes[i], &a));
		model[i].open = true;
		model[i].source = s;
		model[i].since = step;
		if (step % 16 == 0)
			expect_victim(i, 200 + step % 100, 30 + step % 50);
	}
	for (i = 0; i < NODES; i++)
		limit_done(l, &nodes[i]);
	ck_assert_uint_eq(limit_count(l), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("limit");
	TCase *tc = tcase_create("limit");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, burst_then_rate);
	tcase_add_test(tc, off_and_odd);
	tcase_add_test(tc, dear_ones);
	tcase_add_test(tc, rate_is_raised);
	tcase_add_test(tc, sources_are_apart);
	tcase_add_test(tc, crowd_does_not_free_the_busy);
	tcase_add_test(tc, oldest_of_its_source);
	tcase_add_test(tc, the_most_there_may_be);
	tcase_add_test(tc, oldest_of_the_busiest);
	tcase_add_test(tc, places);
	tcase_add_test(tc, against_a_model);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
