/* SPDX-License-Identifier: ISC */
/*
 * TCP connections of roomd, from the bytes to the table and back: the
 * captured conversations of real clients split at every byte, frames that
 * are none, refusals and lists.
 */
#include "roomd_client.h"
#include "run_suite.h"

/* ---- conversations ---- */

START_TEST(plain_split_anywhere)
{
	static const char create[] = "\x0a\x01\x00" Z28 "\x05room800020alice";
	const size_t len = sizeof(create) - 1;
	struct client *c;
	char p[8192];
	size_t cut;

	for (cut = 0; cut <= len; cut++) {
		c = arrive();
		if (cut > 0)
			say(c, create, cut);
		hear(c);
		ck_assert_uint_eq(c->len, cut == len ? 43 + 74 : 0);
		if (cut < len)
			say(c, create + cut, len - cut);
		hear(c);
		expect_status(c, OP_CREATE, "room800020", ST_OK);
		expect(c, OP_CREATE, STATE_DONE, "room800020", p);
		ck_assert_uint_eq(strlen(p), TOKEN_TEXT);
		ck_assert(c->ended);
		ck_assert_ptr_null(rooms_close(fx.rooms, "room800020", 10));
		ck_assert_uint_eq(fx_counter(RC_ports_registered), 0);
		go(c);
	}
	ck_assert_uint_eq(fx_counter(RC_requests), len + 1);
}
END_TEST

/* create, join, the port that follows: all the bytes one by one. */
START_TEST(byte_by_byte)
{
	static const char create[] = "\x0a\x01\x00" Z28
	    "%room768554{\"username\": \"alice\", \"password\": \"\"}";
	struct client *c = arrive();
	struct member_info m;
	char p[8192];
	size_t i;

	for (i = 0; i < sizeof(create) - 1; i++)
		say(c, create + i, 1);
	hear(c);
	expect_status(c, OP_CREATE, "room768554", ST_OK);
	expect(c, OP_CREATE, STATE_DONE, "room768554", p);
	say(c, "\x92", 1);
	say(c, "\xf9", 1);
	ck_assert(fx_member("room768554", "alice", &m));
	ck_assert_uint_eq(m.addr.port, 0);	/* not before the end */
	go(c);
	ck_assert(fx_member("room768554", "alice", &m));
	ck_assert_uint_eq(m.addr.port, 0x92f9);
	ck_assert_uint_eq(sessions_count(sessions), 0);
}
END_TEST

static const struct {
	const char	*name, *early, *late;
	size_t		 early_len, late_len;
	unsigned	 port;
} trailers[] = {
	{ "with the request", "\x92\xf9", "", 2, 0, 0x92f9 },
	{ "after the answer", "", "\x92\xf9", 0, 2, 0x92f9 },
	{ "on both sides of it", "\x92", "\xf9", 1, 1, 0x92f9 },
	{ "nothing", "", "", 0, 0, 0 },
	{ "one byte", "", "\x92", 0, 1, 0 },
	{ "three bytes", "", "\x92\xf9\x00", 0, 3, 0 },
	{ "three, split", "\x92", "\xf9\x00", 1, 2, 0 },
	{ "three with the request", "\x92\xf9\x00", "", 3, 0, 0 },
	{ "port 0", "", "\0\0", 0, 2, 0 },
};

START_TEST(trailing_port)
{
	uint8_t buf[8192];
	struct client *c = arrive();
	struct member_info m;
	size_t len;

	len = frame(buf, CODEC_BE, OP_CREATE, "r", "{\"username\":\"alice\"}");
	memcpy(buf + len, trailers[_i].early, trailers[_i].early_len);
	say(c, buf, len + trailers[_i].early_len);
	hear(c);
	ck_assert_uint_eq(c->len, 34 + 65);
	if (trailers[_i].late_len > 0)
		say(c, trailers[_i].late, trailers[_i].late_len);
	go(c);
	ck_assert(fx_member("r", "alice", &m));
	ck_assert_msg(m.addr.port == trailers[_i].port, "%s: port %u",
	    trailers[_i].name, m.addr.port);
	ck_assert_uint_eq(sessions_count(sessions), 0);
}
END_TEST

/* Two bytes and no end: after two seconds it is no port. */
START_TEST(port_without_an_end)
{
	struct client *c = arrive();
	struct member_info m;

	ask(c, CODEC_BE, OP_CREATE, "r", "alice");
	say(c, "\x92\xf9", 2);
	wait_ms(1800);
	ck_assert_uint_eq(sessions_count(sessions), 1);
	wait_ms(400);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert(fx_member("r", "alice", &m));
	ck_assert_uint_eq(m.addr.port, 0);
	go(c);
}
END_TEST

/* A frame sent ahead is served, and its first bytes are no port. */
START_TEST(frames_in_a_row)
{
	struct client *c = arrive();
	struct member_info m;
	uint8_t buf[8192];
	size_t len;
	char p[8192];

	len = frame(buf, CODEC_BE, OP_CREATE, "r", "alice");
	len += frame(buf + len, CODEC_BE, OP_JOIN, "r", "bob");
	len += frame(buf + len, CODEC_BE, OP_PORT_OR_LIST, "", "");
	say(c, buf, len);
	hear(c);
	expect_status(c, OP_CREATE, "r", ST_OK);
	expect(c, OP_CREATE, STATE_DONE, "r", p);
	expect_status(c, OP_JOIN, "r", ST_OK);
	expect(c, OP_JOIN, STATE_DONE, "r", p);
	expect(c, OP_PORT_OR_LIST, STATE_DONE, "", p);
	ck_assert_str_eq(p, "[\"r\"]");
	ck_assert(c->ended);
	go(c);
	ck_assert(fx_member("r", "alice", &m));
	ck_assert_uint_eq(m.addr.port, 0);
}
END_TEST

/* The seed's clients: create and port in any cut, five answers. */
START_TEST(decimal_split_anywhere)
{
	static const char both[] = "\x0a\x01\x00" "5" Z28 "room820791alice"
	    "\x0a\x03\x00" "5" Z28 "room82079148030";
	const size_t len = sizeof(both) - 1;
	struct client *c;
	struct member_info m;
	char p[8192];
	size_t cut;
	int i;

	for (cut = 0; cut <= len; cut++) {
		c = arrive();
		if (cut > 0)
			say(c, both, cut);
		if (cut < len)
			say(c, both + cut, len - cut);
		hear(c);
		for (i = 0; i < 1 + DIALECT_INVITE_COUNT; i++)
			expect(c, OP_CREATE, STATE_DONE, "room820791", p);
		ck_assert_uint_eq(c->len, 0);	/* operation 3: silence */
		ck_assert(!c->ended);
		ck_assert(fx_member("room820791", "alice", &m));
		ck_assert_uint_eq(m.addr.port, 48030);
		/* its close is its leaving, and it was the last */
		go(c);
		ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
		while (rooms_reap(fx.rooms))
			continue;
	}
}
END_TEST

/* ---- refusals ---- */

START_TEST(too_long)
{
	struct client *c = arrive();
	struct member_info m;
	uint8_t buf[8192];
	size_t len;

	fx.set.max_payload = 100;
	/* 2^29 bytes are announced and not one is sent */
	say(c, BYTES("\x04\x01\x00" Z25 "\x20\0\0\0"));
	hear(c);
	expect_status(c, OP_CREATE, "", ST_MALFORMED);
	ck_assert(c->ended);
	go(c);
	c = arrive();
	say(c, BYTES("\x04\x02\x00" Z25 "\0\0\0\x65"));
	hear(c);
	expect_status(c, OP_JOIN, "", ST_MALFORMED);
	ck_assert(c->ended);
	/* what follows is neither a frame nor a port */
	ask(c, CODEC_BE, OP_CREATE, "r", "alice");
	ck_assert_uint_eq(c->len, 0);
	go(c);
	/* nor is it the port of who entered before */
	c = arrive();
	len = frame(buf, CODEC_BE, OP_CREATE, "r", "{\"username\":\"alice\"}");
	memcpy(buf + len, "\x04\x02\x00" Z25 "\0\0\0\x65", 32);
	memcpy(buf + len + 32, "\x92\xf9", 2);
	say(c, buf, len + 34);
	hear(c);
	ck_assert(c->ended);
	go(c);
	ck_assert(fx_member("r", "alice", &m));
	ck_assert_uint_eq(m.addr.port, 0);
	/* exactly the limit is read; as a name it is too long only then */
	c = arrive();
	say(c, BYTES("\x04\x02\x00" Z25 "\0\0\0\x64"));
	hear(c);
	ck_assert_uint_eq(c->len, 0);
	ck_assert(!c->ended);
	go(c);
	ck_assert_uint_eq(fx_counter(RC_refused_malformed), 3);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 1);
}
END_TEST

static const struct {
	const char	*name, *bytes;
	size_t		 len;
	uint8_t		 op;
	bool		 room;		/* is repeated in the answer */
} malformed[] = {
	{ "no codec", BYTES("\x01\x01\x00\xff" Z28), 1, false },
	{ "operation 0", BYTES("\x01\x00\x00" Z28 "\x01rx"), 0, true },
	{ "operation 6", BYTES("\x01\x06\x00" Z28 "\x01rx"), 6, true },
	{ "operation 0x70", BYTES("\x01\x70\x00" Z28 "\x01rx"), 0x70, true },
	{ "state 1", BYTES("\x01\x01\x01" Z28 "\x01rx"), 1, true },
	{ "state 2", BYTES("\x01\x02\x02" Z28 "\x01rx"), 2, true },
	{ "no name", BYTES("\x01\x01\x00" Z28 "\0r"), 1, true },
	{ "no room", BYTES("\x00\x01\x00" Z28 "\x01x"), 1, false },
	{ "join without a room", BYTES("\x00\x02\x00" Z28 "\x01x"), 2, false },
	{ "a list with a payload", BYTES("\x00\x03\x00" Z28 "\x01x"), 3,
	    false },
	{ "a list in state 1", BYTES("\x00\x03\x01" Z28 "\0"), 3, false },
	{ "a room that is no name", BYTES("\x01\x01\x00" Z28 "\x01\x07x"), 1,
	    true },
	{ "broken JSON", BYTES("\x01\x01\x00" Z28 "\x03r{\"}"), 1, true },
	{ "a port under BE", BYTES("\x01\x03\x00" Z28 "\x01r9"), 3, true },
	{ "a port of nobody", BYTES("\x01\x03\x00" "1" Z28 "r9"), 3, true },
};

START_TEST(not_a_request)
{
	const uint8_t *room = NULL;
	struct client *c = arrive();
	char p[8192];
	struct tcrp_frame f;

	say(c, malformed[_i].bytes, malformed[_i].len);
	hear(c);
	f = next(c, p);
	room = f.room;
	ck_assert_msg(f.head.op == malformed[_i].op &&
	    f.head.state == STATE_STATUS &&
	    ((uint8_t)p[0] & 0xf) == ST_MALFORMED, "%s: op %u state %u %u",
	    malformed[_i].name, f.head.op, f.head.state, (uint8_t)p[0]);
	if (malformed[_i].room)
		ck_assert_mem_eq(room, malformed[_i].bytes + TCRP_HEADER, 1);
	ck_assert_msg(c->ended, "%s: not closed", malformed[_i].name);
	go(c);
	ck_assert_uint_eq(fx_counter(RC_refused_malformed), 1);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
	ck_assert_uint_eq(sessions_count(sessions), 0);
}
END_TEST

START_TEST(inline_beyond_its_field)
{
	struct client *c = arrive();

	say(c, BYTES("\x04\x01\x00" "abc" Z25 "\0"));
	hear(c);
	ck_assert_uint_eq(c->len, TCRP_HEADER);
	ck_assert_mem_eq(c->got, "\x00\x01\x01" "4\0", 5);
	ck_assert(c->ended);
	go(c);
}
END_TEST

START_TEST(refusals)
{
	struct client *c;
	char p[8192];

	member(OP_CREATE, "r", "alice", p);
	c = arrive();
	ask(c, CODEC_BE, OP_CREATE, "r", "bob");
	expect_status(c, OP_CREATE, "r", ST_EXISTS);
	/* a client that waits for state 2 now learns that there is none */
	ck_assert(c->ended);
	go(c);
	c = arrive();
	ask(c, CODEC_DIGITS, OP_JOIN, "q", "bob");
	expect_status(c, OP_JOIN, "q", ST_NO_ROOM);
	go(c);
	c = arrive();
	ask(c, CODEC_BE, OP_LEAVE, "r", "nonsense");
	expect_status(c, OP_LEAVE, "r", ST_DENIED);
	go(c);
	fx.set.dialects = 1;
	c = arrive();
	ask(c, CODEC_BE, OP_JOIN, "r", "{\"username\":\"bob\"}");
	expect_status(c, OP_JOIN, "r", ST_MALFORMED);
	go(c);
	ck_assert_uint_eq(fx_counter(RC_refused_exists), 1);
	ck_assert_uint_eq(fx_counter(RC_refused_no_room), 1);
	ck_assert_uint_eq(fx_counter(RC_refused_denied), 1);
	ck_assert_uint_eq(fx_counter(RC_refused_malformed), 1);
}
END_TEST

START_TEST(rate)
{
	struct client *c;
	char p[8192];
	int i;

	fx.set.join_rate = 1;
	fx.set.join_burst = 3;
	member(OP_CREATE, "r", "alice", p);
	for (i = 0; i < 3; i++) {
		c = arrive();
		ask(c, CODEC_BE, OP_JOIN, "q", "bob");
		expect_status(c, OP_JOIN, "q", i < 2 ? ST_NO_ROOM :
		    ST_SLOW_DOWN);
		go(c);
	}
	/* another source is not touched, and lists are not counted */
	c = arrive_from("192.0.2.1");
	ask(c, CODEC_BE, OP_JOIN, "r", "bob");
	expect_status(c, OP_JOIN, "r", ST_OK);
	go(c);
	c = arrive();
	ask(c, CODEC_BE, OP_PORT_OR_LIST, "", "");
	expect(c, OP_PORT_OR_LIST, STATE_DONE, "", p);
	go(c);
	ck_assert_uint_eq(fx_counter(RC_refused_rate), 1);
}
END_TEST

/* ---- lists, tokens ---- */

START_TEST(lists)
{
	static const enum codec codecs[] = { CODEC_BE, CODEC_DIGITS,
	    CODEC_DECIMAL };
	struct client *c;
	char p[8192];
	size_t i;

	for (i = 0; i < 3; i++) {
		c = arrive();
		ask(c, codecs[i], OP_PORT_OR_LIST, "", "");
		expect(c, OP_PORT_OR_LIST, STATE_DONE, "", p);
		ck_assert_str_eq(p, "[]");
		/* decimal connections stay */
		ck_assert(c->ended == (codecs[i] != CODEC_DECIMAL));
		go(c);
	}
	member(OP_CREATE, "r", "alice", p);
	member(OP_CREATE, "\xe9\x83\xa8\xe5\xb1\x8b \"1\"\\", "alice", p);
	for (i = 0; i < 3; i++) {
		c = arrive();
		ask(c, codecs[i], OP_PORT_OR_LIST, "", "");
		expect(c, OP_PORT_OR_LIST, STATE_DONE, "", p);
		ck_assert_str_eq(p, "[\"r\", "
		    "\"\xe9\x83\xa8\xe5\xb1\x8b \\\"1\\\"\\\\\"]");
		go(c);
	}
	ck_assert_ptr_null(rooms_close(fx.rooms, "r", 1));
	c = arrive();
	ask(c, CODEC_BE, OP_JOIN, "", "");
	expect(c, OP_JOIN, STATE_STATUS, "",  p);
	ck_assert_str_eq(p, "\xe9\x83\xa8\xe5\xb1\x8b \"1\"\\");
	/* the older form goes on over the same connection */
	ck_assert(!c->ended);
	ask(c, CODEC_BE, OP_CREATE, "q", "alice");
	expect_status(c, OP_CREATE, "q", ST_OK);
	go(c);
}
END_TEST

START_TEST(members_and_leaving)
{
	char alice[8192], bob[8192], p[8192];
	struct client *c;

	member(OP_CREATE, "r", "alice", alice);
	member(OP_JOIN, "r", "bob", bob);
	c = arrive();
	ask(c, CODEC_BE, OP_MEMBERS, "r", bob);
	expect(c, OP_MEMBERS, STATE_DONE, "r", p);
	ck_assert_str_eq(p, "[{\"name\": \"alice\", \"host\": true}, "
	    "{\"name\": \"bob\", \"host\": false}]");
	ck_assert(c->ended);
	go(c);
	c = arrive_from("127.0.0.2");	/* a token is bound to its address */
	ask(c, CODEC_BE, OP_LEAVE, "r", bob);
	expect_status(c, OP_LEAVE, "r", ST_DENIED);
	go(c);
	c = arrive();
	ask(c, CODEC_BE, OP_LEAVE, "", bob);
	expect_status(c, OP_LEAVE, "", ST_OK);
	go(c);
	c = arrive();
	ask(c, CODEC_BE, OP_MEMBERS, "r", bob);
	expect_status(c, OP_MEMBERS, "r", ST_DENIED);
	go(c);
	c = arrive();
	ask(c, CODEC_BE, OP_LEAVE, "r", alice);
	expect_status(c, OP_LEAVE, "r", ST_OK);
	go(c);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, plain_split_anywhere);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_loop_test(tc, trailing_port, 0,
	    (int)(sizeof(trailers) / sizeof(trailers[0])));
	tcase_add_test(tc, port_without_an_end);
	tcase_add_test(tc, frames_in_a_row);
	tcase_add_test(tc, decimal_split_anywhere);
	tcase_add_test(tc, too_long);
	tcase_add_loop_test(tc, not_a_request, 0,
	    (int)(sizeof(malformed) / sizeof(malformed[0])));
	tcase_add_test(tc, inline_beyond_its_field);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, rate);
	tcase_add_test(tc, lists);
	tcase_add_test(tc, members_and_leaving);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
