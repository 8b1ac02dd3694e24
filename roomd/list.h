/* SPDX-License-Identifier: ISC */
/*
 * Whole answers that are lists: the rooms (two forms) and the members of a
 * room.  Called by answer.c.
 */
#ifndef OCM_LIST_H
#define OCM_LIST_H

#include "blob.h"
#include "rooms.h"
#include "wire_tcp.h"

/*
 * Bytes that all answers on their way may hold together before another list
 * is refused: readers that do not read must not fill the memory.
 */
enum { LIST_TOTAL_MAX = 64 << 20 };

struct lists;

/* NULL when memory is short.  The rooms are kept. */
struct lists *lists_new(struct rooms *);
void	lists_free(struct lists *);

/*
 * The frame that lists all rooms, with a reference for the caller, or NULL
 * when memory is short.  op OP_PORT_OR_LIST: state 2 and a JSON array; else
 * state 1 and the names joined by ','.  It is built once per change of the
 * list and codec.
 */
struct blob *lists_rooms(struct lists *, uint8_t op, enum codec);
/*
 * The frame that answers operation 5: {"name","host"} of each member, the
 * oldest first; `name` is repeated in it as the request had it.
 */
struct blob *lists_members(struct lists *, const struct room_info *,
	    enum codec, const void *name, size_t name_len);

#endif
