/* SPDX-License-Identifier: ISC */
/*
 * What stands behind the fault points of common/fault.h in a FAULTS build.
 * OCM_FAULTS names the file of orders, which is mapped before main runs,
 * OCM_MUTANT the mistake to be made; dying is _exit, since the sandbox
 * allows neither kill nor raise.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef OCM_FAULTS
#define OCM_FAULTS
#endif
#include "fault.h"
#include "orders.h"

enum { DIED = 70, PAUSE_MS = 80 };
static const char poison[] = "!poison";

static struct orders *orders;
static char role[ROLE_BYTES];
static const char *mutant = "";

/* argv[0] of a child is "relayd 0". */
static void
learn_role(void)
{
	const char *name = program_invocation_short_name;
	size_t i;

	for (i = 0; i < sizeof(role) - 1 && name[i] != '\0' &&
	    name[i] != ' '; i++)
		role[i] = name[i];
}

static void __attribute__((__constructor__))
map_orders(void)
{
	const char *path = getenv("OCM_FAULTS");
	void *p;
	int fd;

	learn_role();
	if ((p = getenv("OCM_MUTANT")) != NULL)
		mutant = p;
	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	p = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		orders = p;
}

/* One that dies while it writes leaves a site behind that nobody uses. */
struct site *
fault_site(const char *name)
{
	struct site *s;
	uint32_t none;

	if (orders == NULL)
		return NULL;
	for (s = orders->site; s < orders->site + SITES; s++) {
		none = 0;
		if (atomic_compare_exchange_strong(&s->state, &none, 1)) {
			(void)strlcpy(s->role, role, sizeof(s->role));
			(void)strlcpy(s->name, name, sizeof(s->name));
			atomic_store(&s->state, 2);
			return s;
		}
		if (none == 2 && strcmp(s->name, name) == 0 &&
		    strcmp(s->role, role) == 0)
			return s;
	}
	return NULL;
}

enum action
fault_pass(struct site *s)
{
	struct order *o;

	if (s == NULL)
		return ACT_NONE;
	atomic_fetch_add(&s->passes, 1);
	for (o = orders->order; o < orders->order + ORDERS; o++) {
		if (atomic_load(&o->action) == ACT_NONE ||
		    strcmp(o->role, s->role) != 0 ||
		    strcmp(o->name, s->name) != 0 ||
		    atomic_load(&o->countdown) == 0 ||
		    atomic_fetch_sub(&o->countdown, 1) != 1)
			continue;
		atomic_fetch_add(&o->done, 1);
		return (enum action)atomic_load(&o->action);
	}
	return ACT_NONE;
}

void
fault_point(const char *name)
{
	const struct timespec second = { 1, 0 };
	const struct timespec pause_time = { 0, PAUSE_MS * 1000000L };
	int saved = errno;

	switch (fault_pass(fault_site(name))) {
	case ACT_DIE:
		_exit(DIED);
	case ACT_HANG:
		for (;;)
			(void)nanosleep(&second, NULL);
	case ACT_SPIN:
		for (;;)
			atomic_signal_fence(memory_order_seq_cst);
	case ACT_PAUSE:
		(void)nanosleep(&pause_time, NULL);
		break;
	case ACT_NONE:
	case ACT_FAIL:
		break;
	}
	errno = saved;
}

void
fault_poison(const void *msg, size_t len)
{
	if (len == sizeof(poison) - 1 && memcmp(msg, poison, len) == 0)
		fault_point("poison");
}

bool
fault_mutant(const char *name)
{
	return strcmp(name, mutant) == 0;
}
