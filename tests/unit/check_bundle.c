/* SPDX-License-Identifier: ISC */
/*
 * Several messages that wait at once, with bundles and without: who gets
 * what in which order, and nobody one's own.
 */
#include <stdlib.h>

#include "relay_clients.h"
#include "run_suite.h"

enum { CROWD = 8, SAID = 100 };

/* Every message of the others, each one's in order, and none of one's own. */
static void
hears_all(const struct client *c, unsigned self, const unsigned said[CROWD])
{
	unsigned next[CROWD] = { 0 }, who, number, k;
	char got[DATAGRAM_MAX + 1];
	ssize_t n;

	while ((n = recv(c->fd, got, sizeof(got) - 1, 0)) != -1) {
		got[n] = '\0';
		ck_assert_int_eq(sscanf(got, "m%u: %u ", &who, &number), 2);
		ck_assert_uint_lt(who, CROWD);
		ck_assert_uint_ne(who, self);
		ck_assert_uint_eq(number, next[who]++);
		ck_assert_int_eq(got[n - 1], '.');
	}
	for (k = 0; k < CROWD; k++)
		ck_assert_uint_eq(next[k], k == self ? 0 : said[k]);
}

static size_t
fill(char *out, unsigned number, size_t len)
{
	int n = snprintf(out, DATAGRAM_MAX, "%u ", number);

	while ((size_t)n < len - 1)
		out[n++] = 'x';
	out[n++] = '.';
	return (size_t)n;
}

/* how: 0 all of one size, 1 of a few, 2 of many; 3: one speaks, 4: in turn */
static void
crowd(int how, bool bundled)
{
	static const size_t sizes[] = { 1, 4, 100, 1, 1 };
	struct client c[CROWD];
	unsigned said[CROWD] = { 0 }, i, k;
	char name[8], text[DATAGRAM_MAX];

	srandom(1);
	for (i = 0; i < CROWD; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		c[i] = member("r", name);
	}
	(void)grown(LC_deliveries);
	for (i = 0; i < SAID; i++) {
		k = how == 3 ? 5 : (how == 4 ? i : (unsigned)random()) % CROWD;
		leave_said(&c[k], text, fill(text, said[k]++,
		    8 + (size_t)random() % sizes[how] * 7));
	}
	turn();
	for (i = 0; i < CROWD; i++)
		hears_all(&c[i], i, said);
	ck_assert_uint_eq(grown(LC_deliveries), SAID * (CROWD - 1));
	ck_assert_uint_eq(grown(LC_messages), SAID);
	ck_assert_uint_eq(grown(LC_bundles) > 0, bundled);
	ck_assert_uint_eq(grown(LC_bundles_split), 0);
	/* what was changed for a moment is as it was */
	say(&c[0], "after");
	for (i = 1; i < CROWD; i++)
		hears(&c[i], "m0: after");
	hears_nothing(&c[0]);
}

START_TEST(test_crowd)
{
	crowd(_i, bundle);
}
END_TEST

/* What is sent to somebody by itself, or not at all, is no bundle. */
START_TEST(test_bundles_counted)
{
	struct client a = member("r", "a"), b = member("r", "b"), c;
	unsigned i;

	for (i = 0; i < 5; i++)
		leave_said(&a, "five", 4);
	turn();
	ck_assert_uint_eq(grown(LC_bundles), bundle ? 1 : 0);
	c = member("r", "c");
	leave_said(&a, "x", 1);
	leave_said(&b, "y", 1);
	turn();
	hears(&c, "a: x");
	hears(&c, "b: y");
	ck_assert_uint_eq(grown(LC_bundles), bundle ? 1 : 0);
	leave_said(&a, "x", 1);
	leave_said(&b, "y", 1);
	leave_said(&b, "z", 1);
	turn();			/* to c three, to a two */
	ck_assert_uint_eq(grown(LC_bundles), bundle ? 2 : 0);
	ck_assert_uint_eq(grown(LC_deliveries), 5 + 4 + 6);
}
END_TEST

/* A last word, a room's end and a leaving host come after what was said. */
START_TEST(test_order_of_endings)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client c = member("r", "c");

	leave_said(&b, "one", 3);
	leave_said(&b, "two", 3);
	leave_said(&b, "/exit", 5);
	leave_said(&b, "too late", 8);
	turn();
	hears(&a, "b: one");
	hears(&a, "b: two");
	hears_nothing(&a);
	ck_assert_uint_eq(grown(LC_leave_words), 1);
	hears(&c, "b: one");
	hears(&c, "b: two");
	leave_said(&a, "bye", 3);
	relay_turn(&relay);
	/* accepted, and only then does the room end */
	(void)queue_put(&relay.queue, relay.peers.members[a.made.slot].room,
	    a.made.slot, 2, "last", 4);
	fx_shut(&fx, "r", END_HOST_LEFT);
	turn();
	hears(&c, "a: last");
	hears(&c, "room closed: the host left");
	hears_nothing(&c);
	ck_assert_uint_eq(relay.queue.count, 0);
}
END_TEST

/* Datagrams of that size in one call. */
static void
leave_bundle(const struct client *c, uint8_t *out, size_t len, size_t size)
{
	struct net_control control;
	struct sockaddr_storage ss;
	struct iovec iov = { out, len };
	struct msghdr m;

	net_bundle_make(&control);
	net_bundle_size(&control, (uint16_t)size);
	memset(&m, 0, sizeof(m));
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_name = &ss;
	m.msg_namelen = addr_to_sockaddr(&relay_at, AF_INET, &ss);
	m.msg_control = control.bytes;
	m.msg_controllen = control.len;
	ck_assert_int_eq(sendmsg(c->fd, &m, 0), (ssize_t)len);
}

/* A client that sends bundles is understood; bundles of too much are not. */
START_TEST(test_bundles_come)
{
	struct client a = member("r", "a"), b = member("r", "b");
	uint8_t out[4 * DATAGRAM_MAX];
	size_t n, i;

	if (!net_can_bundle(a.fd) || !bundle)
		return;
	n = put(out, "r", a.made.token, TOKEN_TEXT, "say", 3);
	for (i = 1; i < 4; i++)
		memcpy(out + i * n, out, n);
	out[4 * n - 1] = '.';
	leave_bundle(&a, out, 4 * n, n);
	turn();
	for (i = 0; i < 3; i++)
		hears(&b, "a: say");
	hears(&b, "a: sa.");
	hears_nothing(&a);
	/* one datagram and three keepalives, the last of them cut short */
	memcpy(out + n - 3, out, n - 3);
	memcpy(out + 2 * (n - 3), out, n - 3);
	memcpy(out + 3 * (n - 3), out, n - 3);
	(void)grown(LC_received);
	(void)grown(LC_keepalives);
	leave_bundle(&a, out, 3 * (n - 3) + 20, n - 3);
	turn();
	ck_assert_uint_eq(grown(LC_received), 4);
	ck_assert_uint_eq(grown(LC_keepalives), 3);
	ck_assert_uint_eq(grown(LC_drop_malformed), 1);
}
END_TEST

/* Of a bundle of nobody's datagrams only the first few are looked at. */
START_TEST(test_bundles_of_strangers)
{
	struct client a = member("r", "a"), b = member("r", "b");
	uint8_t out[20 * 256];
	size_t n, i;

	if (!net_can_bundle(a.fd) || !bundle)
		return;
	n = put(out, "r", a.made.token, TOKEN_TEXT, "say", 3);
	for (i = 1; i < 20; i++)
		memcpy(out + i * n, out, n);
	/* three of nobody, a good one, and then only what is nobody's */
	for (i = 0; i < 20; i++)
		if (i != 3)
			out[i * n + 5]++;
	(void)grown(LC_received);
	(void)grown(LC_drop_token);
	leave_bundle(&a, out, 20 * n, n);
	leave_said(&a, "after", 5);
	turn();
	hears(&b, "a: say");
	hears(&b, "a: after");
	hears_nothing(&b);
	ck_assert_uint_eq(grown(LC_received), 21);
	ck_assert_uint_eq(grown(LC_drop_token), 7);
	ck_assert_uint_eq(grown(LC_drop_unread), 12);
}
END_TEST

enum { MANY = 40 };

/*
 * Who says often that it is there, or speaks where nobody is, is quickly
 * passed over, but not what else is in the bundle.
 */
START_TEST(test_bundles_of_nothing)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client alone = member("s", "alone");
	uint8_t out[MANY * 256];
	size_t n = 0, i;

	if (!net_can_bundle(a.fd) || !bundle)
		return;
	for (i = 0; i < MANY - 1; i++)
		n += put(out + n, "r", a.made.token, TOKEN_TEXT, "", 0);
	n += put(out + n, "", b.made.token, TOKEN_TEXT, "!", 1);
	(void)grown(LC_received);
	(void)grown(LC_keepalives);
	leave_bundle(&a, out, n, n / MANY);
	turn();
	hears(&a, "b: !");
	ck_assert_uint_eq(grown(LC_received), MANY);
	ck_assert_uint_eq(grown(LC_keepalives), MANY - 1);
	(void)grown(LC_messages);
	/* the word is as long as the messages */
	for (i = 0, n = 0; i < MANY; i++)
		n += put(out + n, "s", alone.made.token, TOKEN_TEXT,
		    i == MANY - 3 ? "/exit" : i % 2 == 0 ? "hello" : "again",
		    5);
	leave_bundle(&alone, out, n, n / MANY);
	turn();
	ck_assert_uint_eq(grown(LC_messages), MANY - 3);
	ck_assert_uint_eq(grown(LC_leave_words), 1);
	ck_assert_uint_eq(grown(LC_drop_token), 2);
	ck_assert_uint_eq(grown(LC_drop_unread), 0);
}
END_TEST

/*
 * Messages to nobody, one of another member among them, and those that the
 * first one to come hears.
 */
START_TEST(test_bundle_of_who_is_alone)
{
	struct client alone = member("s", "alone"), b;
	struct client c = member("r", "c"), d = member("r", "d");
	uint8_t out[MANY * 256];
	char text[8];
	size_t n = 0, i;

	if (!net_can_bundle(alone.fd) || !bundle)
		return;
	for (i = 0; i < MANY; i++) {
		(void)snprintf(text, sizeof(text), "%02zu", i);
		n += put(out + n, "s", alone.made.token, TOKEN_TEXT, text, 2);
	}
	i = n / MANY;
	(void)put(out + i * 20, "r", c.made.token, TOKEN_TEXT, "hi", 2);
	leave_bundle(&alone, out, n, i);
	turn();
	ck_assert_uint_eq(grown(LC_messages), MANY);
	hears(&d, "c: hi");
	(void)put(out + i * 20, "s", alone.made.token, TOKEN_TEXT, "20", 2);
	b = member("s", "b");
	leave_bundle(&alone, out, n, n / MANY);
	turn();
	for (i = 0; i < MANY; i++) {
		(void)snprintf(text, sizeof(text), "%02zu", i);
		(void)snprintf((char *)out, sizeof(out), "alone: %s", text);
		hears(&b, (char *)out);
	}
}
END_TEST

/* Several take turns to say nothing, at one address. */
START_TEST(test_bundles_of_idle_members)
{
	struct client c[MANY], *who;
	uint8_t out[MANY * 256];
	size_t n, i, of;

	for (i = 0; i < MANY; i++)
		c[i] = member("r", "c");
	if (!net_can_bundle(c[0].fd) || !bundle)
		return;
	for (of = 2; of <= MANY; of += MANY - 2) {
		for (i = 0, n = 0; i < MANY; i++) {
			who = &c[i % of];
			n += put(out + n, "r", who->made.token, TOKEN_TEXT,
			    "", 0);
		}
		next_millisecond();
		(void)grown(LC_received);
		(void)grown(LC_keepalives);
		leave_bundle(&c[0], out, n, n / MANY);
		relay_receive(&relay, 0);
		ck_assert_uint_eq(grown(LC_received), MANY);
		/* each was heard, and then 16 that said nothing more */
		ck_assert_uint_eq(grown(LC_drop_unread),
		    of == 2 ? MANY - 2 - 16 : 0);
		ck_assert_uint_eq(grown(LC_keepalives),
		    of == 2 ? 2 + 16 : MANY);
	}
}
END_TEST

/* A path that takes no bundle: every copy arrives by itself. */
START_TEST(test_bundle_refused)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client c = member("r", "c");
	char text[DATAGRAM_MAX];
	size_t len;
	int i, on = 1;

	/* A socket without checksums cannot send bundles: EINVAL. */
	ck_assert_int_eq(setsockopt(relay.out.fd[0], SOL_SOCKET, SO_NO_CHECK,
	    &on, sizeof(on)), 0);
	len = fill(text, 0, 100);
	for (i = 0; i < 5; i++)
		leave_said(i % 2 != 0 ? &a : &b, text, len);
	turn();
	for (i = 0; i < 5; i++)
		ck_assert_int_gt(recv(c.fd, text, sizeof(text), 0), 0);
	hears_nothing(&c);
	for (i = 0; i < 3; i++)
		ck_assert_int_gt(recv(a.fd, text, sizeof(text), 0), 0);
	hears_nothing(&a);
	for (i = 0; i < 2; i++)
		ck_assert_int_gt(recv(b.fd, text, sizeof(text), 0), 0);
	hears_nothing(&b);
	ck_assert_uint_eq(grown(LC_deliveries), 10);
	ck_assert_uint_eq(grown(LC_bundles_split), bundle ? 3 : 0);
	ck_assert_uint_eq(grown(LC_send_errors), 0);
	/* it is not tried with as much again for each of them, for a while */
	for (i = 0; i < 5; i++)
		leave_said(&b, text, len);
	turn();
	for (i = 0; i < 5; i++)
		ck_assert_int_gt(recv(c.fd, text, sizeof(text), 0), 0);
	ck_assert_uint_eq(grown(LC_deliveries), 10);
	ck_assert_uint_eq(grown(LC_bundles_split), 0);
	if (bundle)
		ck_assert_uint_gt(relay.out.again_ms, relay.now_ms + 5000);
	send_tick(&relay.out, relay.out.again_ms - 1);
	ck_assert_uint_lt(relay.out.most, len + 3);
	send_tick(&relay.out, relay.out.again_ms);
	ck_assert_uint_eq(relay.out.most, bundle ? NET_BUNDLE_BYTES : 0);
	/* the loop does that for each kind of sockets */
	relay.out.most = relay.lobby_out.most = 0;
	relay.now_ms = relay.out.again_ms;
	care_tick(&relay);
	ck_assert_uint_eq(relay.out.most, bundle ? NET_BUNDLE_BYTES : 0);
	ck_assert_uint_eq(relay.lobby_out.most, relay.out.most);
}
END_TEST

/* A kernel that cannot: asked at start, and then each message by itself. */
START_TEST(test_no_kernel_for_it)
{
	const int fds[] = { relay.out.fd[0], relay.lobby_out.fd[0] };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), two[3];

	ck_assert(net_can_bundle(fds[0]));
	ck_assert(!net_can_bundle(tcp));
	ck_assert(!net_can_bundle(-1));
	/* One socket of two that cannot is enough. */
	two[0] = fds[0];
	two[1] = tcp;
	two[2] = fds[1];
	start.relay_count = 2;
	start.relay[1] = start.relay[0];
	relay_make(&relay, &start, &fx.relayd[0], fx.reader[0], two);
	ck_assert_uint_eq(relay.out.most, 0);
	ck_assert_uint_eq(relay.lobby_out.most, bundle ? NET_BUNDLE_BYTES : 0);
	crowd(0, false);
}
END_TEST

static TCase *
tests(const char *name, void (*before_each)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, before_each, teardown);
	tcase_add_loop_test(tc, test_crowd, 0, 5);
	tcase_add_test(tc, test_bundles_counted);
	tcase_add_test(tc, test_order_of_endings);
	tcase_add_test(tc, test_bundles_come);
	tcase_add_test(tc, test_bundles_of_strangers);
	tcase_add_test(tc, test_bundles_of_nothing);
	tcase_add_test(tc, test_bundle_of_who_is_alone);
	tcase_add_test(tc, test_bundles_of_idle_members);
	tcase_add_test(tc, test_bundle_refused);
	tcase_add_test(tc, test_no_kernel_for_it);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("bundle");

	suite_add_tcase(s, tests("bundles", setup));
	suite_add_tcase(s, tests("without bundles", setup_plain));
	return run_suite(s);
}
