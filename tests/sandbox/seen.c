/* SPDX-License-Identifier: ISC */
/*
 * Linked into roomd and relayd of build/seen: writes down which system calls
 * they make once they are in their sandbox.  A second filter below theirs
 * traps every call that does not come from one place in here; the handler
 * counts it and makes it again from that place, where the role's own filter
 * decides.  No privilege and no tracer is needed for it.
 *
 * The counts lie in calls/ROLE beside the program, where the test has made
 * the files; without them the role runs as ever.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox_linux.h"

enum { CALLS = 1024 };

static volatile uint32_t *calls;
static volatile sig_atomic_t inside;	/* what came before is not counted */

int	__real_seccomp_enter(unsigned caps, bool strict);
int	__wrap_seccomp_enter(unsigned caps, bool strict);

static void __attribute__((constructor))
open_file(void)
{
	char path[PATH_MAX] = "", *role;
	void *p;
	int fd;

	if (readlink("/proc/self/exe", path, sizeof(path) - 32) == -1 ||
	    (role = strrchr(path, '/')) == NULL)
		return;
	/* the name without its number */
	(void)snprintf(role, 32, "/calls/%.*s",
	    (int)strcspn(program_invocation_short_name, " "),
	    program_invocation_short_name);
	if ((fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	p = mmap(NULL, CALLS * sizeof(*calls), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		calls = p;
}

#ifdef __x86_64__
/* seen_call(number, six arguments): the kernel's answer. */
long	seen_call(long, long, long, long, long, long, long);
extern const char seen_called[];

__asm__(
	".text\n"
	".globl seen_call\n"
	"seen_call:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	".globl seen_called\n"
	"seen_called:\n"
	"	ret\n");

static void
on_trap(int sig, siginfo_t *si, void *context)
{
	ucontext_t *u = context;
	greg_t *r = u->uc_mcontext.gregs;

	(void)sig;
	if (inside && si->si_syscall >= 0 && si->si_syscall < CALLS)
		calls[si->si_syscall]++;
	r[REG_RAX] = seen_call(si->si_syscall, (long)r[REG_RDI],
	    (long)r[REG_RSI], (long)r[REG_RDX], (long)r[REG_R10],
	    (long)r[REG_R8], (long)r[REG_R9]);
}

#define FIELD(name)	((uint32_t)offsetof(struct seccomp_data, name))
#define LOAD(at)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define UNLESS(value, skip)						\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define ANSWER(what)	BPF_STMT(BPF_RET | BPF_K, (what))

static int
trap_all_but_ours(void)
{
	const uint64_t here = (uint64_t)(uintptr_t)seen_called;
	struct sock_filter code[] = {
		LOAD(FIELD(nr)),
		UNLESS(SYS_rt_sigreturn, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		LOAD(FIELD(instruction_pointer)),
		UNLESS((uint32_t)here, 3),
		LOAD(FIELD(instruction_pointer) + 4),
		UNLESS((uint32_t)(here >> 32), 1),
		ANSWER(SECCOMP_RET_ALLOW),
		ANSWER(SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = {
		sizeof(code) / sizeof(code[0]), code
	};
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = on_trap;
	act.sa_flags = SA_SIGINFO;
	if (sigaction(SIGSYS, &act, NULL) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
#else
static int
trap_all_but_ours(void)
{
	errno = ENOSYS;
	return -1;
}
#endif

int
__wrap_seccomp_enter(unsigned caps, bool strict)
{
	int rc;

	if (calls == NULL)
		return __real_seccomp_enter(caps, strict);
	if (trap_all_but_ours() == -1)
		fatal("cannot trap system calls");
	rc = __real_seccomp_enter(caps, strict);
	inside = 1;
	return rc;
}
