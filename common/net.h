/* SPDX-License-Identifier: ISC */
/*
 * What differs between platforms about UDP sockets.  One file each.
 */
#ifndef OCM_NET_H
#define OCM_NET_H

#include <stdbool.h>

#include "addr.h"

/* ocmd, at bind: asks for ICMP errors of a UDP socket where they exist. */
int	net_want_unreachable(int fd, int family);
/*
 * The next pending "port unreachable" answer of the socket: true and whose
 * address it is, or false when there is none (always, on a platform that
 * does not tell).  Never blocks.
 */
bool	net_next_unreachable(int fd, struct addr *);
/* SO_REUSEPORT with balancing between the sockets, where it exists. */
int	net_share_port(int fd);

#endif
