/* SPDX-License-Identifier: ISC */
/*
 * The semaphore on OpenBSD, where sem_init refuses process-shared ones: a
 * named one, opened before the uid change.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "shmlock_sem.h"

int
sem_shared_create(void *mem, const char *name)
{
	sem_t *sem;

	(void)mem;
	if ((sem = sem_open(name, O_CREAT | O_EXCL, 0600, 1)) == SEM_FAILED)
		return -1;
	return sem_close(sem);
}

sem_t *
sem_shared_open(void *mem, const char *name)
{
	sem_t *sem;

	(void)mem;
	sem = sem_open(name, 0);
	return sem == SEM_FAILED ? NULL : sem;
}

void
sem_shared_close(sem_t *sem)
{
	(void)sem_close(sem);
}

void
sem_shared_unlink(const char *name)
{
	(void)sem_unlink(name);
}

int
sem_shared_wait(sem_t *sem, unsigned ms)
{
	struct timespec ts;

	if (sem_trywait(sem) == 0)
		return 0;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	ts.tv_nsec += (long)ms * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return sem_timedwait(sem, &ts);
}

int
sem_shared_remake(sem_t *sem)
{
	while (sem_trywait(sem) == 0)
		;
	return errno == EAGAIN ? sem_post(sem) : -1;
}
