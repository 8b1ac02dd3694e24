/* SPDX-License-Identifier: ISC */
/*
 * The semaphore itself: the one part of the lock that differs between
 * platforms.  Used by shmlock.c only.
 */
#ifndef OCM_SHMLOCK_SEM_H
#define OCM_SHMLOCK_SEM_H

#include <stdatomic.h>
#include <stdint.h>

/* Its place in region C, where the platform keeps it there. */
struct sem_area {
	_Atomic uint32_t	word;
};

struct sem_shared;		/* this process's handle */

/* Makes a semaphore of value 1 at the area, or by that name.  0, or -1. */
int	sem_shared_create(struct sem_area *, const char *name);
/* This process's handle, or NULL with errno. */
struct sem_shared *sem_shared_open(struct sem_area *, const char *name);
void	sem_shared_close(struct sem_shared *);
void	sem_shared_unlink(const char *name);
/*
 * Waits at most ms milliseconds, whatever happens to the area; on Linux also
 * whatever happens to the calendar.  0, or -1 with ETIMEDOUT or EINTR.
 */
int	sem_shared_wait(struct sem_shared *, unsigned ms);
void	sem_shared_post(struct sem_shared *);
/* Makes the value 1 again while nobody uses the semaphore. */
int	sem_shared_remake(struct sem_shared *);

#endif
