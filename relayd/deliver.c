/* SPDX-License-Identifier: ISC */
/*
 * A copy to everybody else in the room (see deliver.h).  Called by the loop
 * once a turn, and by care.c before a member or a room goes.
 */
#include <limits.h>

#include "clock.h"
#include "deliver.h"
#include "relay.h"

enum {				/* copies, as window_advance counts them */
	CHUNK = 128,			/* less than a tenth of a millisecond */
	CHUNK_MOST = 2048,
	SMALL_COPIES = 256,		/* of a room that goes first */
	LITTLE_COPIES = 4096,		/* some milliseconds: a window soon */
	EARLIER_COPIES = 1024,		/* of rooms into which somebody comes */
	LAST_COPIES = 1 << 14,		/* of a room that ends */
};

uint32_t
deliver_lobby(const struct relay *r)
{
	return r->peers.cf.limits.rooms;
}

/* ---- a turn ---- */

static uint64_t
work_of(struct relay *r, uint32_t room)
{
	return (uint64_t)window_audience(r, room) *
	    r->queue.room[room].waiting;
}

/* The window in which a room's messages are on their way, or NULL. */
static struct window *
window_of(struct relay *r, uint32_t room)
{
	struct window *w;

	for (w = r->busy; w < r->busy + DELIVER_KINDS; w++)
		if (w->n > 0 && w->room == room)
			return w;
	return NULL;
}

/* Every room that has little to send, in turns that go on the next time. */
static void
deliver_small(struct relay *r, int budget)
{
	struct queue *q = &r->queue;
	uint32_t room, i;

	for (i = q->rooms; i > 0 && q->rooms > 0 && budget > 0; i--) {
		room = queue_turn(q);
		if (work_of(r, room) > SMALL_COPIES ||
		    window_of(r, room) != NULL)
			continue;
		window_open(r, &r->small, room);
		budget -= INT_MAX - window_advance(r, &r->small, INT_MAX);
	}
}

static bool
is_of_kind(struct relay *r, uint32_t room, enum deliver_kind kind)
{
	const uint64_t work = work_of(r, room);

	if (window_of(r, room) != NULL)
		return false;
	return kind == DELIVER_LARGE ? work > LITTLE_COPIES :
	    work > SMALL_COPIES && work <= LITTLE_COPIES;
}

/* A chunk of a room that has more to send; when it is done, of another. */
static void
deliver_busy(struct relay *r, enum deliver_kind kind)
{
	struct window *w = &r->busy[kind];
	struct queue *q = &r->queue;
	uint32_t room, i;

	for (i = q->rooms; i > 0 && w->n == 0; i--) {
		if (++r->busy_turn >= q->rooms)
			r->busy_turn = 0;
		room = q->active[r->busy_turn];
		if (is_of_kind(r, room, kind))
			window_open(r, w, room);
	}
	(void)window_advance(r, w, (int)(CHUNK * r->chunks));
}

/*
 * What a copy costs depends on who receives it: one in a bundle may take a
 * microsecond or a tenth of that.  So the time says when it is enough, and
 * chunks that took very little of it are larger the next time: less calls.
 */
static void
fit_chunks(struct relay *r, uint64_t took_us)
{
	if (took_us < r->slice_us / 8 && r->chunks < CHUNK_MOST / CHUNK)
		r->chunks *= 2;
	else if (took_us > r->slice_us / 2 && r->chunks > 1)
		r->chunks /= 2;
}

void
deliver_some(struct relay *r)
{
	const uint64_t until = clock_us() + r->slice_us;
	uint64_t now = until - r->slice_us, before;

	do {
		deliver_small(r, CHUNK);
		deliver_busy(r, DELIVER_MIDDLING);
		deliver_busy(r, DELIVER_LARGE);
		before = now;
		now = clock_us();
		if (r->busy[DELIVER_LARGE].n > 0)
			fit_chunks(r, now - before);
	} while (r->queue.count > 0 && now < until);
}

/* ---- what happens in the midst of it ---- */

/* Everything of a room, as long as that is not too much. */
static void
deliver_within(struct relay *r, uint32_t room, uint64_t copies)
{
	struct window *w = window_of(r, room);
	uint64_t done = 0;

	if (w != NULL)
		window_complete(r, w);
	while (r->queue.room[room].waiting > 0 && done < copies) {
		window_open(r, &r->small, room);
		done += (uint64_t)r->small.n * window_audience(r, room);
		window_complete(r, &r->small);
	}
}

void
deliver_room(struct relay *r, uint32_t room)
{
	deliver_within(r, room, LAST_COPIES);
	queue_drop(&r->queue, room);
}

void
deliver_moving(struct relay *r, uint32_t room, const struct receiver *to,
    bool for_good)
{
	struct window *w = window_of(r, room);

	if (w == NULL)
		return;
	if (!w->stands)
		window_stand(r, w);
	if (for_good)
		still_leave(&w->still, to);
	else
		still_keep(&w->still, to);
}

void
deliver_leaving(struct relay *r, uint32_t room, uint32_t speaker)
{
	const uint32_t members = r->peers.cf.limits.members;
	struct window *w = window_of(r, room);

	/* Nobody is left to hear, and the number may be another room's. */
	if (window_audience(r, room) == 1) {
		deliver_room(r, room);
		return;
	}
	/* Where it is will soon not be known. */
	if (w != NULL && !w->stands)
		window_stand(r, w);
	if (speaker < members)
		queue_leave(&r->queue, room, speaker,
		    peers_name(&r->peers, speaker),
		    r->peers.members[speaker].name_len);
	else
		queue_leave(&r->queue, room, speaker, "", 0);
}

void
deliver_earlier(struct relay *r, uint32_t room)
{
	const uint64_t work = work_of(r, room);

	if (work == 0 || r->earlier + work > EARLIER_COPIES ||
	    window_of(r, room) != NULL)
		return;
	r->earlier += (uint32_t)work;
	deliver_within(r, room, work);
}

void
deliver_all(struct relay *r, uint64_t deadline_ms)
{
	while (r->queue.count > 0 && clock_ms() < deadline_ms)
		deliver_some(r);
}
