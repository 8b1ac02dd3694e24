/* SPDX-License-Identifier: ISC */
/*
 * Receiving (see inbox.h).  Called by relay.c.
 */
#include <string.h>

#include "inbox.h"

void
inbox_init(struct inbox *in)
{
	int i;

	memset(in->msg, 0, sizeof(in->msg));
	in->count = 0;
	for (i = 0; i < INBOX_BATCH; i++) {
		in->iov[i].iov_base = in->bytes[i];
		in->iov[i].iov_len = sizeof(in->bytes[i]);
		in->msg[i].msg_hdr.msg_iov = &in->iov[i];
		in->msg[i].msg_hdr.msg_iovlen = 1;
		in->msg[i].msg_hdr.msg_name = &in->from[i];
		in->msg[i].msg_hdr.msg_namelen = sizeof(in->from[i]);
	}
}

int
inbox_receive(struct inbox *in, int fd)
{
	int i;

	/* What the kernel shortened in the last batch. */
	for (i = 0; i < in->count; i++)
		in->msg[i].msg_hdr.msg_namelen = sizeof(in->from[i]);
	i = recvmmsg(fd, in->msg, INBOX_BATCH, MSG_DONTWAIT, NULL);
	in->count = i > 0 ? i : 0;
	return i;
}

const uint8_t *
inbox_datagram(const struct inbox *in, int i, size_t *len, struct addr *from)
{
	if (addr_from_sockaddr(from, &in->from[i].any,
	    in->msg[i].msg_hdr.msg_namelen) == -1)
		return NULL;
	*len = in->msg[i].msg_len;
	return in->bytes[i];
}
