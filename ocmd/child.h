/* SPDX-License-Identifier: ISC */
/*
 * One child process of ocmd: how it is started, spoken to and mourned.
 * When and why is server.c's affair.
 */
#ifndef OCMD_CHILD_H
#define OCMD_CHILD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backoff.h"
#include "conf.h"
#include "ctl.h"

struct event;
struct logpipe;
struct server;

enum {
	CHILD_FDS = 3 + OCM_WORKERS_MAX + 2 * OCM_ADDRS_MAX,
	CHILD_NAME = 16,		/* "relayd 15" */
	CHILD_READY_MS = 10000,		/* from fork to READY */
	CHILD_OBITUARY = 64,
};

enum child_state {
	CHILD_DOWN,
	CHILD_STARTING,			/* READY has not come */
	CHILD_READY,
	CHILD_LOST,			/* hung up, but has not ended yet */
	CHILD_STOPPING,			/* was told to end */
};

struct child {
	enum role	 role;
	uint32_t	 index;			/* which relayd */
	char		 name[CHILD_NAME];
	char		 path[CONF_PATH];	/* of its program */
	uid_t		 uid;			/* what it runs as */
	gid_t		 gid;
	int		 fds[CHILD_FDS];	/* become 4, 5, 6 ... */
	unsigned	 nfds;

	enum child_state state;
	pid_t		 pid;			/* 0: none */
	int		 ctl;			/* ours of the pair, or -1 */
	uint32_t	 layers;		/* as READY said */
	uint64_t	 born_ms, lived_ms;	/* lived: the last life */
	unsigned	 restarts;
	bool		 condemned;	/* we kill it: it misbehaves */
	bool		 dying;		/* and it takes its time */
	bool		 crashed;	/* its last life ended itself */
	unsigned	 unanswered;	/* pulses, the last in a row */
	unsigned	 late;		/* lives that were never READY */
	struct backoff	 backoff;

	struct server	*server;		/* for the callbacks */
	struct event	*ev_ctl;
	struct event	*ev_timer;		/* READY deadline, restart */
	struct logpipe	*log;
};

/*
 * Forks and executes; its standard error goes to its logpipe.  Sets pid,
 * ctl, born_ms and state CHILD_STARTING.  0, or -1 with errno.
 */
int	child_spawn(struct child *);
/* Sends a control message; a failure is logged.  0, or -1. */
int	child_send(const struct child *, enum ctl_type, const void *body);
/* Kills a child for what it does or fails to do. */
void	child_kill(struct child *);
/*
 * Whether a wait status speaks of a death by the child's own doing: a fault,
 * an abort, an exit; not of a signal that somebody sends.
 */
bool	child_own_doing(int status);
/*
 * "killed by signal 9 (Killed) after 12.3 s" or "exit status 1 after ...", of
 * a wait status; returns buf.
 */
char	*child_obituary(char buf[CHILD_OBITUARY], int status,
	    uint64_t lived_ms);
/* The role's number in shmlock.h. */
int	child_lock_role(const struct child *);

#endif
