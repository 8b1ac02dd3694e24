/* SPDX-License-Identifier: ISC */
/*
 * Lists as answers: see list.h.  A list can be large and anybody may ask for
 * it any number of times, so that of the rooms is kept until it changes.
 */
#include <stdlib.h>
#include <string.h>

#include "list.h"

enum { FORM_JOINED, FORM_ARRAY, FORMS };

struct lists {
	struct rooms	*rooms;
	uint64_t	 version;	/* of what is kept */
	struct blob	*kept[FORMS][CODEC_INLINE];
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
forget(struct lists *l)
{
	unsigned form, codec;

	for (form = 0; form < FORMS; form++)
		for (codec = 0; codec < CODEC_INLINE; codec++) {
			blob_unref(l->kept[form][codec]);
			l->kept[form][codec] = NULL;
		}
}

void
lists_free(struct lists *l)
{
	if (l == NULL)
		return;
	forget(l);
	free(l);
}

/* The frame around a payload; takes the payload's reference. */
static struct blob *
framed(enum codec codec, uint8_t op, uint8_t state, const void *room,
    size_t room_len, struct blob *payload)
{
	struct blob *b;
	struct writer w;

	if (payload == NULL)
		return NULL;
	b = blob_new(TCRP_HEADER + room_len + payload->len);
	if (b != NULL) {
		w = writer_make(b->data, b->cap);
		tcrp_write_frame(&w, codec, op, state, room, room_len,
		    payload->data, payload->len);
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

struct blob *
lists_rooms(struct lists *l, uint8_t op, enum codec codec)
{
	unsigned form = op == OP_PORT_OR_LIST ? FORM_ARRAY : FORM_JOINED;
	struct blob **kept;

	if (codec >= CODEC_INLINE)
		return NULL;
	if (l->version != rooms_version(l->rooms)) {
		forget(l);
		l->version = rooms_version(l->rooms);
	}
	kept = &l->kept[form][codec];
	if (*kept == NULL && blob_total() < LIST_TOTAL_MAX)
		*kept = framed(codec, op, form == FORM_ARRAY ? STATE_DONE :
		    STATE_STATUS, NULL, 0,
		    room_names(l->rooms, form == FORM_ARRAY));
	return *kept == NULL ? NULL : blob_ref(*kept);
}

struct blob *
lists_members(struct lists *l, const struct room_info *room,
    enum codec codec, const void *name, size_t name_len)
{
	struct member_info m;
	struct blob *b;
	uint32_t *slots, i, n;

	if (blob_total() >= LIST_TOTAL_MAX ||
	    (slots = rooms_slots(l->rooms, room, &n)) == NULL)
		return NULL;
	b = blob_new(64 * (size_t)n);
	blob_text(&b, "[");
	for (i = 0; i < n && b != NULL; i++) {
		if (!roomtab_member(rooms_table(l->rooms), slots[i], &m))
			continue;
		blob_text(&b, i > 0 ? ", {\"name\": " : "{\"name\": ");
		blob_json(&b, m.name, m.name_len);
		blob_text(&b, m.is_host ? ", \"host\": true}" :
		    ", \"host\": false}");
	}
	blob_text(&b, "]");
	free(slots);
	return framed(codec, OP_MEMBERS, STATE_DONE, name, name_len, b);
}
