/* SPDX-License-Identifier: ISC */
/*
 * Long lists: made once and kept, at the cost of who asks, and sent in turns
 * between which others have theirs.
 */
#define FX_MEMBERS 1024
#include <event2/event_struct.h>
#include <stdio.h>

#include "../../roomd/outbox.h"
#include "roomd_client.h"
#include "run_suite.h"

enum { MANY = 300, PLACES = 16 };

static char host[8192];			/* the token of a room's first */

/* A room of so many, by connections as everybody's. */
static void
fill(const char *room, unsigned n)
{
	char name[16], token[8192];
	unsigned i;

	member(OP_CREATE, room, "host", host);
	for (i = 1; i < n; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		member(OP_JOIN, room, name, token);
	}
}

/* The question for its members, in a codec, by its name or without. */
static struct list_ask
question(const char *room, enum codec codec, bool named)
{
	static struct room_info info;
	struct list_ask q = { .op = OP_MEMBERS, .codec = codec,
	    .room = &info };

	ck_assert(roomtab_room(fx.tab, fx_room(room), &info));
	if (named) {
		q.name = info.name;
		q.name_len = info.name_len;
	}
	return q;
}

static uint32_t
cost(const char *room)
{
	struct list_ask q = question(room, CODEC_BE, true);

	return lists_cost(desk.lists, &q);
}

static struct blob *
get(const char *room, bool make)
{
	struct list_ask q = question(room, CODEC_BE, true);

	return lists_get(desk.lists, &q, make);
}

static unsigned
entries_in(const void *bytes, size_t len)
{
	static const char entry[] = "\"name\": ";
	const char *p = bytes, *end = p + len;
	unsigned n = 0;

	while ((p = memmem(p, (size_t)(end - p), entry, strlen(entry))) !=
	    NULL) {
		p += strlen(entry);
		n++;
	}
	return n;
}

/* Of a list that nobody else wants. */
static unsigned
entries(struct blob *b)
{
	unsigned n;

	ck_assert_ptr_nonnull(b);
	n = entries_in(b->data, b->len);
	blob_unref(b);
	return n;
}

/* ---- what is kept ---- */

START_TEST(made_once)
{
	struct blob *b, *again;
	char p[8192];

	fill("r", MANY);
	fill("other", 2);
	ck_assert_uint_eq(cost("r"), MANY);
	ck_assert_ptr_null(get("r", false));
	b = get("r", true);
	ck_assert_uint_eq(cost("r"), 0);
	member(OP_JOIN, "other", "eve", p);
	ck_assert_uint_eq(cost("r"), 0);
	again = get("r", true);
	ck_assert_ptr_eq(again, b);
	ck_assert_uint_eq(entries(b), MANY);
	blob_unref(again);
	/* short ones are not worth a place */
	ck_assert_uint_eq(entries(get("other", true)), 3);
	ck_assert_uint_eq(cost("other"), 3);
}
END_TEST

START_TEST(until_it_changes)
{
	struct member_info m;
	char p[8192];

	fill("r", MANY);
	ck_assert_uint_eq(entries(get("r", true)), MANY);
	member(OP_JOIN, "r", "eve", p);
	ck_assert_uint_eq(cost("r"), MANY + 1);
	/* as it was, where it is not to be made */
	ck_assert_uint_eq(entries(get("r", false)), MANY);
	ck_assert_uint_eq(cost("r"), MANY + 1);
	ck_assert_uint_eq(entries(get("r", true)), MANY + 1);
	ck_assert_uint_eq(cost("r"), 0);
	ck_assert(fx_member("r", "eve", &m));
	ck_assert_int_eq(rooms_remove(fx.rooms, m.slot, m.gen, END_IDLE), 0);
	ck_assert_uint_eq(entries(get("r", true)), MANY);
	ck_assert_ptr_null(rooms_kick(fx.rooms, "r", 1, "m7", 2));
	ck_assert_uint_eq(cost("r"), MANY - 1);
	ck_assert_uint_eq(entries(get("r", true)), MANY - 1);
}
END_TEST

/* Another room of the same name, and where the first one lay. */
START_TEST(not_of_a_former_room)
{
	uint32_t was;

	fill("r", MANY);
	was = fx_room("r");
	ck_assert_uint_eq(entries(get("r", true)), MANY);
	ck_assert_ptr_null(rooms_close(fx.rooms, "r", 1));
	while (rooms_reap(fx.rooms))
		continue;
	fill("r", MANY + 1);
	ck_assert_uint_eq(fx_room("r"), was);
	ck_assert_ptr_null(get("r", false));
	ck_assert_uint_eq(entries(get("r", true)), MANY + 1);
}
END_TEST

/* Three rooms in six forms each: the ones asked for first give way. */
START_TEST(some_of_them)
{
	const char *const rooms[] = { "a", "b", "c" };
	struct list_ask q;
	struct blob *b;
	unsigned i, round, there = 0;

	for (i = 0; i < 3; i++)
		fill(rooms[i], LIST_KEPT_LEAST);
	for (round = 0; round < 2; round++)
		for (i = 0; i < 18; i++) {
			q = question(rooms[i / 6], i % 3, i / 3 % 2 == 0);
			if (round == 0) {
				b = lists_get(desk.lists, &q, true);
				ck_assert_uint_eq(entries(b),
				    LIST_KEPT_LEAST);
			} else if (lists_cost(desk.lists, &q) == 0) {
				ck_assert_uint_ge(i, 18 - PLACES);
				there++;
			}
		}
	ck_assert_uint_eq(there, PLACES);
}
END_TEST

/* ---- who pays ---- */

/* Operation 5 by the host: its state, and how many are in the list. */
static uint8_t
ask_members(const char *from, const char *room, unsigned *n)
{
	struct client *c = arrive_from(from);
	uint8_t state;

	ask(c, CODEC_BE, OP_MEMBERS, room, host);
	ck_assert_uint_gt(c->len, TCRP_HEADER);
	state = c->got[2];
	*n = entries_in(c->got, c->len);
	if (state == STATE_STATUS)
		*n = c->got[c->len - 1];
	go(c);
	return state;
}

START_TEST(costs_its_source)
{
	char p[8192];
	unsigned n, i;

	fill("r", MANY);
	fx.set.join_rate = 1;
	fx.set.join_burst = 2;
	/* once made it is free, and joins leave it alone */
	for (i = 0; i < 10; i++) {
		ck_assert_uint_eq(ask_members("127.0.0.1", "r", &n),
		    STATE_DONE);
		ck_assert_uint_eq(n, MANY);
	}
	member(OP_JOIN, "r", "eve", p);
	(void)ask_members("127.0.0.1", "r", &n);
	ck_assert_uint_eq(n, MANY + 1);
	ck_assert_uint_eq(fx_counter(RC_lists_old), 0);
	/* and now it has had two of them, and gets the last one again */
	member(OP_JOIN, "r", "ivy", p);
	ck_assert_uint_eq(ask_members("127.0.0.1", "r", &n), STATE_DONE);
	ck_assert_uint_eq(n, MANY + 1);
	ck_assert_uint_eq(fx_counter(RC_lists_old), 1);
	/* in a form that nobody has asked for there is none */
	ck_assert_uint_eq(ask_members("127.0.0.1", "", &n), STATE_STATUS);
	ck_assert_uint_eq(n, ST_SLOW_DOWN);
	ck_assert_uint_eq(fx_counter(RC_refused_rate), 1);
}
END_TEST

/* A small room has its list whoever asks how often. */
START_TEST(small_ones_cost_nothing)
{
	char p[8192];
	unsigned n, i;

	fill("r", 3);
	fx.set.join_rate = 1;
	fx.set.join_burst = 1;
	for (i = 0; i < 50; i++)
		ck_assert_uint_eq(ask_members("127.0.0.1", "r", &n),
		    STATE_DONE);
	member(OP_JOIN, "r", "eve", p);
	ck_assert_uint_eq(ask_members("127.0.0.1", "r", &n), STATE_DONE);
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(fx_counter(RC_lists_old), 0);
}
END_TEST

/* ---- turns ---- */

enum { ASKS = 15 };	/* lists of 10 KiB: more than two turns */

/* Asks for lists ahead, and has not had a turn yet. */
static struct client *
greedy(void)
{
	struct client *c = arrive();
	uint8_t bytes[8192];
	size_t len = frame(bytes, CODEC_BE, OP_MEMBERS, "r", host);
	int i;

	for (i = 0; i < ASKS; i++)
		ck_assert_int_eq(send(c->fd, bytes, len, 0), (ssize_t)len);
	return c;
}

static struct client *
modest(void)
{
	struct client *c = arrive();
	uint8_t bytes[8192];
	size_t len = frame(bytes, CODEC_BE, OP_PORT_OR_LIST, "", "");

	ck_assert_int_eq(send(c->fd, bytes, len, 0), (ssize_t)len);
	return c;
}

/* What is there, without another turn. */
static size_t
had(struct client *c)
{
	ssize_t n;

	while ((n = recv(c->fd, c->got, sizeof(c->got), 0)) > 0)
		c->len += (size_t)n;
	return c->len;
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	(void)event_base_loopbreak(base);
}

/* What is fresh, and one turn of each of those who had more to do. */
static void
one_pass(void)
{
	struct event stop;

	(void)event_assign(&stop, base, -1, 0, on_stop, NULL);
	ck_assert_int_eq(event_priority_set(&stop, PRIORITY_REST), 0);
	event_active(&stop, EV_TIMEOUT, 0);
	ck_assert_int_ne(event_base_loop(base, EVLOOP_NONBLOCK), -1);
	(void)event_del(&stop);
}

START_TEST(others_have_their_turn)
{
	struct client *a, *b, *c;
	struct blob *list;
	size_t one, before;
	int i;

	fill("r", MANY);
	ck_assert_ptr_nonnull(list = get("r", true));
	one = list->len;
	blob_unref(list);
	a = greedy();
	b = modest();
	one_pass();
	before = had(a);
	ck_assert_uint_gt(had(b), 0);
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_le(before, TURN_BYTES);
	/* who comes now waits for a turn of it at most */
	c = modest();
	one_pass();
	ck_assert_uint_gt(had(c), 0);
	ck_assert_uint_le(had(a), before + TURN_BYTES);
	/* which is done in the end, nothing lost */
	for (i = 0; i < 100 && a->len < ASKS * one; i++) {
		one_pass();
		(void)had(a);
	}
	ck_assert_uint_eq(a->len, ASKS * one);
	go(a);
	go(b);
	go(c);
}
END_TEST

/* One answer alone is more than a turn, and goes out in pieces. */
START_TEST(one_long_answer)
{
	struct outbox o = { .count = 0 };
	size_t left = 1000, sum = 0;
	struct blob *b = blob_new(2500);
	char bytes[4096];
	ssize_t n;
	int pair[2], i;

	ck_assert_ptr_nonnull(b);
	b->len = 2500;
	memset(b->data, 'x', b->len);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair), 0);
	ck_assert(outbox_add(&o, b));
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(outbox_flush(&o, pair[1], &left),
		    OUTBOX_MORE);
		ck_assert_uint_eq(left, 0);
		left = 1000;
	}
	ck_assert_int_eq(outbox_flush(&o, pair[1], &left), OUTBOX_EMPTY);
	ck_assert_uint_eq(left, 500);
	while ((n = recv(pair[0], bytes, sizeof(bytes), 0)) > 0)
		sum += (size_t)n;
	ck_assert_uint_eq(sum, 2500);
	(void)close(pair[0]);
	(void)close(pair[1]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lists");
	TCase *tc = tcase_create("lists");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, made_once);
	tcase_add_test(tc, until_it_changes);
	tcase_add_test(tc, not_of_a_former_room);
	tcase_add_test(tc, some_of_them);
	tcase_add_test(tc, costs_its_source);
	tcase_add_test(tc, small_ones_cost_nothing);
	tcase_add_test(tc, others_have_their_turn);
	tcase_add_test(tc, one_long_answer);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
