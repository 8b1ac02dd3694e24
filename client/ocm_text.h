/* SPDX-License-Identifier: ISC */
/*
 * What a text is: who said it, whether the server said it, whether it can be
 * sent.  Pure: bytes in, answer out.
 */
#ifndef OCM_TEXT_H
#define OCM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Views into the datagram; from is NULL where nobody is named. */
struct said {
	const char	*from;
	size_t		 from_len;
	const char	*text;
	size_t		 text_len;
};

/* What a text of the server would mean, if it is one (section "Notices"). */
enum notice {
	NOTICE_NONE,
	NOTICE_PRESENCE,	/* bob joined, bob left */
	NOTICE_CLOSED,		/* room closed: ... */
	NOTICE_KICKED,		/* disconnected: removed by the operator */
	NOTICE_DROPPED,		/* disconnected: anything else */
	NOTICE_SHUTDOWN,	/* server is shutting down */
};

enum unsendable {
	TEXT_FITS,
	TEXT_EMPTY,
	TEXT_TOO_LONG,
	TEXT_NOT_UTF8,
	TEXT_RESERVED,		/* the protocol's own word for leaving */
};

/* The word that leaves a room from within it, in the dialect we speak. */
#define TEXT_LEAVE	"/exit"

/*
 * Splits what a room delivers at its first ": ".  What has none, or no valid
 * name before it, is a text from nobody.
 */
void	text_split(struct said *, const void *, size_t len);
/* Any member can type these words: they prove nothing. */
enum notice text_notice(const void *, size_t len);
static inline bool
notice_ends(enum notice n)
{
	return n >= NOTICE_CLOSED;
}

/*
 * The longest text, in bytes, that arrives whole with its sender's name:
 * bounded by the datagram that we send and by the one that others get.
 */
size_t	text_limit_room(size_t room_len, size_t token_len, size_t name_len);
size_t	text_limit_lobby(size_t name_len);
enum unsendable text_check(const void *, size_t len, size_t limit);
/* Words for people: "longer than 4061 bytes".  Returns buf. */
char	*text_why(enum unsendable, size_t limit, char *buf, size_t cap);

#endif
