/* SPDX-License-Identifier: ISC */
/*
 * Our own sockets (see own.h).  Made by setup.c.
 */
#include <string.h>

#include "net.h"
#include "own.h"

/* fd: -1 where the socket is another relay's. */
static void
add(struct own *o, const struct addr *a, int fd)
{
	o->at[o->count++] = *a;
	if (fd == -1)
		return;
	if (addr_is_v4(a))
		o->v4 = fd;
	else
		o->v6 = fd;
}

void
own_make(struct own *o, const struct ctl_start *start, const int *fds)
{
	unsigned i;

	memset(o, 0, sizeof(*o));
	o->v4 = o->v6 = -1;
	for (i = 0; i < start->relay_count; i++)
		add(o, &start->relay[i], fds[i]);
	/* The lobby is worker 0's, but all are told where it is. */
	for (i = 0; i < OCM_ADDRS_MAX; i++)
		if (start->lobby[i].port != 0)
			add(o, &start->lobby[i], i < start->lobby_count ?
			    fds[start->relay_count + i] : -1);
}

/* Of a socket that takes what comes to any address of this machine. */
static bool
is_here(const struct own *o, const struct addr *a)
{
	const int fd = addr_is_v4(a) ? o->v4 : o->v6;

	return fd == -1 || net_is_here(fd, a);
}

bool
own_has(const struct own *o, const struct addr *a)
{
	unsigned i;

	for (i = 0; i < o->count; i++) {
		if (o->at[i].port != a->port)
			continue;
		if (addr_same_host(&o->at[i], a) ||
		    (addr_is_any(&o->at[i]) &&
		    addr_is_v4(&o->at[i]) == addr_is_v4(a) && is_here(o, a)))
			return true;
	}
	return false;
}
