/* SPDX-License-Identifier: ISC */
/*
 * The queue of accepted messages (see queue.h).  Filled by take.c, and for
 * the lobby by relay.c; emptied by window.c.
 */
#include <sodium.h>
#include <string.h>

#include "counter.h"
#include "queue.h"
#include "sparse.h"

_Static_assert(QUEUE_KEY == crypto_shorthash_KEYBYTES, "key");

void
queue_make(struct queue *q, uint32_t rooms, uint32_t speakers,
    _Atomic uint64_t *counters)
{
	memset(q, 0, sizeof(*q));
	q->room = sparse_array(rooms, sizeof(*q->room));
	q->speaker = sparse_array(speakers, sizeof(*q->speaker));
	q->source = sparse_array(QUEUE_SOURCES, sizeof(*q->source));
	crypto_shorthash_keygen(q->key);
	rank_make(&q->busy_rooms, rooms, QUEUE_MAX + 1);
	rank_make(&q->talkers, speakers, QUEUE_MAX + 1);
	rank_make(&q->busy_sources, QUEUE_SOURCES, QUEUE_MAX + 1);
	q->text = sparse_array(QUEUE_MAX + 1, QUEUE_TEXT);
	q->counters = counters;
}

void
queue_from(struct queue *q, uint32_t speaker, const struct addr *a)
{
	uint8_t source[16], out[crypto_shorthash_BYTES];
	uint32_t h;

	addr_source(a, source);
	crypto_shorthash(out, source, sizeof(source), q->key);
	memcpy(&h, out, sizeof(h));
	q->speaker[speaker].source = 1 + h % (QUEUE_SOURCES - 1);
}

/* ---- what waits ---- */

/* A place in the queue is as scarce as so many copies. */
enum { MESSAGE_COPIES = QUEUE_COPIES / QUEUE_MAX };

enum { LOOKS = 16 };		/* at messages of one source */

static uint64_t
work_of(const struct queued *m)
{
	return m->copies > MESSAGE_COPIES ? m->copies : MESSAGE_COPIES;
}

/*
 * Of the rooms, speakers and sources that make messages wait, as many copies
 * as wait for another one of theirs.
 */
static void
weigh(struct queue *q, const struct queued *m)
{
	const struct queue_source *s = &q->source[m->source];
	const uint32_t in_room = q->room[m->room].waiting;
	const uint64_t each = work_of(m);
	uint32_t by_one;

	if (m->source != 0)
		rank_set(&q->busy_sources, m->source, s->waiting < 2 ? 0 :
		    s->work - s->work / s->waiting);
	rank_set(&q->busy_rooms, m->room, in_room < 2 ? 0 :
	    (in_room - 1) * each);
	if (m->speaker >= QUEUE_GONE)
		return;
	by_one = q->speaker[m->speaker].waiting;
	rank_set(&q->talkers, m->speaker, by_one < 2 ? 0 :
	    (by_one - 1) * each);
}

/* Last in the ring of that source. */
static void
join_ring(struct queue *q, uint32_t room, uint32_t source)
{
	struct queue_source *s = &q->source[source];
	struct queue_room *r = &q->room[room];

	r->source = source;
	r->after = r->before = room;
	if (s->turn == 0) {
		s->turn = room + 1;
		s->place = q->sources;
		q->turns[q->sources++] = source;
		return;
	}
	r->after = s->turn - 1;
	r->before = q->room[r->after].before;
	q->room[r->before].after = room;
	q->room[r->after].before = room;
}

/* Where the ring ends, the last source takes its place. */
static void
leave_ring(struct queue *q, uint32_t room)
{
	const struct queue_room *r = &q->room[room];
	struct queue_source *s = &q->source[r->source];

	if (r->after == room) {
		s->turn = 0;
		q->turns[s->place] = q->turns[--q->sources];
		q->source[q->turns[s->place]].place = s->place;
		return;
	}
	if (s->turn == room + 1)
		s->turn = r->after + 1;
	q->room[r->before].after = r->after;
	q->room[r->after].before = r->before;
}

static void
add_active(struct queue *q, uint32_t room, uint32_t source)
{
	q->room[room].place = q->rooms;
	q->active[q->rooms++] = room;
	join_ring(q, room, source);
}

/* The last active room takes the place of this one. */
static void
remove_active(struct queue *q, uint32_t room)
{
	const uint32_t place = q->room[room].place;

	leave_ring(q, room);
	q->active[place] = q->active[--q->rooms];
	q->room[q->active[place]].place = place;
}

uint32_t
queue_turn(struct queue *q)
{
	struct queue_source *s;
	uint32_t room;

	if (q->turn >= q->sources)
		q->turn = 0;
	s = &q->source[q->turns[q->turn++]];
	room = s->turn - 1;
	s->turn = q->room[room].after + 1;
	return room;
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

/* The latest of its source. */
static void
link_source(struct queue *q, uint32_t n)
{
	struct queued *m = &q->msg[n - 1];
	struct queue_source *s;

	m->source = q->speaker[m->speaker].source;
	s = &q->source[m->source];
	m->later = 0;
	m->sooner = s->last;
	if (s->last != 0)
		q->msg[s->last - 1].later = n;
	s->last = n;
	s->waiting++;
	s->work += work_of(m);
}

static void
unlink_source(struct queue *q, const struct queued *m)
{
	struct queue_source *s = &q->source[m->source];

	if (m->later != 0)
		q->msg[m->later - 1].sooner = m->sooner;
	else
		s->last = m->sooner;
	if (m->sooner != 0)
		q->msg[m->sooner - 1].later = m->later;
	s->waiting--;
	s->work -= work_of(m);
}

static void
begin_waiting(struct queue *q, uint32_t n)
{
	const struct queued *m = &q->msg[n - 1];

	link_spoken(q, n);
	link_source(q, n);
	q->copies += m->copies;
	if (q->room[m->room].waiting++ == 0)
		add_active(q, m->room, m->source);
	weigh(q, m);
}

static void
end_waiting(struct queue *q, uint32_t n)
{
	const struct queued *m = &q->msg[n - 1];

	if (m->speaker < QUEUE_GONE)
		unlink_spoken(q, m);
	unlink_source(q, m);
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
 * Of the latest few of the source that makes the most work, the one in whose
 * room the most waits: where all speak from one address that says nothing.
 */
static uint32_t
latest_of_source(const struct queue *q)
{
	uint32_t n = q->source[rank_top(&q->busy_sources)].last, best = n;
	int looks = LOOKS;

	for (; n != 0 && looks > 0; n = q->msg[n - 1].sooner, looks--)
		if (q->room[q->msg[n - 1].room].waiting >
		    q->room[q->msg[best - 1].room].waiting)
			best = n;
	return best;
}

/*
 * One message less: the newest of the most talkative member where it makes
 * at least half of the work of the busiest room and source, else of that
 * room, if this is half of the work of the source, else of the source.  Where
 * nobody has two, the one that came last.  Says which.
 */
static uint32_t
drop_one(struct queue *q, uint32_t came)
{
	const uint64_t talker = rank_most(&q->talkers);
	const uint64_t room = rank_most(&q->busy_rooms);
	const uint64_t source = rank_most(&q->busy_sources);
	enum relay_counter why = LC_drop_busy;
	uint32_t n = came;

	if (talker > 0 && talker >= room / 2 && talker >= source / 2) {
		n = q->speaker[rank_top(&q->talkers)].newest;
		why = LC_drop_talker;
	} else if (room > 0 && room >= source / 2) {
		n = q->room[rank_top(&q->busy_rooms)].last;
	} else if (source > 0) {
		n = latest_of_source(q);
		why = LC_drop_source;
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
