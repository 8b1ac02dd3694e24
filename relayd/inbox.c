/* SPDX-License-Identifier: ISC */
/*
 * Receiving (see inbox.h).  Called by relay.c.
 */
#include <string.h>

#include "inbox.h"
#include "sparse.h"

enum { REFUSED_MAX = 4 };	/* a bundle's datagrams, in a row */

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
		it->refused = 0;
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

unsigned
inbox_refuse(const struct inbox *in, struct inbox_item *it)
{
	size_t left;

	if (++it->refused < REFUSED_MAX || it->at == 0)
		return 0;
	left = in->msg[it->msg].msg_len - it->at;
	it->at = 0;
	it->msg++;
	return (unsigned)((left + it->size - 1) / it->size);
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
