/* SPDX-License-Identifier: ISC */
/*
 * The lock of the segment for targets that are one process: it is to be had,
 * unless a hostile peer keeps it.  What such a one does while we hold it is
 * on_lock's.
 */
#ifndef OCM_FUZZ_NOLOCK_H
#define OCM_FUZZ_NOLOCK_H

#include <errno.h>

#include "shmlock.h"

static void on_lock(void);
static bool nolock_kept;	/* by somebody else, for one wait */

int
shmlock_acquire(struct shmlock *l, unsigned tries)
{
	(void)l;
	on_lock();
	if (tries == 0 || !nolock_kept)
		return 0;
	nolock_kept = false;
	errno = EAGAIN;
	return -1;
}

void
shmlock_release(struct shmlock *l)
{
	(void)l;
	on_lock();
}

#endif
