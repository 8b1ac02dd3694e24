/* SPDX-License-Identifier: ISC */
/*
 * The rules of rooms on the real table: who comes in, and what follows when
 * somebody goes.
 */
#include "../../common/roomtab_layout.h"
#include "roomd_ask.h"
#include "run_suite.h"

static enum status
identify(struct ask a, struct member_info *m)
{
	struct caller c = caller(&a);
	struct request rq;

	request(&rq, OP_LEAVE, &a);
	return rooms_identify(fx.rooms, &rq, &c, m);
}

#define IDENTIFY(m, ...) identify((struct ask){ __VA_ARGS__ }, m)

static void
reap_all(void)
{
	while (rooms_reap(fx.rooms))
		continue;
}

/* ---- coming ---- */

START_TEST(create_and_join)
{
	struct member_info m;
	struct room_info r;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_uint_eq(made.member.token_len, TOKEN_TEXT);
	ck_assert_uint_eq(fx.changed, 1);
	ck_assert_uint_eq(fx.joined, 0);
	ck_assert(roomtab_room(fx.tab, fx_room("r"), &r));
	ck_assert_uint_eq(r.host, made.member.slot);
	ck_assert_int_eq(CREATE(.room = "r", .user = "mallory"), ST_EXISTS);
	ck_assert_int_eq(JOIN(.room = "q", .user = "bob"), ST_NO_ROOM);
	ck_assert_uint_eq(fx.changed, 1);	/* refusals change nothing */

	ck_assert_int_eq(JOIN(.room = "r", .user = "bob", .port = 7777,
	    .from = "192.0.2.9"), ST_OK);
	ck_assert_uint_eq(fx.joined, 1);
	ck_assert(fx_member("r", "bob", &m));
	ck_assert(!m.is_host);
	ck_assert_uint_eq(m.via, 3);
	ck_assert_uint_eq(m.addr.port, 7777);	/* not the TCP port */
	ck_assert(fx_member("r", "alice", &m));
	ck_assert(m.is_host);
	ck_assert_uint_eq(m.addr.port, 0);
	/* names are made unique */
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert_str_eq(made.member.name, "bob~2");
	ck_assert_uint_eq(fx_counter(RC_rooms_created), 1);
	ck_assert_uint_eq(fx_counter(RC_joined), 2);
	ck_assert_uint_eq(rooms_version(fx.rooms), 1);
}
END_TEST

/* Whether two rooms look as if they had the same password. */
static bool
equal_hashes(const char *one, const char *other)
{
	const struct room_rec *rooms = fx.tab->room;

	return memcmp(rooms[fx_room(one)].password,
	    rooms[fx_room(other)].password, ROOMTAB_PASSWORD) == 0;
}

START_TEST(passwords)
{
	ck_assert_int_eq(CREATE(.dialect = "plain-json", .room = "r",
	    .user = "alice", .password = "sesame"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_DENIED);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob",
	    .password = "sesamE"), ST_DENIED);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob",
	    .password = "sesame "), ST_DENIED);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob",
	    .password = "sesame"), ST_OK);
	/* a room without one ignores what it is told */
	ck_assert_int_eq(CREATE(.room = "open", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "open", .user = "bob",
	    .password = "whatever"), ST_OK);
	/* moving bytes between name and password changes the hash */
	ck_assert_int_eq(CREATE(.room = "a", .user = "x",
	    .password = "bc"), ST_OK);
	ck_assert_int_eq(CREATE(.room = "ab", .user = "x",
	    .password = "c"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "ab", .user = "y",
	    .password = "bc"), ST_DENIED);
	ck_assert(!equal_hashes("a", "ab"));
	/* nor can who sees the table tell that two are the same */
	ck_assert_int_eq(CREATE(.room = "b", .user = "x",
	    .password = "bc"), ST_OK);
	ck_assert(!equal_hashes("a", "b"));
	ck_assert(equal_hashes("a", "a"));
	ck_assert_uint_eq(fx_counter(RC_joined), 2);
}
END_TEST

START_TEST(limits_of_the_table)
{
	char name[8];
	int i;

	fx.set.max_room_members = 2;
	ck_assert_int_eq(CREATE(.room = "r", .user = "a"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "b"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "c"), ST_UNABLE);
	fx.set.max_room_members = 3;	/* a reload counts at once */
	ck_assert_int_eq(JOIN(.room = "r", .user = "c"), ST_OK);
	for (i = 1; i < ROOMS; i++) {
		(void)snprintf(name, sizeof(name), "r%d", i);
		ck_assert_int_eq(CREATE(.room = name, .user = "a"), ST_OK);
	}
	ck_assert_int_eq(CREATE(.room = "x", .user = "a"), ST_UNABLE);
	/* a closed room that waits to be reaped does not keep others out */
	ck_assert_ptr_null(rooms_close(fx.rooms, "r", 1));
	ck_assert_int_eq(CREATE(.room = "x", .user = "a"), ST_OK);
}
END_TEST

/* ---- invites ---- */

/* The oldest first, and without what waits to be somebody. */
static void
expect_names(const char *room, const char *names)
{
	char text[512] = "";
	struct member_info m;
	struct room_info r;
	uint32_t *slots, n, i;

	ck_assert(roomtab_room(fx.tab, fx_room(room), &r));
	slots = rooms_slots(fx.rooms, &r, &n);
	ck_assert_ptr_nonnull(slots);
	for (i = 0; i < n; i++) {
		ck_assert(roomtab_member(fx.tab, slots[i], &m));
		(void)strlcat(text, i > 0 ? " " : "", sizeof(text));
		(void)strlcat(text, (char *)m.name, sizeof(text));
	}
	free(slots);
	ck_assert_str_eq(text, names);
}

START_TEST(invites)
{
	char invite[DIALECT_INVITE_COUNT][TOKEN_TEXT], host[TOKEN_TEXT];
	char guest[TOKEN_TEXT];
	struct member_info m;
	int i;

	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "r",
	    .user = "alice"), ST_OK);
	ck_assert_uint_eq(made.invite_count, DIALECT_INVITE_COUNT);
	memcpy(invite, made.invites, sizeof(invite));
	memcpy(host, made.member.token, sizeof(host));
	ck_assert_uint_eq(roomtab_members(fx.tab), 1);
	expect_names("r", "alice");

	/* each is good once, from anywhere */
	for (i = 0; i < DIALECT_INVITE_COUNT; i++)
		ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
		    .user = "bob", .token = invite[i],
		    .from = "192.0.2.7"), ST_OK);
	memcpy(guest, made.member.token, sizeof(guest));
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "carol", .token = invite[0]), ST_DENIED);
	/* the host's lets in any number, each with a token of its own */
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
		    .user = "dave", .token = host, .from = "192.0.2.8"),
		    ST_OK);
		ck_assert_mem_ne(made.member.token, host, TOKEN_TEXT);
		ck_assert_uint_eq(made.invite_count, 0);
	}
	/* a guest's lets in nobody, none is none */
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "erin", .token = guest), ST_DENIED);
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "erin"), ST_DENIED);
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "erin", .token = host, .token_len = 31), ST_DENIED);
	/* members of other dialects need no invite */
	ck_assert_int_eq(JOIN(.room = "r", .user = "frank"), ST_OK);
	expect_names("r", "alice bob bob~2 bob~3 bob~4 dave dave~2 dave~3 "
	    "frank");
	/* an invite opens nothing but a join */
	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "q",
	    .user = "alice"), ST_OK);
	ck_assert_int_eq(IDENTIFY(&m, .token = made.invites[0]), ST_DENIED);
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "erin", .token = made.invites[0]), ST_DENIED);
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "erin", .token = made.member.token), ST_DENIED);
}
END_TEST

START_TEST(invites_all_or_none)
{
	char name[8];
	int i;

	ck_assert_int_eq(CREATE(.room = "r", .user = "a"), ST_OK);
	for (i = 0; i < MEMBERS - 4; i++) {
		(void)snprintf(name, sizeof(name), "m%d", i);
		ck_assert_int_eq(JOIN(.room = "r", .user = name), ST_OK);
	}
	/* three places are left, five are needed */
	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "d",
	    .user = "a"), ST_UNABLE);
	ck_assert_uint_eq(fx_room("d"), ROOMTAB_NONE);
	reap_all();
	ck_assert_int_eq(JOIN(.room = "r", .user = "x"), ST_OK);
	ck_assert_uint_eq(roomtab_members(fx.tab), MEMBERS - 2);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 1);
}
END_TEST

START_TEST(invites_with_their_room)
{
	/* A room that is there is there with all its invites. */
	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "d",
	    .user = "a"), ST_OK);
	ck_assert_uint_eq(fx.changed, 1);
	ck_assert_uint_eq(fx.invites, DIALECT_INVITE_COUNT);
}
END_TEST

/* ---- going ---- */

START_TEST(host_leaves)
{
	struct member_info host, m;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert(fx_member("r", "alice", &host));
	ck_assert(fx_member("r", "bob", &m));
	ck_assert_int_eq(rooms_remove(fx.rooms, host.slot, host.gen, END_IDLE),
	    0);
	ck_assert_uint_eq(fx.left, 1);
	ck_assert_int_eq(fx.left_why, END_IDLE);
	ck_assert_uint_eq(fx.closed, 1);
	ck_assert_int_eq(fx.closed_why, END_HOST_LEFT);
	ck_assert_uint_eq(fx_counter(RC_removed_idle), 1);
	ck_assert_uint_eq(fx_counter(RC_rooms_closed), 1);
	/* bob's token is dead before he is reaped, and the name is free */
	ck_assert(!roomtab_member(fx.tab, m.slot, &m));
	ck_assert_int_eq(rooms_remove(fx.rooms, m.slot, m.gen, END_LEFT), -1);
	ck_assert_int_eq(CREATE(.room = "r", .user = "carol"), ST_OK);
	reap_all();
	ck_assert_uint_eq(roomtab_members(fx.tab), 1);
}
END_TEST

START_TEST(guest_and_last)
{
	struct member_info m;

	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "r",
	    .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert(fx_member("r", "alice", &m));
	/* a room of this dialect outlives its host ... */
	ck_assert_int_eq(rooms_remove(fx.rooms, m.slot, m.gen, END_LEFT), 0);
	ck_assert_uint_eq(fx.closed, 0);
	ck_assert_int_eq(rooms_remove(fx.rooms, m.slot, m.gen, END_LEFT), -1);
	/* ... but not its last member, whatever invites are open */
	ck_assert(fx_member("r", "bob", &m));
	ck_assert_int_eq(rooms_remove(fx.rooms, m.slot, m.gen, END_LEFT), 0);
	ck_assert_uint_eq(fx.closed, 1);
	ck_assert_uint_eq(roomtab_rooms(fx.tab), 0);
	reap_all();
	ck_assert_uint_eq(roomtab_members(fx.tab), 0);
}
END_TEST

START_TEST(operator)
{
	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "carol"), ST_OK);
	ck_assert_str_eq(rooms_kick(fx.rooms, "q", 1, "bob", 3),
	    "no such room");
	ck_assert_str_eq(rooms_kick(fx.rooms, "r", 1, "bo", 2),
	    "no such member");
	ck_assert_str_eq(rooms_close(fx.rooms, "", 0), "no such room");
	ck_assert_ptr_null(rooms_kick(fx.rooms, "r", 1, "bob", 3));
	ck_assert_int_eq(fx.left_why, END_OPERATOR);
	ck_assert_str_eq(fx.left_name, "bob");
	ck_assert_uint_eq(fx.closed, 0);
	ck_assert_ptr_null(rooms_kick(fx.rooms, "r", 1, "alice", 5));
	ck_assert_int_eq(fx.closed_why, END_HOST_LEFT);
	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_ptr_null(rooms_close(fx.rooms, "r", 1));
	ck_assert_int_eq(fx.closed_why, END_OPERATOR);
	ck_assert_uint_eq(fx_counter(RC_removed_operator), 2);
}
END_TEST

/* ---- tokens ---- */

START_TEST(identity)
{
	char token[TOKEN_TEXT];
	struct member_info m;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice",
	    .from = "192.0.2.1"), ST_OK);
	memcpy(token, made.member.token, sizeof(token));
	ck_assert_int_eq(CREATE(.room = "q", .user = "bob"), ST_OK);
	ck_assert_int_eq(IDENTIFY(&m, .room = "r", .token = token,
	    .from = "192.0.2.1"), ST_OK);
	ck_assert_str_eq((char *)m.name, "alice");
	/* the room may be left out, but not be another or none */
	ck_assert_int_eq(IDENTIFY(&m, .token = token, .from = "192.0.2.1"),
	    ST_OK);
	ck_assert_int_eq(IDENTIFY(&m, .room = "q", .token = token,
	    .from = "192.0.2.1"), ST_DENIED);
	ck_assert_int_eq(IDENTIFY(&m, .room = "z", .token = token,
	    .from = "192.0.2.1"), ST_DENIED);
	/* another address, another text, another length */
	ck_assert_int_eq(IDENTIFY(&m, .room = "r", .token = token), ST_DENIED);
	ck_assert_int_eq(IDENTIFY(&m, .room = "r", .token = token,
	    .token_len = 16, .from = "192.0.2.1"), ST_DENIED);
	token[31] ^= 1;
	ck_assert_int_eq(IDENTIFY(&m, .room = "r", .token = token,
	    .from = "192.0.2.1"), ST_DENIED);
	ck_assert_int_eq(IDENTIFY(&m, .room = "r"), ST_DENIED);
	/* the short form */
	ck_assert_int_eq(CREATE(.dialect = "inline", .room = "s",
	    .user = "alice"), ST_OK);
	ck_assert_uint_eq(made.member.token_len, TOKEN_SHORT_TEXT);
	ck_assert_int_eq(IDENTIFY(&m, .token = made.member.token,
	    .token_len = TOKEN_SHORT_TEXT), ST_OK);
}
END_TEST

START_TEST(ports)
{
	struct member_info m;
	unsigned before;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	before = fx.changed;
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 0), -1);
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen + 2, 9), -1);
	ck_assert_uint_eq(fx.changed, before);
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 40000), 0);
	ck_assert_uint_eq(fx.changed, before + 1);
	ck_assert(fx_member("r", "alice", &m));
	ck_assert_uint_eq(m.addr.port, 40000);
}
END_TEST

/* ---- a roomd that died ---- */

static struct rooms_made
guest(const char *name, const char *token, uint16_t port)
{
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r", .user = name,
	    .token = token), ST_OK);
	if (port != 0)
		ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
		    made.member.gen, port), 0);
	return made;
}

static void
another_life(void)
{
	wishes_free(fx.wishes);
	rooms_free(fx.rooms);
	fx_rooms(&events);
}

START_TEST(back_at_its_port)
{
	struct rooms_made host, other;
	char token[TOKEN_TEXT];

	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "r",
	    .user = "alice"), ST_OK);
	host = made;
	memcpy(token, host.member.token, sizeof(token));
	ck_assert_int_eq(CREATE(.dialect = "decimal", .room = "q",
	    .user = "alice"), ST_OK);
	other = made;
	ck_assert_int_eq(rooms_set_port(fx.rooms, other.member.slot,
	    other.member.gen, 7000), 0);
	/* both connections are open: nobody is in another's place */
	(void)guest("bob", token, 7000);
	(void)guest("bob", token, 7000);
	(void)guest("carol", token, 7001);
	(void)guest("dave", token, 0);
	expect_names("r", "alice bob bob~2 carol dave");
	another_life();
	/* elsewhere, in another dialect, or on the way */
	ck_assert_int_eq(JOIN(.dialect = "decimal", .room = "r",
	    .user = "erin", .token = token, .from = "127.0.0.2"), ST_OK);
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 7000), 0);
	ck_assert_int_eq(JOIN(.room = "r", .user = "frank"), ST_OK);
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 7000), 0);
	(void)guest("bob", token, 0);
	ck_assert_uint_eq(fx.left, 0);
	/* it is back, twice left behind */
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 7000), 0);
	expect_names("r", "alice carol dave erin frank bob~3");
	ck_assert_uint_eq(fx.left, 2);
	ck_assert_int_eq(fx.left_why, END_LEFT);
	/* again, and one more at the same: both are alive */
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 7000), 0);
	(void)guest("bob", token, 7000);
	ck_assert_uint_eq(fx.left, 2);
	expect_names("q", "alice");
	/* who had left by itself is not missed */
	ck_assert_ptr_null(rooms_kick(fx.rooms, "r", 1, "carol", 5));
	(void)guest("carol", token, 7001);
	expect_names("r", "alice dave erin frank bob~3 bob carol");
	ck_assert_uint_eq(fx.closed, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rooms");
	TCase *tc = tcase_create("rooms");

	tcase_add_checked_fixture(tc, setup, fx_free);
	tcase_add_test(tc, create_and_join);
	tcase_add_test(tc, passwords);
	tcase_add_test(tc, limits_of_the_table);
	tcase_add_test(tc, invites);
	tcase_add_test(tc, invites_all_or_none);
	tcase_add_test(tc, invites_with_their_room);
	tcase_add_test(tc, host_leaves);
	tcase_add_test(tc, guest_and_last);
	tcase_add_test(tc, operator);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, ports);
	tcase_add_test(tc, back_at_its_port);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
