/* SPDX-License-Identifier: ISC */
/*
 * Answers to ocmctl as JSON: see query.h.  An answer is built at once and
 * sent as ocmctl reads it.
 */
#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event_struct.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "outbox.h"
#include "query.h"

enum {
	QUERIES_MAX = 32,		/* at a time */
	QUERY_S = 5,			/* then ocmctl is given up */
};

struct query {
	LIST_ENTRY(query)	 link;
	struct queries		*all;
	int			 fd;
	struct outbox		 out;
	struct event		 writable;	/* or late */
};

struct queries {
	struct event_base	*base;
	struct rooms		*rooms;
	LIST_HEAD(, query)	 list;
	unsigned		 count;
};

/* ---- the answers ---- */

static void
add_bool(struct blob **b, const char *key, bool value)
{
	blob_text(b, key);
	blob_text(b, value ? "true" : "false");
}

/*
 * A relayd writes its counters itself, and one that is captured could write
 * what readers of JSON refuse, and so hide those of all.
 */
static void
add_number(struct blob **b, const char *key, uint64_t value)
{
	blob_text(b, key);
	blob_number(b, value <= INT64_MAX ? value : INT64_MAX);
}

/* Whole seconds from then to now; times of other processes may be later. */
static uint64_t
seconds_since(uint64_t then_ms)
{
	uint64_t now = clock_ms();

	return now > then_ms ? (now - then_ms) / 1000 : 0;
}

static const char *
answer_rooms(struct queries *q, const struct ctl_query *ask, struct blob **b)
{
	struct roomtab *t = rooms_table(q->rooms);
	const char *before = "{\"name\": ";
	struct room_info r;
	struct member_info host;
	uint32_t i = 0, left = roomtab_rooms(t);

	(void)ask;
	blob_text(b, "[");
	while (rooms_next(q->rooms, &i, &left, &r)) {
		blob_text(b, before);
		before = ",\n{\"name\": ";
		blob_json(b, r.name, r.name_len);
		add_number(b, ", \"members\": ", r.members);
		blob_text(b, ", \"host\": ");
		if (roomtab_member(t, r.host, &host))
			blob_json(b, host.name, host.name_len);
		else
			blob_text(b, "null");
		add_bool(b, ", \"password\": ", r.has_password);
		add_number(b, ", \"age\": ", seconds_since(r.created_ms));
		blob_text(b, ", \"dialect\": \"");
		blob_text(b, dialect_row(r.dialect)->name);
		blob_text(b, "\"}");
	}
	blob_text(b, "]\n");
	return NULL;
}

/*
 * What the relays know of a member: the port of the one that heard it last,
 * and when that was.  A time before it joined is of an earlier member.
 */
static void
look_live(struct rooms *rooms, const struct member_info *m, uint16_t *port,
    uint64_t *seen_ms)
{
	struct live_where w;
	uint64_t seen, newest = 0;
	uint32_t k;

	*port = m->addr.port;
	*seen_ms = m->joined_ms;
	for (k = 0; k < rooms_limits(rooms)->workers; k++) {
		w = live_where(rooms_live(rooms, k), m->slot);
		seen = live_seen(rooms_live(rooms, k), m->slot);
		if (seen > *seen_ms)
			*seen_ms = seen;
		if (m->addr.port == 0 && w.gen == m->gen && w.port != 0 &&
		    seen >= newest) {
			newest = seen;
			*port = w.port;
		}
	}
}

static void
add_member(struct rooms *rooms, const struct member_info *m, struct blob **b)
{
	char text[ADDR_TEXT];
	uint64_t seen_ms;
	uint16_t port;

	look_live(rooms, m, &port, &seen_ms);
	blob_text(b, "{\"name\": ");
	blob_json(b, m->name, m->name_len);
	add_bool(b, ", \"host\": ", m->is_host);
	blob_text(b, ", \"address\": \"");
	blob_text(b, addr_format_host(&m->addr, text));
	if (port != 0)
		add_number(b, "\", \"port\": ", port);
	else
		blob_text(b, "\", \"port\": null");
	blob_text(b, ", \"dialect\": \"");
	blob_text(b, dialect_row(m->dialect)->name);
	add_number(b, "\", \"idle\": ", seconds_since(seen_ms));
	add_number(b, ", \"joined\": ", seconds_since(m->joined_ms));
	blob_text(b, "}");
}

static const char *
answer_members(struct queries *q, const struct ctl_query *ask,
    struct blob **b)
{
	struct roomtab *t = rooms_table(q->rooms);
	struct member_info m;
	struct room_info r;
	uint32_t *slots, i, n;
	bool first = true;

	if (!roomtab_room(t, roomtab_find(t, ask->room, ask->room_len), &r))
		return "no such room";
	if ((slots = rooms_slots(q->rooms, &r, &n)) == NULL)
		return "not enough memory";
	blob_text(b, "[");
	for (i = 0; i < n && *b != NULL; i++) {
		if (!roomtab_member(t, slots[i], &m))
			continue;
		blob_text(b, first ? "" : ",\n");
		first = false;
		add_member(q->rooms, &m, b);
	}
	blob_text(b, "]\n");
	free(slots);
	return NULL;
}

static const char *
answer_close(struct queries *q, const struct ctl_query *ask, struct blob **b)
{
	blob_text(b, "{}\n");
	return rooms_close(q->rooms, ask->room, ask->room_len);
}

static const char *
answer_kick(struct queries *q, const struct ctl_query *ask, struct blob **b)
{
	blob_text(b, "{}\n");
	return rooms_kick(q->rooms, ask->room, ask->room_len, ask->member,
	    ask->member_len);
}

static void
add_counter(struct blob **b, unsigned i, const char *name, uint64_t value)
{
	blob_text(b, i == 0 ? "{\"" : ", \"");
	blob_text(b, name);
	add_number(b, "\": ", value);
}

static const char *
answer_stats(struct queries *q, const struct ctl_query *ask, struct blob **b)
{
	uint32_t i, k;

	(void)ask;
	blob_text(b, "{\"roomd\": ");
	for (i = 0; i < RC_COUNT; i++)
		add_counter(b, i, room_counter_names[i],
		    roomtab_counter(rooms_table(q->rooms), i));
	blob_text(b, "},\n\"relayd\": [");
	for (k = 0; k < rooms_limits(q->rooms)->workers; k++) {
		blob_text(b, k == 0 ? "" : ",\n");
		for (i = 0; i < LC_COUNT; i++)
			add_counter(b, i, relay_counter_names[i],
			    live_counter(rooms_live(q->rooms, k), i));
		blob_text(b, "}");
	}
	blob_text(b, "]}\n");
	return NULL;
}

static const char *
answer_counts(struct queries *q, const struct ctl_query *ask, struct blob **b)
{
	(void)ask;
	add_number(b, "{\"members\": ", roomtab_members(rooms_table(q->rooms)));
	add_number(b, ", \"open_rooms\": ",
	    roomtab_rooms(rooms_table(q->rooms)));
	blob_text(b, "}\n");
	return NULL;
}

/* Each adds its JSON, or returns why not. */
static const char *(*const answers[QUERY_COUNT])(struct queries *,
    const struct ctl_query *, struct blob **) = {
	[QUERY_ROOMS] = answer_rooms,
	[QUERY_MEMBERS] = answer_members,
	[QUERY_CLOSE] = answer_close,
	[QUERY_KICK] = answer_kick,
	[QUERY_STATS] = answer_stats,
	[QUERY_COUNTS] = answer_counts,
};

static struct blob *
refusal(const char *why)
{
	struct blob *b = blob_new(64);

	blob_text(&b, "error ");
	blob_text(&b, why);
	blob_text(&b, "\n");
	return b;
}

static struct blob *
answer(struct queries *q, const struct ctl_query *ask)
{
	struct blob *b;
	const char *error;

	if (ask->verb >= QUERY_COUNT || ask->room_len > NAME_MAX_BYTES ||
	    ask->member_len > NAME_MAX_BYTES)
		return refusal("no such question");
	b = blob_of("ok\n", 3);
	error = answers[ask->verb](q, ask, &b);
	if (error == NULL && b == NULL) {
		counter_add(&rooms_counters(q->rooms)[RC_queries_lost], 1);
		error = "the answer is too large";
	}
	if (error == NULL)
		return b;
	blob_unref(b);
	return refusal(error);
}

/* ---- sending them ---- */

static void
query_free(struct query *one)
{
	struct queries *q = one->all;

	/* What is left of the answer nobody gets; ocmctl reports that. */
	if (one->out.count > 0)
		counter_add(&rooms_counters(q->rooms)[RC_queries_lost], 1);
	(void)event_del(&one->writable);
	(void)close(one->fd);
	outbox_clear(&one->out);
	LIST_REMOVE(one, link);
	q->count--;
	free(one);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct query *one = arg;
	size_t all = SIZE_MAX;

	if ((what & EV_TIMEOUT) != 0 ||
	    outbox_flush(&one->out, fd, &all) != OUTBOX_BLOCKED)
		query_free(one);
}

void
queries_take(struct queries *q, int fd, const struct ctl_query *ask)
{
	struct timeval limit = { QUERY_S, 0 };
	size_t all = SIZE_MAX;
	struct query *one;
	struct blob *b;

	if (q->count == QUERIES_MAX ||
	    (one = calloc(1, sizeof(*one))) == NULL) {
		counter_add(&rooms_counters(q->rooms)[RC_queries_lost], 1);
		(void)close(fd);	/* which ocmctl reports */
		return;
	}
	one->all = q;
	one->fd = fd;
	LIST_INSERT_HEAD(&q->list, one, link);
	q->count++;
	(void)event_assign(&one->writable, q->base, fd,
	    EV_WRITE | EV_PERSIST, on_writable, one);
	if ((b = answer(q, ask)) == NULL)
		counter_add(&rooms_counters(q->rooms)[RC_queries_lost], 1);
	(void)outbox_add(&one->out, b);
	if (outbox_flush(&one->out, fd, &all) != OUTBOX_BLOCKED ||
	    event_add(&one->writable, &limit) == -1)
		query_free(one);
}

struct queries *
queries_new(struct event_base *base, struct rooms *rooms)
{
	struct queries *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return NULL;
	LIST_INIT(&q->list);
	q->base = base;
	q->rooms = rooms;
	return q;
}

void
queries_free(struct queries *q)
{
	struct query *one, *next;

	if (q == NULL)
		return;
	for (one = LIST_FIRST(&q->list); one != NULL; one = next) {
		next = LIST_NEXT(one, link);
		query_free(one);
	}
	free(q);
}
