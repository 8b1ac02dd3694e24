/* SPDX-License-Identifier: ISC */
/*
 * The private snapshot follows the table: after any changes, in any number,
 * read at once or late, it holds what the table holds; where members are
 * sent to follows the rules of ports; and it keeps serving when the table
 * cannot be read.
 */
#include "../../relayd/peers.h"
#include "relay_fixture.h"

enum { ROOMS = 12, MEMBERS = 300, SOCKS = 2 };

static struct fixture fx;
static struct peers peers, second;
static unsigned seed;

static unsigned
roll(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* ---- what the events said ---- */

static struct {
	unsigned	added, fresh, left, closed, closed_members;
	enum ending	why;
} heard;

static void
on_added(void *ctx, uint32_t slot, bool is_new)
{
	const struct peers *p = ctx;

	ck_assert_uint_ne(p->members[slot].gen, 0);
	heard.added++;
	heard.fresh += is_new;
}

static void
on_leaving(void *ctx, uint32_t slot, enum ending why)
{
	const struct peers *p = ctx;

	ck_assert_uint_ne(p->members[slot].gen, 0);
	heard.left++;
	heard.why = why;
}

static void
on_closing(void *ctx, uint32_t room, enum ending why)
{
	const struct peers *p = ctx;

	ck_assert_uint_ne(p->rooms[room].gen, 0);
	heard.closed++;
	heard.closed_members += p->rooms[room].members;
	heard.why = why;
}

static void
start(struct peers *p, uint32_t me)
{
	struct peers_config cf;

	memset(&cf, 0, sizeof(cf));
	cf.limits = fx.lim.table;
	cf.tab = fx.reader[me];
	memcpy(cf.live, fx.relayd[me].live, sizeof(cf.live));
	cf.workers = fx.lim.workers;
	cf.me = me;
	cf.socks = SOCKS;
	cf.family[0] = AF_INET;
	cf.family[1] = AF_INET6;
	cf.relay_of_rooms[1] = 1;
	cf.events.ctx = p;
	cf.events.added = on_added;
	cf.events.leaving = on_leaving;
	cf.events.closing = on_closing;
	memset(&heard, 0, sizeof(heard));
	peers_make(p, &cf);
	ck_assert_int_eq(peers_refresh(p, clock_ms(), 10), 0);
}

static void
setup(void)
{
	fx_open(&fx, ROOMS, MEMBERS, 4, 2);
	start(&peers, 0);
}

static void
teardown(void)
{
	fx_close(&fx);
}

static struct member_made
enter(const char *room, const char *name, const char *dialect, uint16_t port)
{
	struct member_new m = fx_member(name, dialect, "127.0.0.1", port);

	return fx_enter(&fx, room, &m);
}

static void
refresh(void)
{
	ck_assert_int_eq(peers_refresh(&peers, clock_ms(), 10), 0);
}

/* ---- the snapshot is what the table is ---- */

static void
compare_member(const struct peers *p, uint32_t slot)
{
	const struct member *m = &p->members[slot];
	struct member_info info;
	struct room_info room;
	bool live;

	live = roomtab_member(fx.tab, slot, &info) && !info.is_invite;
	ck_assert_uint_eq(m->gen, live ? info.gen : 0);
	if (!live)
		return;
	ck_assert(roomtab_room(fx.tab, info.room, &room));
	ck_assert_uint_eq(m->room, info.room);
	ck_assert_mem_eq(m->tag, info.tag, TOKEN_TAG);
	ck_assert(addr_same_host(&m->addr, &info.addr));
	ck_assert(m->registered == (info.addr.port != 0));
	if (m->registered)
		ck_assert_uint_eq(m->addr.port, info.addr.port);
	ck_assert_uint_eq(m->dialect, info.dialect);
	ck_assert_uint_eq(m->name_len, info.name_len);
	ck_assert_mem_eq(peers_name(p, slot), info.name, info.name_len);
	ck_assert_uint_eq(p->rooms[m->room].gen, room.gen);
	ck_assert_uint_eq(p->rooms[m->room].name_len, room.name_len);
	ck_assert_mem_eq(peers_room_name(p, m->room), room.name,
	    room.name_len);
	ck_assert(m->is_host == (room.host == slot) ||
	    room.host == ROOMTAB_NONE);
}

static void
compare_room(const struct peers *p, uint32_t r)
{
	const struct room *room = &p->rooms[r];
	const struct member *m;
	struct group *g;
	uint32_t s, n = 0, sendable = 0, i;

	for (s = room->first; s != 0; s = p->members[s - 1].next, n++)
		ck_assert_uint_eq(p->members[s - 1].room, r);
	ck_assert_uint_eq(n, room->members);
	g = fanout_first(&p->fanout, room->groups);
	for (; g != NULL; g = fanout_next(&p->fanout, g)) {
		for (i = 0; i < g->count; i++) {
			s = peers_slot_of(p, fanout_dest(g, i));
			m = &p->members[s];
			ck_assert_uint_eq(m->room, r);
			ck_assert_uint_eq(m->place.position, i);
			ck_assert_uint_eq(m->sock, g->kind.sock);
			ck_assert_uint_eq(peers_form(m), g->kind.form);
			ck_assert_uint_ne(m->addr.port, 0);
			ck_assert_uint_eq(ntohs(m->dest.v4.sin_port),
			    m->addr.port);
		}
		sendable += g->count;
	}
	ck_assert_uint_eq(sendable + room->portless, room->members);
}

static void
compare(const struct peers *p)
{
	uint32_t i, n = 0;

	for (i = 0; i < MEMBERS; i++) {
		compare_member(p, i);
		n += p->members[i].gen != 0;
	}
	ck_assert_uint_eq(n, p->count);
	ck_assert_uint_eq(n, roomtab_members(fx.tab));
	for (i = 0; i < ROOMS; i++)
		compare_room(p, i);
}

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
	struct member_made made;
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
	case 5:
		m = fx_member("", "decimal", "127.0.0.1", 0);
		if (r != ROOMTAB_NONE)
			(void)roomtab_invite(fx.tab, r, &m, &made);
		break;
	default:
		m = fx_member(name, dialects[roll(7)], "127.0.0.1",
		    roll(3) == 0 ? (uint16_t)(1 + roll(60000)) : 0);
		if (r != ROOMTAB_NONE)
			(void)roomtab_join(fx.tab, r, MEMBERS, &m, &made);
		else
			(void)roomtab_create(fx.tab, room, strlen(room), NULL,
			    &m, &made);
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
	ck_assert_uint_eq(ntohs(m->dest.v4.sin_port), 5002);
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
	ck_assert_int_eq(peers.members[six.slot].dest.any.sa_family, AF_INET6);
	ck_assert_uint_eq(peers.members[four.slot].sock, 0);
	ck_assert_uint_eq(peers.rooms[six.room].portless, 0);
	compare(&peers);
}
END_TEST

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
	struct member_made a = enter("r", "a", "plain", 0);

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
	d = enter("r", "j", "json-udp", 7002);
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
	Suite *s = suite_create("peers");
	TCase *tc = tcase_create("peers");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_random, 0, 3);
	tcase_add_test(tc, test_port_rules);
	tcase_add_test(tc, test_sockets);
	tcase_add_test(tc, test_endings);
	tcase_add_test(tc, test_check_reads);
	tcase_add_test(tc, test_unreadable);
	tcase_add_test(tc, test_other_relays);
	tcase_add_test(tc, test_tokenless);
	tcase_add_test(tc, test_at);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
