/* SPDX-License-Identifier: ISC */
/*
 * Repair of the lock after a death (README, "The lock").  Nobody asks
 * whether the dead one held it: everybody living is brought to rest, and at
 * that moment the semaphore's true value is 1.
 */
#include <event2/event.h>

#include <time.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "server.h"

enum {
	LOOK_US = 200,
	DEATH_MS = 200,			/* a kill needs, at most */
};

static void
look_pause(void)
{
	const struct timespec look = { 0, LOOK_US * 1000L };

	(void)nanosleep(&look, NULL);
}

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
		if (s->child[i].pid > 0 && !s->child[i].dying)
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
		if ((mask & lock_bit(c)) != 0 && server_reap(s, c))
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
	uint64_t end = clock_ms() + SERVER_QUIET_MS;
	uint32_t busy;

	while ((busy = shmlock_busy(s->lock, alive(s))) != 0) {
		*dead |= reap_those(s, busy);
		if (clock_ms() >= end)
			break;
		look_pause();
	}
	return busy & alive(s);
}

/* Nobody speaks to it any more. */
static void
expect_death(struct child *c)
{
	c->dying = true;
	c->state = CHILD_LOST;
	(void)evtimer_del(c->ev_timer);
	if (c->ev_ctl != NULL)
		(void)event_del(c->ev_ctl);
}

/*
 * Waits for the death of a killed child.  One whose kernel does not let it go
 * (it waits for a disk, say) must not stop us as well: it never executes
 * another instruction, so for the lock it is dead, and SIGCHLD tells the rest.
 */
static void
see_die(struct server *s, struct child *c)
{
	uint64_t end = clock_ms() + DEATH_MS;

	while (!server_reap(s, c)) {
		if (clock_ms() >= end) {
			log_warnx("%s: killed, but does not end; the others "
			    "go on", c->name);
			expect_death(c);
			return;
		}
		look_pause();
	}
}

/* Kills those in the mask; returns their bits. */
static uint32_t
kill_those(struct server *s, uint32_t mask)
{
	struct child *c;
	uint32_t killed = 0;
	unsigned i;

	for (i = 0; i < s->children; i++) {
		c = &s->child[i];
		if ((alive(s) & mask & lock_bit(c)) == 0)
			continue;
		log_warnx("%s: kept the lock for %d ms; killing it", c->name,
		    SERVER_QUIET_MS);
		child_kill(c);
		see_die(s, c);
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
		if ((dead & lock_bit(&s->child[i])) != 0 &&
		    s->child[i].pid == 0)
			server_restart(s, &s->child[i]);
}
