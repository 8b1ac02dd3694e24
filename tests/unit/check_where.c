/* SPDX-License-Identifier: ISC */
/*
 * Where members are sent to: the rules of ports, the sockets, what other
 * relays have heard, and who is behind an address.
 */
#include "peers_fixture.h"
#include "run_suite.h"

START_TEST(test_port_rules)
{
	struct member_made plain = enter("r", "plain", "plain", 0);
	struct member_made reg = enter("r", "reg", "plain", 7000);
	struct member_made fixed = enter("r", "fixed", "json-port", 0);
	uint64_t now = clock_ms();
	_Atomic uint64_t *c = live_counters(fx.relayd[0].live[0]);
	struct room *room;
	const struct member *m;

	refresh();
	room = &peers.rooms[plain.room];
	ck_assert_uint_eq(room->portless, 2);
	peers_spoke(&peers, plain.slot, 5001, 0, now);
	m = &peers.members[plain.slot];
	ck_assert_uint_eq(m->addr.port, 5001);
	ck_assert_uint_eq(room->portless, 1);
	/* again within a second: held; later: followed */
	peers_spoke(&peers, plain.slot, 5002, 0, now + 999);
	ck_assert_uint_eq(m->addr.port, 5001);
	ck_assert_uint_eq(c[LC_ports_held], 1);
	peers_spoke(&peers, plain.slot, 5002, 0, now + 1000);
	ck_assert_uint_eq(m->addr.port, 5002);
	ck_assert_uint_eq(ntohs(m->to.dest.v4.sin_port), 5002);
	ck_assert_uint_eq(c[LC_ports_learned], 2);
	ck_assert_uint_eq(live_where(fx.roomd.live[0], plain.slot).port, 5002);
	/* what came over TCP beats what is heard */
	peers_spoke(&peers, reg.slot, 5003, 0, now + 5000);
	ck_assert_uint_eq(peers.members[reg.slot].addr.port, 7000);
	/* and some are never learned */
	peers_spoke(&peers, fixed.slot, 5004, 0, now + 5000);
	ck_assert_uint_eq(peers.members[fixed.slot].addr.port, 0);
	/* operation 3 comes later */
	ck_assert_int_eq(roomtab_set_port(fx.tab, plain.slot, plain.gen,
	    7100), 0);
	refresh();
	ck_assert_uint_eq(m->addr.port, 7100);
	peers_spoke(&peers, plain.slot, 5009, 0, now + 9000);
	ck_assert_uint_eq(m->addr.port, 7100);
	compare(&peers);
}
END_TEST

START_TEST(test_sockets)
{
	struct member_new m = fx_member("six", "plain", "::1", 4000);
	struct member_made six, four;

	m.via = 1;
	six = fx_enter(&fx, "r", &m);
	m = fx_member("via out of range", "plain", "127.0.0.1", 4001);
	m.via = 200;
	four = fx_enter(&fx, "r", &m);
	refresh();
	ck_assert_uint_eq(peers.members[six.slot].sock, 1);
	ck_assert_int_eq(peers.members[six.slot].to.dest.any.sa_family,
	    AF_INET6);
	ck_assert_uint_eq(peers.members[four.slot].sock, 0);
	ck_assert_uint_eq(peers.rooms[six.room].portless, 0);
	compare(&peers);
}
END_TEST

START_TEST(test_other_relays)
{
	struct member_made a = enter("r", "a", "port-suffix", 0);
	struct member_made b = enter("r", "b", "plain", 0);
	struct live_where w = { 0, 9, 0, false };
	uint64_t now = clock_ms();
	unsigned i;

	refresh();
	start(&second, 1);
	peers_spoke(&second, a.slot, 6001, 0, now);
	peers_enrolled(&second, a.slot);
	live_set_seen(fx.relayd[1].live[1], a.slot, now + 5);
	refresh();
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6001);
	ck_assert(peers.members[a.slot].enrolled);
	ck_assert_uint_eq(peers_seen(&peers, a.slot), now + 5);
	/* what it says of another life, socket or slot is not believed */
	w.gen = b.gen + 2;
	live_set_where(fx.relayd[1].live[1], b.slot, w);
	w.gen = b.gen;
	w.sock = SOCKS;
	live_set_where(fx.relayd[1].live[1], b.slot, w);
	refresh();
	ck_assert_uint_eq(peers.members[b.slot].addr.port, 0);
	/* more moves than its ring holds */
	for (i = 0; i < 5000; i++)
		peers_spoke(&second, b.slot, (uint16_t)(1 + i % 60000), 0,
		    now + 10000 + (uint64_t)i * 1000);
	peers_spoke(&second, a.slot, 6002, 0, now + 10000);
	refresh();
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6002);
	ck_assert_uint_eq(peers.members[b.slot].addr.port, 5000);
	compare(&peers);
	compare(&second);
}
END_TEST

/* A port moves once a second, whichever relays the member speaks to. */
START_TEST(test_moves_in_turn)
{
	struct member_made a = enter("r", "a", "plain", 0);
	uint64_t now = clock_ms();

	refresh();
	start(&second, 1);
	peers_spoke(&peers, a.slot, 6001, 0, now);
	ck_assert_int_eq(peers_refresh(&second, now, 1), 0);
	ck_assert_uint_eq(second.members[a.slot].addr.port, 6001);
	peers_spoke(&second, a.slot, 6002, 0, now + 999);
	ck_assert_uint_eq(second.members[a.slot].addr.port, 6001);
	peers_spoke(&second, a.slot, 6002, 0, now + 1000);
	ck_assert_uint_eq(second.members[a.slot].addr.port, 6002);
	refresh();
	peers_spoke(&peers, a.slot, 6001, 0, now + 1999);
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6002);
	peers_spoke(&peers, a.slot, 6001, 0, now + 2000);
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6001);
}
END_TEST

/* A relay that was captured cannot hold somebody's port for ever. */
START_TEST(test_moves_that_cannot_be)
{
	struct member_made a = enter("r", "a", "plain", 0);
	struct live *other = fx.relayd[1].live[1];
	uint64_t now = clock_ms();

	refresh();
	peers_spoke(&peers, a.slot, 6001, 0, now);
	now += 1000;
	live_set_moved(other, a.slot, now + 1000);
	peers_spoke(&peers, a.slot, 6002, 0, now);
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6001);
	live_set_moved(other, a.slot, now + 1001);
	peers_spoke(&peers, a.slot, 6002, 0, now);
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6002);
	live_set_moved(other, a.slot, UINT64_MAX);
	peers_spoke(&peers, a.slot, 6003, 0, now + 1000);
	ck_assert_uint_eq(peers.members[a.slot].addr.port, 6003);
}
END_TEST

/* Who goes is told where it was heard last, though that was elsewhere. */
START_TEST(test_heard_elsewhere_and_gone)
{
	struct member_made host = enter("r", "host", "plain", 0);
	struct member_made a = enter("r", "a", "plain", 0);

	refresh();
	start(&second, 1);
	peers_spoke(&second, a.slot, 6001, 0, clock_ms());
	ck_assert_int_eq(roomtab_remove(fx.tab, a.slot, a.gen, END_IDLE), 0);
	refresh();
	ck_assert_uint_eq(heard.left, 1);
	ck_assert_uint_eq(heard.port, 6001);
	ck_assert_uint_eq(peers.members[host.slot].addr.port, 0);
}
END_TEST

START_TEST(test_tokenless)
{
	struct member_made d = enter("r", "d", "decimal", 0);
	struct member_made e = enter("s", "e", "decimal", 7001);
	struct addr here = fx_addr("127.0.0.1", 7001);
	struct addr there = fx_addr("127.0.0.2", 7001);

	enter("r", "plain", "plain", 7001);
	refresh();
	/* only what came over TCP counts, and only of such a dialect */
	ck_assert_uint_eq(peers_bare(&peers, &here, "r", 1), ROOMTAB_NONE);
	ck_assert_uint_eq(peers_bare(&peers, &here, "s", 1), e.slot);
	ck_assert_uint_eq(peers_bare(&peers, &there, "s", 1), ROOMTAB_NONE);
	peers_spoke(&peers, d.slot, 7001, 0, clock_ms());
	ck_assert_uint_eq(peers_bare(&peers, &here, "r", 1), ROOMTAB_NONE);
	ck_assert_int_eq(roomtab_set_port(fx.tab, d.slot, d.gen, 7001), 0);
	refresh();
	ck_assert_uint_eq(peers_bare(&peers, &here, "r", 1), d.slot);
	ck_assert_int_eq(roomtab_remove(fx.tab, d.slot, d.gen, END_LEFT), 0);
	refresh();
	ck_assert_uint_eq(peers_bare(&peers, &here, "r", 1), ROOMTAB_NONE);

	ck_assert(!peers_json_host(&peers, &here));
	enter("r", "j", "json-udp", 7002);
	refresh();
	ck_assert(peers_json_host(&peers, &here));
	ck_assert(!peers_json_host(&peers, &there));
}
END_TEST

/* Several behind one address and port are named in turn. */
START_TEST(test_at)
{
	struct member_made a = enter("r", "a", "plain", 7001);
	struct member_made b = enter("s", "b", "plain", 7001);
	struct addr at = fx_addr("127.0.0.1", 7001);
	uint32_t first;

	refresh();
	first = peers_at(&peers, &at);
	ck_assert(first == a.slot || first == b.slot);
	ck_assert_uint_eq(peers_at(&peers, &at),
	    first == a.slot ? b.slot : a.slot);
	ck_assert_uint_eq(peers_at(&peers, &at), first);
	at.port++;
	ck_assert_uint_eq(peers_at(&peers, &at), ROOMTAB_NONE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("where");
	TCase *tc = tcase_create("where");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_port_rules);
	tcase_add_test(tc, test_sockets);
	tcase_add_test(tc, test_other_relays);
	tcase_add_test(tc, test_moves_in_turn);
	tcase_add_test(tc, test_moves_that_cannot_be);
	tcase_add_test(tc, test_heard_elsewhere_and_gone);
	tcase_add_test(tc, test_tokenless);
	tcase_add_test(tc, test_at);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
