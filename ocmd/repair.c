/* SPDX-License-Identifier: ISC */
/*
 * Repair of the lock after a death (README, "The lock").  Nobody asks
 * whether the dead one held it: everybody living is brought to rest, and at
 * that moment the semaphore's true value is 1.
 */
#include <time.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "server.h"

enum { LOOK_US = 200 };

static uint32_t
lock_bit(const struct child *c)
{
	return UINT32_C(1) << child_lock_role(c);
}

static uint32_t
alive(const struct server *s)
{
	uint32_t mask = 0;
	unsigned i;

	for (i = 0; i < s->children; i++)
		if (s->child[i].pid > 0)
			mask |= lock_bit(&s->child[i]);
	return mask;
}

/* Mourns those in the mask that have died; returns their bits. */
static uint32_t
reap_those(struct server *s, uint32_t mask)
{
	struct child *c;
	uint32_t dead = 0;
	unsigned i;

	for (i = 0; i < s->children; i++) {
		c = &s->child[i];
		if ((mask & lock_bit(c)) != 0 && server_reap(s, c, false))
			dead |= lock_bit(c);
	}
	return dead;
}

/*
 * Who is still busy after the time allowed; who is because it has died, too,
 * joins the dead.  This blocks ocmd for so long; a word in shared memory wakes
 * no event loop.
 */
static uint32_t
wait_for_quiet(struct server *s, uint32_t *dead)
{
	const struct timespec look = { 0, LOOK_US * 1000L };
	uint64_t end = clock_ms() + SERVER_QUIET_MS;
	uint32_t busy;

	while ((busy = shmlock_busy(s->lock, alive(s))) != 0) {
		*dead |= reap_those(s, busy);
		if (clock_ms() >= end)
			break;
		(void)nanosleep(&look, NULL);
	}
	return busy & alive(s);
}

/* Kills and mourns those in the mask; returns their bits. */
static uint32_t
kill_those(struct server *s, uint32_t mask)
{
	struct child *c;
	uint32_t killed = 0;
	unsigned i;

	for (i = 0; i < s->children; i++) {
		c = &s->child[i];
		if (c->pid <= 0 || (mask & lock_bit(c)) == 0)
			continue;
		log_warnx("%s: kept the lock for %d ms; killing it", c->name,
		    SERVER_QUIET_MS);
		child_kill(c);
		if (server_reap(s, c, true))
			killed |= lock_bit(c);
	}
	return killed;
}

void
server_repair(struct server *s, uint32_t dead)
{
	uint32_t busy;
	unsigned i, failed = 0;

	/*
	 * Who dies from here on is busy, and joins the dead of this pass, or
	 * it is idle and has a pass of its own.
	 */
	shmlock_park(s->lock);
	while ((busy = wait_for_quiet(s, &dead)) != 0 && !MUTANT(no_quiet)) {
		dead |= kill_those(s, failed++ == 0 ? busy : alive(s));
		FAULT(repair_killed);
	}
	if (shmlock_remake(s->lock, dead) == -1)
		log_warn("the lock cannot be made anew");
	shmlock_unpark(s->lock);
	s->repaired_ms = clock_ms();
	for (i = 0; i < s->children; i++)
		if ((dead & lock_bit(&s->child[i])) != 0)
			server_restart(s, &s->child[i]);
}
