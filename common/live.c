/* SPDX-License-Identifier: ISC */
/*
 * Region L (see live.h).  Every field a reader wants whole is one atomic
 * 64-bit word that carries the generation it is about, so no lock is needed
 * and a word of an earlier member in the same slot means nothing.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live.h"
#include "roomtab.h"

enum { RING = 4096 };		/* power of two */
#define SPENT_US	((UINT64_C(1) << 48) - 1)	/* nine years */

struct ring {
	_Atomic uint32_t	head;	/* entries ever written */
	_Atomic uint32_t	slot[RING];
};

struct live_slot {
	_Atomic uint64_t	where;	/* gen, port, sock, enrolled */
	_Atomic uint64_t	seen;	/* clock_ms() */
	_Atomic uint64_t	wish;	/* gen 32, enum ending 8 */
	_Atomic uint64_t	moved;	/* clock_ms() */
	_Atomic uint64_t	spent;	/* low half of gen 16, us 48 */
};

struct lobby_slot {
	struct addr		addr;
	uint32_t		sock;
	_Atomic uint64_t	last_ms;
};

/*
 * `what` is stored after `who`, so a process that dies between two stores
 * leaves an entry that blames nobody.
 */
struct flight {
	_Atomic uint64_t	who;	/* gen 32, slot 32 */
	/* number 32, len 16, sender 8, in hand 8 */
	_Atomic uint64_t	what;
};

struct death {
	_Atomic uint64_t	who;	/* as above */
	_Atomic uint64_t	at_ms;	/* clock_ms(), 0 never */
};

struct live_area {
	_Atomic uint64_t	counters[LC_COUNT];
	struct flight		flights[LIVE_FLIGHTS];
	struct death		deaths[LIVE_DEATHS];
	_Atomic uint32_t	death_count;	/* ever */
	struct ring		moved;
	struct ring		wishes;
	struct live_slot	slots[];	/* then struct lobby_slot[] */
};

/* The limits stand here and not in the region, whose writer is not trusted. */
struct live {
	struct live_area	*area;
	struct live_slot	*slots;
	struct lobby_slot	*lobby;
	struct live_limits	 lim;
	uint32_t		 taken;	/* datagrams, by this life */
	uint64_t		 outer_who, outer_what;	/* 0: nothing waits */
};

static size_t
slots_size(uint32_t members)
{
	return sizeof(struct live_area) + members * sizeof(struct live_slot);
}

size_t
live_size(const struct live_limits *lim)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n;

	n = slots_size(lim->members) + lim->lobby * sizeof(struct lobby_slot);
	return (n + page - 1) / page * page;
}

struct live *
live_open(void *area, const struct live_limits *lim)
{
	struct live *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	l->area = area;
	l->slots = l->area->slots;
	l->lobby = (void *)((char *)area + slots_size(lim->members));
	l->lim = *lim;
	return l;
}

void
live_close(struct live *l)
{
	free(l);
}

static void
ring_push(struct ring *r, uint32_t slot)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	atomic_store_explicit(&r->slot[head % RING], slot,
	    memory_order_relaxed);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

/*
 * The next entry after *tail.  An entry may be overwritten while it is read:
 * the head is looked at again afterwards.
 */
static bool
ring_next(const struct ring *r, uint32_t *tail, uint32_t *slot, bool *overflow)
{
	uint32_t head;

	*overflow = false;
	head = atomic_load_explicit(&r->head, memory_order_acquire);
	if (head == *tail)
		return false;
	*slot = atomic_load_explicit(&r->slot[*tail % RING],
	    memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	head = atomic_load_explicit(&r->head, memory_order_relaxed);
	if (head - *tail >= RING) {
		*tail = head;
		*overflow = true;
		return false;
	}
	++*tail;
	return true;
}

void
live_set_where(struct live *l, uint32_t slot, struct live_where w)
{
	atomic_store_explicit(&l->slots[slot].where, (uint64_t)w.gen << 32 |
	    (uint64_t)w.port << 16 | (uint64_t)w.sock << 8 | w.enrolled,
	    memory_order_release);
	ring_push(&l->area->moved, slot);
}

void
live_set_seen(struct live *l, uint32_t slot, uint64_t now_ms)
{
	atomic_store_explicit(&l->slots[slot].seen, now_ms,
	    memory_order_relaxed);
}

void
live_set_moved(struct live *l, uint32_t slot, uint64_t now_ms)
{
	atomic_store_explicit(&l->slots[slot].moved, now_ms,
	    memory_order_relaxed);
}

void
live_set_spent(struct live *l, uint32_t slot, uint32_t gen, uint64_t us)
{
	atomic_store_explicit(&l->slots[slot].spent,
	    (uint64_t)gen << 48 | (us & SPENT_US), memory_order_relaxed);
}

void
live_wish(struct live *l, uint32_t slot, uint32_t gen, enum ending why)
{
	atomic_store_explicit(&l->slots[slot].wish,
	    (uint64_t)gen << 32 | (uint64_t)why, memory_order_release);
	ring_push(&l->area->wishes, slot);
}

_Atomic uint64_t *
live_counters(struct live *l)
{
	return l->area->counters;
}

struct live_where
live_where(const struct live *l, uint32_t slot)
{
	struct live_where w = { 0, 0, 0, false };
	uint64_t v;

	if (slot >= l->lim.members)
		return w;
	v = atomic_load_explicit(&l->slots[slot].where, memory_order_acquire);
	w.gen = (uint32_t)(v >> 32);
	w.port = (uint16_t)(v >> 16);
	w.sock = (uint8_t)(v >> 8);
	w.enrolled = (v & 1) != 0;
	return w;
}

uint64_t
live_seen(const struct live *l, uint32_t slot)
{
	if (slot >= l->lim.members)
		return 0;
	return atomic_load_explicit(&l->slots[slot].seen,
	    memory_order_relaxed);
}

uint64_t
live_moved(const struct live *l, uint32_t slot)
{
	if (slot >= l->lim.members)
		return 0;
	return atomic_load_explicit(&l->slots[slot].moved,
	    memory_order_relaxed);
}

uint64_t
live_spent(const struct live *l, uint32_t slot, uint32_t gen)
{
	uint64_t v;

	if (slot >= l->lim.members)
		return 0;
	v = atomic_load_explicit(&l->slots[slot].spent, memory_order_relaxed);
	return v >> 48 == (gen & 0xffff) ? v & SPENT_US : 0;
}

uint64_t
live_counter(const struct live *l, unsigned which)
{
	if (which >= LC_COUNT)
		return 0;
	return atomic_load_explicit(&l->area->counters[which],
	    memory_order_relaxed);
}

uint32_t
live_moved_head(const struct live *l)
{
	return atomic_load_explicit(&l->area->moved.head, memory_order_acquire);
}

uint32_t
live_next_moved(const struct live *l, uint32_t *tail, bool *overflow)
{
	uint32_t slot;

	return ring_next(&l->area->moved, tail, &slot, overflow) ? slot :
	    ROOMTAB_NONE;
}

bool
live_next_wish(const struct live *l, uint32_t *tail, uint32_t *slot,
    bool *overflow)
{
	return ring_next(&l->area->wishes, tail, slot, overflow);
}

enum ending
live_wish_of(const struct live *l, uint32_t slot, uint32_t gen)
{
	uint64_t v;

	if (slot >= l->lim.members)
		return END_NONE;
	v = atomic_load_explicit(&l->slots[slot].wish, memory_order_acquire);
	if ((uint32_t)(v >> 32) != gen || (v & 0xff) >= END_COUNT)
		return END_NONE;
	return (enum ending)(v & 0xff);
}

void
live_set_lobby(struct live *l, uint32_t index, const struct live_lobby *c)
{
	struct lobby_slot *s = &l->lobby[index];

	/* free while it is being written, for a reader after a kill */
	atomic_store(&s->last_ms, 0);
	s->addr = c->addr;
	s->sock = c->sock;
	atomic_store(&s->last_ms, c->last_ms);
}

void
live_set_lobby_seen(struct live *l, uint32_t index, uint64_t now_ms)
{
	atomic_store_explicit(&l->lobby[index].last_ms,
	    now_ms, memory_order_relaxed);
}

bool
live_lobby(const struct live *l, uint32_t index, struct live_lobby *out)
{
	const struct lobby_slot *s;

	memset(out, 0, sizeof(*out));
	if (index >= l->lim.lobby)
		return false;
	s = &l->lobby[index];
	if ((out->last_ms = atomic_load(&s->last_ms)) == 0)
		return false;
	out->addr = s->addr;
	out->sock = (uint8_t)s->sock;
	return true;
}

/* ---- the flight recorder ---- */

static uint64_t
who_word(uint32_t slot, uint32_t gen)
{
	return (uint64_t)gen << 32 | slot;
}

static uint64_t
what_word(uint32_t number, size_t len, enum live_sender sender)
{
	return (uint64_t)number << 32 | (uint64_t)(len & 0xffff) << 16 |
	    (uint64_t)sender << 8 | 1;
}

static struct flight *
in_hand(const struct live *l)
{
	return &l->area->flights[l->taken % LIVE_FLIGHTS];
}

void
live_take(struct live *l, enum live_sender sender, size_t len)
{
	const struct flight *f = in_hand(l);
	uint64_t what = atomic_load_explicit(&f->what, memory_order_relaxed);

	if ((what & 1) != 0) {
		l->outer_what = what;
		l->outer_who = atomic_load_explicit(&f->who,
		    memory_order_relaxed);
	}
	l->taken++;
	atomic_store_explicit(&in_hand(l)->what,
	    what_word(l->taken, len, sender), memory_order_relaxed);
}

void
live_take_of(struct live *l, uint32_t slot, uint32_t gen)
{
	struct flight *f = in_hand(l);
	uint64_t what = atomic_load_explicit(&f->what, memory_order_relaxed);

	atomic_store_explicit(&f->who, who_word(slot, gen),
	    memory_order_relaxed);
	atomic_store_explicit(&f->what,
	    what | (uint64_t)SENDER_MEMBER << 8, memory_order_release);
}

void
live_done(struct live *l)
{
	struct flight *f = in_hand(l);
	uint64_t what = atomic_load_explicit(&f->what, memory_order_relaxed);

	atomic_store_explicit(&f->what, what & ~(uint64_t)0xff,
	    memory_order_release);
	if (l->outer_what == 0)
		return;
	l->taken++;
	f = in_hand(l);
	what = (uint64_t)l->taken << 32 | (uint32_t)l->outer_what;
	l->outer_what = 0;
	atomic_store_explicit(&f->who, l->outer_who, memory_order_relaxed);
	atomic_store_explicit(&f->what, what, memory_order_release);
}

static struct live_flight
read_flight(const struct flight *f)
{
	uint64_t what = atomic_load_explicit(&f->what, memory_order_acquire);
	uint64_t who = atomic_load_explicit(&f->who, memory_order_relaxed);
	struct live_flight out;

	out.sender = (enum live_sender)(what >> 8 & 3);
	out.slot = (uint32_t)who;
	out.gen = (uint32_t)(who >> 32);
	out.len = (uint16_t)(what >> 16);
	out.in_hand = (what & 1) != 0;
	return out;
}

bool
live_left_in_hand(struct live *l, struct live_flight *out)
{
	uint32_t n, newest = 0;
	int i;

	for (i = 0; i < LIVE_FLIGHTS; i++) {
		n = (uint32_t)(atomic_load_explicit(&l->area->flights[i].what,
		    memory_order_relaxed) >> 32);
		if (i == 0 || (int32_t)(n - newest) > 0)
			newest = n;
	}
	l->taken = newest;	/* its number says where it lies */
	*out = read_flight(in_hand(l));
	live_done(l);
	return out->in_hand;
}

void
live_add_death(struct live *l, uint32_t slot, uint32_t gen, uint64_t now_ms)
{
	uint32_t n = atomic_load(&l->area->death_count);
	struct death *d = &l->area->deaths[n % LIVE_DEATHS];

	atomic_store(&d->at_ms, 0);	/* nobody's while it is written */
	atomic_store(&d->who, who_word(slot, gen));
	atomic_store(&d->at_ms, now_ms);
	atomic_store(&l->area->death_count, n + 1);
}

unsigned
live_deaths(const struct live *l, uint32_t slot, uint32_t gen,
    uint64_t since_ms)
{
	const struct death *d = l->area->deaths;
	unsigned i, n = 0;
	uint64_t at;

	for (i = 0; i < LIVE_DEATHS; i++) {
		at = atomic_load(&d[i].at_ms);
		n += at != 0 && at >= since_ms &&
		    atomic_load(&d[i].who) == who_word(slot, gen);
	}
	return n;
}
