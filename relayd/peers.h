/* SPDX-License-Identifier: ISC */
/*
 * relayd's private snapshot: every member and room it serves, where each
 * member is sent to, and the prepared fan-out of each room.  It follows
 * region R change by change and the other relays' regions move by move, and
 * keeps serving from what it knows when they cannot be read.
 */
#ifndef RELAYD_PEERS_H
#define RELAYD_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "ctl.h"
#include "dialect.h"
#include "fanout.h"
#include "index.h"
#include "live.h"
#include "own.h"
#include "roomtab.h"
#include "seg.h"

enum { PEERS_NAME_INLINE = 32 };	/* longer names lie elsewhere */

struct member {
	struct receiver	to;		/* an entry of the fan-out names it */
	uint32_t	gen;		/* 0: nobody here */
	uint8_t		tag[TOKEN_TAG];
	struct addr	addr;		/* port: where it is, or 0 */
	uint64_t	joined_ms;
	uint64_t	seen_ms;	/* last good datagram, within 100 ms */
	uint64_t	moved_ms;	/* when its port changed here */
	uint64_t	refused_ms;	/* first of the unreachable answers */
	struct fanout_place place;
	uint32_t	room;
	uint32_t	next, prev;	/* in its room: slot + 1, 0 none */
	uint32_t	stamp;		/* of the scan that saw it last */
	uint16_t	name_len;
	uint8_t		dialect;	/* row */
	uint8_t		sock;		/* relay socket it is sent from */
	uint8_t		refused;	/* unreachable answers in a row */
	uint8_t		wished;		/* enum ending asked of roomd */
	bool		registered;	/* its port came over TCP */
	bool		enrolled;	/* its registration word came */
	bool		is_host;
	bool		named;		/* a pending notice speaks of it */
	uint8_t		name[PEERS_NAME_INLINE];
};

struct room {
	uint32_t	gen;		/* 0: not open */
	uint32_t	members;
	uint32_t	first;		/* member's slot + 1, 0 none */
	uint32_t	groups;		/* list head of the fan-out */
	uint32_t	portless;	/* members with nowhere to send to */
	uint32_t	stamp;
	uint8_t		dialect;	/* of who made it */
	uint8_t		name_len;
	uint8_t		name[PEERS_NAME_INLINE];
};

/* What a change means for whoever speaks to members; ctx first. */
struct peers_events {
	void	*ctx;
	/* is_new: joined now, not found at start */
	void	(*added)(void *, uint32_t slot, bool is_new);
	/* before one member is forgotten; its room stays */
	void	(*leaving)(void *, uint32_t slot, enum ending);
	/* before a room and all its members are forgotten */
	void	(*closing)(void *, uint32_t room, enum ending);
	/* before who may have spoken gets or leaves a place in the fan-out */
	void	(*moving)(void *, uint32_t room, const struct receiver *,
		    bool for_good);
};

struct peers_config {
	struct roomtab_limits	 limits;
	struct roomtab		*tab;		/* reader */
	struct live		*live[OCM_WORKERS_MAX];
	uint32_t		 workers, me;
	uint32_t		 socks;		/* relay sockets */
	int			 family[OCM_ADDRS_MAX];
	uint8_t			 relay_of_rooms[OCM_ADDRS_MAX];
	struct net_control	*control;	/* of the outlet */
	struct own		 own;
	struct peers_events	 events;
};

enum { PEERS_CHANGES = 64 };		/* copied under one lock */

struct peers {
	struct peers_config	 cf;
	struct member		*members;
	struct room		*rooms;
	uint8_t			(*long_name)[NAME_MAX_BYTES];
	uint8_t			(*long_room)[NAME_MAX_BYTES];
	uint32_t		 count;		/* members */
	uint32_t		 top;		/* slots ever used */
	struct fanout		 fanout;
	struct index		 at;		/* by where a member is */
	struct index		 tokenless;	/* who may speak without one */
	uint32_t		 tail;		/* in the ring of changes */
	uint32_t		 moved[OCM_WORKERS_MAX];
	uint64_t		 retry_ms;	/* not readable until then */
	unsigned		 misses;	/* refreshes failed in a row */
	bool			 scanning;
	bool			 started;	/* the first scan is over */
	uint32_t		 scan_slot;
	uint32_t		 stamp;
	struct roomtab_change	 changes[PEERS_CHANGES];
};

/* Makes the tables.  fatal where memory is short. */
void	peers_make(struct peers *, const struct peers_config *);
/*
 * Takes what changed since, if anything did: two loads where nothing did.
 * tries: waits of 5 ms for the lock.  0, or -1 when the table cannot be read
 * just now: what is known goes on being served.
 */
int	peers_refresh(struct peers *, uint64_t now_ms, unsigned tries);
/* Milliseconds until a refresh is worth while, -1: there is nothing new. */
int	peers_wait(const struct peers *, uint64_t now_ms);

enum peers_answer {
	PEERS_LIVE,		/* the copy is of the slot's present life */
	PEERS_DEAD,
	PEERS_STALE,		/* it changed and could not be read */
};
/* Whether the copy of a slot (below the limit) is up to date. */
enum peers_answer peers_check(struct peers *, uint32_t slot, uint64_t now_ms);

/*
 * The member who may speak without a token from there in that room: of
 * several, who came last, since that is what its client knows of.
 */
uint32_t peers_bare(const struct peers *, const struct addr *,
	    const void *room, size_t len);
/* Whether a member who speaks in JSON datagrams is at that host. */
bool	peers_json_host(const struct peers *, const struct addr *);
/*
 * A member that is sent to there.  Who was named last comes last, so that
 * several behind one address and port take turns.
 */
uint32_t peers_at(struct peers *, const struct addr *);

/*
 * It spoke from there: what the rules of ports make of it, told to the other
 * relays.  Counts ports_learned and ports_held.
 */
void	peers_spoke(struct peers *, uint32_t slot, uint16_t port, uint8_t sock,
	    uint64_t now_ms);
/* Its registration word came. */
void	peers_enrolled(struct peers *, uint32_t slot);
/* The newest good datagram of a member at any relay, 0: none. */
uint64_t peers_seen(const struct peers *, uint32_t slot);
/*
 * The time in microseconds at which its burst of messages is whole again,
 * whichever relays it speaks to; and that it said something more.  What
 * another relay says beyond `most` is not believed.
 */
uint64_t peers_whole_us(const struct peers *, uint32_t slot, uint64_t most);
void	peers_spent(struct peers *, uint32_t slot, uint64_t whole_us);

enum form peers_form(const struct member *);
const uint8_t *peers_name(const struct peers *, uint32_t slot);
const uint8_t *peers_room_name(const struct peers *, uint32_t room);
/* Whose slot this is of. */
uint32_t peers_slot_of(const struct peers *, const struct receiver *);

/* for (s = r->first; s != 0; s = p->members[s - 1].next) */

#endif
