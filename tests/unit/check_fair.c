/* SPDX-License-Identifier: ISC */
/*
 * Rooms of every size get their turn, however much the others say, and
 * nobody can make a relay send where it only reads.
 */
#include <stdlib.h>

#include "relay_clients.h"
#include "run_suite.h"

enum { LOBBY = 64 };

static struct client sink, ear;

static void
fair_setup(void)
{
	fx_open(&fx, 600, 8000, LOBBY, 1);
	start.settings.notices = 0;
	boot();
	sink = guest("127.0.0.1");
	ear = guest("127.0.0.1");
}

/* n members at the sink's port, and one at the ear's; the last one's slot. */
static uint32_t
fill_from(const char *host, const char *room, unsigned n, bool with_ear)
{
	struct member_new m;
	uint32_t slot = 0;
	char name[16];
	unsigned i;

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		m = fx_member(name, "plain", host, with_ear && i == 0 ?
		    ear.port : sink.port);
		slot = fx_enter(&fx, room, &m).slot;
		relay_turn(&relay);
		relay_follow(&relay);
	}
	return slot;
}

static uint32_t
fill_room(const char *room, unsigned n, bool with_ear)
{
	return fill_from("127.0.0.1", room, n, with_ear);
}

static void
enqueue(uint32_t slot, const char *text)
{
	const uint32_t room = relay.peers.members[slot].room;

	(void)queue_put(&relay.queue, room, slot,
	    relay.peers.rooms[room].members, text, strlen(text));
}

/* Turns until the ear hears something, with more said in each of them. */
static unsigned
turns_until_heard(void (*more)(void))
{
	unsigned turns;
	char got[64];

	for (turns = 1; turns < 10000; turns++) {
		more();
		deliver_some(&relay);
		if (recv(ear.fd, got, sizeof(got), 0) != -1)
			return turns;
	}
	ck_abort_msg("it is never heard");
}

/* ---- many small rooms ---- */

enum { SMALL_ROOMS = 500, SMALL_SIZE = 8, SAID = 12 };

static uint32_t small_room[SMALL_ROOMS];

static void
more_small(void)
{
	static unsigned k;
	unsigned i;

	for (i = 0; i < SAID; i++)
		enqueue(small_room[k++ % SMALL_ROOMS], "x");
}

/* More is said in them than can be sent. */
static void
fill_small(void)
{
	char name[16];
	unsigned i;

	for (i = 0; i < SMALL_ROOMS; i++) {
		(void)snprintf(name, sizeof(name), "r%u", i);
		small_room[i] = fill_room(name, SMALL_SIZE, false);
	}
	for (i = 0; i < 40; i++) {
		more_small();
		deliver_some(&relay);
	}
	ck_assert_uint_gt(relay.queue.rooms, 20);
}

START_TEST(test_small_among_small)
{
	uint32_t slot, rooms;

	slot = fill_room("quiet", 2, true);
	fill_small();
	enqueue(slot, "psst");
	rooms = relay.queue.rooms;
	/* each turn serves three or more of those that wait, none twice */
	ck_assert_uint_le(turns_until_heard(more_small), rooms / 3);
}
END_TEST

/* However many rooms somebody else has. */
START_TEST(test_small_of_another)
{
	uint32_t slot;

	ear = guest("127.0.0.2");
	slot = fill_from("127.0.0.2", "quiet", 2, true);
	fill_small();
	enqueue(slot, "psst");
	ck_assert_uint_le(turns_until_heard(more_small), 2);
}
END_TEST

/* ---- a large one ---- */

static uint32_t large_room;

static void
more_large(void)
{
	while (relay.queue.room[relay.peers.members[large_room].room].waiting
	    < 40)
		enqueue(large_room, "hello");
}

/* _i: how many others hear it */
START_TEST(test_beside_large)
{
	uint32_t slot;

	large_room = fill_room("large", 2000, false);
	slot = fill_room("other", 1 + (unsigned)_i, true);
	more_large();
	deliver_some(&relay);
	ck_assert_uint_eq(relay.busy[DELIVER_LARGE].n, 33);
	enqueue(slot, "psst");
	/* its own copies in slices, and none of the large room's window */
	ck_assert_uint_le(turns_until_heard(more_large),
	    2 + (unsigned)_i / 50);
	ck_assert_uint_gt(relay.busy[DELIVER_LARGE].n, 0);
}
END_TEST

/* ---- reading only reads ---- */

enum {
	THERE = 200,			/* in a room, before others come */
	COME = 60,
	COPIES_MOST = 1024,		/* by all who come in a turn */
};

/* Who comes does not have all sent that was said before, each time anew. */
START_TEST(test_first_words)
{
	struct client talker, late[COME];
	unsigned i;

	talker = member("large", "talker");
	(void)fill_room("large", THERE, false);
	for (i = 0; i < COME; i++) {
		late[i] = talker;
		late[i].made = fx_enter(&fx, "large", &(struct member_new){
		    .name = "late", .name_len = 4,
		    .addr = fx_addr("127.0.0.1", 0), .dialect = (uint8_t)
		    dialect_id(dialect_by_name("plain")),
		    .now_ms = clock_ms() });
	}
	turn();
	(void)grown(LC_deliveries);
	for (i = 0; i < COME; i++) {
		leave_said(&talker, "hi", 2);
		leave_said(&late[i], "", 0);
	}
	relay_turn(&relay);
	relay_receive(&relay, 0);
	ck_assert_uint_eq(grown(LC_ports_learned), 1 + COME);
	ck_assert_uint_le(grown(LC_deliveries), COPIES_MOST);
	turn();
	ck_assert_uint_eq(grown(LC_messages), COME);
}
END_TEST

START_TEST(test_many_come_to_the_lobby)
{
	struct client c[LOBBY];
	unsigned i, k;

	for (i = 0; i < LOBBY; i++) {
		c[i] = guest("127.0.0.1");
		if (i < LOBBY / 2)
			send_to(&c[i], &lobby_at, "\x01" "a", 2);
	}
	for (; i > LOBBY / 2; i--) {
		for (k = 0; k < 3; k++)
			leave_at(&c[0], &lobby_at, "\x01" "ahi", 4);
		leave_at(&c[i - 1], &lobby_at, "\x01" "a", 2);
	}
	relay_turn(&relay);
	relay_receive_lobby(&relay, 0);
	ck_assert_uint_eq(relay.lobby.count, LOBBY);
	ck_assert_uint_le(grown(LC_lobby_deliveries), COPIES_MOST);
	/* It is known from where the first of them spoke. */
	ck_assert_uint_ne(relay.queue.speaker[
	    relay.peers.cf.limits.members].source, 0);
	turn();
	ck_assert_uint_eq(grown(LC_lobby_messages), 3 * LOBBY / 2);
}
END_TEST

START_TEST(test_strangers_at_a_full_lobby)
{
	struct client c[LOBBY], stranger = guest("127.0.0.1");
	unsigned i;

	for (i = 0; i < LOBBY; i++) {
		c[i] = guest("127.0.0.1");
		send_to(&c[i], &lobby_at, "\x01" "a", 2);
	}
	(void)grown(LC_lobby_deliveries);
	for (i = 0; i < 20; i++) {
		leave_at(&c[i], &lobby_at, "\x01" "ahi", 4);
		leave_at(&stranger, &lobby_at, "\x01" "zhi", 4);
	}
	relay_receive_lobby(&relay, 0);
	ck_assert_uint_eq(grown(LC_lobby_drop_full), 20);
	ck_assert_uint_eq(grown(LC_lobby_deliveries), 0);
	turn();
	ck_assert_uint_eq(grown(LC_lobby_deliveries), 20 * (LOBBY - 1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fair");
	TCase *tc = tcase_create("fair");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, fair_setup, teardown);
	tcase_add_test(tc, test_small_among_small);
	tcase_add_test(tc, test_small_of_another);
	tcase_add_loop_test(tc, test_beside_large, 1, 2);
	tcase_add_loop_test(tc, test_beside_large, 300, 301);
	tcase_add_loop_test(tc, test_beside_large, 3000, 3001);
	tcase_add_test(tc, test_first_words);
	tcase_add_test(tc, test_many_come_to_the_lobby);
	tcase_add_test(tc, test_strangers_at_a_full_lobby);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
