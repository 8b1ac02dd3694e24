/* SPDX-License-Identifier: ISC */
/*
 * What the server says to members, and whom it asks roomd to remove: joined
 * and left, idle, unreachable, shutting down.
 */
#include "../../relayd/deliver.h"
#include "relay_clients.h"
#include "run_suite.h"

START_TEST(test_notices)
{
	struct client a, b, c;

	start.settings.notices = 1;
	care_settings(&relay, &start.settings);
	a = member("r", "a");
	b = member("r", "b");
	hears(&a, "b joined");
	hears_nothing(&b);
	c = member("r", "c");
	ck_assert_int_eq(roomtab_remove(fx.tab, c.made.slot, c.made.gen,
	    END_LEFT), 0);
	c = member("r", "d");
	ck_assert_int_eq(roomtab_remove(fx.tab, c.made.slot, c.made.gen,
	    END_LEFT), 0);
	turn();
	hears_nothing(&a);		/* one in a second */
	ck_assert_int_ge(care_wait(&relay), 1);
	usleep(1100 * 1000);
	turn();
	hears(&a, "c, d joined; c, d left");
	hears(&b, "c, d joined; c, d left");
	ck_assert_uint_eq(grown(LC_notices), 3);
	/* the host's leaving is told as the end of the room */
	ck_assert_int_eq(roomtab_remove(fx.tab, a.made.slot, a.made.gen,
	    END_LEFT), 0);
	fx_shut(&fx, "r", END_HOST_LEFT);
	turn();
	hears(&b, "room closed: the host left");
	hears_nothing(&b);
	hears_nothing(&a);
}
END_TEST

/* What a room was to hear of its members is not told to the next one. */
START_TEST(test_notice_of_a_room_that_is_gone)
{
	struct client a, b;

	start.settings.notices = 1;
	care_settings(&relay, &start.settings);
	a = member("r", "a");
	b = member("r", "b");
	hears(&a, "b joined");
	(void)member("r", "too soon");
	fx_shut(&fx, "r", END_HOST_LEFT);
	turn();
	hears(&a, "room closed: the host left");
	a = member("s", "c");
	b = member("s", "d");
	ck_assert_uint_eq(relay.peers.members[a.made.slot].room, 0);
	notice_flush(&relay.notices, relay.now_ms + NOTICE_GAP_MS + 100);
	hears(&a, "d joined");
	hears_nothing(&a);
	hears_nothing(&b);
}
END_TEST

/* Its first word was still waiting when the room closed. */
START_TEST(test_told_though_late)
{
	struct member_new m = fx_member("b", "plain", "127.0.0.1", 0);
	struct client a = member("r", "a"), b = guest("127.0.0.1");
	uint8_t out[64];

	b.made = fx_enter(&fx, "r", &m);
	turn();
	leave_at(&b, &relay_at, out, put(out, "r", b.made.token, TOKEN_TEXT,
	    "hi", 2));
	fx_shut(&fx, "r", END_HOST_LEFT);
	turn();
	hears(&b, "room closed: the host left");
	hears(&a, "room closed: the host left");	/* and no "hi" */
	hears_nothing(&a);
	ck_assert_uint_eq(grown(LC_drop_token), 1);
}
END_TEST

START_TEST(test_notices_bounded)
{
	struct client a = member("r", "a");
	struct member_new m;
	char name[300], got[DATAGRAM_MAX];
	ssize_t n;
	int i;

	start.settings.notices = 1;
	care_settings(&relay, &start.settings);
	memset(name, 'n', 254);
	for (i = 0; i < 40; i++) {
		(void)snprintf(name + 250, 8, "%d", i);
		m = fx_member(name, "plain", "127.0.0.1", 0);
		fx_enter(&fx, "r", &m);
	}
	turn();
	n = recv(a.fd, got, sizeof(got) - 1, 0);
	ck_assert_int_gt(n, 250);
	got[n] = '\0';
	ck_assert_ptr_nonnull(strstr(got, " and 39 more joined"));
	(void)grown(LC_notices_dropped);
	for (i = 0; i < 40; i++) {
		(void)snprintf(name + 250, 8, "%d", 100 + i);
		m = fx_member(name, "plain", "127.0.0.1", 0);
		fx_enter(&fx, "r", &m);
	}
	turn();
	ck_assert_uint_eq(grown(LC_notices_dropped), 81 - NOTICE_ROOM_MAX);
}
END_TEST

START_TEST(test_idle)
{
	struct client a, b;
	uint64_t begun;

	start.settings.idle_s = 1;
	care_settings(&relay, &start.settings);
	begun = clock_ms();
	a = member("r", "a");
	b = member("r", "b");
	ck_assert_int_ge(care_wait(&relay), 0);
	while (live_wish_of(fx.roomd.live[0], a.made.slot, a.made.gen) !=
	    END_IDLE) {
		usleep(100 * 1000);
		say(&b, "");
		ck_assert_uint_lt(clock_ms() - begun, 5000);
	}
	ck_assert_uint_ge(clock_ms() - begun, 1000);
	ck_assert_int_eq(live_wish_of(fx.roomd.live[0], b.made.slot,
	    b.made.gen), END_NONE);
	ck_assert_uint_eq(grown(LC_wishes_idle), 1);
	/* roomd has not looked, and it speaks: it is not idle any more */
	say(&a, "");
	ck_assert_int_eq(live_wish_of(fx.roomd.live[0], a.made.slot,
	    a.made.gen), END_NONE);
	ck_assert_int_eq(roomtab_remove(fx.tab, a.made.slot, a.made.gen,
	    END_IDLE), 0);
	turn();
	hears(&a, "disconnected: idle for 1 s");
	start.settings.idle_s = 0;
	care_settings(&relay, &start.settings);
	ck_assert_uint_eq(relay.care.timers[b.made.slot].due, 0);
}
END_TEST

START_TEST(test_unreachable)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client c = member("r", "c");
	int i;

	close(b.fd);
	for (i = 0; i < 2; i++) {
		say(&a, "anybody?");
		hears(&c, "a: anybody?");
	}
	ck_assert_uint_eq(grown(LC_unreachable), 2);
	ck_assert_int_eq(live_wish_of(fx.roomd.live[0], b.made.slot,
	    b.made.gen), END_NONE);
	/* a sign of life starts the count anew */
	b.fd = guest("127.0.0.1").fd;
	say(&b, "");
	close(b.fd);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(live_wish_of(fx.roomd.live[0], b.made.slot,
		    b.made.gen), END_NONE);
		say(&a, "anybody?");
		hears(&c, "a: anybody?");
	}
	ck_assert_int_eq(live_wish_of(fx.roomd.live[0], b.made.slot,
	    b.made.gen), END_UNREACHABLE);
	ck_assert_uint_eq(grown(LC_wishes_unreachable), 1);
	ck_assert_uint_eq(grown(LC_send_errors), 0);
}
END_TEST

/* The answer comes when the next room is sent to, and costs it nothing. */
START_TEST(test_unreachable_before_another_room)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client gone = member("r", "gone");
	struct client c = member("s", "c"), d = member("s", "d");
	struct client lost = member("s", "lost");

	close(gone.fd);
	close(lost.fd);
	leave_said(&a, "here", 4);
	leave_said(&c, "there", 5);
	turn();
	hears(&b, "a: here");
	hears(&d, "c: there");
	ck_assert_uint_eq(grown(LC_unreachable), 2);
	ck_assert_uint_eq(grown(LC_send_errors), 0);
}
END_TEST

START_TEST(test_goodbye)
{
	struct client a = member("r", "a"), b = member("s", "b");
	struct client j = member_as("r", "j", "json-port", true);
	struct client l = guest("127.0.0.1");

	send_to(&l, &lobby_at, "\x01l", 2);
	care_goodbye(&relay, relay.now_ms);
	hears(&a, "server is shutting down");
	hears(&b, "server is shutting down");
	hears(&j, "[system]: server is shutting down");
	hears(&l, "\x06serverserver is shutting down");
}
END_TEST

/* Who is ended has not for ever: what is left then is not told. */
START_TEST(test_goodbye_in_time)
{
	struct client a = member("r", "a"), b = member("r", "b");

	leave_said(&a, "one", 3);
	relay_turn(&relay);
	relay_receive(&relay, 0);
	ck_assert_uint_eq(relay.queue.count, 1);
	deliver_all(&relay, clock_ms());
	ck_assert_uint_eq(relay.queue.count, 1);
	notice_shutdown(&relay.notices, clock_ms());
	hears_nothing(&a);
	hears_nothing(&b);
	deliver_all(&relay, UINT64_MAX);
	hears(&b, "a: one");
	notice_shutdown(&relay.notices, UINT64_MAX);
	hears(&a, "server is shutting down");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("notice");
	TCase *tc = tcase_create("notice");

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_notices);
	tcase_add_test(tc, test_notice_of_a_room_that_is_gone);
	tcase_add_test(tc, test_told_though_late);
	tcase_add_test(tc, test_notices_bounded);
	tcase_add_test(tc, test_idle);
	tcase_add_test(tc, test_unreachable);
	tcase_add_test(tc, test_unreachable_before_another_room);
	tcase_add_test(tc, test_goodbye);
	tcase_add_test(tc, test_goodbye_in_time);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
