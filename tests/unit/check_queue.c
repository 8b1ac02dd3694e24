/* SPDX-License-Identifier: ISC */
/*
 * The queue and the ranking under it, beside a plain list that is searched:
 * order in each room, what is dropped when it is too much, and that nothing
 * which is being sent is.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../relayd/queue.h"
#include "counter.h"
#include "run_suite.h"
#include "wire.h"

enum { ROOMS = 8, SPEAKERS = 40, IDS = 50 };

static _Atomic uint64_t counters[LC_COUNT];
static struct queue q;
static uint32_t number;		/* each message says its own */

static void
setup(void)
{
	queue_make(&q, ROOMS, SPEAKERS, counters);
	memset(counters, 0, sizeof(counters));
	number = 0;
}

static uint32_t
put(uint32_t room, uint32_t speaker, uint32_t copies)
{
	number++;
	queue_put(&q, room, speaker, copies, &number, sizeof(number));
	return number;
}

/* 0: there is none, or not as it was put. */
static uint32_t
number_of(const struct queued *m)
{
	uint32_t n = 0;

	if (m != NULL && m->len == sizeof(n))
		memcpy(&n, queue_text(&q, m), sizeof(n));
	return n;
}

/* ---- ranking ---- */

START_TEST(test_rank)
{
	uint64_t weight[IDS] = { 0 }, most;
	struct rank r;
	int round, i;

	rank_make(&r, IDS, IDS);
	srandom(3);
	for (round = 0; round < 200000; round++) {
		i = (int)(random() % IDS);
		weight[i] = random() % 3 == 0 ? 0 : (uint64_t)random() % 100;
		rank_set(&r, (uint32_t)i, weight[i]);
		for (most = 0, i = 0; i < IDS; i++)
			if (weight[i] > most)
				most = weight[i];
		/* An assertion that holds is slow as well. */
		if (rank_most(&r) == most && (most == 0 ?
		    rank_top(&r) == RANK_NONE :
		    weight[rank_top(&r)] == most))
			continue;
		ck_abort_msg("most is %ju, not %ju", (uintmax_t)most,
		    (uintmax_t)rank_most(&r));
	}
}
END_TEST

/* ---- order ---- */

START_TEST(test_order)
{
	const struct queued *m;
	uint32_t i;

	for (i = 0; i < 100; i++)
		put(i % 2, i % 7, 10);
	queue_take(&q, 0, 20);
	put(0, 1, 10);
	ck_assert_uint_eq(q.room[0].taken, 20);
	ck_assert_uint_eq(q.room[0].waiting, 31);
	m = queue_first(&q, 0);
	for (i = 0; i < 50; i++, m = queue_next(&q, m))
		ck_assert_uint_eq(number_of(m), 1 + 2 * i);
	ck_assert_uint_eq(number_of(m), 101);
	ck_assert_ptr_null(queue_next(&q, m));
	queue_take(&q, 0, 5);		/* more of it, in two goes */
	queue_sent(&q, 0);
	ck_assert_uint_eq(number_of(queue_first(&q, 0)), 51);
	queue_take(&q, 0, 1000);
	queue_sent(&q, 0);
	ck_assert_ptr_null(queue_first(&q, 0));
	ck_assert_uint_eq(q.rooms, 1);
	ck_assert_uint_eq(q.count, 50);
	ck_assert_uint_eq(q.copies, 500);
}
END_TEST

/* ---- too much ---- */

/* Who says little keeps all of it, whoever comes when. */
START_TEST(test_one_talks)
{
	uint32_t kept[20], i, last = 0;
	const struct queued *m;

	for (i = 0; i < 2 * QUEUE_MAX; i++) {
		last = put(1, 1, 10);
		if (i % 256 == 0)
			kept[i / 256] = put(i / 256 % 2 == 0 ? 1 : 2,
			    3 + i / 256, 10);
	}
	ck_assert_uint_eq(q.count, QUEUE_MAX);
	ck_assert_uint_eq(counters[LC_drop_talker], QUEUE_MAX + 16);
	ck_assert_uint_eq(counters[LC_drop_busy], 0);
	m = queue_first(&q, 2);
	for (i = 1; i < 16; i += 2, m = queue_next(&q, m))
		ck_assert_uint_eq(number_of(m), kept[i]);
	ck_assert_ptr_null(m);
	for (i = 0, m = queue_first(&q, 1); m != NULL; m = queue_next(&q, m))
		if (m->speaker != 1)
			ck_assert_uint_eq(number_of(m), kept[2 * i++]);
		else	/* its newest went */
			ck_assert_uint_lt(number_of(m), last);
	ck_assert_uint_eq(i, 8);
}
END_TEST

/* Where all of a room talk, it is the room that loses, its newest first. */
START_TEST(test_room_talks)
{
	uint32_t i, quiet;

	for (i = 0; q.copies + 1000 <= QUEUE_COPIES; i++)
		put(1, i % 30, 1000);
	quiet = put(2, 35, 1000);	/* one too many, but not of these */
	ck_assert_uint_eq(counters[LC_drop_busy], 1);
	ck_assert_uint_eq(counters[LC_drop_talker], 0);
	ck_assert_uint_eq(q.msg[q.room[1].last - 1].speaker, (i - 2) % 30);
	ck_assert_uint_eq(number_of(queue_first(&q, 2)), quiet);
	ck_assert_uint_le(q.copies, QUEUE_COPIES);
}
END_TEST

/* A few copies of a talker of a small room are not what is too much. */
START_TEST(test_work_counts)
{
	uint32_t i;

	for (i = 0; i < 100; i++)
		put(3, 39, 2);
	for (i = 0; i < QUEUE_MAX / 4; i++)
		put(1, i % 30, 1000);
	ck_assert_uint_eq(q.room[3].waiting, 100);
	ck_assert_uint_gt(counters[LC_drop_busy], 0);
	ck_assert_uint_le(q.copies, QUEUE_COPIES);
}
END_TEST

/* Rooms of two that take every place do not keep a larger one out. */
START_TEST(test_small_rooms)
{
	uint32_t i;

	for (i = 0; i < QUEUE_MAX; i++)
		put(1 + i % 7, 1 + i % 7, 2);
	for (i = 0; i < 10; i++)
		put(0, 20 + i, 100);
	ck_assert_uint_eq(q.room[0].waiting, 10);
	ck_assert_uint_eq(counters[LC_drop_talker] + counters[LC_drop_busy],
	    10);
}
END_TEST

/* Nobody has said more than one: what comes last goes. */
START_TEST(test_singles)
{
	uint32_t i;

	for (i = 0; i < 6; i++)
		put(i, i, QUEUE_COPIES / 4);
	ck_assert_uint_eq(counters[LC_drop_busy], 2);
	for (i = 0; i < 6; i++)
		ck_assert_uint_eq(q.room[i].waiting, i < 4);
	setup();
	put(0, 0, 3 * QUEUE_COPIES);	/* alone it is never too much */
	ck_assert_uint_eq(q.count, 1);
	put(1, 1, 1);
	ck_assert_uint_eq(q.count, 1);
	ck_assert_uint_eq(counters[LC_drop_busy], 1);
}
END_TEST

/* ---- sources ---- */

enum {
	MANY = QUEUE_MAX + QUEUE_MAX / 2,
	QUIET = MANY,			/* a room, and who speaks there */
	NAMES = 16,
};

static struct addr
at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 1), 0);
	return a;
}

/* So many rooms and a speaker in each, all from one address. */
static void
make_many(void)
{
	const struct addr one = at("192.0.2.1"), other = at("192.0.2.2");
	uint32_t i;

	queue_make(&q, MANY + 1, MANY + NAMES, counters);
	for (i = 0; i < MANY; i++)
		queue_from(&q, i, &one);
	for (; i < MANY + NAMES; i++)
		queue_from(&q, i, &other);
}

/* Who has a message in each of very many rooms is who talks too much. */
START_TEST(test_many_rooms)
{
	uint32_t i, quiet = 0;

	make_many();
	for (i = 0; i < 2 * MANY; i++) {
		put(i % MANY, i % MANY, 2);
		if (i % (MANY / 5) == 0)
			put(QUIET, QUIET + quiet++, 100);
	}
	ck_assert_uint_eq(q.room[QUIET].waiting, quiet);
	ck_assert_uint_eq(counters[LC_drop_source],
	    2 * MANY + quiet - QUEUE_MAX);
	ck_assert_uint_eq(counters[LC_drop_talker], 0);
	ck_assert_uint_eq(counters[LC_drop_busy], 0);
}
END_TEST

/* Where all speak from one address, it is the room that loses. */
START_TEST(test_one_source)
{
	uint32_t i, quiet = 0;

	make_many();
	for (i = 0; i < 2 * QUEUE_MAX; i++) {
		put(i % 8, i % 8 * 10 + i / 8 % 10, 2);
		if (i % 256 == 0)
			quiet += put(8, 100 + i / 256, 2) > 0;
	}
	ck_assert_uint_eq(q.room[8].waiting, quiet);
	ck_assert_uint_gt(counters[LC_drop_source], QUEUE_MAX / 2);
	for (i = 0; i < 8; i++)
		ck_assert_uint_gt(q.room[i].waiting, QUEUE_MAX / 8 / 2);
}
END_TEST

/* The turn is of sources first, and then of their rooms. */
START_TEST(test_turns)
{
	bool had[MANY] = { false };
	uint32_t i, room, quiet = 0;

	make_many();
	for (i = 0; i < 100; i++)
		put(i, i, 2);
	put(QUIET, QUIET, 2);
	for (i = 0; i < 200; i++) {
		room = queue_turn(&q);
		quiet += room == QUIET;
		if (room == QUIET)
			continue;
		ck_assert(!had[room]);
		had[room] = true;
	}
	ck_assert_uint_eq(quiet, 100);
	queue_drop(&q, QUIET);
	for (i = 0; i < 100; i++) {
		room = queue_turn(&q);
		ck_assert_uint_lt(room, 100);
		queue_take(&q, room, 1);
		queue_sent(&q, room);
	}
	ck_assert_uint_eq(q.rooms + q.sources + q.busy_sources.count, 0);
}
END_TEST

/* Each room in which some wait is in one ring, once. */
static void
check_rings(void)
{
	const struct queue_source *s;
	uint32_t i, room, rooms = 0, waiting = 0;

	for (i = 0; i < q.sources; i++) {
		s = &q.source[q.turns[i]];
		ck_assert_uint_eq(s->place, i);
		room = s->turn - 1;
		do {
			ck_assert_uint_gt(q.room[room].waiting, 0);
			ck_assert_uint_eq(q.room[room].source, q.turns[i]);
			waiting += q.room[room].waiting;
			rooms++;
			ck_assert_uint_eq(q.room[q.room[room].after].before,
			    room);
			room = q.room[room].after;
		} while (room != s->turn - 1 && rooms <= q.rooms);
	}
	ck_assert_uint_eq(rooms, q.rooms);
	for (i = 0; i < rooms; i++)
		waiting -= q.room[q.active[i]].waiting;
	ck_assert_uint_eq(waiting, 0);
}

/* Speakers of four addresses, and some of nobody knows where. */
START_TEST(test_random_sources)
{
	const struct addr from[] = { at("192.0.2.1"), at("192.0.2.2"),
	    at("[2001:db8::1]"), at("[2001:db8:0:1::1]") };
	uint32_t i, room, speaker;

	srandom(7);
	for (i = 0; i < 40000; i++) {
		speaker = (uint32_t)random() % SPEAKERS;
		room = speaker % ROOMS;
		if (random() % 8 == 0)
			queue_from(&q, speaker, &from[random() % 4]);
		if (random() % 50 == 0)
			queue_leave(&q, room, speaker, "x", 1);
		if (random() % 100 == 0)
			queue_take(&q, room, 1 + (uint32_t)random() % 64);
		if (random() % 100 == 0)
			queue_sent(&q, room);
		if (random() % 5000 == 0)
			queue_drop(&q, room);
		put(room, speaker, 1 + (uint32_t)random() % 300);
		if (i % 64 == 0)
			check_rings();
	}
	ck_assert_uint_gt(counters[LC_drop_source], 100);
	for (room = 0; room < ROOMS; room++) {
		queue_drop(&q, room);
		queue_sent(&q, room);
	}
	ck_assert_uint_eq(q.count + q.copies + q.rooms + q.sources +
	    q.talkers.count + q.busy_rooms.count + q.busy_sources.count, 0);
	/* An assertion that holds is slow as well. */
	for (i = 0; i < QUEUE_SOURCES; i++)
		if (q.source[i].last != 0 || q.source[i].waiting != 0 ||
		    q.source[i].work != 0 || q.source[i].turn != 0)
			ck_abort_msg("source %u is not empty", i);
}
END_TEST

/* ---- beside a list ---- */

enum { MOST = QUEUE_MAX + 1 };

struct listed {
	uint32_t	number, room, speaker, copies;
	bool		taken, gone;	/* and who said it */
};

static struct listed list[MOST];
static uint32_t listed;

static void
unlist(uint32_t i)
{
	memmove(list + i, list + i + 1, (listed - i - 1) * sizeof(*list));
	listed--;
}

static void
find_waiting(uint32_t by_room[ROOMS], uint32_t by_one[SPEAKERS])
{
	uint32_t i;

	memset(by_room, 0, ROOMS * sizeof(*by_room));
	memset(by_one, 0, SPEAKERS * sizeof(*by_one));
	for (i = 0; i < listed; i++)
		if (!list[i].taken) {
			by_room[list[i].room]++;
			if (!list[i].gone)
				by_one[list[i].speaker]++;
		}
}

/* The rule, by searching; all copies are equal here. */
static void
check_victim(uint32_t lost)
{
	uint32_t by_room[ROOMS], by_one[SPEAKERS], i, k, room = 0, one = 0;
	bool newest = true;

	find_waiting(by_room, by_one);
	for (i = 0; i < ROOMS; i++)
		room = by_room[i] > room ? by_room[i] : room;
	for (i = 0; i < SPEAKERS; i++)
		one = by_one[i] > one ? by_one[i] : one;
	for (i = 0; i < listed && list[i].number != lost; i++)
		;
	ck_assert_uint_lt(i, listed);
	ck_assert(!list[i].taken);
	for (k = i + 1; k < listed; k++)
		newest = newest && !(one > 1 && 2 * (one - 1) >= room - 1 ?
		    list[k].speaker == list[i].speaker && !list[k].gone :
		    list[k].room == list[i].room);
	ck_assert(newest);
	if (one > 1 && 2 * (one - 1) >= room - 1) {
		ck_assert(!list[i].gone);
		ck_assert_uint_eq(by_one[list[i].speaker], one);
	} else if (room > 1) {
		ck_assert_uint_eq(by_room[list[i].room], room);
	}
	unlist(i);
}

/* Its speaker, or the name that one had. */
static bool
is_by(const struct queued *m, const struct listed *l)
{
	char name[16];
	int len;

	if (!l->gone)
		return m->speaker == l->speaker;
	len = snprintf(name, sizeof(name), "s%u", l->speaker);
	return m->speaker >= QUEUE_GONE && m->name_len == len &&
	    memcmp(queue_name(&q, m), name, (size_t)len) == 0;
}

/* The message that is in the list and not in the queue. */
static uint32_t
missing(void)
{
	const struct queued *next[ROOMS];
	uint32_t i;

	for (i = 0; i < ROOMS; i++)
		next[i] = queue_first(&q, i);
	for (i = 0; i < listed; i++) {
		const struct queued *m = next[list[i].room];

		if (m == NULL || number_of(m) != list[i].number)
			return list[i].number;
		ck_assert(is_by(m, &list[i]));
		next[list[i].room] = queue_next(&q, m);
	}
	return 0;
}

static void
put_random(unsigned favourite)
{
	const uint32_t speaker = random() % 4 != 0 ? favourite :
	    (uint32_t)random() % SPEAKERS;
	const uint32_t room = speaker % ROOMS;

	list[listed++] = (struct listed){ put(room, speaker, 5), room,
	    speaker, 5, false, false };
	if (q.count < listed)
		check_victim(missing());
	ck_assert_uint_eq(q.count, listed);
}

static void
take_random(void)
{
	const uint32_t room = (uint32_t)random() % ROOMS;
	uint32_t i, n = 1 + (uint32_t)random() % 128, k = n;

	queue_take(&q, room, n);
	for (i = 0; i < listed && k > 0; i++)
		if (list[i].room == room && !list[i].taken) {
			list[i].taken = true;
			k--;
		}
	if (random() % 2 != 0)
		return;
	queue_sent(&q, room);
	for (i = listed; i > 0; i--)
		if (list[i - 1].room == room && list[i - 1].taken)
			unlist(i - 1);
}

static void
leave_random(void)
{
	const uint32_t speaker = (uint32_t)random() % SPEAKERS;
	char name[16];
	int len = snprintf(name, sizeof(name), "s%u", speaker);
	uint32_t i;

	queue_leave(&q, speaker % ROOMS, speaker, name, (size_t)len);
	for (i = 0; i < listed; i++)
		if (list[i].speaker == speaker)
			list[i].gone = true;
}

static void
drop_random(void)
{
	const uint32_t room = (uint32_t)random() % ROOMS;
	const uint64_t before = counters[LC_drop_busy];
	uint32_t i, n = 0;

	queue_drop(&q, room);
	for (i = listed; i > 0; i--)
		if (list[i - 1].room == room && !list[i - 1].taken) {
			unlist(i - 1);
			n++;
		}
	ck_assert_uint_eq(counters[LC_drop_busy], before + n);
	ck_assert_uint_eq(q.count, listed);
}

START_TEST(test_random)
{
	unsigned round, favourite = 0;

	srandom(5);
	listed = 0;
	for (round = 0; round < 30000; round++) {
		if (round % 997 == 0)
			favourite = (unsigned)random() % SPEAKERS;
		/* mostly more comes than goes */
		if (random() % (round / 5000 % 2 == 0 ? 200 : 20) == 0)
			take_random();
		else if (random() % 300 == 0)
			leave_random();
		else if (random() % 3000 == 0)
			drop_random();
		else
			put_random(round / 2500 % 2 == 0 ? favourite :
			    (unsigned)random() % SPEAKERS);
		if (round % 100 == 0)
			ck_assert_uint_eq(missing(), 0);
	}
	ck_assert_uint_gt(counters[LC_drop_talker], 100);
	ck_assert_uint_gt(counters[LC_drop_busy], 100);
	for (favourite = 0; favourite < ROOMS; favourite++) {
		queue_drop(&q, favourite);
		queue_sent(&q, favourite);
	}
	ck_assert_uint_eq(q.count + q.copies + q.rooms + q.talkers.count +
	    q.busy_rooms.count, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue");
	TCase *tc = tcase_create("queue");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_rank);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_one_talks);
	tcase_add_test(tc, test_room_talks);
	tcase_add_test(tc, test_work_counts);
	tcase_add_test(tc, test_small_rooms);
	tcase_add_test(tc, test_singles);
	tcase_add_test(tc, test_many_rooms);
	tcase_add_test(tc, test_one_source);
	tcase_add_test(tc, test_turns);
	tcase_add_test(tc, test_random_sources);
	tcase_add_test(tc, test_random);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
