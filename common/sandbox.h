/* SPDX-License-Identifier: ISC */
/*
 * The sandbox of a process (README names its layers).  Policy is a line of
 * capability bits beside each role's main; the mechanism is one file per
 * platform: sandbox_linux.c, sandbox_openbsd.c, and sandbox_none.c, which is
 * a choice with a name (SANDBOX=none), never a silent fallback.
 */
#ifndef OCM_SANDBOX_H
#define OCM_SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

/* What a role still does after sandbox_enter. */
enum {
	SANDBOX_DATAGRAMS = 1 << 0,	/* recvmmsg, sendmmsg, errors queue */
	SANDBOX_ACCEPT = 1 << 1,	/* accept4 and stream sockets */
	SANDBOX_EVENTS = 1 << 2,	/* libevent: epoll or kqueue */
	SANDBOX_RECV_FD = 1 << 3,	/* take descriptors from ocmd */
	SANDBOX_SUPERVISE = 1 << 4,	/* ocmd; alone */
	SANDBOX_HEAP = 1 << 5,		/* malloc and free */
};

/* Layers that hold, as READY reports them. */
enum {
	LAYER_NAMESPACES = 1 << 0,
	LAYER_CHROOT = 1 << 1,
	LAYER_UID = 1 << 2,
	LAYER_DUMPABLE = 1 << 3,
	LAYER_DEATHSIG = 1 << 4,
	LAYER_RLIMITS = 1 << 5,
	LAYER_LANDLOCK = 1 << 6,
	LAYER_NO_NEW_PRIVS = 1 << 7,
	LAYER_SECCOMP = 1 << 8,
	LAYER_PLEDGE = 1 << 9,
	LAYER_UNVEIL = 1 << 10,
	LAYER_NONE = 1 << 11,		/* built with SANDBOX=none */
	LAYER_CAPABILITIES = 1 << 12,	/* none; ocmd: those it needs */
	LAYER_STRICT = 1 << 13,		/* unknown system calls kill */
	LAYER_COUNT = 14
};
/* "seccomp" for 1 << 8: the word that `ocmctl status` shows. */
const char *sandbox_layer_name(unsigned bit_number);

struct sandbox {
	unsigned	 caps;		/* SANDBOX_* */
	bool		 drop;		/* started as root: uid, gid, chroot */
	uid_t		 uid;
	gid_t		 gid;
	const char	*empty_dir;	/* to chroot to, where drop */
	pid_t		 parent;	/* die with it */
	bool		 strict;	/* unknown system calls kill */
};

/*
 * Gives up everything the role does not need, in the documented order.
 * Returns the mask of layers that hold.  Does not return (fatal) where a
 * layer that must hold cannot be had.
 */
uint32_t sandbox_enter(const struct sandbox *);

#endif
