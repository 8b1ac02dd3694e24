/* SPDX-License-Identifier: ISC */
/*
 * Messages of one room on their way (see window.h).  Called by deliver.c.
 */
#include <string.h>

#include "deliver.h"
#include "net.h"
#include "relay.h"
#include "window.h"

/*
 * Work is counted in copies of one bundle; one that goes by itself costs
 * about five times as much, since most of a send is not its bytes.
 */
enum {
	SEND_COST = 4,			/* of an entry, beyond its copies */
	COST_BYTES = 1024,		/* so many cost as much as a copy */
	WINDOW_COPIES = 1 << 16,	/* in one window */
	STEP_COPIES = 1 << 15,		/* of one that is sent as a whole */
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

static struct audience
audience_of_window(struct relay *r, struct window *w)
{
	struct audience a = audience_of(r, w->room);

	if (w->stands) {
		a.fanout = &w->still.fanout;
		a.groups = w->still.list;
	}
	return a;
}

uint32_t
window_audience(struct relay *r, uint32_t room)
{
	return audience_of(r, room).members;
}

/* ---- framing ---- */

/* Where the speaker of the i-th message of a window is among receivers. */
static struct fanout_place
place_of(const struct relay *r, const struct window *w, unsigned i,
    const struct queued *q)
{
	static const struct fanout_place nowhere = { UINT32_MAX, 0 };
	const uint32_t members = r->peers.cf.limits.members;

	if (w->stands)
		return w->place[i];
	if (q->speaker >= QUEUE_GONE)
		return nowhere;
	return q->speaker < members ? r->peers.members[q->speaker].place :
	    r->lobby.clients[q->speaker - members].place;
}

static size_t
frame_said(struct relay *r, enum form form, const struct queued *q,
    uint8_t *out)
{
	const bool gone = q->speaker >= QUEUE_GONE;
	const struct peers *p = &r->peers;
	struct utterance u;
	size_t len;

	u.room = peers_room_name(p, q->room);
	u.room_len = p->rooms[q->room].name_len;
	u.user = gone ? queue_name(&r->queue, q) :
	    peers_name(p, q->speaker);
	u.user_len = gone ? q->name_len : p->members[q->speaker].name_len;
	u.msg = queue_text(&r->queue, q);
	u.msg_len = q->len;
	u.message_only = r->set.message_only != 0;
	/* Who has gone already cannot be made to go. */
	if (gone)
		live_take(r->live, SENDER_UNKNOWN, q->len);
	else
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
			trains_add(t, q->speaker, place_of(r, w, i, q), len);
		else
			w->misfits++;
	}
	trains_arrange(t, audience_of(r, w->room).out->most);
}

/* ---- what could not be sent ---- */

/* How many messages of the window are by members without a port. */
static unsigned
said_portless(const struct relay *r, const struct window *w)
{
	const struct queued *q = queue_first(&r->queue, w->room);
	unsigned i, said = 0;

	for (i = 0; i < w->n; i++, q = queue_next(&r->queue, q))
		said += place_of(r, w, i, q).group == 0;
	return said;
}

/* Whether whoever is at that place of the window's group gets copies. */
static bool
sits(const struct window *w, const struct group *g, struct fanout_place at)
{
	return at.group == w->group &&
	    g->entry[at.position].msg_hdr.msg_name != NULL;
}

static void
count_misfits(struct relay *r, const struct window *w, const struct group *g)
{
	const uint64_t members = g->count - g->gaps;
	const struct queued *q = queue_first(&r->queue, w->room);
	const struct trains *t = &w->trains;
	unsigned i, own = 0;

	if (w->misfits == 0)
		return;
	for (i = 0; i < w->n; i++, q = queue_next(&r->queue, q))
		own += sits(w, g, place_of(r, w, i, q));
	for (i = 0; i < t->n; i++)
		own -= sits(w, g, t->sender[t->piece[i].sender].place);
	count(r, LC_copy_form, members * w->misfits - own);
}

static void
count_portless(struct relay *r, const struct window *w)
{
	uint32_t portless;

	if (w->room == deliver_lobby(r))
		return;
	portless = w->stands ? w->portless :
	    r->peers.rooms[w->room].portless;
	if (portless > 0)
		count(r, LC_copy_unknown_port, (uint64_t)w->n * portless -
		    said_portless(r, w));
}

/* ---- windows ---- */

void
window_open(struct relay *r, struct window *w, uint32_t room)
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
	w->stands = false;
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

int
window_advance(struct relay *r, struct window *w, int budget)
{
	const struct audience a = audience_of_window(r, w);

	while (budget > 0 && w->n > 0) {
		if (w->group != 0 && w->train < w->trains.count) {
			budget -= send_part(r, w, &a, budget);
			continue;
		}
		if (w->group != 0)
			count_misfits(r, w,
			    &a.fanout->groups[w->group - 1]);
		if (!next_group(r, w, &a))
			close_window(r, w);
	}
	return budget;
}

void
window_complete(struct relay *r, struct window *w)
{
	struct outlet *out = audience_of(r, w->room).out;
	int left;

	while (w->n > 0) {
		left = window_advance(r, w, STEP_COPIES);
		send_breathe(out, (uint32_t)(STEP_COPIES - left));
	}
}

void
window_stand(struct relay *r, struct window *w)
{
	const struct audience a = audience_of(r, w->room);
	const struct queued *q = queue_first(&r->queue, w->room);
	struct trains *t = &w->trains;
	unsigned i;

	still_take(&w->still, a.fanout, a.groups);
	for (i = 0; i < w->n; i++, q = queue_next(&r->queue, q)) {
		w->place[i] = place_of(r, w, i, q);
		w->place[i].group = still_group(&w->still, w->place[i].group);
	}
	for (i = 0; w->group != 0 && i < t->senders; i++)
		t->sender[i].place.group = still_group(&w->still,
		    t->sender[i].place.group);
	w->group = still_group(&w->still, w->group);
	w->portless = w->room == deliver_lobby(r) ? 0 :
	    r->peers.rooms[w->room].portless;
	w->stands = true;
}
