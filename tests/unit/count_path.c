/* SPDX-License-Identifier: ISC */
/*
 * The path of datagrams through relayd, in one process and on real sockets,
 * for tests/bench/count_path, which counts the instructions of counted_turns.
 * A slice is one chunk here, whatever the time: the most turns that there are.
 *
 * usage: count_path.t MEMBERS ROUNDS DATAGRAMS [plain]
 * DATAGRAMS wait in the socket at the beginning of each round.
 */
#include <stdlib.h>

#include "relay_clients.h"

enum { SIZE = 160 };		/* 200 bytes with room, token and name */

static unsigned members, rounds, datagrams;
static struct client *crowd;

/* Not inlined, so that it has a name to be found by. */
__attribute__((noinline)) static void
counted_turns(void)
{
	do {
		relay_turn(&relay);
		relay_receive(&relay, 0);
		if (relay.queue.count > 0)
			deliver_some(&relay);
		relay_follow(&relay);
		care_tick(&relay);
	} while (relay.queue.count > 0);
}

START_TEST(test_path)
{
	char name[16], text[SIZE];
	unsigned i, k, who = 0;

	memset(text, 'x', sizeof(text));
	crowd = calloc(members, sizeof(*crowd));
	ck_assert_ptr_nonnull(crowd);
	fx_open(&fx, 4, members + 1, 1, 1);
	boot();
	for (i = 0; i < members; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		crowd[i] = member("r", name);
	}
	(void)grown(LC_messages);
	(void)grown(LC_deliveries);
	for (k = 0; k < rounds; k++) {
		for (i = 0; i < datagrams; i++)
			leave_said(&crowd[who++ % members], text, SIZE);
		counted_turns();
	}
	printf("%ju messages, %ju copies\n", (uintmax_t)grown(LC_messages),
	    (uintmax_t)grown(LC_deliveries));
	teardown();
}
END_TEST

int
main(int argc, char **argv)
{
	SRunner *sr;
	Suite *s = suite_create("path");
	TCase *tc = tcase_create("path");
	int failed;

	if (argc < 4)
		return 64;
	members = (unsigned)atoi(argv[1]);
	rounds = (unsigned)atoi(argv[2]);
	datagrams = (unsigned)atoi(argv[3]);
	bundle = argc == 4;
	tcase_add_test(tc, test_path);
	tcase_set_timeout(tc, 0);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_NOFORK);
	srunner_run_all(sr, CK_SILENT);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
