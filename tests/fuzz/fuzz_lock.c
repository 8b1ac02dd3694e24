/* SPDX-License-Identifier: ISC */
/*
 * Region C, which every process writes, as each of them finds it on Linux:
 * whatever the words of the others, `park` and the semaphore say, a wait that
 * has an end ends, nothing else is written, and the supervisor's remaking
 * makes a lock of it again.
 */
#include <sys/syscall.h>

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"
#include "shmlock.h"
#include "table.h"

enum { TRIES = 3, STEPS = 32, WAITS_MAX = 4096 };

static uint8_t *area;
static size_t size;
static struct shmlock *role[SHMLOCK_ROLES], *ocmd;
static struct hostile hostile;
static unsigned waits, stuck;

/* Waiting for the semaphore takes no time here, but others go on. */
long
syscall(long sysno, ...)
{
	_Atomic uint32_t *word;
	uint32_t expected;
	va_list ap;
	int op;

	va_start(ap, sysno);
	word = va_arg(ap, _Atomic uint32_t *);
	op = va_arg(ap, int);
	expected = va_arg(ap, uint32_t);
	va_end(ap);
	MUST(sysno == SYS_futex && ++waits < WAITS_MAX);
	MUST((uint8_t *)word >= area && (uint8_t *)word < area + size);
	if (op == FUTEX_WAKE)
		return 0;
	MUST(op == FUTEX_WAIT_BITSET);
	hostile_round(&hostile);
	errno = *word == expected ? ETIMEDOUT : EAGAIN;
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

/* The semaphore, which comes first, gets a value that means something. */
static void
value(struct hostile *h, unsigned which)
{
	(void)h;
	memset(area, 0, sizeof(uint32_t));
	area[0] = (uint8_t)(which % 4);
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
		hostile.region[i].base = area;
		hostile.region[i].size = size;
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
