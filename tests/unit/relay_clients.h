/* SPDX-License-Identifier: ISC */
/*
 * For the tests of relayd's whole path: a relay with real sockets in this
 * process, and clients that speak to it.  Loopback delivers at once, so that
 * what is not there after a turn never comes.
 */
#ifndef OCM_RELAY_CLIENTS_H
#define OCM_RELAY_CLIENTS_H

#include <sys/socket.h>

#include <netinet/in.h>

#include "../../relayd/care.h"
#include "../../relayd/relay.h"
#include "net.h"
#include "relay_fixture.h"

static struct fixture fx;
static struct relay relay;
static struct ctl_start start;
static struct addr relay_at, lobby_at;
static uint64_t before[LC_COUNT];
static bool bundle = true;		/* how it is started */

/* ---- clients ---- */

struct client {
	int		 fd;
	uint16_t	 port;
	struct member_made made;
	const char	*room;
};

static int
udp(const char *host, struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	*a = fx_addr(host, 0);
	len = addr_to_sockaddr(a, AF_INET, &ss);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert_int_eq(addr_from_sockaddr(a, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static struct client
guest(const char *host)
{
	struct client c = { -1, 0, { 0 }, NULL };
	struct addr a;

	c.fd = udp(host, &a);
	c.port = a.port;
	return c;
}

/* Turns of the loop until nothing waits. */
static void
turn(void)
{
	int i;

	for (i = 0; i < 4 || relay.queue.count > 0; i++) {
		relay_turn(&relay);
		relay_receive(&relay, 0);
		relay_receive_lobby(&relay, 0);
		deliver_some(&relay);
		relay_follow(&relay);
		care_tick(&relay);
	}
}

/* The relay has done nothing yet in its millisecond. */
static inline void
next_millisecond(void)
{
	const uint64_t was = relay.now_ms;

	do
		relay_turn(&relay);
	while (relay.now_ms == was);
}

/* Sends, and leaves it waiting in the relay's socket. */
static void
leave_at(const struct client *c, const struct addr *to, const void *p,
    size_t len)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(to, AF_INET, &ss);

	ck_assert_int_eq(sendto(c->fd, p, len, 0, (struct sockaddr *)&ss, n),
	    (ssize_t)len);
}

static void
send_to(const struct client *c, const struct addr *to, const void *p,
    size_t len)
{
	leave_at(c, to, p, len);
	turn();
}

static inline size_t
put(uint8_t *out, const char *room, const char *token, size_t token_len,
    const char *msg, size_t msg_len)
{
	const size_t r = strlen(room);

	out[0] = (uint8_t)r;
	out[1] = (uint8_t)token_len;
	memcpy(out + 2, room, r);
	memcpy(out + 2 + r, token, token_len);
	memcpy(out + 2 + r + token_len, msg, msg_len);
	return 2 + r + token_len + msg_len;
}

/* It waits in the relay's socket until the next turn. */
static inline void
leave_said(const struct client *c, const void *msg, size_t len)
{
	uint8_t out[DATAGRAM_MAX];

	leave_at(c, &relay_at, out, put(out, c->room, c->made.token,
	    c->made.token_len, msg, len));
}

static inline void
say_in(const struct client *c, const char *room, const char *msg)
{
	uint8_t out[DATAGRAM_MAX];

	send_to(c, &relay_at, out, put(out, room, c->made.token,
	    c->made.token_len, msg, strlen(msg)));
}

static inline void
say(const struct client *c, const char *msg)
{
	say_in(c, c->room, msg);
}

/* A member; heard: its port is known from a keepalive. */
static inline struct client
member_as(const char *room, const char *name, const char *dialect,
    bool registered)
{
	struct client c = guest("127.0.0.1");
	struct member_new m;

	m = fx_member(name, dialect, "127.0.0.1", registered ? c.port : 0);
	c.made = fx_enter(&fx, room, &m);
	c.room = room;
	if (!registered)
		say(&c, "");
	turn();
	return c;
}

static inline struct client
member(const char *room, const char *name)
{
	return member_as(room, name, "plain", false);
}

/* Exactly these bytes wait, and nothing else is looked at. */
static inline void
gets(const struct client *c, const char *expected, size_t len)
{
	uint8_t got[DATAGRAM_MAX + 1];
	ssize_t n = recv(c->fd, got, sizeof(got), 0);

	ck_assert_msg(n == (ssize_t)len && memcmp(got, expected, len) == 0,
	    "got %zd bytes \"%.*s\", expected %zu \"%.*s\"", n,
	    n > 99 ? 99 : n > 0 ? (int)n : 0, (const char *)got, len,
	    len > 99 ? 99 : (int)len, expected);
}

static inline void
hears(const struct client *c, const char *expected)
{
	gets(c, expected, strlen(expected));
}

static inline void
hears_nothing(const struct client *c)
{
	char got[DATAGRAM_MAX];
	ssize_t n = recv(c->fd, got, sizeof(got), 0);

	ck_assert_msg(n == -1, "got \"%.*s\"", n > 0 ? (int)n : 0, got);
}

static inline uint64_t
grown(enum relay_counter which)
{
	uint64_t now = live_counter(fx.roomd.live[0], which), n;

	n = now - before[which];
	before[which] = now;
	return n;
}

/* ---- the server under test ---- */

static void
boot(void)
{
	static int fds[2];

	if (start.relay_count == 0) {
		fds[0] = udp("127.0.0.1", &relay_at);
		fds[1] = udp("127.0.0.1", &lobby_at);
		ck_assert_int_eq(net_want_unreachable(fds[0], AF_INET), 0);
		ck_assert_int_eq(net_want_unreachable(fds[1], AF_INET), 0);
		start.role = ROLE_RELAYD;
		start.limits = fx.lim;
		start.relay_count = start.lobby_count = 1;
		start.relay[0] = relay_at;
		start.lobby[0] = lobby_at;
		memcpy(start.token_key, fx_token_key, TOKEN_KEY);
		start.settings.idle_s = 300;
		start.settings.bundle = bundle;
		ck_assert(net_want_bundles(fds[0]) || !bundle);
	}
	relay_make(&relay, &start, &fx.relayd[0], fx.reader[0], fds);
	relay.slice_us = 0;	/* so that a slice is the same every time */
	turn();
}

static inline void
setup(void)
{
	fx_open(&fx, 64, 400, 3, 1);
	boot();
}

static inline void
setup_of_two(void)
{
	fx_open(&fx, 64, 400, 3, 2);
	boot();
}

static inline void
setup_plain(void)
{
	bundle = false;
	setup();
}

static inline void
teardown(void)
{
	fx_close(&fx);
}

#endif
