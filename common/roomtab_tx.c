/* SPDX-License-Identifier: ISC */
/*
 * Transactions on region R: the undo journal and recovery (README,
 * "The lock").  A process can be killed after any instruction; what it has
 * stored so far is what the next one finds.  So the order of the stores is
 * the algorithm, and every one of them is a release store, which neither
 * compiler nor machine moves another store behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "roomtab_layout.h"

static uint32_t
load(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_acquire);
}

static void
store(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

static void
store_word(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

int
tx_begin(struct roomtab *t)
{
	if (shmlock_acquire(t->lock, 0) == -1)
		return -1;
	FAULT(tx_locked);
	store(&t->a->seq, load(&t->a->seq) + 1);
	FAULT(tx_odd);
	store(&t->a->jn, 0);
	FAULT(tx_empty);
	store(&t->a->jact, 1);
	FAULT(tx_armed);
	return 0;
}

void
tx_store(struct roomtab *t, uint32_t *word, uint32_t value)
{
	uint32_t n = load(&t->a->jn);

	if (*word == value)
		return;
	if (n >= JOURNAL_MAX)	/* every verb is bounded far below */
		fatalx("transaction larger than the journal");
	t->a->journal[n].word = (uint32_t)(word - (uint32_t *)(void *)t->a);
	t->a->journal[n].old = *word;
	if (MUTANT(store_before_count))
		store_word(word, value);
	FAULT(tx_noted);
	store(&t->a->jn, n + 1);	/* counted before what it undoes */
	FAULT(tx_counted);
	store_word(word, value);
	if (MUTANT(commit_early))
		store(&t->a->jact, 0);
	FAULT(tx_stored);
}

void
tx_store_gen(struct roomtab *t, _Atomic uint32_t *word, uint32_t value)
{
	tx_store(t, (uint32_t *)(void *)word, value);
}

void
tx_store_bytes(struct roomtab *t, uint32_t *to, const void *from, size_t len)
{
	const uint8_t *p = from;
	uint32_t w;
	size_t i, n;

	for (i = 0; i < len; i += 4) {
		w = 0;
		n = len - i < 4 ? len - i : 4;
		memcpy(&w, p + i, n);
		tx_store(t, to++, w);
	}
}

/*
 * Not journalled: an entry about a change that is undone makes a reader look
 * at a record that has not changed, which is harmless.
 */
void
tx_announce(struct roomtab *t, uint32_t change)
{
	uint32_t head = load(&t->a->head);

	store(&t->a->ring[head % CHANGE_RING], change);
	FAULT(tx_ring);
	store(&t->a->head, head + 1);
	FAULT(tx_announced);
}

void
tx_commit(struct roomtab *t)
{
	FAULT(tx_whole);
	if (!MUTANT(answer_early))	/* it is made by the next change */
		store(&t->a->jact, 0);	/* the commit: this one store */
	FAULT(tx_committed);
	store(&t->a->seq, load(&t->a->seq) + 1);
	FAULT(tx_even);
	shmlock_release(t->lock);
	FAULT(tx_over);
}

/* Undoes an armed journal, last entry first.  1, 0 nothing armed, -1. */
static int
undo(struct roomtab *t)
{
	uint32_t *base = (uint32_t *)(void *)t->a;
	size_t first = offsetof(struct roomtab_area, j) / 4;
	size_t end = t->shape.size / 4;
	uint32_t i, n = load(&t->a->jn);

	if (load(&t->a->jact) == 0 || MUTANT(no_undo))
		return 0;
	if (n > JOURNAL_MAX)
		return -1;
	for (i = 0; i < n; i++)
		if (t->a->journal[i].word < first ||
		    t->a->journal[i].word >= end)
			return -1;
	for (i = n; i-- > 0;) {
		const struct journal_entry *u =
		    &t->a->journal[MUTANT(undo_forward) ? n - 1 - i : i];

		FAULT(undo_word);
		store_word(base + u->word, u->old);
	}
	FAULT(undo_whole);
	store(&t->a->jact, 0);
	FAULT(undone);
	return 1;
}

/* ---- the check of the whole table ---- */

struct seen {
	uint8_t		*room, *member;	/* how each was reached: 0 not yet */
	uint32_t	 rooms, members;
};

static bool
mark(uint8_t *seen, uint32_t index, uint32_t limit)
{
	if (index >= limit || seen[index] != 0)
		return false;
	seen[index] = 1;
	return true;
}

/* The records that were ever used, which are the first. */
static bool
mark_room(const struct roomtab *t, struct seen *s, uint32_t room)
{
	return mark(s->room, room, t->a->j.room_fresh);
}

static bool
mark_member(const struct roomtab *t, struct seen *s, uint32_t slot)
{
	return mark(s->member, slot, t->a->j.member_fresh);
}

/* A list of free records: even generation, each met once. */
static bool
check_free_list(const struct roomtab *t, struct seen *s)
{
	uint32_t l;

	for (l = t->a->j.room_free; l != 0; l = t->room[l - 1].link)
		if (!mark_room(t, s, l - 1) ||
		    (room_gen_of(t, l - 1) & 1) != 0)
			return false;
	for (l = t->a->j.member_free; l != 0; l = t->member[l - 1].link)
		if (!mark_member(t, s, l - 1) ||
		    (roomtab_member_gen(t, l - 1) & 1) != 0)
			return false;
	return true;
}

static bool
is_member(const struct roomtab *t, uint32_t slot)
{
	return flag_byte(t->member[slot].flags, 3) == KIND_MEMBER;
}

/* A member has a name, an invite has none. */
static bool
check_member(const struct roomtab *t, uint32_t slot)
{
	const struct member_rec *m = &t->member[slot];

	if ((roomtab_member_gen(t, slot) & 1) == 0)
		return false;
	if (is_member(t, slot))
		return m->name_len > 0 && m->name_len <= NAME_MAX_BYTES;
	return flag_byte(m->flags, 3) == KIND_INVITE && m->name_len == 0;
}

/* The members of one room: each met once, links both ways, counts right. */
static bool
check_room_members(const struct roomtab *t, uint32_t room, struct seen *s)
{
	const struct room_rec *r = &t->room[room];
	uint32_t l, prev = 0, members = 0;
	bool host = r->host == 0;

	for (l = r->first; l != 0; l = t->member[l - 1].next) {
		if (!mark_member(t, s, l - 1) || !check_member(t, l - 1) ||
		    t->member[l - 1].room != room ||
		    t->member[l - 1].prev != prev)
			return false;
		host = host || l == r->host;
		members += is_member(t, l - 1);
		prev = l;
	}
	return host && members == r->members;
}

static bool
check_rooms(const struct roomtab *t, struct seen *s)
{
	uint32_t b, l;

	for (b = 0; b <= t->shape.room_mask; b++)
		for (l = t->room_bucket[b]; l != 0; l = t->room[l - 1].link) {
			if (!mark_room(t, s, l - 1) ||
			    (room_gen_of(t, l - 1) & 1) == 0 ||
			    t->room[l - 1].name_len == 0 ||
			    t->room[l - 1].name_len > NAME_MAX_BYTES ||
			    room_bucket_of(t, t->room[l - 1].name,
			    t->room[l - 1].name_len) != b ||
			    !check_room_members(t, l - 1, s))
				return false;
			s->rooms++;
			s->members += t->room[l - 1].members;
		}
	for (l = t->a->j.reap; l != 0; l = t->room[l - 1].link)
		if (!mark_room(t, s, l - 1) ||
		    (room_gen_of(t, l - 1) & 1) != 0 ||
		    !check_room_members(t, l - 1, s))
			return false;
	return s->rooms == t->a->j.rooms && s->members == t->a->j.members;
}

/* Every live member, but no invite, lies once in the bucket of its name. */
static bool
check_buckets(const struct roomtab *t, uint8_t *again)
{
	uint32_t b, i, l, met = 0, live = 0;

	for (b = 0; b <= t->shape.member_mask; b++)
		for (l = t->member_bucket[b]; l != 0;
		    l = t->member[l - 1].link) {
			if (!mark(again, l - 1, t->a->j.member_fresh) ||
			    !check_member(t, l - 1) ||
			    !is_member(t, l - 1) ||
			    member_bucket_of(t, t->member[l - 1].room,
			    member_name(t, l - 1),
			    t->member[l - 1].name_len) != b)
				return false;
			met++;
		}
	for (i = 0; i < t->a->j.member_fresh; i++)
		live += (roomtab_member_gen(t, i) & 1) != 0 &&
		    is_member(t, i);
	return met == live;
}

/* Is everything that was ever used reachable exactly once? */
static bool
check_all(const struct roomtab *t)
{
	struct seen s = { 0 };
	uint8_t *again;
	uint32_t i;
	bool ok = false;

	if (t->a->j.room_fresh > t->lim.rooms ||
	    t->a->j.member_fresh > t->lim.members)
		return false;
	s.room = calloc(t->lim.rooms, 1);
	s.member = calloc(t->lim.members, 1);
	again = calloc(t->lim.members, 1);
	if (s.room == NULL || s.member == NULL || again == NULL) {
		log_warn("checking the room table");
		goto out;
	}
	ok = check_free_list(t, &s) && check_rooms(t, &s) &&
	    check_buckets(t, again);
	for (i = 0; ok && i < t->a->j.room_fresh; i++)
		ok = s.room[i] != 0;
	for (i = 0; ok && i < t->a->j.member_fresh; i++)
		ok = s.member[i] != 0;
out:
	free(s.room);
	free(s.member);
	free(again);
	return ok;
}

int
roomtab_recover(struct roomtab *t)
{
	int undone;

	FAULT(recover_begin);
	if ((undone = undo(t)) == -1)
		return -1;
	if ((load(&t->a->seq) & 1) != 0 && !MUTANT(leave_odd)) {
		FAULT(recover_odd);
		store(&t->a->seq, load(&t->a->seq) + 1);
		undone = 1;
	}
	FAULT(recover_even);
	if (!check_all(t))
		return -1;
	return undone;
}
