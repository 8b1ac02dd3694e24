/* SPDX-License-Identifier: ISC */
/*
 * Arranging messages (see train.h).  Called by window.c; what comes out is
 * sent by send.c.
 */
#include <assert.h>
#include <string.h>

#include "net.h"
#include "sparse.h"
#include "train.h"
#include "wire.h"

static_assert(TRAIN_WINDOW <= UINT8_MAX, "order[] holds indexes");

void
trains_make(struct trains *t)
{
	memset(t, 0, sizeof(*t));
	t->arena = sparse_array(TRAIN_WINDOW, DATAGRAM_MAX);
	t->spare = sparse_array(TRAIN_WINDOW, DATAGRAM_MAX);
}

void
trains_clear(struct trains *t)
{
	t->n = t->senders = t->count = 0;
	t->used = 0;
	t->stamp = 0;		/* no sender has one yet */
}

static unsigned
find_sender(struct trains *t, uint32_t id, struct fanout_place place)
{
	unsigned i;

	for (i = t->senders; i > 0; i--)
		if (t->sender[i - 1].id == id)
			return i - 1;
	t->sender[t->senders].id = id;
	t->sender[t->senders].place = place;
	t->sender[t->senders].stamp = 0;
	return t->senders++;
}

void
trains_add(struct trains *t, uint32_t sender, struct fanout_place place,
    size_t len)
{
	struct train_piece *p = &t->piece[t->n++];

	p->at = t->used;
	p->len = (uint32_t)len;
	p->sender = (uint8_t)find_sender(t, sender, place);
	t->used += p->len;
}

/* ---- the order ---- */

/* True for the first piece of its sender since the stamp was drawn. */
static bool
is_head(struct trains *t, unsigned i, uint32_t stamp)
{
	struct train_sender *s = &t->sender[t->piece[i].sender];

	if (s->stamp == stamp)
		return false;
	s->stamp = stamp;
	return true;
}

/*
 * A train is begun by the longest message that nothing of its sender
 * precedes: a shorter one may then come last.
 */
static uint32_t
longest_head(struct trains *t, const uint8_t *left, unsigned n)
{
	const uint32_t stamp = ++t->stamp;
	uint32_t longest = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		if (is_head(t, left[i], stamp) &&
		    t->piece[left[i]].len > longest)
			longest = t->piece[left[i]].len;
	return longest;
}

/* len: of the next one, which is no longer than the first. */
static bool
fits(const struct trains *t, const struct train *c, uint32_t len)
{
	if (c->count > 0 && t->piece[t->order[c->first]].len > t->most)
		return false;
	return c->count < NET_BUNDLE_PIECES &&
	    c->len + len <= NET_BUNDLE_BYTES;
}

static void
couple(struct trains *t, struct train *c, unsigned i)
{
	const uint32_t at = t->sender[t->piece[i].sender].place.position;

	if (c->count > 0 &&
	    t->piece[i].sender != t->piece[t->order[c->first]].sender)
		c->one_sender = false;
	if (at < c->senders_from)
		c->senders_from = at;
	if (at >= c->senders_to)
		c->senders_to = at + 1;
	t->order[c->first + c->count++] = (uint8_t)i;
	c->len += t->piece[i].len;
}

/* Takes all of that size that may go; returns how many are left. */
static unsigned
take_equal(struct trains *t, struct train *c, uint32_t size, uint8_t *left,
    unsigned n)
{
	const uint32_t held = ++t->stamp;	/* senders that must wait */
	struct train_sender *s;
	unsigned i, kept = 0;

	for (i = 0; i < n; i++) {
		s = &t->sender[t->piece[left[i]].sender];
		if (s->stamp != held && t->piece[left[i]].len == size &&
		    fits(t, c, size)) {
			couple(t, c, left[i]);
		} else {
			s->stamp = held;
			left[kept++] = left[i];
		}
	}
	return kept;
}

static unsigned
take_shorter(struct trains *t, struct train *c, uint32_t size, uint8_t *left,
    unsigned n)
{
	const uint32_t stamp = ++t->stamp;
	unsigned i;

	for (i = 0; i < n; i++)
		if (is_head(t, left[i], stamp) &&
		    t->piece[left[i]].len < size &&
		    fits(t, c, t->piece[left[i]].len))
			break;
	if (i == n)
		return n;
	couple(t, c, left[i]);
	memmove(left + i, left + i + 1, n - i - 1);
	return n - 1;
}

/* The next ones as they came; returns the size of the first. */
static uint32_t
take_next(struct trains *t, struct train *c)
{
	const uint32_t size = t->piece[c->first].len;
	uint32_t len = size;
	unsigned i;

	for (i = c->first; i < t->n && len == size; i++) {
		len = t->piece[i].len;
		if (len > size || !fits(t, c, len))
			break;
		couple(t, c, i);
	}
	return size;
}

/* The bytes in the order of the trains. */
static void
pack(struct trains *t)
{
	uint8_t *swap = t->arena;
	struct train_piece *p;
	uint32_t at = 0;
	unsigned i;

	for (i = 0; i < t->n && t->order[i] == i; i++)
		;
	if (i == t->n)
		return;
	for (i = 0; i < t->n; i++) {
		p = &t->piece[t->order[i]];
		memcpy(t->spare + at, t->arena + p->at, p->len);
		p->at = at;
		at += p->len;
	}
	t->arena = t->spare;
	t->spare = swap;
}

void
trains_arrange(struct trains *t, uint32_t most)
{
	uint8_t left[TRAIN_WINDOW];
	unsigned n = t->n, i, first = 0;
	uint32_t at = 0, size;
	struct train *c;

	t->most = most;
	for (i = 0; i < n; i++)
		left[i] = t->order[i] = (uint8_t)i;
	while (first < t->n) {
		c = &t->train[t->count++];
		*c = (struct train){ .first = (uint8_t)first,
		    .one_sender = true, .senders_from = UINT32_MAX };
		if (most == 0) {
			size = 0;
			couple(t, c, first);
		} else if (t->n <= TRAIN_FEW) {
			size = take_next(t, c);
		} else {
			size = longest_head(t, left, n);
			n = take_equal(t, c, size, left, n);
			n = take_shorter(t, c, size, left, n);
		}
		c->size = c->count > 1 ? (uint16_t)size : 0;
		c->at = at;
		at += c->len;
		first += c->count;
	}
	pack(t);
}
