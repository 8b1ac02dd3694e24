/* SPDX-License-Identifier: ISC */
/*
 * Lists as answers: see list.h.  Those of rooms have a place for each form
 * and codec.  Those of members share some places, and short ones get none:
 * who has many small rooms must not drive out the dear ones.
 */
#include <stdlib.h>
#include <string.h>

#include "list.h"

enum { FORM_JOINED, FORM_ARRAY, FORMS };
enum { PLACES = 16 };		/* for lists of members */

struct kept {
	struct blob	*blob;		/* NULL: a free place */
	bool		 old;		/* there was a change since */
	/* of members: whose, and in what form */
	uint32_t	 room, gen;
	enum codec	 codec;
	bool		 named;
	uint64_t	 used;		/* the last time, counted */
};

struct lists {
	struct rooms	*rooms;
	uint64_t	 version;	/* of the lists of rooms */
	uint64_t	 uses;
	struct kept	 of_rooms[FORMS][CODEC_INLINE];
	struct kept	 of_members[PLACES];
};

struct lists *
lists_new(struct rooms *rooms)
{
	struct lists *l;

	if ((l = calloc(1, sizeof(*l))) != NULL)
		l->rooms = rooms;
	return l;
}

static void
drop(struct kept *k)
{
	blob_unref(k->blob);
	k->blob = NULL;
}

void
lists_free(struct lists *l)
{
	unsigned i, codec;

	if (l == NULL)
		return;
	for (i = 0; i < FORMS; i++)
		for (codec = 0; codec < CODEC_INLINE; codec++)
			drop(&l->of_rooms[i][codec]);
	for (i = 0; i < PLACES; i++)
		drop(&l->of_members[i]);
	free(l);
}

/* ---- what is kept ---- */

void
lists_changed(struct lists *l, uint32_t room)
{
	unsigned i;

	for (i = 0; i < PLACES; i++)
		if (l->of_members[i].room == room)
			l->of_members[i].old = true;
}

static void
rooms_changed(struct lists *l)
{
	unsigned form, codec;

	for (form = 0; form < FORMS; form++)
		for (codec = 0; codec < CODEC_INLINE; codec++)
			l->of_rooms[form][codec].old = true;
	l->version = rooms_version(l->rooms);
}

/* Where such a list would be; NULL: nowhere yet. */
static struct kept *
find(struct lists *l, const struct list_ask *q)
{
	unsigned form = q->op == OP_PORT_OR_LIST ? FORM_ARRAY : FORM_JOINED;
	struct kept *k;

	if (q->op != OP_MEMBERS) {
		if (l->version != rooms_version(l->rooms))
			rooms_changed(l);
		return &l->of_rooms[form][q->codec];
	}
	for (k = l->of_members; k < l->of_members + PLACES; k++)
		if (k->blob != NULL && k->room == q->room->room &&
		    k->gen == q->room->gen && k->codec == q->codec &&
		    k->named == (q->name_len > 0))
			return k;
	return NULL;
}

/*
 * A free place for a list of members of so many bytes, after the ones that
 * were asked for longest ago have made room; NULL: it is too long to be kept.
 */
static struct kept *
make_place(struct lists *l, size_t len)
{
	struct kept *k, *free_one, *oldest;
	size_t total;

	if (len > LIST_KEPT_BYTES)
		return NULL;
	for (;;) {
		free_one = oldest = NULL;
		total = len;
		for (k = l->of_members; k < l->of_members + PLACES; k++) {
			if (k->blob == NULL) {
				free_one = k;
				continue;
			}
			total += k->blob->cap;
			if (oldest == NULL || k->used < oldest->used)
				oldest = k;
		}
		if (free_one != NULL && total <= LIST_KEPT_BYTES)
			return free_one;
		drop(oldest);
	}
}

/* Keeps it where it has a place, and hands it back. */
static struct blob *
keep(struct lists *l, const struct list_ask *q, struct kept *k,
    struct blob *b)
{
	if (k != NULL)
		drop(k);
	if (b == NULL)
		return NULL;
	if (q->op == OP_MEMBERS)
		k = q->room->members < LIST_KEPT_LEAST ? NULL :
		    make_place(l, b->cap);
	if (k == NULL)
		return b;
	k->blob = blob_ref(b);
	k->old = false;
	k->used = ++l->uses;
	k->codec = q->codec;
	k->named = q->name_len > 0;
	if (q->op == OP_MEMBERS) {
		k->room = q->room->room;
		k->gen = q->room->gen;
	}
	return b;
}

/* ---- making one ---- */

static struct blob *
room_names(struct rooms *rooms, bool array)
{
	struct blob *b = blob_new(0);
	struct room_info room;
	uint32_t i = 0, left = roomtab_rooms(rooms_table(rooms));
	bool first = true;

	if (array)
		blob_text(&b, "[");
	while (b != NULL && rooms_next(rooms, &i, &left, &room)) {
		if (!first)
			blob_text(&b, array ? ", " : ",");
		first = false;
		if (array)
			blob_json(&b, room.name, room.name_len);
		else
			blob_add(&b, room.name, room.name_len);
	}
	if (array)
		blob_text(&b, "]");
	return b;
}

static struct blob *
member_names(struct rooms *rooms, const struct room_info *room)
{
	struct member_info m;
	struct blob *b;
	uint32_t *slots, i, n;

	if ((slots = rooms_slots(rooms, room, &n)) == NULL)
		return NULL;
	b = blob_new(64 * (size_t)n);
	blob_text(&b, "[");
	for (i = 0; i < n && b != NULL; i++) {
		if (!roomtab_member(rooms_table(rooms), slots[i], &m))
			continue;
		blob_text(&b, i > 0 ? ", {\"name\": " : "{\"name\": ");
		blob_json(&b, m.name, m.name_len);
		blob_text(&b, m.is_host ? ", \"host\": true}" :
		    ", \"host\": false}");
	}
	blob_text(&b, "]");
	free(slots);
	return b;
}

/* The frame around a payload; takes the payload's reference. */
static struct blob *
framed(const struct list_ask *q, struct blob *payload)
{
	uint8_t state = q->op == OP_JOIN ? STATE_STATUS : STATE_DONE;
	size_t room_len = q->op == OP_MEMBERS ? q->name_len : 0;
	struct blob *b;
	struct writer w;

	if (payload == NULL)
		return NULL;
	b = blob_new(TCRP_HEADER + room_len + payload->len);
	if (b != NULL) {
		w = writer_make(b->data, b->cap);
		tcrp_write_frame(&w, q->codec, q->op, state, q->name,
		    room_len, payload->data, payload->len);
		b->len = w.len;
		if (w.bad) {
			blob_unref(b);
			b = NULL;
		}
	}
	blob_unref(payload);
	return b;
}

static struct blob *
made(struct lists *l, const struct list_ask *q)
{
	if (blob_total() >= LIST_TOTAL_MAX)
		return NULL;
	return framed(q, q->op == OP_MEMBERS ?
	    member_names(l->rooms, q->room) :
	    room_names(l->rooms, q->op == OP_PORT_OR_LIST));
}

/* ---- asking ---- */

/* No two members fit into a field of 29 bytes. */
static bool
has_answer(const struct list_ask *q)
{
	return q->codec < CODEC_INLINE ||
	    (q->op == OP_MEMBERS && q->room->members < 2);
}

uint32_t
lists_cost(struct lists *l, const struct list_ask *q)
{
	const struct kept *k;

	if (!has_answer(q))
		return 0;
	k = find(l, q);
	if (k != NULL && k->blob != NULL && !k->old)
		return 0;
	return q->op == OP_MEMBERS ? q->room->members :
	    roomtab_rooms(rooms_table(l->rooms));
}

struct blob *
lists_get(struct lists *l, const struct list_ask *q, bool make)
{
	struct kept *k;

	if (!has_answer(q))
		return NULL;
	k = find(l, q);
	if (make && (k == NULL || k->blob == NULL || k->old))
		return keep(l, q, k, made(l, q));
	if (k == NULL || k->blob == NULL)
		return NULL;
	k->used = ++l->uses;
	return blob_ref(k->blob);
}
