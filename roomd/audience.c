/* SPDX-License-Identifier: ISC */
/*
 * Notices over TCP: see audience.h.  News of a room is gathered, so that a
 * room hears of comings and goings at most once a second.
 */
#include <stdlib.h>
#include <string.h>

#include "audience.h"
#include "clock.h"
#include "wire_tcp.h"

enum {
	NEWS_MAX = 8,			/* names in one piece of news */
	NEWS_GAP_MS = 1000,
	NEWS_ROOM_MAX = 64,		/* larger rooms hear no news */
};

struct news {
	uint32_t	slot;
	bool		joined;
	size_t		name_len;
	char		name[NAME_MAX_BYTES];
};

struct circle {			/* the seats of one room */
	LIST_HEAD(, seat)	 seats;
	struct audience		*audience;
	struct event		*timer;
	uint32_t		 room;
	uint64_t		 told_ms;	/* last news, 0: never */
	struct news		 news[NEWS_MAX];
	unsigned		 count;		/* of them */
	unsigned		 more_joined, more_left;
	size_t			 name_len;
	uint8_t			 name[NAME_MAX_BYTES];
};

struct audience {
	struct event_base		*base;
	struct rooms			*rooms;
	const struct ctl_settings	*settings;
	struct audience_voice		 voice;
	uint32_t			 size;
	struct circle			**circles;	/* by room */
	struct seat			**seats;	/* by slot */
};

struct audience *
audience_new(struct event_base *base, struct rooms *rooms,
    const struct ctl_settings *settings, const struct audience_voice *voice)
{
	const struct roomtab_limits *lim = &rooms_limits(rooms)->table;
	struct audience *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->base = base;
	a->rooms = rooms;
	a->settings = settings;
	a->voice = *voice;
	a->circles = calloc(lim->rooms, sizeof(*a->circles));
	a->seats = calloc(lim->members, sizeof(*a->seats));
	if (a->circles == NULL || a->seats == NULL) {
		audience_free(a);
		return NULL;
	}
	return a;
}

static void
circle_free(struct circle *c)
{
	c->audience->circles[c->room] = NULL;
	event_free(c->timer);
	free(c);
}

void
audience_free(struct audience *a)
{
	uint32_t i;

	if (a == NULL)
		return;
	for (i = 0; a->circles != NULL &&
	    i < rooms_limits(a->rooms)->table.rooms; i++)
		if (a->circles[i] != NULL)
			circle_free(a->circles[i]);
	free(a->circles);
	free(a->seats);
	free(a);
}

/* ---- what is said ---- */

/* One line for people: operation 2, state 0. */
static struct blob *
notice(const struct circle *c, const struct seat *s, const void *text,
    size_t len)
{
	struct writer w;
	struct blob *b;

	if ((b = blob_new(TCRP_HEADER + c->name_len + len)) == NULL)
		return NULL;
	w = writer_make(b->data, b->cap);
	tcrp_write_frame(&w, s->id.row->codec, OP_JOIN, STATE_REQUEST,
	    c->name, c->name_len, text, len);
	b->len = w.len;
	if (!w.bad)
		return b;
	blob_unref(b);
	return NULL;
}

static void
say(struct audience *a, struct seat *s, const void *text, size_t len)
{
	struct blob *b;

	if ((s->id.row->flags & DIALECT_NOTICE_TCP) == 0 || len == 0)
		return;
	if ((b = notice(a->circles[s->id.room], s, text, len)) == NULL)
		return;
	a->voice.say(s, b);
	blob_unref(b);
}

/* "bob, carol and 3 more joined", without the reader; nothing for nobody. */
static void
add_half(struct blob **b, const struct circle *c, bool joined,
    uint32_t reader)
{
	unsigned i, more = joined ? c->more_joined : c->more_left, named = 0;

	for (i = 0; i < c->count; i++) {
		if (c->news[i].joined != joined || c->news[i].slot == reader)
			continue;
		if (named++ > 0)
			blob_text(b, ", ");
		else if (*b != NULL && (*b)->len > 0)
			blob_text(b, "; ");
		blob_add(b, c->news[i].name, c->news[i].name_len);
	}
	if (named > 0 && more > 0) {
		blob_text(b, " and ");
		blob_number(b, more);
		blob_text(b, " more");
	}
	if (named > 0)
		blob_text(b, joined ? " joined" : " left");
}

static struct blob *
news_text(const struct circle *c, uint32_t reader)
{
	struct blob *b = blob_new(256);

	add_half(&b, c, true, reader);
	add_half(&b, c, false, reader);
	return b;
}

static void
tell_news(struct circle *c)
{
	struct blob *text;
	struct seat *s;

	LIST_FOREACH(s, &c->seats, link) {
		if ((text = news_text(c, s->id.slot)) == NULL)
			continue;
		say(c->audience, s, text->data, text->len);
		blob_unref(text);
	}
	c->count = c->more_joined = c->more_left = 0;
	c->told_ms = clock_ms();
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct circle *c = arg;

	(void)fd;
	(void)what;
	if (c->count > 0)
		tell_news(c);
}

static void
short_of_memory(struct audience *a)
{
	counter_add(&rooms_counters(a->rooms)[RC_no_memory], 1);
}

static void
add_news(struct audience *a, uint32_t room, uint32_t slot, const void *name,
    size_t len, bool joined)
{
	struct circle *c = a->circles[room];
	struct timeval gap = { NEWS_GAP_MS / 1000, NEWS_GAP_MS % 1000 * 1000 };
	struct room_info info;
	struct news *n;

	if (c == NULL || a->settings->notices == 0 ||
	    !roomtab_room(rooms_table(a->rooms), room, &info) ||
	    info.members > NEWS_ROOM_MAX)
		return;
	if (c->count == NEWS_MAX) {
		if (joined)
			c->more_joined++;
		else
			c->more_left++;
		return;
	}
	n = &c->news[c->count++];
	n->slot = slot;
	n->joined = joined;
	n->name_len = len;
	memcpy(n->name, name, len);
	if (c->told_ms == 0 || clock_ms() - c->told_ms >= NEWS_GAP_MS)
		tell_news(c);
	else if (!event_pending(c->timer, EV_TIMEOUT, NULL) &&
	    event_add(c->timer, &gap) == -1) {
		short_of_memory(a);
		tell_news(c);		/* too soon is better than never */
	}
}

/* ---- seats ---- */

static struct circle *
circle_of(struct audience *a, uint32_t room)
{
	struct circle *c = a->circles[room];
	struct room_info info;

	if (c != NULL)
		return c;
	if (!roomtab_room(rooms_table(a->rooms), room, &info))
		return NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->timer = event_new(a->base, -1, 0, on_timer, c)) == NULL) {
		short_of_memory(a);
		free(c);
		return NULL;
	}
	LIST_INIT(&c->seats);
	c->audience = a;
	c->room = room;
	c->name_len = info.name_len;
	memcpy(c->name, info.name, info.name_len);
	a->circles[room] = c;
	return c;
}

bool
audience_sit(struct audience *a, struct seat *s, const struct seat_id *id)
{
	const struct roomtab_limits *lim = &rooms_limits(a->rooms)->table;
	struct circle *c;

	if (id->room >= lim->rooms || id->slot >= lim->members ||
	    (c = circle_of(a, id->room)) == NULL)
		return false;
	s->id = *id;
	LIST_INSERT_HEAD(&c->seats, s, link);
	a->seats[id->slot] = s;
	a->size++;
	return true;
}

void
audience_stand(struct audience *a, struct seat *s)
{
	struct circle *c = a->circles[s->id.room];

	LIST_REMOVE(s, link);
	a->seats[s->id.slot] = NULL;
	a->size--;
	s->id.row = NULL;
	if (LIST_EMPTY(&c->seats))
		circle_free(c);
}

uint32_t
audience_size(const struct audience *a)
{
	return a->size;
}

/* Tells a seat why, takes it away and has its connection closed. */
static void
dismiss(struct audience *a, struct seat *s, enum ending why)
{
	char buf[DIALECT_ENDING_TEXT];
	const char *text = "";

	if (why != END_LEFT)
		text = dialect_ending_text(why, a->settings->idle_s, buf);
	say(a, s, text, strlen(text));
	audience_stand(a, s);
	a->voice.end(s);
}

/* ---- events ---- */

void
audience_joined(struct audience *a, const struct member_made *m)
{
	add_news(a, m->room, m->slot, m->name, m->name_len, true);
}

/* Where it does not, its end is what will be told. */
static bool
room_outlives_host(struct audience *a, uint32_t room)
{
	struct room_info info;

	return roomtab_room(rooms_table(a->rooms), room, &info) &&
	    (dialect_row(info.dialect)->flags & DIALECT_KEEPS_ROOM) != 0;
}

void
audience_left(struct audience *a, const struct member_info *m,
    enum ending why)
{
	struct seat *s = a->seats[m->slot];

	if (s != NULL && s->id.gen == m->gen)
		dismiss(a, s, why);
	if (!m->is_host || room_outlives_host(a, m->room))
		add_news(a, m->room, m->slot, m->name, m->name_len, false);
}

void
audience_closed(struct audience *a, const struct room_info *room,
    enum ending why)
{
	struct seat *s;

	while (a->circles[room->room] != NULL) {
		s = LIST_FIRST(&a->circles[room->room]->seats);
		dismiss(a, s, why);
	}
}

void
audience_goodbye(struct audience *a)
{
	uint32_t i;

	for (i = 0; i < rooms_limits(a->rooms)->table.members; i++)
		if (a->seats[i] != NULL)
			dismiss(a, a->seats[i], END_SHUTDOWN);
}
