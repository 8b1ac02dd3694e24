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
	return recvmmsg(fd, in->msg, INBOX_BATCH, MSG_DONTWAIT, NULL);
}

const uint8_t *
inbox_datagram(struct inbox *in, int i, size_t *len, struct addr *from)
{
	struct mmsghdr *m = &in->msg[i];
	socklen_t name_len = m->msg_hdr.msg_namelen;

	/* The kernel shortened it; the next batch wants it whole. */
	m->msg_hdr.msg_namelen = sizeof(in->from[i]);
	if (addr_from_sockaddr(from, &in->from[i].any, name_len) == -1)
		return NULL;
	*len = m->msg_len;
	return in->bytes[i];
}
