/* SPDX-License-Identifier: ISC */
/*
 * A copy to everybody else in the room (see deliver.h).  Called by relay.c
 * after each batch, and by care.c before a member or a room goes.
 */
#include "clock.h"
#include "deliver.h"
#include "relay.h"

/* Copies to one room. */
enum {
	SMALL_COPIES = 4096,		/* a few milliseconds: goes first */
	WINDOW_COPIES = 1 << 16,	/* in one go */
	WAITING_COPIES = 1 << 19,	/* in the queue */
};

static void
count(struct relay *r, enum relay_counter which, uint64_t n)
{
	counter_add(&r->counters[which], n);
}

static struct utterance
utterance_of(const struct relay *r, uint32_t room, const struct queued *q)
{
	const struct peers *p = &r->peers;
	struct utterance u;

	u.room = peers_room_name(p, room);
	u.room_len = p->rooms[room].name_len;
	u.user = peers_name(p, q->slot);
	u.user_len = p->members[q->slot].name_len;
	u.msg = queue_text(&r->queue, q);
	u.msg_len = q->len;
	u.message_only = r->set.message_only != 0;
	return u;
}

/* The room's n oldest messages in one form; how many it cannot carry. */
static unsigned
frame(struct relay *r, uint32_t room, enum form form, unsigned n)
{
	const struct queued *q = queue_first(&r->queue, room);
	struct trains *t = &r->trains;
	unsigned i, misfits = 0;
	struct utterance u;
	size_t len;

	trains_clear(t);
	for (i = 0; i < n; i++, q = queue_next(&r->queue, q)) {
		u = utterance_of(r, room, q);
		live_take(r->live, SENDER_UNKNOWN, q->len);
		live_take_of(r->live, q->slot, r->peers.members[q->slot].gen);
		len = dialect_message(form, &u, trains_space(t));
		live_done(r->live);
		if (len > 0)
			trains_add(t, q->slot, r->peers.members[q->slot].place,
			    len);
		else
			misfits++;
	}
	trains_arrange(t, r->out.bundle);
	return misfits;
}

/* How many of the room's n oldest messages are by members of a group. */
static unsigned
said_in(const struct relay *r, uint32_t room, uint32_t group, unsigned n)
{
	const struct queued *q = queue_first(&r->queue, room);
	unsigned said = 0;

	for (; n > 0; n--, q = queue_next(&r->queue, q))
		said += r->peers.members[q->slot].place.group == group;
	return said;
}

static void
count_misfits(struct relay *r, uint32_t room, uint32_t group, unsigned n)
{
	const struct group *g = &r->peers.fanout.groups[group - 1];
	const struct trains *t = &r->trains;
	unsigned i, own = said_in(r, room, group, n);

	for (i = 0; i < t->n; i++)
		own -= t->sender[t->piece[i].sender].place.group == group;
	count(r, LC_copy_form, (uint64_t)g->count * (n - t->n) - own);
}

static void
deliver_form(struct relay *r, uint32_t room, enum form form, unsigned n)
{
	struct fanout *f = &r->peers.fanout;
	const struct group *g;
	uint64_t sent = 0;
	uint32_t group;
	unsigned misfits = frame(r, room, form, n);

	for (group = r->peers.rooms[room].groups; group != 0; group = g->next) {
		g = &f->groups[group - 1];
		if (g->kind.form != form)
			continue;
		sent += send_trains(&r->out, f, group, &r->trains);
		if (misfits > 0)
			count_misfits(r, room, group, n);
	}
	count(r, LC_deliveries, sent);
}

/* The n oldest messages of a room. */
static void
deliver(struct relay *r, uint32_t room, unsigned n)
{
	const struct room *k = &r->peers.rooms[room];
	const struct group *g;
	unsigned forms = 0, f;

	g = fanout_first(&r->peers.fanout, k->groups);
	for (; g != NULL; g = fanout_next(&r->peers.fanout, g))
		forms |= 1u << g->kind.form;
	for (f = 0; f < FORM_COUNT; f++)
		if ((forms >> f & 1) != 0)
			deliver_form(r, room, (enum form)f, n);
	count(r, LC_messages, n);
	if (k->portless > 0)
		count(r, LC_copy_unknown_port, (uint64_t)n * k->portless -
		    said_in(r, room, 0, n));
	queue_drop(&r->queue, room, n);
}

static void
deliver_window(struct relay *r, uint32_t room)
{
	const uint32_t members = r->peers.rooms[room].members;
	uint32_t n = r->queue.room[room].count;

	if (n > TRAIN_WINDOW)
		n = TRAIN_WINDOW;
	if (n > 1 && (uint64_t)n * members > WINDOW_COPIES)
		n = 1 + WINDOW_COPIES / members;
	deliver(r, room, n);
}

static bool
is_small(const struct relay *r, uint32_t room)
{
	return (uint64_t)r->queue.room[room].count *
	    r->peers.rooms[room].members <= SMALL_COPIES;
}

/* One of the rooms that are left, each time another. */
static void
deliver_large(struct relay *r)
{
	const uint32_t rooms = r->queue.rooms;

	if (rooms > 0)
		deliver_window(r, r->queue.active[r->turn++ % rooms]);
}

void
deliver_some(struct relay *r)
{
	uint32_t i;

	/* From the end: a room that has no more takes another's place. */
	for (i = r->queue.rooms; i > 0; i--) {
		if (i <= r->queue.rooms &&
		    is_small(r, r->queue.active[i - 1]))
			deliver_window(r, r->queue.active[i - 1]);
		relay_breathe(r);
	}
	deliver_large(r);
	relay_breathe(r);
}

void
deliver_room(struct relay *r, uint32_t room)
{
	while (r->queue.room[room].count > 0)
		deliver_window(r, room);
}

void
deliver_make_room(struct relay *r, uint32_t room)
{
	const struct queue_room *q = &r->queue.room[room];

	while (queue_full(&r->queue))
		deliver_some(r);
	while (q->count > 0 && (uint64_t)q->count *
	    r->peers.rooms[room].members >= WAITING_COPIES) {
		deliver_window(r, room);
		relay_breathe(r);
	}
}

void
deliver_all(struct relay *r, uint64_t deadline_ms)
{
	while (r->queue.count > 0 && clock_ms() < deadline_ms)
		deliver_some(r);
}
