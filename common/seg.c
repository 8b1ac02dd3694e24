/* SPDX-License-Identifier: ISC */
/*
 * The shared segment (see seg.h): C | R | L[0] | L[1] ...
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seg.h"

enum { REGION_C, REGION_R, REGION_L };

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_OCMD] = "ocmd",
	[ROLE_ROOMD] = "roomd",
	[ROLE_RELAYD] = "relayd",
};

const char *
role_name(enum role role)
{
	return (unsigned)role < ROLE_COUNT ? role_names[role] : "?";
}

struct live_limits
seg_live_limits(const struct seg_limits *lim)
{
	struct live_limits l = { lim->table.members, lim->lobby };

	return l;
}

static size_t
region_size(const struct seg_limits *lim, unsigned region)
{
	struct live_limits l = seg_live_limits(lim);

	if (region == REGION_C)
		return shmlock_area_size();
	if (region == REGION_R)
		return roomtab_size(&lim->table);
	return live_size(&l);
}

static off_t
region_offset(const struct seg_limits *lim, unsigned region)
{
	size_t off = 0;
	unsigned i;

	for (i = 0; i < region; i++)
		off += region_size(lim, i);
	return (off_t)off;
}

/* Maps one region, or MAP_FAILED. */
static void *
region_map(const struct seg_limits *lim, unsigned region, int fd, bool write)
{
	return mmap(NULL, region_size(lim, region),
	    write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
	    region_offset(lim, region));
}

static int
region_format(const struct seg_limits *lim, unsigned region, int fd,
    const char *sem_name)
{
	void *p;
	int rc = 0;

	if ((p = region_map(lim, region, fd, true)) == MAP_FAILED)
		return -1;
	if (region == REGION_C)
		rc = shmlock_format(p, sem_name);
	else
		roomtab_format(p, &lim->table);
	(void)munmap(p, region_size(lim, region));
	return rc;
}

/* Opens a new object of a random name twice, and unlinks it. */
static int
open_object(int *rw, int *ro)
{
	char name[32];
	int i;

	for (i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), "/ocm-%08x%08x",
		    arc4random(), arc4random());
		*rw = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (*rw != -1 || errno != EEXIST)
			break;
	}
	if (*rw == -1)
		return -1;
	*ro = shm_open(name, O_RDONLY, 0);
	(void)shm_unlink(name);
	if (*ro != -1)
		return 0;
	(void)close(*rw);
	*rw = -1;
	return -1;
}

/*
 * A page of a sparse object that cannot be had when it is first touched is
 * a SIGBUS in the middle of anything, so ask for the space beforehand.
 */
static int
need_space(int fd, off_t size)
{
	struct statvfs v;

	if (fstatvfs(fd, &v) == -1 || v.f_blocks == 0)
		return 0;	/* a file system that keeps no such count */
	if ((uint64_t)v.f_bavail * v.f_frsize >= (uint64_t)size)
		return 0;
	errno = ENOSPC;
	return -1;
}

int
seg_create(const struct seg_limits *lim, const char *sem_name, int *rw,
    int *ro)
{
	off_t size;
	unsigned i;

	if (lim->workers < 1 || lim->workers > OCM_WORKERS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (open_object(rw, ro) == -1)
		return -1;
	size = region_offset(lim, REGION_L + lim->workers);
	if (need_space(*rw, size) == -1 || ftruncate(*rw, size) == -1)
		goto fail;
	for (i = REGION_C; i <= REGION_R; i++)
		if (region_format(lim, i, *rw, sem_name) == -1)
			goto fail;
	return 0;
fail:
	(void)close(*rw);
	(void)close(*ro);
	*rw = *ro = -1;
	return -1;
}

int
seg_map(const struct seg_limits *lim, int rw, int ro, enum role role,
    uint32_t index, struct seg_maps *m)
{
	struct live_limits l = seg_live_limits(lim);
	void *p;
	bool mine;
	uint32_t k;

	memset(m, 0, sizeof(*m));
	m->control = region_map(lim, REGION_C, rw, true);
	if (m->control == MAP_FAILED)
		return -1;
	if (role == ROLE_OCMD)
		return 0;
	mine = role == ROLE_ROOMD;
	m->rooms = region_map(lim, REGION_R, mine ? rw : ro, mine);
	if (m->rooms == MAP_FAILED)
		return -1;
	for (k = 0; k < lim->workers; k++) {
		mine = role == ROLE_RELAYD && k == index;
		p = region_map(lim, REGION_L + k, mine ? rw : ro, mine);
		if (p == MAP_FAILED || (m->live[k] = live_open(p, &l)) == NULL)
			return -1;
	}
	return 0;
}
