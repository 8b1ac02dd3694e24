/* SPDX-License-Identifier: ISC */
/*
 * The prepared arrays against a plain list: under random joins and leaves
 * every receiver is in its group once, where its place says, and no block
 * runs past what was reserved for it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../relayd/fanout.h"
#include "../../relayd/still.h"
#include "roll.h"
#include "run_suite.h"

enum { RECEIVERS = 700, ROOMS = 5, STEPS = 100000 };

struct person {
	struct receiver	to;
	struct fanout_place place;
	struct fanout_kind kind;
	unsigned	room;
};

static struct net_control control;
static struct fanout f;
static uint32_t list[ROOMS];
static struct person who[RECEIVERS];

static struct person *
owner(struct receiver *to)
{
	return (struct person *)(void *)to;	/* its first member */
}

static void
enter(struct person *r, unsigned room)
{
	r->room = room;
	r->kind.form = (uint8_t)roll(2);
	r->kind.sock = (uint8_t)roll(2);
	r->kind.mute = roll(8) == 0;
	r->place = fanout_insert(&f, &list[room], r->kind, &r->to, 16);
}

static void
leave(struct person *r)
{
	struct receiver *moved = fanout_remove(&f, &list[r->room], r->place);

	if (moved != NULL)
		owner(moved)->place.position = r->place.position;
	r->place.group = 0;
}

/* What the lists hold is what the receivers say, once each. */
static void
compare(void)
{
	const struct mmsghdr *e;
	struct person *r;
	struct group *g;
	unsigned room, in = 0, i, expected = 0;

	for (i = 0; i < RECEIVERS; i++)
		expected += who[i].place.group != 0;
	for (room = 0; room < ROOMS; room++) {
		g = fanout_first(&f, list[room]);
		for (; g != NULL; g = fanout_next(&f, g)) {
			ck_assert_uint_gt(g->count, 0);
			ck_assert_uint_le(g->count, 1u << g->class);
			for (i = 0; i < g->count; i++) {
				e = &g->entry[i];
				r = owner(fanout_receiver(g, i));
				ck_assert_uint_eq(r->room, room);
				ck_assert_uint_eq(r->place.position, i);
				ck_assert_ptr_eq(&f.groups[r->place.group - 1],
				    g);
				ck_assert_uint_eq(g->kind.form, r->kind.form);
				ck_assert_uint_eq(g->kind.sock, r->kind.sock);
				ck_assert(g->kind.mute == r->kind.mute);
				ck_assert_ptr_eq(e->msg_hdr.msg_iov, &g->iov);
				ck_assert_uint_eq(e->msg_hdr.msg_iovlen, 1);
				ck_assert_uint_eq(e->msg_hdr.msg_namelen, 16);
			}
			in += g->count;
		}
	}
	ck_assert_uint_eq(in, expected);
}

/* The blocks ever used of a class fit what fanout_make reserved. */
static void
bounded(void)
{
	unsigned c;

	for (c = FANOUT_CLASS_MIN; c <= FANOUT_CLASS_MAX; c++)
		if (f.fresh[c] > 0)
			ck_assert_uint_le((size_t)f.fresh[c] << c,
			    4 * RECEIVERS + ((size_t)2 << c));
	ck_assert_uint_le(f.group_fresh, RECEIVERS);
}

START_TEST(test_random)
{
	unsigned i, n;

	seed = 77 + (unsigned)_i;
	fanout_make(&f, RECEIVERS, &control);
	for (i = 0; i < STEPS; i++) {
		/* tides, so that arrays grow and shrink all the way */
		n = roll(RECEIVERS);
		if (who[n].place.group == 0 && (i / 5000 % 2 == 0 ||
		    roll(10) == 0))
			enter(&who[n], roll(ROOMS));
		else if (who[n].place.group != 0 && (i / 5000 % 2 == 1 ||
		    roll(10) == 0))
			leave(&who[n]);
		if (i % 500 == 0)
			compare();
	}
	for (n = 0; n < RECEIVERS; n++)
		if (who[n].place.group != 0)
			leave(&who[n]);
	compare();
	bounded();
	for (n = 0; n < ROOMS; n++)
		ck_assert_uint_eq(list[n], 0);
}
END_TEST

/* Every receiver in a group of its own, then all in one. */
START_TEST(test_worst_cases)
{
	unsigned n, turn;

	fanout_make(&f, RECEIVERS, &control);
	for (turn = 0; turn < 3; turn++) {
		uint32_t lists[RECEIVERS] = { 0 };

		for (n = 0; n < RECEIVERS; n++)
			who[n].place = fanout_insert(&f, &lists[n],
			    who[n].kind, &who[n].to, 16);
		for (n = 0; n < RECEIVERS; n++)
			ck_assert_ptr_null(fanout_remove(&f, &lists[n],
			    who[n].place));
		for (n = 0; n < RECEIVERS; n++) {
			memset(&who[n].kind, 0, sizeof(who[n].kind));
			who[n].room = 0;
			who[n].place = fanout_insert(&f, &list[0],
			    who[n].kind, &who[n].to, 16);
		}
		compare();
		for (n = 0; n < RECEIVERS; n++)
			leave(&who[n]);
	}
	bounded();
}
END_TEST

enum { LEAVES, MOVES, MOVES_TWICE, MOVES_AND_LEAVES, STAYS, FATES };

/* It is said before it happens. */
static void
suffer(struct still *still, unsigned n)
{
	const unsigned fate = n % FATES;

	if (fate == LEAVES)
		still_leave(still, &who[n].to);
	else if (fate != STAYS)
		still_keep(still, &who[n].to);
	if (fate != STAYS) {
		leave(&who[n]);
		who[n].to.dest.v4.sin_port = 0;
		enter(&who[n], n % 3 == 0);
	}
	if (fate == MOVES_TWICE)
		still_keep(still, &who[n].to);
	else if (fate == MOVES_AND_LEAVES)
		still_leave(still, &who[n].to);
}

/*
 * A still copy has the same groups and receivers whatever the room does; who
 * leaves is left out, and who moves is where it was, until it leaves.
 */
START_TEST(test_still)
{
	static struct still still;
	struct fanout_place was[RECEIVERS];
	const struct mmsghdr *e;
	const union dest *at;
	unsigned n, left = 0, kept = 0;
	struct group *g;

	seed = 5;
	fanout_make(&f, RECEIVERS, &control);
	still_make(&still, RECEIVERS);
	still_take(&still, &f, 0);
	ck_assert_uint_eq(still.list + still.n, 0);
	for (n = 0; n < RECEIVERS; n++) {
		who[n].to.dest.v4.sin_port = (in_port_t)n;
		enter(&who[n], n % 3 == 0);
	}
	still_take(&still, &f, list[0]);
	for (n = 0; n < RECEIVERS; n++)
		was[n] = who[n].place;
	for (n = 0; n < RECEIVERS; n++)
		suffer(&still, n);
	for (n = 0; n < RECEIVERS; n++) {
		if (n % 3 == 0) {
			ck_assert_uint_eq(still_group(&still, was[n].group),
			    UINT32_MAX);
			continue;
		}
		g = &still.fanout.groups[still_group(&still, was[n].group) -
		    1];
		ck_assert_uint_lt(was[n].position, g->count);
		e = &g->entry[was[n].position];
		ck_assert_ptr_eq(e->msg_hdr.msg_iov, &g->iov);
		if (n % FATES == LEAVES || n % FATES == MOVES_AND_LEAVES) {
			ck_assert_ptr_null(e->msg_hdr.msg_name);
			left++;
			continue;
		}
		at = e->msg_hdr.msg_name;
		ck_assert_uint_eq(at->v4.sin_port, n);
		kept++;
	}
	ck_assert_uint_eq(left + kept, still.n);
	for (g = fanout_first(&still.fanout, still.list); g != NULL;
	    g = fanout_next(&still.fanout, g))
		left -= g->gaps;
	ck_assert_uint_eq(left, 0);
	ck_assert_uint_eq(still_group(&still, 0), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fanout");
	TCase *tc = tcase_create("fanout");

	tcase_add_loop_test(tc, test_random, 0, 3);
	tcase_add_test(tc, test_worst_cases);
	tcase_add_test(tc, test_still);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
