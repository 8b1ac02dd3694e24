/* SPDX-License-Identifier: ISC */
/*
 * The semaphore itself: the one part of the lock that differs between
 * platforms.  Used by shmlock.c only.
 */
#ifndef OCM_SHMLOCK_SEM_H
#define OCM_SHMLOCK_SEM_H

#include <semaphore.h>

/* Makes a semaphore of value 1 at mem, or by that name.  0, or -1. */
int	sem_shared_create(void *mem, const char *name);
/* This process's handle, or NULL with errno. */
sem_t	*sem_shared_open(void *mem, const char *name);
void	sem_shared_close(sem_t *);
void	sem_shared_unlink(const char *name);
/*
 * Waits at most ms milliseconds, whatever happens to the calendar.
 * 0, or -1 with ETIMEDOUT or EINTR.
 */
int	sem_shared_wait(sem_t *, unsigned ms);
/* Makes the value 1 again while nobody uses the semaphore. */
int	sem_shared_remake(sem_t *);

#endif
