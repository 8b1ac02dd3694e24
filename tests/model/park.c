/* SPDX-License-Identifier: ISC */
/*
 * The supervisor comes at every instruction of the real lock: while a child
 * takes it and gives it back, its parent stops it after so many instructions,
 * parks everybody, waits for quiet and makes the semaphore anew.  From quiet
 * on the child must not get the lock, however long it goes on, until it is
 * unparked; and if it stood still until another one has the lock, it must not
 * give that back.  The lock is free at first; or somebody has it, so that the
 * child sleeps in the kernel: one who lives, and wakes it, or one who died.
 * Linux only.  Called by step.sh.
 *
 * Usage: park [STRIDE]	(every so many instructions; default 1)
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/shmlock.h"

enum { DONE, NOT_GOT, BROKEN, ENDS };	/* how the child ends */
enum holder { NOBODY, LIVING, DEAD };
enum from { BEGIN, ASLEEP, WOKEN };	/* where the instructions count from */
enum found { NO_MORE, BUSY, QUIET };
enum { CHILD = 0, HOLDER = 1 };		/* roles */
enum { LOOK_US = 200, LOOKS = 50000, MISSES = 1000 };

static const char lock_name[] = "/ocm-park";
static const char *const holders[] = { "free", "held", "of a dead one" };
static struct shmlock_area *area;
static struct {
	_Atomic int	quiet;		/* as the parent has found it */
	_Atomic int	inside;		/* the child has it */
	_Atomic int	over;		/* there is no more to see */
} *seen;
static struct shmlock *mine, *others, *sup;
static enum holder holder;
static bool held;			/* by the holder, just now */

/* What came of it; quiet: at once. */
static struct {
	unsigned	stops, quiets, ends[ENDS];
} sum;

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
	mine = shmlock_open(area, lock_name, CHILD);
	others = shmlock_open(area, lock_name, HOLDER);
	sup = shmlock_open(area, lock_name, -1);
	if (mine == NULL || others == NULL || sup == NULL)
		err(1, "shmlock_open");
}

/* ---- the child ---- */

static void __attribute__((__noreturn__))
be_stepped(void)
{
	int end = NOT_GOT;

	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == -1)
		_exit(9);
	raise(SIGSTOP);
	if (shmlock_acquire(mine, 1) == 0) {
		if (atomic_load(&seen->quiet) != 0)
			_exit(BROKEN);
		atomic_store(&seen->inside, 1);
		end = DONE;
		atomic_store(&seen->inside, 0);
		shmlock_release(mine);
	}
	atomic_store(&seen->over, 1);
	_exit(end);
}

static pid_t
start_child(void)
{
	pid_t pid;
	int st;

	atomic_store(&seen->over, 0);
	atomic_store(&seen->inside, 0);
	held = holder != NOBODY;
	if (held && shmlock_acquire(others, 1) == -1)
		errx(1, "the holder does not get it");
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0)
		be_stepped();
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD |
	    PTRACE_O_EXITKILL) == -1)
		errx(1, "no child");
	return pid;
}

/* ---- stepping ---- */

static void
give_back(void)
{
	if (held)
		shmlock_release(others);
	held = false;
}

/* Ends a child wherever it is, and makes all as at the beginning. */
static void
discard(pid_t pid)
{
	int st;

	if (kill(pid, SIGKILL) == -1)
		err(1, "kill");
	do	/* it may have been stopped, too */
		if (waitpid(pid, &st, 0) != pid)
			err(1, "waitpid");
	while (WIFSTOPPED(st));
	shmlock_park(sup);
	if (shmlock_remake(sup, 1u << CHILD | 1u << HOLDER) == -1)
		err(1, "shmlock_remake");
	shmlock_unpark(sup);
	held = false;
}

static void
wait_stop(pid_t pid)
{
	int st;

	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		errx(1, "it ended while it was stepped");
}

/* So many instructions; false when the child was through before. */
static bool
step(pid_t pid, unsigned n)
{
	while (n-- > 0) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == -1)
			err(1, "stepping");
		wait_stop(pid);
		if (atomic_load(&seen->over) != 0)
			return false;
	}
	return true;
}

static void
go_to_call(pid_t pid, struct __ptrace_syscall_info *info)
{
	if (ptrace(PTRACE_SYSCALL, pid, 0, 0) == -1)
		err(1, "going on");
	wait_stop(pid);
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*info), info) <= 0)
		err(1, "looking at a call");
}

static char
state_of(pid_t pid)
{
	char name[64], state = '?';
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	if ((f = fopen(name, "r")) == NULL ||
	    fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		err(1, "%s", name);
	(void)fclose(f);
	return state;
}

/* Until it sleeps in the kernel; false where that was over too soon. */
static bool
go_to_sleep(pid_t pid)
{
	struct __ptrace_syscall_info info;
	char state;

	do
		go_to_call(pid, &info);
	while (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	    info.entry.nr != SYS_futex);
	if (ptrace(PTRACE_SYSCALL, pid, 0, 0) == -1)
		err(1, "going to sleep");
	while ((state = state_of(pid)) != 'S' && state != 't')
		;
	return state == 'S';
}

/* Wakes it; false where that was too late. */
static bool
wake(pid_t pid)
{
	struct __ptrace_syscall_info info;

	give_back();
	wait_stop(pid);
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		err(1, "looking at a call");
	return info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == 0;
}

/* ---- ocmd ---- */

static void
let_go(pid_t pid, bool asleep)
{
	if (asleep)
		wait_stop(pid);
	if (ptrace(PTRACE_CONT, pid, 0, 0) == -1)
		err(1, "going on");
}

static void
wait_quiet(uint32_t alive)
{
	const struct timespec look = { 0, LOOK_US * 1000L };
	int i;

	for (i = 0; shmlock_busy(sup, alive) != 0; i++) {
		if (i == LOOKS)
			errx(1, "it does not become quiet");
		(void)nanosleep(&look, NULL);
	}
}

static void
end_of(pid_t pid)
{
	int st;

	if (waitpid(pid, &st, 0) != pid || !WIFEXITED(st) ||
	    WEXITSTATUS(st) >= ENDS)
		errx(1, "the child does not end");
	sum.ends[WEXITSTATUS(st)]++;
	if (WEXITSTATUS(st) == BROKEN)
		errx(1, "it got the lock while all was quiet");
}

/* The child, which runs, goes on while all are parked. */
static void
go_on_parked(pid_t pid)
{
	end_of(pid);
	shmlock_unpark(sup);
	if (shmlock_acquire(mine, 1) == -1)
		errx(1, "nobody gets the lock any more");
	shmlock_release(mine);
}

/* The child stands still until another one has the lock. */
static void
go_on_later(pid_t pid)
{
	shmlock_unpark(sup);
	if (shmlock_acquire(others, 1) == -1)
		errx(1, "another one does not get the lock");
	let_go(pid, false);
	end_of(pid);
	if (shmlock_acquire(mine, 1) == 0)
		errx(1, "it gave back what was another's");
	shmlock_release(others);
}

/*
 * Comes, in the order that is ocmd's, and lets the child go on to its end.
 * Whether it was quiet at once, so that the child need not go on for that.
 */
static bool
come(pid_t pid, bool asleep, bool later)
{
	const uint32_t dead = holder == DEAD ? 1u << HOLDER : 0;
	const uint32_t alive = 1u << CHILD | (1u << HOLDER & ~dead);
	const bool inside = atomic_load(&seen->inside) != 0;
	bool at_once;

	sum.stops += !later;
	if (inside && shmlock_acquire(others, 1) == 0)
		errx(1, "two have the lock");
	shmlock_park(sup);
	if (holder == LIVING)
		give_back();	/* it does not stand still meanwhile */
	at_once = shmlock_busy(sup, alive) == 0;
	sum.quiets += at_once && !later;
	if (at_once && (asleep || inside))
		errx(1, "quiet, while it has the lock or waits for it");
	if (!at_once)
		let_go(pid, asleep);
	wait_quiet(alive);
	atomic_store(&seen->quiet, 1);
	if (shmlock_remake(sup, dead) == -1)
		err(1, "shmlock_remake");
	held = false;
	if (at_once && later) {
		go_on_later(pid);
	} else {
		if (at_once)
			let_go(pid, false);
		go_on_parked(pid);
	}
	atomic_store(&seen->quiet, 0);
	return at_once;
}

/*
 * Comes so many instructions after the begin, or after the child was woken,
 * or while it is asleep.
 */
static enum found
come_after(enum from from, unsigned n, bool later)
{
	unsigned misses;
	pid_t pid;

	for (misses = 0; misses < MISSES; misses++) {
		pid = start_child();
		if (from == BEGIN || (go_to_sleep(pid) &&
		    (from == ASLEEP || wake(pid)))) {
			if (step(pid, n))
				return come(pid, from == ASLEEP, later) ?
				    QUIET : BUSY;
			discard(pid);
			return NO_MORE;
		}
		/* This process had no time, and it slept its time out. */
		discard(pid);
	}
	errx(1, "there is no time to see it sleep");
}

/* How many stops that were. */
static unsigned
come_each(enum from from, unsigned stride)
{
	enum found found;
	unsigned n, stops = 0;

	for (n = 0; (found = come_after(from, n, false)) != NO_MORE;
	    n += stride) {
		stops++;
		if (found == QUIET)
			(void)come_after(from, n, true);
	}
	return stops;
}

static void
come_everywhere(unsigned stride)
{
	unsigned begin, woken = 0;

	memset(&sum, 0, sizeof(sum));
	begin = come_each(BEGIN, stride);
	if (holder != NOBODY)
		(void)come_after(ASLEEP, 0, false);
	if (holder == LIVING)
		woken = come_each(WOKEN, stride);
	printf("%s%s: %u instructions%s, %u after it was woken, quiet at %u; "
	    "got %u times, not got %u times", holder == NOBODY ? "" : "; ",
	    holders[holder], begin, holder == NOBODY ? "" : ", asleep",
	    woken, sum.quiets, sum.ends[DONE], sum.ends[NOT_GOT]);
	(void)fflush(stdout);
	if (sum.quiets == 0 || sum.quiets == sum.stops ||
	    sum.ends[NOT_GOT] == 0)
		errx(1, "it was never quiet, or always");
	if ((sum.ends[DONE] == 0) != (holder == DEAD))
		errx(1, "it got what is a dead one's, or nothing ever");
}

int
main(int argc, char **argv)
{
	unsigned stride = 1;

	if (argc > 1)
		stride = (unsigned)strtoul(argv[1], NULL, 10);
	if (stride == 0)
		errx(1, "usage: park [STRIDE]");
	make_lock();
	/* Whatever is done once only, the linker's work too. */
	if (shmlock_acquire(mine, 1) == -1)
		errx(1, "no lock");
	shmlock_release(mine);
	for (holder = NOBODY; holder <= DEAD; holder++)
		come_everywhere(stride);
	shmlock_unlink(lock_name);
	printf("\n");
	return 0;
}
