/* SPDX-License-Identifier: ISC */
/*
 * For the tests of relayd's private snapshot: one that follows the fixture's
 * table, what its events said, and a comparison of the two.
 */
#ifndef OCM_PEERS_FIXTURE_H
#define OCM_PEERS_FIXTURE_H

#include "../../relayd/peers.h"
#include "relay_fixture.h"
#include "roll.h"

enum { ROOMS = 12, MEMBERS = 300, SOCKS = 2 };

static struct fixture fx;
static struct peers peers, second;

/* ---- what the events said ---- */

static struct {
	unsigned	added, fresh, left, closed, closed_members;
	uint16_t	port;		/* of the last one that left */
	enum ending	why;
} heard;

static void
on_added(void *ctx, uint32_t slot, bool is_new)
{
	const struct peers *p = ctx;

	ck_assert_uint_ne(p->members[slot].gen, 0);
	heard.added++;
	heard.fresh += is_new;
}

static void
on_leaving(void *ctx, uint32_t slot, enum ending why)
{
	const struct peers *p = ctx;

	ck_assert_uint_ne(p->members[slot].gen, 0);
	heard.left++;
	heard.port = p->members[slot].addr.port;
	heard.why = why;
}

static void
on_closing(void *ctx, uint32_t room, enum ending why)
{
	const struct peers *p = ctx;

	ck_assert_uint_ne(p->rooms[room].gen, 0);
	heard.closed++;
	heard.closed_members += p->rooms[room].members;
	heard.why = why;
}

static void
start(struct peers *p, uint32_t me)
{
	static struct net_control control;
	struct peers_config cf;

	memset(&cf, 0, sizeof(cf));
	cf.limits = fx.lim.table;
	cf.tab = fx.reader[me];
	memcpy(cf.live, fx.relayd[me].live, sizeof(cf.live));
	cf.workers = fx.lim.workers;
	cf.me = me;
	cf.socks = SOCKS;
	cf.family[0] = AF_INET;
	cf.family[1] = AF_INET6;
	cf.relay_of_rooms[1] = 1;
	cf.control = &control;
	cf.events.ctx = p;
	cf.events.added = on_added;
	cf.events.leaving = on_leaving;
	cf.events.closing = on_closing;
	memset(&heard, 0, sizeof(heard));
	peers_make(p, &cf);
	ck_assert_int_eq(peers_refresh(p, clock_ms(), 10), 0);
}

static inline void
setup(void)
{
	fx_open(&fx, ROOMS, MEMBERS, 4, 2);
	start(&peers, 0);
}

static inline void
teardown(void)
{
	fx_close(&fx);
}

static inline struct member_made
enter(const char *room, const char *name, const char *dialect, uint16_t port)
{
	struct member_new m = fx_member(name, dialect, "127.0.0.1", port);

	return fx_enter(&fx, room, &m);
}

static inline void
refresh(void)
{
	ck_assert_int_eq(peers_refresh(&peers, clock_ms(), 10), 0);
}

/* ---- the snapshot is what the table is ---- */

static void
compare_member(const struct peers *p, uint32_t slot)
{
	const struct member *m = &p->members[slot];
	struct member_info info;
	struct room_info room;
	bool live;

	live = roomtab_member(fx.tab, slot, &info) && !info.is_invite;
	ck_assert_uint_eq(m->gen, live ? info.gen : 0);
	if (!live)
		return;
	ck_assert(roomtab_room(fx.tab, info.room, &room));
	ck_assert_uint_eq(m->room, info.room);
	ck_assert_mem_eq(m->tag, info.tag, TOKEN_TAG);
	ck_assert(addr_same_host(&m->addr, &info.addr));
	ck_assert(m->registered == (info.addr.port != 0));
	if (m->registered)
		ck_assert_uint_eq(m->addr.port, info.addr.port);
	ck_assert_uint_eq(m->dialect, info.dialect);
	ck_assert_uint_eq(m->name_len, info.name_len);
	ck_assert_mem_eq(peers_name(p, slot), info.name, info.name_len);
	ck_assert_uint_eq(p->rooms[m->room].gen, room.gen);
	ck_assert_uint_eq(p->rooms[m->room].name_len, room.name_len);
	ck_assert_mem_eq(peers_room_name(p, m->room), room.name,
	    room.name_len);
	ck_assert(m->is_host == (room.host == slot) ||
	    room.host == ROOMTAB_NONE);
}

static void
compare_room(const struct peers *p, uint32_t r)
{
	const struct room *room = &p->rooms[r];
	const struct member *m;
	struct group *g;
	uint32_t s, n = 0, sendable = 0, i;

	for (s = room->first; s != 0; s = p->members[s - 1].next, n++)
		ck_assert_uint_eq(p->members[s - 1].room, r);
	ck_assert_uint_eq(n, room->members);
	g = fanout_first(&p->fanout, room->groups);
	for (; g != NULL; g = fanout_next(&p->fanout, g)) {
		for (i = 0; i < g->count; i++) {
			s = peers_slot_of(p, fanout_receiver(g, i));
			m = &p->members[s];
			ck_assert_uint_eq(m->room, r);
			ck_assert_uint_eq(m->place.position, i);
			ck_assert_uint_eq(m->sock, g->kind.sock);
			ck_assert_uint_eq(peers_form(m), g->kind.form);
			ck_assert_uint_ne(m->addr.port, 0);
			ck_assert_uint_eq(ntohs(m->to.dest.v4.sin_port),
			    m->addr.port);
		}
		sendable += g->count;
	}
	ck_assert_uint_eq(sendable + room->portless, room->members);
}

static inline void
compare(const struct peers *p)
{
	uint32_t i, n = 0;

	for (i = 0; i < MEMBERS; i++) {
		compare_member(p, i);
		n += p->members[i].gen != 0;
	}
	ck_assert_uint_eq(n, p->count);
	ck_assert_uint_eq(n, roomtab_members(fx.tab));
	for (i = 0; i < ROOMS; i++)
		compare_room(p, i);
}

#endif
