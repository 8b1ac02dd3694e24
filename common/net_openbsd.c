/* SPDX-License-Identifier: ISC */
/*
 * UDP sockets on OpenBSD (see net.h).  An unconnected socket is not told of
 * ICMP errors there, so members behind a closed port leave when they are
 * idle.  Datagrams are not spread over sockets that share a port, so more
 * than one relayd is not to be had.  Each datagram takes a call of its own.
 */
#include <errno.h>
#include <string.h>

#include "net.h"

int
net_want_unreachable(int fd, int family)
{
	(void)fd;
	(void)family;
	return 0;
}

bool
net_next_unreachable(int fd, struct addr *a)
{
	(void)fd;
	(void)a;
	return false;
}

/* What is above its limit is refused as a whole, so less is asked for. */
void
net_set_buffer(int fd, enum net_side side, uint32_t bytes)
{
	int size;

	for (size = (int)bytes; size > 0; size /= 2)
		if (setsockopt(fd, SOL_SOCKET, side == NET_SEND ? SO_SNDBUF :
		    SO_RCVBUF, &size, sizeof(size)) == 0)
			return;
}

/* The kernel's SB_MAX, which no setting raises. */
uint32_t
net_buffer_most(void)
{
	return 2 << 20;
}

uint32_t
net_buffer(int fd, enum net_side side)
{
	socklen_t len = sizeof(int);
	int got = 0;

	if (getsockopt(fd, SOL_SOCKET, side == NET_SEND ? SO_SNDBUF :
	    SO_RCVBUF, &got, &len) == -1 || got < 0)
		return 0;
	return (uint32_t)got;
}

/* All sockets together have what clusters there are. */
const char *
net_buffer_limit(enum net_side side)
{
	(void)side;
	return "kern.maxclusters (sysctl), up to 2048 KiB";
}

bool
net_is_here(int fd, const struct addr *a)
{
	(void)fd;
	(void)a;
	return true;
}

int
net_share_port(int fd)
{
	(void)fd;
	errno = ENOPROTOOPT;
	return -1;
}

bool
net_can_share_port(void)
{
	return false;
}

bool
net_can_bundle(int fd)
{
	(void)fd;
	return false;
}

void
net_bundle_make(struct net_control *c)
{
	memset(c, 0, sizeof(*c));
}

void
net_bundle_size(struct net_control *c, uint16_t size)
{
	(void)c;
	(void)size;
}

bool
net_want_bundles(int fd)
{
	(void)fd;
	return false;
}

size_t
net_bundle_got(const struct msghdr *m)
{
	(void)m;
	return 0;
}
