/* SPDX-License-Identifier: ISC */
/*
 * The filter that each role really loads, looked at from outside.
 *
 *	filter MANUAL		runs it over all system call numbers, in every
 *				branch that arguments could take, and compares
 *				with the table in ocmd(8); then over arguments
 *				that must be told apart
 *	filter MANUAL DIR	compares it with the calls that the roles made
 *				(DIR/roomd and DIR/relayd, see seen.c): one
 *				that is allowed and that nobody makes is one
 *				too many
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "program.h"

enum {
	NUMBERS = 1024,
	X32 = 0x40000000,
	NAME = 64,
};

/* The roles' lines, as beside their main; test_attempts.py compares. */
static const struct role {
	const char	*name;
	unsigned	 caps;
} roles[] = {
	{ "roomd", SANDBOX_ACCEPT | SANDBOX_EVENTS | SANDBOX_RECV_FD |
	    SANDBOX_HEAP },
	{ "relayd", SANDBOX_DATAGRAMS },
};
enum { ROOMD, RELAYD, ROLES };

static unsigned passed, failed;

static void __attribute__((__format__(__printf__, 2, 3)))
verdict(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok) {
		passed++;
		return;
	}
	failed++;
	va_start(ap, fmt);
	printf("FAIL filter: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

/* ---- against the manual ---- */

static struct row {
	char	name[NAME];
	bool	by[ROLES];
	bool	limited;	/* to some arguments */
} rows[NUMBERS];
static unsigned row_count;

static bool
take_row(char *line)
{
	char *call, *by, *only;
	struct row *r = &rows[row_count];

	if (strncmp(line, ".It ", 4) != 0 || strncmp(line, ".It Sy", 6) == 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	call = line + 4;
	if ((by = strstr(call, " Ta ")) == NULL ||
	    (only = strstr(by + 4, " Ta ")) == NULL)
		return false;
	*by = *only = '\0';
	by += 4;
	only += 4;
	(void)strlcpy(r->name, call, sizeof(r->name));
	r->by[ROOMD] = strcmp(by, "roomd") == 0 || strcmp(by, "both") == 0;
	r->by[RELAYD] = strcmp(by, "relayd") == 0 || strcmp(by, "both") == 0;
	r->limited = strcmp(only, "\\&") != 0;
	return ++row_count < NUMBERS;
}

static void
read_manual(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[256];
	bool here = false;

	if (f == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, ".Ss System calls", 16) == 0)
			here = true;
		else if (here && strncmp(line, ".El", 3) == 0)
			break;
		else if (here)
			(void)take_row(line);
	}
	(void)fclose(f);
	if (row_count < 10)
		errx(1, "%s has no table of system calls", path);
}

static const struct row *
find_row(const char *name)
{
	unsigned i;

	for (i = 0; i < row_count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void
name_of(uint32_t nr, char out[NAME])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
	    (int)nr);

	(void)snprintf(out, NAME, "%s", name != NULL ? name : "");
	free(name);
}

static bool
may(const struct row *r, unsigned role)
{
	return r != NULL && r->by[role];
}

static void
check_number(unsigned role, uint32_t arch, uint32_t nr)
{
	const unsigned got = program_answers(arch, nr, NULL);
	const struct row *r;
	char name[NAME];

	name_of(nr, name);
	r = find_row(name);
	if (!may(r, role))
		verdict((got & (PROGRAM_ALLOWS | PROGRAM_OTHER)) == 0,
		    "%s: %s (%u) is allowed, not in the manual",
		    roles[role].name, name, nr);
	else if (r->limited)
		verdict((got & PROGRAM_ALLOWS) != 0 && got != PROGRAM_ALLOWS &&
		    (got & PROGRAM_OTHER) == 0, "%s: %s gets %#x, not what "
		    "the manual says", roles[role].name, name, got);
	else
		verdict(got == PROGRAM_ALLOWS, "%s: %s gets %#x, not what "
		    "the manual says", roles[role].name, name, got);
	if (arch == AUDIT_ARCH_X86_64)
		verdict(program_answers(arch, nr | X32, NULL) ==
		    PROGRAM_KILLS, "%s: the x32 form of %s",
		    roles[role].name, name);
}

/* Entered as another processor's, every call kills. */
static void
check_other_processors(unsigned role, uint32_t own, uint32_t nr)
{
	static const uint32_t archs[] = {
		AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_ARM,
		AUDIT_ARCH_AARCH64, AUDIT_ARCH_RISCV64, AUDIT_ARCH_PPC64LE,
		0, UINT32_MAX,
	};
	size_t i;

	for (i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (archs[i] != own)
			verdict(program_answers(archs[i], nr, NULL) ==
			    PROGRAM_KILLS, "%s: call %u of processor %#x",
			    roles[role].name, nr, archs[i]);
}

/* What must not merely fail. */
static void
check_evil(unsigned role, uint32_t arch)
{
	static const char *const evil[] = {
		"open", "openat", "openat2", "socket", "socketpair",
		"connect", "bind", "listen", "setsockopt", "execve",
		"execveat", "fork", "vfork", "clone", "clone3", "ptrace",
		"kill", "tkill", "tgkill", "process_vm_readv", "pidfd_open",
		"pidfd_getfd", "mprotect", "pkey_mprotect", "memfd_create",
		"userfaultfd", "io_uring_setup", "io_uring_enter", "bpf",
		"perf_event_open", "setuid", "setgid", "setresuid",
		"setgroups", "unshare", "setns", "prctl", "seccomp",
		"ioctl", "fcntl", "dup", "dup2", "dup3", "chroot", "chdir",
		"mount", "unlinkat", "renameat2", "keyctl", "capset",
		"personality", "shmget", "landlock_restrict_self",
	};
	size_t i;
	int nr;

	for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++)
		if ((nr = seccomp_syscall_resolve_name(evil[i])) >= 0)
			verdict(program_answers(arch, (uint32_t)nr, NULL) ==
			    PROGRAM_KILLS, "%s: %s does not kill",
			    roles[role].name, evil[i]);
}

/* ---- arguments ---- */

#define HIGH	(UINT64_C(1) << 32)	/* what a 32-bit look would miss */
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)
#define OURS	(MSG_DONTWAIT | MSG_NOSIGNAL)

static const struct sample {
	const char	*call;
	unsigned	 role;
	bool		 allowed;
	uint64_t	 args[6];
} samples[] = {
	{ "futex", RELAYD, true, { 0, FUTEX_WAIT } },
	{ "futex", RELAYD, true, { 0, FUTEX_WAKE | FUTEX_PRIVATE_FLAG } },
	{ "futex", ROOMD, true, { 0, FUTEX_WAIT_BITSET |
	    FUTEX_CLOCK_REALTIME } },
	{ "futex", ROOMD, false, { 0, FUTEX_WAIT | HIGH } },
	{ "futex", ROOMD, false, { 0, FUTEX_FD } },
	{ "futex", ROOMD, false, { 0, FUTEX_REQUEUE } },
	{ "futex", ROOMD, false, { 0, FUTEX_CMP_REQUEUE } },
	{ "futex", ROOMD, false, { 0, FUTEX_WAKE_OP } },
	{ "futex", ROOMD, false, { 0, FUTEX_LOCK_PI } },
	{ "futex", ROOMD, false, { 0, FUTEX_UNLOCK_PI | 128 } },
	{ "futex", ROOMD, false, { 0, FUTEX_TRYLOCK_PI } },
	{ "futex", ROOMD, false, { 0, FUTEX_WAKE_BITSET } },
	{ "futex", ROOMD, false, { 0, FUTEX_WAIT_REQUEUE_PI } },
	{ "futex", ROOMD, false, { 0, FUTEX_CMP_REQUEUE_PI } },
	{ "futex", ROOMD, false, { 0, 13 } },
	{ "futex", ROOMD, false, { 0, 64 } },
	{ "mmap", ROOMD, true, { 0, 4096, RW, ANON, UINT64_MAX } },
	{ "mmap", ROOMD, true, { 0, 4096, RW, ANON | MAP_NORESERVE } },
	{ "mmap", ROOMD, false, { 0, 4096, RW | PROT_EXEC, ANON } },
	{ "mmap", ROOMD, false, { 0, 4096, PROT_EXEC, ANON } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, MAP_PRIVATE } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, MAP_SHARED } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, 3 } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, ANON | MAP_FIXED } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, ANON | 0x100000 } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, ANON | MAP_GROWSDOWN } },
	{ "mmap", ROOMD, false, { 0, 4096, RW, ANON | HIGH } },
	{ "mmap", ROOMD, false, { 0, 4096, RW | HIGH, ANON } },
	{ "mmap", RELAYD, false, { 0, 4096, RW, ANON } },
	{ "madvise", ROOMD, true, { 0, 4096, MADV_DONTNEED } },
	{ "madvise", ROOMD, true, { 0, 4096, MADV_FREE } },
	{ "madvise", ROOMD, false, { 0, 4096, MADV_REMOVE } },
	{ "madvise", ROOMD, false, { 0, 4096, MADV_DODUMP } },
	{ "madvise", ROOMD, false, { 0, 4096, MADV_MERGEABLE } },
	{ "madvise", ROOMD, false, { 0, 4096, 100 } },
	{ "madvise", ROOMD, false, { 0, 4096, MADV_FREE | HIGH } },
	{ "accept4", ROOMD, true, { 7, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC } },
	{ "accept4", ROOMD, false, { 7, 0, 0, 0 } },
	{ "accept4", ROOMD, false, { 7, 0, 0, SOCK_NONBLOCK } },
	{ "sendmsg", RELAYD, true, { 7, 0, OURS } },
	{ "sendmsg", ROOMD, true, { 7, 0, 0 } },
	{ "sendmsg", ROOMD, false, { 7, 0, MSG_FASTOPEN | OURS } },
	{ "sendmsg", ROOMD, false, { 7, 0, MSG_OOB } },
	{ "sendmsg", RELAYD, false, { 7, 0, HIGH } },
	{ "sendmsg", RELAYD, true, { 7, 0, MSG_DONTWAIT | MSG_PROXY } },
	{ "sendmsg", RELAYD, false, { 7, 0, OURS | MSG_PROXY } },
	{ "sendmsg", ROOMD, false, { 7, 0, MSG_DONTWAIT | MSG_PROXY } },
	{ "sendmmsg", RELAYD, true, { 7, 0, 9, MSG_DONTWAIT } },
	{ "sendmmsg", RELAYD, false, { 7, 0, 9, MSG_FASTOPEN } },
	{ "sendto", ROOMD, true, { 7, 1, 1, MSG_NOSIGNAL, 0, 0 } },
	{ "sendto", ROOMD, false, { 7, 1, 1, MSG_NOSIGNAL, 4096, 16 } },
	{ "sendto", ROOMD, false, { 7, 1, 1, MSG_NOSIGNAL, HIGH, 16 } },
	{ "sendto", ROOMD, false, { 7, 1, 1, MSG_FASTOPEN, 0, 0 } },
	{ "shutdown", ROOMD, true, { 7, SHUT_WR } },
	{ "shutdown", ROOMD, false, { 7, SHUT_RD } },
	{ "shutdown", ROOMD, false, { 7, SHUT_RDWR } },
	{ "shutdown", ROOMD, false, { 7, SHUT_WR | HIGH } },
	{ "mremap", ROOMD, false, { 4096, 4096, 8192, 1 } },
	{ "mremap", ROOMD, false, { 4096, 0, 8192, 3 } },
};

/* What is evil with these arguments: it must not merely fail. */
static const struct {
	const char	*call;
	uint64_t	 args[6];
} evil_samples[] = {
	{ "futex", { 0, FUTEX_LOCK_PI } },
	{ "futex", { 0, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG } },
	{ "futex", { 0, FUTEX_TRYLOCK_PI } },
	{ "futex", { 0, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME } },
	{ "futex", { 0, FUTEX_CMP_REQUEUE_PI } },
	{ "futex", { 0, 13 /* LOCK_PI2 */ } },
	{ "mmap", { 0, 4096, RW | PROT_EXEC, ANON } },
	{ "mmap", { 0, 4096, RW, MAP_SHARED } },
	{ "mmap", { 0, 4096, RW, ANON | MAP_FIXED } },
	{ "sendmsg", { 7, 0, MSG_FASTOPEN | OURS } },
};

static void
check_evil_samples(unsigned role, uint32_t arch)
{
	size_t i;
	int nr;

	for (i = 0; i < sizeof(evil_samples) / sizeof(evil_samples[0]); i++) {
		nr = seccomp_syscall_resolve_name(evil_samples[i].call);
		verdict(nr < 0 || program_answers(arch, (uint32_t)nr,
		    evil_samples[i].args) == PROGRAM_KILLS,
		    "%s: %s, sample %zu, does not kill", roles[role].name,
		    evil_samples[i].call, i);
	}
}

static void
check_samples(unsigned role, uint32_t arch)
{
	const struct sample *s;
	unsigned got;
	int nr;

	for (s = samples; s < samples + sizeof(samples) / sizeof(samples[0]);
	    s++) {
		nr = seccomp_syscall_resolve_name(s->call);
		if (s->role != role || nr < 0)
			continue;
		got = program_answers(arch, (uint32_t)nr, s->args);
		verdict((got == PROGRAM_ALLOWS) == s->allowed,
		    "%s: %s(%#llx, %#llx, %#llx, %#llx, %#llx) gets %#x",
		    roles[role].name, s->call,
		    (unsigned long long)s->args[0],
		    (unsigned long long)s->args[1],
		    (unsigned long long)s->args[2],
		    (unsigned long long)s->args[3],
		    (unsigned long long)s->args[4], got);
	}
}

static void
check_role(unsigned role, bool strict, uint32_t arch)
{
	uint32_t nr;

	program_get(roles[role].caps, strict);
	for (nr = 0; nr < NUMBERS; nr++) {
		check_number(role, arch, nr);
		check_other_processors(role, arch, nr);
	}
	check_evil(role, arch);
	check_samples(role, arch);
	check_evil_samples(role, arch);
}

/* ---- against what the roles do ---- */

/* Allowed, and yet not to be seen in every run of the tests. */
static const struct {
	const char	*call, *why;
} unseen[] = {
	{ "clock_gettime", "a call only where the clock source is slow" },
	{ "gettimeofday", "the same" },
	{ "ppoll", "what poll is on newer processors" },
	{ "epoll_pwait", "what epoll_wait is on newer processors" },
	{ "epoll_pwait2", "what newer libevents wait with" },
	{ "clock_nanosleep", "a nap while the lock is parked: microseconds" },
	{ "nanosleep", "what other C libraries nap with" },
	{ "madvise", "how other C libraries give memory back" },
	{ "writev", "the last words of a C library that aborts" },
	{ "restart_syscall", "after a stop in the midst of a nap" },
	{ "rt_sigreturn", "how the trap that counts the calls returns" },
};

static bool
excused(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (strcmp(unseen[i].call, name) == 0)
			return true;
	return false;
}

static void
check_seen(unsigned role, const char *dir, uint32_t arch)
{
	static uint32_t calls[NUMBERS];
	char path[512], name[NAME];
	uint32_t nr;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, roles[role].name);
	if ((f = fopen(path, "rb")) == NULL)
		err(1, "%s", path);
	if (fread(calls, sizeof(calls[0]), NUMBERS, f) != NUMBERS)
		errx(1, "%s is too short", path);
	(void)fclose(f);
	program_get(roles[role].caps, true);
	for (nr = 0; nr < NUMBERS; nr++) {
		if ((program_answers(arch, nr, NULL) & PROGRAM_ALLOWS) == 0)
			continue;
		name_of(nr, name);
		verdict(calls[nr] > 0 || excused(name), "%s may make %s and "
		    "never does", roles[role].name, name);
		printf("note: %s: %s %u times\n", roles[role].name, name,
		    calls[nr]);
	}
}

int
main(int argc, char **argv)
{
	uint32_t arch = seccomp_arch_native();
	unsigned role;

	if (argc != 2 && argc != 3)
		errx(1, "usage: filter MANUAL [DIR]");
	read_manual(argv[1]);
	for (role = 0; role < ROLES; role++) {
		if (argc == 3) {
			check_seen(role, argv[2], arch);
			continue;
		}
		printf("note: %s has capabilities %#x\n", roles[role].name,
		    roles[role].caps);
		check_role(role, false, arch);
		check_role(role, true, arch);
	}
	printf("filter: %u passed, %u failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
