/* SPDX-License-Identifier: ISC */
/*
 * The server's processes as `ocmctl status -j` names them, and what the
 * kernel says about their time and memory.  Used by bench_relay.
 */
#ifndef OCM_BENCH_PROCS_H
#define OCM_BENCH_PROCS_H

#include <sys/types.h>

#include <stdint.h>

enum { PROCS_MAX = 80, PROCS_ADDRESS = 64 };

struct proc {
	char	role[16];
	pid_t	pid;
};

struct procs {
	unsigned	count;
	struct proc	proc[PROCS_MAX];
	char		rooms[PROCS_ADDRESS];	/* the first of each kind */
	char		relay[PROCS_ADDRESS];
};

/* Asks `ocmctl status -j -s socket`.  0, or -1 with a message printed. */
int	procs_find(struct procs *, const char *ocmctl, const char *socket);
/* A process that is no server of ours, in the place of that role. */
void	procs_one(struct procs *, const char *role, pid_t);
/* Seconds of processor time of all processes of a role, up to now. */
double	procs_cpu(const struct procs *, const char *role);
/*
 * The same and what they waited for a processor that others had: only what
 * is left they had nothing to do, however busy the machine is.
 */
double	procs_wanted(const struct procs *, const char *role);
/* Resident KiB of every process together. */
uint64_t procs_resident(const struct procs *);

/* What all relayds have counted since they were started. */
struct procs_relayed {
	uint64_t	deliveries;	/* copies */
	uint64_t	bundles;	/* sends of several at once */
};
/* Asks `ocmctl stats -j -s socket`.  0, or -1 with a message printed. */
int	procs_relayed(struct procs_relayed *, const char *ocmctl,
	    const char *socket);

#endif
