/* SPDX-License-Identifier: ISC */
/* Binding the server's sockets (see sockets.h). */
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "sockets.h"

enum {
	BACKLOG = 4096,			/* the kernel may know a lower limit */
	PORT_TRIES = 8,
};

/* What tells one kind of socket from another. */
struct kind {
	const char	*name;		/* the setting */
	int		 type;		/* SOCK_STREAM or SOCK_DGRAM */
};
static const struct kind kind_rooms = { "rooms", SOCK_STREAM };
static const struct kind kind_relay = { "relay", SOCK_DGRAM };
static const struct kind kind_lobby = { "lobby", SOCK_DGRAM };

/*
 * A connection inherits these from its listener; roomd, which accepts it, may
 * set no option.  The parts of an answer must not wait for each other's
 * acknowledgement, and a member whose machine vanished is to be noticed.
 */
static int
want_stream_options(int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == -1)
		return -1;
	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int
want_options(int fd, const struct kind *k, int family, bool share)
{
	int on = 1;

	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
	    &on, sizeof(on)) == -1)
		return -1;
	if (k->type == SOCK_STREAM)
		return want_stream_options(fd);
	(void)net_want_bundles(fd);
	if (share && net_share_port(fd) == -1)
		return -1;
	return net_want_unreachable(fd, family);
}

/* One bound socket, or -1 with errno; *a gets the port it really has. */
static int
bind_one(const struct kind *k, struct addr *a, bool share)
{
	struct sockaddr_storage ss;
	int fd, saved, family = addr_family(a);
	socklen_t len = addr_to_sockaddr(a, family, &ss);

	fd = socket(family, k->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (want_options(fd, k, family, share) == -1 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    (k->type == SOCK_STREAM && listen(fd, BACKLOG) == -1))
		goto fail;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    addr_from_sockaddr(a, (struct sockaddr *)&ss, len) == -1)
		goto fail;
	return fd;
fail:
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/*
 * Sockets that share a port would share it with another server's, too: one
 * that does not share tries the port first, and picks it where it is 0.
 */
static int
bind_shared_once(const struct kind *k, struct addr *a, int *const fds[],
    uint32_t workers)
{
	uint32_t w, made;
	int probe, saved;

	if ((probe = bind_one(k, a, false)) == -1)
		return -1;
	(void)close(probe);
	for (made = 0; made < workers; made++)
		if ((*fds[made] = bind_one(k, a, true)) == -1)
			break;
	if (made == workers)
		return 0;
	saved = errno;
	for (w = 0; w < made; w++) {
		(void)close(*fds[w]);
		*fds[w] = -1;
	}
	errno = saved;
	return -1;
}

/* One address for all workers; fds: where each one's socket goes. */
static int
bind_workers(const struct kind *k, struct addr *a, int *const fds[],
    uint32_t workers)
{
	struct addr wanted = *a;
	int i;

	if (workers == 1)
		return (*fds[0] = bind_one(k, a, false)) == -1 ? -1 : 0;
	for (i = 0; i < PORT_TRIES; i++) {
		*a = wanted;
		if (bind_shared_once(k, a, fds, workers) == 0)
			return 0;
		if (wanted.port != 0 || errno != EADDRINUSE)
			break;
	}
	return -1;
}

static int
complain(const struct kind *k, const struct addr *a, char err[CONF_ERROR])
{
	char text[ADDR_TEXT];
	int saved = errno;

	(void)snprintf(err, CONF_ERROR, "%s: cannot listen on %s: %s",
	    k->name, addr_format(a, text), strerror(saved));
	errno = saved;
	return -1;
}

static int
open_kind(const struct kind *k, struct conf_addrs *list, int fds[],
    char err[CONF_ERROR])
{
	struct addr wanted;
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		wanted = list->addr[i];
		if ((fds[i] = bind_one(k, &list->addr[i], false)) == -1)
			return complain(k, &wanted, err);
	}
	return 0;
}

static int
open_relay(struct sockets *s, char err[CONF_ERROR])
{
	int *fds[OCM_WORKERS_MAX];
	struct addr wanted;
	uint32_t i, w;

	for (i = 0; i < s->relay.count; i++) {
		for (w = 0; w < s->workers; w++)
			fds[w] = &s->relay_fd[w][i];
		wanted = s->relay.addr[i];
		if (bind_workers(&kind_relay, &s->relay.addr[i], fds,
		    s->workers) == -1)
			return complain(&kind_relay, &wanted, err);
	}
	return 0;
}

static void
size_buffers(struct sockets *s, const struct conf *c)
{
	uint32_t i, w;

	buffers_want(&s->buffers, c, buffers_memory());
	for (w = 0; w < s->workers; w++)
		for (i = 0; i < s->relay.count; i++)
			buffers_set(&s->buffers, s->relay_fd[w][i]);
	for (i = 0; i < s->lobby.count; i++)
		buffers_set(&s->buffers, s->lobby_fd[i]);
}

int
sockets_open(struct sockets *s, const struct conf *c, char err[CONF_ERROR])
{
	int saved;

	memset(s, 0, sizeof(*s));
	memset(s->rooms_fd, -1, sizeof(s->rooms_fd));
	memset(s->relay_fd, -1, sizeof(s->relay_fd));
	memset(s->lobby_fd, -1, sizeof(s->lobby_fd));
	s->rooms = c->rooms;
	s->relay = c->relay;
	s->lobby = c->lobby;
	s->workers = c->workers;
	if (open_kind(&kind_rooms, &s->rooms, s->rooms_fd, err) == 0 &&
	    open_relay(s, err) == 0 &&
	    open_kind(&kind_lobby, &s->lobby, s->lobby_fd, err) == 0) {
		size_buffers(s, c);
		return 0;
	}
	saved = errno;
	sockets_close(s);
	errno = saved;
	return -1;
}

static void
close_all(int fds[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (fds[i] != -1)
			(void)close(fds[i]);
		fds[i] = -1;
	}
}

void
sockets_close(struct sockets *s)
{
	uint32_t w;

	close_all(s->rooms_fd, OCM_ADDRS_MAX);
	for (w = 0; w < OCM_WORKERS_MAX; w++)
		close_all(s->relay_fd[w], OCM_ADDRS_MAX);
	close_all(s->lobby_fd, OCM_ADDRS_MAX);
}

bool
sockets_loopback_only(const struct sockets *s)
{
	const struct conf_addrs *lists[] = { &s->rooms, &s->relay, &s->lobby };
	uint32_t i, k;

	for (k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
		for (i = 0; i < lists[k]->count; i++)
			if (!addr_is_loopback(&lists[k]->addr[i]))
				return false;
	return true;
}

uint8_t
sockets_relay_of(const struct sockets *s, uint32_t rooms_index)
{
	const struct addr *want = &s->rooms.addr[rooms_index], *a;
	uint32_t i, best = 0;
	int fit, best_fit = 0;

	for (i = 0; i < s->relay.count; i++) {
		a = &s->relay.addr[i];
		if (addr_family(a) != addr_family(want))
			continue;
		fit = addr_same_host(a, want) ? 3 : addr_is_any(a) ? 2 : 1;
		if (fit > best_fit) {
			best_fit = fit;
			best = i;
		}
	}
	return (uint8_t)best;
}
