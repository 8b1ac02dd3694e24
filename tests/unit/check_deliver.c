/* SPDX-License-Identifier: ISC */
/*
 * More to send than goes at once: quiet rooms go first, busy ones slice by
 * slice, and whoever comes, goes or moves in the midst of that changes
 * nothing for the others.
 */
#include <stdlib.h>

#include "relay_clients.h"

enum {
	CROWD = 40,
	SAID = 300,
	SLICE_COPIES = 1024,	/* no slice makes more */
};

static struct client crowd[CROWD];
static unsigned said[CROWD];

static void
raise_queue(int fd)
{
	const int size = 8 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
}

static struct client
loud_member(const char *room, const char *name)
{
	struct client c = member(room, name);

	raise_queue(c.fd);
	return c;
}

static void
gather(const char *room)
{
	char name[16];
	unsigned i;

	raise_queue(relay.out.fd[0]);
	for (i = 0; i < CROWD; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		crowd[i] = loud_member(room, name);
	}
	memset(said, 0, sizeof(said));
}

static void
leave_number(unsigned who)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%u%s", said[who]++,
	    who % 3 == 0 ? " of a longer kind" : "");

	leave_said(&crowd[who], text, (size_t)n);
}

/* Into the queue, without sending anything. */
static void
receive(void)
{
	relay_turn(&relay);
	relay_receive(&relay, 0);
}

/* One turn's sending; it is not too much. */
static void
slice(void)
{
	(void)grown(LC_deliveries);
	deliver_some(&relay);
	ck_assert_uint_le(grown(LC_deliveries), SLICE_COPIES);
}

static void
finish(void)
{
	while (relay.queue.count > 0)
		slice();
}

/*
 * What a member got of each other one: every number from where it began to
 * where it ends, in order.
 */
static void
got_numbers(const struct client *c, unsigned begin[CROWD],
    unsigned end[CROWD])
{
	bool first[CROWD] = { false };
	unsigned who, n;
	char got[DATAGRAM_MAX + 1];
	ssize_t len;

	memset(begin, 0, CROWD * sizeof(*begin));
	memset(end, 0, CROWD * sizeof(*end));
	while ((len = recv(c->fd, got, sizeof(got) - 1, 0)) != -1) {
		got[len] = '\0';
		ck_assert_int_eq(sscanf(got, "m%u: %u", &who, &n), 2);
		ck_assert_uint_lt(who, CROWD);
		if (!first[who])
			begin[who] = end[who] = n;
		first[who] = true;
		ck_assert_uint_eq(n, end[who]++);
	}
}

static void
got_all(unsigned self)
{
	unsigned begin[CROWD], end[CROWD], i;

	got_numbers(&crowd[self], begin, end);
	for (i = 0; i < CROWD; i++) {
		ck_assert_uint_eq(begin[i], 0);
		ck_assert_uint_eq(end[i], i == self ? 0 : said[i]);
	}
}

START_TEST(test_slices)
{
	unsigned i, turns = 0;

	gather("r");
	for (i = 0; i < SAID; i++)
		leave_number((unsigned)random() % CROWD);
	receive();
	ck_assert_uint_eq(grown(LC_deliveries), 0);
	(void)grown(LC_messages);
	for (; relay.queue.count > 0; turns++)
		slice();
	ck_assert_uint_gt(turns, 10);
	ck_assert_uint_eq(grown(LC_messages), SAID);
	for (i = 0; i < CROWD; i++)
		got_all(i);
}
END_TEST

/* A quiet room waits for one slice, and two busy ones take turns. */
START_TEST(test_quiet_first)
{
	struct client q = member("quiet", "q"), r = member("quiet", "r");
	struct client other[CROWD];
	uint32_t rooms[2], i;

	gather("other");
	memcpy(other, crowd, sizeof(other));
	gather("one");
	rooms[0] = relay.peers.members[crowd[0].made.slot].room;
	rooms[1] = relay.peers.members[other[0].made.slot].room;
	for (i = 0; i < SAID; i++) {
		leave_number(i % 5);
		leave_said(&other[i % 3], "x", 1);
	}
	receive();
	slice();
	leave_said(&q, "psst", 4);
	receive();
	hears_nothing(&r);
	slice();
	hears(&r, "q: psst");
	ck_assert_uint_gt(relay.queue.count, SAID);
	while (relay.queue.room[rooms[0]].waiting > 0 &&
	    relay.queue.room[rooms[1]].waiting > 0)
		slice();
	ck_assert_uint_lt(relay.queue.room[rooms[0]].waiting, SAID / 2);
	ck_assert_uint_lt(relay.queue.room[rooms[1]].waiting, SAID / 2);
	finish();
	for (i = 0; i < CROWD; i++)
		got_all(i);
}
END_TEST

static void
follow(void)
{
	relay_turn(&relay);
	relay_follow(&relay);
}

static void
remove_member(struct client *c)
{
	ck_assert_int_eq(roomtab_remove(fx.tab, c->made.slot, c->made.gen,
	    END_LEFT), 0);
	follow();
}

/* What somebody has got so far is of no interest. */
static void
forget_heard(const struct client *c)
{
	char got[DATAGRAM_MAX];

	while (recv(c->fd, got, sizeof(got), 0) != -1)
		;
}

/*
 * Talkers and others go in the midst, and nobody waits for what they said:
 * that is sent in its turn, in their names, and to them no more.  Somebody
 * else may have their number by then, and even their name.
 */
START_TEST(test_leaves)
{
	unsigned begin[CROWD], end[CROWD], i, k, first, later, got = 0;
	struct client old[2];
	struct member_new deaf;

	start.settings.notices = 0;
	gather("r");
	deaf = fx_member("deaf", "plain", "127.0.0.1", 0);
	(void)fx_enter(&fx, "r", &deaf);
	for (i = 0; i < SAID; i++)
		leave_number(i % (CROWD - 2));
	receive();
	slice();
	ck_assert_uint_gt(relay.busy[DELIVER_LARGE].n, 0);
	later = SAID - relay.busy[DELIVER_LARGE].n;
	old[0] = crowd[CROWD - 1];		/* it says nothing */
	old[1] = crowd[3];
	(void)grown(LC_deliveries);
	remove_member(&old[0]);
	remove_member(&old[1]);
	ck_assert_uint_eq(grown(LC_deliveries), 0);
	ck_assert_uint_eq(relay.queue.count, SAID);
	for (i = 0; i < 2; i++)
		forget_heard(&old[i]);
	crowd[3] = guest("127.0.0.1");
	raise_queue(crowd[3].fd);
	crowd[3].room = "r";
	crowd[3].made = fx_enter(&fx, "r", &(struct member_new){
	    .name = "m3", .name_len = 2, .addr = fx_addr("127.0.0.1",
	    crowd[3].port), .dialect = (uint8_t)dialect_id(
	    dialect_by_name("plain")), .now_ms = clock_ms() });
	ck_assert_uint_eq(crowd[3].made.slot, old[1].made.slot);
	follow();
	first = said[3];
	for (i = 0; i < 5; i++)
		leave_number(3);
	receive();
	finish();
	for (i = 0; i < CROWD - 1; i++)
		if (i != 3)
			got_all(i);
	for (i = 0; i < 2; i++)
		hears_nothing(&old[i]);
	got_numbers(&crowd[3], begin, end);
	for (k = 0; k < CROWD; k++) {
		ck_assert_uint_le(end[k], k == 3 ? first : said[k]);
		got += end[k] - begin[k];
	}
	/* What was on its way was not on its way to it. */
	ck_assert_uint_eq(got, later);
	ck_assert_uint_eq(grown(LC_copy_unknown_port), SAID + 5);
	ck_assert_uint_eq(grown(LC_send_errors), 0);
}
END_TEST

/*
 * What a form cannot carry is not sent to those who have left meanwhile, nor
 * to who said it: the rest is counted.
 */
START_TEST(test_misfits_and_leavers)
{
	enum { EARS = 3, LONG = 300 };
	struct client d[EARS];
	char text[LONG], name[4];
	unsigned i, k;

	start.settings.notices = 0;
	gather("r");
	for (i = 0; i < EARS; i++) {
		(void)snprintf(name, sizeof(name), "d%u", i);
		d[i] = member_as("r", name, "decimal", true);
	}
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 20; i++) {
		leave_said(&crowd[1], text, sizeof(text));
		leave_said(&d[1], text, sizeof(text));
		leave_said(&d[2], text, sizeof(text));
	}
	receive();
	ck_assert_uint_eq(relay.queue.count, 60);
	slice();
	ck_assert_uint_eq(relay.busy[DELIVER_MIDDLING].n, 60);
	for (k = EARS - 1; k > 0; k--)
		remove_member(&d[k]);
	(void)grown(LC_send_errors);
	finish();
	/* the one that stays misses all */
	ck_assert_uint_eq(grown(LC_copy_form), 60);
	ck_assert_uint_eq(grown(LC_send_errors), 0);
	for (i = 0; i < EARS; i++)
		hears_nothing(&d[i]);
}
END_TEST

/* All are gone, and the next room has the number of theirs. */
START_TEST(test_next_room)
{
	struct client a, b;
	uint32_t room;
	unsigned i;

	gather("r");
	room = relay.peers.members[crowd[0].made.slot].room;
	for (i = 0; i < SAID; i++)
		leave_number(i % CROWD);
	receive();
	slice();
	for (i = CROWD; i > 0; i--)
		remove_member(&crowd[i - 1]);
	ck_assert_uint_eq(relay.peers.rooms[room].gen, 0);
	ck_assert_uint_eq(relay.queue.count, 0);
	fx_shut(&fx, "r", END_OPERATOR);
	a = member("next", "a");
	b = member("next", "b");
	ck_assert_uint_eq(relay.peers.members[a.made.slot].room, room);
	say(&a, "hello");
	hears(&b, "a: hello");
	hears_nothing(&a);
}
END_TEST

/* They come, go, and move while slices are sent. */
START_TEST(test_churn)
{
	struct client guests[60], moved;
	unsigned n = 0, i, round;
	char name[16];

	gather("r");
	for (round = 0; round < 400; round++) {
		for (i = (unsigned)random() % 12; i > 0; i--)
			leave_number((unsigned)random() % CROWD);
		receive();
		slice();
		if (round % 7 == 0 && n < 60) {
			(void)snprintf(name, sizeof(name), "m%u", CROWD + n);
			guests[n] = guest("127.0.0.1");
			guests[n].room = "r";
			guests[n].made = fx_enter(&fx, "r", &(struct
			    member_new){ .name = name,
			    .name_len = strlen(name),
			    .addr = fx_addr("127.0.0.1", 0),
			    .dialect = (uint8_t)dialect_id(
			    dialect_by_name("plain")),
			    .now_ms = clock_ms() });
			leave_said(&guests[n++], "", 0);
			follow();
		}
		if (round % 11 == 10 && n > 0)
			remove_member(&guests[--n]);
		if (round % 13 == 12 && n > 0) {	/* another port */
			moved = guest("127.0.0.1");
			moved.made = guests[0].made;
			moved.room = "r";
			leave_said(&moved, "", 0);
		}
	}
	finish();
	ck_assert_uint_eq(grown(LC_drop_talker) + grown(LC_drop_busy), 0);
	for (i = 0; i < CROWD; i++)
		got_all(i);
}
END_TEST

START_TEST(test_room_ends)
{
	unsigned i;
	char text[64];

	gather("r");
	for (i = 0; i < SAID; i++)
		leave_number(1);
	receive();
	slice();
	fx_shut(&fx, "r", END_HOST_LEFT);
	follow();
	ck_assert_uint_eq(relay.queue.count, 0);
	for (i = 0; i < SAID; i++) {
		(void)snprintf(text, sizeof(text), "m1: %u", i);
		hears(&crowd[0], text);
	}
	hears(&crowd[0], "room closed: the host left");
}
END_TEST

/* More than others can be made to wait for: the rest is dropped. */
START_TEST(test_busy_room_ends)
{
	enum { MUCH = 2000, MOST = (1 << 14) + 2 * 128 * CROWD };
	unsigned next[CROWD] = { 0 }, who, n, i;
	char got[DATAGRAM_MAX + 1];
	uint64_t sent;
	ssize_t len;

	gather("r");
	for (i = 0; i < MUCH; i++) {
		leave_number(1 + i % 7);
		if (i % 64 == 63)
			receive();
	}
	receive();
	ck_assert_uint_eq(relay.queue.count, MUCH);
	slice();
	(void)grown(LC_messages);
	(void)grown(LC_drop_busy);
	fx_shut(&fx, "r", END_HOST_LEFT);
	follow();
	ck_assert_uint_eq(relay.queue.count + relay.queue.copies, 0);
	ck_assert_uint_le(grown(LC_deliveries), MOST);
	sent = grown(LC_messages);
	ck_assert_uint_gt(sent, 300);
	ck_assert_uint_eq(sent + grown(LC_drop_busy), MUCH);
	/* The oldest of each, in order, and why it ends at the end. */
	for (i = 0; i < sent; i++) {
		len = recv(crowd[0].fd, got, sizeof(got) - 1, 0);
		ck_assert_int_gt(len, 0);
		got[len] = '\0';
		ck_assert_int_eq(sscanf(got, "m%u: %u", &who, &n), 2);
		ck_assert_uint_eq(n, next[who]++);
	}
	hears(&crowd[0], "room closed: the host left");
}
END_TEST

/* More than the queue holds, by one; another room does not notice. */
START_TEST(test_flood)
{
	struct client q = member("quiet", "q"), r = member("quiet", "r");
	unsigned begin[CROWD], end[CROWD], i;

	gather("r");
	for (i = 0; i < 2 * QUEUE_MAX; i++) {
		leave_number(1);
		if (i % 64 == 63)
			receive();
		if (i % 512 == 0)
			leave_number(2);
	}
	leave_said(&q, "psst", 4);
	receive();
	slice();
	hears(&r, "q: psst");
	ck_assert_uint_gt(grown(LC_drop_talker), QUEUE_MAX / 2);
	ck_assert_uint_eq(grown(LC_drop_busy), 0);
	finish();
	got_numbers(&crowd[0], begin, end);
	ck_assert_uint_eq(end[2], said[2]);
	ck_assert_uint_lt(end[1], QUEUE_MAX + 1);
	ck_assert_uint_gt(end[1], QUEUE_MAX / 2);
}
END_TEST

/* The lobby is a room like others. */
START_TEST(test_lobby)
{
	struct client a = guest("127.0.0.1"), b = guest("127.0.0.1");
	struct client c = guest("127.0.0.1");
	struct client q = member("quiet", "q"), r = member("quiet", "r");
	char text[32];
	int i, n, heard = 0;

	raise_queue(relay.lobby_out.fd[0]);
	raise_queue(b.fd);
	send_to(&a, &lobby_at, "\x01" "a", 2);
	send_to(&b, &lobby_at, "\x01" "b", 2);
	send_to(&c, &lobby_at, "\x01" "c", 2);
	for (i = 0; i < 2 * QUEUE_MAX; i++) {
		n = snprintf(text, sizeof(text), "\x01" "a%05d", i);
		leave_at(&a, &lobby_at, text, (size_t)n);
		if (i % 64 == 63)
			relay_receive_lobby(&relay, 0);
	}
	leave_said(&q, "psst", 4);
	receive();
	slice();
	hears(&r, "q: psst");
	ck_assert_uint_gt(grown(LC_drop_talker), QUEUE_MAX / 2);
	turn();
	while (recv(b.fd, text, sizeof(text), 0) == 7) {
		ck_assert_int_eq(atoi(text + 2), heard);
		heard++;
	}
	ck_assert_int_gt(heard, QUEUE_MAX / 2);
	ck_assert_uint_eq(grown(LC_lobby_deliveries), 2 * (uint64_t)heard);
	hears_nothing(&a);
}
END_TEST

static TCase *
tests(const char *name, void (*before_each)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, before_each, teardown);
	tcase_add_test(tc, test_slices);
	tcase_add_test(tc, test_quiet_first);
	tcase_add_test(tc, test_leaves);
	tcase_add_test(tc, test_misfits_and_leavers);
	tcase_add_test(tc, test_next_room);
	tcase_add_test(tc, test_churn);
	tcase_add_test(tc, test_room_ends);
	tcase_add_test(tc, test_busy_room_ends);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_lobby);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("deliver");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tests("bundles", setup));
	suite_add_tcase(s, tests("without bundles", setup_plain));
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
