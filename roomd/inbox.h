/* SPDX-License-Identifier: ISC */
/*
 * One request frame on its way in.  It is read exactly as far as it reaches,
 * header first: what is sent ahead stays in the kernel's buffer, so nobody
 * can make this process hold more than one frame.  Called by session.c.
 */
#ifndef OCM_INBOX_H
#define OCM_INBOX_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "wire_tcp.h"

struct inbox {
	uint8_t		 head[TCRP_HEADER];
	uint8_t		*frame;		/* header and body, or NULL */
	size_t		 got, need;	/* bytes */
};

enum inbox_state {
	INBOX_PART,		/* nothing more now */
	INBOX_FRAME,		/* the frame is whole */
	INBOX_END,		/* the peer sends no more */
	INBOX_ERROR,		/* it is gone */
	INBOX_REFUSED,		/* its header says what is not read */
	INBOX_NO_MEMORY
};

/* Reads on.  max_payload: bytes; more is INBOX_REFUSED, by the header. */
enum inbox_state inbox_read(struct inbox *, int fd, uint32_t max_payload);
/*
 * Reads to the end and throws away, but for the first two bytes, which stay
 * in head; got counts all.  INBOX_PART, INBOX_END, or INBOX_ERROR where it
 * is no use to go on.
 */
enum inbox_state inbox_drain(struct inbox *, int fd);
/* Wipes and frees what was read. */
void	inbox_clear(struct inbox *);
/*
 * recv of some bytes, without waiting: how many, 0 at the end, -1 nothing
 * now, -2 an error.
 */
ssize_t	inbox_take(int fd, void *, size_t);

#endif
