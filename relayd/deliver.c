/* SPDX-License-Identifier: ISC */
/*
 * A copy to everybody else in the room (see deliver.h).  Called by the loop
 * once a turn, and by care.c before a member or a room goes.
 */
#include <limits.h>
#include <string.h>

#include "clock.h"
#include "deliver.h"
#include "net.h"
#include "relay.h"

/*
 * Work is counted in copies of one bundle; one that goes by itself costs
 * about five times as much, since most of a send is not its bytes.
 */
enum {
	CHUNK = 128,			/* less than a tenth of a millisecond */
	CHUNK_MOST = 2048,
	SEND_COST = 4,			/* of an entry, beyond its copies */
	COST_BYTES = 1024,		/* so many cost as much as a copy */
	SMALL_COPIES = 256,		/* of a room that goes first */
	LITTLE_COPIES = 4096,		/* some milliseconds: a window soon */
	WINDOW_COPIES = 1 << 16,	/* in one window */
};

/* Who gets the messages of a room, or of the lobby. */
struct audience {
	struct outlet	*out;
	struct fanout	*fanout;
	uint32_t	 groups;	/* list head */
	uint32_t	 members;
	enum relay_counter messages, copies;
};

static void
count(struct relay *r, enum relay_counter which, uint64_t n)
{
	counter_add(&r->counters[which], n);
}

uint32_t
deliver_lobby(const struct relay *r)
{
	return r->peers.cf.limits.rooms;
}

static struct audience
audience_of(struct relay *r, uint32_t room)
{
	struct audience a = { &r->out, &r->peers.fanout, 0, 0, LC_messages,
	    LC_deliveries };

	if (room == deliver_lobby(r))
		return (struct audience){ &r->lobby_out, &r->lobby.fanout,
		    r->lobby.groups, r->lobby.count, LC_lobby_messages,
		    LC_lobby_deliveries };
	a.groups = r->peers.rooms[room].groups;
	a.members = r->peers.rooms[room].members;
	return a;
}

/* ---- framing ---- */

static struct fanout_place
place_of(const struct relay *r, const struct queued *q)
{
	const uint32_t members = r->peers.cf.limits.members;

	return q->speaker < members ? r->peers.members[q->speaker].place :
	    r->lobby.clients[q->speaker - members].place;
}

static size_t
frame_said(struct relay *r, enum form form, const struct queued *q,
    uint8_t *out)
{
	const struct peers *p = &r->peers;
	const struct member *m = &p->members[q->speaker];
	struct utterance u;
	size_t len;

	u.room = peers_room_name(p, q->room);
	u.room_len = p->rooms[q->room].name_len;
	u.user = peers_name(p, q->speaker);
	u.user_len = m->name_len;
	u.msg = queue_text(&r->queue, q);
	u.msg_len = q->len;
	u.message_only = r->set.message_only != 0;
	relay_in_hand(r, q->speaker, q->len);
	len = dialect_message(form, &u, out);
	live_done(r->live);
	return len;
}

/* The lobby's messages go as they came. */
static size_t
frame_lobby(struct relay *r, const struct queued *q, uint8_t *out)
{
	memcpy(out, queue_text(&r->queue, q), q->len);
	return q->len;
}

/* The messages of a window in one form. */
static void
frame(struct relay *r, struct window *w, enum form form)
{
	const struct queued *q = queue_first(&r->queue, w->room);
	const bool lobby = w->room == deliver_lobby(r);
	struct trains *t = &w->trains;
	uint8_t *space;
	unsigned i;
	size_t len;

	trains_clear(t);
	w->misfits = 0;
	for (i = 0; i < w->n; i++, q = queue_next(&r->queue, q)) {
		space = trains_space(t);
		len = lobby ? frame_lobby(r, q, space) :
		    frame_said(r, form, q, space);
		if (len > 0)
			trains_add(t, q->speaker, place_of(r, q), len);
		else
			w->misfits++;
	}
	trains_arrange(t, audience_of(r, w->room).out->most);
}

/* ---- what could not be sent ---- */

/* How many messages of the window are by members of a group. */
static unsigned
said_in(const struct relay *r, const struct window *w, uint32_t group)
{
	const struct queued *q = queue_first(&r->queue, w->room);
	unsigned i, said = 0;

	for (i = 0; i < w->n; i++, q = queue_next(&r->queue, q))
		said += place_of(r, q).group == group;
	return said;
}

static void
count_misfits(struct relay *r, const struct window *w, uint32_t members)
{
	const struct trains *t = &w->trains;
	unsigned i, own;

	if (w->misfits == 0)
		return;
	own = said_in(r, w, w->group);
	for (i = 0; i < t->n; i++)
		own -= t->sender[t->piece[i].sender].place.group == w->group;
	count(r, LC_copy_form, (uint64_t)members * w->misfits - own);
}

static void
count_portless(struct relay *r, const struct window *w)
{
	uint64_t copies;

	if (w->room == deliver_lobby(r) ||
	    r->peers.rooms[w->room].portless == 0)
		return;
	copies = (uint64_t)w->n * r->peers.rooms[w->room].portless;
	count(r, LC_copy_unknown_port, copies - said_in(r, w, 0));
}

/* ---- windows ---- */

static void
open_window(struct relay *r, struct window *w, uint32_t room)
{
	const struct audience a = audience_of(r, room);
	const struct group *g;
	uint32_t n = r->queue.room[room].waiting;

	if (n > TRAIN_WINDOW)
		n = TRAIN_WINDOW;
	if (n > 1 && (uint64_t)n * a.members > WINDOW_COPIES)
		n = 1 + WINDOW_COPIES / a.members;
	/* Whole trains: a short one costs as many sends. */
	if (n > NET_BUNDLE_PIECES)
		n -= n % NET_BUNDLE_PIECES;
	queue_take(&r->queue, room, n);
	w->room = room;
	w->n = n;
	w->forms = 0;
	w->group = 0;
	g = fanout_first(a.fanout, a.groups);
	for (; g != NULL; g = fanout_next(a.fanout, g))
		w->forms |= 1u << g->kind.form;
}

static void
close_window(struct relay *r, struct window *w)
{
	count(r, audience_of(r, w->room).messages, w->n);
	count_portless(r, w);
	queue_sent(&r->queue, w->room);
	w->n = 0;
}

/* The group (+ 1) of a form in that list, 0: there is none. */
static uint32_t
group_of_form(const struct fanout *f, uint32_t list, unsigned form)
{
	while (list != 0 && f->groups[list - 1].kind.form != form)
		list = f->groups[list - 1].next;
	return list;
}

/* The next group to send to, framed for it; false: that was all. */
static bool
next_group(struct relay *r, struct window *w, const struct audience *a)
{
	const struct group *g;
	unsigned form;

	w->train = 0;
	w->entry = 0;
	if (w->group != 0) {
		g = &a->fanout->groups[w->group - 1];
		w->group = group_of_form(a->fanout, g->next, g->kind.form);
	}
	while (w->group == 0 && w->forms != 0) {
		for (form = 0; (w->forms >> form & 1) == 0; form++)
			;
		w->forms &= ~(1u << form);
		w->group = group_of_form(a->fanout, a->groups, form);
		if (w->group != 0)
			frame(r, w, (enum form)form);
	}
	return w->group != 0;
}

/* As much of a train as the budget allows; what that cost. */
static int
send_part(struct relay *r, struct window *w, const struct audience *a,
    int budget)
{
	const struct train *c = &w->trains.train[w->train];
	const uint32_t members = a->fanout->groups[w->group - 1].count;
	const int each = SEND_COST + c->count + (int)(c->len / COST_BYTES);
	uint32_t n = 1 + (uint32_t)(budget / each);

	if (n > members - w->entry)
		n = members - w->entry;
	count(r, a->copies, send_train(a->out, a->fanout, w->group, &w->trains,
	    c, w->entry, w->entry + n));
	w->entry += n;
	if (w->entry == members) {
		w->entry = 0;
		w->train++;
	}
	return (int)n * each;
}

/* Sends of a window what the budget allows; what is left of it. */
static int
advance(struct relay *r, struct window *w, int budget)
{
	const struct audience a = audience_of(r, w->room);

	while (budget > 0 && w->n > 0) {
		if (w->group != 0 && w->train < w->trains.count) {
			budget -= send_part(r, w, &a, budget);
			continue;
		}
		if (w->group != 0)
			count_misfits(r, w,
			    a.fanout->groups[w->group - 1].count);
		if (!next_group(r, w, &a))
			close_window(r, w);
	}
	return budget;
}

/* All of it, however long that takes. */
static void
complete(struct relay *r, struct window *w)
{
	while (w->n > 0) {
		(void)advance(r, w, BREATH_COPIES);
		relay_breathe(r);
	}
}

/* ---- a turn ---- */

static uint64_t
work_of(struct relay *r, uint32_t room)
{
	return (uint64_t)audience_of(r, room).members *
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

	for (i = q->rooms; i > 0 && budget > 0; i--) {
		if (r->turn >= q->rooms)
			r->turn = 0;
		/* Who takes its place waits for the next round. */
		room = q->active[r->turn++];
		if (work_of(r, room) > SMALL_COPIES ||
		    window_of(r, room) != NULL)
			continue;
		open_window(r, &r->small, room);
		budget -= INT_MAX - advance(r, &r->small, INT_MAX);
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
			open_window(r, w, room);
	}
	(void)advance(r, w, (int)(CHUNK * r->chunks));
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

void
deliver_settle(struct relay *r, uint32_t room)
{
	struct window *w = window_of(r, room);

	if (w != NULL)
		complete(r, w);
}

/* Everything of a room until, if anybody, that speaker has nothing there. */
static void
deliver_until(struct relay *r, uint32_t room, uint32_t speaker)
{
	deliver_settle(r, room);
	while (r->queue.room[room].waiting > 0 &&
	    (speaker == QUEUE_NONE || queue_has(&r->queue, speaker))) {
		open_window(r, &r->small, room);
		complete(r, &r->small);
	}
}

void
deliver_speaker(struct relay *r, uint32_t room, uint32_t speaker)
{
	if (queue_has(&r->queue, speaker))
		deliver_until(r, room, speaker);
	else
		deliver_settle(r, room);
}

void
deliver_room(struct relay *r, uint32_t room)
{
	deliver_until(r, room, QUEUE_NONE);
}

void
deliver_earlier(struct relay *r, uint32_t room)
{
	if (window_of(r, room) == NULL && work_of(r, room) <= LITTLE_COPIES)
		deliver_room(r, room);
}

void
deliver_all(struct relay *r, uint64_t deadline_ms)
{
	while (r->queue.count > 0 && clock_ms() < deadline_ms)
		deliver_some(r);
}
