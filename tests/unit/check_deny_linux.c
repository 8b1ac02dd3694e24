/* SPDX-License-Identifier: ISC */
/*
 * common/sandbox: one forbidden thing after the other from inside each
 * role's sandbox, and the answer each must get.  An attempt that succeeds
 * fails the test.
 */
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <linux/futex.h>
#include <linux/sched.h>

#include "sandbox_fixture.h"

#define HERE	((long)(intptr_t)path)
#define AT	((long)AT_FDCWD)

static const char path[] = "/etc/passwd";
static const char fresh[] = "/tmp/ocm-check-never-made";
static const struct sockaddr_in discard = { .sin_family = AF_INET };
static char junk[4096];

/* The descriptors of the world, known when the test runs. */
enum { UDP = -1001, LISTENER = -1002, PARENT = -1003, SELF = -1004,
	RO_PAGE = -1005, RW_PAGE = -1006, FILE_FD = -1007, OWN_PAGE = -1008 };

struct attempt {
	const char	*what;
	int		 roomd, relayd;		/* the answer, not strict */
	long		 call;
	long		 arg[6];
	int		(*act)(const void *);	/* instead of call */
};

static long
actual(long arg)
{
	switch (arg) {
	case UDP:
		return w.udp;
	case LISTENER:
		return w.listener;
	case PARENT:
		return w.parent;
	case SELF:
		return getpid();
	case RO_PAGE:
		return (long)(intptr_t)w.ro;
	case RW_PAGE:
		return (long)(intptr_t)w.rw;
	case FILE_FD:
		return w.file;
	case OWN_PAGE:
		return (long)((intptr_t)junk & ~4095L);
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

static int
store_read_only(const void *arg)
{
	(void)arg;
	*(volatile int *)w.ro = 1;
	return 0;
}

/* A peer under an attacker's control sends a descriptor of its own. */
static int
receive_descriptor(const void *arg)
{
	union {
		char		buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr	align;
	} control;
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	(void)arg;
	memset(&control, 0, sizeof(control));
	m.msg_control = control.buf;
	m.msg_controllen = sizeof(control.buf);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &w.listener, sizeof(int));
	if (sendmsg(w.pair[0], &m, 0) != 1)
		return EIO;
	memset(&control, 0, sizeof(control));
	m.msg_control = control.buf;
	m.msg_controllen = sizeof(control.buf);
	if (recvmsg(w.pair[1], &m, 0) != 1)
		return EIO;
	return CMSG_FIRSTHDR(&m) == NULL ? EMFILE : 0;
}

#ifdef __x86_64__
static int
enter_as_32_bit(const void *arg)
{
	int r;

	(void)arg;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20 /* getpid */));
	return r < 0 ? -r : 0;
}
#endif

#define BOTH(answer)	answer, answer
#define CALL(nr, ...)	SYS_##nr, { __VA_ARGS__ }, NULL
#define ACT(fn)		0, { 0 }, fn

static const struct attempt attempts[] = {
	/* files */
	{ "read a file", BOTH(KILLED), CALL(openat, AT, HERE, O_RDONLY) },
	{ "create a file", BOTH(KILLED), CALL(openat, AT,
	    (long)(intptr_t)fresh, O_CREAT | O_WRONLY, 0600) },
	{ "remove a file", BOTH(KILLED), CALL(unlinkat, AT,
	    (long)(intptr_t)fresh, 0) },
	{ "rename a file", BOTH(KILLED), CALL(renameat2, AT,
	    (long)(intptr_t)fresh, AT, (long)(intptr_t)fresh, 0) },
	{ "make a directory", BOTH(KILLED), CALL(mkdirat, AT,
	    (long)(intptr_t)fresh, 0700) },
	{ "list a directory", BOTH(KILLED), CALL(getdents64, FILE_FD,
	    (long)(intptr_t)junk, 100) },
	{ "change directory", BOTH(KILLED), CALL(chdir, HERE) },
	{ "change root", BOTH(KILLED), CALL(chroot, HERE) },
	{ "grow a file", BOTH(ENDED_SIGNAL + SIGXFSZ), CALL(write, FILE_FD,
	    HERE, 5) },
	{ "truncate a file", BOTH(KILLED), CALL(ftruncate, FILE_FD, 4096) },
	{ "stat a path", BOTH(ENOSYS), CALL(statx, AT, HERE, 0, 0xfff,
	    (long)(intptr_t)junk) },
	{ "stat a descriptor", BOTH(ENOSYS), CALL(newfstatat, FILE_FD, HERE,
	    (long)(intptr_t)junk, 0) },
	{ "read a link", BOTH(ENOSYS), CALL(readlinkat, AT, HERE,
	    (long)(intptr_t)junk, 100) },
	{ "where am I", BOTH(ENOSYS), CALL(getcwd, (long)(intptr_t)junk,
	    100) },

	/* the network and descriptors */
	{ "new UDP socket", BOTH(KILLED), CALL(socket, AF_INET, SOCK_DGRAM) },
	{ "new TCP socket", BOTH(KILLED), CALL(socket, AF_INET,
	    SOCK_STREAM) },
	{ "new Unix socket", BOTH(KILLED), CALL(socket, AF_UNIX,
	    SOCK_STREAM) },
	{ "new netlink socket", BOTH(KILLED), CALL(socket, AF_NETLINK,
	    SOCK_RAW) },
	{ "socket pair", BOTH(KILLED), CALL(socketpair, AF_UNIX, SOCK_STREAM,
	    0, (long)(intptr_t)junk) },
	{ "connect an inherited socket", BOTH(KILLED), CALL(connect, UDP,
	    (long)(intptr_t)&discard, sizeof(discard)) },
	{ "bind an inherited socket", BOTH(KILLED), CALL(bind, UDP,
	    (long)(intptr_t)&discard, sizeof(discard)) },
	{ "listen", BOTH(KILLED), CALL(listen, LISTENER, 5) },
	{ "connect by sending", BOTH(KILLED), CALL(sendmsg, LISTENER,
	    (long)(intptr_t)junk, MSG_FASTOPEN) },
	{ "connect by sending to", KILLED, ENOSYS, CALL(sendto, LISTENER,
	    HERE, 5, MSG_FASTOPEN | MSG_NOSIGNAL, (long)(intptr_t)&discard,
	    sizeof(discard)) },
	{ "connect by sending many", ENOSYS, KILLED, CALL(sendmmsg, LISTENER,
	    (long)(intptr_t)junk, 1, MSG_FASTOPEN) },
	{ "send to somebody else", BOTH(ENOSYS), CALL(sendto, UDP, HERE, 5,
	    MSG_DONTWAIT, (long)(intptr_t)&discard, sizeof(discard)) },
	{ "end the listener", KILLED, ENOSYS, CALL(shutdown, LISTENER,
	    SHUT_RD) },
	{ "end it both ways", KILLED, ENOSYS, CALL(shutdown, LISTENER,
	    SHUT_RDWR) },
	{ "accept without flags", BOTH(ENOSYS), CALL(accept4, LISTENER) },
	{ "accept, the old call", BOTH(KILLED), CALL(accept, LISTENER) },
	{ "set a socket option", BOTH(KILLED), CALL(setsockopt, UDP,
	    SOL_SOCKET, SO_REUSEADDR, (long)(intptr_t)path, 4) },
	{ "duplicate a descriptor", BOTH(KILLED), CALL(dup, UDP) },
	{ "replace a descriptor", BOTH(KILLED), CALL(dup3, UDP, 2, 0) },
	{ "fcntl F_DUPFD", BOTH(KILLED), CALL(fcntl, UDP, F_DUPFD, 50) },
	{ "fcntl F_SETFL", BOTH(KILLED), CALL(fcntl, UDP, F_SETFL, 0) },
	{ "type into a terminal", BOTH(KILLED), CALL(ioctl, 2, TIOCSTI,
	    HERE) },
	{ "pipe", BOTH(KILLED), CALL(pipe2, (long)(intptr_t)junk, 0) },
	{ "new event queue", BOTH(KILLED), CALL(epoll_create1, 0) },
	{ "receive a descriptor", 0, EMFILE, ACT(receive_descriptor) },

	/* processes */
	{ "run a program", BOTH(KILLED), CALL(execve, HERE) },
	{ "fork", BOTH(KILLED), CALL(clone, SIGCHLD) },
	{ "clone3", BOTH(KILLED), CALL(clone3, (long)(intptr_t)junk,
	    sizeof(struct clone_args)) },
	{ "signal the supervisor", BOTH(KILLED), CALL(kill, PARENT,
	    SIGTERM) },
	{ "signal myself", BOTH(KILLED), CALL(kill, SELF, 0) },
	{ "signal a thread", BOTH(KILLED), CALL(tgkill, PARENT, PARENT, 0) },
	{ "trace the supervisor", BOTH(KILLED), CALL(ptrace, 16, PARENT) },
	{ "read its memory", BOTH(KILLED), CALL(process_vm_readv, PARENT) },
	{ "write its memory", BOTH(KILLED), CALL(process_vm_writev, PARENT) },
	{ "open its pidfd", BOTH(KILLED), CALL(pidfd_open, PARENT) },
	{ "raise a limit", BOTH(KILLED), CALL(prlimit64, 0, 1, 0, 0) },

	/* memory */
	{ "store into the other's region", BOTH(ENDED_SIGNAL + SIGSEGV),
	    ACT(store_read_only) },
	{ "make the other's region mine", BOTH(KILLED), CALL(mprotect,
	    RO_PAGE, 4096, PROT_READ | PROT_WRITE) },
	{ "make data code", BOTH(KILLED), CALL(mprotect, OWN_PAGE, 4096,
	    PROT_READ | PROT_EXEC) },
	{ "map code", BOTH(KILLED), CALL(mmap, 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "map writable code", BOTH(KILLED), CALL(mmap, 0, 4096, PROT_READ |
	    PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "map shared memory", BOTH(KILLED), CALL(mmap, 0, 4096, PROT_READ,
	    MAP_SHARED | MAP_ANONYMOUS, -1) },
	{ "map over other memory", BOTH(KILLED), CALL(mmap, RO_PAGE, 4096,
	    PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1) },
	{ "map a file", BOTH(ENOSYS), CALL(mmap, 0, 4096, PROT_READ,
	    MAP_PRIVATE, FILE_FD) },
	{ "map droppable memory", EINVAL, ENOSYS, CALL(mmap, 0, 4096, PROT_READ,
	    8 | MAP_ANONYMOUS, -1) },
	{ "reach over my region's end", ENOMEM, ENOSYS, CALL(mremap, RW_PAGE,
	    4096, 8192, MREMAP_MAYMOVE) },
	{ "poison memory", BOTH(ENOSYS), CALL(madvise, OWN_PAGE, 4096, 100) },
	{ "System V memory", BOTH(KILLED), CALL(shmget, 0, 4096, 0600) },
	{ "memfd", BOTH(KILLED), CALL(memfd_create, HERE, 0) },
	{ "userfaultfd", BOTH(KILLED), CALL(userfaultfd, 0) },
	{ "a mutex with inheritance", BOTH(KILLED), CALL(futex, OWN_PAGE,
	    FUTEX_LOCK_PI) },

	/* identity and the sandbox itself */
	{ "become root", BOTH(KILLED), CALL(setuid, 0) },
	{ "become root, all three", BOTH(KILLED), CALL(setresuid, 0, 0, 0) },
	{ "take capabilities", BOTH(KILLED), CALL(capset,
	    (long)(intptr_t)junk, (long)(intptr_t)junk) },
	{ "new user namespace", BOTH(KILLED), CALL(unshare, CLONE_NEWUSER) },
	{ "enter a namespace", BOTH(KILLED), CALL(setns, FILE_FD, 0) },
	{ "become dumpable", BOTH(KILLED), CALL(prctl, PR_SET_DUMPABLE, 1) },
	{ "another filter", BOTH(KILLED), CALL(seccomp, 1, 0,
	    (long)(intptr_t)junk) },
	{ "another personality", BOTH(KILLED), CALL(personality, 0) },

	/* the kernel's darker corners */
	{ "io_uring", BOTH(KILLED), CALL(io_uring_setup, 8,
	    (long)(intptr_t)junk) },
	{ "bpf", BOTH(KILLED), CALL(bpf, 0, (long)(intptr_t)junk, 100) },
	{ "perf events", BOTH(KILLED), CALL(perf_event_open,
	    (long)(intptr_t)junk, 0, -1, -1, 0) },
	{ "kernel keys", BOTH(KILLED), CALL(keyctl, 0) },
	{ "mount", BOTH(KILLED), CALL(mount, HERE, HERE, HERE) },
	{ "load a module", BOTH(KILLED), CALL(finit_module, FILE_FD, HERE) },
	{ "System information", BOTH(ENOSYS), CALL(sysinfo,
	    (long)(intptr_t)junk) },
	{ "an unheard-of call", BOTH(ENOSYS), 999, { 0 }, NULL },

	/* what only the other role may */
	{ "read many datagrams", ENOSYS, EAGAIN, CALL(recvmmsg, UDP,
	    (long)(intptr_t)junk, 1, MSG_DONTWAIT) },
	{ "accept", EAGAIN, ENOSYS, CALL(accept4, LISTENER, 0, 0,
	    SOCK_NONBLOCK | SOCK_CLOEXEC) },
	{ "wait for events", EBADF, ENOSYS, CALL(epoll_wait, -1) },
#ifdef __x86_64__
	{ "open, the old call", BOTH(KILLED), CALL(open, HERE, O_RDONLY) },
	{ "the x32 entry", BOTH(KILLED), 0x40000000L | SYS_getpid, { 0 },
	    NULL },
	{ "the 32-bit entry", BOTH(KILLED), ACT(enter_as_32_bit) },
#endif
};
enum { ATTEMPTS = sizeof(attempts) / sizeof(attempts[0]) };

static void
check_attempt(const struct attempt *a, const char *role, unsigned caps,
    int answer)
{
	struct sandbox sb = { .caps = caps };
	int (*act)(const void *) = a->act != NULL ? a->act : try_call;
	int got;

	got = inside(&sb, act, a, NULL);
	ck_assert_msg(got == answer, "%s: %s: got %d, not %d", role, a->what,
	    got, answer);
	sb.strict = true;
	if (answer == ENOSYS)
		answer = KILLED;
	got = inside(&sb, act, a, NULL);
	ck_assert_msg(got == answer, "%s, strict: %s: got %d, not %d", role,
	    a->what, got, answer);
}

START_TEST(a_child_cannot)
{
	const struct attempt *a = &attempts[_i];

	if (!has_sandbox())
		return;
	check_attempt(a, "roomd", CAPS_ROOMD, a->roomd);
	check_attempt(a, "relayd", CAPS_RELAYD, a->relayd);
}
END_TEST

static const struct attempt supervisor_attempts[] = {
	{ "trace", BOTH(KILLED), CALL(ptrace, 16, PARENT) },
	{ "read memory", BOTH(KILLED), CALL(process_vm_readv, PARENT) },
	{ "write memory", BOTH(KILLED), CALL(process_vm_writev, PARENT) },
	{ "enter a namespace", BOTH(KILLED), CALL(setns, FILE_FD, 0) },
	{ "load a module", BOTH(KILLED), CALL(finit_module, FILE_FD, HERE) },
	{ "another kernel", BOTH(KILLED), CALL(kexec_load, 0) },
	{ "bpf", BOTH(KILLED), CALL(bpf, 0, (long)(intptr_t)junk, 100) },
	{ "perf events", BOTH(KILLED), CALL(perf_event_open,
	    (long)(intptr_t)junk, 0, -1, -1, 0) },
	{ "userfaultfd", BOTH(KILLED), CALL(userfaultfd, 0) },
	{ "io_uring", BOTH(KILLED), CALL(io_uring_setup, 8,
	    (long)(intptr_t)junk) },
	{ "kernel keys", BOTH(KILLED), CALL(keyctl, 0) },
	{ "mount", BOTH(KILLED), CALL(mount, HERE, HERE, HERE) },
	{ "set the clock", BOTH(KILLED), CALL(clock_settime, 0, 0) },
	{ "reboot", BOTH(KILLED), CALL(reboot, 0) },
	{ "another personality", BOTH(KILLED), CALL(personality, 0) },
	/* and what it must be able to do, also for its children */
	{ "read a file", BOTH(0), CALL(openat, AT, HERE, O_RDONLY) },
	{ "fork", BOTH(0), CALL(clone, SIGCHLD) },
	{ "signal", BOTH(0), CALL(kill, SELF, 0) },
	{ "new socket", BOTH(0), CALL(socket, AF_UNIX, SOCK_STREAM) },
	{ "new namespaces", BOTH(EINVAL), CALL(unshare, 1) },
	{ "another filter", BOTH(EINVAL), CALL(seccomp, 99, 0, 0) },
	{ "Landlock", BOTH(EINVAL), CALL(landlock_create_ruleset, 0, 0, 64) },
	{ "run a program", BOTH(EACCES), CALL(execve, HERE, 0, 0) },
	{ "no such directory", BOTH(ENOENT), CALL(chroot,
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
	ck_assert_msg(got == a->roomd, "ocmd: %s: got %d, not %d", a->what,
	    got, a->roomd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sandbox-deny");
	TCase *tc = tcase_create("attempts");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, world_setup, NULL);
	tcase_add_loop_test(tc, a_child_cannot, 0, ATTEMPTS);
	tcase_add_loop_test(tc, the_supervisor_can_and_cannot, 0,
	    SUPERVISOR_ATTEMPTS);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
