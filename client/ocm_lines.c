/* SPDX-License-Identifier: ISC */
/*
 * Lines out of a stream of bytes, in bounded memory.  Called by the pipe's
 * side of the chat.
 */
#include <string.h>

#include "ocm_lines.h"

static void
add(struct lines *l, const char *p, size_t len)
{
	if (l->skipping || len > LINES_MAX - l->len) {
		l->skipping = true;
		l->len = 0;
		return;
	}
	memcpy(l->buf + l->len, p, len);
	l->len += len;
}

static void
strip_return(struct lines *l)
{
	if (l->len > 0 && l->buf[l->len - 1] == '\r')
		l->len--;
}

size_t
lines_feed(struct lines *l, const char *p, size_t len, bool *whole,
    bool *too_long)
{
	const char	*end = memchr(p, '\n', len);

	*whole = end != NULL;
	add(l, p, end != NULL ? (size_t)(end - p) : len);
	*too_long = *whole && l->skipping;
	if (!*whole)
		return len;
	strip_return(l);
	return (size_t)(end - p) + 1;
}

void
lines_next(struct lines *l)
{
	l->len = 0;
	l->skipping = false;
}

bool
lines_end(struct lines *l, bool *too_long)
{
	*too_long = l->skipping;
	strip_return(l);
	return l->skipping || l->len > 0;
}
