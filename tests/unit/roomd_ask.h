/* SPDX-License-Identifier: ISC */
/*
 * Asking the rules of rooms as a client's request does, and noting what they
 * tell.  Included by check_rooms.c and check_wishes.c.
 */
#ifndef ROOMD_ASK_H
#define ROOMD_ASK_H

#include "roomd_fixture.h"

/*
 * What is committed is what a successor finds if roomd dies now: no open room
 * without members, or without the host it cannot outlive.
 */
static void
on_changed(void *arg)
{
	struct member_info m;
	struct room_info r;
	uint32_t i;

	(void)arg;
	for (i = 0; i < ROOMS; i++) {
		if (fx.lawless || !roomtab_room(fx.tab, i, &r))
			continue;
		ck_assert_uint_gt(r.members, 0);
		ck_assert(r.host != ROOMTAB_NONE ||
		    (dialect_row(r.dialect)->flags & DIALECT_KEEPS_ROOM));
	}
	fx.invites = 0;
	for (i = 0; i < MEMBERS; i++)
		fx.invites += roomtab_member(fx.tab, i, &m) && m.is_invite;
	fx.changed++;
}

static void
on_joined(void *arg, const struct member_made *m)
{
	(void)arg;
	(void)m;
	ck_assert_uint_gt(fx.changed, 0);	/* after the commit */
	fx.joined++;
}

static void
on_left(void *arg, const struct member_info *m, enum ending why)
{
	(void)arg;
	ck_assert_uint_ne(roomtab_member_gen(fx.tab, m->slot), m->gen);
	fx.left++;
	fx.left_why = why;
	memcpy(fx.left_name, m->name, sizeof(fx.left_name));
}

static void
on_closed(void *arg, const struct room_info *room, enum ending why)
{
	(void)arg;
	ck_assert_uint_eq(roomtab_find(fx.tab, room->name, room->name_len),
	    ROOMTAB_NONE);
	fx.closed++;
	fx.closed_why = why;
}

static const struct rooms_events events = {
	NULL, on_changed, on_joined, on_left, on_closed
};

static void
setup(void)
{
	fx_table();
	fx_rooms(&events);
}

/* ---- asking as a client does ---- */

struct ask {
	const char	*dialect;	/* NULL: plain */
	const char	*room, *user, *password;
	const char	*from;		/* NULL: 127.0.0.1 */
	const char	*token;		/* to join with, or to show */
	uint16_t	 port;
	size_t		 token_len;	/* 0: strlen */
};

static void
request(struct request *rq, uint8_t op, const struct ask *a)
{
	memset(rq, 0, sizeof(*rq));
	rq->dialect = a->dialect == NULL ? dialect_row(0) :
	    dialect_by_name(a->dialect);
	ck_assert_ptr_nonnull(rq->dialect);
	rq->codec = rq->dialect->codec;
	rq->op = op;
	rq->room = (const uint8_t *)a->room;
	rq->room_len = a->room == NULL ? 0 : strlen(a->room);
	if (a->user != NULL) {
		rq->user_len = strlen(a->user);
		memcpy(rq->user, a->user, rq->user_len);
	}
	if (a->password != NULL) {
		rq->has_password = true;
		rq->password_len = strlen(a->password);
		memcpy(rq->password, a->password, rq->password_len);
	}
	rq->has_port = a->port != 0;
	rq->udp_port = a->port;
	rq->token = (const uint8_t *)a->token;
	if (a->token != NULL)
		rq->token_len = a->token_len != 0 ? a->token_len : TOKEN_TEXT;
}

static struct caller
caller(const struct ask *a)
{
	struct caller c;

	c.addr = fx_addr(a->from != NULL ? a->from : "127.0.0.1");
	c.via = 3;
	return c;
}

static struct rooms_made made;

static enum status
enter(uint8_t op, struct ask a)
{
	struct caller c = caller(&a);
	struct request rq;

	request(&rq, op, &a);
	return rooms_enter(fx.rooms, &rq, &c, &made);
}

#define CREATE(...) enter(OP_CREATE, (struct ask){ __VA_ARGS__ })
#define JOIN(...) enter(OP_JOIN, (struct ask){ __VA_ARGS__ })

#endif
