/* SPDX-License-Identifier: ISC */
/*
 * More to send than goes at once: quiet rooms go first, busy ones slice by
 * slice, and whoever comes, goes or moves in the midst of that changes
 * nothing for the others.
 */
#include "deliver_crowd.h"
#include "run_suite.h"

START_TEST(test_slices)
{
	unsigned i, turns = 0;

	gather("r");
	for (i = 0; i < SAID; i++)
		leave_number((unsigned)random() % CROWD);
	receive();
	ck_assert_uint_eq(grown(LC_deliveries), 0);
	(void)grown(LC_messages);
	for (; relay.queue.count > 0; turns++)
		slice();
	ck_assert_uint_gt(turns, 10);
	ck_assert_uint_eq(grown(LC_messages), SAID);
	for (i = 0; i < CROWD; i++)
		got_all(i);
}
END_TEST

/* A quiet room waits for one slice, and two busy ones take turns. */
START_TEST(test_quiet_first)
{
	struct client q = member("quiet", "q"), r = member("quiet", "r");
	struct client other[CROWD];
	uint32_t rooms[2], i;

	gather("other");
	memcpy(other, crowd, sizeof(other));
	gather("one");
	rooms[0] = relay.peers.members[crowd[0].made.slot].room;
	rooms[1] = relay.peers.members[other[0].made.slot].room;
	for (i = 0; i < SAID; i++) {
		leave_number(i % 5);
		leave_said(&other[i % 3], "x", 1);
	}
	receive();
	slice();
	leave_said(&q, "psst", 4);
	receive();
	hears_nothing(&r);
	slice();
	hears(&r, "q: psst");
	ck_assert_uint_gt(relay.queue.count, SAID);
	while (relay.queue.room[rooms[0]].waiting > 0 &&
	    relay.queue.room[rooms[1]].waiting > 0)
		slice();
	ck_assert_uint_lt(relay.queue.room[rooms[0]].waiting, SAID / 2);
	ck_assert_uint_lt(relay.queue.room[rooms[1]].waiting, SAID / 2);
	finish();
	for (i = 0; i < CROWD; i++)
		got_all(i);
}
END_TEST

/* They come, go, and move while slices are sent. */
START_TEST(test_churn)
{
	struct client guests[60], moved;
	unsigned n = 0, i, round;
	char name[16];

	gather("r");
	for (round = 0; round < 400; round++) {
		for (i = (unsigned)random() % 12; i > 0; i--)
			leave_number((unsigned)random() % CROWD);
		receive();
		slice();
		if (round % 7 == 0 && n < 60) {
			(void)snprintf(name, sizeof(name), "m%u", CROWD + n);
			guests[n] = guest("127.0.0.1");
			guests[n].room = "r";
			guests[n].made = fx_enter(&fx, "r", &(struct
			    member_new){ .name = name,
			    .name_len = strlen(name),
			    .addr = fx_addr("127.0.0.1", 0),
			    .dialect = (uint8_t)dialect_id(
			    dialect_by_name("plain")),
			    .now_ms = clock_ms() });
			leave_said(&guests[n++], "", 0);
			follow();
		}
		if (round % 11 == 10 && n > 0)
			remove_member(&guests[--n]);
		if (round % 13 == 12 && n > 0) {	/* another port */
			moved = guest("127.0.0.1");
			moved.made = guests[0].made;
			moved.room = "r";
			leave_said(&moved, "", 0);
		}
	}
	finish();
	ck_assert_uint_eq(grown(LC_drop_talker) + grown(LC_drop_busy), 0);
	for (i = 0; i < CROWD; i++)
		got_all(i);
}
END_TEST

/*
 * Whoever could not be sent to, since its port was one of ours, says another
 * one over TCP in the midst of what it said itself.
 */
START_TEST(test_own_words)
{
	struct client p = guest("127.0.0.1");
	struct member_new m = fx_member("p", "plain", "127.0.0.1",
	    relay_at.port);
	unsigned i;

	gather("r");
	p.room = "r";
	p.made = fx_enter(&fx, "r", &m);
	follow();
	for (i = 0; i < 64; i++)
		leave_said(&p, "my words", 8);
	receive();
	slice();
	ck_assert_uint_gt(relay.busy[DELIVER_MIDDLING].n, 0);
	ck_assert_int_eq(roomtab_set_port(fx.tab, p.made.slot, p.made.gen,
	    p.port), 0);
	follow();
	ck_assert_uint_ne(relay.peers.members[p.made.slot].place.group, 0);
	finish();
	hears_nothing(&p);
	for (i = 0; i < 64; i++)
		hears(&crowd[CROWD - 1], "p: my words");
	ck_assert_uint_eq(grown(LC_copy_unknown_port), 0);
}
END_TEST

/* More than the queue holds, by one; another room does not notice. */
START_TEST(test_flood)
{
	struct client q = member("quiet", "q"), r = member("quiet", "r");
	unsigned begin[CROWD], end[CROWD], i;

	gather("r");
	for (i = 0; i < 2 * QUEUE_MAX; i++) {
		leave_number(1);
		if (i % 64 == 63)
			receive();
		if (i % 512 == 0)
			leave_number(2);
	}
	leave_said(&q, "psst", 4);
	receive();
	slice();
	hears(&r, "q: psst");
	ck_assert_uint_gt(grown(LC_drop_talker), QUEUE_MAX / 2);
	ck_assert_uint_eq(grown(LC_drop_busy), 0);
	finish();
	got_numbers(&crowd[0], begin, end);
	ck_assert_uint_eq(end[2], said[2]);
	ck_assert_uint_lt(end[1], QUEUE_MAX + 1);
	ck_assert_uint_gt(end[1], QUEUE_MAX / 2);
}
END_TEST

/* The lobby is a room like others. */
START_TEST(test_lobby)
{
	struct client a = guest("127.0.0.1"), b = guest("127.0.0.1");
	struct client c = guest("127.0.0.1");
	struct client q = member("quiet", "q"), r = member("quiet", "r");
	char text[32];
	int i, n, heard = 0;

	raise_queue(relay.lobby_out.fd[0]);
	raise_queue(b.fd);
	send_to(&a, &lobby_at, "\x01" "a", 2);
	send_to(&b, &lobby_at, "\x01" "b", 2);
	send_to(&c, &lobby_at, "\x01" "c", 2);
	for (i = 0; i < 2 * QUEUE_MAX; i++) {
		n = snprintf(text, sizeof(text), "\x01" "a%05d", i);
		leave_at(&a, &lobby_at, text, (size_t)n);
		if (i % 64 == 63)
			relay_receive_lobby(&relay, 0);
	}
	leave_said(&q, "psst", 4);
	receive();
	slice();
	hears(&r, "q: psst");
	ck_assert_uint_gt(grown(LC_drop_talker), QUEUE_MAX / 2);
	turn();
	while (recv(b.fd, text, sizeof(text), 0) == 7) {
		ck_assert_int_eq(atoi(text + 2), heard);
		heard++;
	}
	ck_assert_int_gt(heard, QUEUE_MAX / 2);
	ck_assert_uint_eq(grown(LC_lobby_deliveries), 2 * (uint64_t)heard);
	hears_nothing(&a);
}
END_TEST

static TCase *
tests(const char *name, void (*before_each)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, before_each, teardown);
	tcase_add_test(tc, test_slices);
	tcase_add_test(tc, test_quiet_first);
	tcase_add_test(tc, test_churn);
	tcase_add_test(tc, test_own_words);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_lobby);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("deliver");

	suite_add_tcase(s, tests("bundles", setup));
	suite_add_tcase(s, tests("without bundles", setup_plain));
	return run_suite(s);
}
