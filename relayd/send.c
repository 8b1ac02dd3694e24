/* SPDX-License-Identifier: ISC */
/*
 * Sending (see send.h).  Called by relay.c, lobby.c and notice.c.
 */
#include <errno.h>
#include <string.h>

#include "counter.h"
#include "net.h"
#include "send.h"

enum {
	SEND_CHUNK = 1024,	/* the kernel takes no more at once */
	SEND_RETRIES = 3,	/* of one entry, after an error of another */
	ERRORS_AT_ONCE = 1024,
};

unsigned
send_drain_errors(struct outlet *o, unsigned sock)
{
	struct addr a;
	unsigned n;

	for (n = 0; n < ERRORS_AT_ONCE; n++) {
		if (!net_next_unreachable(o->fd[sock], &a))
			break;
		o->unreachable(o->ctx, &a);
	}
	return n;
}

/*
 * What to do after sendmmsg failed on an entry: true to try it again.
 * A pending error of an earlier message fails the next one in its stead, so
 * that one is tried again, but never for ever.
 */
static bool
worth_again(struct outlet *o, unsigned sock, unsigned *retries)
{
	const int error = errno;

	if (error == EINTR)
		return true;
	if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) {
		counter_add(&o->counters[LC_copy_unsendable], 1);
		return false;
	}
	if ((send_drain_errors(o, sock) > 0 || error == ECONNREFUSED) &&
	    (*retries)++ < SEND_RETRIES)
		return true;
	counter_add(&o->counters[LC_send_errors], 1);
	return false;
}

unsigned
send_prepared(struct outlet *o, unsigned sock, struct mmsghdr *v, unsigned n)
{
	unsigned sent = 0, retries = 0;
	int k;

	while (n > 0) {
		k = sendmmsg(o->fd[sock], v, n < SEND_CHUNK ? n : SEND_CHUNK,
		    MSG_DONTWAIT);
		if (k > 0) {
			sent += (unsigned)k;
			v += k;
			n -= (unsigned)k;
			retries = 0;
		} else if (k == 0 || !worth_again(o, sock, &retries)) {
			v++;
			n--;
			retries = 0;
		}
	}
	return sent;
}

static void
set_iov(struct iovec *iov, const void *p, size_t len)
{
	/* sendmmsg only reads, but its struct cannot say so. */
	memcpy(&iov->iov_base, &p, sizeof(p));
	iov->iov_len = len;
}

unsigned
send_range(struct outlet *o, struct group *g, const void *p, size_t len,
    uint32_t from, uint32_t to)
{
	set_iov(&g->iov, p, len);
	return send_prepared(o, g->kind.sock, g->entry + from, to - from);
}

unsigned
send_group(struct outlet *o, struct group *g, const void *p, size_t len,
    uint32_t skip)
{
	if (skip >= g->count)
		return send_range(o, g, p, len, 0, g->count);
	return send_range(o, g, p, len, 0, skip) +
	    send_range(o, g, p, len, skip + 1, g->count);
}

unsigned
send_one(struct outlet *o, unsigned sock, union dest *to, socklen_t to_len,
    const void *p, size_t len)
{
	struct mmsghdr m;
	struct iovec iov;

	set_iov(&iov, p, len);
	memset(&m, 0, sizeof(m));
	m.msg_hdr.msg_name = to;
	m.msg_hdr.msg_namelen = to_len;
	m.msg_hdr.msg_iov = &iov;
	m.msg_hdr.msg_iovlen = 1;
	return send_prepared(o, sock, &m, 1);
}
