/* SPDX-License-Identifier: ISC */
/*
 * Which addresses are our own sockets'.  A member can register any port of
 * its host, and where that is ours, what we sent there would come back to us
 * as the member's own words, to be sent there again.  So nothing is sent to
 * such a place (peers.c) and nothing is taken from one (relay.c, lobby.c).
 */
#ifndef RELAYD_OWN_H
#define RELAYD_OWN_H

#include <stdbool.h>

#include "ctl.h"

struct own {
	struct addr	at[2 * OCM_ADDRS_MAX];	/* as bound */
	unsigned	count;
	int		v4, v6;		/* a socket of each kind, or -1 */
};

/* fds: as relay_make has them. */
void	own_make(struct own *, const struct ctl_start *, const int *fds);
/*
 * A few comparisons, and a system call where a socket that is bound to every
 * address has that port.  Where the system does not say whether the host is
 * this machine, it is taken for it.
 */
bool	own_has(const struct own *, const struct addr *);

#endif
