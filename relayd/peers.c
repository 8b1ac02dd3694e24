/* SPDX-License-Identifier: ISC */
/*
 * The private snapshot (see peers.h): records, names and where members are.
 * How it follows the shared memory is in peers_follow.c.
 */
#include <stddef.h>
#include <string.h>

#include "peers.h"
#include "peers_private.h"
#include "sparse.h"

enum { PORT_GAP_MS = 1000 };	/* between two ports of a member */

void
peers_make(struct peers *p, const struct peers_config *cf)
{
	const uint32_t n = cf->limits.members;

	memset(p, 0, sizeof(*p));
	p->cf = *cf;
	p->members = sparse_array(n, sizeof(*p->members));
	p->rooms = sparse_array(cf->limits.rooms, sizeof(*p->rooms));
	p->long_name = sparse_array(n, sizeof(*p->long_name));
	p->long_room = sparse_array(cf->limits.rooms, sizeof(*p->long_room));
	fanout_make(&p->fanout, n, cf->control);
	index_make(&p->at, n);
	index_make(&p->tokenless, n);
	p->scanning = true;
	p->stamp = 1;
	peers_follow_start(p);
}

/* ---- small questions ---- */

static unsigned
row_flags(const struct member *m)
{
	return dialect_row(m->dialect)->flags;
}

enum form
peers_form(const struct member *m)
{
	const struct dialect *row = dialect_row(m->dialect);

	return m->enrolled ? row->form_registered : row->form;
}

const uint8_t *
peers_name(const struct peers *p, uint32_t slot)
{
	const struct member *m = &p->members[slot];

	return m->name_len <= PEERS_NAME_INLINE ? m->name :
	    p->long_name[slot];
}

const uint8_t *
peers_room_name(const struct peers *p, uint32_t room)
{
	const struct room *r = &p->rooms[room];

	return r->name_len <= PEERS_NAME_INLINE ? r->name :
	    p->long_room[room];
}

uint32_t
peers_slot_of(const struct peers *p, const struct receiver *to)
{
	const char *m = (const char *)to - offsetof(struct member, to);

	return (uint32_t)((size_t)(m - (const char *)p->members) /
	    sizeof(struct member));
}

uint64_t
peers_seen(const struct peers *p, uint32_t slot)
{
	uint64_t seen = p->members[slot].seen_ms, t;
	uint32_t k;

	for (k = 0; k < p->cf.workers; k++)
		if ((t = live_seen(p->cf.live[k], slot)) > seen)
			seen = t;
	return seen;
}

/* Somebody with several ports speaks to several relays, but once a second. */
static uint64_t
last_move(const struct peers *p, uint32_t slot, uint64_t now_ms)
{
	uint64_t last = p->members[slot].moved_ms, t;
	uint32_t k;

	for (k = 0; k < p->cf.workers; k++)
		if ((t = live_moved(p->cf.live[k], slot)) > last &&
		    t <= now_ms + PORT_GAP_MS)
			last = t;
	return last;
}

uint64_t
peers_whole_us(const struct peers *p, uint32_t slot, uint64_t most)
{
	const uint32_t gen = p->members[slot].gen;
	uint64_t whole = 0, t;
	uint32_t k;

	for (k = 0; k < p->cf.workers; k++)
		if ((t = live_spent(p->cf.live[k], slot, gen)) > whole &&
		    t <= most)
			whole = t;
	return whole;
}

void
peers_spent(struct peers *p, uint32_t slot, uint64_t whole_us)
{
	live_set_spent(p->cf.live[p->cf.me], slot, p->members[slot].gen,
	    whole_us);
}

/* ---- who is behind an address ---- */

static uint64_t
bare_hash(const struct peers *p, const struct addr *a, const void *room,
    size_t len)
{
	uint8_t key[sizeof(*a) + NAME_MAX_BYTES];

	memcpy(key, a, sizeof(*a));
	memcpy(key + sizeof(*a), room, len);
	return index_hash(&p->tokenless, key, sizeof(*a) + len);
}

static uint64_t
host_hash(const struct peers *p, const struct addr *a)
{
	struct addr host = *a;

	host.port = 0;
	return index_hash(&p->tokenless, &host, sizeof(host));
}

static bool
same_room(const struct peers *p, uint32_t room, const void *name, size_t len)
{
	return p->rooms[room].name_len == len &&
	    memcmp(peers_room_name(p, room), name, len) == 0;
}

/* Who is there since later; the same for every relay, in all its lives. */
static bool
is_newer(const struct peers *p, uint32_t slot, uint32_t than)
{
	const uint64_t a = p->members[slot].joined_ms;
	const uint64_t b = p->members[than].joined_ms;

	return a > b || (a == b && slot > than);
}

uint32_t
peers_bare(const struct peers *p, const struct addr *a, const void *room,
    size_t len)
{
	uint32_t s, newest = ROOMTAB_NONE;
	const struct member *m;
	unsigned walk;

	if (p->tokenless.count == 0 || len > NAME_MAX_BYTES)
		return ROOMTAB_NONE;
	s = index_first(&p->tokenless, bare_hash(p, a, room, len), &walk);
	for (; s != INDEX_NONE; s = index_next(&p->tokenless, s, &walk)) {
		m = &p->members[s];
		if ((row_flags(m) & DIALECT_BARE) != 0 && m->registered &&
		    addr_equal(&m->addr, a) &&
		    same_room(p, m->room, room, len) &&
		    (newest == ROOMTAB_NONE || is_newer(p, s, newest)))
			newest = s;
	}
	return newest;
}

bool
peers_json_host(const struct peers *p, const struct addr *a)
{
	const struct member *m;
	unsigned walk;
	uint32_t s;

	if (p->tokenless.count == 0)
		return false;
	s = index_first(&p->tokenless, host_hash(p, a), &walk);
	for (; s != INDEX_NONE; s = index_next(&p->tokenless, s, &walk)) {
		m = &p->members[s];
		if ((row_flags(m) & DIALECT_JSON_DATAGRAM) != 0 &&
		    addr_same_host(&m->addr, a))
			return true;
	}
	return false;
}

uint32_t
peers_at(struct peers *p, const struct addr *a)
{
	const uint64_t hash = index_hash(&p->at, a, sizeof(*a));
	unsigned walk;
	uint32_t s;

	s = index_first(&p->at, hash, &walk);
	while (s != INDEX_NONE && !addr_equal(&p->members[s].addr, a))
		s = index_next(&p->at, s, &walk);
	if (s == INDEX_NONE)
		return ROOMTAB_NONE;
	index_put(&p->at, s, hash);
	return s;
}

/* Enters a member whose row lets it speak without a token. */
static void
index_tokenless(struct peers *p, uint32_t slot)
{
	const struct member *m = &p->members[slot];
	const unsigned flags = row_flags(m);

	if ((flags & DIALECT_BARE) != 0 && m->registered)
		index_put(&p->tokenless, slot, bare_hash(p, &m->addr,
		    peers_room_name(p, m->room), p->rooms[m->room].name_len));
	else if ((flags & DIALECT_JSON_DATAGRAM) != 0)
		index_put(&p->tokenless, slot, host_hash(p, &m->addr));
}

/* ---- where members are sent to ---- */

/* Takes a member out of its room's fan-out. */
static void
displace(struct peers *p, uint32_t slot, bool for_good)
{
	struct member *m = &p->members[slot];
	struct room *r = &p->rooms[m->room];
	struct receiver *moved;

	index_remove(&p->at, slot);
	/* Who is registered may have spoken without having had a place. */
	if (p->cf.events.moving != NULL &&
	    (m->place.group != 0 || m->registered))
		p->cf.events.moving(p->cf.events.ctx, m->room, &m->to,
		    for_good);
	if (m->place.group == 0) {
		r->portless--;
		return;
	}
	moved = fanout_remove(&p->fanout, &r->groups, m->place);
	if (moved != NULL)
		p->members[peers_slot_of(p, moved)].place.position =
		    m->place.position;
	m->place.group = 0;
}

/*
 * The address its copies carry; its length, or 0 where it has none, which
 * it has not either where that is a socket of our own.
 */
static socklen_t
make_dest(const struct peers *p, struct member *m)
{
	struct sockaddr_storage ss;
	socklen_t len;

	if (m->addr.port == 0 || m->sock >= p->cf.socks ||
	    own_has(&p->cf.own, &m->addr))
		return 0;
	len = addr_to_sockaddr(&m->addr, p->cf.family[m->sock], &ss);
	if (len > sizeof(m->to.dest))
		return 0;
	memcpy(&m->to.dest, &ss, len);
	return len;
}

/* Puts a member into its room's fan-out, or counts that it cannot be. */
static void
place(struct peers *p, uint32_t slot)
{
	struct member *m = &p->members[slot];
	struct room *r = &p->rooms[m->room];
	struct fanout_kind kind;
	socklen_t len;

	if ((len = make_dest(p, m)) == 0) {
		r->portless++;
		return;
	}
	kind.form = (uint8_t)peers_form(m);
	kind.sock = m->sock;
	kind.mute = (row_flags(m) & DIALECT_NOTICE_TCP) != 0;
	m->place = fanout_insert(&p->fanout, &r->groups, kind, &m->to, len);
	index_put(&p->at, slot, index_hash(&p->at, &m->addr,
	    sizeof(m->addr)));
}

/* A port changed and nothing else: the fan-out does not notice. */
static void
place_port(struct peers *p, uint32_t slot, uint16_t port)
{
	struct member *m = &p->members[slot];

	m->addr.port = port;
	(void)make_dest(p, m);
	index_put(&p->at, slot, index_hash(&p->at, &m->addr,
	    sizeof(m->addr)));
}

void
peers_move(struct peers *p, uint32_t slot, struct live_where w)
{
	struct member *m = &p->members[slot];
	struct addr to = m->addr;

	to.port = w.port;
	if (m->place.group != 0 && w.port != 0 && w.sock == m->sock &&
	    w.enrolled == m->enrolled && !own_has(&p->cf.own, &to)) {
		if (w.port != m->addr.port)
			place_port(p, slot, w.port);
		return;
	}
	displace(p, slot, false);
	m->addr.port = w.port;
	m->sock = w.sock;
	m->enrolled = w.enrolled;
	place(p, slot);
}

/* Tells the other relays, and a later life of this one. */
static void
publish(struct peers *p, uint32_t slot)
{
	const struct member *m = &p->members[slot];
	struct live_where w;

	w.gen = m->gen;
	w.port = m->addr.port;
	w.sock = m->sock;
	w.enrolled = m->enrolled;
	live_set_moved(p->cf.live[p->cf.me], slot, m->moved_ms);
	live_set_where(p->cf.live[p->cf.me], slot, w);
}

void
peers_spoke(struct peers *p, uint32_t slot, uint16_t port, uint8_t sock,
    uint64_t now_ms)
{
	struct member *m = &p->members[slot];
	_Atomic uint64_t *counters = live_counters(p->cf.live[p->cf.me]);
	struct live_where w = { m->gen, m->addr.port, sock, m->enrolled };

	if (!m->registered && port != m->addr.port &&
	    (row_flags(m) & DIALECT_FIXED_PORT) == 0) {
		if (m->addr.port != 0 &&
		    now_ms < last_move(p, slot, now_ms) + PORT_GAP_MS) {
			counter_add(&counters[LC_ports_held], 1);
			return;
		}
		counter_add(&counters[LC_ports_learned], 1);
		m->moved_ms = now_ms;
		w.port = port;
	}
	if (w.port == m->addr.port && w.sock == m->sock)
		return;
	peers_move(p, slot, w);
	publish(p, slot);
}

void
peers_enrolled(struct peers *p, uint32_t slot)
{
	struct member *m = &p->members[slot];
	struct live_where w = { m->gen, m->addr.port, m->sock, true };

	if (m->enrolled)
		return;
	peers_move(p, slot, w);
	publish(p, slot);
}

/* ---- records ---- */

static void
copy_name(uint8_t *out_short, uint8_t *out_long, const uint8_t *name,
    size_t len)
{
	memcpy(len <= PEERS_NAME_INLINE ? out_short : out_long, name, len);
}

static void
open_room(struct peers *p, const struct room_info *info)
{
	struct room *r = &p->rooms[info->room];

	memset(r, 0, sizeof(*r));
	r->gen = info->gen;
	r->dialect = info->dialect;
	r->name_len = (uint8_t)info->name_len;
	copy_name(r->name, p->long_room[info->room], info->name,
	    info->name_len);
}

static void
link_member(struct peers *p, uint32_t slot)
{
	struct member *m = &p->members[slot];
	struct room *r = &p->rooms[m->room];

	m->prev = 0;
	m->next = r->first;
	if (m->next != 0)
		p->members[m->next - 1].prev = slot + 1;
	r->first = slot + 1;
	r->members++;
	p->count++;
	if (slot >= p->top)
		p->top = slot + 1;
}

static void
unlink_member(struct peers *p, uint32_t slot)
{
	struct member *m = &p->members[slot];
	struct room *r = &p->rooms[m->room];

	if (m->next != 0)
		p->members[m->next - 1].prev = m->prev;
	if (m->prev != 0)
		p->members[m->prev - 1].next = m->next;
	else
		r->first = m->next;
	r->members--;
	p->count--;
}

/* The socket of the relay that goes with the listener it came by. */
static uint8_t
first_sock(const struct peers *p, uint8_t via)
{
	return via < OCM_ADDRS_MAX ? p->cf.relay_of_rooms[via] : 0;
}

void
peers_add(struct peers *p, const struct roomtab_change *c)
{
	const struct member_info *info = &c->member;
	struct member *m = &p->members[info->slot];

	if (p->rooms[info->room].gen == 0)
		open_room(p, &c->room);
	memset(m, 0, sizeof(*m));
	m->gen = info->gen;
	m->room = info->room;
	m->joined_ms = info->joined_ms;
	m->addr = info->addr;
	m->addr.pad = 0;
	m->registered = info->addr.port != 0;
	m->is_host = info->is_host;
	m->dialect = info->dialect;
	m->sock = first_sock(p, info->via);
	memcpy(m->tag, info->tag, sizeof(m->tag));
	m->name_len = (uint16_t)info->name_len;
	copy_name(m->name, p->long_name[info->slot], info->name,
	    info->name_len);
	link_member(p, info->slot);
	index_tokenless(p, info->slot);
	place(p, info->slot);
}

void
peers_register(struct peers *p, uint32_t slot, uint16_t port)
{
	struct member *m = &p->members[slot];
	struct live_where w = { m->gen, port, m->sock, m->enrolled };

	if (port == 0 || (m->registered && m->addr.port == port))
		return;
	m->registered = true;
	peers_move(p, slot, w);
	index_tokenless(p, slot);
}

void
peers_forget(struct peers *p, uint32_t slot)
{
	struct member *m = &p->members[slot];
	const uint32_t room = m->room;

	displace(p, slot, true);
	index_remove(&p->tokenless, slot);
	unlink_member(p, slot);
	memset(m, 0, sizeof(*m));
	if (p->rooms[room].members == 0)
		p->rooms[room].gen = 0;
}
