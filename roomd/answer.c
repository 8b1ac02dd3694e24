/* SPDX-License-Identifier: ISC */
/*
 * Requests answered: see answer.h.  What an answer looks like is the row's
 * business (common/dialect); what a request may do is that of rooms.c.
 */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "clock.h"
#include "log.h"

/* Which room names and payloads an operation is for: the first that fits. */
enum need { NONE, SOME, ANY };

enum { ENTRIES_PER_JOIN = 256 };	/* of a list, in the same time */

static void	enter(struct desk *, const struct tcrp_frame *,
		    const struct asker *, struct answer *);
static void	list(struct desk *, const struct tcrp_frame *,
		    const struct asker *, struct answer *);
static void	port(struct desk *, const struct tcrp_frame *,
		    const struct asker *, struct answer *);
static void	leave(struct desk *, const struct tcrp_frame *,
		    const struct asker *, struct answer *);
static void	members(struct desk *, const struct tcrp_frame *,
		    const struct asker *, struct answer *);

static const struct operation {
	uint8_t		 op;
	enum need	 room, payload;
	void		(*act)(struct desk *, const struct tcrp_frame *,
			    const struct asker *, struct answer *);
} operations[] = {
	{ OP_CREATE,		ANY,	ANY,	enter },
	{ OP_JOIN,		NONE,	NONE,	list },
	{ OP_JOIN,		ANY,	ANY,	enter },
	{ OP_PORT_OR_LIST,	NONE,	NONE,	list },
	{ OP_PORT_OR_LIST,	SOME,	ANY,	port },
	{ OP_LEAVE,		ANY,	ANY,	leave },
	{ OP_MEMBERS,		ANY,	ANY,	members },
};

static const enum room_counter counter_of[] = {
	[ST_OK] = RC_requests,
	[ST_EXISTS] = RC_refused_exists,
	[ST_NO_ROOM] = RC_refused_no_room,
	[ST_DENIED] = RC_refused_denied,
	[ST_MALFORMED] = RC_refused_malformed,
	[ST_UNABLE] = RC_refused_unable,
	[ST_SLOW_DOWN] = RC_refused_rate,
};

static void
settle(struct desk *d, enum status st, struct answer *a)
{
	a->status = st;
	counter_add(&d->counters[counter_of[st]], 1);
}

static struct blob *
written(struct desk *d, const struct writer *w)
{
	struct blob *b;

	if (w->bad)	/* part of a frame is worse than none */
		log_warnx("an answer that does not fit");
	if (w->bad || w->len == 0)
		return NULL;
	if ((b = blob_of(w->base, w->len)) == NULL)
		counter_add(&d->counters[RC_no_memory], 1);
	return b;
}

/* A status in the words of a codec, where no row is known. */
static void
answer_status(struct desk *d, const struct tcrp_header *head,
    const void *room, size_t room_len, enum status st, struct answer *a)
{
	uint8_t bytes[TCRP_HEADER + TCRP_ROOM_MAX + 1];
	struct writer w = writer_make(bytes, sizeof(bytes));

	tcrp_write_status(&w, head->codec, head->op, room, room_len, st);
	a->first = written(d, &w);
	settle(d, st, a);
}

void
answer_refuse(struct desk *d, const struct tcrp_header *head,
    enum status st, struct answer *a)
{
	memset(a, 0, sizeof(*a));
	answer_status(d, head, NULL, 0, st, a);
}

/* An answer in the words of the request's row. */
static void
answer_row(struct desk *d, const struct request *rq, enum status st,
    const struct rooms_made *made, struct answer *a)
{
	uint8_t bytes[DIALECT_ANSWER_MAX];
	struct writer w = writer_make(bytes, sizeof(bytes));
	struct reply rep;
	unsigned i;

	memset(&rep, 0, sizeof(rep));
	rep.codec = rq->codec;
	rep.op = rq->op;
	rep.status = st;
	rep.room = rq->room;
	rep.room_len = rq->room_len;
	rep.user = rq->user;
	rep.user_len = rq->user_len;
	if (made != NULL) {
		rep.user = made->member.name;
		rep.user_len = made->member.name_len;
		rep.token[rep.tokens++] = made->member.token;
		rep.token_len = made->member.token_len;
		for (i = 0; i < made->invite_count; i++)
			rep.token[rep.tokens++] = made->invites[i];
	}
	rq->dialect->status(&rep, &w);
	a->first = written(d, &w);
	if (made != NULL) {
		explicit_bzero(bytes, w.len);
		w = writer_make(bytes, sizeof(bytes));
		rq->dialect->done(&rep, &w);
		a->second = written(d, &w);
		a->gap_ms = rq->dialect->gap_ms;
		explicit_bzero(bytes, w.len);
	}
	settle(d, st, a);
}

/* What stands between a well-formed create or join and the table. */
static enum status
may_enter(struct desk *d, const struct request *rq, const struct asker *who)
{
	/* One connection cannot be two members' lives. */
	if (who->holds.row != NULL)
		return ST_MALFORMED;
	if ((rq->dialect->flags & DIALECT_TCP_OPEN) != 0 &&
	    audience_size(d->audience) >= d->seats_max)
		return ST_UNABLE;
	if (!limit_take(d->limit, LIMIT_JOINS, &who->caller.addr, 1,
	    d->settings->join_rate, d->settings->join_burst, clock_us()))
		return ST_SLOW_DOWN;
	return ST_OK;
}

static void
enter(struct desk *d, const struct tcrp_frame *f, const struct asker *who,
    struct answer *a)
{
	struct rooms_made made;
	struct request rq;
	enum status st;

	st = dialect_read(&rq, f, d->settings->dialects);
	if (st == ST_OK)
		st = may_enter(d, &rq, who);
	if (st == ST_OK)
		st = rooms_enter(d->rooms, &rq, &who->caller, &made);
	answer_row(d, &rq, st, st == ST_OK ? &made : NULL, a);
	if (st == ST_OK) {
		a->entered.room = made.member.room;
		a->entered.slot = made.member.slot;
		a->entered.gen = made.member.gen;
		a->entered.row = rq.dialect;
		explicit_bzero(&made, sizeof(made));
	}
	explicit_bzero(&rq, sizeof(rq));
}

/*
 * A long list that must be made anew is charged to its source, like as many
 * joins as it takes the time of.  Beyond that it gets the last one, as that
 * was, and is refused only where there is none.
 */
static enum status
get_list(struct desk *d, const struct asker *who, const struct list_ask *q,
    struct answer *a)
{
	const uint32_t joins = lists_cost(d->lists, q) / ENTRIES_PER_JOIN;
	bool make = joins == 0 || limit_take(d->limit, LIMIT_LISTS,
	    &who->caller.addr, joins, d->settings->join_rate,
	    d->settings->join_burst, clock_us());

	a->first = lists_get(d->lists, q, make);
	if (a->first == NULL)
		return make ? ST_UNABLE : ST_SLOW_DOWN;
	if (!make)
		counter_add(&d->counters[RC_lists_old], 1);
	return ST_OK;
}

static void
list(struct desk *d, const struct tcrp_frame *f, const struct asker *who,
    struct answer *a)
{
	const struct list_ask q = { .op = f->head.op, .codec = f->head.codec };
	enum status st;

	if (f->head.state != STATE_REQUEST) {
		answer_status(d, &f->head, NULL, 0, ST_MALFORMED, a);
		return;
	}
	if ((st = get_list(d, who, &q, a)) != ST_OK) {
		answer_status(d, &f->head, NULL, 0, st, a);
		return;
	}
	/*
	 * The older form ends with state 1, and its clients then let a person
	 * choose and go on over the same connection.
	 */
	a->stay = f->head.op == OP_JOIN;
	settle(d, ST_OK, a);
}

/* 1..5 digits, 1..65535; 0 otherwise. */
static uint16_t
decimal_port(const uint8_t *p, size_t len)
{
	uint32_t v = 0;
	size_t i;

	if (len > 5)
		return 0;
	for (i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		v = v * 10 + (uint32_t)(p[i] - '0');
	}
	return v <= UINT16_MAX ? (uint16_t)v : 0;
}

/* Does a frame name the room of the member who lives by its connection? */
static bool
own_room(struct desk *d, const struct tcrp_frame *f, const struct asker *who)
{
	return who->holds.row != NULL &&
	    who->holds.row->codec == f->head.codec &&
	    roomtab_find(rooms_table(d->rooms), f->room, f->room_len) ==
	    who->holds.room;
}

static void
port(struct desk *d, const struct tcrp_frame *f, const struct asker *who,
    struct answer *a)
{
	uint16_t p = decimal_port(f->payload, f->payload_len);

	if (p == 0 || f->head.state != STATE_REQUEST || !own_room(d, f, who))
		answer_status(d, &f->head, f->room, f->room_len, ST_MALFORMED,
		    a);
	else if (rooms_set_port(d->rooms, who->holds.slot, who->holds.gen,
	    p) == -1)
		answer_status(d, &f->head, f->room, f->room_len, ST_DENIED, a);
	else
		settle(d, ST_OK, a);	/* in silence: section 4 */
}

static enum status
identify(struct desk *d, const struct tcrp_frame *f, const struct asker *who,
    struct request *rq, struct member_info *m)
{
	enum status st = dialect_read(rq, f, d->settings->dialects);

	return st == ST_OK ?
	    rooms_identify(d->rooms, rq, &who->caller, m) : st;
}

static void
leave(struct desk *d, const struct tcrp_frame *f, const struct asker *who,
    struct answer *a)
{
	struct member_info m;
	struct request rq;
	enum status st;

	st = identify(d, f, who, &rq, &m);
	if (st == ST_OK &&
	    rooms_remove(d->rooms, m.slot, m.gen, END_LEFT) == -1)
		st = ST_DENIED;
	answer_row(d, &rq, st, NULL, a);
	explicit_bzero(&rq, sizeof(rq));
}

static void
members(struct desk *d, const struct tcrp_frame *f, const struct asker *who,
    struct answer *a)
{
	struct member_info m;
	struct room_info room;
	struct list_ask q = { .op = OP_MEMBERS, .room = &room };
	struct request rq;
	enum status st;

	st = identify(d, f, who, &rq, &m);
	if (st == ST_OK && !roomtab_room(rooms_table(d->rooms), m.room, &room))
		st = ST_DENIED;
	if (st == ST_OK) {
		q.codec = rq.codec;
		q.name = rq.room;
		q.name_len = rq.room_len;
		st = get_list(d, who, &q, a);
	}
	if (st == ST_OK)
		settle(d, ST_OK, a);
	else
		answer_row(d, &rq, st, NULL, a);
	explicit_bzero(&rq, sizeof(rq));
}

/* Does any dialect of this codec keep its connections open? */
static bool
codec_stays_open(enum codec codec)
{
	unsigned i;

	for (i = 0; i < dialect_count(); i++)
		if (dialect_row(i)->codec == codec &&
		    (dialect_row(i)->flags & DIALECT_TCP_OPEN) != 0)
			return true;
	return false;
}

static bool
fits(enum need need, size_t len)
{
	return need == ANY || (need == SOME) == (len > 0);
}

static const struct operation *
operation_of(const struct tcrp_frame *f)
{
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].op == f->head.op &&
		    fits(operations[i].room, f->room_len) &&
		    fits(operations[i].payload, f->payload_len))
			return &operations[i];
	return NULL;
}

void
answer_frame(struct desk *d, const struct tcrp_frame *f,
    const struct asker *who, struct answer *a)
{
	const struct operation *op = operation_of(f);

	memset(a, 0, sizeof(*a));
	if (op == NULL)
		answer_status(d, &f->head, f->room, f->room_len, ST_MALFORMED,
		    a);
	else
		op->act(d, f, who, a);
	if (a->status == ST_MALFORMED)
		a->stay = false;
	else if (codec_stays_open(f->head.codec))
		a->stay = true;
}
