/* SPDX-License-Identifier: ISC */
/*
 * How large the buffers of the UDP sockets are: what is wanted, from the
 * setting or the machine, and what the kernel gave.  Called by sockets.c;
 * server.c and status.c tell of it.
 */
#ifndef OCMD_BUFFERS_H
#define OCMD_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "net.h"

enum { BUFFERS_TEXT = 256 };

struct buffers {		/* bytes, by enum net_side */
	uint32_t	want[2];
	uint32_t	have[2];	/* of the socket that has least */
};

/* What a configuration asks for on a machine of so many bytes (0: any). */
void	buffers_want(struct buffers *, const struct conf *, uint64_t memory);
/* The bytes of memory of this machine, 0 where it does not say. */
uint64_t buffers_memory(void);
/* Gives a socket its buffers, as far as the kernel lets us. */
void	buffers_set(struct buffers *, int fd);
/* Whether some socket has less than it should. */
bool	buffers_short(const struct buffers *);
/* One line about that for an operator, and what is to be done. */
const char *buffers_text(const struct buffers *, char text[BUFFERS_TEXT]);

#endif
