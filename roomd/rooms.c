/* SPDX-License-Identifier: ISC */
/*
 * The rules of rooms: see rooms.h.  Every rule stands in one place here, so
 * that a member goes the same way whether it left, fell silent, was removed
 * or lost its connection.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "orphans.h"
#include "rooms.h"

struct rooms {
	struct rooms_setup	 set;
	_Atomic uint64_t	*counters;
	struct orphans		*orphans;
	uint64_t		 version;
};

struct rooms *
rooms_new(const struct rooms_setup *set)
{
	struct rooms *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->set = *set;
	r->counters = roomtab_counters(set->table);
	if ((r->orphans = orphans_new(r)) == NULL) {
		rooms_free(r);
		return NULL;
	}
	return r;
}

void
rooms_free(struct rooms *r)
{
	if (r == NULL)
		return;
	orphans_free(r->orphans);
	explicit_bzero(r, sizeof(*r));
	free(r);
}

static void
count(struct rooms *r, enum room_counter which)
{
	counter_add(&r->counters[which], 1);
}

static void
changed(struct rooms *r)
{
	r->set.events.changed(r->set.events.arg);
}

/* ---- passwords ---- */

/*
 * A keyed hash, not a slow one.  Rooms live in memory that is never written
 * to disk, and without the key, which only ocmd and roomd hold, a reader of
 * the table (a captured relayd) cannot try words; a slow hash would let any
 * stranger stall this process.  The room's name is hashed too, so that equal
 * passwords of two rooms look different.
 */
static void
password_hash(const struct rooms *r, const struct request *rq,
    uint8_t out[ROOMTAB_PASSWORD])
{
	crypto_generichash_state st;
	uint8_t len = (uint8_t)rq->room_len;

	crypto_generichash_init(&st, r->set.password_key,
	    sizeof(r->set.password_key), ROOMTAB_PASSWORD);
	crypto_generichash_update(&st, &len, 1);
	crypto_generichash_update(&st, rq->room, rq->room_len);
	crypto_generichash_update(&st, (const uint8_t *)rq->password,
	    rq->password_len);
	crypto_generichash_final(&st, out, ROOMTAB_PASSWORD);
	explicit_bzero(&st, sizeof(st));
}

/* A room without a password ignores a given one. */
static bool
password_fits(struct rooms *r, uint32_t room, const struct request *rq)
{
	uint8_t hash[ROOMTAB_PASSWORD];
	bool ok;

	if (!rq->has_password)
		return roomtab_password_ok(r->set.table, room, NULL);
	password_hash(r, rq, hash);
	ok = roomtab_password_ok(r->set.table, room, hash);
	explicit_bzero(hash, sizeof(hash));
	return ok;
}

/* ---- coming ---- */

static struct member_new
newcomer(const struct request *rq, const struct caller *c)
{
	struct member_new who;

	memset(&who, 0, sizeof(who));
	who.name = rq->user;
	who.name_len = rq->user_len;
	who.addr = c->addr;
	who.addr.port = rq->has_port ? rq->udp_port : 0;
	who.dialect = (uint8_t)dialect_id(rq->dialect);
	who.via = c->via;
	who.short_token = (rq->dialect->flags & DIALECT_SHORT_TOKEN) != 0;
	who.now_ms = clock_ms();
	return who;
}

static void
log_entered(const char *what, const struct request *rq,
    const struct caller *c, const struct member_made *m)
{
	char text[ADDR_TEXT];

	log_debug("\"%.*s\" %s \"%.*s\" from %s", (int)m->name_len, m->name,
	    what, (int)rq->room_len, (const char *)rq->room,
	    addr_format(&c->addr, text));
}

/* A room is closed: what follows. */
static void
closed(struct rooms *r, const struct room_info *room, enum ending why)
{
	r->version++;
	count(r, RC_rooms_closed);
	changed(r);
	log_debug("room \"%s\" closed: %s", (const char *)room->name,
	    why == END_OPERATOR ? "by the operator" :
	    why == END_HOST_LEFT ? "its host is gone" : "it is empty");
	r->set.events.closed(r->set.events.arg, room, why);
}

static void
close_room(struct rooms *r, const struct room_info *room, enum ending why)
{
	if (roomtab_close(r->set.table, room->room, room->gen, why) == 0)
		closed(r, room, why);
}

/* The room with its host and, in some dialects, invites: all or nothing. */
static enum status
create_once(struct rooms *r, const struct request *rq,
    const uint8_t *password, const struct member_new *host,
    struct rooms_made *made)
{
	struct member_made invites[DIALECT_INVITE_COUNT];
	enum status st;
	unsigned i, n = (rq->dialect->flags & DIALECT_INVITES) != 0 ?
	    DIALECT_INVITE_COUNT : 0;

	st = roomtab_create(r->set.table, rq->room, rq->room_len,
	    password, host, &made->member, invites, n);
	if (st != ST_OK)
		return st;
	for (i = 0; i < n; i++)
		memcpy(made->invites[i], invites[i].token,
		    sizeof(made->invites[i]));
	made->invite_count = n;
	explicit_bzero(invites, n * sizeof(invites[0]));
	return ST_OK;
}

static enum status
create(struct rooms *r, const struct request *rq, const struct caller *c,
    struct rooms_made *made)
{
	struct member_new host = newcomer(rq, c);
	uint8_t hash[ROOMTAB_PASSWORD], *password = NULL;
	enum status st;

	if (rq->has_password)
		password_hash(r, rq, password = hash);
	st = create_once(r, rq, password, &host, made);
	if (st == ST_UNABLE) {
		/* Closed rooms may still be waiting to be freed. */
		(void)roomtab_reap(r->set.table);
		st = create_once(r, rq, password, &host, made);
	}
	explicit_bzero(hash, sizeof(hash));
	if (st != ST_OK)
		return st;
	r->version++;
	changed(r);
	count(r, RC_rooms_created);
	log_entered("created", rq, c, &made->member);
	return ST_OK;
}

/*
 * An unused invite, which is spent by it, or the host's own token, which
 * lets in any number.  Neither is bound to an address here: both are made
 * to be passed on to somebody else.
 */
static enum status
join_by_token(struct rooms *r, uint32_t room, const struct request *rq,
    const struct member_new *who, struct member_made *made)
{
	const uint32_t max = r->set.settings->max_room_members;
	struct member_info m;
	uint32_t slot;

	slot = roomtab_find_token(r->set.table, rq->token, rq->token_len);
	if (!roomtab_member(r->set.table, slot, &m) || m.room != room)
		return ST_DENIED;
	if (m.is_invite)
		return roomtab_join_invite(r->set.table, m.slot, m.gen, max,
		    who, made);
	if (m.is_host)
		return roomtab_join(r->set.table, room, max, who, made);
	return ST_DENIED;
}

static enum status
join(struct rooms *r, const struct request *rq, const struct caller *c,
    struct rooms_made *made)
{
	struct member_new who = newcomer(rq, c);
	enum status st;
	uint32_t room;

	room = roomtab_find(r->set.table, rq->room, rq->room_len);
	if (room == ROOMTAB_NONE)
		return ST_NO_ROOM;
	if ((rq->dialect->flags & DIALECT_INVITES) != 0)
		st = join_by_token(r, room, rq, &who, &made->member);
	else if (!password_fits(r, room, rq))
		st = ST_DENIED;
	else
		st = roomtab_join(r->set.table, room,
		    r->set.settings->max_room_members, &who, &made->member);
	if (st != ST_OK)
		return st;
	changed(r);
	count(r, RC_joined);
	log_entered("joined", rq, c, &made->member);
	r->set.events.joined(r->set.events.arg, &made->member);
	return ST_OK;
}

enum status
rooms_enter(struct rooms *r, const struct request *rq, const struct caller *c,
    struct rooms_made *made)
{
	memset(made, 0, sizeof(*made));
	return rq->op == OP_CREATE ? create(r, rq, c, made) :
	    join(r, rq, c, made);
}

/* ---- going ---- */

static const struct {
	const char		*text;
	enum room_counter	 counter;
} endings[END_COUNT] = {
	[END_NONE] = { "is gone", RC_left },
	[END_LEFT] = { "left", RC_left },
	[END_HOST_LEFT] = { "is gone with the host", RC_left },
	[END_IDLE] = { "was idle", RC_removed_idle },
	[END_UNREACHABLE] = { "was unreachable", RC_removed_unreachable },
	[END_OPERATOR] = { "was removed", RC_removed_operator },
	[END_SHUTDOWN] = { "is gone", RC_left },
	[END_HARMFUL] = { "was harmful", RC_removed_harmful },
};

/* The rule of section 9: a room ends with its host, or with its last. */
static bool
room_is_over(const struct room_info *room, enum ending *why)
{
	*why = END_LEFT;
	if (room->members == 0)
		return true;
	*why = END_HOST_LEFT;
	return room->host == ROOMTAB_NONE &&
	    (dialect_row(room->dialect)->flags & DIALECT_KEEPS_ROOM) == 0;
}

/*
 * One transaction, also where the room goes with its member: nobody, whenever
 * we die, finds a room that lives against the rules.
 */
static int
remove_member(struct rooms *r, const struct member_info *m, enum ending why)
{
	struct room_info room;
	enum ending end;
	bool over;

	if (!roomtab_room(r->set.table, m->room, &room)) {
		errno = ESRCH;
		return -1;
	}
	/* As it will be. */
	room.members -= !m->is_invite;
	if (m->is_host)
		room.host = ROOMTAB_NONE;
	over = room_is_over(&room, &end);
	if ((over ? roomtab_remove_and_close(r->set.table, m->slot, m->gen,
	    why, end) : roomtab_remove(r->set.table, m->slot, m->gen, why)) ==
	    -1)
		return -1;
	changed(r);
	count(r, endings[why].counter);
	log_debug("\"%s\" %s, room \"%s\"", (const char *)m->name,
	    endings[why].text, (const char *)room.name);
	r->set.events.left(r->set.events.arg, m, why);
	if (over)
		closed(r, &room, end);
	return 0;
}

int
rooms_remove(struct rooms *r, uint32_t slot, uint32_t gen, enum ending why)
{
	struct member_info m;

	if (!roomtab_member(r->set.table, slot, &m) || m.gen != gen) {
		errno = ESRCH;
		return -1;
	}
	return remove_member(r, &m, why);
}

enum status
rooms_identify(struct rooms *r, const struct request *rq,
    const struct caller *c, struct member_info *m)
{
	uint32_t slot;

	slot = roomtab_find_token(r->set.table, rq->token, rq->token_len);
	if (!roomtab_member(r->set.table, slot, m) || m->is_invite ||
	    !addr_same_host(&m->addr, &c->addr))
		return ST_DENIED;
	if (rq->room_len > 0 &&
	    roomtab_find(r->set.table, rq->room, rq->room_len) != m->room)
		return ST_DENIED;
	return ST_OK;
}

int
rooms_set_port(struct rooms *r, uint32_t slot, uint32_t gen, uint16_t port)
{
	struct member_info m;

	if (port == 0) {
		errno = EINVAL;
		return -1;
	}
	if (roomtab_member(r->set.table, slot, &m) && m.gen == gen) {
		m.addr.port = port;
		orphans_replace(r->orphans, &m);
	}
	if (roomtab_set_port(r->set.table, slot, gen, port) == -1)
		return -1;
	count(r, RC_ports_registered);
	changed(r);
	return 0;
}

/* ---- the operator ---- */

static const char *
find_room(struct rooms *r, const void *name, size_t len,
    struct room_info *room)
{
	return roomtab_room(r->set.table,
	    roomtab_find(r->set.table, name, len), room) ? NULL :
	    "no such room";
}

const char *
rooms_close(struct rooms *r, const void *name, size_t len)
{
	struct room_info room;
	const char *error;

	if ((error = find_room(r, name, len, &room)) != NULL)
		return error;
	log_info("the operator closes room \"%s\"", (const char *)room.name);
	close_room(r, &room, END_OPERATOR);
	return NULL;
}

const char *
rooms_kick(struct rooms *r, const void *name, size_t len,
    const void *member, size_t member_len)
{
	struct room_info room;
	struct member_info m;
	const char *error;
	uint32_t slot;

	if ((error = find_room(r, name, len, &room)) != NULL)
		return error;
	slot = roomtab_find_member(r->set.table, room.room, member,
	    member_len);
	if (!roomtab_member(r->set.table, slot, &m))
		return "no such member";
	log_info("the operator removes \"%s\" from room \"%s\"",
	    (const char *)m.name, (const char *)room.name);
	return remove_member(r, &m, END_OPERATOR) == 0 ? NULL :
	    "no such member";
}

/* ---- what is done without being asked by a client ---- */

void
rooms_repair(struct rooms *r)
{
	uint32_t i = 0, left = roomtab_rooms(r->set.table);
	struct room_info room;
	enum ending why;

	while (rooms_next(r, &i, &left, &room))
		if (room_is_over(&room, &why))
			close_room(r, &room, why);
}

bool
rooms_reap(struct rooms *r)
{
	return roomtab_reap(r->set.table);
}

/* ---- reading ---- */

struct roomtab *
rooms_table(struct rooms *r)
{
	return r->set.table;
}

const struct seg_limits *
rooms_limits(const struct rooms *r)
{
	return &r->set.limits;
}

const struct live *
rooms_live(const struct rooms *r, uint32_t worker)
{
	return r->set.live[worker];
}

_Atomic uint64_t *
rooms_counters(struct rooms *r)
{
	return r->counters;
}

bool
rooms_next(struct rooms *r, uint32_t *i, uint32_t *left,
    struct room_info *room)
{
	while (*left > 0 && *i < r->set.limits.table.rooms)
		if (roomtab_room(r->set.table, (*i)++, room)) {
			--*left;
			return true;
		}
	return false;
}

uint64_t
rooms_version(const struct rooms *r)
{
	return r->version;
}

uint32_t *
rooms_slots(struct rooms *r, const struct room_info *room, uint32_t *n)
{
	uint32_t *slots, slot, steps = 0, i = room->members;
	struct member_info m;

	*n = 0;
	if ((slots = calloc((size_t)room->members + 1, sizeof(*slots))) == NULL)
		return NULL;
	/* The table's list runs from the newest to the oldest. */
	for (slot = room->first; i > 0 &&
	    steps++ < r->set.limits.table.members &&
	    roomtab_member(r->set.table, slot, &m); slot = m.next)
		if (!m.is_invite)
			slots[--i] = slot;
	*n = room->members - i;
	memmove(slots, slots + i, *n * sizeof(*slots));
	return slots;
}
