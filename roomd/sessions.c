/* SPDX-License-Identifier: ISC */
/*
 * Where connections begin and end: see session.h.  There are places for so
 * many, and whoever comes gets one: who holds the most gives it up.
 */
#include <stdlib.h>
#include <unistd.h>

#include "session_own.h"

/*
 * Answered and not closed by their clients.  Who closes needs a place for as
 * long as its network takes; this is enough for tens of thousands a second.
 */
enum { ANSWERED_MAX = 4096 };

bool
session_seated(const struct session *s)
{
	return s->seat.id.row != NULL;
}

/* ---- the end ---- */

static void
session_free(struct session *s)
{
	limit_done(s->all->desk->limit, &s->place);
	(void)event_del(&s->readable);
	(void)event_del(&s->writable);
	(void)event_del(&s->timer);
	turn_end(&s->turn);
	(void)close(s->fd);
	inbox_clear(&s->in);
	outbox_clear(&s->out);
	blob_unref(s->second);
	TAILQ_REMOVE(&s->all->list, s, link);
	s->all->count--;
	free(s);
}

enum step
session_close(struct session *s)
{
	struct desk *desk = s->all->desk;
	struct seat_id id = s->seat.id;

	if (session_seated(s))
		audience_stand(desk->audience, &s->seat);
	session_free(s);
	if (id.row != NULL)
		(void)rooms_remove(desk->rooms, id.slot, id.gen, END_LEFT);
	return GONE;
}

enum step
session_fail(struct session *s, enum room_counter why)
{
	counter_add(&s->all->desk->counters[why], 1);
	return session_close(s);
}

/* ---- places ---- */

bool
session_count(struct session *s, enum limit_phase phase)
{
	struct limit *limit = s->all->desk->limit;

	if (!session_seated(s))
		return limit_open(limit, &s->place, phase, &s->caller.addr);
	limit_done(limit, &s->place);
	return true;
}

/*
 * Closes those of whoever has the most until nobody need wait for a place.
 * Memberships stay: there are never so many that nothing else is left.
 */
static void
make_room(struct sessions *all)
{
	struct limit_conn *conn;
	struct session *s;

	while ((conn = limit_crowded(all->desk->limit, ANSWERED_MAX,
	    all->count > all->max)) != NULL) {
		s = SESSION_OF(conn, place);
		if (conn->phase == LIMIT_HALF_OPEN)
			(void)session_fail(s, RC_closed_half_open);
		else if (session_settle(s) != GONE)
			(void)session_fail(s, RC_closed_answered);
	}
}

/* ---- all of them ---- */

void
session_start(struct sessions *all, int fd, const struct addr *from,
    uint8_t via)
{
	struct session *s;

	counter_add(&all->desk->counters[RC_accepted], 1);
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		counter_add(&all->desk->counters[RC_no_memory], 1);
		(void)close(fd);
		return;
	}
	s->all = all;
	s->fd = fd;
	s->caller = (struct caller){ *from, via };
	(void)event_assign(&s->readable, all->base, fd, EV_READ | EV_PERSIST,
	    session_run, s);
	(void)event_assign(&s->writable, all->base, fd, EV_WRITE, session_run,
	    s);
	(void)evtimer_assign(&s->timer, all->base, session_on_timer, s);
	turn_make(&s->turn, all->base, session_run, s);
	TAILQ_INSERT_TAIL(&all->list, s, link);
	all->count++;
	if (session_begin(s) != GONE)
		(void)event_add(&s->readable, NULL);
	make_room(all);
}

struct sessions *
sessions_new(struct event_base *base, struct desk *desk, uint32_t max)
{
	struct sessions *all;

	if ((all = calloc(1, sizeof(*all))) == NULL)
		return NULL;
	TAILQ_INIT(&all->list);
	all->base = base;
	all->desk = desk;
	all->max = max;
	return all;
}

void
sessions_free(struct sessions *all)
{
	struct session *s, *next;

	if (all == NULL)
		return;
	for (s = TAILQ_FIRST(&all->list); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (session_seated(s))
			audience_stand(all->desk->audience, &s->seat);
		session_free(s);
	}
	free(all);
}

uint32_t
sessions_count(const struct sessions *all)
{
	return all->count;
}
