/* SPDX-License-Identifier: ISC */
/*
 * The shared segment: one POSIX shared-memory object of page-aligned
 * regions C | R | L[0] | L[1] ..., each with one writer.  ocmd creates it;
 * a child maps just what its role may see and closes the descriptors.
 */
#ifndef OCM_SEG_H
#define OCM_SEG_H

#include <stddef.h>
#include <stdint.h>

#include "live.h"
#include "roomtab.h"
#include "shmlock.h"

enum { OCM_WORKERS_MAX = 16 };

enum role { ROLE_OCMD, ROLE_ROOMD, ROLE_RELAYD, ROLE_COUNT };
const char *role_name(enum role);		/* "roomd" */

struct seg_limits {
	struct roomtab_limits	table;
	uint32_t		lobby;		/* lobby clients per relay */
	uint32_t		workers;	/* 1..OCM_WORKERS_MAX */
};

struct seg_maps {
	struct shmlock_area	*control;	/* read-write for all */
	void			*rooms;		/* roomd: read-write */
	struct live		*live[OCM_WORKERS_MAX];	/* relayd k: [k] */
};

struct live_limits seg_live_limits(const struct seg_limits *);

/*
 * ocmd: creates and formats the object under a random name, and unlinks it.
 * *rw and *ro become its two descriptors, both close-on-exec, or -1.
 * sem_name as shmlock_format.  0, or -1 with errno; ENOSPC also where the
 * memory of the whole object could not be had now.
 */
int	seg_create(const struct seg_limits *, const char *sem_name, int *rw,
	    int *ro);
/*
 * Maps the regions as the role may: its own read-write, the others' from the
 * read-only descriptor.  ocmd gets C alone.  index: which relay.
 * 0, or -1 with errno.
 */
int	seg_map(const struct seg_limits *, int rw, int ro, enum role,
	    uint32_t index, struct seg_maps *);

#endif
