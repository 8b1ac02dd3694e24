/* SPDX-License-Identifier: ISC */
/* ocmd/sockets: what is bound, on which port, and what a failure says. */
#include <sys/types.h>
#include <sys/socket.h>

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ocmd/sockets.h"
#include "run_suite.h"

static struct conf conf;
static struct sockets sockets;
static char err[CONF_ERROR];

static void
add(struct conf_addrs *list, const char *text)
{
	ck_assert_int_eq(addr_parse(&list->addr[list->count++], text, 0), 0);
}

static void
setup(void)
{
	memset(&conf, 0, sizeof(conf));
	conf.workers = 1;
	add(&conf.rooms, "127.0.0.1:0");
	add(&conf.relay, "127.0.0.1:0");
	add(&conf.lobby, "127.0.0.1:0");
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert_int_eq(addr_from_sockaddr(&a, (struct sockaddr *)&ss, len),
	    0);
	return a.port;
}

static int
option_of(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static bool
have_v6(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), rc;

	rc = fd == -1 ? -1 : bind(fd, (struct sockaddr *)&sin6,
	    sizeof(sin6));
	if (fd != -1)
		close(fd);
	return rc == 0;
}

/* roomd may set no option on what it accepts: the listener's serve. */
START_TEST(connections_inherit_options)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, got;

	ck_assert_msg(sockets_open(&sockets, &conf, err) == 0, "%s", err);
	len = addr_to_sockaddr(&sockets.rooms.addr[0], AF_INET, &ss);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
	got = accept(sockets.rooms_fd[0], NULL, NULL);
	ck_assert_int_ne(got, -1);
	ck_assert_int_ne(option_of(got, IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_ne(option_of(got, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(got);
	close(fd);
	sockets_close(&sockets);
}
END_TEST

START_TEST(port_zero_becomes_a_real_one)
{
	ck_assert_msg(sockets_open(&sockets, &conf, err) == 0, "%s", err);
	ck_assert_uint_ne(sockets.rooms.addr[0].port, 0);
	ck_assert_uint_eq(sockets.rooms.addr[0].port,
	    port_of(sockets.rooms_fd[0]));
	ck_assert_uint_eq(sockets.relay.addr[0].port,
	    port_of(sockets.relay_fd[0][0]));
	ck_assert_uint_eq(sockets.lobby.addr[0].port,
	    port_of(sockets.lobby_fd[0]));
	ck_assert_int_ne(option_of(sockets.rooms_fd[0], SOL_SOCKET,
	    SO_ACCEPTCONN), 0);
	ck_assert_int_ne(fcntl(sockets.rooms_fd[0], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(sockets.relay_fd[0][0], F_GETFL) & O_NONBLOCK,
	    0);
	ck_assert_int_ne(fcntl(sockets.lobby_fd[0], F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(sockets.rooms_fd[1], -1);
	ck_assert_int_eq(sockets.relay_fd[1][0], -1);
	sockets_close(&sockets);
	ck_assert_int_eq(sockets.rooms_fd[0], -1);
}
END_TEST

START_TEST(workers_share_the_port)
{
	unsigned w;

	conf.workers = 4;
	add(&conf.relay, "127.0.0.1:0");
	ck_assert_msg(sockets_open(&sockets, &conf, err) == 0, "%s", err);
	for (w = 0; w < 4; w++) {
		ck_assert_uint_eq(port_of(sockets.relay_fd[w][0]),
		    sockets.relay.addr[0].port);
		ck_assert_uint_eq(port_of(sockets.relay_fd[w][1]),
		    sockets.relay.addr[1].port);
	}
	ck_assert_uint_ne(sockets.relay.addr[0].port,
	    sockets.relay.addr[1].port);
	sockets_close(&sockets);
}
END_TEST

/* Sharing among our own must not share with somebody else's server. */
START_TEST(a_shared_port_is_shared_with_no_other_server)
{
	struct sockets other;
	unsigned mine;

	for (mine = 1; mine <= 3; mine++) {
		conf.workers = 2;
		conf.relay.addr[0].port = 0;
		ck_assert_int_eq(sockets_open(&other, &conf, err), 0);
		conf.workers = mine;
		conf.relay.addr[0].port = other.relay.addr[0].port;
		ck_assert_int_eq(sockets_open(&sockets, &conf, err), -1);
		ck_assert_ptr_nonnull(strstr(err, "relay: cannot listen on"));
		sockets_close(&other);
	}
}
END_TEST

START_TEST(failures_name_the_address)
{
	static const char *const kinds[] = { "rooms", "relay", "lobby" };
	struct conf_addrs *lists[] = { &conf.rooms, &conf.relay,
	    &conf.lobby };
	char expected[256], text[ADDR_TEXT];
	struct sockets other;
	size_t i;

	ck_assert_int_eq(sockets_open(&other, &conf, err), 0);
	for (i = 0; i < 3; i++) {
		conf.rooms.addr[0].port = conf.relay.addr[0].port =
		    conf.lobby.addr[0].port = 0;
		lists[i]->addr[0].port = i == 0 ? other.rooms.addr[0].port :
		    i == 1 ? other.relay.addr[0].port :
		    other.lobby.addr[0].port;
		snprintf(expected, sizeof(expected),
		    "%s: cannot listen on %s: Address already in use",
		    kinds[i], addr_format(&lists[i]->addr[0], text));
		ck_assert_int_eq(sockets_open(&sockets, &conf, err), -1);
		ck_assert_str_eq(err, expected);
		ck_assert_int_eq(sockets.rooms_fd[0], -1);
	}
	sockets_close(&other);
}
END_TEST

static void
wanted(uint32_t members, uint64_t mib_of_memory, uint32_t receive_kib,
    uint32_t send_kib)
{
	const uint32_t top = conf.socket_buffer != 0 ? UINT32_MAX :
	    net_buffer_most() / 1024;	/* some systems allow little */
	struct buffers b;

	conf.max_members = members;
	buffers_want(&b, &conf, mib_of_memory << 20);
	if (receive_kib > top)
		receive_kib = top;
	if (send_kib > top)
		send_kib = top;
	ck_assert_uint_eq(b.want[NET_RECEIVE] / 1024, receive_kib);
	ck_assert_uint_eq(b.want[NET_SEND] / 1024, send_kib);
}

START_TEST(buffers_by_members_and_memory)
{
	ck_assert_uint_ne(buffers_memory(), 0);
	wanted(4096, 1 << 16, 1024, 16384);
	wanted(65536, 1 << 16, 16384, 16384);
	wanted(65536, 0, 16384, 16384);		/* it is not known */
	wanted(65536, 256, 2048, 2048);
	wanted(65536, 16, 256, 256);
	wanted(8388608, 1 << 16, 16384, 16384);
	wanted(1, 1 << 16, 256, 256);
	wanted(100, 1 << 16, 256, 1600);
	conf.socket_buffer = 524288;
	wanted(1, 16, 524288, 524288);
}
END_TEST

/* Less than the kernel's default, so that it can be had by anybody. */
START_TEST(buffers_are_set_on_every_socket)
{
	struct buffers *b = &sockets.buffers;
	uint32_t i;

	conf.workers = 2;
	conf.socket_buffer = 48;
	add(&conf.relay, "127.0.0.1:0");
	ck_assert_msg(sockets_open(&sockets, &conf, err) == 0, "%s", err);
	ck_assert_uint_eq(b->have[NET_RECEIVE], 48 << 10);
	ck_assert_uint_eq(b->have[NET_SEND], 48 << 10);
	ck_assert(!buffers_short(b));
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(net_buffer(sockets.relay_fd[1][i],
		    NET_RECEIVE), 48 << 10);
		ck_assert_uint_eq(net_buffer(sockets.relay_fd[0][i],
		    NET_SEND), 48 << 10);
	}
	ck_assert_uint_eq(net_buffer(sockets.lobby_fd[0], NET_RECEIVE),
	    48 << 10);
	sockets_close(&sockets);
}
END_TEST

START_TEST(buffers_that_are_too_small_are_told)
{
	struct buffers b = { { 4 << 20, 16 << 20 }, { 4 << 20, 16 << 20 } };
	char text[BUFFERS_TEXT], expected[BUFFERS_TEXT];

	ck_assert(!buffers_short(&b));
	ck_assert_str_eq(buffers_text(&b, text), "");
	b.have[NET_SEND] = 208 << 10;
	ck_assert(buffers_short(&b));
	snprintf(expected, sizeof(expected), "the kernel gives 208 of 16384 "
	    "KiB of send buffer (raise %s)", net_buffer_limit(NET_SEND));
	ck_assert_str_eq(buffers_text(&b, text), expected);
	b.have[NET_RECEIVE] = 207 << 10;
	snprintf(expected, sizeof(expected), "the kernel gives 207 of 4096 "
	    "KiB of receive buffer (raise %s), 208 of 16384 KiB of send "
	    "buffer (raise %s)", net_buffer_limit(NET_RECEIVE),
	    net_buffer_limit(NET_SEND));
	ck_assert_str_eq(buffers_text(&b, text), expected);
}
END_TEST

START_TEST(both_families_on_one_port)
{
	if (!have_v6()) {
		printf("NOT TESTED: no IPv6 here\n");
		return;
	}
	ck_assert_int_eq(sockets_open(&sockets, &conf, err), 0);
	conf.rooms.addr[0].port = sockets.rooms.addr[0].port;
	sockets_close(&sockets);
	add(&conf.rooms, "[::1]:0");
	conf.rooms.addr[1].port = conf.rooms.addr[0].port;
	ck_assert_msg(sockets_open(&sockets, &conf, err) == 0, "%s", err);
	ck_assert_int_ne(option_of(sockets.rooms_fd[1], IPPROTO_IPV6,
	    IPV6_V6ONLY), 0);
	sockets_close(&sockets);
}
END_TEST

START_TEST(who_can_reach_it)
{
	memset(&sockets, 0, sizeof(sockets));
	add(&sockets.rooms, "127.0.0.1:1");
	add(&sockets.relay, "[::1]:1");
	ck_assert(sockets_loopback_only(&sockets));
	add(&sockets.lobby, "0.0.0.0:1");
	ck_assert(!sockets_loopback_only(&sockets));
}
END_TEST

START_TEST(the_relay_of_a_listener)
{
	memset(&sockets, 0, sizeof(sockets));
	add(&sockets.rooms, "192.0.2.1:1");
	add(&sockets.rooms, "192.0.2.2:1");
	add(&sockets.rooms, "[2001:db8::1]:1");
	add(&sockets.rooms, "[2001:db8::2]:1");
	add(&sockets.relay, "127.0.0.1:2");
	add(&sockets.relay, "0.0.0.0:2");
	add(&sockets.relay, "192.0.2.2:2");
	add(&sockets.relay, "[2001:db8::2]:2");
	ck_assert_uint_eq(sockets_relay_of(&sockets, 0), 1);	/* any IPv4 */
	ck_assert_uint_eq(sockets_relay_of(&sockets, 1), 2);	/* same host */
	ck_assert_uint_eq(sockets_relay_of(&sockets, 2), 3);	/* family */
	ck_assert_uint_eq(sockets_relay_of(&sockets, 3), 3);
	sockets.relay.count = 1;
	ck_assert_uint_eq(sockets_relay_of(&sockets, 3), 0);	/* no other */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sockets");
	TCase *tc = tcase_create("bind");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, connections_inherit_options);
	tcase_add_test(tc, port_zero_becomes_a_real_one);
	tcase_add_test(tc, workers_share_the_port);
	tcase_add_test(tc, a_shared_port_is_shared_with_no_other_server);
	tcase_add_test(tc, failures_name_the_address);
	tcase_add_test(tc, buffers_by_members_and_memory);
	tcase_add_test(tc, buffers_are_set_on_every_socket);
	tcase_add_test(tc, buffers_that_are_too_small_are_told);
	tcase_add_test(tc, both_families_on_one_port);
	tcase_add_test(tc, who_can_reach_it);
	tcase_add_test(tc, the_relay_of_a_listener);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
