/* SPDX-License-Identifier: ISC */
/*
 * How the private snapshot follows the shared memory (see peers.h): the ring
 * of changes of region R, a scan of all of it at start and after a ring that
 * overflowed, and the rings of moves of the other relays.
 */
#include <errno.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "peers.h"
#include "peers_private.h"

/*
 * The rings are other processes': whatever they write, one refresh ends.
 */
enum {
	RETRY_MS = 20,		/* after a table that could not be read */
	ROUNDS = 256,		/* of PEERS_CHANGES changes */
	MOVES = 16384,		/* of one relay */
};

void
peers_follow_start(struct peers *p)
{
	uint32_t k;

	/* Before the scan: what changes during it is looked at again. */
	p->tail = roomtab_change_head(p->cf.tab);
	for (k = 0; k < p->cf.workers; k++)
		p->moved[k] = live_moved_head(p->cf.live[k]);
}

/* ---- where a member was heard, by any relay ---- */

/* The newest word of the relays about where a member is. */
static bool
heard_at(const struct peers *p, uint32_t slot, uint32_t gen,
    struct live_where *out)
{
	struct live_where w;
	uint64_t seen, best = 0;
	bool found = false;
	uint32_t k;

	for (k = 0; k < p->cf.workers; k++) {
		w = live_where(p->cf.live[k], slot);
		seen = live_seen(p->cf.live[k], slot);
		if (w.gen != gen || w.sock >= p->cf.socks ||
		    (found && seen < best))
			continue;
		*out = w;
		best = seen;
		found = true;
	}
	return found;
}

static void
adopt(struct peers *p, uint32_t slot, struct live_where w)
{
	const struct member *m = &p->members[slot];

	/* A word about nobody fits a slot that is empty, and means nothing. */
	if (m->gen == 0 || m->gen != w.gen || w.sock >= p->cf.socks)
		return;
	if (m->registered || w.port == 0)
		w.port = m->addr.port;
	w.enrolled = w.enrolled || m->enrolled;
	peers_move(p, slot, w);
}

static void
follow_moves_of(struct peers *p, uint32_t k)
{
	const struct live *l = p->cf.live[k];
	bool overflow = false;
	uint32_t s;
	int i;

	for (i = 0; i < MOVES; i++) {
		s = live_next_moved(l, &p->moved[k], &overflow);
		if (overflow)
			break;
		if (s == ROOMTAB_NONE)
			return;
		if (s < p->cf.limits.members)
			adopt(p, s, live_where(l, s));
	}
	/* Once in a turn, however fast its writer runs ahead. */
	for (s = 0; overflow && s < p->top; s++)
		adopt(p, s, live_where(l, s));
}

static void
follow_moves(struct peers *p)
{
	uint32_t k;

	for (k = 0; k < p->cf.workers; k++)
		if (k != p->cf.me &&
		    live_moved_head(p->cf.live[k]) != p->moved[k])
			follow_moves_of(p, k);
}

/* ---- one change ---- */

static void
close_room(struct peers *p, uint32_t room, enum ending why)
{
	struct room *r = &p->rooms[room];
	const struct peers_events *ev = &p->cf.events;

	/* The reason is lost where the record is in use again. */
	if (why == END_NONE)
		why = END_HOST_LEFT;
	if (ev->closing != NULL)
		ev->closing(ev->ctx, room, why);
	while (r->first != 0)
		peers_forget(p, r->first - 1);
}

static void
apply_room(struct peers *p, const struct roomtab_change *c)
{
	if (c->index >= p->cf.limits.rooms || p->rooms[c->index].gen == 0)
		return;
	if (!c->live)
		close_room(p, c->index, c->room.ending);
	else if (c->room.gen != p->rooms[c->index].gen)
		close_room(p, c->index, END_NONE);
}

static void
apply_gone(struct peers *p, uint32_t slot, enum ending why)
{
	const struct peers_events *ev = &p->cf.events;

	if (ev->leaving != NULL)
		ev->leaving(ev->ctx, slot, why);
	peers_forget(p, slot);
}

static void
apply_new(struct peers *p, const struct roomtab_change *c)
{
	const struct peers_events *ev = &p->cf.events;
	const struct room *r = &p->rooms[c->member.room];
	struct live_where w;

	if (r->gen != 0 && r->gen != c->member.room_gen)
		close_room(p, c->member.room, END_NONE);
	peers_add(p, c);
	if (!MUTANT(forget_ports) &&
	    heard_at(p, c->index, c->member.gen, &w))
		adopt(p, c->index, w);
	if (ev->added != NULL)
		ev->added(ev->ctx, c->index, p->started);
}

/* Region R is another process's: nothing in it is taken on trust. */
static bool
believable(const struct peers *p, const struct roomtab_change *c)
{
	return c->live && (c->member.gen & 1) != 0 &&
	    (c->member.room_gen & 1) != 0 && c->member.slot == c->index &&
	    c->member.room < p->cf.limits.rooms &&
	    c->room.room == c->member.room &&
	    c->room.gen == c->member.room_gen &&
	    c->room.name_len >= 1 && c->room.name_len <= NAME_MAX_BYTES &&
	    c->member.name_len <= NAME_MAX_BYTES;
}

static void
apply_member(struct peers *p, const struct roomtab_change *c)
{
	struct member *m;
	bool live;

	if (c->index >= p->cf.limits.members)
		return;
	m = &p->members[c->index];
	live = believable(p, c);
	/* A live record in a room that closes: the room's change follows. */
	if (!live && m->gen != 0 && c->member.gen == m->gen)
		return;
	if (m->gen != 0 && (!live || c->member.gen != m->gen))
		apply_gone(p, c->index, live ? END_LEFT : c->member.ending);
	if (!live)
		return;
	if (m->gen == 0)
		apply_new(p, c);
	else
		peers_register(p, c->index, c->member.addr.port);
	m->is_host = c->member.is_host;
	m->stamp = p->stamp;
	p->rooms[m->room].stamp = p->stamp;
}

static void
apply(struct peers *p, const struct roomtab_change *c, int n)
{
	for (; n > 0; n--, c++) {
		if (c->is_room)
			apply_room(p, c);
		else
			apply_member(p, c);
	}
}

/* ---- all changes ---- */

/* After a scan: what it did not see is gone. */
static void
sweep(struct peers *p)
{
	const struct member *m;
	uint32_t s;

	for (s = 0; s < p->top; s++) {
		m = &p->members[s];
		if (m->gen == 0 || m->stamp == p->stamp)
			continue;
		if (p->rooms[m->room].stamp != p->stamp)
			close_room(p, m->room, END_HOST_LEFT);
		else
			apply_gone(p, s, END_LEFT);
	}
}

static int
scan(struct peers *p, unsigned tries)
{
	int n;

	while (p->scan_slot < p->cf.limits.members) {
		n = roomtab_scan(p->cf.tab, &p->scan_slot, p->changes,
		    PEERS_CHANGES, tries);
		if (n == -1)
			return -1;
		apply(p, p->changes, n);
	}
	sweep(p);
	p->scanning = false;
	p->started = true;
	counter_add(&live_counters(p->cf.live[p->cf.me])[LC_table_scans], 1);
	return 0;
}

static void
scan_again(struct peers *p)
{
	log_info("more changes than the ring holds: reading all of the table");
	p->scanning = true;
	p->scan_slot = 0;
	p->stamp++;
}

static int
follow_changes(struct peers *p, unsigned tries)
{
	int n, i;

	for (i = 0; i < ROUNDS && p->tail != roomtab_change_head(p->cf.tab);
	    i++) {
		n = roomtab_changes(p->cf.tab, &p->tail, p->changes,
		    PEERS_CHANGES, tries);
		if (n == -1 && errno == EOVERFLOW) {
			/* Once in a turn; what comes then is the next one's. */
			scan_again(p);
			return scan(p, tries);
		}
		if (n == -1)
			return -1;
		apply(p, p->changes, n);
	}
	return 0;
}

int
peers_refresh(struct peers *p, uint64_t now_ms, unsigned tries)
{
	int rc = 0;

	/* First: who is told of a change is told where it was last heard. */
	follow_moves(p);
	if (p->scanning || p->tail != roomtab_change_head(p->cf.tab)) {
		if (now_ms < p->retry_ms)
			return -1;
		p->retry_ms = 0;
		if (p->scanning)
			rc = scan(p, tries);
		if (rc == 0)
			rc = follow_changes(p, tries);
		p->misses = rc == -1 ? p->misses + 1 : 0;
		if (rc == -1)
			p->retry_ms = now_ms + RETRY_MS;
	}
	return rc;
}

int
peers_wait(const struct peers *p, uint64_t now_ms)
{
	if (p->retry_ms == 0)
		return p->tail == roomtab_change_head(p->cf.tab) ? -1 : 0;
	return p->retry_ms <= now_ms ? 0 : (int)(p->retry_ms - now_ms);
}

enum peers_answer
peers_check(struct peers *p, uint32_t slot, uint64_t now_ms)
{
	const struct member *m = &p->members[slot];
	uint32_t gen = roomtab_member_gen(p->cf.tab, slot);

	if (gen != m->gen && (gen & 1) != 0 &&
	    peers_refresh(p, now_ms, 1) == -1)
		return PEERS_STALE;
	return m->gen != 0 && gen == m->gen ? PEERS_LIVE : PEERS_DEAD;
}
