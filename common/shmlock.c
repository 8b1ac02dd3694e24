/* SPDX-License-Identifier: ISC */
/*
 * The lock of the shared segment (see shmlock.h).  What follows is written
 * in the order of README, "The lock"; every store to an intent word or
 * to `park` is sequentially consistent, because exclusion rests on "my WANT
 * before my look at park" against "its park before its look at my word".
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "shmlock.h"
#include "shmlock_sem.h"

enum {
	WAIT_MS = 5,
	STUCK_WAITS = 40,
	NAP_US = 500,
};
enum intent { IDLE, WANT, HOLD, POST };

struct shmlock_area {
	struct sem_area		sem;	/* used where the platform can */
	_Atomic uint32_t	park;
	_Atomic uint32_t	intent[SHMLOCK_ROLES];
};

struct shmlock {
	struct shmlock_area	*area;
	struct sem_shared	*sem;
	int			 role;
	void			(*stuck)(void *);
	void			*stuck_arg;
};

size_t
shmlock_area_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct shmlock_area) + page - 1) / page * page;
}

int
shmlock_format(struct shmlock_area *area, const char *name)
{
	return sem_shared_create(&area->sem, name);
}

struct shmlock *
shmlock_open(struct shmlock_area *area, const char *name, int role)
{
	struct shmlock *l;

	if (role < -1 || role >= SHMLOCK_ROLES) {
		errno = EINVAL;
		return NULL;
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	if ((l->sem = sem_shared_open(&area->sem, name)) == NULL) {
		free(l);
		return NULL;
	}
	l->area = area;
	l->role = role;
	return l;
}

void
shmlock_close(struct shmlock *l)
{
	if (l == NULL)
		return;
	sem_shared_close(l->sem);
	free(l);
}

void
shmlock_unlink(const char *name)
{
	sem_shared_unlink(name);
}

void
shmlock_on_stuck(struct shmlock *l, void (*fn)(void *), void *arg)
{
	l->stuck = fn;
	l->stuck_arg = arg;
}

static void
nap(void)
{
	struct timespec ts = { 0, NAP_US * 1000L };

	(void)nanosleep(&ts, NULL);
}

static bool
is_parked(const struct shmlock *l)
{
	return !MUTANT(no_park) && atomic_load(&l->area->park) != 0;
}

/* One wait for the semaphore: 0 when it is ours. */
static int
try_once(struct shmlock *l)
{
	_Atomic uint32_t *word = &l->area->intent[l->role];

	FAULT(acquire_begin);
	atomic_store(word, WANT);
	FAULT(acquire_want);
	/*
	 * The second look: a supervisor that parked before it saw our WANT
	 * takes us for idle and may be making the semaphore anew.
	 */
	if ((MUTANT(no_second_look) || !is_parked(l)) &&
	    sem_shared_wait(l->sem, WAIT_MS) == 0) {
		FAULT(acquire_got);
		atomic_store(word, HOLD);
		FAULT(acquire_hold);
		return 0;
	}
	FAULT(acquire_missed);
	atomic_store(word, IDLE);
	return -1;
}

int
shmlock_acquire(struct shmlock *l, unsigned tries)
{
	unsigned misses = 0, parked = 0;

	for (;;) {
		if (is_parked(l)) {
			if (tries > 0 &&
			    ++parked > tries * (WAIT_MS * 1000 / NAP_US))
				break;
			FAULT(acquire_parked);
			nap();
			continue;
		}
		if (try_once(l) == 0)
			return 0;
		misses++;
		if (misses % STUCK_WAITS == 0 && l->stuck != NULL)
			l->stuck(l->stuck_arg);
		if (tries > 0 && misses >= tries)
			break;
	}
	errno = EAGAIN;
	return -1;
}

void
shmlock_release(struct shmlock *l)
{
	_Atomic uint32_t *word = &l->area->intent[l->role];

	atomic_store(word, POST);
	FAULT(release_post);
	sem_shared_post(l->sem);
	FAULT(release_posted);
	atomic_store(word, IDLE);
	FAULT(release_idle);
}

void
shmlock_park(struct shmlock *l)
{
	atomic_store(&l->area->park, 1);
}

uint32_t
shmlock_busy(const struct shmlock *l, uint32_t alive)
{
	uint32_t busy = 0;
	int i;

	for (i = 0; i < SHMLOCK_ROLES; i++)
		if ((alive >> i & 1) != 0 &&
		    atomic_load(&l->area->intent[i]) != IDLE)
			busy |= UINT32_C(1) << i;
	return busy;
}

int
shmlock_remake(struct shmlock *l, uint32_t dead)
{
	int i;

	for (i = 0; i < SHMLOCK_ROLES; i++)
		if ((dead >> i & 1) != 0)
			atomic_store(&l->area->intent[i], IDLE);
	return MUTANT(no_remake) ? 0 : sem_shared_remake(l->sem);
}

void
shmlock_unpark(struct shmlock *l)
{
	atomic_store(&l->area->park, 0);
}
