/* SPDX-License-Identifier: ISC */
/*
 * Many UDP sockets heard by one thread, as cheaply as ordinary receivers can
 * be: edge-triggered epoll, recvmmsg, one look at the clock for each batch.
 * Used by crowd.c, and by bench_bare so that both drain alike.  Linux only.
 */
#ifndef OCM_BENCH_EARS_H
#define OCM_BENCH_EARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ears_kind {
	EARS_PLAIN,
	EARS_BUNDLES,			/* UDP_GRO */
	EARS_STAMPS,			/* the kernel says when it came */
	EARS_SHARED,			/* the kernel says to which address */
};

struct ears;

/*
 * What came to a socket: one datagram, or several of `size` bytes each of
 * which the last may be shorter, at a time of ears_now.
 */
struct heard {
	void		*who;		/* as given to ears_add */
	const char	*p;
	size_t		 len, size;
	uint64_t	 now_ns;
	uint32_t	 to;		/* IPv4 address, where told */
};

/*
 * `longest`: bytes of a datagram; of one that is longer so many and one more
 * are told.  fatal where memory is short.
 */
struct ears *ears_open(enum ears_kind, size_t longest,
	    void (*hear)(void *ctx, const struct heard *), void *ctx);
void	ears_close(struct ears *);
/* 0, or -1 with a message printed. */
int	ears_add(struct ears *, int fd, void *who);
/*
 * Takes what has come to at most so many sockets, and waits for something at
 * most so long.  Returns how many sockets there were.
 */
unsigned ears_listen(struct ears *, unsigned sockets, uint64_t wait_ns);
/* CLOCK_MONOTONIC; with EARS_STAMPS CLOCK_REALTIME, as the kernel stamps. */
uint64_t ears_now(const struct ears *);
/* A receive buffer of so many bytes, or what the kernel gives. */
void	ears_buffer(int fd, int bytes);

#endif
