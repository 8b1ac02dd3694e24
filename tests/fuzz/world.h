/* SPDX-License-Identifier: ISC */
/*
 * The world around relayd for fuzz_follow.c, the same in each run: memory,
 * the clock, chance, and sockets over which the input comes.  What is sent
 * is looked at, to the last byte, and goes nowhere.
 */
#ifndef OCM_FUZZ_WORLD_H
#define OCM_FUZZ_WORLD_H

#include <sys/uio.h>

#include <errno.h>
#include <limits.h>
#ifdef MSG_ERRQUEUE
#include <linux/errqueue.h>
#include <linux/icmp.h>
#endif

#include "../../relayd/relay.h"
#include "../../relayd/sparse.h"
#include "clock.h"
#include "hostile.h"
#include "table.h"

enum { SOCKS = 2, ARRAYS = 128, CLEARED = 1 << 16, FD_FIRST = 1000 };

static struct hostile hostile;
static uint64_t now_ms;
static bool troubled;		/* what is sent may fail */

static struct {
	void	*p;
	size_t	 size;
} arrays[ARRAYS];
static unsigned arrays_used;

/*
 * Tables of an earlier run, made zero again; large ones only where they
 * begin: what lies behind is written before it is read.
 */
void *
sparse_array(size_t count, size_t size)
{
	const size_t want = (count > 0 ? count : 1) * size;
	unsigned i = arrays_used++;

	MUST(i < ARRAYS);
	if (arrays[i].p == NULL) {
		MUST((arrays[i].p = calloc(1, want)) != NULL);
		arrays[i].size = want;
	}
	MUST(arrays[i].size == want);
	memset(arrays[i].p, 0, want < CLEARED ? want : CLEARED);
	return arrays[i].p;
}

uint64_t
clock_ms(void)
{
	return now_ms;
}

uint64_t
clock_us(void)
{
	return now_ms * 1000;
}

void
randombytes_buf(void *buf, size_t len)
{
	memset(buf, 7, len);
}

/* Nothing is sent, but every byte that would be is looked at. */
static unsigned
look(const void *p, size_t len)
{
	const uint8_t *byte = p;
	unsigned sum = 0;

	while (len-- > 0)
		sum += *byte++;
	return sum;
}

/* What goes wrong, by the input: mostly nothing. */
static int
trouble(void)
{
	static const int errors[] = { EAGAIN, ECONNREFUSED, EINTR, ENOBUFS,
	    EINVAL, EMSGSIZE, EPERM, EIO };
	const uint8_t byte = troubled ? hostile_byte(&hostile) : 0;

	return byte < 0xf0 ? 0 : errors[byte & 7];
}

int
sendmmsg(int fd, struct mmsghdr *vmessages, unsigned n, int flags)
{
	const struct mmsghdr *v = vmessages;
	volatile unsigned sink;
	size_t k, bytes;
	unsigned i;

	MUST(fd >= FD_FIRST && fd < FD_FIRST + 2 * SOCKS);
	MUST(flags == MSG_DONTWAIT && n > 0 && n <= UIO_MAXIOV);
	if ((errno = trouble()) != 0)
		return -1;
	for (i = 0; i < n; i++) {
		const struct msghdr *m = &v[i].msg_hdr;

		MUST(m->msg_namelen <= sizeof(union dest));
		sink = look(m->msg_name, m->msg_namelen);
		sink = look(m->msg_control, m->msg_controllen);
		for (k = bytes = 0; k < m->msg_iovlen; k++) {
			sink = look(m->msg_iov[k].iov_base,
			    m->msg_iov[k].iov_len);
			bytes += m->msg_iov[k].iov_len;
		}
		MUST(bytes <= NET_BUNDLE_BYTES && (m->msg_controllen > 0 ||
		    bytes <= DATAGRAM_MAX));
	}
	(void)sink;
	return (int)n;
}

/* The sender of a datagram: where members are, and somewhere else. */
static struct sockaddr_in
source(uint8_t byte)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + byte / 64);
	a.sin_port = htons((byte & 3) == 0 ? 40000 : 50000 + (byte & 7));
	return a;
}

#ifdef MSG_ERRQUEUE
/* "Port unreachable" from where a member is or was, or another error. */
ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	const uint8_t byte = hostile_byte(&hostile);
	const struct sockaddr_in from = source(byte);
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	struct sock_extended_err e;

	MUST(fd >= FD_FIRST && (flags & MSG_ERRQUEUE) != 0);
	if (byte == 0) {
		errno = EAGAIN;
		return -1;
	}
	memset(&e, 0, sizeof(e));
	e.ee_origin = SO_EE_ORIGIN_ICMP;
	e.ee_type = ICMP_DEST_UNREACH;
	e.ee_code = byte == 0xff ? ICMP_HOST_UNREACH : ICMP_PORT_UNREACH;
	memcpy(message->msg_name, &from, sizeof(from));
	message->msg_namelen = sizeof(from);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_RECVERR;
	c->cmsg_len = CMSG_LEN(sizeof(e));
	memcpy(CMSG_DATA(c), &e, sizeof(e));
	message->msg_controllen = CMSG_SPACE(sizeof(e));
	return 0;
}
#endif

/* R, T, room and token of somebody who was there at the beginning. */
static size_t
good_header(uint8_t *out, uint8_t byte)
{
	const struct table_token *t = &table_tokens[byte % table_token_count];

	out[0] = (uint8_t)strlen(t->room);
	out[1] = (uint8_t)t->len;
	memcpy(out + 2, t->room, out[0]);
	memcpy(out + 2 + out[0], t->text, t->len);
	return 2u + out[0] + t->len;
}

/* A datagram out of the input, with a good token or without. */
int
recvmmsg(int fd, struct mmsghdr *vmessages, unsigned n, int flags,
    struct timespec *tmo)
{
	struct sockaddr_in from = source(hostile_byte(&hostile));
	struct mmsghdr *v = vmessages;
	uint8_t *out = v->msg_hdr.msg_iov->iov_base;
	uint8_t how = hostile_byte(&hostile);
	size_t len = 0;

	MUST(fd >= FD_FIRST && n > 0 && tmo == NULL);
	MUST(flags == MSG_DONTWAIT);
	if (how == 0x7f) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(v->msg_hdr.msg_name, &from, sizeof(from));
	v->msg_hdr.msg_namelen = sizeof(from);
	v->msg_hdr.msg_controllen = 0;
	if ((how & 0x80) != 0)
		len = good_header(out, how & 0x7f);
	for (how = hostile_byte(&hostile); how > 0; how--)
		out[len++] = hostile_byte(&hostile);
	v->msg_len = (unsigned)len;
	return 1;
}

#endif
