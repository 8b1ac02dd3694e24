/* SPDX-License-Identifier: ISC */
/*
 * The semaphore on Linux: one word in region C and the kernel's futex.
 *
 * glibc's sem_t would do, were it not that every process can write to region
 * C: a sem_t says there how the kernel is to be called, and glibc ends a
 * process, or waits for ever, where that is nonsense.  So whoever captured
 * one process could end all others.  Here the word is all there is, every
 * value of it means something, and no wait is longer than was asked for.
 */
#include <sys/syscall.h>

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "shmlock_sem.h"

enum { FREE, TAKEN, WANTED };	/* any other: taken, and wanted */

/* What SYS_futex takes, however wide time_t is. */
struct deadline {
	long	s, ns;
};

static struct sem_area *
area_of(struct sem_shared *s)
{
	return (struct sem_area *)(void *)s;
}

int
sem_shared_create(struct sem_area *a, const char *name)
{
	(void)name;
	atomic_store(&a->word, FREE);
	return 0;
}

struct sem_shared *
sem_shared_open(struct sem_area *a, const char *name)
{
	(void)name;
	return (struct sem_shared *)(void *)a;
}

void
sem_shared_close(struct sem_shared *s)
{
	(void)s;	/* its memory belongs to everybody */
}

void
sem_shared_unlink(const char *name)
{
	(void)name;
}

static struct deadline
now(void)
{
	struct timespec ts;

	/* It cannot fail, and the calendar has no say in it. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct deadline){ (long)ts.tv_sec, ts.tv_nsec };
}

static struct deadline
deadline_in(unsigned ms)
{
	struct deadline d = now();

	d.ns += (long)ms * 1000000L;
	d.s += d.ns / 1000000000L;
	d.ns %= 1000000000L;
	return d;
}

/* Sleeps while the word is WANTED: -1 with ETIMEDOUT or EINTR, or 0. */
static int
sleep_until(struct sem_area *a, const struct deadline *end)
{
	struct deadline t;

	if (syscall(SYS_futex, &a->word, FUTEX_WAIT_BITSET, WANTED, end, NULL,
	    FUTEX_BITSET_MATCH_ANY) == -1 && errno != EAGAIN)
		return -1;
	/* Somebody may change the word faster than anybody can sleep. */
	t = now();
	if (t.s < end->s || (t.s == end->s && t.ns < end->ns))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

int
sem_shared_wait(struct sem_shared *s, unsigned ms)
{
	struct sem_area *a = area_of(s);
	struct deadline end;
	uint32_t was = FREE;
	bool late = false;

	if (atomic_compare_exchange_strong(&a->word, &was, TAKEN))
		return 0;
	end = deadline_in(ms);
	/*
	 * Whoever gets it so leaves WANTED behind: one call too much.  There is
	 * a try after the last sleep, too: it may have been ended by the only
	 * wake for a word that others sleep on.
	 */
	while (atomic_exchange(&a->word, WANTED) != FREE) {
		if (late)
			return -1;
		late = sleep_until(a, &end) == -1;
	}
	return 0;
}

void
sem_shared_post(struct sem_shared *s)
{
	struct sem_area *a = area_of(s);

	if (atomic_exchange(&a->word, FREE) != TAKEN)
		(void)syscall(SYS_futex, &a->word, FUTEX_WAKE, 1, NULL, NULL,
		    0);
}

int
sem_shared_remake(struct sem_shared *s)
{
	atomic_store(&area_of(s)->word, FREE);
	return 0;
}
