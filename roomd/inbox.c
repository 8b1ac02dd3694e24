/* SPDX-License-Identifier: ISC */
/*
 * Reading one frame: see inbox.h.  A frame holds passwords and tokens, so
 * its bytes are wiped.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inbox.h"

enum { DRAIN_MAX = 64 * 1024 };		/* bytes, then it is enough */

ssize_t
inbox_take(int fd, void *to, size_t len)
{
	ssize_t n;

	do
		n = recv(fd, to, len, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
		return -2;
	return n;
}

/* The header is whole: makes a place for all of the frame. */
static enum inbox_state
begin_frame(struct inbox *in, uint32_t max_payload)
{
	struct tcrp_header head;

	tcrp_read_header(&head, in->head);
	if (head.codec == CODEC_NONE || head.payload_len > max_payload)
		return INBOX_REFUSED;
	in->need = TCRP_HEADER + tcrp_body_len(&head);
	if ((in->frame = malloc(in->need)) == NULL)
		return INBOX_NO_MEMORY;
	memcpy(in->frame, in->head, TCRP_HEADER);
	return INBOX_PART;
}

enum inbox_state
inbox_read(struct inbox *in, int fd, uint32_t max_payload)
{
	enum inbox_state state;
	ssize_t n;

	for (;;) {
		if (in->frame == NULL && in->got == TCRP_HEADER &&
		    (state = begin_frame(in, max_payload)) != INBOX_PART)
			return state;
		if (in->frame != NULL && in->got == in->need)
			return INBOX_FRAME;
		if (in->frame == NULL)
			n = inbox_take(fd, in->head + in->got,
			    TCRP_HEADER - in->got);
		else
			n = inbox_take(fd, in->frame + in->got,
			    in->need - in->got);
		if (n <= 0)
			return n == 0 ? INBOX_END : n == -1 ? INBOX_PART :
			    INBOX_ERROR;
		in->got += (size_t)n;
	}
}

/*
 * What nobody wants is read nevertheless: closing with bytes unread would
 * reset the connection, and that could take the answer along.
 */
enum inbox_state
inbox_drain(struct inbox *in, int fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	while (in->got <= DRAIN_MAX &&
	    (n = inbox_take(fd, bytes, sizeof(bytes))) != -2) {
		if (n <= 0)
			return n == 0 ? INBOX_END : INBOX_PART;
		if (in->got + (size_t)n <= 2)
			memcpy(in->head + in->got, bytes, (size_t)n);
		in->got += (size_t)n;
	}
	return INBOX_ERROR;
}

void
inbox_clear(struct inbox *in)
{
	if (in->frame != NULL)
		explicit_bzero(in->frame, in->need);
	free(in->frame);
	explicit_bzero(in, sizeof(*in));
}
