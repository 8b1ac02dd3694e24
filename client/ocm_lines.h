/* SPDX-License-Identifier: ISC */
/*
 * Lines out of a stream of bytes, in bounded memory.
 */
#ifndef OCM_LINES_H
#define OCM_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Longer than any text that can be sent, with room for "\r\n". */
enum { LINES_MAX = 8192 };

struct lines {
	char	buf[LINES_MAX];
	size_t	len;
	bool	skipping;	/* the rest of a line that was too long */
};

/*
 * Takes bytes up to the end of a line.  Returns how many of the len bytes it
 * used (at least one where len > 0); *whole says that a line is complete.
 * Its text, without "\n" or "\r\n", is then in buf and len, until the caller
 * calls lines_next; *too_long says that it was longer than LINES_MAX and has
 * been thrown away.
 */
size_t	lines_feed(struct lines *, const char *, size_t len, bool *whole,
	    bool *too_long);
void	lines_next(struct lines *);
/* At the end of the stream: a last line without a newline, as lines_feed. */
bool	lines_end(struct lines *, bool *too_long);

#endif
