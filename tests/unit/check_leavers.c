/* SPDX-License-Identifier: ISC */
/*
 * In the midst of more than goes at once members leave and rooms end: nobody
 * else waits for that, misses anything of it, or hears what is not theirs.
 */
#include "deliver_crowd.h"
#include "run_suite.h"

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

/* Whoever moves in the midst and then leaves has left. */
START_TEST(test_moves_and_leaves)
{
	struct client b;
	unsigned i;

	gather("r");
	b = member_as("r", "b", "port-suffix", true);
	raise_queue(b.fd);
	for (i = 0; i < SAID; i++)
		leave_number(i % CROWD);
	receive();
	slice();
	ck_assert_uint_gt(relay.busy[DELIVER_LARGE].n, 0);
	leave_said(&b, "@join", 5);	/* another form */
	receive();
	forget_heard(&b);
	remove_member(&b);
	finish();
	hears_nothing(&b);
	for (i = 0; i < CROWD; i++)
		got_all(i);
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

static TCase *
tests(const char *name, void (*before_each)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, before_each, teardown);
	tcase_add_test(tc, test_leaves);
	tcase_add_test(tc, test_misfits_and_leavers);
	tcase_add_test(tc, test_moves_and_leaves);
	tcase_add_test(tc, test_next_room);
	tcase_add_test(tc, test_room_ends);
	tcase_add_test(tc, test_busy_room_ends);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("leavers");

	suite_add_tcase(s, tests("bundles", setup));
	suite_add_tcase(s, tests("without bundles", setup_plain));
	return run_suite(s);
}
