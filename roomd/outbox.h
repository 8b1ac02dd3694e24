/* SPDX-License-Identifier: ISC */
/*
 * Blobs on their way to one socket, in order, at the reader's pace.  Called
 * by session.c and query.c.
 */
#ifndef OCM_OUTBOX_H
#define OCM_OUTBOX_H

#include <stdbool.h>

#include "blob.h"

enum { OUTBOX_MAX = 16 };	/* blobs that may wait */

struct outbox {
	struct blob	*queue[OUTBOX_MAX];
	unsigned	 first, count;
	size_t		 sent;		/* bytes of the first */
};

enum outbox_state {
	OUTBOX_EMPTY,			/* all is sent */
	OUTBOX_BLOCKED,			/* wait until the socket takes more */
	OUTBOX_MORE,			/* it may take more, but not now */
	OUTBOX_ERROR			/* the peer is gone */
};

/* Takes the reference; NULL is allowed.  false: too many wait already. */
bool	outbox_add(struct outbox *, struct blob *);
/*
 * Sends what the socket takes, each blob with a call of its own, but no more
 * than *most bytes, which become fewer by what was sent.
 */
enum outbox_state outbox_flush(struct outbox *, int fd, size_t *most);
void	outbox_clear(struct outbox *);

#endif
