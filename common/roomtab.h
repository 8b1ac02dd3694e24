/* SPDX-License-Identifier: ISC */
/*
 * Region R: rooms, members and tags of tokens (README, "The lock").
 * roomd is its one writer; relayd maps it read-only and believes nothing in
 * it.  Only roomtab.c and its private header know the layout.  Every write
 * verb is one transaction: it takes the lock, changes words behind an undo
 * journal, commits with one store and releases; when it has returned, the
 * change outlives any process.
 */
#ifndef OCM_ROOMTAB_H
#define OCM_ROOMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "dialect.h"
#include "shmlock.h"
#include "token.h"
#include "wire.h"

#define ROOMTAB_NONE UINT32_MAX

struct roomtab;			/* this process's handle */

struct roomtab_limits {
	uint32_t	rooms;		/* 1..1048576 */
	uint32_t	members;	/* 1..8388608; invites count */
};

enum {
	ROOMTAB_HASH_KEY = 16,
	ROOMTAB_PASSWORD = 32,
	ROOMTAB_INVITES = 16,		/* at most, made with a room */
};

/*
 * Copies of records, checked: every index in them is in range, and a name is
 * valid, with U+FFFD for what may not be in one.
 */
struct room_info {
	uint32_t	room;		/* its index */
	uint32_t	gen;		/* odd while open */
	uint32_t	members;
	uint32_t	host;		/* slot, or ROOMTAB_NONE */
	uint32_t	first;		/* first member's slot, or _NONE */
	uint64_t	created_ms;	/* clock_ms() */
	bool		has_password;
	uint8_t		dialect;
	enum ending	ending;		/* why it closed */
	size_t		name_len;
	uint8_t		name[NAME_MAX_BYTES + 1];
};

struct member_info {
	uint32_t	slot;
	uint32_t	gen;		/* odd while live */
	uint32_t	room;
	uint32_t	room_gen;
	uint32_t	next;		/* in its room, or ROOMTAB_NONE */
	uint64_t	joined_ms;	/* clock_ms() */
	bool		is_host;
	bool		is_invite;	/* a token for one join, not a member */
	uint8_t		dialect;
	uint8_t		via;		/* which `rooms` listener it came by */
	struct addr	addr;		/* of its TCP peer; port: registered
					   UDP port, or 0: learned */
	enum ending	ending;		/* of the slot's last life */
	uint8_t		tag[TOKEN_TAG];
	size_t		name_len;
	uint8_t		name[NAME_MAX_BYTES + 1];
};

/* What roomd asks for. */
struct member_new {
	const void	*name;
	size_t		 name_len;
	struct addr	 addr;		/* with registered UDP port or 0 */
	uint8_t		 dialect;
	uint8_t		 via;
	bool		 short_token;
	uint64_t	 now_ms;
};

/* What it gets. */
struct member_made {
	uint32_t	room, slot, gen;
	char		token[TOKEN_TEXT];	/* no NUL */
	size_t		token_len;
	char		name[NAME_MAX_BYTES + 1];	/* as made unique */
	size_t		name_len;
};

size_t	roomtab_size(const struct roomtab_limits *);	/* whole pages */
/* ocmd, once, on zeroed memory of roomtab_size() bytes. */
void	roomtab_format(void *, const struct roomtab_limits *);

/*
 * The writer's handle (roomd) and the reader's (relayd; region mapped
 * read-only).  The keys are copied; bucket_key only the writer has.
 * NULL with errno when memory is short or the region's limits are not these.
 */
struct roomtab *roomtab_open(void *, const struct roomtab_limits *,
	    struct shmlock *, const uint8_t bucket_key[ROOMTAB_HASH_KEY],
	    const uint8_t token_key[TOKEN_KEY]);
struct roomtab *roomtab_open_reader(const void *,
	    const struct roomtab_limits *, struct shmlock *);
void	roomtab_close_handle(struct roomtab *);

/*
 * The writer, before it serves: undoes what a dead predecessor left half
 * done, then checks that every room, member and free record is reachable
 * exactly once.  Returns 1 if something was undone, 0 if nothing was, -1 if
 * the table is beyond repair (the caller must not serve).
 */
int	roomtab_recover(struct roomtab *);

/* ---- write verbs: roomd only, each one transaction ---- */

/*
 * A room with its host and n invites (at most ROOMTAB_INVITES), all in one
 * transaction: all or nothing.  password: keyed hash of ROOMTAB_PASSWORD
 * bytes, or NULL.  An invite's name is empty.
 * ST_OK, ST_EXISTS, or ST_UNABLE (full, or the lock cannot be had).
 */
enum status roomtab_create(struct roomtab *, const void *name, size_t len,
	    const uint8_t *password, const struct member_new *,
	    struct member_made *, struct member_made *invites, uint32_t n);
/* ST_OK, ST_NO_ROOM (closed meanwhile), ST_UNABLE (full, max_members). */
enum status roomtab_join(struct roomtab *, uint32_t room,
	    uint32_t max_members, const struct member_new *,
	    struct member_made *);
/*
 * Spends an invite and joins with it, in one transaction.  The invite's room
 * is used.  ST_DENIED where slot and gen are no live invite.
 */
enum status roomtab_join_invite(struct roomtab *, uint32_t slot, uint32_t gen,
	    uint32_t max_members, const struct member_new *,
	    struct member_made *);
/*
 * Removes a member (or invite).  0, or -1 (ESRCH) where slot and gen are not
 * live.  Never closes the room: that is a rule, and rules are roomd's.
 */
int	roomtab_remove(struct roomtab *, uint32_t slot, uint32_t gen,
	    enum ending);
/*
 * The same, and its room is closed for `room_why`, in one transaction: for a
 * host that takes its room along, and for the last one.
 */
int	roomtab_remove_and_close(struct roomtab *, uint32_t slot,
	    uint32_t gen, enum ending why, enum ending room_why);
/*
 * Closes a room: one transaction of a few words, after which its name is
 * free, its tokens are dead, and its members wait for roomtab_reap.
 */
int	roomtab_close(struct roomtab *, uint32_t room, uint32_t gen,
	    enum ending);
/*
 * Frees at most 64 members of closed rooms, and rooms that have none left.
 * Returns whether there is more to do.
 */
bool	roomtab_reap(struct roomtab *);
int	roomtab_set_port(struct roomtab *, uint32_t slot, uint32_t gen,
	    uint16_t port);

/* ---- reading, by the writer (needs no lock) ---- */

uint32_t roomtab_find(struct roomtab *, const void *name, size_t len);
/* false where room is out of range or not open. */
bool	roomtab_room(struct roomtab *, uint32_t room, struct room_info *);
/* false where slot is out of range or not live, or its room is not open. */
bool	roomtab_member(struct roomtab *, uint32_t slot, struct member_info *);
/* The member whose name in a room this is, or ROOMTAB_NONE. */
uint32_t roomtab_find_member(struct roomtab *, uint32_t room,
	    const void *name, size_t len);
/* The live slot whose token this text is, or ROOMTAB_NONE. */
uint32_t roomtab_find_token(struct roomtab *, const void *text, size_t len);
bool	roomtab_password_ok(struct roomtab *, uint32_t room,
	    const uint8_t *password);
uint32_t roomtab_rooms(const struct roomtab *);		/* open rooms */
uint32_t roomtab_members(const struct roomtab *);	/* live members */

/* ---- reading, by relayd: hostile and concurrent input ---- */

/*
 * The generation of a slot, one acquire load: even free, odd live.  Out of
 * range: 0.
 */
uint32_t roomtab_member_gen(const struct roomtab *, uint32_t slot);

/*
 * What changed: roomd appends one entry per change before it commits.
 * A reader keeps its own tail and compares it with the head, one load.
 */
uint32_t roomtab_change_head(const struct roomtab *);

struct roomtab_change {
	bool			is_room;	/* a room closed */
	bool			live;		/* record below is live */
	uint32_t		index;		/* slot or room */
	struct member_info	member;		/* valid where !is_room && live;
						   otherwise only gen, ending */
	struct room_info	room;		/* of the member, or the room */
};
/*
 * Copies up to max changes from *tail on, under the lock (waiting for it at
 * most `tries` times 5 ms), and moves *tail.  Returns how many, or -1:
 *   EAGAIN     the lock is not to be had or a transaction is half done (its
 *              writer died): keep serving from what is known, try later
 *   EOVERFLOW  more happened than the ring holds: *tail is now the head;
 *              scan everything
 */
int	roomtab_changes(struct roomtab *, uint32_t *tail,
	    struct roomtab_change *, int max, unsigned tries);
/*
 * Copies the live members among the slots from *slot on, at most max, and
 * moves *slot; done when *slot == limits.members.  Under the lock, as above.
 */
int	roomtab_scan(struct roomtab *, uint32_t *slot,
	    struct roomtab_change *, int max, unsigned tries);

/* roomd's counters, which live in R so that they outlive it. */
_Atomic uint64_t *roomtab_counters(struct roomtab *);
uint64_t roomtab_counter(const struct roomtab *, unsigned which);

#endif
