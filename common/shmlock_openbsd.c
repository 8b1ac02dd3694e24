/* SPDX-License-Identifier: ISC */
/*
 * The semaphore on OpenBSD, where sem_init refuses process-shared ones: a
 * named one, opened before the uid change.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stddef.h>
#include <time.h>

#include "shmlock_sem.h"

static sem_t *
sem_of(struct sem_shared *s)
{
	return (sem_t *)(void *)s;
}

int
sem_shared_create(struct sem_area *a, const char *name)
{
	sem_t *sem;

	(void)a;
	if ((sem = sem_open(name, O_CREAT | O_EXCL, 0600, 1)) == SEM_FAILED)
		return -1;
	return sem_close(sem);
}

struct sem_shared *
sem_shared_open(struct sem_area *a, const char *name)
{
	sem_t *sem;

	(void)a;
	sem = sem_open(name, 0);
	return sem == SEM_FAILED ? NULL : (struct sem_shared *)(void *)sem;
}

void
sem_shared_close(struct sem_shared *s)
{
	(void)sem_close(sem_of(s));
}

void
sem_shared_unlink(const char *name)
{
	(void)sem_unlink(name);
}

int
sem_shared_wait(struct sem_shared *s, unsigned ms)
{
	struct timespec ts;

	if (sem_trywait(sem_of(s)) == 0)
		return 0;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	ts.tv_nsec += (long)ms * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return sem_timedwait(sem_of(s), &ts);
}

void
sem_shared_post(struct sem_shared *s)
{
	(void)sem_post(sem_of(s));
}

int
sem_shared_remake(struct sem_shared *s)
{
	while (sem_trywait(sem_of(s)) == 0)
		;
	return errno == EAGAIN ? sem_post(sem_of(s)) : -1;
}
