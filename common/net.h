/* SPDX-License-Identifier: ISC */
/*
 * What differs between platforms about UDP sockets.  One file each.
 */
#ifndef OCM_NET_H
#define OCM_NET_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

/* ocmd, at bind: asks for ICMP errors of a UDP socket where they exist. */
int	net_want_unreachable(int fd, int family);
/*
 * The next pending "port unreachable" answer of the socket: true and whose
 * address it is, or false when there is none (always, on a platform that
 * does not tell).  Never blocks.
 */
bool	net_next_unreachable(int fd, struct addr *);
enum net_side { NET_RECEIVE, NET_SEND };
/*
 * ocmd, at bind: asks for a socket's buffer of so many bytes, beyond the
 * limit of the system where we may.
 */
void	net_set_buffer(int fd, enum net_side, uint32_t bytes);
/* So many bytes are the most that a socket can have on this system. */
uint32_t net_buffer_most(void);
/* What it has, in the same measure; 0 where it does not say. */
uint32_t net_buffer(int fd, enum net_side);
/* What an operator can raise to get more, as words that follow "raise". */
const char *net_buffer_limit(enum net_side);

/*
 * Whether a host is this machine: one of the addresses that it has just now,
 * to be asked with any UDP socket of the address's kind.  True, too, where
 * the system does not say.  Nothing is sent.
 */
bool	net_is_here(int fd, const struct addr *);

/* SO_REUSEPORT with balancing between the sockets, where it exists. */
int	net_share_port(int fd);
bool	net_can_share_port(void);

/*
 * A bundle is several datagrams of one size, of which the last may be
 * shorter, that one call hands to the kernel or gets from it as one.
 */
enum {
	NET_BUNDLE_PIECES = 64,
	NET_BUNDLE_BYTES = 65000,
	NET_CONTROL = 64,
};
/* The control message that says a bundle's size to sendmsg. */
struct net_control {
	_Alignas(16) unsigned char bytes[NET_CONTROL];
	size_t		 len;		/* 0: this platform has none */
};

/* Whether bundles can be sent over this UDP socket. */
bool	net_can_bundle(int fd);
void	net_bundle_make(struct net_control *);
/* Bytes of each datagram; 0: what is sent is one datagram. */
void	net_bundle_size(struct net_control *, uint16_t);
/* Asks for bundles from a UDP socket: true where they may come. */
bool	net_want_bundles(int fd);
/* Bytes of each datagram in what recvmsg gave; 0: it is one datagram. */
size_t	net_bundle_got(const struct msghdr *);

#endif
