/* SPDX-License-Identifier: ISC */
/*
 * The lobby with real sockets: who is in it, what is relayed, and what
 * removes a client.
 */
#include "relay_clients.h"
#include "run_suite.h"

START_TEST(test_lobby)
{
	struct client a = guest("127.0.0.1"), b = guest("127.0.0.1");
	struct client c = guest("127.0.0.2"), d = guest("127.0.0.1");

	send_to(&a, &lobby_at, "\x05" "alice", 6);
	send_to(&b, &lobby_at, "\x03" "bob", 4);
	hears_nothing(&a);
	send_to(&c, &lobby_at, "\x01" "chi", 4);
	hears(&a, "\x01" "chi");
	hears(&b, "\x01" "chi");
	hears_nothing(&c);
	send_to(&d, &lobby_at, "\x01" "dhi", 4);	/* three is the limit */
	hears_nothing(&a);
	ck_assert_uint_eq(grown(LC_lobby_drop_full), 1);
	ck_assert_uint_eq(grown(LC_lobby_joined), 3);
	ck_assert_uint_eq(grown(LC_lobby_deliveries), 2);
	/* a later life knows them */
	boot();
	send_to(&a, &lobby_at, "\x05" "alicehi", 8);
	hears(&b, "\x05" "alicehi");
	hears(&c, "\x05" "alicehi");
	ck_assert_uint_eq(grown(LC_lobby_joined), 0);
}
END_TEST

/* Until so many clients are left; one of them keeps alive. */
static void
until_gone(const struct client *awake, uint32_t left)
{
	const uint64_t begun = clock_ms();

	while (relay.lobby.count > left) {
		usleep(100 * 1000);
		send_to(awake, &lobby_at, "\x01" "b", 2);
		ck_assert_uint_lt(clock_ms() - begun, 5000);
	}
}

START_TEST(test_lobby_strikes)
{
	struct client a = guest("127.0.0.1"), b = guest("127.0.0.1");
	static const uint8_t big[DATAGRAM_MAX + 1] = { 1, 'u' };
	int i;

	send_to(&a, &lobby_at, "", 0);		/* a stranger's: nothing */
	send_to(&a, &lobby_at, "\x01" "a", 2);
	send_to(&b, &lobby_at, "\x01" "b", 2);
	send_to(&a, &lobby_at, "\x09" "short", 6);
	send_to(&a, &lobby_at, big, sizeof(big));
	send_to(&a, &lobby_at, "\x01" "a", 2);	/* a good one: anew */
	send_to(&a, &lobby_at, "\0hi", 3);
	send_to(&a, &lobby_at, "\x01\nhi", 4);
	send_to(&b, &lobby_at, "\x01" "bhi", 4);
	hears(&a, "\x01" "bhi");
	send_to(&a, &lobby_at, "\x02\xff\xffhi", 5);
	ck_assert_uint_eq(grown(LC_lobby_removed_malformed), 1);
	ck_assert_uint_eq(grown(LC_lobby_drop_malformed), 6);
	send_to(&b, &lobby_at, "\x01" "bhi", 4);
	hears_nothing(&a);
	send_to(&a, &lobby_at, "\x01" "a", 2);
	close(a.fd);
	for (i = 0; i < 3; i++)
		send_to(&b, &lobby_at, "\x01" "bhi", 4);
	until_gone(&b, 1);
	ck_assert_uint_eq(grown(LC_lobby_removed_unreachable), 1);
	ck_assert_uint_eq(relay.lobby.count, 1);
}
END_TEST

/* Answers in a row: whoever speaks between them is there. */
START_TEST(test_lobby_refused_and_heard)
{
	struct client a = guest("127.0.0.1"), b = guest("127.0.0.1");
	const struct addr at = fx_addr("127.0.0.1", a.port);
	int i;

	send_to(&a, &lobby_at, "\x01" "a", 2);
	send_to(&b, &lobby_at, "\x01" "b", 2);
	for (i = 0; i < 2; i++)
		lobby_unreachable(&relay.lobby, &at);
	send_to(&a, &lobby_at, "\x01" "a", 2);
	for (i = 0; i < 2; i++)
		lobby_unreachable(&relay.lobby, &at);
	lobby_expire(&relay.lobby, relay.now_ms + 2000);
	ck_assert_uint_eq(relay.lobby.count, 2);
	lobby_unreachable(&relay.lobby, &at);
	lobby_expire(&relay.lobby, relay.now_ms + 4000);
	ck_assert_uint_eq(relay.lobby.count, 1);
	ck_assert_uint_eq(grown(LC_lobby_removed_unreachable), 1);
}
END_TEST

/* The places of those who went are free in a later life, too. */
START_TEST(test_lobby_places_of_earlier_lives)
{
	struct client one[3], late = guest("127.0.0.1");
	int i;

	for (i = 0; i < 3; i++) {
		one[i] = guest("127.0.0.1");
		send_to(&one[i], &lobby_at, "\x01" "x", 2);
	}
	for (i = 0; i < 3; i++)
		send_to(&one[1], &lobby_at, "", 0);
	ck_assert_uint_eq(relay.lobby.count, 2);
	boot();
	ck_assert_uint_eq(relay.lobby.count, 2);
	send_to(&late, &lobby_at, "\x01" "yhi", 4);
	hears(&one[0], "\x01" "yhi");
	hears(&one[2], "\x01" "yhi");
	ck_assert_uint_eq(relay.lobby.count, 3);
	ck_assert_uint_eq(grown(LC_lobby_drop_full), 0);
}
END_TEST

START_TEST(test_lobby_idle)
{
	struct client a = guest("127.0.0.1"), b = guest("127.0.0.1");

	send_to(&a, &lobby_at, "\x01" "a", 2);
	start.settings.idle_s = 1;
	care_settings(&relay, &start.settings);
	send_to(&b, &lobby_at, "\x01" "b", 2);
	until_gone(&b, 1);
	ck_assert_uint_eq(grown(LC_lobby_removed_idle), 1);
	ck_assert_uint_eq(relay.lobby.count, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lobby");
	TCase *tc = tcase_create("lobby");

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_lobby);
	tcase_add_test(tc, test_lobby_strikes);
	tcase_add_test(tc, test_lobby_refused_and_heard);
	tcase_add_test(tc, test_lobby_places_of_earlier_lives);
	tcase_add_test(tc, test_lobby_idle);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
