/* SPDX-License-Identifier: ISC */
/*
 * relayd: relays datagrams to the members of their room.  Started by ocmd,
 * which gives it its sockets and the shared segment; from READY on it can do
 * nothing but receive and send on them.
 */
#include <sys/types.h>

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl.h"
#include "fault.h"
#include "log.h"
#include "loop.h"
#include "relay.h"
#include "sandbox.h"
#include "seg.h"
#include "shmlock.h"

/* All that relayd ever does from READY on; it does not even allocate. */
enum { CAPABILITIES = SANDBOX_DATAGRAMS };

static struct relay relay;

static void
receive_start(struct ctl_start *start)
{
	union ctl_body body;
	enum ctl_type type;
	int fd;

	if (ctl_recv(FD_CTL, ROLE_OCMD, ROLE_RELAYD, true, &type, &body,
	    &fd) != CTL_GOT || type != CTL_START)
		fatalx("no START from ocmd");
	*start = body.START;
	sodium_memzero(&body, sizeof(body));
	if (start->role != ROLE_RELAYD || start->index >= OCM_WORKERS_MAX ||
	    start->relay_count > OCM_ADDRS_MAX ||
	    start->lobby_count > OCM_ADDRS_MAX)
		fatalx("START is not for relayd");
}

/* The terminal's and ocmd's signals reach us as orders of ocmd. */
static void
ignore_signals(void)
{
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void
attach(const struct ctl_start *start)
{
	int fds[2 * OCM_ADDRS_MAX];
	struct shmlock *lock;
	struct roomtab *tab;
	struct seg_maps maps;
	unsigned i;

	if (seg_map(&start->limits, FD_SHM_RW, FD_SHM_RO, ROLE_RELAYD,
	    start->index, &maps) == -1)
		fatal("the shared segment");
	(void)close(FD_SHM_RW);
	(void)close(FD_SHM_RO);
	FAULT(attached);
	lock = shmlock_open(maps.control, start->sem_name,
	    1 + (int)start->index);
	if (lock == NULL)
		fatal("the semaphore");
	tab = roomtab_open_reader(maps.rooms, &start->limits.table, lock);
	if (tab == NULL)
		fatal("the table of rooms");
	for (i = 0; i < start->relay_count + start->lobby_count; i++)
		fds[i] = FD_PEERS + 1 + (int)i;
	relay_make(&relay, start, &maps, tab, fds);
}

int
main(void)
{
	static char name[32];
	struct ctl_start start;
	struct ctl_ready ready;
	struct sandbox sb;

	ignore_signals();
	log_init("relayd");
	FAULT(born);
	receive_start(&start);
	FAULT(started);
	(void)snprintf(name, sizeof(name), "relayd %u", start.index);
	log_init(name);
	if (sodium_init() == -1)
		fatalx("libsodium does not start");
	attach(&start);
	FAULT(made);
	sb = ctl_sandbox(&start, CAPABILITIES);
	ready.layers = sandbox_enter(&sb);
	FAULT(sandboxed);
	sodium_memzero(&start, sizeof(start));
	if (ctl_send(FD_CTL, CTL_READY, &ready, -1) == -1)
		fatal("READY");
	FAULT(ready);
	exit(loop_run(&relay));
}
