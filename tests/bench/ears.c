/* SPDX-License-Identifier: ISC */
/* See ears.h. */
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ears.h"
#include "net.h"

enum {
	BATCH = 64,			/* receives per recvmmsg */
	EVENTS = 256,
	BUNDLE = 65536,
	LINE = 64,			/* of the cache */
};

struct ears {
	enum ears_kind	 kind;
	int		 epoll;
	clockid_t	 clock;
	unsigned	 slots;
	size_t		 stride;
	void		(*hear)(void *, const struct heard *);
	void		*ctx;
	struct ear	*first;
	struct mmsghdr	 batch[BATCH];
	struct iovec	 iov[BATCH];
	struct net_control control[BATCH];
	char		*buf;		/* stride each */
};

struct ear {
	int		 fd;
	void		*who;
	struct ear	*next;
};

uint64_t
ears_now(const struct ears *e)
{
	struct timespec ts;

	clock_gettime(e->clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void
ears_buffer(int fd, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
	    sizeof(bytes)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
		    sizeof(bytes));
}

/*
 * An odd number of cache lines, so that the same part of several datagrams
 * does not fight for the same place in the cache.
 */
struct ears *
ears_open(enum ears_kind kind, size_t longest,
    void (*hear)(void *, const struct heard *), void *ctx)
{
	struct ears *e;
	unsigned i;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		err(1, NULL);
	e->kind = kind;
	e->clock = kind == EARS_STAMPS ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	e->hear = hear;
	e->ctx = ctx;
	e->slots = kind == EARS_BUNDLES ? BATCH / 8 : BATCH;
	e->stride = kind == EARS_BUNDLES ? BUNDLE + LINE :
	    ((longest + 1) / LINE | 1) * LINE + 2 * LINE;
	if ((e->buf = calloc(e->slots, e->stride)) == NULL)
		err(1, NULL);
	for (i = 0; i < e->slots; i++) {
		e->iov[i].iov_base = e->buf + (size_t)i * e->stride;
		e->iov[i].iov_len = kind == EARS_BUNDLES ? BUNDLE :
		    longest + 1;
		e->batch[i].msg_hdr.msg_iov = &e->iov[i];
		e->batch[i].msg_hdr.msg_iovlen = 1;
	}
	if ((e->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	return e;
}

void
ears_close(struct ears *e)
{
	struct ear *ear;

	while ((ear = e->first) != NULL) {
		e->first = ear->next;
		free(ear);
	}
	close(e->epoll);
	free(e->buf);
	free(e);
}

int
ears_add(struct ears *e, int fd, void *who)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct ear *ear;
	const int on = 1;

	if (e->kind == EARS_BUNDLES && !net_want_bundles(fd)) {
		warn("UDP_GRO");
		return -1;
	}
	if (e->kind == EARS_STAMPS && setsockopt(fd, SOL_SOCKET,
	    SO_TIMESTAMPNS, &on, sizeof(on)) == -1) {
		warn("SO_TIMESTAMPNS");
		return -1;
	}
	if ((ear = calloc(1, sizeof(*ear))) == NULL)
		err(1, NULL);
	ear->fd = fd;
	ear->who = who;
	ear->next = e->first;
	e->first = ear;
	ev.data.ptr = ear;
	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &ev) == -1) {
		warn("epoll_ctl");
		return -1;
	}
	return 0;
}

/* When the kernel got it; now where it does not say. */
static uint64_t
stamp_of(const struct msghdr *m, uint64_t now)
{
	struct cmsghdr h;
	struct timespec ts;

	if (m->msg_controllen < CMSG_LEN(sizeof(ts)))
		return now;
	memcpy(&h, m->msg_control, sizeof(h));
	if (h.cmsg_level != SOL_SOCKET || h.cmsg_type != SCM_TIMESTAMPNS)
		return now;
	memcpy(&ts, (const char *)m->msg_control + CMSG_LEN(0), sizeof(ts));
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* Which of its addresses it came to; 0 where the kernel does not say. */
static uint32_t
address_of(const struct msghdr *m)
{
	struct cmsghdr h;
	struct in_pktinfo info;

	if (m->msg_controllen < CMSG_LEN(sizeof(info)))
		return 0;
	memcpy(&h, m->msg_control, sizeof(h));
	if (h.cmsg_level != IPPROTO_IP || h.cmsg_type != IP_PKTINFO)
		return 0;
	memcpy(&info, (const char *)m->msg_control + CMSG_LEN(0),
	    sizeof(info));
	return ntohl(info.ipi_addr.s_addr);
}

static void
tell(struct ears *e, void *who, unsigned i, uint64_t now)
{
	const struct msghdr *m = &e->batch[i].msg_hdr;
	struct heard h = { .who = who, .p = e->buf + (size_t)i * e->stride,
	    .len = e->batch[i].msg_len, .size = 0, .now_ns = now };

	if (e->kind == EARS_BUNDLES)
		h.size = net_bundle_got(m);
	else if (e->kind == EARS_STAMPS)
		h.now_ns = stamp_of(m, now);
	else if (e->kind == EARS_SHARED)
		h.to = address_of(m);
	if (h.size == 0)
		h.size = h.len;
	e->hear(e->ctx, &h);
}

/* Fewer than asked for: what comes now is told by epoll again. */
static void
listen_to(struct ears *e, const struct ear *ear)
{
	unsigned i;
	uint64_t now;
	int n;

	do {
		for (i = 0; e->kind != EARS_PLAIN && i < e->slots; i++) {
			e->batch[i].msg_hdr.msg_control = e->control[i].bytes;
			e->batch[i].msg_hdr.msg_controllen =
			    sizeof(e->control[i].bytes);
		}
		n = recvmmsg(ear->fd, e->batch, e->slots, MSG_DONTWAIT, NULL);
		now = ears_now(e);
		for (i = 0; n > 0 && i < (unsigned)n; i++)
			tell(e, ear->who, i, now);
	} while (n == (int)e->slots);
}

unsigned
ears_listen(struct ears *e, unsigned sockets, uint64_t wait_ns)
{
	struct epoll_event events[EVENTS];
	struct pollfd pfd = { .fd = e->epoll, .events = POLLIN };
	struct timespec ts = {
		.tv_sec = (time_t)(wait_ns / 1000000000U),
		.tv_nsec = (long)(wait_ns % 1000000000U),
	};
	int i, n;

	/* poll on the epoll descriptor: its timeout has nanoseconds. */
	if (wait_ns > 0 && ppoll(&pfd, 1, &ts, NULL) <= 0)
		return 0;
	n = epoll_wait(e->epoll, events,
	    sockets < EVENTS ? (int)sockets : EVENTS, 0);
	for (i = 0; i < n; i++)
		listen_to(e, events[i].data.ptr);
	return n > 0 ? (unsigned)n : 0;
}
