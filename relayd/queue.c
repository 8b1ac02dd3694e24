/* SPDX-License-Identifier: ISC */
/*
 * The queue of accepted messages (see queue.h).  Filled by relay.c, emptied
 * by deliver.c.
 */
#include <string.h>

#include "counter.h"
#include "queue.h"
#include "sparse.h"

void
queue_make(struct queue *q, uint32_t rooms, uint32_t speakers,
    _Atomic uint64_t *counters)
{
	memset(q, 0, sizeof(*q));
	q->room = sparse_array(rooms, sizeof(*q->room));
	q->speaker = sparse_array(speakers, sizeof(*q->speaker));
	rank_make(&q->busy_rooms, rooms, QUEUE_MAX + 1);
	rank_make(&q->talkers, speakers, QUEUE_MAX + 1);
	q->text = sparse_array(QUEUE_MAX + 1, QUEUE_TEXT);
	q->counters = counters;
}

/* ---- what waits ---- */

/* A place in the queue is as scarce as so many copies. */
enum { MESSAGE_COPIES = QUEUE_COPIES / QUEUE_MAX };

/*
 * Of the rooms and speakers that make messages wait, as many copies as wait
 * for another one of theirs.
 */
static void
weigh(struct queue *q, const struct queued *m)
{
	const uint32_t in_room = q->room[m->room].waiting;
	const uint64_t each = m->copies > MESSAGE_COPIES ? m->copies :
	    MESSAGE_COPIES;
	uint32_t by_one;

	rank_set(&q->busy_rooms, m->room, in_room < 2 ? 0 :
	    (in_room - 1) * each);
	if (m->speaker >= QUEUE_GONE)
		return;
	by_one = q->speaker[m->speaker].waiting;
	rank_set(&q->talkers, m->speaker, by_one < 2 ? 0 :
	    (by_one - 1) * each);
}

static void
add_active(struct queue *q, uint32_t room)
{
	q->room[room].place = q->rooms;
	q->active[q->rooms++] = room;
}

/* The last active room takes the place of this one. */
static void
remove_active(struct queue *q, uint32_t room)
{
	const uint32_t place = q->room[room].place;

	q->active[place] = q->active[--q->rooms];
	q->room[q->active[place]].place = place;
}

/* The newest of its speaker. */
static void
link_spoken(struct queue *q, uint32_t n)
{
	struct queued *m = &q->msg[n - 1];
	struct queue_speaker *s = &q->speaker[m->speaker];

	m->newer = 0;
	m->older = s->newest;
	if (s->newest != 0)
		q->msg[s->newest - 1].newer = n;
	else
		s->oldest = n;
	s->newest = n;
	s->waiting++;
}

static void
unlink_spoken(struct queue *q, const struct queued *m)
{
	struct queue_speaker *s = &q->speaker[m->speaker];

	if (m->newer != 0)
		q->msg[m->newer - 1].older = m->older;
	else
		s->newest = m->older;
	if (m->older != 0)
		q->msg[m->older - 1].newer = m->newer;
	else
		s->oldest = m->newer;
	s->waiting--;
}

static void
begin_waiting(struct queue *q, uint32_t n)
{
	const struct queued *m = &q->msg[n - 1];

	link_spoken(q, n);
	q->copies += m->copies;
	if (q->room[m->room].waiting++ == 0)
		add_active(q, m->room);
	weigh(q, m);
}

static void
end_waiting(struct queue *q, uint32_t n)
{
	const struct queued *m = &q->msg[n - 1];

	if (m->speaker < QUEUE_GONE)
		unlink_spoken(q, m);
	q->copies -= m->copies;
	if (--q->room[m->room].waiting == 0)
		remove_active(q, m->room);
	weigh(q, m);
}

/* ---- messages ---- */

static uint32_t
take_free(struct queue *q)
{
	const uint32_t n = q->free;

	q->count++;
	if (n == 0)
		return ++q->fresh;
	q->free = q->msg[n - 1].next;
	return n;
}

static void
append(struct queue *q, uint32_t n)
{
	struct queued *m = &q->msg[n - 1];
	struct queue_room *r = &q->room[m->room];

	m->next = 0;
	m->prev = r->last;
	if (r->last != 0)
		q->msg[r->last - 1].next = n;
	else
		r->first = n;
	r->last = n;
}

/* Takes it out of its room and frees it. */
static void
forget(struct queue *q, uint32_t n)
{
	struct queued *m = &q->msg[n - 1];
	struct queue_room *r = &q->room[m->room];

	if (m->next != 0)
		q->msg[m->next - 1].prev = m->prev;
	else
		r->last = m->prev;
	if (m->prev != 0)
		q->msg[m->prev - 1].next = m->next;
	else
		r->first = m->next;
	m->next = q->free;
	q->free = n;
	q->count--;
}

/*
 * One message less: the newest of the most talkative member where it makes
 * at least half of the work of the busiest room, else of that room.  Where
 * nobody has two, the one that came last.  Says which.
 */
static uint32_t
drop_one(struct queue *q, uint32_t came)
{
	enum relay_counter why = LC_drop_busy;
	uint32_t n = came;

	if (q->talkers.count > 0 && rank_most(&q->talkers) >=
	    rank_most(&q->busy_rooms) / 2) {
		n = q->speaker[rank_top(&q->talkers)].newest;
		why = LC_drop_talker;
	} else if (q->busy_rooms.count > 0) {
		n = q->room[rank_top(&q->busy_rooms)].last;
	}
	end_waiting(q, n);
	forget(q, n);
	counter_add(&q->counters[why], 1);
	return n;
}

static bool
too_much(const struct queue *q)
{
	return q->count > QUEUE_MAX || q->copies > QUEUE_COPIES;
}

bool
queue_put(struct queue *q, uint32_t room, uint32_t speaker, uint32_t copies,
    const void *text, size_t len)
{
	const uint32_t n = take_free(q);
	struct queued *m = &q->msg[n - 1];

	m->room = room;
	m->speaker = speaker;
	m->copies = copies;
	m->len = (uint16_t)len;
	memcpy(q->text + (size_t)(n - 1) * QUEUE_TEXT, text, len);
	append(q, n);
	begin_waiting(q, n);
	/* A single one is taken however many copies it means. */
	while (too_much(q) && q->count > 1)
		if (drop_one(q, n) == n)
			return false;
	return true;
}

static void
rename_speaker(struct queue *q, uint32_t n, uint32_t number,
    const void *name, size_t len)
{
	struct queued *m = &q->msg[n - 1];

	m->speaker = number;
	m->name_len = (uint16_t)len;
	memcpy(q->text + (size_t)(n - 1) * QUEUE_TEXT + DATAGRAM_MAX, name,
	    len);
}

/* All may leave at once: nobody looks through all that waits for each. */
void
queue_leave(struct queue *q, uint32_t room, uint32_t speaker,
    const void *name, size_t len)
{
	const uint32_t number = QUEUE_GONE + q->gone++ % QUEUE_GONE;
	uint32_t n = q->room[room].first, k;

	for (k = q->room[room].taken; k > 0; k--, n = q->msg[n - 1].next)
		if (q->msg[n - 1].speaker == speaker)
			rename_speaker(q, n, number, name, len);
	n = q->speaker[speaker].oldest;
	for (; n != 0; n = q->msg[n - 1].newer)
		rename_speaker(q, n, number, name, len);
	memset(&q->speaker[speaker], 0, sizeof(q->speaker[speaker]));
	rank_set(&q->talkers, speaker, 0);
}

void
queue_drop(struct queue *q, uint32_t room)
{
	struct queue_room *r = &q->room[room];
	uint32_t n;

	while (r->waiting > 0) {
		n = r->last;
		end_waiting(q, n);
		forget(q, n);
		counter_add(&q->counters[LC_drop_busy], 1);
	}
}

const struct queued *
queue_first(const struct queue *q, uint32_t room)
{
	const uint32_t n = q->room[room].first;

	return n == 0 ? NULL : &q->msg[n - 1];
}

const struct queued *
queue_next(const struct queue *q, const struct queued *m)
{
	return m->next == 0 ? NULL : &q->msg[m->next - 1];
}

const uint8_t *
queue_text(const struct queue *q, const struct queued *m)
{
	return q->text + (size_t)(m - q->msg) * QUEUE_TEXT;
}

const uint8_t *
queue_name(const struct queue *q, const struct queued *m)
{
	return queue_text(q, m) + DATAGRAM_MAX;
}

void
queue_take(struct queue *q, uint32_t room, uint32_t n)
{
	struct queue_room *r = &q->room[room];
	uint32_t i = r->first, k;

	for (k = 0; k < r->taken && i != 0; k++)
		i = q->msg[i - 1].next;
	for (; n > 0 && i != 0; n--, i = q->msg[i - 1].next) {
		end_waiting(q, i);
		r->taken++;
	}
}

void
queue_sent(struct queue *q, uint32_t room)
{
	struct queue_room *r = &q->room[room];

	for (; r->taken > 0; r->taken--)
		forget(q, r->first);
}
