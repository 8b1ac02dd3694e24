/* SPDX-License-Identifier: ISC */
/*
 * The attempts (see attempts.h): everything that a process under an
 * attacker's control would like to do, and what it must get.  To add one,
 * add a row.
 */
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "attempts.h"
#include "common/ctl.h"

/* Where a row says one of these, the scene has it. */
enum { SOCK = -1001, SELF = -1002, PARENT = -1003, MINE = -1004,
	THEIRS = -1005, PAGE = -1006 };

#define P(p)		((long)(intptr_t)(p))
#define HERE		((long)AT_FDCWD)

static const char file[] = "/etc/passwd";
static const char maps[] = "/proc/self/maps";
static const char shm[] = "/dev/shm";
static const char fresh[] = "/tmp/ocm-attempt-never-made";
static const char relative[] = "never-made";
static const char library[] = "/lib/x86_64-linux-gnu/libc.so.6";
static char page[8192] __attribute__((aligned(4096)));
static char junk[4096];
static const struct sockaddr_in somebody = { .sin_family = AF_INET };
static const struct sockaddr_un hidden = { .sun_family = AF_UNIX,
	.sun_path = "\0ocm-attempt" };

static long
actual(long arg, const struct scene *s)
{
	switch (arg) {
	case SOCK:
		return s->sock;
	case SELF:
		return s->self;
	case PARENT:
		return s->parent;
	case MINE:
		return P(s->mine);
	case THEIRS:
		return P(s->theirs);
	case PAGE:
		return P(page);
	default:
		return arg;
	}
}

int
attempt_make(const struct attempt *a, const struct scene *s)
{
	long v[6];
	int i;

	if (a->act != NULL)
		return a->act(s);
	for (i = 0; i < 6; i++)
		v[i] = actual(a->arg[i], s);
	errno = 0;
	return syscall(a->call, v[0], v[1], v[2], v[3], v[4], v[5]) == -1 ?
	    errno : 0;
}

/* ---- the rows ---- */

#define BOTH(answer)	answer, answer
#define CALL(nr, ...)	SYS_##nr, { __VA_ARGS__ }, NULL
#define ACT(fn)		0, { 0 }, fn
#define NEW(kind, type)	CALL(socket, kind, type)

const struct attempt attempts[] = {
	/* A success must be told from a failure. */
	{ "tell the time", BOTH(0), ACT(act_tell_time) },

	/* files */
	{ "read a file", BOTH(KILLED), CALL(openat, HERE, P(file), O_RDONLY) },
	{ "read one from here", BOTH(KILLED), CALL(openat, HERE, P(relative),
	    O_RDONLY) },
	{ "create a file", BOTH(KILLED), CALL(openat, HERE, P(fresh),
	    O_CREAT | O_WRONLY, 0600) },
	{ "create one without a name", BOTH(KILLED), CALL(openat, HERE,
	    P(shm), O_TMPFILE | O_RDWR, 0600) },
	{ "read /proc", BOTH(KILLED), CALL(openat, HERE, P(maps), O_RDONLY) },
	{ "list shared memory", BOTH(KILLED), CALL(openat, HERE, P(shm),
	    O_RDONLY | O_DIRECTORY) },
	{ "open by a struct", BOTH(KILLED), CALL(openat2, HERE, P(file),
	    P(junk), 24) },
	{ "open by a handle", BOTH(KILLED), CALL(open_by_handle_at, HERE,
	    P(junk), O_RDONLY) },
	{ "remove a file", BOTH(KILLED), CALL(unlinkat, HERE, P(fresh), 0) },
	{ "rename a file", BOTH(KILLED), CALL(renameat2, HERE, P(fresh), HERE,
	    P(fresh), 0) },
	{ "link a file", BOTH(KILLED), CALL(linkat, HERE, P(file), HERE,
	    P(fresh), 0) },
	{ "make a directory", BOTH(KILLED), CALL(mkdirat, HERE, P(fresh),
	    0700) },
	{ "make a device", BOTH(KILLED), CALL(mknodat, HERE, P(fresh),
	    0020600, 0x101) },
	{ "list a directory", BOTH(KILLED), CALL(getdents64, 0, P(junk),
	    100) },
	{ "change a mode", BOTH(KILLED), CALL(fchmodat, HERE, P(file), 0666) },
	{ "change an owner", BOTH(KILLED), CALL(fchownat, HERE, P(file), 0,
	    0, 0) },
	{ "truncate the log", BOTH(KILLED), CALL(ftruncate, 2, 0) },
	{ "change directory", BOTH(KILLED), CALL(chdir, P(file)) },
	{ "change root", BOTH(KILLED), CALL(chroot, P(relative)) },
	{ "where am I", BOTH(UNKNOWN), CALL(getcwd, P(junk), 100) },
	{ "stat a path", BOTH(UNKNOWN), CALL(statx, HERE, P(file), 0, 0xfff,
	    P(junk)) },
	{ "stat a descriptor", BOTH(UNKNOWN), CALL(fstat, SOCK, P(junk)) },
	{ "read a link", BOTH(UNKNOWN), CALL(readlinkat, HERE, P(maps),
	    P(junk), 100) },
	{ "is it there", BOTH(UNKNOWN), CALL(faccessat, HERE, P(file), 0) },
	{ "seek", BOTH(UNKNOWN), CALL(lseek, 0, 0, 0) },
	{ "read at a place", BOTH(UNKNOWN), CALL(pread64, 4, P(junk), 100,
	    0) },
	{ "write at a place", BOTH(UNKNOWN), CALL(pwrite64, 4, P(junk), 100,
	    0) },

	/* the network */
	{ "new UDP socket", BOTH(KILLED), NEW(AF_INET, SOCK_DGRAM) },
	{ "new TCP socket", BOTH(KILLED), NEW(AF_INET, SOCK_STREAM) },
	{ "new IPv6 socket", BOTH(KILLED), NEW(AF_INET6, SOCK_STREAM) },
	{ "new raw socket", BOTH(KILLED), NEW(AF_INET, SOCK_RAW) },
	{ "new Unix socket", BOTH(KILLED), NEW(AF_UNIX, SOCK_STREAM) },
	{ "new netlink socket", BOTH(KILLED), NEW(AF_NETLINK, SOCK_RAW) },
	{ "new packet socket", BOTH(KILLED), NEW(AF_PACKET, SOCK_RAW) },
	{ "new vsock socket", BOTH(KILLED), NEW(40, SOCK_STREAM) },
	{ "send from a new socket", BOTH(KILLED), ACT(act_use_new_socket) },
	{ "reach an abstract name", BOTH(KILLED), ACT(act_connect_hidden) },
	{ "take an abstract name", BOTH(KILLED), CALL(bind, SOCK, P(&hidden),
	    sizeof(hidden)) },
	{ "socket pair", BOTH(KILLED), CALL(socketpair, AF_UNIX, SOCK_STREAM,
	    0, P(junk)) },
	{ "connect an inherited socket", BOTH(KILLED), CALL(connect, SOCK,
	    P(&somebody), sizeof(somebody)) },
	{ "bind an inherited socket", BOTH(KILLED), CALL(bind, SOCK,
	    P(&somebody), sizeof(somebody)) },
	{ "listen", BOTH(KILLED), CALL(listen, SOCK, 5) },
	{ "accept without flags", BOTH(UNKNOWN), CALL(accept4, SOCK) },
	{ "accept, the old call", BOTH(KILLED), CALL(accept, SOCK) },
	{ "accept on a foreign socket", EINVAL, UNKNOWN, CALL(accept4,
	    FD_CTL, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC) },
	{ "set a socket option", BOTH(KILLED), CALL(setsockopt, SOCK,
	    SOL_SOCKET, SO_REUSEADDR, P(junk), 4) },
	{ "get a socket option", BOTH(UNKNOWN), CALL(getsockopt, SOCK,
	    SOL_SOCKET, SO_TYPE, P(junk), P(junk + 8)) },
	{ "whose socket is it", BOTH(UNKNOWN), CALL(getpeername, SOCK,
	    P(junk), P(junk + 200)) },
	{ "end the listener", KILLED, UNKNOWN, CALL(shutdown, SOCK,
	    SHUT_RDWR) },
	{ "connect the listener", KILLED, UNKNOWN, ACT(act_turn_listener) },
	{ "connect by sending", BOTH(KILLED), CALL(sendmsg, SOCK, P(junk),
	    MSG_FASTOPEN) },
	{ "connect by sending many", UNKNOWN, KILLED, CALL(sendmmsg, SOCK,
	    P(junk), 1, MSG_FASTOPEN) },
	{ "send out of band", BOTH(UNKNOWN), CALL(sendmsg, SOCK, P(junk),
	    MSG_OOB) },
	{ "send to an address", BOTH(UNKNOWN), CALL(sendto, SOCK, P(junk), 1,
	    MSG_DONTWAIT, P(&somebody), sizeof(somebody)) },

	/* descriptors */
	{ "read the segment as a file", BOTH(UNKNOWN), CALL(read, FD_SHM_RW,
	    P(junk), 100) },
	{ "read it in pieces", BOTH(UNKNOWN), CALL(readv, FD_SHM_RO, P(junk),
	    1) },
	{ "duplicate a descriptor", BOTH(KILLED), CALL(dup, SOCK) },
	{ "replace a descriptor", BOTH(KILLED), CALL(dup3, SOCK, 2, 0) },
	{ "fcntl F_DUPFD", BOTH(KILLED), CALL(fcntl, SOCK, F_DUPFD, 50) },
	{ "fcntl F_SETFL", BOTH(KILLED), CALL(fcntl, SOCK, F_SETFL, 0) },
	{ "fcntl F_SETOWN", BOTH(KILLED), CALL(fcntl, SOCK, F_SETOWN,
	    PARENT) },
	{ "type into a terminal", BOTH(KILLED), CALL(ioctl, 2, TIOCSTI,
	    P(junk)) },
	{ "pipe", BOTH(KILLED), CALL(pipe2, P(junk), 0) },
	{ "new event queue", BOTH(KILLED), CALL(epoll_create1, 0) },
	{ "new event descriptor", BOTH(KILLED), CALL(eventfd2, 0, 0) },
	{ "new timer descriptor", BOTH(KILLED), CALL(timerfd_create, 1, 0) },
	{ "new signal descriptor", BOTH(KILLED), CALL(signalfd4, -1, P(junk),
	    8, 0) },
	{ "splice", BOTH(KILLED), CALL(splice, SOCK, 0, 0, 0, 100, 0) },
	{ "receive a descriptor", 0, EMFILE, ACT(act_receive_descriptor) },
	{ "give ocmd a descriptor", BOTH(PUNISHED),
	    ACT(act_give_ocmd_descriptor) },
	{ "order ocmd about", BOTH(PUNISHED), ACT(act_order_ocmd) },
	{ "say too much to ocmd", BOTH(PUNISHED), ACT(act_speak_too_long) },

	/* processes */
	{ "run a program", BOTH(KILLED), CALL(execve, P(file)) },
	{ "run a descriptor", BOTH(KILLED), CALL(execveat, 0, P(""), 0, 0,
	    AT_EMPTY_PATH) },
	{ "fork", BOTH(KILLED), CALL(clone, SIGCHLD) },
	{ "new thread", BOTH(KILLED), CALL(clone, CLONE_VM | CLONE_THREAD |
	    CLONE_SIGHAND) },
	{ "clone3", BOTH(KILLED), CALL(clone3, P(junk),
	    sizeof(struct clone_args)) },
	{ "kill the supervisor", BOTH(KILLED), CALL(kill, PARENT, SIGKILL) },
	{ "kill everybody", BOTH(KILLED), CALL(kill, -1, SIGKILL) },
	{ "kill myself", BOTH(KILLED), CALL(kill, SELF, SIGKILL) },
	{ "raise a signal", BOTH(KILLED), CALL(tgkill, SELF, SELF,
	    SIGUSR1) },
	{ "queue a signal", BOTH(KILLED), CALL(rt_sigqueueinfo, PARENT,
	    SIGTERM, P(junk)) },
	{ "trace the supervisor", BOTH(KILLED), CALL(ptrace, 16, PARENT) },
	{ "be traced", BOTH(KILLED), CALL(ptrace, 0) },
	{ "read its memory", BOTH(KILLED), CALL(process_vm_readv, PARENT) },
	{ "write its memory", BOTH(KILLED), CALL(process_vm_writev, PARENT) },
	{ "open its pidfd", BOTH(KILLED), CALL(pidfd_open, PARENT) },
	{ "steal a descriptor", BOTH(KILLED), CALL(pidfd_getfd, SOCK, 3) },
	{ "compare with it", BOTH(KILLED), CALL(kcmp, SELF, PARENT, 0) },
	{ "wait for it", BOTH(UNKNOWN), CALL(wait4, -1, P(junk), 1) },
	{ "raise a limit", BOTH(KILLED), CALL(prlimit64, 0, 1, 0, 0) },
	{ "first in line", BOTH(KILLED), CALL(sched_setscheduler, 0, 1,
	    P(junk)) },

	/* memory */
	{ "store into the other's region", BOTH(FAULT), ACT(act_store_theirs) },
	{ "store into another relay's", BOTH(FAULT), ACT(act_store_relays) },
	{ "store into code", BOTH(FAULT), ACT(act_store_code) },
	{ "store into constants", BOTH(FAULT), ACT(act_store_table) },
	{ "run data", BOTH(FAULT), ACT(act_run_data) },
	{ "run the stack", BOTH(FAULT), ACT(act_run_stack) },
	{ "make the other's region mine", BOTH(KILLED), CALL(mprotect,
	    THEIRS, 4096, PROT_READ | PROT_WRITE) },
	{ "make it code", BOTH(KILLED), CALL(mprotect, THEIRS, 4096,
	    PROT_READ | PROT_EXEC) },
	{ "make data code", BOTH(KILLED), CALL(mprotect, PAGE, 4096,
	    PROT_READ | PROT_EXEC) },
	{ "make data code by key", BOTH(KILLED), CALL(pkey_mprotect, PAGE,
	    4096, PROT_READ | PROT_EXEC, -1) },
	{ "map code", BOTH(KILLED), CALL(mmap, 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "map writable code", BOTH(KILLED), CALL(mmap, 0, 4096, PROT_READ |
	    PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "map shared memory", BOTH(KILLED), CALL(mmap, 0, 4096, PROT_READ,
	    MAP_SHARED | MAP_ANONYMOUS, -1) },
	{ "map the segment again", BOTH(KILLED), CALL(mmap, 0, 4096,
	    PROT_READ | PROT_WRITE, MAP_SHARED, FD_SHM_RW) },
	{ "map over other memory", BOTH(KILLED), CALL(mmap, THEIRS, 4096,
	    PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1) },
	{ "map a file", BOTH(UNKNOWN), CALL(mmap, 0, 4096, PROT_READ,
	    MAP_PRIVATE, 0) },
	{ "map droppable memory", EINVAL, UNKNOWN, CALL(mmap, 0, 4096,
	    PROT_READ, 8 | MAP_ANONYMOUS, -1) },
	{ "reach over my region's end", ENOMEM, UNKNOWN, CALL(mremap, MINE,
	    4096, 1 << 20, MREMAP_MAYMOVE) },
	{ "punch a hole into theirs", BOTH(UNKNOWN), CALL(madvise, THEIRS,
	    4096, MADV_REMOVE) },
	{ "poison memory", BOTH(UNKNOWN), CALL(madvise, PAGE, 4096, 100) },
	{ "lock memory", BOTH(UNKNOWN), CALL(mlock, THEIRS, 4096) },
	{ "System V memory", BOTH(KILLED), CALL(shmget, 0, 4096, 01600) },
	{ "System V messages", BOTH(KILLED), CALL(msgget, 0, 01600) },
	{ "memory with a descriptor", BOTH(KILLED), CALL(memfd_create,
	    P(fresh), 0) },
	{ "secret memory", BOTH(KILLED), CALL(memfd_secret, 0) },
	{ "handle page faults", BOTH(KILLED), CALL(userfaultfd, 0) },
	{ "a mutex with inheritance", BOTH(KILLED), CALL(futex, PAGE,
	    FUTEX_LOCK_PI) },
	{ "another one", BOTH(KILLED), CALL(futex, PAGE,
	    FUTEX_CMP_REQUEUE_PI, 1, 1, PAGE) },
	{ "requeue waiters", BOTH(UNKNOWN), CALL(futex, PAGE, FUTEX_REQUEUE,
	    1, 1, PAGE) },

	/* identity and the sandbox itself */
	{ "become root", BOTH(KILLED), CALL(setuid, 0) },
	{ "become root, all three", BOTH(KILLED), CALL(setresuid, 0, 0, 0) },
	{ "join root's group", BOTH(KILLED), CALL(setgid, 0) },
	{ "join all groups", BOTH(KILLED), CALL(setgroups, 1, P(junk)) },
	{ "take capabilities", BOTH(KILLED), CALL(capset, P(junk), P(junk)) },
	{ "new user namespace", BOTH(KILLED), CALL(unshare, CLONE_NEWUSER) },
	{ "enter a namespace", BOTH(KILLED), CALL(setns, 0, 0) },
	{ "become dumpable", BOTH(KILLED), CALL(prctl, PR_SET_DUMPABLE, 1) },
	{ "outlive the supervisor", BOTH(KILLED), CALL(prctl,
	    PR_SET_PDEATHSIG, 0) },
	{ "let anybody trace me", BOTH(KILLED), CALL(prctl, PR_SET_PTRACER,
	    -1) },
	{ "another filter", BOTH(KILLED), CALL(seccomp, 1, 0, P(junk)) },
	{ "other Landlock rules", BOTH(KILLED), CALL(landlock_restrict_self,
	    0, 0) },
	{ "another personality", BOTH(KILLED), CALL(personality, 0x0040000) },
	{ "leave the session", BOTH(KILLED), CALL(setsid, 0) },
	{ "another mask", BOTH(UNKNOWN), CALL(umask, 0) },

	/* the kernel's darker corners */
	{ "io_uring", BOTH(KILLED), CALL(io_uring_setup, 8, P(junk)) },
	{ "asynchronous I/O", BOTH(KILLED), CALL(io_setup, 1, P(junk)) },
	{ "bpf", BOTH(KILLED), CALL(bpf, 0, P(junk), 100) },
	{ "perf events", BOTH(KILLED), CALL(perf_event_open, P(junk), 0, -1,
	    -1, 0) },
	{ "kernel keys", BOTH(KILLED), CALL(keyctl, 0) },
	{ "mount", BOTH(KILLED), CALL(mount, P(file), P(file), P(file)) },
	{ "mount, the new call", BOTH(KILLED), CALL(fsopen, P(relative), 0) },
	{ "load a module", BOTH(KILLED), CALL(finit_module, 0, P(relative)) },
	{ "another kernel", BOTH(KILLED), CALL(kexec_load, 0) },
	{ "reboot", BOTH(KILLED), CALL(reboot, 0) },
	{ "set the clock", BOTH(KILLED), CALL(clock_settime, 0, 0) },
	{ "read the kernel's log", BOTH(KILLED), CALL(syslog, 3, P(junk),
	    100) },
	{ "load of the machine", BOTH(UNKNOWN), CALL(sysinfo, P(junk)) },
	{ "name of the machine", BOTH(UNKNOWN), CALL(uname, P(junk)) },
	{ "who am I", BOTH(UNKNOWN), CALL(getuid, 0) },
	{ "an unheard-of call", BOTH(UNKNOWN), 999, { 0 }, NULL },

	/* what only the other role may */
	{ "read many datagrams", UNKNOWN, EAGAIN, CALL(recvmmsg, SOCK,
	    P(junk), 1, MSG_DONTWAIT) },
	{ "accept", EAGAIN, UNKNOWN, CALL(accept4, SOCK, 0, 0,
	    SOCK_NONBLOCK | SOCK_CLOEXEC) },
	{ "wait for events", EBADF, UNKNOWN, CALL(epoll_wait, -1) },
#ifdef __x86_64__
	{ "open, the old call", BOTH(KILLED), CALL(open, P(library),
	    O_RDONLY) },
	{ "fork, the old call", BOTH(KILLED), CALL(fork, 0) },
	{ "ports of the machine", BOTH(KILLED), CALL(iopl, 3) },
	{ "another segment register", BOTH(KILLED), CALL(arch_prctl, 0x1001,
	    P(junk)) },
	{ "the x32 entry", BOTH(KILLED), 0x40000000L | SYS_getpid, { 0 },
	    NULL },
	{ "the x32 entry, to open", BOTH(KILLED), 0x40000000L | SYS_openat,
	    { HERE, P(file), O_RDONLY }, NULL },
	{ "the 32-bit entry", BOTH(KILLED), ACT(act_enter_as_32_bit) },
#endif
};

const unsigned attempts_count = sizeof(attempts) / sizeof(attempts[0]);
