/* SPDX-License-Identifier: ISC */
/*
 * The supervisor comes at every instruction of the real lock: while a child
 * takes it and gives it back, its parent stops it after so many instructions,
 * parks everybody and looks for quiet.  Where it finds quiet it makes the
 * semaphore anew, and then the child must not get the lock, however long it
 * goes on, until it is unparked.  Linux only.  Called by step.sh.
 *
 * Usage: park [STRIDE]	(every so many instructions; default 1)
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../common/shmlock.h"

enum { DONE, NOT_GOT, BROKEN };		/* how the child ends */

static const char lock_name[] = "/ocm-park";
static struct shmlock_area *area;
static struct {
	_Atomic int	quiet;		/* as the parent has found it */
	_Atomic int	released;	/* there is no more to see */
} *seen;
static struct shmlock *mine, *sup;
static unsigned long long stops, quiets;
static unsigned ends[BROKEN + 1];

static void
make_lock(void)
{
	void *p = mmap(NULL, shmlock_area_size() + sizeof(*seen),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	area = p;
	seen = (void *)((char *)p + shmlock_area_size());
	if (shmlock_format(area, lock_name) == -1)
		err(1, "shmlock_format");
	mine = shmlock_open(area, lock_name, 0);
	sup = shmlock_open(area, lock_name, -1);
	if (mine == NULL || sup == NULL)
		err(1, "shmlock_open");
}

static pid_t
start_child(void)
{
	pid_t pid;
	int st;

	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) == -1)
			_exit(9);
		raise(SIGSTOP);
		if (shmlock_acquire(mine, 1) == -1)
			_exit(NOT_GOT);
		if (atomic_load(&seen->quiet) != 0)
			_exit(BROKEN);
		shmlock_release(mine);
		atomic_store(&seen->released, 1);
		_exit(DONE);
	}
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		errx(1, "no child");
	return pid;
}

/* So many instructions; false when the child was through before. */
static bool
step(pid_t pid, unsigned n)
{
	int st;

	atomic_store(&seen->released, 0);
	while (n-- > 0) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == -1 ||
		    waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
			err(1, "stepping");
		if (atomic_load(&seen->released) != 0)
			return false;
	}
	return true;
}

/* Lets the child go on to its end, in the order that is ocmd's. */
static void
come(pid_t pid)
{
	int st;

	stops++;
	shmlock_park(sup);
	if (shmlock_busy(sup, 1) == 0) {
		quiets++;
		if (shmlock_remake(sup, 0) == -1)
			err(1, "shmlock_remake");
		atomic_store(&seen->quiet, 1);
	} else {
		shmlock_unpark(sup);
	}
	if (ptrace(PTRACE_CONT, pid, 0, 0) == -1 ||
	    waitpid(pid, &st, 0) != pid || !WIFEXITED(st) ||
	    WEXITSTATUS(st) > BROKEN)
		errx(1, "the child does not end");
	ends[WEXITSTATUS(st)]++;
	if (WEXITSTATUS(st) == BROKEN)
		errx(1, "it got the lock while all was quiet");
	atomic_store(&seen->quiet, 0);
	shmlock_unpark(sup);
	if (shmlock_acquire(mine, 1) == -1)
		errx(1, "nobody gets the lock any more");
	shmlock_release(mine);
}

int
main(int argc, char **argv)
{
	unsigned n = 0, stride = 1;
	pid_t pid;

	if (argc > 1)
		stride = (unsigned)strtoul(argv[1], NULL, 10);
	if (stride == 0)
		errx(1, "usage: park [STRIDE]");
	make_lock();
	/* Whatever is done once only, the linker's work too. */
	if (shmlock_acquire(mine, 1) == -1)
		errx(1, "no lock");
	shmlock_release(mine);
	while (pid = start_child(), step(pid, n)) {
		come(pid);
		n += stride;
	}
	if (kill(pid, SIGKILL) == -1 || waitpid(pid, NULL, 0) != pid)
		err(1, "kill");
	shmlock_unlink(lock_name);
	printf("stopped at %llu instructions, %llu of them quiet: the lock "
	    "was got %u times, not got %u times\n", stops, quiets,
	    ends[DONE], ends[NOT_GOT]);
	if (quiets == 0 || quiets == stops || ends[NOT_GOT] == 0)
		errx(1, "it was never quiet, or always");
	return 0;
}
