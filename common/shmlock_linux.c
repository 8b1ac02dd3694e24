/* SPDX-License-Identifier: ISC */
/*
 * The semaphore on Linux: unnamed, in region C.
 */
#include <errno.h>
#include <time.h>

#include "shmlock_sem.h"

int
sem_shared_create(void *mem, const char *name)
{
	(void)name;
	return sem_init(mem, 1, 1);
}

sem_t *
sem_shared_open(void *mem, const char *name)
{
	(void)name;
	return mem;
}

void
sem_shared_close(sem_t *sem)
{
	(void)sem;	/* its memory belongs to everybody */
}

void
sem_shared_unlink(const char *name)
{
	(void)name;
}

int
sem_shared_wait(sem_t *sem, unsigned ms)
{
	struct timespec ts;

	if (sem_trywait(sem) == 0)
		return 0;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		return -1;
	ts.tv_nsec += (long)ms * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	/* sem_timedwait would wait for hours if the calendar were set back */
	return sem_clockwait(sem, CLOCK_MONOTONIC, &ts);
}

/*
 * Posting until the value is 1 would not do: glibc counts waiters in the
 * semaphore too, and one that was killed is counted for ever, which makes
 * every later post a system call.
 */
int
sem_shared_remake(sem_t *sem)
{
	return sem_init(sem, 1, 1);
}
