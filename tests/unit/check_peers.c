/* SPDX-License-Identifier: ISC */
/*
 * The private snapshot follows the table: after any changes, in any number,
 * read at once or late, it holds what the table holds, and it keeps serving
 * when the table cannot be read.
 */
#include "peers_fixture.h"
#include "run_suite.h"

/* ---- random changes ---- */

static const char *const dialects[] = {
	"plain", "decimal", "inline", "json-string", "json-port", "json-udp",
	"port-suffix"
};

static void
random_step(void)
{
	char room[64], name[300];
	struct member_info info;
	struct member_new m;
	struct member_made made, invites[3];
	uint32_t r, slot = roll(MEMBERS);

	(void)snprintf(room, sizeof(room), "room %u%s", roll(ROOMS),
	    roll(2) ? " with a name that is too long to lie inline" : "");
	memset(name, 'x', sizeof(name));
	(void)snprintf(name + (roll(4) == 0 ? 200 : 0), 32, "m%u", roll(50));
	r = roomtab_find(fx.tab, room, strlen(room));
	switch (roll(12)) {
	case 0:
		if (r != ROOMTAB_NONE)
			fx_shut(&fx, room, END_OPERATOR);
		break;
	case 1:
		if (roomtab_member(fx.tab, slot, &info))
			(void)roomtab_set_port(fx.tab, slot, info.gen,
			    (uint16_t)(1 + roll(60000)));
		break;
	case 2:
	case 3:
	case 4:
		if (roomtab_member(fx.tab, slot, &info))
			(void)roomtab_remove(fx.tab, slot, info.gen, END_LEFT);
		break;
	default:
		m = fx_member(name, dialects[roll(7)], "127.0.0.1",
		    roll(3) == 0 ? (uint16_t)(1 + roll(60000)) : 0);
		if (r != ROOMTAB_NONE)
			(void)roomtab_join(fx.tab, r, MEMBERS, &m, &made);
		else
			(void)roomtab_create(fx.tab, room, strlen(room), NULL,
			    &m, &made, invites, roll(4));
	}
}

/* Rooms without members stay open in this test; roomd would close them. */
static void
speak_at_random(struct peers *p)
{
	uint32_t slot = roll(MEMBERS);

	if (p->members[slot].gen == 0)
		return;
	peers_spoke(p, slot, (uint16_t)(1 + roll(60000)), 0,
	    clock_ms() + roll(5000));
	if (roll(3) == 0)
		peers_enrolled(p, slot);
}

START_TEST(test_random)
{
	unsigned i, n;

	seed = 1000 + (unsigned)_i;
	for (i = 0; i < 2500; i++) {
		/* now and then more than the ring holds */
		for (n = roll(600) == 0 ? 30000 : 1 + roll(4); n > 0; n--)
			random_step();
		refresh();
		speak_at_random(&peers);
		if (i % 10 == 0)
			compare(&peers);
	}
	compare(&peers);
	ck_assert_uint_eq(heard.added,
	    heard.left + heard.closed_members + peers.count);
	ck_assert_uint_gt(live_counter(fx.relayd[0].live[0], LC_table_scans),
	    1);
	/* a later life finds the same, and where they are */
	start(&second, 0);
	compare(&second);
	ck_assert_uint_eq(heard.fresh, 0);
	for (i = 0; i < MEMBERS; i++)
		if (peers.members[i].gen != 0) {
			ck_assert_uint_eq(second.members[i].addr.port,
			    peers.members[i].addr.port);
			ck_assert(second.members[i].enrolled ==
			    peers.members[i].enrolled);
		}
}
END_TEST

/* ---- single rules ---- */

START_TEST(test_endings)
{
	struct member_made host = enter("r", "host", "plain", 0);
	struct member_made bob = enter("r", "bob", "plain", 0);

	refresh();
	ck_assert_uint_eq(heard.fresh, 2);
	ck_assert_int_eq(roomtab_remove(fx.tab, bob.slot, bob.gen, END_IDLE),
	    0);
	refresh();
	ck_assert_uint_eq(heard.left, 1);
	ck_assert_int_eq(heard.why, END_IDLE);
	ck_assert_int_eq(peers_check(&peers, bob.slot, clock_ms()),
	    PEERS_DEAD);
	ck_assert_int_eq(peers_check(&peers, host.slot, clock_ms()),
	    PEERS_LIVE);
	fx_shut(&fx, "r", END_HOST_LEFT);
	refresh();
	ck_assert_uint_eq(heard.closed, 1);
	ck_assert_int_eq(heard.why, END_HOST_LEFT);
	ck_assert_uint_eq(peers.count, 0);
	/* closed, reaped, and both numbers in use again before the look */
	host = enter("r", "host", "plain", 0);
	refresh();
	fx_shut(&fx, "r", END_OPERATOR);
	bob = enter("other", "bob", "plain", 0);
	ck_assert_uint_eq(bob.slot, host.slot);
	ck_assert_uint_eq(bob.room, host.room);
	refresh();
	ck_assert_uint_eq(heard.closed, 2);
	compare(&peers);
}
END_TEST

/* A change seen only by its generation is read on the spot. */
START_TEST(test_check_reads)
{
	struct member_made a;

	ck_assert_int_eq(peers_wait(&peers, clock_ms()), -1);
	a = enter("r", "a", "plain", 0);
	ck_assert_int_eq(peers_wait(&peers, clock_ms()), 0);	/* no bell */
	ck_assert_int_eq(peers_check(&peers, a.slot, clock_ms()),
	    PEERS_LIVE);
	ck_assert_int_eq(peers_check(&peers, MEMBERS - 1, clock_ms()),
	    PEERS_DEAD);
}
END_TEST

START_TEST(test_unreadable)
{
	struct member_made a = enter("r", "a", "plain", 0), b;
	uint64_t now = clock_ms();

	refresh();
	b = enter("r", "b", "plain", 0);
	shmlock_park(fx.ocmd_lock);
	ck_assert_int_eq(peers_refresh(&peers, now, 1), -1);
	ck_assert_uint_eq(peers.misses, 1);
	ck_assert_int_gt(peers_wait(&peers, now), 0);
	/* not again at once: the path of datagrams must not wait */
	ck_assert_int_eq(peers_refresh(&peers, now + 1, 1), -1);
	ck_assert_uint_eq(peers.misses, 1);
	ck_assert_int_eq(peers_check(&peers, a.slot, now + 1), PEERS_LIVE);
	ck_assert_int_eq(peers_check(&peers, b.slot, now + 1), PEERS_STALE);
	shmlock_unpark(fx.ocmd_lock);
	now += (uint64_t)peers_wait(&peers, now);
	ck_assert_int_eq(peers_refresh(&peers, now, 1), 0);
	ck_assert_int_eq(peers_wait(&peers, now), -1);
	ck_assert_int_eq(peers_check(&peers, b.slot, now), PEERS_LIVE);
	/* unreadable from the start */
	shmlock_park(fx.ocmd_lock);
	second.cf = peers.cf;
	peers_make(&second, &peers.cf);
	ck_assert_int_eq(peers_refresh(&second, now, 1), -1);
	shmlock_unpark(fx.ocmd_lock);
	ck_assert_int_eq(peers_refresh(&second, now + 100, 1), 0);
	compare(&second);
}
END_TEST

/* Of several at one place the one that came last, whoever looks and when. */
START_TEST(test_newest_speaks)
{
	struct member_new m = fx_member("m", "decimal", "127.0.0.1", 4000);
	struct member_made made[4];
	const struct addr at = m.addr;
	unsigned i, k;

	/* slots are given from the lowest on, so the last is not the newest */
	for (i = 0; i < 4; i++) {
		m.now_ms = 100000 + (i == 1 ? 10 : i % 2);
		made[i] = fx_enter(&fx, "r", &m);
		refresh();
	}
	(void)enter("s", "m", "decimal", 4000);
	start(&second, 1);
	for (k = 0; k < 2; k++) {
		refresh();
		ck_assert_uint_eq(peers_bare(&peers, &at, "r", 1),
		    made[1].slot);
		ck_assert_uint_eq(peers_bare(&second, &at, "r", 1),
		    made[1].slot);
		/* the others were there first, and none of them is elsewhere */
		ck_assert_int_eq(roomtab_set_port(fx.tab, made[3].slot,
		    made[3].gen, 4000), 0);
	}
	ck_assert_int_eq(roomtab_remove(fx.tab, made[1].slot, made[1].gen,
	    END_LEFT), 0);
	refresh();
	ck_assert_uint_eq(peers_bare(&peers, &at, "r", 1), made[3].slot);
	ck_assert_int_eq(roomtab_remove(fx.tab, made[3].slot, made[3].gen,
	    END_LEFT), 0);
	refresh();
	ck_assert_uint_eq(peers_bare(&peers, &at, "r", 1),
	    made[0].slot > made[2].slot ? made[0].slot : made[2].slot);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("peers");
	TCase *tc = tcase_create("peers");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_random, 0, 3);
	tcase_add_test(tc, test_endings);
	tcase_add_test(tc, test_check_reads);
	tcase_add_test(tc, test_unreadable);
	tcase_add_test(tc, test_newest_speaks);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
