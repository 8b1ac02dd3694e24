/* SPDX-License-Identifier: ISC */
/*
 * Watches the children (see server.h): one that is silent is as good as
 * dead, and one that is dead begins again, at once or later.
 */
#include <event2/event.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "server.h"

enum {
	PULSE_MS = 1000,		/* while all is well, at most, */
	QUESTIONS = 4,			/* and so many without an answer */
	WAITING = 64,			/* in a child's socket */
};

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* From one question to the next while each is answered. */
static uint32_t
calm_ms(const struct server *s)
{
	const uint32_t limit_ms = s->conf.hang_limit * 1000;

	return limit_ms == 0 ? PULSE_MS : smaller(PULSE_MS, limit_ms / 2);
}

/* How long after the first that is not answered a child is killed, 0: never. */
static uint32_t
patience_ms(const struct server *s)
{
	const uint32_t limit_ms = s->conf.hang_limit * 1000;

	return limit_ms == 0 ? 0 : limit_ms - calm_ms(s);
}

/* From one question to the next while an answer is missing. */
static uint32_t
worried_ms(const struct server *s)
{
	const uint32_t patience = patience_ms(s);

	return patience == 0 ? PULSE_MS :
	    smaller(PULSE_MS, patience / QUESTIONS);
}

static bool
hangs(const struct server *s, const struct child *c)
{
	const uint32_t patience = patience_ms(s);

	return patience > 0 && !MUTANT(no_heartbeat) &&
	    c->unanswered >= patience / worried_ms(s);
}

static bool
is_worried(const struct server *s)
{
	unsigned i;

	for (i = 0; i < s->children; i++)
		if (s->child[i].state == CHILD_READY &&
		    s->child[i].unanswered > 0)
			return true;
	return false;
}

/* Not EV_PERSIST: a pulse that came late must not hasten the next. */
static void
set_pulse(struct server *s)
{
	server_set_timer(s->ev_pulse,
	    is_worried(s) ? worried_ms(s) : calm_ms(s));
}

void
server_answered(struct child *c)
{
	const bool awaited = c->unanswered > 0;

	c->unanswered = 0;
	/* No other answer puts off the next question. */
	if (awaited && !is_worried(c->server))
		set_pulse(c->server);
}

/*
 * A child that has answered none of all the questions since is killed, which
 * server.c then sees as any other death.  What it has said is heard first,
 * since it may be ocmd itself that had no time.  It is asked without a limit,
 * too: who wakes up for that notices a lock that nobody gives back.
 */
static void
feel(struct server *s, struct child *c)
{
	const struct ctl_bell ping = { 0 };

	if (c->state == CHILD_READY)
		server_hear(c);
	if (c->state != CHILD_READY)
		return;
	if (hangs(s, c)) {
		log_warnx("%s: does not answer for %u s; killing it", c->name,
		    s->conf.hang_limit);
		child_kill(c);
		c->unanswered = 0;
	} else if (c->unanswered >= WAITING ||
	    child_send(c, CTL_PING, &ping) == 0) {
		c->unanswered++;
	}
}

static void
on_pulse(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	unsigned i;

	(void)fd;
	(void)what;
	for (i = 0; i < s->children && s->phase == SERVER_SERVING; i++)
		feel(s, &s->child[i]);
	set_pulse(s);
}

int
server_watch(struct server *s)
{
	if ((s->ev_pulse = evtimer_new(s->base, on_pulse, s)) == NULL)
		return -1;
	set_pulse(s);
	return 0;
}

/*
 * One that hangs before it is READY shall not take longer than one that
 * hangs later; but where that was too little for a child, it gets more.
 */
uint32_t
server_birth_ms(const struct server *s, const struct child *c)
{
	uint64_t ms = (uint64_t)s->conf.hang_limit * 1000;
	unsigned i;

	if (s->phase != SERVER_SERVING || ms == 0)
		return CHILD_READY_MS;
	for (i = 0; i < c->late && ms < CHILD_READY_MS; i++)
		ms *= 2;
	return ms < CHILD_READY_MS ? (uint32_t)ms : CHILD_READY_MS;
}

void
server_restart(struct server *s, struct child *c)
{
	const bool loop = c->backoff.next_ms != 0;
	uint32_t delay;

	if (s->phase != SERVER_SERVING)
		return;
	delay = backoff_delay(&c->backoff, clock_ms(), c->lived_ms,
	    s->conf.restart_limit);
	if (delay > 0 && !loop)
		log_warnx("%s: died %u times in %d s; it waits ever longer, "
		    "up to %d s, until it has lived for %d s", c->name,
		    backoff_deaths(&c->backoff), BACKOFF_WINDOW_S,
		    BACKOFF_MAX_MS / 1000, BACKOFF_FORGET_MS / 1000);
	if (delay > 0)
		log_info("%s: starts again in %u ms", c->name, delay);
	c->restarts++;
	server_set_timer(c->ev_timer, delay);
}
