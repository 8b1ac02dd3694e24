/* SPDX-License-Identifier: ISC */
/*
 * What roomd does unasked: what the relayds wish, and what a predecessor
 * left half done.
 */
#include "roomd_ask.h"
#include "run_suite.h"

/* ---- wishes ---- */

static void
grant_all(void)
{
	while (wishes_grant(fx.wishes))
		continue;
}

START_TEST(wishes)
{
	static const enum ending never[] = { END_NONE, END_HOST_LEFT,
	    END_OPERATOR, END_SHUTDOWN };
	struct member_info m;
	size_t i;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert(fx_member("r", "bob", &m));
	/* of another life, of nobody, and what a relayd cannot know */
	live_wish(fx.live[0], m.slot, m.gen - 2, END_IDLE);
	grant_all();
	live_wish(fx.live[0], MEMBERS - 1, 0, END_IDLE);
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		live_wish(fx.live[0], m.slot, m.gen, never[i]);
		grant_all();
	}
	ck_assert_uint_eq(fx.left, 0);
	live_wish(fx.live[0], m.slot, m.gen, END_UNREACHABLE);
	live_wish(fx.live[0], m.slot, m.gen, END_UNREACHABLE);
	grant_all();
	ck_assert_uint_eq(fx.left, 1);
	ck_assert_int_eq(fx.left_why, END_UNREACHABLE);
	ck_assert_uint_eq(fx_counter(RC_removed_unreachable), 1);
	/* the host's wish to go ends the room */
	ck_assert_int_eq(JOIN(.room = "r", .user = "carol"), ST_OK);
	ck_assert(fx_member("r", "alice", &m));
	live_wish(fx.live[0], m.slot, m.gen, END_LEFT);
	grant_all();
	ck_assert_uint_eq(fx.closed, 1);
	ck_assert_int_eq(fx.closed_why, END_HOST_LEFT);
}
END_TEST

/* What was wished before our time, and more than the ring holds. */
START_TEST(wishes_of_the_past)
{
	struct member_info m;
	int i;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "carol"), ST_OK);
	ck_assert(fx_member("r", "bob", &m));
	live_wish(fx.live[0], m.slot, m.gen, END_IDLE);
	for (i = 0; i < 10000; i++)
		live_wish(fx.live[0], MEMBERS - 1, 1, END_IDLE);
	grant_all();
	ck_assert_uint_eq(fx.left, 1);
	ck_assert(fx_member("r", "carol", &m));
	live_wish(fx.live[0], m.slot, m.gen, END_IDLE);
	for (i = 0; i < 10000; i++)
		live_wish(fx.live[0], MEMBERS - 1, 1, END_IDLE);
	grant_all();
	ck_assert_uint_eq(fx.left, 2);
}
END_TEST

/* ---- the start after a death ---- */

START_TEST(repair)
{
	struct member_info m;

	/* a table as no roomd leaves it */
	fx.lawless = true;
	ck_assert_int_eq(CREATE(.room = "hostless", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "hostless", .user = "bob"), ST_OK);
	ck_assert(fx_member("hostless", "alice", &m));
	ck_assert_int_eq(roomtab_remove(fx.tab, m.slot, m.gen, END_LEFT), 0);
	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "empty",
	    .user = "alice"), ST_OK);
	ck_assert(fx_member("empty", "alice", &m));
	ck_assert_int_eq(roomtab_remove(fx.tab, m.slot, m.gen, END_LEFT), 0);
	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "keeps",
	    .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "keeps", .user = "bob"), ST_OK);
	ck_assert(fx_member("keeps", "alice", &m));
	ck_assert_int_eq(roomtab_remove(fx.tab, m.slot, m.gen, END_LEFT), 0);
	ck_assert_int_eq(CREATE(.room = "whole", .user = "alice"), ST_OK);

	rooms_repair(fx.rooms);
	ck_assert_uint_eq(fx_room("hostless"), ROOMTAB_NONE);
	ck_assert_uint_eq(fx_room("empty"), ROOMTAB_NONE);
	ck_assert_uint_ne(fx_room("keeps"), ROOMTAB_NONE);
	ck_assert_uint_ne(fx_room("whole"), ROOMTAB_NONE);
	ck_assert_uint_eq(fx.closed, 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wishes");
	TCase *tc = tcase_create("wishes");

	tcase_add_checked_fixture(tc, setup, fx_free);
	tcase_add_test(tc, wishes);
	tcase_add_test(tc, wishes_of_the_past);
	tcase_add_test(tc, repair);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
