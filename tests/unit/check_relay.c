/* SPDX-License-Identifier: ISC */
/*
 * The path of a datagram with real sockets: who is heard, what is dropped
 * under which counter, and whose datagram is the death of a relay.  What
 * depends on the dialect is in check_relay_dialect.c.
 */
#include <sys/wait.h>

#include "relay_clients.h"
#include "run_suite.h"

/* ---- who is heard ---- */

START_TEST(test_chat)
{
	struct client a = member("部屋", "アリス"), b = member("部屋", "ボブ");
	struct client c = member("部屋", "c"), other = member("x", "d");

	say(&a, "こんにちは");
	hears(&b, "アリス: こんにちは");
	hears(&c, "アリス: こんにちは");
	hears_nothing(&a);
	hears_nothing(&other);
	say_in(&b, "", "R = 0: the token alone names the room");
	hears(&a, "ボブ: R = 0: the token alone names the room");
	hears(&c, "ボブ: R = 0: the token alone names the room");
	ck_assert_uint_eq(grown(LC_messages), 2);
	ck_assert_uint_eq(grown(LC_deliveries), 4);
	ck_assert_uint_eq(grown(LC_keepalives), 4);
	start.settings.message_only = 1;
	care_settings(&relay, &start.settings);
	say(&a, "alone");
	hears(&b, "alone");
}
END_TEST

/* Each has its counter, and nobody hears of it. */
START_TEST(test_dropped)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client thief = guest("127.0.0.2"), near = guest("127.0.0.1");
	struct client wordy = member("r", "a user name of rather more bytes");
	uint8_t out[DATAGRAM_MAX + 2] = { 0 };
	char token[TOKEN_TEXT];
	size_t n, i;

	thief.made = near.made = a.made;
	say_in(&thief, "r", "from another address");
	ck_assert_uint_eq(grown(LC_drop_address), 1);
	say_in(&a, "s", "another room");
	ck_assert_uint_eq(grown(LC_drop_room), 1);
	send_to(&a, &relay_at, out, 0);
	send_to(&a, &relay_at, out, 1);
	ck_assert_uint_eq(grown(LC_drop_short), 2);
	send_to(&a, &relay_at, "\x05\x20too short", 11);
	ck_assert_uint_eq(grown(LC_drop_malformed), 1);
	send_to(&a, &relay_at, "\x01\x03rabchi", 8);
	send_to(&a, &relay_at, "\x01\x20rAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAhi",
	    37);
	send_to(&a, &relay_at, "\x01\x20r////////////////////////////////hi",
	    37);
	ck_assert_uint_eq(grown(LC_drop_token), 3);
	/* any single bit of the token decides */
	for (i = 0; i < TOKEN_TEXT; i++) {
		memcpy(token, a.made.token, TOKEN_TEXT);
		token[i] = token[i] == 'A' ? 'B' : 'A';
		send_to(&a, &relay_at, out, put(out, "r", token, TOKEN_TEXT,
		    "x", 1));
	}
	ck_assert_uint_eq(grown(LC_drop_token), TOKEN_TEXT);
	memset(out, 'x', sizeof(out));
	n = put(out, "r", wordy.made.token, TOKEN_TEXT, "", 0);
	send_to(&wordy, &relay_at, out, DATAGRAM_MAX + 1);
	ck_assert_uint_eq(grown(LC_drop_long), 1);
	hears_nothing(&a);
	hears_nothing(&b);
	hears_nothing(&thief);
	/* the largest goes out alone, since it does not fit with its user */
	send_to(&wordy, &relay_at, out, DATAGRAM_MAX);
	gets(&b, (char *)out + n, DATAGRAM_MAX - n);
	/* the same host from another port is the member, who moved */
	say_in(&near, "r", "moved");
	hears(&b, "a: moved");
	ck_assert_uint_eq(grown(LC_ports_held), 1);
	ck_assert_uint_eq(grown(LC_received), 3 + 8 + TOKEN_TEXT + 3);
}
END_TEST

START_TEST(test_dead_tokens)
{
	struct client a = member("r", "a"), b = member("r", "b");

	ck_assert_int_eq(roomtab_remove(fx.tab, a.made.slot, a.made.gen,
	    END_OPERATOR), 0);
	say(&a, "still here?");
	ck_assert_uint_eq(grown(LC_drop_token), 1);
	hears(&a, "disconnected: removed by the operator");
	hears_nothing(&b);
	fx_shut(&fx, "r", END_HOST_LEFT);
	say(&b, "and now?");
	ck_assert_uint_eq(grown(LC_drop_token), 1);
	hears(&b, "room closed: the host left");
	/* the slot lives again, the old token does not */
	a = member("r", "new");
	say(&b, "again?");
	ck_assert_uint_eq(grown(LC_drop_token), 1);
	hears_nothing(&a);
}
END_TEST

/* While the table cannot be read, rooms go on talking. */
START_TEST(test_table_unreadable)
{
	struct client a = member("r", "a"), b = member("r", "b"), late;
	struct member_new m = fx_member("late", "plain", "127.0.0.1", 0);

	late = guest("127.0.0.1");
	late.room = "r";
	late.made = fx_enter(&fx, "r", &m);
	shmlock_park(fx.ocmd_lock);
	say(&a, "hello");
	hears(&b, "a: hello");
	say(&late, "hello");
	ck_assert_uint_eq(grown(LC_drop_stale), 1);
	shmlock_unpark(fx.ocmd_lock);
	usleep(30000);
	say(&late, "hello");
	hears(&b, "late: hello");
}
END_TEST

START_TEST(test_wishes_outlive_a_relayd)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client c = member("r", "c");
	const struct live *live = fx.roomd.live[0];

	say(&b, "/exit");
	care_wish(&relay, c.made.slot, END_IDLE);
	ck_assert(relay.bell);
	/* it dies before it has rung; the next one does */
	boot();
	ck_assert(relay.bell);
	ck_assert_int_eq(live_wish_of(live, b.made.slot, b.made.gen),
	    END_LEFT);
	(void)grown(LC_drop_token);
	say(&b, "still here");
	ck_assert_uint_eq(grown(LC_drop_token), 1);
	hears_nothing(&a);
	/* and takes back what was wished of one who was only silent */
	say(&c, "hello");
	hears(&a, "c: hello");
	ck_assert_int_eq(live_wish_of(live, c.made.slot, c.made.gen),
	    END_NONE);
}
END_TEST

/* ---- packets of death ---- */

static struct client bare;
static struct member_made anew;

/*
 * Between two datagrams of a batch the room ends and is opened again, and
 * somebody else has the member's place and address.
 */
static void
come_anew(void *ctx, uint32_t room, const struct receiver *to, bool for_good)
{
	struct member_new m = fx_member("new", "decimal", "127.0.0.1",
	    bare.port);
	struct member_new other = fx_member("x", "plain", "127.0.0.1", 0);

	if (anew.gen == 0) {
		fx_shut(&fx, "r", END_OPERATOR);
		(void)fx_enter(&fx, "r", &other);
		(void)fx_enter(&fx, "r", &other);
		anew = fx_enter(&fx, "r", &m);	/* the last free one */
	}
	care_moving(ctx, room, to, for_good);
}

/* Its first message will be the death of the relay. */
static void
added_deadly(void *ctx, uint32_t slot, bool is_new)
{
	care_added(ctx, slot, is_new);
	relay.queue.text = NULL;
}

/*
 * The look at the table that a datagram needs has something sent that was
 * said before; whose datagram it is that kills is known all the same.
 */
START_TEST(test_death_after_a_look)
{
	static const char first[] = "\x01\x05rfirst";
	static const char second[] = "\x01\x0brsecond text";
	struct client a = member("r", "a");
	struct client b = member_as("r", "b", "port-suffix", true);
	struct client gone = member("r", "gone");
	struct live_flight f;
	pid_t pid;
	int st;

	bare = member_as("r", "d", "decimal", true);
	leave_said(&gone, "bye", 3);	/* and has left before it is sent */
	relay_receive(&relay, 0);
	ck_assert_int_eq(roomtab_remove(fx.tab, gone.made.slot,
	    gone.made.gen, END_LEFT), 0);
	relay_follow(&relay);
	leave_at(&bare, &relay_at, first, sizeof(first) - 1);
	leave_said(&b, "@join", 5);	/* it gets another place */
	leave_at(&bare, &relay_at, second, sizeof(second) - 1);
	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		relay.peers.cf.events.moving = come_anew;
		relay.peers.cf.events.added = added_deadly;
		relay_turn(&relay);
		relay_receive(&relay, 0);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	ck_assert_int_ne(st, 0);
	hears(&a, "gone: bye");
	hears(&a, "d: first");
	ck_assert(live_left_in_hand(relay.live, &f));
	ck_assert_int_eq(f.sender, SENDER_MEMBER);
	ck_assert_uint_eq(f.slot, bare.made.slot);
	ck_assert_uint_gt(f.gen, bare.made.gen);
	ck_assert_uint_eq(f.len, sizeof(second) - 1);
}
END_TEST

static void
die_over(const struct client *c)
{
	live_take(relay.live, SENDER_UNKNOWN, 10);
	live_take_of(relay.live, c->made.slot, c->made.gen);
	start.crashed = 1;
	boot();
}

/* Who is the death of several relays, one after the other, is one. */
START_TEST(test_deaths_at_every_relay_count)
{
	struct client a = member("r", "a");
	const struct live *live = fx.roomd.live[0];

	live_add_death(fx.relayd[1].live[1], a.made.slot, a.made.gen,
	    clock_ms());
	die_over(&a);
	ck_assert_uint_eq(grown(LC_wishes_harmful), 0);
	ck_assert_int_eq(live_wish_of(live, a.made.slot, a.made.gen),
	    END_NONE);
	die_over(&a);
	ck_assert_uint_eq(grown(LC_deaths_in_hand), 2);
	ck_assert_uint_eq(grown(LC_wishes_harmful), 1);
	ck_assert_int_eq(live_wish_of(live, a.made.slot, a.made.gen),
	    END_HARMFUL);
}
END_TEST

/* Three within a minute, that is: older ones are no reason. */
START_TEST(test_deaths_of_long_ago)
{
	struct client a = member("r", "a");
	unsigned i;

	for (i = 0; i < 2; i++)
		die_over(&a);
	ck_assert_uint_eq(grown(LC_deaths_in_hand), 2);
	for (i = 0; i < 2; i++) {
		/* as it will be then, but after the second that is now */
		relay.now_ms = clock_ms() + (i == 0 ? 61000 : 50000);
		live_take(relay.live, SENDER_UNKNOWN, 10);
		live_take_of(relay.live, a.made.slot, a.made.gen);
		care_post_mortem(&relay, true);
		ck_assert_uint_eq(grown(LC_wishes_harmful), i);
	}
}
END_TEST

/* roomd may have died before it heard of it. */
START_TEST(test_wishes_are_repeated)
{
	struct client a = member("r", "a");
	int i;

	care_wish(&relay, a.made.slot, END_IDLE);
	for (i = 0; i < 3; i++) {
		relay.bell = false;
		ck_assert_int_ge(care_wait(&relay), 0);
		relay.now_ms += 4000;
		care_tick(&relay);
		ck_assert(relay.bell);
	}
}
END_TEST

/* Answers in a row: a sign of life to another relay is one, too. */
START_TEST(test_refused_here_and_heard_there)
{
	struct client a = member("r", "a");
	const struct addr at = fx_addr("127.0.0.1", a.port);
	int i;

	for (i = 0; i < 2; i++)
		care_unreachable(&relay, &at);
	live_set_seen(fx.relayd[1].live[1], a.made.slot, relay.now_ms + 1);
	relay.now_ms += 2;
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(grown(LC_wishes_unreachable), 0);
		care_unreachable(&relay, &at);
	}
	ck_assert_uint_eq(grown(LC_wishes_unreachable), 1);
	ck_assert_uint_eq(grown(LC_unreachable), 5);
}
END_TEST

/* Who was silent for long may say a burst, and no more than that. */
START_TEST(test_silence_saves_nothing)
{
	struct client a = member("r", "a"), b = member("r", "b");
	int i;

	start.settings.member_rate = 1;
	start.settings.member_burst = 3;
	care_settings(&relay, &start.settings);
	relay_turn(&relay);
	peers_spent(&relay.peers, a.made.slot, (relay.now_ms - 9000) * 1000);
	for (i = 0; i < 8; i++)
		leave_said(&a, "hello", 5);
	turn();
	for (i = 0; i < 3; i++)
		hears(&b, "a: hello");
	hears_nothing(&b);
	ck_assert_uint_eq(grown(LC_drop_rate), 5);
}
END_TEST

/* A relay that is captured could write times that never come. */
START_TEST(test_rate_that_cannot_be)
{
	struct client a = member("r", "a"), b = member("r", "b");

	start.settings.member_rate = 10;
	start.settings.member_burst = 3;
	care_settings(&relay, &start.settings);
	live_set_spent(fx.relayd[1].live[1], a.made.slot, a.made.gen,
	    (relay.now_ms + 3600000) * 1000);
	say(&a, "hello");
	hears(&b, "a: hello");
	ck_assert_uint_eq(grown(LC_drop_rate), 0);
}
END_TEST

static TCase *
tests(const char *name, void (*before_each)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, before_each, teardown);
	tcase_add_test(tc, test_chat);
	tcase_add_test(tc, test_dropped);
	tcase_add_test(tc, test_dead_tokens);
	tcase_add_test(tc, test_table_unreadable);
	tcase_add_test(tc, test_wishes_outlive_a_relayd);
	tcase_add_test(tc, test_death_after_a_look);
	tcase_add_test(tc, test_deaths_of_long_ago);
	tcase_add_test(tc, test_wishes_are_repeated);
	tcase_add_test(tc, test_silence_saves_nothing);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("relay");
	TCase *two = tcase_create("one relay of two");

	tcase_add_checked_fixture(two, setup_of_two, teardown);
	tcase_add_test(two, test_deaths_at_every_relay_count);
	tcase_add_test(two, test_refused_here_and_heard_there);
	tcase_add_test(two, test_rate_that_cannot_be);
	suite_add_tcase(s, two);
	suite_add_tcase(s, tests("relay", setup));
	suite_add_tcase(s, tests("relay without bundles", setup_plain));
	return run_suite(s);
}
