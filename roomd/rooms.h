/* SPDX-License-Identifier: ISC */
/*
 * The rules: who may create, join, leave, close; what follows when a host is
 * gone.  The only caller of the write verbs of roomtab.  Asked by answer.c
 * for clients, by query.c for the operator and by wishes.c for the relayds.
 * When a verb has returned, its change is committed.
 */
#ifndef OCM_ROOMS_H
#define OCM_ROOMS_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl.h"
#include "dialect.h"
#include "live.h"
#include "roomtab.h"

struct rooms;

enum { ROOMS_PASSWORD_KEY = 32 };

/* Whom to tell, after the commit.  None of these may call a verb below. */
struct rooms_events {
	void	*arg;
	/* Something was committed: ring the relayds. */
	void	(*changed)(void *arg);
	void	(*joined)(void *arg, const struct member_made *);
	/* The record as it was; its room may be closed already. */
	void	(*left)(void *arg, const struct member_info *, enum ending);
	/* Comes after `left`; the members wait for rooms_reap. */
	void	(*closed)(void *arg, const struct room_info *, enum ending);
};

struct rooms_setup {
	struct roomtab		*table;
	struct seg_limits	 limits;
	struct live *const	*live;		/* limits.workers of them */
	const struct ctl_settings *settings;	/* may change while running */
	uint8_t			 password_key[ROOMS_PASSWORD_KEY];
	struct rooms_events	 events;
};

/* A TCP peer: what a token is bound to. */
struct caller {
	struct addr	addr;
	uint8_t		via;		/* index of the `rooms` listener */
};

/* A member as a connection knows it. */
struct seat_id {
	uint32_t		 room, slot, gen;
	const struct dialect	*row;		/* NULL: nobody */
};

/* What a create or join made. */
struct rooms_made {
	struct member_made	member;
	char			invites[DIALECT_INVITE_COUNT][TOKEN_TEXT];
	unsigned		invite_count;
};

/* NULL when memory is short.  The setup is copied; what it names is kept. */
struct rooms *rooms_new(const struct rooms_setup *);
void	rooms_free(struct rooms *);

/* Operation 1 or 2, as rq->op says. */
enum status rooms_enter(struct rooms *, const struct request *,
	    const struct caller *, struct rooms_made *);
/*
 * Whose token a request of operation 4 or 5 shows: ST_OK, or ST_DENIED where
 * it opens nothing, was given to another address, or where the room it names
 * (if any) is another.
 */
enum status rooms_identify(struct rooms *, const struct request *,
	    const struct caller *, struct member_info *);
/* Removes a member, and closes its room where a rule says so. */
int	rooms_remove(struct rooms *, uint32_t slot, uint32_t gen, enum ending);
/* Its UDP port, as told over TCP.  0, or -1 (ESRCH, EINVAL). */
int	rooms_set_port(struct rooms *, uint32_t slot, uint32_t gen,
	    uint16_t port);

/* The operator's verbs: NULL, or why not. */
const char *rooms_close(struct rooms *, const void *name, size_t len);
const char *rooms_kick(struct rooms *, const void *name, size_t len,
	    const void *member, size_t member_len);

/*
 * At the start: closes what is open against the rules.  No death leaves such
 * a room behind, but nobody would ever close it.
 */
void	rooms_repair(struct rooms *);
/* Frees some of the members of closed rooms; true where more wait. */
bool	rooms_reap(struct rooms *);

/* ---- reading ---- */

struct roomtab *rooms_table(struct rooms *);
const struct seg_limits *rooms_limits(const struct rooms *);
const struct live *rooms_live(const struct rooms *, uint32_t worker);
_Atomic uint64_t *rooms_counters(struct rooms *);
/*
 * The next open room from *i on, which moves: for going through all of them.
 * false where there is none.  left: rooms not yet met, roomtab_rooms() at
 * first; it ends the walk early, because looking at a record that was never
 * used makes memory of it.
 */
bool	rooms_next(struct rooms *, uint32_t *i, uint32_t *left,
	    struct room_info *);
/* Counts the rooms that came and went: changes with the list of rooms. */
uint64_t rooms_version(const struct rooms *);
/*
 * The members of a room, oldest first, without invites: an array from malloc
 * of *n slots, or NULL when memory is short.
 */
uint32_t *rooms_slots(struct rooms *, const struct room_info *, uint32_t *n);

#endif
