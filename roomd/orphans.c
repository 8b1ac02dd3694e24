/* SPDX-License-Identifier: ISC */
/*
 * Who was left behind: see orphans.h.  A sorted list, which only shrinks.
 */
#include <stdlib.h>
#include <string.h>

#include "orphans.h"

struct orphan {
	uint32_t	room;
	struct addr	at;
	uint32_t	slot, gen;	/* gen 0: it was removed */
};

struct orphans {
	struct rooms	*rooms;
	struct orphan	*list;		/* by room and address */
	size_t		 count, space;
};

static int
compare(const void *left, const void *right)
{
	const struct orphan *a = left, *b = right;

	if (a->room != b->room)
		return a->room < b->room ? -1 : 1;
	if (a->at.port != b->at.port)
		return a->at.port < b->at.port ? -1 : 1;
	if (a->at.scope != b->at.scope)
		return a->at.scope < b->at.scope ? -1 : 1;
	return memcmp(a->at.ip, b->at.ip, sizeof(a->at.ip));
}

/* ---- the list ---- */

static int
add(struct orphans *o, const struct member_info *m)
{
	size_t space = o->space > 0 ? 2 * o->space : 64;
	struct orphan *list, *new;

	if (o->count == o->space) {
		list = reallocarray(o->list, space, sizeof(*list));
		if (list == NULL)
			return -1;
		o->list = list;
		o->space = space;
	}
	new = &o->list[o->count++];
	memset(new, 0, sizeof(*new));
	new->room = m->room;
	new->at = m->addr;
	new->slot = m->slot;
	new->gen = m->gen;
	return 0;
}

static bool
is_orphan(const struct member_info *m)
{
	const unsigned wanted = DIALECT_TCP_OPEN | DIALECT_BARE;

	return m->addr.port != 0 &&
	    (dialect_row(m->dialect)->flags & wanted) == wanted;
}

static int
add_room(struct orphans *o, const struct room_info *room)
{
	struct member_info m;
	uint32_t *slots, n, i;
	int rc = 0;

	if ((slots = rooms_slots(o->rooms, room, &n)) == NULL)
		return -1;
	for (i = 0; i < n && rc == 0; i++)
		if (roomtab_member(rooms_table(o->rooms), slots[i], &m) &&
		    is_orphan(&m))
			rc = add(o, &m);
	free(slots);
	return rc;
}

struct orphans *
orphans_new(struct rooms *r)
{
	uint32_t i = 0, left = roomtab_rooms(rooms_table(r));
	struct room_info room;
	struct orphans *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return NULL;
	o->rooms = r;
	while (rooms_next(r, &i, &left, &room))
		if (add_room(o, &room) == -1) {
			orphans_free(o);
			return NULL;
		}
	if (o->count > 0)
		qsort(o->list, o->count, sizeof(*o->list), compare);
	return o;
}

void
orphans_free(struct orphans *o)
{
	if (o == NULL)
		return;
	free(o->list);
	free(o);
}

/* ---- who comes back ---- */

/* The first that is not before it. */
static size_t
first(const struct orphans *o, const struct orphan *like)
{
	size_t low = 0, high = o->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare(&o->list[mid], like) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
orphans_replace(struct orphans *o, const struct member_info *m)
{
	const struct orphan like = { .room = m->room, .at = m->addr };
	struct orphan *one;
	size_t i;

	if ((dialect_row(m->dialect)->flags & DIALECT_BARE) == 0)
		return;
	for (i = first(o, &like); i < o->count; i++) {
		one = &o->list[i];
		if (compare(one, &like) != 0)
			return;
		if (one->gen != 0)	/* it may have left long ago */
			(void)rooms_remove(o->rooms, one->slot, one->gen,
			    END_LEFT);
		one->gen = 0;
	}
}
