/* SPDX-License-Identifier: ISC */
/*
 * Region C, which every process writes, as each of them finds it on Linux:
 * whatever the words of the others, `park` and the value of the semaphore
 * say, a wait that has an end ends, nothing else is written, and the
 * supervisor's remaking makes a lock of it again.  The inside of a semaphore
 * is the C library's; glibc ends a process that finds nonsense in it.
 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <time.h>

#include "hostile.h"
#include "shmlock.h"
#include "table.h"

enum { TRIES = 3, STEPS = 32, WAITS_MAX = 4096 };

static uint8_t *area;
static size_t size;
static struct shmlock *role[SHMLOCK_ROLES], *ocmd;
static struct hostile hostile;
static unsigned waits, stuck;

/* A wait for the semaphore takes no time here, but others go on. */
int
sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *abstime)
{
	(void)clock;
	MUST((uint8_t *)sem >= area && (uint8_t *)sem < area + size);
	MUST(abstime->tv_nsec >= 0 && abstime->tv_nsec < 1000000000L);
	MUST(++waits < WAITS_MAX);
	hostile_round(&hostile);
	if (sem_trywait(sem) == 0)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

int
nanosleep(const struct timespec *requested_time, struct timespec *remaining)
{
	(void)remaining;
	MUST(requested_time->tv_sec == 0 && ++waits < WAITS_MAX);
	hostile_round(&hostile);
	return 0;
}

static void
on_stuck(void *arg)
{
	(void)arg;
	stuck++;
}

/* The semaphore, which comes first, gets any value that it can have. */
static void
value(struct hostile *h, unsigned which)
{
	const unsigned v = which < 4 ? which : (unsigned)SEM_VALUE_MAX -
	    hostile_byte(h);

	MUST(sem_init((sem_t *)(void *)area, 1, v) == 0);
}

static void
setup(void)
{
	unsigned i;

	size = shmlock_area_size();
	area = table_memory(size);
	MUST(shmlock_format((struct shmlock_area *)(void *)area,
	    "/ocm-fuzz") == 0);
	for (i = 0; i < SHMLOCK_ROLES; i++) {
		role[i] = shmlock_open((struct shmlock_area *)(void *)area,
		    "/ocm-fuzz", (int)i);
		MUST(role[i] != NULL);
		shmlock_on_stuck(role[i], on_stuck, NULL);
	}
	ocmd = shmlock_open((struct shmlock_area *)(void *)area,
	    "/ocm-fuzz", -1);
	MUST(ocmd != NULL);
	for (i = 0; i < 4; i++) {
		hostile.region[i].base = area + sizeof(sem_t);
		hostile.region[i].size = size - sizeof(sem_t);
	}
	hostile.verb = value;
}

static void
step(void)
{
	const uint8_t how = hostile_byte(&hostile);
	struct shmlock *l = role[hostile_byte(&hostile) % SHMLOCK_ROLES];

	switch (how % 5) {
	case 0:
		if (shmlock_acquire(l, 1 + how / 5u % TRIES) == -1)
			MUST(errno == EAGAIN);
		break;
	case 1:
		shmlock_release(l);
		break;
	case 2:
		MUST((shmlock_busy(ocmd, how / 5u) & ~(how / 5u)) == 0);
		break;
	case 3:
		shmlock_park(ocmd);
		break;
	case 4:
		shmlock_unpark(ocmd);
		break;
	}
}

/* All are dead, and ocmd makes the lock anew: it is one, and only one's. */
static void
remake(void)
{
	const uint32_t all = (UINT32_C(1) << SHMLOCK_ROLES) - 1;

	hostile.left = 0;
	waits = 0;
	shmlock_park(ocmd);
	MUST(shmlock_remake(ocmd, all) == 0);
	MUST(shmlock_busy(ocmd, all) == 0);
	shmlock_unpark(ocmd);
	MUST(shmlock_acquire(role[0], 1) == 0);
	MUST(shmlock_busy(ocmd, all) == 1);
	MUST(shmlock_acquire(role[1], 1) == -1);
	shmlock_release(role[0]);
	MUST(shmlock_busy(ocmd, all) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	unsigned i;

	if (area == NULL)
		setup();
	hostile.p = p;
	hostile.left = len;
	hostile_round(&hostile);
	for (i = 0; i < STEPS && hostile.left > 0; i++) {
		waits = 0;
		step();
	}
	remake();
	return 0;
}
