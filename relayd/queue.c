/* SPDX-License-Identifier: ISC */
/*
 * The queue of accepted messages (see queue.h).  Filled by relay.c, emptied
 * by deliver.c.
 */
#include <string.h>

#include "queue.h"
#include "sparse.h"
#include "wire.h"

void
queue_make(struct queue *q, uint32_t rooms)
{
	memset(q, 0, sizeof(*q));
	q->room = sparse_array(rooms, sizeof(*q->room));
	q->text = sparse_array(QUEUE_MAX, DATAGRAM_MAX);
}

void
queue_put(struct queue *q, uint32_t room, uint32_t slot, const void *text,
    size_t len)
{
	struct queue_room *r = &q->room[room];
	struct queued *m;
	uint32_t n;

	if ((n = q->free) != 0)
		q->free = q->msg[n - 1].next;
	else
		n = ++q->fresh;
	m = &q->msg[n - 1];
	m->slot = slot;
	m->next = 0;
	m->len = (uint16_t)len;
	memcpy(q->text + (size_t)(n - 1) * DATAGRAM_MAX, text, len);
	if (r->count == 0) {
		r->first = n;
		r->place = q->rooms;
		q->active[q->rooms++] = room;
	} else {
		q->msg[r->last - 1].next = n;
	}
	r->last = n;
	r->count++;
	q->count++;
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
	return q->text + (size_t)(m - q->msg) * DATAGRAM_MAX;
}

void
queue_drop(struct queue *q, uint32_t room, uint32_t n)
{
	struct queue_room *r = &q->room[room];
	struct queued *m;
	uint32_t i;

	for (; n > 0 && r->count > 0; n--) {
		i = r->first;
		m = &q->msg[i - 1];
		r->first = m->next;
		m->next = q->free;
		q->free = i;
		r->count--;
		q->count--;
	}
	if (r->count > 0 || q->rooms == 0 || q->active[r->place] != room)
		return;
	/* The last active room takes the place of this one. */
	q->active[r->place] = q->active[--q->rooms];
	q->room[q->active[r->place]].place = r->place;
}
