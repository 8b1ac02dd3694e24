/* SPDX-License-Identifier: ISC */
/*
 * A batch of datagrams as recvmmsg gave them.  One buffer may hold several
 * of one size from one source, where the socket asked for bundles; each is
 * large enough that nothing is cut, so that what is too long is noticed.
 */
#ifndef RELAYD_INBOX_H
#define RELAYD_INBOX_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "addr.h"
#include "fanout.h"
#include "net.h"

enum { INBOX_BATCH = 64, INBOX_BUFFER = 65536 };

struct inbox {
	int		count;		/* in it now */
	struct mmsghdr	msg[INBOX_BATCH];
	struct iovec	iov[INBOX_BATCH];
	union dest	from[INBOX_BATCH];
	struct net_control control[INBOX_BATCH];
	uint8_t		*bytes;		/* INBOX_BUFFER each, sparse */
};

/* A datagram of the batch, and where the next one begins; starts as zeros. */
struct inbox_item {
	const uint8_t	*p;
	size_t		 len;
	struct addr	 from;
	int		 msg;
	size_t		 at, size;
	unsigned	 refused;	/* of its bundle, in a row */
	unsigned	 idle;		/* the same, of what changed nothing */
	/* One of its bundle, and who said it: a repetition is quickly seen. */
	const uint8_t	*said;		/* or NULL */
	size_t		 said_len, head;
	uint32_t	 slot;
	bool		 alone;
};

/* fatal where memory is short. */
void	inbox_make(struct inbox *);
/* Takes what waits in a socket: how many buffers, or -1 with errno. */
int	inbox_receive(struct inbox *, int fd);
/*
 * The next datagram, false after the last one.  Those whose source has no
 * address are passed over.
 */
bool	inbox_next(const struct inbox *, struct inbox_item *);
/*
 * The datagram was dropped; inbox_accept: it was not.  After a few such in a
 * row the rest of their bundle is passed over: one call of a sender must not
 * cost the relay more than it costs him.  Returns how many datagrams that is,
 * mostly 0.
 */
unsigned inbox_refuse(const struct inbox *, struct inbox_item *);
/*
 * The same in place of inbox_accept for one of which nothing comes, nor did
 * of another one of that member: there may be more of these in a row.
 */
unsigned inbox_tire(const struct inbox *, struct inbox_item *);
/*
 * The first `head` bytes of this datagram said who speaks; inbox_repeats:
 * another one of its bundle is as long and has the same.
 */
void	inbox_remember(struct inbox_item *, size_t head, uint32_t slot,
	    bool alone);
static inline bool
inbox_repeats(const struct inbox_item *it)
{
	return it->said != NULL && it->len == it->said_len &&
	    memcmp(it->p, it->said, it->head) == 0;
}
/* Passes over those of its length behind it that begin alike; how many. */
unsigned inbox_pass_alike(const struct inbox *, struct inbox_item *,
	    size_t begin);
/* The size of all that is in it. */
size_t	inbox_bytes(const struct inbox *);
static inline void
inbox_accept(struct inbox_item *it)
{
	it->refused = it->idle = 0;
	it->said = NULL;
}

#endif
