/* SPDX-License-Identifier: ISC */
/*
 * Who gets a copy: per room, groups of receivers that get the same bytes
 * from the same socket, and per group one dense array of prepared struct
 * mmsghdr.  A name in it points at the receiver's own socket address, every
 * iovec pointer at the group's one iovec: a copy to one more receiver costs
 * no work in user space.  The arrays are blocks of powers of two out of
 * sparse memory with free lists: nothing is allocated and nothing is short
 * as long as there are no more receivers than the limit.
 */
#ifndef RELAYD_FANOUT_H
#define RELAYD_FANOUT_H

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "net.h"

enum {
	FANOUT_CLASS_MIN = 2,		/* the smallest block has 4 entries */
	FANOUT_CLASS_MAX = 24,
};

union dest {			/* where a receiver is sent to */
	struct sockaddr		any;
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;
};

/* To whom a copy goes: the name of an entry points at the dest. */
struct receiver {
	union dest	dest;		/* first, so that it is found by that */
	uint32_t	still;		/* where still.c has it, if it does */
};

/* What all receivers of a group share. */
struct fanout_kind {
	uint8_t		form;		/* enum form */
	uint8_t		sock;		/* index of the socket */
	bool		mute;		/* notices reach them by TCP */
};

struct group {
	struct mmsghdr	*entry;		/* count of them */
	struct iovec	 iov;		/* what every entry points at */
	uint32_t	 count;
	uint32_t	 gaps;		/* entries without a name: still.h */
	uint32_t	 next;		/* group + 1, 0 is the end */
	uint8_t		 class;		/* entry has room for 2^class */
	struct fanout_kind kind;
};

/* Where a receiver is; a receiver is in one place or in none. */
struct fanout_place {
	uint32_t	group;		/* + 1, 0: in none */
	uint32_t	position;
};

struct fanout {
	struct group	*groups;
	uint32_t	 group_fresh, group_free;	/* free: group + 1 */
	struct net_control *control;	/* every entry carries it */
	struct mmsghdr	*base[FANOUT_CLASS_MAX + 1];
	uint32_t	 fresh[FANOUT_CLASS_MAX + 1];	/* blocks ever used */
	uint32_t	 free[FANOUT_CLASS_MAX + 1];	/* block + 1 */
};

/*
 * For `receivers` in all.  control, of the outlet that sends to them, says
 * in which pieces.  fatal where memory is short.
 */
void	fanout_make(struct fanout *, uint32_t receivers,
	    struct net_control *control);
/*
 * Appends a receiver to the group of that kind in the list at *list (group
 * + 1, 0 where empty), which is made if it is not there.
 */
struct fanout_place fanout_insert(struct fanout *, uint32_t *list,
	    struct fanout_kind, struct receiver *, socklen_t);
/*
 * Removes the receiver at a place; the group's last one moves there.
 * Returns the one that moved, or NULL.
 */
struct receiver *fanout_remove(struct fanout *, uint32_t *list,
	    struct fanout_place);

/* for (g = fanout_first(f, list); g != NULL; g = fanout_next(f, g)) */
static inline struct group *
fanout_first(const struct fanout *f, uint32_t list)
{
	return list == 0 ? NULL : &f->groups[list - 1];
}

static inline struct group *
fanout_next(const struct fanout *f, const struct group *g)
{
	return fanout_first(f, g->next);
}

/* Whom an entry names, as fanout_insert got it. */
static inline struct receiver *
fanout_receiver(const struct group *g, uint32_t position)
{
	return g->entry[position].msg_hdr.msg_name;
}

#endif
