/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <poll.h> has and POSIX has not; see ../check.sh. */
#include_next <poll.h>

#ifndef OCM_OPENBSD_POLL_H
#define OCM_OPENBSD_POLL_H

#include <signal.h>
#include <time.h>

int	 ppoll(struct pollfd *, nfds_t, const struct timespec *,
	    const sigset_t *);

#endif
