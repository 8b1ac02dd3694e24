/* SPDX-License-Identifier: ISC */
/*
 * Receiving (see inbox.h).  Called by relay.c.
 */
#include <string.h>

#include "inbox.h"
#include "sparse.h"

enum { REFUSED_MAX = 4, IDLE_MAX = 16 };	/* of a bundle, in a row */

/* What the kernel shortened in the last batch. */
static void
restore(struct inbox *in, int i)
{
	in->msg[i].msg_hdr.msg_namelen = sizeof(in->from[i]);
	in->msg[i].msg_hdr.msg_control = in->control[i].bytes;
	in->msg[i].msg_hdr.msg_controllen = sizeof(in->control[i].bytes);
}

void
inbox_make(struct inbox *in)
{
	int i;

	memset(in, 0, sizeof(*in));
	in->bytes = sparse_array(INBOX_BATCH, INBOX_BUFFER);
	for (i = 0; i < INBOX_BATCH; i++) {
		in->iov[i].iov_base = in->bytes + (size_t)i * INBOX_BUFFER;
		in->iov[i].iov_len = INBOX_BUFFER;
		in->msg[i].msg_hdr.msg_iov = &in->iov[i];
		in->msg[i].msg_hdr.msg_iovlen = 1;
		in->msg[i].msg_hdr.msg_name = &in->from[i];
		restore(in, i);
	}
}

int
inbox_receive(struct inbox *in, int fd)
{
	int i;

	for (i = 0; i < in->count; i++)
		restore(in, i);
	i = recvmmsg(fd, in->msg, INBOX_BATCH, MSG_DONTWAIT, NULL);
	in->count = i > 0 ? i : 0;
	return i;
}

/* The next buffer whose source is known. */
static bool
begin(const struct inbox *in, struct inbox_item *it)
{
	for (; it->msg < in->count; it->msg++) {
		if (addr_from_sockaddr(&it->from, &in->from[it->msg].any,
		    in->msg[it->msg].msg_hdr.msg_namelen) == -1)
			continue;
		it->size = net_bundle_got(&in->msg[it->msg].msg_hdr);
		inbox_accept(it);
		return true;
	}
	return false;
}

bool
inbox_next(const struct inbox *in, struct inbox_item *it)
{
	size_t len;

	if (it->at == 0 && !begin(in, it))
		return false;
	len = in->msg[it->msg].msg_len;
	it->p = in->bytes + (size_t)it->msg * INBOX_BUFFER + it->at;
	it->len = len - it->at;
	if (it->size > 0 && it->len > it->size) {
		it->len = it->size;
		it->at += it->size;
	} else {
		it->at = 0;
		it->msg++;
	}
	return true;
}

/* Passes over the rest of a bundle; how many datagrams. */
static unsigned
pass_over(const struct inbox *in, struct inbox_item *it)
{
	size_t left;

	if (it->at == 0)
		return 0;
	left = in->msg[it->msg].msg_len - it->at;
	it->at = 0;
	it->msg++;
	return (unsigned)((left + it->size - 1) / it->size);
}

unsigned
inbox_refuse(const struct inbox *in, struct inbox_item *it)
{
	return ++it->refused < REFUSED_MAX ? 0 : pass_over(in, it);
}

unsigned
inbox_tire(const struct inbox *in, struct inbox_item *it)
{
	return ++it->idle < IDLE_MAX ? 0 : pass_over(in, it);
}

void
inbox_remember(struct inbox_item *it, size_t head, uint32_t slot, bool alone)
{
	it->said = it->p;
	it->said_len = it->len;
	it->head = head;
	it->slot = slot;
	it->alone = alone;
}

unsigned
inbox_pass_alike(const struct inbox *in, struct inbox_item *it, size_t begin)
{
	unsigned n = 0;

	while (it->at != 0 && in->msg[it->msg].msg_len - it->at >= it->size &&
	    memcmp(it->p, it->p + it->size, begin) == 0) {
		(void)inbox_next(in, it);
		n++;
	}
	return n;
}

size_t
inbox_bytes(const struct inbox *in)
{
	size_t n = 0;
	int i;

	for (i = 0; i < in->count; i++)
		n += in->msg[i].msg_len;
	return n;
}
