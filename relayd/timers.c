/* SPDX-License-Identifier: ISC */
/*
 * The timer wheel (see timers.h): idle members, idle lobby clients, notices
 * that wait for their second.  A timer far away stays in its bucket for more
 * than one turn of the wheel.
 */
#include "sparse.h"
#include "timers.h"

enum { BITS = 64 };

void
wheel_make(struct wheel *w, uint32_t count, uint32_t tick_ms, uint64_t now_ms)
{
	*w = (struct wheel){ .tick_ms = tick_ms, .base_ms = now_ms };
	w->timers = sparse_array(count, sizeof(*w->timers));
}

static uint32_t
tick_at(const struct wheel *w, uint64_t ms)
{
	return ms <= w->base_ms ? 0 :
	    (uint32_t)((ms - w->base_ms) / w->tick_ms);
}

static void
mark(struct wheel *w, uint32_t b, bool filled)
{
	if (filled)
		w->filled[b / BITS] |= UINT64_C(1) << b % BITS;
	else
		w->filled[b / BITS] &= ~(UINT64_C(1) << b % BITS);
}

void
wheel_cancel(struct wheel *w, uint32_t n)
{
	struct wheel_timer *t = &w->timers[n];
	const uint32_t b = t->due % WHEEL_BUCKETS;

	if (t->due == 0)
		return;
	if (w->cursor == n + 1)
		w->cursor = t->next;
	if (t->next != 0)
		w->timers[t->next - 1].prev = t->prev;
	if (t->prev != 0)
		w->timers[t->prev - 1].next = t->next;
	else
		w->bucket[b] = t->next;
	mark(w, b, w->bucket[b] != 0);
	t->due = 0;
	w->set--;
}

void
wheel_set(struct wheel *w, uint32_t n, uint64_t due_ms)
{
	struct wheel_timer *t = &w->timers[n];
	uint32_t b;

	wheel_cancel(w, n);
	t->due = tick_at(w, due_ms + w->tick_ms - 1);
	if (t->due <= w->now)
		t->due = w->now + 1;
	b = t->due % WHEEL_BUCKETS;
	t->prev = 0;
	t->next = w->bucket[b];
	if (t->next != 0)
		w->timers[t->next - 1].prev = n + 1;
	w->bucket[b] = n + 1;
	mark(w, b, true);
	w->set++;
}

uint32_t
wheel_expired(struct wheel *w, uint64_t now_ms)
{
	uint32_t n, target = tick_at(w, now_ms);

	if (w->set == 0 && target > w->now) {
		w->now = target;
		w->cursor = 0;
	}
	if (target > w->now && target - w->now > WHEEL_BUCKETS) {
		/* After a long sleep one turn sees every bucket. */
		w->now = target - WHEEL_BUCKETS;
		w->cursor = 0;
	}
	for (;;) {
		while (w->cursor != 0) {
			n = w->cursor - 1;
			w->cursor = w->timers[n].next;
			if (w->timers[n].due <= target) {
				wheel_cancel(w, n);
				return n;
			}
		}
		if (w->now >= target)
			return WHEEL_NONE;
		w->now++;
		w->cursor = w->bucket[w->now % WHEEL_BUCKETS];
	}
}

/* Ticks from `now` to the next bucket that holds something, 1..BUCKETS. */
static uint32_t
next_filled(const struct wheel *w)
{
	uint32_t d, b;

	for (d = 1; d < WHEEL_BUCKETS; d++) {
		b = (w->now + d) % WHEEL_BUCKETS;
		if (b % BITS == 0 && w->filled[b / BITS] == 0)
			d += BITS - 1;
		else if ((w->filled[b / BITS] >> b % BITS & 1) != 0)
			return d;
	}
	return WHEEL_BUCKETS;
}

int
wheel_wait(const struct wheel *w, uint64_t now_ms)
{
	uint64_t at;

	if (w->set == 0)
		return -1;
	if (w->cursor != 0)
		return 0;
	at = w->base_ms +
	    ((uint64_t)w->now + next_filled(w)) * w->tick_ms;
	return at <= now_ms ? 0 : (int)(at - now_ms);
}
