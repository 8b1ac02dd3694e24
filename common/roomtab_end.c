/* SPDX-License-Identifier: ISC */
/*
 * The write verbs of region R by which members and rooms go, called by
 * roomd/rooms.c alone.  Each checks first, then changes inside one
 * transaction that cannot fail any more.
 */
#include <errno.h>

#include "fault.h"
#include "roomtab_layout.h"

/* ---- inside a transaction ---- */

static void
bucket_remove(struct roomtab *t, uint32_t slot)
{
	struct member_rec *m = &t->member[slot];
	uint32_t *p, n = 0;

	p = &t->member_bucket[member_bucket_of(t, m->room,
	    member_name(t, slot), m->name_len)];
	while (*p != 0 && *p != slot + 1 && n++ < t->lim.members)
		p = &t->member[*p - 1].link;
	if (*p == slot + 1)
		tx_store(t, p, m->link);
}

/* Frees a record; counts and the room's list are the caller's. */
static void
free_member(struct roomtab *t, uint32_t slot, enum ending why)
{
	struct member_rec *m = &t->member[slot];

	if (flag_byte(m->flags, 3) == KIND_MEMBER)
		bucket_remove(t, slot);
	tx_store(t, &m->flags, (m->flags & ~UINT32_C(0xff0000)) |
	    (uint32_t)why << 16);
	tx_store_gen(t, &t->member_gen[slot],
	    roomtab_member_gen(t, slot) + 1);
	tx_store(t, &m->link, t->a->j.member_free);
	tx_store(t, &t->a->j.member_free, slot + 1);
}

void
tx_drop_member(struct roomtab *t, uint32_t slot, enum ending why)
{
	struct member_rec *m = &t->member[slot];
	struct room_rec *r = &t->room[m->room];

	if (m->prev != 0)
		tx_store(t, &t->member[m->prev - 1].next, m->next);
	else
		tx_store(t, &r->first, m->next);
	if (m->next != 0)
		tx_store(t, &t->member[m->next - 1].prev, m->prev);
	if (r->host == slot + 1)
		tx_store(t, &r->host, 0);
	if (flag_byte(m->flags, 3) == KIND_MEMBER) {
		tx_store(t, &r->members, r->members - 1);
		tx_store(t, &t->a->j.members, t->a->j.members - 1);
		tx_announce(t, slot);
	}
	free_member(t, slot, why);
}

/* Where the link to an open room lies in the bucket of its name. */
static uint32_t *
link_to_room(struct roomtab *t, uint32_t room)
{
	struct room_rec *r = &t->room[room];
	uint32_t *p, n = 0;

	p = &t->room_bucket[room_bucket_of(t, r->name, r->name_len)];
	while (*p != 0 && *p != room + 1 && n++ < t->lim.rooms)
		p = &t->room[*p - 1].link;
	return p;
}

static void
close_room(struct roomtab *t, uint32_t room, enum ending why)
{
	struct room_rec *r = &t->room[room];
	uint32_t *p = link_to_room(t, room);

	if (*p == room + 1)
		tx_store(t, p, r->link);
	tx_store(t, &r->flags, (r->flags & ~UINT32_C(0xff00)) |
	    (uint32_t)why << 8);
	tx_store_gen(t, &t->room_gen[room], room_gen_of(t, room) + 1);
	tx_store(t, &r->link, t->a->j.reap);
	tx_store(t, &t->a->j.reap, room + 1);
	if (MUTANT(close_in_halves)) {
		tx_commit(t);
		(void)tx_begin(t);
	}
	tx_store(t, &t->a->j.rooms, t->a->j.rooms - 1);
	tx_store(t, &t->a->j.members, t->a->j.members - r->members);
	tx_announce(t, room | CHANGE_IS_ROOM);
}

/* ---- the verbs ---- */

int
roomtab_remove(struct roomtab *t, uint32_t slot, uint32_t gen,
    enum ending why)
{
	if (!slot_live(t, slot, gen)) {
		errno = ESRCH;
		return -1;
	}
	if (tx_begin(t) == -1)
		return -1;
	tx_drop_member(t, slot, why);
	tx_commit(t);
	return 0;
}

int
roomtab_remove_and_close(struct roomtab *t, uint32_t slot, uint32_t gen,
    enum ending why, enum ending room_why)
{
	uint32_t room;

	if (!slot_live(t, slot, gen)) {
		errno = ESRCH;
		return -1;
	}
	room = t->member[slot].room;
	if (tx_begin(t) == -1)
		return -1;
	tx_drop_member(t, slot, why);
	close_room(t, room, room_why);
	tx_commit(t);
	return 0;
}

int
roomtab_close(struct roomtab *t, uint32_t room, uint32_t gen,
    enum ending why)
{
	if (!room_open(t, room) || room_gen_of(t, room) != gen) {
		errno = ESRCH;
		return -1;
	}
	if (tx_begin(t) == -1)
		return -1;
	close_room(t, room, why);
	tx_commit(t);
	return 0;
}

/* Frees members of the first closed room; true when it has none left. */
static bool
reap_room(struct roomtab *t, uint32_t room)
{
	struct room_rec *r = &t->room[room];
	uint32_t slot;
	int i;

	for (i = 0; i < REAP_CHUNK && r->first != 0; i++) {
		slot = r->first - 1;
		if (flag_byte(t->member[slot].flags, 3) == KIND_MEMBER)
			tx_store(t, &r->members, r->members - 1);
		if (r->host == slot + 1)
			tx_store(t, &r->host, 0);
		tx_store(t, &r->first, t->member[slot].next);
		if (r->first != 0)
			tx_store(t, &t->member[r->first - 1].prev, 0);
		free_member(t, slot, (enum ending)flag_byte(r->flags, 1));
	}
	return r->first == 0;
}

bool
roomtab_reap(struct roomtab *t)
{
	uint32_t l = t->a->j.reap;

	if (l == 0 || tx_begin(t) == -1)
		return l != 0;
	if (reap_room(t, l - 1)) {
		tx_store(t, &t->a->j.reap, t->room[l - 1].link);
		tx_store(t, &t->room[l - 1].link, t->a->j.room_free);
		tx_store(t, &t->a->j.room_free, l);
	}
	tx_commit(t);
	return t->a->j.reap != 0;
}
