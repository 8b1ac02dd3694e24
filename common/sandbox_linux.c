/* SPDX-License-Identifier: ISC */
/*
 * The sandbox on Linux: its layers in their order.
 * A child enters all of them; ocmd those that leave it a supervisor.  The
 * kernel wants no_new_privs before Landlock from a process without
 * privileges, so the two stand the other way round here than one may expect.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "privdrop.h"
#include "sandbox.h"
#include "sandbox_linux.h"

enum { FD_HIGHEST = 256 };	/* ocmd numbers a child's from 0 on */

/*
 * What ocmd as root needs to start a child again: to cut it off, to give it
 * its uid, to end it; and to tend files and the socket of `ocmctl`.
 */
static const unsigned supervisor_caps[] = {
	CAP_SYS_ADMIN,		/* a child's new namespaces */
	CAP_SYS_CHROOT, CAP_SETUID, CAP_SETGID, CAP_KILL,
	CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE,
};

/*
 * With the network namespace empty, the inherited sockets keep working and
 * a new one would reach nothing.  Without root that needs a user namespace,
 * which distributions may forbid; as root it would only be in the way of
 * the uid change.
 */
static uint32_t
enter_namespaces(bool root)
{
	int flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS;

	if (!root)
		flags |= CLONE_NEWUSER;
	if (unshare(flags) == 0)
		return LAYER_NAMESPACES;
	log_warn("no namespaces of its own");
	return 0;
}

static uint32_t
enter_own_user(const struct sandbox *sb)
{
	if (privdrop(sb->empty_dir, sb->uid, sb->gid) == -1)
		fatal("cannot enter \"%s\" as uid %u", sb->empty_dir != NULL ?
		    sb->empty_dir : "", (unsigned)sb->uid);
	return LAYER_UID | (sb->empty_dir != NULL ? LAYER_CHROOT : 0);
}

/* A new user namespace gives every capability inside it: none is kept. */
static uint32_t
drop_capabilities(const unsigned *keep, size_t n)
{
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t mask = 0;
	size_t i;
	int cap;

	for (i = 0; i < n; i++)
		mask |= UINT64_C(1) << keep[i];
	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if ((mask >> cap & 1) == 0)	/* fails without root */
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	memset(&head, 0, sizeof(head));
	memset(data, 0, sizeof(data));
	head.version = _LINUX_CAPABILITY_VERSION_3;
	if (syscall(__NR_capget, &head, data) == -1)
		fatal("capget");
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(mask >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(__NR_capset, &head, data) == -1)
		fatal("capset");
	return LAYER_CAPABILITIES;
}

/* Neither a debugger nor a core file may see tokens and keys. */
static uint32_t
hide_memory(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("prctl PR_SET_DUMPABLE");
	return LAYER_DUMPABLE;
}

static uint32_t
die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fatal("prctl PR_SET_PDEATHSIG");
	/* It may have died before we asked. */
	if (getppid() != parent)
		fatalx("the supervisor is gone");
	return LAYER_DEATHSIG;
}

#define LIMIT(resource, value) do {					\
	const struct rlimit limit_ = { (value), (value) };		\
	if (setrlimit(resource, &limit_) == -1)				\
		fatal("setrlimit " #resource);				\
} while (0)

/*
 * For a child that never gets another descriptor: fills the gaps below its
 * highest one and sets the limit there, so that a peer under an attacker's
 * control cannot hand it one of its own.
 */
static void
close_descriptor_table(void)
{
	int fd, highest = STDERR_FILENO, gap;

	for (fd = highest; fd < FD_HIGHEST; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			highest = fd;
	}
	while ((gap = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) != -1) {
		if (gap > highest) {
			(void)close(gap);
			break;
		}
	}
	LIMIT(RLIMIT_NOFILE, (rlim_t)highest + 1);
}

static uint32_t
limit_resources(unsigned caps)
{
	LIMIT(RLIMIT_CORE, 0);
	if (caps & SANDBOX_SUPERVISE)
		return LAYER_RLIMITS;
	LIMIT(RLIMIT_FSIZE, 0);
	LIMIT(RLIMIT_NPROC, 0);
	return LAYER_RLIMITS;
}

static uint32_t
gain_no_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("prctl PR_SET_NO_NEW_PRIVS");
	return LAYER_NO_NEW_PRIVS;
}

static uint32_t
enter_landlock(void)
{
	if (landlock_deny_all() == 0)
		return LAYER_LANDLOCK;
	log_warn("no Landlock");
	return 0;
}

static uint32_t
filter_calls(const struct sandbox *sb)
{
	if (seccomp_enter(sb->caps, sb->strict) == -1)
		fatal("seccomp");
	/* Of ocmd's calls none is unknown. */
	return sb->strict && !(sb->caps & SANDBOX_SUPERVISE) ?
	    LAYER_SECCOMP | LAYER_STRICT : LAYER_SECCOMP;
}

static uint32_t
enter_supervisor(const struct sandbox *sb)
{
	uint32_t layers;

	layers = drop_capabilities(supervisor_caps,
	    sizeof(supervisor_caps) / sizeof(supervisor_caps[0]));
	layers |= hide_memory();
	layers |= limit_resources(sb->caps);
	layers |= gain_no_privileges();
	return layers | filter_calls(sb);
}

uint32_t
sandbox_enter(const struct sandbox *sb)
{
	uint32_t layers;

	if (sb->caps & SANDBOX_SUPERVISE)
		return enter_supervisor(sb);
	layers = enter_namespaces(sb->drop);
	if (sb->drop)
		layers |= enter_own_user(sb);
	layers |= drop_capabilities(NULL, 0);
	layers |= hide_memory();
	layers |= die_with(sb->parent);
	layers |= limit_resources(sb->caps);
	layers |= gain_no_privileges();
	layers |= enter_landlock();
	if (!(sb->caps & (SANDBOX_ACCEPT | SANDBOX_RECV_FD)))
		close_descriptor_table();
	return layers | filter_calls(sb);
}
