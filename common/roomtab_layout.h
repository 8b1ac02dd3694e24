/* SPDX-License-Identifier: ISC */
/*
 * The layout of region R, private to the roomtab_*.c files.
 *
 * Everything from `j` on is changed only through tx_store(), word by word,
 * so that it can be undone.  A link is an index + 1, and 0 is none: zeroed
 * memory is an empty table, and a page is touched only when it is used.
 */
#ifndef OCM_ROOMTAB_LAYOUT_H
#define OCM_ROOMTAB_LAYOUT_H

#include <stdatomic.h>

#include "counter.h"
#include "roomtab.h"

enum {
	ROOMTAB_MAGIC = 0x6f636d52,
	CHANGE_RING = 4096,		/* power of two */
	JOURNAL_MAX = 4096,		/* words one transaction may change */
	REAP_CHUNK = 64,		/* members freed per transaction */
	NAME_WORDS = 64,		/* 255 bytes and a spare one */
	SHORT_WORDS = 8,		/* names up to 32 bytes lie inline */
	TAG_WORDS = TOKEN_TAG / 4,
};
#define CHANGE_IS_ROOM UINT32_C(0x80000000)

enum member_kind { KIND_MEMBER = 1, KIND_INVITE = 2 };

struct room_rec {
	uint32_t	link;		/* next in bucket, free or reap list */
	uint32_t	first;		/* its members and invites */
	uint32_t	members;	/* without the invites */
	uint32_t	host;		/* link to a member */
	uint32_t	created[2];	/* clock_ms(): low, high */
	uint32_t	flags;		/* dialect 8, ending 8, password 1 */
	uint32_t	name_len;
	uint32_t	password[ROOMTAB_PASSWORD / 4];
	uint32_t	name[NAME_WORDS];
};

struct member_rec {
	uint32_t	link;		/* next in bucket or free list */
	uint32_t	room;
	uint32_t	next, prev;	/* in the room */
	uint32_t	joined[2];	/* clock_ms(): low, high */
	uint32_t	flags;		/* dialect 8, via 8, ending 8, kind 8 */
	uint32_t	name_len;
	uint32_t	ip[4];
	uint32_t	scope;
	uint32_t	port;
	uint32_t	tag[TAG_WORDS];
	uint32_t	name[SHORT_WORDS];	/* if name_len <= 32 */
};

struct long_name {
	uint32_t	words[NAME_WORDS];
};

struct journal_entry {
	uint32_t	word;		/* of the region, from its start */
	uint32_t	old;
};

struct roomtab_area {
	uint32_t		magic;
	uint32_t		rooms, members;		/* as formatted */
	_Atomic uint32_t	seq;		/* odd: being changed */
	_Atomic uint32_t	jact;	/* the entries below are armed */
	_Atomic uint32_t	jn;		/* how many */
	_Atomic uint32_t	head;		/* changes ever announced */
	_Atomic uint32_t	ring[CHANGE_RING];
	_Atomic uint64_t	counters[RC_COUNT];
	struct journal_entry	journal[JOURNAL_MAX];
	struct {			/* journalled from here to the end */
		uint32_t	room_free, room_fresh;
		uint32_t	member_free, member_fresh;
		uint32_t	reap;		/* closed rooms with members */
		uint32_t	rooms, members;	/* open; live in open rooms */
	} j;
	/* room_gen[], member_gen[], buckets and records: see struct roomtab */
};

/* Where the arrays lie, as byte offsets. */
struct roomtab_shape {
	size_t		room_gen, member_gen;
	size_t		room_bucket, member_bucket;
	size_t		room, member, long_name;
	size_t		size;			/* of all, whole pages */
	uint32_t	room_mask, member_mask;	/* buckets - 1 */
};

struct roomtab {
	struct roomtab_area	*a;
	struct roomtab_limits	 lim;		/* ours, not the region's */
	struct roomtab_shape	 shape;
	struct shmlock		*lock;
	_Atomic uint32_t	*room_gen, *member_gen;	/* even: free */
	uint32_t		*room_bucket, *member_bucket;
	struct room_rec		*room;
	struct member_rec	*member;
	struct long_name	*long_name;
	uint8_t			 bucket_key[ROOMTAB_HASH_KEY];
	uint8_t			 token_key[TOKEN_KEY];
};

/* roomtab_tx.c: the journal. */
int	tx_begin(struct roomtab *);	/* takes the lock; -1: not to be had */
void	tx_store(struct roomtab *, uint32_t *word, uint32_t value);
void	tx_store_gen(struct roomtab *, _Atomic uint32_t *, uint32_t value);
/* Copies len bytes, padded with zeros to whole words. */
void	tx_store_bytes(struct roomtab *, uint32_t *, const void *, size_t len);
void	tx_announce(struct roomtab *, uint32_t change);
void	tx_commit(struct roomtab *);	/* and releases */

/* roomtab_end.c, for an invite that is spent. */
void	tx_drop_member(struct roomtab *, uint32_t slot, enum ending);

/* roomtab.c: what the writer and the reader share. */
uint32_t room_bucket_of(const struct roomtab *, const void *, size_t len);
uint32_t member_bucket_of(const struct roomtab *, uint32_t room, const void *,
	    size_t len);
/* Copies a record and checks the copy; false where it cannot be true. */
bool	copy_room(const struct roomtab *, uint32_t room, struct room_info *);
bool	copy_member(const struct roomtab *, uint32_t slot,
	    struct member_info *);
const void *member_name(const struct roomtab *, uint32_t slot);
uint32_t room_gen_of(const struct roomtab *, uint32_t room);

static inline bool
room_open(const struct roomtab *t, uint32_t room)
{
	return room < t->lim.rooms && room < t->a->j.room_fresh &&
	    (room_gen_of(t, room) & 1) != 0;
}

static inline bool
slot_live(const struct roomtab *t, uint32_t slot, uint32_t gen)
{
	return slot < t->lim.members && slot < t->a->j.member_fresh &&
	    (gen & 1) != 0 && roomtab_member_gen(t, slot) == gen &&
	    room_open(t, t->member[slot].room);
}

static inline unsigned
flag_byte(uint32_t flags, unsigned n)
{
	return flags >> (8 * n) & 0xff;
}

#endif
