/* SPDX-License-Identifier: ISC */
/*
 * The system call filter: tables first, then the
 * few lines that load them.  Called by sandbox_linux.c.
 *
 * A child's call gets one of three answers.  What a table of its
 * capabilities allows, with these arguments, is done.  Known evil kills the
 * process.  Anything else is ENOSYS, so that a newer C library falls back
 * to an older call instead of dying, or kills where strict.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <linux/futex.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"
#include "sandbox_linux.h"

enum { CHECKS_MAX = 2 };

/* Holds where (argument & mask) == value, in all 64 bits. */
struct check {
	unsigned	argument;
	uint64_t	mask;
	uint64_t	value;
};

struct rule {
	const char	*call;
	uint32_t	 answer;
	unsigned	 checks;
	struct check	 check[CHECKS_MAX];
};

#define ALL_BITS		UINT64_MAX
#define NO_BIT_BUT(bits)	(~(uint64_t)(bits))

/* ---- what every child still does ---- */

static const char *const child_calls[] = {
	/* its descriptors: control messages, log lines, last words */
	"recvmsg", "write", "writev",
	/* the time, and the nap of a parked lock */
	"clock_gettime", "clock_gettime64",
	"nanosleep", "clock_nanosleep", "clock_nanosleep_time64",
	"restart_syscall",
	/* leaving */
	"rt_sigreturn", "exit_group",
	NULL
};

enum {
	FUTEX_ARG = 1,
	FUTEX_FLAGS = FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME,
	MMAP_PROT = 2,
	MMAP_FLAGS = 3,
	MMAP_PLAIN = MAP_PRIVATE | MAP_ANONYMOUS,
	MMAP_HINTS = MAP_NORESERVE | MAP_STACK,
	MMAP_DROPPABLE = 8,	/* headers lack it */
	MADVISE_ADVICE = 2,
	ACCEPT_FLAGS = 3,
	SHUTDOWN_HOW = 1,
	SENDMSG_FLAGS = 2,
	SENDMMSG_FLAGS = 3,
	SENDTO_FLAGS = 3,
	SENDTO_ADDRESS = 4,
	SEND_USUAL = MSG_DONTWAIT | MSG_NOSIGNAL,
};

#define FUTEX_RULE(name, op, answer)					\
	{ name, answer, 1,						\
	    { { FUTEX_ARG, NO_BIT_BUT(FUTEX_FLAGS), op } } }

/*
 * With MSG_FASTOPEN a send is a connect, which neither the empty network
 * namespace nor Landlock sees on an inherited socket.
 */
#define SEND_RULES(name, flags)						\
	{ name, SCMP_ACT_ALLOW, 1, {					\
	    { flags, NO_BIT_BUT(SEND_USUAL), 0 } } },			\
	{ name, SCMP_ACT_KILL_PROCESS, 1, {				\
	    { flags, MSG_FASTOPEN, MSG_FASTOPEN } } }

static const struct rule child_rules[] = {
	SEND_RULES("sendmsg", SENDMSG_FLAGS),

	/*
	 * Semaphores: ours waits with WAIT_BITSET, a libc may with WAIT.  The
	 * priority inheritance operations have a history of kernel holes.
	 */
	FUTEX_RULE("futex", FUTEX_WAIT, SCMP_ACT_ALLOW),
	FUTEX_RULE("futex", FUTEX_WAKE, SCMP_ACT_ALLOW),
	FUTEX_RULE("futex", FUTEX_WAIT_BITSET, SCMP_ACT_ALLOW),
	FUTEX_RULE("futex", FUTEX_LOCK_PI, SCMP_ACT_KILL_PROCESS),
	FUTEX_RULE("futex", FUTEX_UNLOCK_PI, SCMP_ACT_KILL_PROCESS),
	FUTEX_RULE("futex", FUTEX_TRYLOCK_PI, SCMP_ACT_KILL_PROCESS),
	FUTEX_RULE("futex", FUTEX_WAIT_REQUEUE_PI, SCMP_ACT_KILL_PROCESS),
	FUTEX_RULE("futex", FUTEX_CMP_REQUEUE_PI, SCMP_ACT_KILL_PROCESS),
	FUTEX_RULE("futex", 13 /* LOCK_PI2 */, SCMP_ACT_KILL_PROCESS),
	FUTEX_RULE("futex_time64", FUTEX_WAIT, SCMP_ACT_ALLOW),
	FUTEX_RULE("futex_time64", FUTEX_WAIT_BITSET, SCMP_ACT_ALLOW),

	/* Memory of others, or that becomes code. */
	{ "mmap", SCMP_ACT_KILL_PROCESS, 1, {
	    { MMAP_PROT, PROT_EXEC, PROT_EXEC } } },
	{ "mmap", SCMP_ACT_KILL_PROCESS, 1, {
	    { MMAP_FLAGS, MAP_SHARED, MAP_SHARED } } },
	{ "mmap", SCMP_ACT_KILL_PROCESS, 1, {
	    { MMAP_FLAGS, MAP_FIXED, MAP_FIXED } } },
	{ NULL, 0, 0, { { 0, 0, 0 } } }
};

/* ---- SANDBOX_DATAGRAMS ---- */

static const char *const datagram_calls[] = {
	"recvmmsg", "recvmmsg_time64",
	"poll", "ppoll", "ppoll_time64",
	NULL
};

static const struct rule datagram_rules[] = {
	SEND_RULES("sendmmsg", SENDMMSG_FLAGS),
	/* Is that our own address?  Sends nothing: see net_is_here. */
	{ "sendmsg", SCMP_ACT_ALLOW, 1, {
	    { SENDMSG_FLAGS, ALL_BITS, MSG_DONTWAIT | MSG_PROXY } } },
	{ NULL, 0, 0, { { 0, 0, 0 } } }
};

/* ---- SANDBOX_ACCEPT: stream sockets ---- */

static const char *const accept_calls[] = {
	"recvfrom", "close",
	/* for the tokens of those who come */
	"getrandom",
	NULL
};

static const struct rule accept_rules[] = {
	{ "accept4", SCMP_ACT_ALLOW, 1, {
	    { ACCEPT_FLAGS, ALL_BITS, SOCK_NONBLOCK | SOCK_CLOEXEC } } },
	{ "sendto", SCMP_ACT_ALLOW, 2, {
	    { SENDTO_FLAGS, NO_BIT_BUT(SEND_USUAL), 0 },
	    { SENDTO_ADDRESS, ALL_BITS, 0 } } },
	{ "sendto", SCMP_ACT_KILL_PROCESS, 1, {
	    { SENDTO_FLAGS, MSG_FASTOPEN, MSG_FASTOPEN } } },
	/*
	 * The other two would end a listener, which belongs to ocmd and to
	 * the next roomd, and make of it a socket that could connect.
	 */
	{ "shutdown", SCMP_ACT_ALLOW, 1, {
	    { SHUTDOWN_HOW, ALL_BITS, SHUT_WR } } },
	{ "shutdown", SCMP_ACT_KILL_PROCESS, 1, {
	    { SHUTDOWN_HOW, ALL_BITS, SHUT_RD } } },
	{ "shutdown", SCMP_ACT_KILL_PROCESS, 1, {
	    { SHUTDOWN_HOW, ALL_BITS, SHUT_RDWR } } },
	{ NULL, 0, 0, { { 0, 0, 0 } } }
};

/* ---- SANDBOX_EVENTS: libevent's loop, made before ---- */

static const char *const event_calls[] = {
	"epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"gettimeofday",
	NULL
};

/* ---- SANDBOX_HEAP: malloc and free ---- */

static const char *const heap_calls[] = {
	"brk", "munmap",
	NULL
};

static const struct rule heap_rules[] = {
	/* Nobody else's, no file's, never code: see also child_rules. */
	{ "mmap", SCMP_ACT_ALLOW, 2, {
	    { MMAP_PROT, NO_BIT_BUT(PROT_READ | PROT_WRITE), 0 },
	    { MMAP_FLAGS, NO_BIT_BUT(MMAP_HINTS), MMAP_PLAIN } } },
	/* The C library asks for this once, and can do without. */
	{ "mmap", SCMP_ACT_ERRNO(EINVAL), 1, {
	    { MMAP_FLAGS, MMAP_DROPPABLE, MMAP_DROPPABLE } } },
	{ "mmap2", SCMP_ACT_ALLOW, 2, {
	    { MMAP_PROT, NO_BIT_BUT(PROT_READ | PROT_WRITE), 0 },
	    { MMAP_FLAGS, NO_BIT_BUT(MMAP_HINTS), MMAP_PLAIN } } },
	{ "madvise", SCMP_ACT_ALLOW, 1, {
	    { MADVISE_ADVICE, ALL_BITS, MADV_DONTNEED } } },
	{ "madvise", SCMP_ACT_ALLOW, 1, {
	    { MADVISE_ADVICE, ALL_BITS, MADV_FREE } } },

	/*
	 * realloc of a large block tries this first and copies where it
	 * cannot.  It could make the mapping of one region of the segment
	 * reach over its neighbours, so it never succeeds.
	 */
	{ "mremap", SCMP_ACT_ERRNO(ENOMEM), 0, { { 0, 0, 0 } } },
	{ NULL, 0, 0, { { 0, 0, 0 } } }
};

/* ---- known evil: nothing a child does after its start ---- */

static const char *const child_evil[] = {
	/* files */
	"open", "openat", "openat2", "open_by_handle_at", "creat",
	"name_to_handle_at", "unlink", "unlinkat", "rename", "renameat",
	"renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir",
	"mkdirat", "rmdir", "mknod", "mknodat", "truncate", "ftruncate",
	"chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown",
	"fchownat", "setxattr", "fsetxattr", "lsetxattr",
	"chdir", "fchdir", "chroot", "pivot_root", "getdents", "getdents64",
	"inotify_init", "inotify_init1", "fanotify_init",
	/* new descriptors and what they can do */
	"dup", "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "pipe", "pipe2",
	"eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create",
	"epoll_create", "epoll_create1", "memfd_create", "memfd_secret",
	"splice", "tee", "vmsplice", "sendfile", "sendfile64",
	/* the network */
	"socket", "socketpair", "connect", "bind", "listen", "accept",
	"setsockopt",
	/* other processes */
	"execve", "execveat", "fork", "vfork", "clone", "clone3",
	"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
	"pidfd_open", "pidfd_getfd", "pidfd_send_signal", "ptrace",
	"process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
	"setpriority", "sched_setscheduler", "sched_setparam",
	"sched_setattr", "sched_setaffinity", "prlimit64", "setrlimit",
	/* memory that is shared or becomes code */
	"mprotect", "pkey_mprotect", "remap_file_pages", "shmget", "shmat",
	"shmctl", "semget", "semop", "msgget", "userfaultfd",
	"set_robust_list", "modify_ldt", "arch_prctl",
	/* identity and the sandbox itself */
	"setuid", "setgid", "setreuid", "setregid", "setresuid",
	"setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
	"prctl", "seccomp", "personality", "unshare", "setns",
	"landlock_create_ruleset", "landlock_restrict_self",
	"setsid", "setpgid",
	/* the kernel's darker corners */
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"io_setup", "io_submit", "bpf", "perf_event_open",
	"add_key", "request_key", "keyctl", "mount", "umount", "umount2",
	"move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
	"fspick", "mount_setattr", "swapon", "swapoff", "reboot",
	"init_module", "finit_module", "delete_module", "kexec_load",
	"kexec_file_load", "iopl", "ioperm", "acct", "quotactl",
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
	"sethostname", "setdomainname", "syslog",
	NULL
};

/*
 * ---- SANDBOX_SUPERVISE ----
 * ocmd starts processes, so the list is of what it never does.  Its children
 * inherit this filter: nothing here may be a call that they need on their
 * way into their own sandbox (chroot, unshare, set*id, prctl, seccomp).
 */
static const char *const supervisor_evil[] = {
	/* into other processes */
	"ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_getfd", "kcmp", "setns",
	/* into the kernel */
	"init_module", "finit_module", "delete_module", "kexec_load",
	"kexec_file_load", "bpf", "perf_event_open", "userfaultfd",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"io_setup", "io_submit", "modify_ldt", "iopl", "ioperm",
	"add_key", "request_key", "keyctl", "personality", "vmsplice",
	"remap_file_pages", "open_by_handle_at", "name_to_handle_at",
	"lookup_dcookie", "fanotify_init", "memfd_secret",
	/* the machine's */
	"mount", "umount", "umount2", "move_mount", "open_tree", "fsopen",
	"fsconfig", "fsmount", "fspick", "mount_setattr", "pivot_root",
	"mknod", "mknodat", "swapon", "swapoff", "reboot", "acct",
	"quotactl", "settimeofday", "clock_settime", "clock_adjtime",
	"adjtimex", "sethostname", "setdomainname", "syslog", "vhangup",
	NULL
};

/* ---- which tables belong to which capability ---- */

#define CHILD 0			/* all but SANDBOX_SUPERVISE */

static const struct policy {
	unsigned		 cap;
	uint32_t		 answer;	/* to the calls */
	const char *const	*calls;
	const struct rule	*rules;		/* or NULL */
} policies[] = {
	{ CHILD, SCMP_ACT_ALLOW, child_calls, child_rules },
	{ SANDBOX_DATAGRAMS, SCMP_ACT_ALLOW, datagram_calls,
	    datagram_rules },
	{ SANDBOX_ACCEPT, SCMP_ACT_ALLOW, accept_calls, accept_rules },
	{ SANDBOX_EVENTS, SCMP_ACT_ALLOW, event_calls, NULL },
	{ SANDBOX_HEAP, SCMP_ACT_ALLOW, heap_calls, heap_rules },
	{ CHILD, SCMP_ACT_KILL_PROCESS, child_evil, NULL },
	{ SANDBOX_SUPERVISE, SCMP_ACT_KILL_PROCESS, supervisor_evil, NULL },
};

/*
 * A name that the library or this processor does not know is no call that a
 * process could make by name: the answer to the unknown covers it.  The
 * library refuses a rule that says what the answer to the unknown is.
 */
static int
add(scmp_filter_ctx ctx, const struct rule *r, uint32_t unknown)
{
	struct scmp_arg_cmp cmp[CHECKS_MAX];
	unsigned i;
	int number;

	number = seccomp_syscall_resolve_name(r->call);
	if (number == __NR_SCMP_ERROR || r->answer == unknown)
		return 0;
	for (i = 0; i < r->checks; i++) {
		cmp[i].arg = r->check[i].argument;
		cmp[i].op = SCMP_CMP_MASKED_EQ;
		cmp[i].datum_a = r->check[i].mask;
		cmp[i].datum_b = r->check[i].value;
	}
	return seccomp_rule_add_array(ctx, r->answer, number, r->checks, cmp);
}

static int
add_policy(scmp_filter_ctx ctx, const struct policy *p, uint32_t unknown)
{
	struct rule plain = { NULL, p->answer, 0, { { 0, 0, 0 } } };
	const struct rule *r;
	size_t i;
	int error = 0;

	for (i = 0; error == 0 && p->calls[i] != NULL; i++) {
		plain.call = p->calls[i];
		error = add(ctx, &plain, unknown);
	}
	for (r = p->rules; error == 0 && r != NULL && r->call != NULL; r++)
		error = add(ctx, r, unknown);
	return error;
}

static int
add_all(scmp_filter_ctx ctx, unsigned caps, uint32_t unknown)
{
	size_t i;
	bool wanted;
	int error = 0;

	for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (policies[i].cap == CHILD)
			wanted = !(caps & SANDBOX_SUPERVISE);
		else
			wanted = (caps & policies[i].cap) != 0;
		if (wanted && error == 0)
			error = add_policy(ctx, &policies[i], unknown);
	}
	return error;
}

int
seccomp_enter(unsigned caps, bool strict)
{
	scmp_filter_ctx ctx;
	uint32_t unknown;
	int error;

	if (caps & SANDBOX_SUPERVISE)
		unknown = SCMP_ACT_ALLOW;
	else if (strict)
		unknown = SCMP_ACT_KILL_PROCESS;
	else
		unknown = SCMP_ACT_ERRNO(ENOSYS);
	if ((ctx = seccomp_init(unknown)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	/* A call entered as another architecture's is never ours. */
	error = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (error == 0)
		error = add_all(ctx, caps, unknown);
	if (error == 0)
		error = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -error;
	return error == 0 ? 0 : -1;
}
