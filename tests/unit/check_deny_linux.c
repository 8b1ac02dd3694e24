/* SPDX-License-Identifier: ISC */
/*
 * common/sandbox: one forbidden thing after the other from inside ocmd's
 * sandbox, and what it must be able to do.  What its children try is in
 * tests/sandbox.
 */
#include <sys/syscall.h>

#include "sandbox_fixture.h"
#include "run_suite.h"

#define HERE	((long)(intptr_t)path)
#define AT	((long)AT_FDCWD)

static const char path[] = "/etc/passwd";
static const char fresh[] = "/tmp/ocm-check-never-made";
static char junk[4096];

/* The descriptors of the world, known when the test runs. */
enum { PARENT = -1003, SELF = -1004, FILE_FD = -1007 };

struct attempt {
	const char	*what;
	int		 answer;
	long		 call;
	long		 arg[6];
};

static long
actual(long arg)
{
	switch (arg) {
	case PARENT:
		return w.parent;
	case SELF:
		return getpid();
	case FILE_FD:
		return w.file;
	default:
		return arg;
	}
}

static int
try_call(const void *arg)
{
	const struct attempt *a = arg;
	long v[6];
	int i;

	for (i = 0; i < 6; i++)
		v[i] = actual(a->arg[i]);
	errno = 0;
	if (syscall(a->call, v[0], v[1], v[2], v[3], v[4], v[5]) != -1)
		return 0;
	return errno;
}

#define CALL(nr, ...)	SYS_##nr, { __VA_ARGS__ }

static const struct attempt supervisor_attempts[] = {
	{ "trace", KILLED, CALL(ptrace, 16, PARENT) },
	{ "read memory", KILLED, CALL(process_vm_readv, PARENT) },
	{ "write memory", KILLED, CALL(process_vm_writev, PARENT) },
	{ "advise memory", KILLED, CALL(process_madvise, FILE_FD) },
	{ "take a descriptor", KILLED, CALL(pidfd_getfd, FILE_FD) },
	{ "compare", KILLED, CALL(kcmp, PARENT, SELF) },
	{ "enter a namespace", KILLED, CALL(setns, FILE_FD, 0) },
	{ "load a module", KILLED, CALL(finit_module, FILE_FD, HERE) },
	{ "another kernel", KILLED, CALL(kexec_load, 0) },
	{ "bpf", KILLED, CALL(bpf, 0, (long)(intptr_t)junk, 100) },
	{ "perf events", KILLED, CALL(perf_event_open,
	    (long)(intptr_t)junk, 0, -1, -1, 0) },
	{ "userfaultfd", KILLED, CALL(userfaultfd, 0) },
	{ "io_uring", KILLED, CALL(io_uring_setup, 8,
	    (long)(intptr_t)junk) },
	{ "kernel keys", KILLED, CALL(keyctl, 0) },
	{ "mount", KILLED, CALL(mount, HERE, HERE, HERE) },
	{ "set the clock", KILLED, CALL(clock_settime, 0, 0) },
	{ "reboot", KILLED, CALL(reboot, 0) },
	{ "another personality", KILLED, CALL(personality, 0) },
	/* and what it must be able to do, also for its children */
	{ "read a file", 0, CALL(openat, AT, HERE, O_RDONLY) },
	{ "fork", 0, CALL(clone, SIGCHLD) },
	{ "signal", 0, CALL(kill, SELF, 0) },
	{ "new socket", 0, CALL(socket, AF_UNIX, SOCK_STREAM) },
	{ "new namespaces", EINVAL, CALL(unshare, 1) },
	{ "another filter", EINVAL, CALL(seccomp, 99, 0, 0) },
	{ "Landlock", EINVAL, CALL(landlock_create_ruleset, 0, 0, 64) },
	{ "run a program", EACCES, CALL(execve, HERE, 0, 0) },
	{ "no such directory", ENOENT, CALL(chroot,
	    (long)(intptr_t)fresh) },
};
enum { SUPERVISOR_ATTEMPTS = sizeof(supervisor_attempts) /
    sizeof(supervisor_attempts[0]) };

START_TEST(the_supervisor_can_and_cannot)
{
	const struct attempt *a = &supervisor_attempts[_i];
	struct sandbox sb = { .caps = CAPS_OCMD, .strict = true };
	int got;

	if (!has_sandbox())
		return;
	got = inside(&sb, try_call, a, NULL);
	ck_assert_msg(got == a->answer, "ocmd: %s: got %d, not %d", a->what,
	    got, a->answer);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sandbox-deny");
	TCase *tc = tcase_create("attempts");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, world_setup, NULL);
	tcase_add_loop_test(tc, the_supervisor_can_and_cannot, 0,
	    SUPERVISOR_ATTEMPTS);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
