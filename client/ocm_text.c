/* SPDX-License-Identifier: ISC */
/*
 * What a text is: who said it, whether the server said it, whether it can be
 * sent.  Called by the chat for every datagram and every typed line.
 */
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "ocm_text.h"
#include "wire.h"

static bool
begins(const char *text, size_t len, const char *with)
{
	size_t	n = strlen(with);

	return len >= n && memcmp(text, with, n) == 0;
}

static bool
ends(const char *text, size_t len, const char *with)
{
	size_t	n = strlen(with);

	return len >= n && memcmp(text + len - n, with, n) == 0;
}

void
text_split(struct said *said, const void *bytes, size_t len)
{
	const char	*p = bytes, *colon;

	said->from = NULL;
	said->from_len = 0;
	said->text = p;
	said->text_len = len;
	colon = memmem(p, len, ": ", 2);
	if (colon == NULL || !name_valid(p, (size_t)(colon - p)))
		return;
	said->from = p;
	said->from_len = (size_t)(colon - p);
	said->text = colon + 2;
	said->text_len = len - said->from_len - 2;
}

enum notice
text_notice(const void *bytes, size_t len)
{
	const char	*p = bytes;

	if (begins(p, len, "room closed: "))
		return NOTICE_CLOSED;
	if (begins(p, len, "disconnected: removed"))
		return NOTICE_KICKED;
	if (begins(p, len, "disconnected: "))
		return NOTICE_DROPPED;
	if (len == strlen("server is shutting down") &&
	    begins(p, len, "server is shutting down"))
		return NOTICE_SHUTDOWN;
	if (memmem(p, len, ": ", 2) == NULL &&
	    (ends(p, len, " joined") || ends(p, len, " left")))
		return NOTICE_PRESENCE;
	return NOTICE_NONE;
}

size_t
text_limit_room(size_t room_len, size_t token_len, size_t name_len)
{
	/* The server may have made the name unique: "~65536". */
	size_t	sent = DATAGRAM_MAX - DATAGRAM_HEADER - room_len - token_len;
	size_t	got = DELIVERY_MAX - strlen(": ") - strlen("~65536") - name_len;

	return sent < got ? sent : got;
}

size_t
text_limit_lobby(size_t name_len)
{
	return DATAGRAM_MAX - 1 - name_len;
}

enum unsendable
text_check(const void *text, size_t len, size_t limit)
{
	if (len == 0)
		return TEXT_EMPTY;
	if (len > limit)
		return TEXT_TOO_LONG;
	if (!utf8_valid(text, len))
		return TEXT_NOT_UTF8;
	if (len == strlen(TEXT_LEAVE) && memcmp(text, TEXT_LEAVE, len) == 0)
		return TEXT_RESERVED;
	return TEXT_FITS;
}

char *
text_why(enum unsendable why, size_t limit, char *buf, size_t cap)
{
	switch (why) {
	case TEXT_EMPTY:
		(void)strlcpy(buf, "it is empty", cap);
		break;
	case TEXT_TOO_LONG:
		(void)snprintf(buf, cap, "it is longer than %zu bytes, the "
		    "most that fits into one datagram", limit);
		break;
	case TEXT_NOT_UTF8:
		(void)strlcpy(buf, "it is not UTF-8", cap);
		break;
	case TEXT_RESERVED:
		(void)strlcpy(buf, "\"" TEXT_LEAVE "\" alone means \"leave\" "
		    "to the server", cap);
		break;
	case TEXT_FITS:
		(void)strlcpy(buf, "", cap);
		break;
	}
	return buf;
}
