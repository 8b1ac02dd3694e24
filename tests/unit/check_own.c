/* SPDX-License-Identifier: ISC */
/*
 * Our own sockets: which addresses are theirs, and that nothing is sent to
 * them nor taken from them, whoever registers what.
 */
#include <ifaddrs.h>
#include <net/if.h>

#include "relay_clients.h"
#include "run_suite.h"

/* ---- whose is it? ---- */

static int
any_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static struct own
own_of(const char *relay_text, const char *lobby_text)
{
	static int fds[2];
	struct ctl_start st;
	struct own o;

	memset(&st, 0, sizeof(st));
	st.relay_count = st.lobby_count = 1;
	ck_assert_int_eq(addr_parse(&st.relay[0], relay_text, 0), 0);
	ck_assert_int_eq(addr_parse(&st.lobby[0], lobby_text, 0), 0);
	fds[0] = any_socket(addr_family(&st.relay[0]));
	fds[1] = any_socket(addr_family(&st.lobby[0]));
	own_make(&o, &st, fds);
	return o;
}

static bool
has(const struct own *o, const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return own_has(o, &a);
}

START_TEST(test_bound_to_one)
{
	struct own o = own_of("127.0.0.1:9002", "[::1]:9001");

	ck_assert(has(&o, "127.0.0.1:9002"));
	ck_assert(has(&o, "[::1]:9001"));
	ck_assert(!has(&o, "127.0.0.1:9001"));
	ck_assert(!has(&o, "127.0.0.1:9003"));
	ck_assert(!has(&o, "127.0.0.2:9002"));
	ck_assert(!has(&o, "[::1]:9002"));
}
END_TEST

START_TEST(test_bound_to_any)
{
	struct own o = own_of("*:9002", "[::]:9001");
	struct ifaddrs *all, *i;
	struct addr a;
	int seen = 0;

	ck_assert(has(&o, "127.0.0.1:9002"));
	ck_assert(has(&o, "127.9.9.9:9002"));
	ck_assert(has(&o, "[::1]:9001"));
	ck_assert(!has(&o, "127.0.0.1:9001"));
	ck_assert(!has(&o, "[::1]:9002"));
	/* those for examples, and those of nobody */
	ck_assert(!has(&o, "198.51.100.77:9002"));
	ck_assert(!has(&o, "240.0.0.1:9002"));
	ck_assert(!has(&o, "[2001:db8::77]:9001"));
	ck_assert(!has(&o, "[fe80::77%1]:9001"));
	ck_assert_int_eq(getifaddrs(&all), 0);
	for (i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 ||
		    addr_from_sockaddr(&a, i->ifa_addr,
		    sizeof(struct sockaddr_in6)) == -1)
			continue;
		a.port = addr_is_v4(&a) ? 9002 : 9001;
		ck_assert(own_has(&o, &a));
		a.port++;
		ck_assert(!own_has(&o, &a));
		seen++;
	}
	freeifaddrs(all);
	ck_assert_int_gt(seen, 0);
}
END_TEST

/* Worker 1 has no lobby, but its members can register its port. */
START_TEST(test_of_another_worker)
{
	struct ctl_start st;
	struct own o;
	int fd = any_socket(AF_INET);

	memset(&st, 0, sizeof(st));
	st.index = 1;
	st.relay_count = 1;
	st.relay[0] = fx_addr("127.0.0.1", 9002);
	st.lobby[0] = fx_addr("127.0.0.1", 9001);
	ck_assert_int_eq(addr_parse(&st.lobby[1], "[::]:9001", 0), 0);
	own_make(&o, &st, &fd);
	ck_assert(has(&o, "127.0.0.1:9001"));
	/* there is no socket to ask with */
	ck_assert(has(&o, "[2001:db8::77]:9001"));
}
END_TEST

/* ---- a relay that is told to talk to itself ---- */

/* _i 1: as if its sockets were bound to every address. */
static void
boot_as(int any)
{
	if (!any)
		return;
	memset(start.relay[0].ip + 12, 0, 4);
	memset(start.lobby[0].ip + 12, 0, 4);
	boot();
}

static struct member_made
decimal_at(const char *room, uint16_t port)
{
	struct member_new m = fx_member("m", "decimal", "127.0.0.1", port);

	return fx_enter(&fx, room, &m);
}

START_TEST(test_nothing_is_sent_there)
{
	struct client a = member("r", "a"), host;
	struct member_made one;
	int i;

	boot_as(_i);
	host = member_as("r", "host", "decimal", true);
	for (i = 0; i < 3; i++) {
		one = decimal_at("r", relay_at.port);
		(void)decimal_at("r", lobby_at.port);
		(void)decimal_at("s", relay_at.port);
	}
	turn();
	(void)grown(LC_received);
	(void)grown(LC_deliveries);
	send_to(&host, &relay_at, "\x01\x02rhi", 5);
	hears(&a, "host: hi");
	ck_assert_uint_eq(grown(LC_received), 1);
	ck_assert_uint_eq(grown(LC_deliveries), 1);
	ck_assert_uint_eq(grown(LC_copy_unknown_port), 6);
	ck_assert_uint_eq(grown(LC_lobby_received), 0);
	/* it registers better, and worse again */
	host.made = one;
	ck_assert_int_eq(roomtab_set_port(fx.tab, one.slot, one.gen, a.port),
	    0);
	say(&a, "you?");
	gets(&a, "\x01\x04ryou?", 7);
	gets(&host, "\x01\x04ryou?", 7);
	ck_assert_int_eq(roomtab_set_port(fx.tab, one.slot, one.gen,
	    relay_at.port), 0);
	(void)grown(LC_received);
	(void)grown(LC_deliveries);
	say(&a, "you?");
	gets(&host, "\x01\x04ryou?", 7);
	hears_nothing(&a);
	ck_assert_uint_eq(grown(LC_received), 1);
	ck_assert_uint_eq(grown(LC_deliveries), 1);
}
END_TEST

START_TEST(test_nothing_is_taken_from_there)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client self = { relay.out.fd[0], relay_at.port, b.made, "r" };
	struct client room = { relay.lobby_out.fd[0], lobby_at.port, b.made,
	    "r" };

	boot_as(_i);
	(void)decimal_at("r", relay_at.port);
	(void)decimal_at("r", lobby_at.port);
	turn();
	send_to(&self, &relay_at, "\x01\x02rhi", 5);
	send_to(&room, &relay_at, "\x01\x02rhi", 5);
	ck_assert_uint_eq(grown(LC_drop_own), 2);
	say(&self, "by token");
	say(&room, "by token");
	ck_assert_uint_eq(grown(LC_drop_own), 2);
	hears_nothing(&a);
	/* of nobody: a stranger's are not looked at that closely */
	send_to(&self, &relay_at, "\x01\x02shi", 5);
	ck_assert_uint_eq(grown(LC_drop_own), 0);
	ck_assert_uint_eq(grown(LC_drop_token), 1);
	/* b did not move there */
	say(&a, "hi");
	hears(&b, "a: hi");

	send_to(&self, &lobby_at, "\x01xhi", 4);
	send_to(&room, &lobby_at, "\x01xhi", 4);
	ck_assert_uint_eq(grown(LC_lobby_drop_own), 2);
	ck_assert_uint_eq(grown(LC_lobby_joined), 0);
	send_to(&a, &lobby_at, "\x01xhi", 4);
	ck_assert_uint_eq(grown(LC_lobby_joined), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("own");
	TCase *tc = tcase_create("own");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_bound_to_one);
	tcase_add_test(tc, test_bound_to_any);
	tcase_add_test(tc, test_of_another_worker);
	suite_add_tcase(s, tc);
	tc = tcase_create("own, in a relay");
	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_nothing_is_sent_there, 0, 2);
	tcase_add_loop_test(tc, test_nothing_is_taken_from_there, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
