/* SPDX-License-Identifier: ISC */
/*
 * What one datagram, one join and one look at the time cost does not grow
 * with the number of rooms: processor time with 10 rooms and with 4000.  Nor
 * does it take longer to leave in the midst of a message where there are many
 * members or much waits: all may leave at once.  The large one may be slower
 * by what its memory costs, which is far from what any walk would cost.  What
 * does take long, since it goes to very many, leaves time to answer ocmd.
 */
#include <time.h>

#include "relay_clients.h"
#include "run_suite.h"

enum { FEW = 10, MANY = 4000, EACH = 3, ROUNDS = 7, REPEAT = 300 };

static char names[MANY][8];
static struct client speaker, listener;
static uint32_t rooms;

/* Rooms from..to-1, of EACH members that nobody has heard yet. */
static void
fill(uint32_t from, uint32_t to)
{
	struct member_new m = fx_member("m", "plain", "127.0.0.1", 0);
	uint32_t i, k;

	for (i = from; i < to; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "r%u", i);
		for (k = 0; k < EACH; k++)
			(void)fx_enter(&fx, names[i], &m);
	}
	turn();
	rooms = to;
	ck_assert_uint_eq(relay.peers.count, to * EACH + 2);
}

/* ---- what is measured, once ---- */

static void
find(uint32_t i)
{
	const char *name = names[i * 7919 % rooms];

	ck_assert_uint_ne(roomtab_find(fx.tab, name, strlen(name)),
	    ROOMTAB_NONE);
}

/* A join and its end: in the table, and in the relay that follows it. */
static void
come_and_go(uint32_t i)
{
	struct member_new m = fx_member("x", "plain", "127.0.0.1", 0);
	struct member_made made;

	made = fx_enter(&fx, names[i * 7919 % rooms], &m);
	relay_follow(&relay);
	ck_assert_int_eq(roomtab_remove(fx.tab, made.slot, made.gen,
	    END_LEFT), 0);
	relay_follow(&relay);
}

static void
talk(uint32_t i)
{
	char got[64];

	(void)i;
	leave_said(&speaker, "hello", 5);
	relay_turn(&relay);
	relay_receive(&relay, 0);
	deliver_some(&relay);
	ck_assert_int_gt(recv(listener.fd, got, sizeof(got), 0), 0);
}

/* A turn of the loop in which nothing is due; everybody has a timer. */
static void
tick(uint32_t i)
{
	(void)i;
	relay_turn(&relay);
	care_tick(&relay);
	ck_assert_int_gt(care_wait(&relay), 0);
}

/* ---- the comparison ---- */

static const struct {
	const char	*name;
	void		(*once)(uint32_t);
} things[] = {
	{ "find a room", find },
	{ "join and leave", come_and_go },
	{ "a datagram", talk },
	{ "nothing is due", tick },
};
enum { THINGS = sizeof(things) / sizeof(things[0]) };

static uint64_t
now_ns(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Nanoseconds of one, in the round that nobody disturbed most. */
static uint64_t
cost(void (*once)(uint32_t))
{
	uint64_t begin, best = UINT64_MAX, took;
	uint32_t i, k;

	for (k = 0; k < ROUNDS; k++) {
		begin = now_ns();
		for (i = 0; i < REPEAT; i++)
			once(k * REPEAT + i);
		took = now_ns() - begin;
		if (took < best)
			best = took;
	}
	return best / REPEAT;
}

START_TEST(test_rooms)
{
	uint64_t few[THINGS], many;
	size_t i;

	speaker = member("here", "a");
	listener = member("here", "b");
	fill(0, FEW);
	for (i = 0; i < THINGS; i++)
		few[i] = cost(things[i].once);
	fill(FEW, MANY);
	for (i = 0; i < THINGS; i++) {
		many = cost(things[i].once);
		printf("%s: %u ns with %d rooms, %u ns with %d\n",
		    things[i].name, (unsigned)few[i], FEW, (unsigned)many,
		    MANY);
		ck_assert_msg(many <= 3 * few[i] + 1000, "%s: %u ns with %d "
		    "rooms, %u ns with %d", things[i].name, (unsigned)few[i],
		    FEW, (unsigned)many, MANY);
	}
}
END_TEST

/* ---- leaving in the midst ---- */

enum { SOME = 300, ALL = 16000, MORE = 40000, LEAVERS = 100, WAIT = 800 };

static struct member_made there[MORE];
static uint32_t present;

static void
come_to(uint32_t until)
{
	struct member_new m = fx_member("m", "plain", "127.0.0.1",
	    speaker.port);

	for (; present < until; present++)
		there[present] = fx_enter(&fx, "here", &m);
	turn();
}

static void
last_leaves(void)
{
	present--;
	(void)roomtab_remove(fx.tab, there[present].slot, there[present].gen,
	    END_LEFT);
	relay_follow(&relay);
}

/* The last to come leave, while `waiting` messages are to be sent. */
static uint64_t
cost_of_leaving(uint32_t members, unsigned waiting)
{
	uint64_t begin, best = UINT64_MAX, took;
	unsigned k, i;

	for (k = 0; k < ROUNDS; k++) {
		come_to(members);
		for (i = 0; i < waiting; i++) {
			leave_said(&listener, "hello", 5);
			relay_turn(&relay);
			relay_receive(&relay, 0);
		}
		deliver_some(&relay);
		ck_assert_uint_eq(relay.queue.count, waiting);
		last_leaves();		/* for the first all are copied */
		begin = now_ns();
		for (i = 0; i < LEAVERS; i++)
			last_leaves();
		if ((took = now_ns() - begin) < best)
			best = took;
		turn();
	}
	return best / LEAVERS;
}

START_TEST(test_leaving)
{
	uint64_t few, much, many;

	relay.set.notices = 0;
	speaker = member("here", "a");
	listener = member("here", "b");
	few = cost_of_leaving(SOME, 1);
	much = cost_of_leaving(SOME, WAIT);
	many = cost_of_leaving(ALL, 1);
	printf("leave: %u ns of %d, %u of %d, %u where %d messages wait\n",
	    (unsigned)few, SOME, (unsigned)many, ALL, (unsigned)much, WAIT);
	ck_assert_uint_le(many, 3 * few + 1000);
	ck_assert_uint_le(much, 3 * few + 1000);
}
END_TEST

/* ---- what goes to very many at once ---- */

static unsigned breaths;

static void
breathe(void *arg)
{
	(void)arg;
	breaths++;
}

/*
 * A last message and the end of the room: ocmd gets its answers meanwhile.
 * _i: the kernel takes none of it
 */
START_TEST(test_breath)
{
	speaker = member("here", "a");
	listener = member("here", "b");
	come_to(MORE);
	leave_said(&listener, "hello", 5);
	relay_turn(&relay);
	relay_receive(&relay, 0);
	relay.breathe = breathe;
	if (_i == 1)
		relay.out.fd[0] = -1;
	deliver_room(&relay, relay.peers.members[speaker.made.slot].room);
	ck_assert_uint_ge(breaths, 1);
	ck_assert_uint_eq(relay.queue.count, 0);
	breaths = 0;
	fx_shut(&fx, "here", END_OPERATOR);
	relay_follow(&relay);
	ck_assert_uint_eq(breaths, 1);
	ck_assert_uint_eq(relay.peers.count, 0);
	ck_assert_uint_ge(grown(LC_send_errors), _i == 1 ? 2 * MORE : 0);
}
END_TEST

static void
setup_large(void)
{
	fx_open(&fx, 4096, MORE + 2, 3, 1);
	boot();
}

int
main(void)
{
	Suite *s = suite_create("scale");
	TCase *tc = tcase_create("scale");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup_large, teardown);
	tcase_add_test(tc, test_rooms);
	tcase_add_test(tc, test_leaving);
	tcase_add_loop_test(tc, test_breath, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
