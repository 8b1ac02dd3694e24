/* SPDX-License-Identifier: ISC */
/*
 * UDP sockets on OpenBSD (see net.h).  An unconnected socket is not told of
 * ICMP errors there, so members behind a closed port leave when they are
 * idle.  Datagrams are not spread over sockets that share a port, so more
 * than one relayd is not to be had.
 */
#include <errno.h>

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

int
net_share_port(int fd)
{
	(void)fd;
	errno = ENOPROTOOPT;
	return -1;
}
