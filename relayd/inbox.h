/* SPDX-License-Identifier: ISC */
/*
 * A batch of datagrams as recvmmsg gave them.  Each buffer is one byte longer
 * than a datagram may be, so that a longer one is noticed.
 */
#ifndef RELAYD_INBOX_H
#define RELAYD_INBOX_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "fanout.h"
#include "wire.h"

enum { INBOX_BATCH = 64 };

struct inbox {
	int		count;		/* in it now */
	struct mmsghdr	msg[INBOX_BATCH];
	struct iovec	iov[INBOX_BATCH];
	union dest	from[INBOX_BATCH];
	uint8_t		bytes[INBOX_BATCH][DATAGRAM_MAX + 1];
};

void	inbox_init(struct inbox *);
/* Takes what waits in a socket: how many, or -1 with errno. */
int	inbox_receive(struct inbox *, int fd);
/*
 * Datagram i: its bytes, its length (above DATAGRAM_MAX where it was longer)
 * and its source.  NULL where the source has no address.
 */
const uint8_t *inbox_datagram(const struct inbox *, int i, size_t *len,
	    struct addr *);

#endif
