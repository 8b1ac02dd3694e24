/* SPDX-License-Identifier: ISC */
/*
 * The semaphore of the lock, and a waiter that the kernel has woken, but that
 * comes to run only when its time is over: nobody else may sleep on because
 * of that.  A tracer brings both waiters to where it matters.  Linux only.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "shmlock_sem.h"
#include "run_suite.h"

enum {
	SHORT_MS = 300, LONG_MS = 20000,
	ROUNDS = 20,		/* in one of which nobody is too slow */
};
enum { IN_TIME, TOO_LATE, NOT_AT_ALL };		/* how a waiter ends */

static struct sem_area *area;
static struct sem_shared *sem;

static void
setup(void)
{
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(area != MAP_FAILED);
	ck_assert_int_eq(sem_shared_create(area, ""), 0);
	ck_assert_ptr_nonnull(sem = sem_shared_open(area, ""));
}

static void
teardown(void)
{
	sem_shared_close(sem);
	munmap(area, sizeof(*area));
}

static void
wait_traced(unsigned ms)
{
	const uint64_t begun = clock_ms();
	int end = NOT_AT_ALL;

	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == -1)
		_exit(9);
	(void)raise(SIGSTOP);
	if (sem_shared_wait(sem, ms) == 0) {
		end = clock_ms() - begun < ms / 2 ? IN_TIME : TOO_LATE;
		sem_shared_post(sem);
	}
	_exit(end);
}

/* Goes on to where a system call begins or ends; false where it has ended. */
static bool
go_on(pid_t pid, struct __ptrace_syscall_info *info)
{
	int st;

	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	if (!WIFSTOPPED(st))
		return false;
	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*info),
	    info), 0);
	return true;
}

static char
state_of(pid_t pid)
{
	char name[64], state = '?';
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	ck_assert_ptr_nonnull(f = fopen(name, "r"));
	ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	(void)fclose(f);
	return state;
}

/* A waiter that sleeps in the kernel, or did until its time was over. */
static pid_t
start_waiter(unsigned ms)
{
	struct __ptrace_syscall_info info = { 0 };
	pid_t pid;
	char state;
	int st;

	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0)
		wait_traced(ms);
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	ck_assert(WIFSTOPPED(st));
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, 0,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	while (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	    info.entry.nr != SYS_futex ||
	    info.entry.args[1] != FUTEX_WAIT_BITSET)
		ck_assert(go_on(pid, &info));
	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
	while ((state = state_of(pid)) != 'S' && state != 't')
		;
	return pid;
}

/* Stopped where its sleep ends: whether somebody woke it. */
static bool
was_woken(pid_t pid)
{
	struct __ptrace_syscall_info info;
	int st;

	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	ck_assert(WIFSTOPPED(st));
	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
	    &info), 0);
	ck_assert_int_eq(info.op, PTRACE_SYSCALL_INFO_EXIT);
	return info.exit.rval == 0;
}

static int
end_of(pid_t pid)
{
	int st;

	ck_assert_int_eq(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	ck_assert(WIFEXITED(st));
	return WEXITSTATUS(st);
}

/* Two sleep, one is woken, too late; how the other one ends, or -1. */
static int
one_round(void)
{
	const struct timespec over = { 0, SHORT_MS * 1000000L };
	pid_t first, second;
	bool woken;
	int end;

	ck_assert_int_eq(sem_shared_wait(sem, 0), 0);
	first = start_waiter(SHORT_MS);
	second = start_waiter(LONG_MS);
	sem_shared_post(sem);
	woken = was_woken(first);
	if (woken)
		(void)nanosleep(&over, NULL);
	(void)end_of(first);
	(void)was_woken(second);
	end = end_of(second);
	return woken ? end : -1;
}

START_TEST(test_woken_too_late)
{
	int i, end = -1;

	for (i = 0; i < ROUNDS && end == -1; i++)
		end = one_round();
	ck_assert_int_ne(end, -1);
	ck_assert_msg(end == IN_TIME, "it slept on although it was free");
	ck_assert_int_eq(sem_shared_wait(sem, 0), 0);
	sem_shared_post(sem);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shmlock, linux");
	TCase *tc = tcase_create("wakes");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_woken_too_late);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
