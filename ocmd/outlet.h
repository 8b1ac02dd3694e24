/* SPDX-License-Identifier: ISC */
/*
 * Where logsink.c writes lines: a descriptor that may be full, since whoever
 * reads there has stopped, and must not stop ocmd.  Lines stay whole: what
 * remains of one goes before the next.
 */
#ifndef OCMD_OUTLET_H
#define OCMD_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

enum { OUTLET_LINE = 3 * LOG_LINE };	/* bytes of a line at most */

enum outlet_how { OUTLET_OURS, OUTLET_SHARED, OUTLET_SOCKET };

struct outlet {
	int		 fd;
	enum outlet_how	 how;
	size_t		 rest_len;	/* of a line that was begun */
	char		 rest[OUTLET_LINE];
	uint64_t	 lost;		/* lines, until the user says so */
};

/* fd is O_NONBLOCK, and nobody else's. */
void	outlet_ours(struct outlet *, int fd);
/* fd is as others gave it to us, and O_NONBLOCK would be theirs, too. */
void	outlet_shared(struct outlet *, int fd);
/*
 * Writes a line of at most OUTLET_LINE bytes and does not wait.  False where
 * there was no room: then the line is lost.
 */
bool	outlet_line(struct outlet *, const char *line, size_t len);

#endif
