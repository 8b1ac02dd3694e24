/* SPDX-License-Identifier: ISC */
/*
 * Whole answers that are lists: the rooms (two forms) and the members of a
 * room.  Called by answer.c.  A list is dear to make and anybody may ask for
 * it any number of times, so it is made once and kept until it changes.
 */
#ifndef OCM_LIST_H
#define OCM_LIST_H

#include "blob.h"
#include "rooms.h"
#include "wire_tcp.h"

enum {
	/*
	 * Bytes that all answers on their way may hold together before
	 * another list is refused: readers that do not read must not fill
	 * the memory.
	 */
	LIST_TOTAL_MAX = 64 << 20,
	/* Those of members are kept from so many members on. */
	LIST_KEPT_LEAST = 256,
	LIST_KEPT_BYTES = 16 << 20,	/* together */
};

struct lists;

/*
 * op OP_PORT_OR_LIST: all rooms, state 2 and a JSON array; OP_JOIN: state 1
 * and the names joined by ','; OP_MEMBERS: {"name","host"} of each member of
 * `room`, the oldest first, where `name` is repeated as the request had it.
 */
struct list_ask {
	uint8_t			 op;
	enum codec		 codec;
	const struct room_info	*room;		/* OP_MEMBERS only */
	const void		*name;
	size_t			 name_len;
};

/* NULL when memory is short.  The rooms are kept. */
struct lists *lists_new(struct rooms *);
void	lists_free(struct lists *);
/* Somebody joined or left a room; lists of the rooms notice by themselves. */
void	lists_changed(struct lists *, uint32_t room);

/* How many entries would have to be written; 0: the list is there. */
uint32_t lists_cost(struct lists *, const struct list_ask *);
/*
 * The frame that answers, with a reference for the caller.  make false: as
 * it was when it was last made.  NULL where there is none, memory is short or
 * the codec has no such answer.
 */
struct blob *lists_get(struct lists *, const struct list_ask *, bool make);

#endif
