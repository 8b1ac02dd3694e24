/* SPDX-License-Identifier: ISC */
/*
 * Answers to ocmctl: their JSON, their errors, and an ocmctl that does not
 * read.
 */
#include <sys/socket.h>

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/name.h"
#include "../../common/roomtab_layout.h"
#include "../../roomd/list.h"
#include "../../roomd/query.h"
#include "roomd_ask.h"
#include "run_suite.h"

static struct event_base *base;
static struct queries *queries;
static char answer[1 << 20];

static void
setup_query(void)
{
	setup();
	json_object_seed(1);
	base = event_base_new();
	queries = queries_new(base, fx.rooms);
	ck_assert(base != NULL && queries != NULL);
}

static void
teardown_query(void)
{
	queries_free(queries);
	event_base_free(base);
	fx_free();
}

static struct ctl_query
question(enum query_verb verb, const char *room, const char *who)
{
	struct ctl_query q;

	memset(&q, 0, sizeof(q));
	q.verb = verb;
	q.room_len = (uint32_t)strlen(room);
	memcpy(q.room, room, q.room_len);
	q.member_len = (uint32_t)strlen(who);
	memcpy(q.member, who, q.member_len);
	return q;
}

/* The whole answer, as ocmctl reads it. */
static const char *
ask_query(struct ctl_query q)
{
	size_t len = 0;
	ssize_t n = -1;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair), 0);
	queries_take(queries, pair[1], &q);
	while (n != 0) {
		ck_assert_int_ne(event_base_loop(base, EVLOOP_NONBLOCK), -1);
		n = read(pair[0], answer + len, sizeof(answer) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	answer[len] = '\0';
	(void)close(pair[0]);
	return answer;
}

static json_t *
ask_json(enum query_verb verb, const char *room, const char *who)
{
	const char *text = ask_query(question(verb, room, who));
	json_error_t error;
	json_t *j;

	ck_assert_mem_eq(text, "ok\n", 3);
	j = json_loads(text + 3, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(j != NULL, "%s: %s", error.text, text);
	return j;
}

static const char *
string_at(const json_t *list, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(list, i),
	    key));
}

static json_int_t
number_at(const json_t *list, size_t i, const char *key)
{
	const json_t *v = json_object_get(json_array_get(list, i), key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

START_TEST(rooms_and_members)
{
	struct live_where w = { 0, 5555, 0, false };
	json_t *j;

	j = ask_json(QUERY_ROOMS, "", "");
	ck_assert_uint_eq(json_array_size(j), 0);
	json_decref(j);
	ck_assert_int_eq(CREATE(.dialect = "plain-json", .room = "r \"1\"",
	    .user = "\\", .password = "x"), ST_OK);
	w.gen = made.member.gen - 2;	/* of an earlier life */
	live_set_where(fx.live[0], made.member.slot, w);
	ck_assert_int_eq(JOIN(.room = "r \"1\"", .user = "bob",
	    .password = "x", .from = "[2001:db8::1]"), ST_OK);
	w.gen = made.member.gen;
	live_set_where(fx.live[0], made.member.slot, w);
	live_set_seen(fx.live[0], made.member.slot, clock_ms());

	j = ask_json(QUERY_ROOMS, "", "");
	ck_assert_uint_eq(json_array_size(j), 1);
	ck_assert_str_eq(string_at(j, 0, "name"), "r \"1\"");
	ck_assert_str_eq(string_at(j, 0, "host"), "\\");
	ck_assert_str_eq(string_at(j, 0, "dialect"), "plain-json");
	ck_assert_int_eq(number_at(j, 0, "members"), 2);
	ck_assert_int_eq(number_at(j, 0, "age"), 0);
	ck_assert(json_is_true(json_object_get(json_array_get(j, 0),
	    "password")));
	json_decref(j);

	j = ask_json(QUERY_MEMBERS, "r \"1\"", "");
	ck_assert_uint_eq(json_array_size(j), 2);
	ck_assert(json_is_null(json_object_get(json_array_get(j, 0),
	    "port")));
	ck_assert_str_eq(string_at(j, 0, "address"), "127.0.0.1");
	ck_assert_str_eq(string_at(j, 1, "name"), "bob");
	ck_assert_str_eq(string_at(j, 1, "address"), "2001:db8::1");
	ck_assert_int_eq(number_at(j, 1, "port"), 5555);
	ck_assert_int_eq(number_at(j, 1, "idle"), 0);
	json_decref(j);
	/* what was told over TCP beats what was learned */
	ck_assert_int_eq(rooms_set_port(fx.rooms, made.member.slot,
	    made.member.gen, 6666), 0);
	j = ask_json(QUERY_MEMBERS, "r \"1\"", "");
	ck_assert_int_eq(number_at(j, 1, "port"), 6666);
	json_decref(j);
}
END_TEST

START_TEST(orders)
{
	struct member_info m;
	json_t *j;

	ck_assert_int_eq(CREATE(.room = "r", .user = "alice"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "r", .user = "bob"), ST_OK);
	ck_assert_str_eq(ask_query(question(QUERY_MEMBERS, "q", "")),
	    "error no such room\n");
	ck_assert_str_eq(ask_query(question(QUERY_KICK, "r", "carol")),
	    "error no such member\n");
	ck_assert_str_eq(ask_query(question(QUERY_CLOSE, "q", "")),
	    "error no such room\n");
	ck_assert_str_eq(ask_query(question(QUERY_COUNT, "", "")),
	    "error no such question\n");
	j = ask_json(QUERY_COUNTS, "", "");
	ck_assert_int_eq(json_integer_value(json_object_get(j, "members")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "open_rooms")),
	    1);
	json_decref(j);
	json_decref(ask_json(QUERY_KICK, "r", "bob"));
	ck_assert(!fx_member("r", "bob", &m));
	ck_assert_uint_eq(fx_counter(RC_removed_operator), 1);
	json_decref(ask_json(QUERY_CLOSE, "r", ""));
	ck_assert_int_eq(fx.closed_why, END_OPERATOR);
}
END_TEST

START_TEST(stats)
{
	json_t *j, *roomd, *relayd;

	counter_add(&roomtab_counters(fx.tab)[RC_accept_failed], 7);
	counter_add(&live_counters(fx.live[0])[LC_deliveries], 8);
	/* more than readers of JSON take, as no honest relayd counts */
	counter_add(&live_counters(fx.live[0])[LC_received], UINT64_MAX);
	j = ask_json(QUERY_STATS, "", "");
	roomd = json_object_get(j, "roomd");
	relayd = json_array_get(json_object_get(j, "relayd"), 0);
	ck_assert_uint_eq(json_object_size(roomd), RC_COUNT);
	ck_assert_uint_eq(json_object_size(relayd), LC_COUNT);
	ck_assert_int_eq(json_integer_value(json_object_get(roomd,
	    "accept_failed")), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(relayd,
	    "deliveries")), 8);
	ck_assert_int_eq(json_integer_value(json_object_get(relayd,
	    "received")), INT64_MAX);
	json_decref(j);
}
END_TEST

/* ---- names that a captured roomd left in the table ---- */

/*
 * Such a name, for which the check of the table finds the record in the same
 * bucket as before.
 */
static void
spoil_room(const char *name)
{
	struct room_rec *r = &fx.tab->room[fx_room(name)];
	uint8_t bad[] = "\xff\x1b?\xc3";
	uint32_t was = room_bucket_of(fx.tab, name, strlen(name));

	for (bad[2] = 'a'; room_bucket_of(fx.tab, bad, 4) != was; bad[2]++)
		ck_assert_uint_lt(bad[2], 0x7e);
	memcpy(r->name, bad, 4);
	r->name_len = 4;
}

static void
spoil_member(const char *room, const char *name)
{
	uint32_t r = fx_room(room), was;
	struct member_rec *m = &fx.tab->member[roomtab_find_member(fx.tab, r,
	    name, strlen(name))];
	uint8_t bad[NAME_MAX_BYTES];

	memset(bad, 0x80, sizeof(bad));
	was = member_bucket_of(fx.tab, r, name, strlen(name));
	/* The longest, which then grows, lies where long names do. */
	while (member_bucket_of(fx.tab, r, bad, sizeof(bad)) != was)
		ck_assert_uint_lt(++bad[bad[0] == 0xff], 0xff);
	memcpy(fx.tab->long_name[m - fx.tab->member].words, bad,
	    sizeof(bad));
	m->name_len = sizeof(bad);
}

static const struct list_ask array = { .op = OP_PORT_OR_LIST };
static const struct list_ask joined = { .op = OP_JOIN };

/* The list of rooms as a client gets it: state and payload. */
static json_t *
list_json(struct lists *l)
{
	struct blob *b = lists_get(l, &array, true);
	json_t *j;

	ck_assert_ptr_nonnull(b);
	j = json_loadb((char *)b->data + TCRP_HEADER, b->len - TCRP_HEADER,
	    0, NULL);
	blob_unref(b);
	return j;
}

START_TEST(bad_names)
{
	struct lists *l;
	struct blob *b;
	json_t *j;

	ck_assert_int_eq(CREATE(.room = "one", .user = "ann"), ST_OK);
	ck_assert_int_eq(CREATE(.room = "two", .user = "bob"), ST_OK);
	ck_assert_int_eq(JOIN(.room = "two", .user = "cat"), ST_OK);
	ck_assert_int_eq(CREATE(.room = "three", .user = "dan"), ST_OK);
	spoil_room("one");
	spoil_member("two", "bob");
	ck_assert_int_eq(roomtab_recover(fx.tab), 0);

	j = ask_json(QUERY_ROOMS, "", "");
	ck_assert_uint_eq(json_array_size(j), 3);
	ck_assert_int_eq(strncmp(string_at(j, 0, "name"),
	    "\xef\xbf\xbd\xef\xbf\xbd", 6), 0);
	ck_assert_str_eq(string_at(j, 1, "name"), "two");
	ck_assert_uint_eq(strlen(string_at(j, 1, "host")), NAME_MAX_BYTES);
	ck_assert_str_eq(string_at(j, 2, "name"), "three");
	json_decref(j);
	j = ask_json(QUERY_MEMBERS, "two", "");
	ck_assert_str_eq(string_at(j, 1, "name"), "cat");
	json_decref(j);

	ck_assert_ptr_nonnull(l = lists_new(fx.rooms));
	ck_assert_ptr_nonnull(j = list_json(l));
	ck_assert_uint_eq(json_array_size(j), 3);
	json_decref(j);
	ck_assert_ptr_nonnull(b = lists_get(l, &joined, true));
	ck_assert(utf8_valid(b->data + TCRP_HEADER, b->len - TCRP_HEADER));
	blob_unref(b);
	lists_free(l);
}
END_TEST

/* It gets its time and no more; many of them do not keep others out long. */
START_TEST(does_not_read)
{
	struct ctl_query q = question(QUERY_STATS, "", "");
	int pair[40][2], i, small = 1, open = 0;
	uint64_t begin = clock_ms();
	char byte[4096];
	ssize_t n;

	for (i = 0; i < 40; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX,
		    SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]), 0);
		(void)setsockopt(pair[i][1], SOL_SOCKET, SO_SNDBUF, &small,
		    sizeof(small));
		while (send(pair[i][1], byte, sizeof(byte), 0) > 0)
			continue;	/* full before it begins */
		queries_take(queries, pair[i][1], &q);
	}
	ck_assert_uint_eq(fx_counter(RC_queries_lost), 40 - 32);
	/* ends when no event is left: each is given up */
	ck_assert_int_ne(event_base_dispatch(base), -1);
	ck_assert_uint_ge(clock_ms() - begin, 4900);
	ck_assert_uint_le(clock_ms() - begin, 8000);
	for (i = 0; i < 40; i++) {
		while ((n = read(pair[i][0], byte, sizeof(byte))) > 0)
			continue;
		open += n != 0;
		(void)close(pair[i][0]);
	}
	ck_assert_int_eq(open, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("query");
	TCase *tc = tcase_create("query");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup_query, teardown_query);
	tcase_add_test(tc, rooms_and_members);
	tcase_add_test(tc, orders);
	tcase_add_test(tc, stats);
	tcase_add_test(tc, bad_names);
	tcase_add_test(tc, does_not_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
