/* SPDX-License-Identifier: ISC */
/*
 * TCP connections of roomd: members who stay connected and what they are
 * told, and clients that are slow, rude or gone.
 */
#define FX_MEMBERS 128
#include "roomd_client.h"
#include "run_suite.h"

/* ---- members who stay connected ---- */

static struct client *
decimal(const char *room, const char *user, char token[8192])
{
	struct client *c = arrive();
	char payload[8192], rest[8192];
	int i;

	if (token[0] == '\0') {
		ask(c, CODEC_DECIMAL, OP_CREATE, room, user);
		expect(c, OP_CREATE, STATE_DONE, room, token);
		for (i = 0; i < DIALECT_INVITE_COUNT; i++)
			expect(c, OP_CREATE, STATE_DONE, room, rest);
	} else {
		(void)snprintf(payload, sizeof(payload), "%.32s %s", token,
		    user);
		ask(c, CODEC_DECIMAL, OP_JOIN, room, payload);
		expect(c, OP_JOIN, STATE_DONE, room, rest);
		expect(c, OP_JOIN, STATE_REQUEST, room, rest);
	}
	ck_assert_uint_eq(c->len, 0);
	return c;
}

static void
expect_notice(struct client *c, const char *room, const char *text)
{
	char p[8192];

	hear(c);
	expect(c, OP_JOIN, STATE_REQUEST, room, p);
	ck_assert_str_eq(p, text);
}

START_TEST(notices)
{
	char token[8192] = "", p[8192];
	struct client *alice, *bob, *carol;

	alice = decimal("r", "alice", token);
	bob = decimal("r", "bob", token);
	expect_notice(alice, "r", "bob joined");
	/* more within a second is gathered, and nobody hears of himself */
	carol = decimal("r", "carol", token);
	member(OP_JOIN, "r", "dave", p);
	hear(alice);
	ck_assert_uint_eq(alice->len, 0);
	go(bob);
	wait_ms(1100);
	expect_notice(alice, "r", "carol, dave joined; bob left");
	expect_notice(carol, "r", "dave joined; bob left");
	/* removed: told why, then closed */
	ck_assert_ptr_null(rooms_kick(fx.rooms, "r", 1, "carol", 5));
	expect_notice(carol, "r", "disconnected: removed by the operator");
	hear(carol);
	ck_assert(carol->ended);
	go(carol);
	ck_assert_ptr_null(rooms_close(fx.rooms, "r", 1));
	expect_notice(alice, "r", "disconnected: removed by the operator");
	ck_assert(alice->ended);
	go(alice);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(audience_size(desk.audience), 0);
}
END_TEST

/* Where there is always somebody coming or going, nobody wants to know. */
START_TEST(notices_of_large_rooms)
{
	char token[8192] = "", p[8192], name[32];
	struct client *alice = decimal("r", "alice", token);
	unsigned i;

	fx.set.join_rate = 0;
	fx.set.notices = 0;
	for (i = 1; i < 64; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		member(OP_JOIN, "r", name, p);
	}
	fx.set.notices = 1;
	ck_assert_ptr_null(rooms_kick(fx.rooms, "r", 1, "m1", 2));
	expect_notice(alice, "r", "m1 left");
	wait_ms(1100);
	member(OP_JOIN, "r", "m64", p);
	expect_notice(alice, "r", "m64 joined");
	wait_ms(1100);
	member(OP_JOIN, "r", "one too many", p);
	wait_ms(1100);
	hear(alice);
	ck_assert_uint_eq(alice->len, 0);
	go(alice);
}
END_TEST

START_TEST(no_notices)
{
	char token[8192] = "", p[8192];
	struct client *alice;

	fx.set.notices = 0;
	alice = decimal("r", "alice", token);
	member(OP_JOIN, "r", "bob", p);
	hear(alice);
	ck_assert_uint_eq(alice->len, 0);
	/* the end is told all the same */
	audience_goodbye(desk.audience);
	expect_notice(alice, "r", "server is shutting down");
	go(alice);
	ck_assert_uint_eq(roomtab_members(fx.tab), 2);
}
END_TEST

START_TEST(one_membership_each)
{
	char token[8192] = "", p[8192];
	struct client *alice = decimal("r", "alice", token), *bob;
	struct member_info m;

	bob = decimal("r", "bob", token);
	expect_notice(alice, "r", "bob joined");
	/* a list, its port, another's room */
	ask(bob, CODEC_DECIMAL, OP_PORT_OR_LIST, "", "");
	expect(bob, OP_PORT_OR_LIST, STATE_DONE, "", p);
	ask(bob, CODEC_DECIMAL, OP_PORT_OR_LIST, "r", "40001");
	ck_assert_uint_eq(bob->len, 0);
	ck_assert(fx_member("r", "bob", &m));
	ck_assert_uint_eq(m.addr.port, 40001);
	ck_assert(!bob->ended);
	ask(bob, CODEC_DECIMAL, OP_CREATE, "q", "bob");
	expect_status(bob, OP_CREATE, "q", ST_MALFORMED);
	ck_assert(bob->ended);
	go(bob);
	ck_assert(!fx_member("r", "bob", &m));
	ck_assert(fx_member("r", "alice", &m));
	/* operation 4 ends the connection, too */
	ask(alice, CODEC_DECIMAL, OP_LEAVE, "r", token);
	expect_status(alice, OP_LEAVE, "r", ST_OK);
	ck_assert(alice->ended);
	go(alice);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
}
END_TEST

START_TEST(seats_are_limited)
{
	char token[8192] = "";
	struct client *alice = decimal("r", "alice", token), *bob;

	desk.seats_max = 1;
	bob = arrive();
	ask(bob, CODEC_DECIMAL, OP_CREATE, "q", "bob");
	expect_status(bob, OP_CREATE, "q", ST_UNABLE);
	go(bob);
	go(alice);
}
END_TEST

/* ---- slow, rude and gone ---- */

START_TEST(gap_between_parts)
{
	struct client *c = arrive();
	uint64_t first = 0;
	char p[8192];

	ask(c, CODEC_BE, OP_CREATE, "r", "{\"user_name\": \"alice\", "
	    "\"udp_address\": [\"127.0.0.1\", 33428], \"password\": \"pw\"}");
	first = clock_us();
	expect(c, 0, STATE_STATUS, "", p);
	ck_assert_uint_eq(c->len, 0);
	while (c->len == 0 && clock_us() - first < 2000000) {
		ck_assert_int_ne(event_base_loop(base, EVLOOP_ONCE), -1);
		hear(c);
	}
	ck_assert_uint_ge(clock_us() - first, 19000);
	expect(c, 0, STATE_DONE, "", p);
	ck_assert(c->ended);
	go(c);
}
END_TEST

START_TEST(request_in_time)
{
	static const char create[] = "\x01\x01\x00" Z28 "\x05ralice";
	struct client *slow = arrive(), *silent = arrive(), *late = arrive();
	size_t i;

	fx.set.request_timeout_ms = 150;
	/* those above have the old limit; these the new */
	go(slow);
	go(silent);
	go(late);
	slow = arrive();
	silent = arrive();
	for (i = 0; i < 30; i++) {	/* one byte per 10 ms: never whole */
		wait_ms(10);
		if (send(slow->fd, create + i, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	ck_assert_uint_lt(i, 30);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(fx_counter(RC_closed_timeout), 2);
	go(slow);
	go(silent);
}
END_TEST

/* A member's frame has its time, its silence has not. */
START_TEST(member_in_time)
{
	char token[8192] = "";
	struct client *alice;

	fx.set.request_timeout_ms = 60;
	alice = decimal("r", "alice", token);
	wait_ms(200);
	ck_assert_uint_eq(sessions_count(sessions), 1);
	say(alice, "\x01", 1);
	wait_ms(200);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
	go(alice);
}
END_TEST

START_TEST(half_open)
{
	struct client *c[6];
	int i;

	fx.set.half_open_source = 3;
	fx.set.half_open = 5;
	for (i = 0; i < 4; i++)
		c[i] = arrive();
	hear(c[0]);
	ck_assert(c[0]->ended);		/* the oldest of its source */
	hear(c[1]);
	ck_assert(!c[1]->ended);
	c[4] = arrive_from("192.0.2.1");
	c[5] = arrive_from("192.0.2.2");
	hear(c[1]);
	ck_assert(!c[1]->ended);
	go(c[5]);
	fx.set.half_open = 3;
	c[5] = arrive_from("192.0.2.2");
	hear(c[1]);
	hear(c[2]);
	hear(c[4]);
	ck_assert(c[1]->ended && c[2]->ended);	/* of the busiest */
	ck_assert(!c[4]->ended);
	ck_assert_uint_eq(fx_counter(RC_closed_half_open), 3);
	/* a whole request is not half-open any more */
	ask(c[3], CODEC_BE, OP_CREATE, "r", "alice");
	ck_assert_uint_eq(limit_count(desk.limit), 2);
	for (i = 0; i < 6; i++)
		go(c[i]);
}
END_TEST

/* Roomd, with fewer places. */
static void
places(uint32_t max)
{
	sessions_free(sessions);
	sessions = sessions_new(base, &desk, max);
	ck_assert_ptr_nonnull(sessions);
}

static struct client *
answered(const char *from)
{
	struct client *c = arrive_from(from);
	char p[8192];

	ask(c, CODEC_BE, OP_PORT_OR_LIST, "", "");
	expect(c, OP_PORT_OR_LIST, STATE_DONE, "", p);
	return c;
}

/* Who leaves the most open gives way; nobody's answer or port is lost. */
START_TEST(answered_give_way)
{
	uint8_t buf[8192];
	struct client *other, *c[9];
	struct member_info m;
	size_t len;
	int i;

	places(8);
	other = answered("192.0.2.1");
	c[0] = arrive();		/* all at once, and reads it later */
	len = frame(buf, CODEC_BE, OP_CREATE, "r", "alice");
	say(c[0], buf, len);
	c[1] = arrive();
	say(c[1], buf, frame(buf, CODEC_BE, OP_CREATE, "q", "bob"));
	for (i = 2; i < 7; i++)
		c[i] = answered("127.0.0.1");
	ck_assert_uint_eq(sessions_count(sessions), 8);
	/* it sends what is nothing; the next one is done */
	ck_assert_int_eq(send(c[0]->fd, "\1\2\3", 3, MSG_NOSIGNAL), 3);
	ck_assert_int_eq(send(c[1]->fd, "\x92\xf9", 2, MSG_NOSIGNAL), 2);
	ck_assert_int_eq(shutdown(c[1]->fd, SHUT_WR), 0);
	c[7] = arrive_from("192.0.2.2");
	ck_assert_uint_eq(fx_counter(RC_closed_answered), 1);
	c[8] = arrive_from("192.0.2.2");
	ck_assert_uint_eq(fx_counter(RC_closed_answered), 1);
	ck_assert_uint_eq(sessions_count(sessions), 8);
	hear(c[0]);
	ck_assert_uint_eq(c[0]->len, 34 + 65);
	ck_assert(fx_member("q", "bob", &m));
	ck_assert_uint_eq(m.addr.port, 0x92f9);
	ck_assert_int_eq(send(other->fd, "\x92", 1, MSG_NOSIGNAL), 1);
	for (i = 0; i < 9; i++)
		go(c[i]);
	ck_assert_uint_eq(sessions_count(sessions), 1);
	go(other);
}
END_TEST

/* What a closed room leaves behind is answered, too. */
START_TEST(dismissed_give_way)
{
	char token[8192] = "";
	struct client *c[4], *other;
	int i;

	places(5);
	c[0] = decimal("r", "alice", token);
	for (i = 1; i < 4; i++)
		c[i] = decimal("r", "bob", token);
	ck_assert_uint_eq(limit_count(desk.limit), 0);
	ck_assert_ptr_null(rooms_close(fx.rooms, "r", 1));
	other = answered("192.0.2.1");
	go(answered("192.0.2.2"));
	ck_assert_uint_eq(fx_counter(RC_closed_answered), 1);
	ck_assert_uint_eq(sessions_count(sessions), 4);
	go(other);
	ck_assert_uint_eq(sessions_count(sessions), 3);
	for (i = 0; i < 4; i++)
		go(c[i]);
}
END_TEST

/* Memberships stay, whoever comes; the others make room. */
START_TEST(half_open_give_way)
{
	char token[8192] = "";
	struct client *c[4], *other;
	int i;

	places(5);
	c[0] = decimal("r", "alice", token);
	c[1] = decimal("r", "bob", token);
	c[2] = arrive();
	c[3] = arrive();
	other = arrive_from("192.0.2.1");
	go(answered("192.0.2.2"));
	ck_assert_uint_eq(fx_counter(RC_closed_half_open), 1);
	ck_assert_uint_eq(audience_size(desk.audience), 2);
	hear(c[2]);
	ck_assert(c[2]->ended);
	ck_assert_uint_eq(sessions_count(sessions), 4);
	for (i = 0; i < 4; i++)
		go(c[i]);
	go(other);
}
END_TEST

START_TEST(vanished)
{
	static const char create[] = "\x01\x01\x00" Z28 "\x05ralice";
	struct client *c;

	c = arrive();
	go(c);				/* said nothing */
	ck_assert_uint_eq(fx_counter(RC_closed_error), 0);
	c = arrive();
	say(c, create, 10);
	go(c);				/* in the header */
	c = arrive();
	say(c, create, sizeof(create) - 2);
	go(c);				/* in the body */
	ck_assert_uint_eq(fx_counter(RC_closed_error), 2);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
	/* before its answer: the room is there all the same */
	c = arrive();
	(void)send(c->fd, create, sizeof(create) - 1, MSG_NOSIGNAL);
	go(c);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 1);
	ck_assert_uint_eq(sessions_count(sessions), 0);
}
END_TEST

/* Who asks and does not read: the answers stop, then the connection. */
START_TEST(does_not_read)
{
	struct client *c = arrive();
	char name[NAME_MAX_BYTES + 1], p[8192];
	uint8_t buf[8192];
	size_t len;
	int i, small = 4096;

	ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small,
	    sizeof(small)), 0);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < ROOMS; i++) {
		name[0] = (char)('a' + i);
		member(OP_CREATE, name, "alice", p);
	}
	fx.set.request_timeout_ms = 100;
	len = frame(buf, CODEC_DECIMAL, OP_PORT_OR_LIST, "", "");
	for (i = 0; i < 20000 && sessions_count(sessions) > 0; i++) {
		if (send(c->fd, buf, len, MSG_NOSIGNAL) == -1)
			wait_ms(20);
		turn();
		/* however much it asks for, little is kept for it */
		ck_assert_uint_lt(blob_total(), 8192);
	}
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(fx_counter(RC_closed_slow), 1);
	go(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("seats");
	TCase *tc = tcase_create("seats");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, notices);
	tcase_add_test(tc, notices_of_large_rooms);
	tcase_add_test(tc, no_notices);
	tcase_add_test(tc, one_membership_each);
	tcase_add_test(tc, seats_are_limited);
	tcase_add_test(tc, gap_between_parts);
	tcase_add_test(tc, request_in_time);
	tcase_add_test(tc, member_in_time);
	tcase_add_test(tc, half_open);
	tcase_add_test(tc, answered_give_way);
	tcase_add_test(tc, dismissed_give_way);
	tcase_add_test(tc, half_open_give_way);
	tcase_add_test(tc, vanished);
	tcase_add_test(tc, does_not_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
