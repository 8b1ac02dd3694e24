/* SPDX-License-Identifier: ISC */
/*
 * The lock: exclusion between real processes, and no way for a death to
 * stop the others.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shmlock.h"
#include "run_suite.h"

enum { ROLES = 3, ROUNDS = 20000, KILLS = 60 };

struct shared {
	_Atomic uint32_t	inside;		/* who is in, as a count */
	_Atomic uint32_t	broken;		/* two were */
	_Atomic uint32_t	rounds;		/* critical sections done */
	uint64_t		a, b;		/* equal outside */
};

static struct shmlock_area *area;
static struct shared *shared;

static void
setup(void)
{
	area = mmap(NULL, shmlock_area_size(), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(area != MAP_FAILED && shared != MAP_FAILED);
	ck_assert_int_eq(shmlock_format(area, "/ocm-check-lock"), 0);
}

static void
teardown(void)
{
	shmlock_unlink("/ocm-check-lock");
	munmap(area, shmlock_area_size());
	munmap(shared, sizeof(*shared));
}

static void
critical(void)
{
	if (atomic_fetch_add(&shared->inside, 1) != 0)
		atomic_store(&shared->broken, 1);
	shared->a++;
	shared->b++;
	atomic_fetch_sub(&shared->inside, 1);
	atomic_fetch_add(&shared->rounds, 1);
}

static pid_t
start(int role, unsigned rounds)
{
	struct shmlock *l;
	pid_t pid;
	unsigned i;

	if ((pid = fork()) != 0)
		return pid;
	if ((l = shmlock_open(area, "/ocm-check-lock", role)) == NULL)
		_exit(2);
	for (i = 0; rounds == 0 || i < rounds; i++) {
		if (shmlock_acquire(l, 0) == -1)
			_exit(3);
		critical();
		shmlock_release(l);
	}
	_exit(0);
}

START_TEST(test_exclusion)
{
	pid_t pid[ROLES];
	int i, st;

	for (i = 0; i < ROLES; i++)
		pid[i] = start(i, ROUNDS);
	for (i = 0; i < ROLES; i++) {
		ck_assert_int_eq(waitpid(pid[i], &st, 0), pid[i]);
		ck_assert_int_eq(st, 0);
	}
	ck_assert_uint_eq(shared->broken, 0);
	ck_assert_uint_eq(shared->a, (uint64_t)ROLES * ROUNDS);
	ck_assert_uint_eq(shared->b, (uint64_t)ROLES * ROUNDS);
}
END_TEST

static void
nap_us(long us)
{
	struct timespec ts = { 0, us * 1000 };

	nanosleep(&ts, NULL);
}

/* What ocmd does when role `dead` has been reaped. */
static void
supervise(struct shmlock *sup, uint32_t alive, uint32_t dead)
{
	int ms;

	shmlock_park(sup);
	for (ms = 0; shmlock_busy(sup, alive) != 0; ms++) {
		ck_assert_int_lt(ms, 2000);
		nap_us(1000);
	}
	ck_assert_int_eq(shmlock_remake(sup, dead), 0);
	/* the dead one may have been inside; the living are not */
	atomic_store(&shared->inside, 0);
	shmlock_unpark(sup);
}

static void
wait_progress(void)
{
	uint32_t from = atomic_load(&shared->rounds);
	int ms;

	for (ms = 0; atomic_load(&shared->rounds) - from < 50; ms++) {
		ck_assert_msg(ms < 5000, "nobody gets the lock any more");
		nap_us(1000);
	}
}

START_TEST(test_kill_anywhere)
{
	struct shmlock *sup = shmlock_open(area, "/ocm-check-lock", -1);
	pid_t pid[ROLES];
	int i, victim, st;

	for (i = 0; i < ROLES; i++)
		pid[i] = start(i, 0);
	for (i = 0; i < KILLS; i++) {
		wait_progress();
		victim = i % ROLES;
		nap_us(rand() % 300);
		ck_assert_int_eq(kill(pid[victim], SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid[victim], &st, 0), pid[victim]);
		supervise(sup, 7u & ~(1u << victim), 1u << victim);
		pid[victim] = start(victim, 0);
	}
	wait_progress();
	for (i = 0; i < ROLES; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &st, 0);
	}
	ck_assert_uint_eq(shared->broken, 0);
	shmlock_close(sup);
}
END_TEST

/* A role that died inside leaves the lock taken; a remake frees it. */
START_TEST(test_dead_holder)
{
	struct shmlock *a = shmlock_open(area, "/ocm-check-lock", 0);
	struct shmlock *b = shmlock_open(area, "/ocm-check-lock", 1);
	struct shmlock *sup = shmlock_open(area, "/ocm-check-lock", -1);

	ck_assert_int_eq(shmlock_acquire(a, 1), 0);
	ck_assert_int_eq(shmlock_acquire(b, 2), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(shmlock_busy(sup, 3), 1);
	shmlock_park(sup);
	ck_assert_uint_eq(shmlock_busy(sup, 2), 0);
	ck_assert_int_eq(shmlock_acquire(b, 1), -1);	/* parked */
	ck_assert_int_eq(shmlock_remake(sup, 1), 0);
	shmlock_unpark(sup);
	ck_assert_uint_eq(shmlock_busy(sup, 3), 0);
	ck_assert_int_eq(shmlock_acquire(b, 1), 0);
	ck_assert_int_eq(shmlock_acquire(a, 1), -1);
	shmlock_release(b);
	ck_assert_int_eq(shmlock_acquire(a, 1), 0);
	shmlock_release(a);
	shmlock_close(a);
	shmlock_close(b);
	shmlock_close(sup);
}
END_TEST

static void
count(void *arg)
{
	++*(int *)arg;
}

START_TEST(test_stuck_is_told)
{
	struct shmlock *a = shmlock_open(area, "/ocm-check-lock", 0);
	struct shmlock *b = shmlock_open(area, "/ocm-check-lock", 1);
	int told = 0;

	shmlock_on_stuck(b, count, &told);
	ck_assert_int_eq(shmlock_acquire(a, 1), 0);
	ck_assert_int_eq(shmlock_acquire(b, 39), -1);
	ck_assert_int_eq(told, 0);
	ck_assert_int_eq(shmlock_acquire(b, 41), -1);
	ck_assert_int_eq(told, 1);
	/* ocmd may not have heard, or could not help: again and again */
	ck_assert_int_eq(shmlock_acquire(b, 80), -1);
	ck_assert_int_eq(told, 3);
	shmlock_release(a);
	shmlock_close(a);
	shmlock_close(b);
}
END_TEST

/* A peer keeps writing nonsense all over the area while others use it. */
START_TEST(test_nonsense)
{
	struct shmlock *l = shmlock_open(area, "/ocm-check-lock", 0);
	struct shmlock *sup = shmlock_open(area, "/ocm-check-lock", -1);
	_Atomic uint32_t *word = (void *)area;
	uint32_t value = 0;
	pid_t pid;
	int i;

	if ((pid = fork()) == 0)
		for (;; value = value * 1664525 + 1013904223)
			atomic_store(&word[value >> 16 & 7], value);
	ck_assert_int_gt(pid, 0);
	for (i = 0; i < 50; i++)
		if (shmlock_acquire(l, 1) == 0)
			shmlock_release(l);
		else
			ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	/* and the supervisor makes a lock of it again */
	shmlock_park(sup);
	ck_assert_int_eq(shmlock_remake(sup, 7), 0);
	shmlock_unpark(sup);
	ck_assert_int_eq(shmlock_acquire(l, 1), 0);
	shmlock_release(l);
	shmlock_close(l);
	shmlock_close(sup);
}
END_TEST

START_TEST(test_bad_role)
{
	ck_assert_ptr_null(shmlock_open(area, "/ocm-check-lock",
	    SHMLOCK_ROLES));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(shmlock_open(area, "/ocm-check-lock", -2));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shmlock");
	TCase *tc = tcase_create("shmlock");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_exclusion);
	tcase_add_test(tc, test_kill_anywhere);
	tcase_add_test(tc, test_dead_holder);
	tcase_add_test(tc, test_stuck_is_told);
	tcase_add_test(tc, test_nonsense);
	tcase_add_test(tc, test_bad_role);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
