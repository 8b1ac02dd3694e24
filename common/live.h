/* SPDX-License-Identifier: ISC */
/*
 * Region L[k]: what relayd k knows of the members it hears, and what it
 * wishes roomd to do.  relayd k is its one writer; roomd and the other
 * relays map it read-only and believe nothing in it: it holds no index that
 * is used unchecked.
 */
#ifndef OCM_LIVE_H
#define OCM_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "counter.h"
#include "dialect.h"

struct live;			/* this process's handle of one region */

struct live_limits {
	uint32_t	members;	/* as roomtab_limits */
	uint32_t	lobby;		/* lobby clients */
};

/* Where a member speaks from, one atomic word in the region. */
struct live_where {
	uint32_t	gen;		/* of the member this is about */
	uint16_t	port;		/* UDP source port, 0 unknown */
	uint8_t		sock;		/* which relay socket it uses */
	bool		enrolled;	/* its registration word came */
};

struct live_lobby {			/* one lobby client */
	struct addr	addr;
	uint64_t	last_ms;	/* clock_ms(), 0: free */
	uint8_t		sock;
};

/*
 * The flight recorder: what relayd had in hand when it died.  Who sent a
 * datagram is written down only once token, room and address agree, so that
 * no forged source is ever blamed.
 */
enum { LIVE_FLIGHTS = 16, LIVE_DEATHS = 64 };
enum live_sender { SENDER_UNKNOWN, SENDER_MEMBER, SENDER_LOBBY };

struct live_flight {
	enum live_sender sender;
	uint32_t	slot, gen;	/* of a member */
	uint16_t	len;		/* bytes of the datagram */
	bool		in_hand;	/* taken, and not done */
};

size_t	live_size(const struct live_limits *);		/* whole pages */
/*
 * A handle of a region of live_size() bytes, which need no formatting: zeros
 * mean nothing known.  NULL when memory is short.
 */
struct live *live_open(void *area, const struct live_limits *);
void	live_close(struct live *);

/* ---- the owner's verbs; slot < limits.members ---- */
void	live_set_where(struct live *, uint32_t slot, struct live_where);
void	live_set_seen(struct live *, uint32_t slot, uint64_t now_ms);
/* When the port in `where` came in place of another one. */
void	live_set_moved(struct live *, uint32_t slot, uint64_t now_ms);
/* The time in microseconds at which its burst of messages is whole again. */
void	live_set_spent(struct live *, uint32_t slot, uint32_t gen,
	    uint64_t us);
/* Asks roomd to remove a member; appends to the wish ring. */
void	live_wish(struct live *, uint32_t slot, uint32_t gen, enum ending);
_Atomic uint64_t *live_counters(struct live *);
/* index < limits.lobby; last_ms == 0 frees. */
void	live_set_lobby(struct live *, uint32_t index,
	    const struct live_lobby *);
void	live_set_lobby_seen(struct live *, uint32_t index, uint64_t now_ms);

/*
 * A datagram of len bytes is taken in hand, of unknown sender or from the
 * lobby; it turns out to be a member's; it is done with.  A few nanoseconds
 * in all, about which relayd's hot path cares.  What is taken while something
 * else is in hand goes before it: then that is in hand again.
 */
void	live_take(struct live *, enum live_sender, size_t len);
void	live_take_of(struct live *, uint32_t slot, uint32_t gen);
void	live_done(struct live *);
/*
 * A new life, before it takes anything: what the last one left in hand,
 * which is put down; false where that is nothing.
 */
bool	live_left_in_hand(struct live *, struct live_flight *);
/* A death over a member's datagram, for live_deaths of any relay. */
void	live_add_death(struct live *, uint32_t slot, uint32_t gen,
	    uint64_t now_ms);

/* ---- anybody's; out of range gives zeros ---- */
struct live_where live_where(const struct live *, uint32_t slot);
uint64_t live_seen(const struct live *, uint32_t slot);
uint64_t live_moved(const struct live *, uint32_t slot);
/* 0 unless it is about generation gen. */
uint64_t live_spent(const struct live *, uint32_t slot, uint32_t gen);
uint64_t live_counter(const struct live *, unsigned which);
bool	live_lobby(const struct live *, uint32_t index, struct live_lobby *);
/* Deaths over datagrams of that member since a time; LIVE_DEATHS are kept. */
unsigned live_deaths(const struct live *, uint32_t slot, uint32_t gen,
	    uint64_t since_ms);
/* Changes of `where`, for the other relays: as the ring of wishes below. */
uint32_t live_moved_head(const struct live *);
/*
 * The next slot whose `where` changed, from *tail on; ROOMTAB_NONE where
 * there is none.  *overflow: entries were lost, look at every slot.
 */
uint32_t live_next_moved(const struct live *, uint32_t *tail, bool *overflow);

/*
 * roomd: the next wish from *tail on.  Returns false where there is none.
 * *overflow: entries were lost, look at every slot with live_wish_of.
 */
bool	live_next_wish(const struct live *, uint32_t *tail, uint32_t *slot,
	    bool *overflow);
/* The wish of a slot: END_NONE unless it is about generation gen. */
enum ending live_wish_of(const struct live *, uint32_t slot, uint32_t gen);

#endif
