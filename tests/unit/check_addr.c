/* SPDX-License-Identifier: ISC */
/* Addresses: text both ways, socket forms both ways, and what is the same. */
#include <sys/un.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "addr.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char	*what;
	const char	*text;
	uint16_t	 port;		/* default */
	const char	*want;		/* as formatted */
	const char	*host;
} good[] = {
	{ "IPv4", "127.0.0.1:9001", 0, "127.0.0.1:9001", "127.0.0.1" },
	{ "port 0 means pick one", "127.0.0.1:0", 0, "127.0.0.1:0",
	    "127.0.0.1" },
	{ "highest port", "10.0.0.1:65535", 1, "10.0.0.1:65535",
	    "10.0.0.1" },
	{ "IPv6", "[::1]:9001", 0, "[::1]:9001", "::1" },
	{ "any IPv4", "*:80", 0, "0.0.0.0:80", "0.0.0.0" },
	{ "any IPv6", "[::]:80", 0, "[::]:80", "::" },
	{ "bare IPv4", "192.0.2.1", 7, "192.0.2.1:7", "192.0.2.1" },
	{ "bare IPv6", "2001:db8::5", 7, "[2001:db8::5]:7", "2001:db8::5" },
	{ "bare in brackets", "[2001:db8::5]", 7, "[2001:db8::5]:7",
	    "2001:db8::5" },
	{ "bare star", "*", 7, "0.0.0.0:7", "0.0.0.0" },
	{ "mapped is IPv4", "[::ffff:192.0.2.1]:5", 0, "192.0.2.1:5",
	    "192.0.2.1" },
	{ "scope", "[fe80::1%7]:5", 0, "[fe80::1%7]:5", "fe80::1%7" },
	{ "longest",
	    "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535", 0,
	    "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535",
	    "fe80:1111:2222:3333:4444:5555:6666:7777%4294967295" },
};

START_TEST(test_parse)
{
	char buf[ADDR_TEXT];
	struct addr a;

	ck_assert_msg(addr_parse(&a, good[_i].text, good[_i].port) == 0,
	    "%s", good[_i].what);
	ck_assert_str_eq(addr_format(&a, buf), good[_i].want);
	ck_assert_str_eq(addr_format_host(&a, buf), good[_i].host);
	ck_assert_uint_eq(a.pad, 0);
}
END_TEST

static const struct {
	const char	*what;
	const char	*text;
	uint16_t	 port;
} bad[] = {
	{ "empty", "", 0 },
	{ "empty with a default", "", 9 },
	{ "no port and no default", "127.0.0.1", 0 },
	{ "empty port", "127.0.0.1:", 9 },
	{ "empty host", ":9001", 9 },
	{ "port too high", "127.0.0.1:65536", 9 },
	{ "port of many digits", "127.0.0.1:99999999999999999999", 9 },
	{ "negative port", "127.0.0.1:-1", 9 },
	{ "signed port", "127.0.0.1:+1", 9 },
	{ "port with a space", "127.0.0.1: 1", 9 },
	{ "service name", "127.0.0.1:http", 9 },
	{ "host name", "localhost:9001", 9 },
	{ "three bytes", "127.0.0:9001", 9 },
	{ "byte too big", "127.0.0.256:9001", 9 },
	{ "space before", " 127.0.0.1:9001", 9 },
	{ "IPv6 and port without brackets", "::1:9001:x", 9 },
	{ "bracket not closed", "[::1:9001", 9 },
	{ "rubbish after the bracket", "[::1]9001", 9 },
	{ "empty brackets", "[]:9001", 9 },
	{ "IPv4 in brackets", "[127.0.0.1]:9001", 9 },
	{ "star in brackets", "[*]:9001", 9 },
	{ "scope of a global address", "[2001:db8::1%1]:5", 9 },
	{ "scope by name", "[fe80::1%eth0]:5", 9 },
	{ "empty scope", "[fe80::1%]:5", 9 },
	{ "scope too big", "[fe80::1%4294967296]:5", 9 },
	{ "scope of IPv4", "127.0.0.1%1:5", 9 },
	{ "longer than any address", "[0000:0000:0000:0000:0000:0000:0000:"
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000]:1", 9 },
};

START_TEST(test_refuse)
{
	struct addr a, zero;

	memset(&zero, 0, sizeof(zero));
	errno = 0;
	ck_assert_msg(addr_parse(&a, bad[_i].text, bad[_i].port) == -1,
	    "%s", bad[_i].what);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_mem_eq(&a, &zero, sizeof(a));
}
END_TEST

static struct addr
parsed(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 1), 0);
	return a;
}

START_TEST(test_v4_socket_forms)
{
	struct addr a = parsed("192.0.2.9:4660"), b, c;
	struct sockaddr_storage ss;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	socklen_t len;

	len = addr_to_sockaddr(&a, AF_INET, &ss);
	ck_assert_uint_eq(len, sizeof(v4));
	memcpy(&v4, &ss, sizeof(v4));
	ck_assert_int_eq(v4.sin_family, AF_INET);
	ck_assert_uint_eq(v4.sin_port, htons(0x1234));
	ck_assert_uint_eq(v4.sin_addr.s_addr, htonl(0xc0000209));
	ck_assert_int_eq(addr_from_sockaddr(&b, (struct sockaddr *)&ss, len),
	    0);
	ck_assert(addr_equal(&a, &b));

	/* Through an IPv6 socket the same peer is the same address. */
	len = addr_to_sockaddr(&a, AF_INET6, &ss);
	ck_assert_uint_eq(len, sizeof(v6));
	memcpy(&v6, &ss, sizeof(v6));
	ck_assert(IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr));
	ck_assert_int_eq(addr_from_sockaddr(&c, (struct sockaddr *)&ss, len),
	    0);
	ck_assert_mem_eq(&a, &c, sizeof(a));
	ck_assert_uint_eq(addr_to_sockaddr(&a, AF_UNIX, &ss), 0);
}
END_TEST

START_TEST(test_v6_socket_forms)
{
	struct addr a = parsed("[fe80::9%3]:4660"), b;
	struct sockaddr_storage ss;
	struct sockaddr_in6 v6;
	socklen_t len;

	ck_assert_uint_eq(addr_to_sockaddr(&a, AF_INET, &ss), 0);
	len = addr_to_sockaddr(&a, AF_INET6, &ss);
	ck_assert_uint_eq(len, sizeof(v6));
	memcpy(&v6, &ss, sizeof(v6));
	ck_assert_uint_eq(v6.sin6_scope_id, 3);
	ck_assert_uint_eq(v6.sin6_port, htons(0x1234));
	ck_assert_int_eq(addr_from_sockaddr(&b, (struct sockaddr *)&ss, len),
	    0);
	ck_assert_mem_eq(&a, &b, sizeof(a));
}
END_TEST

/* A kernel may fill in a scope where it means nothing. */
START_TEST(test_scope_only_of_link_local)
{
	struct addr a = parsed("[2001:db8::1]:5"), b;
	struct sockaddr_storage ss;
	struct sockaddr_in6 v6;
	socklen_t len;

	len = addr_to_sockaddr(&a, AF_INET6, &ss);
	memcpy(&v6, &ss, sizeof(v6));
	v6.sin6_scope_id = 4;
	ck_assert_int_eq(addr_from_sockaddr(&b, (struct sockaddr *)&v6, len),
	    0);
	ck_assert(addr_equal(&a, &b));
}
END_TEST

START_TEST(test_other_families)
{
	struct sockaddr_storage ss;
	struct addr a;

	memset(&ss, 0, sizeof(ss));
	ss.ss_family = AF_UNIX;
	errno = 0;
	ck_assert_int_eq(addr_from_sockaddr(&a, (struct sockaddr *)&ss,
	    sizeof(ss)), -1);
	ck_assert_int_eq(errno, EAFNOSUPPORT);
	ss.ss_family = AF_INET;
	ck_assert_int_eq(addr_from_sockaddr(&a, (struct sockaddr *)&ss,
	    (socklen_t)sizeof(struct sockaddr_in) - 1), -1);
	ss.ss_family = AF_INET6;
	ck_assert_int_eq(addr_from_sockaddr(&a, (struct sockaddr *)&ss,
	    (socklen_t)sizeof(struct sockaddr_in6) - 1), -1);
}
END_TEST

static const struct {
	const char	*text;
	bool		 v4, loopback, any;
	const char	*source;	/* what limits count by */
} kinds[] = {
	{ "127.0.0.1:1", true, true, false, "127.0.0.1:0" },
	{ "127.255.0.9:1", true, true, false, "127.255.0.9:0" },
	{ "128.0.0.1:1", true, false, false, "128.0.0.1:0" },
	{ "0.0.0.0:1", true, false, true, "0.0.0.0:0" },
	{ "0.0.0.1:1", true, false, false, "0.0.0.1:0" },
	{ "[::1]:1", false, true, false, "[::]:0" },
	{ "[::2]:1", false, false, false, "[::]:0" },
	{ "[::]:1", false, false, true, "[::]:0" },
	{ "[2001:db8:1:2:3:4:5:6]:1", false, false, false,
	    "[2001:db8:1:2::]:0" },
};

START_TEST(test_kinds)
{
	struct addr a = parsed(kinds[_i].text);
	struct addr source = parsed(kinds[_i].source);
	uint8_t out[16];

	ck_assert_int_eq(addr_is_v4(&a), kinds[_i].v4);
	ck_assert_int_eq(addr_family(&a), kinds[_i].v4 ? AF_INET : AF_INET6);
	ck_assert_int_eq(addr_is_loopback(&a), kinds[_i].loopback);
	ck_assert_int_eq(addr_is_any(&a), kinds[_i].any);
	addr_source(&a, out);
	ck_assert_mem_eq(out, source.ip, 16);
}
END_TEST

static const struct {
	const char	*a, *b;
	bool		 host, equal;
} pairs[] = {
	{ "1.2.3.4:5", "1.2.3.4:5", true, true },
	{ "1.2.3.4:5", "1.2.3.4:6", true, false },
	{ "1.2.3.4:5", "1.2.3.5:5", false, false },
	{ "1.2.3.4:5", "[::ffff:1.2.3.4]:5", true, true },
	{ "1.2.3.4:5", "[::1.2.3.4]:5", false, false },
	{ "[fe80::1%1]:5", "[fe80::1%2]:5", false, false },
	{ "[fe80::1%1]:5", "[fe80::1%1]:5", true, true },
};

START_TEST(test_same)
{
	struct addr a = parsed(pairs[_i].a), b = parsed(pairs[_i].b);

	ck_assert_int_eq(addr_same_host(&a, &b), pairs[_i].host);
	ck_assert_int_eq(addr_equal(&a, &b), pairs[_i].equal);
	ck_assert_int_eq(addr_equal(&b, &a), pairs[_i].equal);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_loop_test(tc, test_parse, 0, COUNT(good));
	tcase_add_loop_test(tc, test_refuse, 0, COUNT(bad));
	tcase_add_test(tc, test_v4_socket_forms);
	tcase_add_test(tc, test_v6_socket_forms);
	tcase_add_test(tc, test_scope_only_of_link_local);
	tcase_add_test(tc, test_other_families);
	tcase_add_loop_test(tc, test_kinds, 0, COUNT(kinds));
	tcase_add_loop_test(tc, test_same, 0, COUNT(pairs));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
