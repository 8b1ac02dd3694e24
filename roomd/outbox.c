/* SPDX-License-Identifier: ISC */
/*
 * Sending without waiting: see outbox.h.  Blobs are not joined into one
 * call: the two parts of an answer are two writes on purpose.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>

#include "outbox.h"

bool
outbox_add(struct outbox *o, struct blob *b)
{
	if (b == NULL)
		return true;
	if (o->count == OUTBOX_MAX) {
		blob_unref(b);
		return false;
	}
	o->queue[(o->first + o->count) % OUTBOX_MAX] = b;
	o->count++;
	return true;
}

static void
drop_first(struct outbox *o)
{
	blob_unref(o->queue[o->first]);
	o->first = (o->first + 1) % OUTBOX_MAX;
	o->count--;
	o->sent = 0;
}

enum outbox_state
outbox_flush(struct outbox *o, int fd, size_t *most)
{
	const struct blob *b;
	size_t len;
	ssize_t n;

	while (o->count > 0) {
		b = o->queue[o->first];
		len = b->len - o->sent;
		if (len > 0 && *most == 0)
			return OUTBOX_MORE;
		n = send(fd, b->data + o->sent, len < *most ? len : *most,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return OUTBOX_BLOCKED;
		if (n == -1)
			return OUTBOX_ERROR;
		o->sent += (size_t)n;
		*most -= (size_t)n;
		if (o->sent == b->len)
			drop_first(o);
	}
	return OUTBOX_EMPTY;
}

void
outbox_clear(struct outbox *o)
{
	while (o->count > 0)
		drop_first(o);
}
