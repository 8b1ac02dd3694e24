/* SPDX-License-Identifier: ISC */
/*
 * Landlock without the C library's or distribution's headers, which lag
 * years behind the kernels people run.  Called by sandbox_linux.c.
 *
 * A right that a ruleset does not list as handled is not denied, so the list
 * must be as long as this kernel's.  A ruleset without rules then allows
 * nothing of what it handles.
 */
#include <sys/syscall.h>
#include <sys/types.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "sandbox_linux.h"

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_restrict_self 446
#endif

/* The kernel's struct; one that knows less wants zeros in what it lacks. */
struct ruleset {
	uint64_t	handled_fs;
	uint64_t	handled_net;
	uint64_t	scoped;
};

enum {
	ASK_VERSION = 1 << 0,

	FS_BITS_FIRST = 13,	/* rights of the first version */
	FS_BITS_PROBED = 32,

	/*
	 * TCP bind and connect.  Not the later bits for UDP: they would deny
	 * relayd the addresses in its sends, which are its work.
	 */
	NET_SINCE = 4,
	NET_TCP = 1 << 0 | 1 << 1,

	/* Abstract Unix sockets and signals outside the domain. */
	SCOPED_SINCE = 6,
	SCOPED_ALL = 1 << 0 | 1 << 1,
};

static int
create_ruleset(const struct ruleset *r, size_t size, unsigned flags)
{
	return (int)syscall(__NR_landlock_create_ruleset, r, size, flags);
}

/*
 * The widest set of file rights that the kernel accepts: it refuses bits
 * it does not know, and no child has use for a file, so that rights which
 * later kernels invent are denied on the day they appear.
 */
static int
widest_ruleset(struct ruleset *r)
{
	unsigned bits;
	int fd = -1;

	for (bits = FS_BITS_PROBED; bits >= FS_BITS_FIRST; bits--) {
		r->handled_fs = (UINT64_C(1) << bits) - 1;
		if ((fd = create_ruleset(r, sizeof(*r), 0)) != -1 ||
		    errno != EINVAL)
			break;
	}
	return fd;
}

int
landlock_deny_all(void)
{
	struct ruleset r = { 0, 0, 0 };
	int version, fd, error;

	if ((version = create_ruleset(NULL, 0, ASK_VERSION)) == -1)
		return -1;
	if (version >= NET_SINCE)
		r.handled_net = NET_TCP;
	if (version >= SCOPED_SINCE)
		r.scoped = SCOPED_ALL;
	if ((fd = widest_ruleset(&r)) == -1)
		return -1;
	error = syscall(__NR_landlock_restrict_self, fd, 0) == -1 ? errno : 0;
	(void)close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}
