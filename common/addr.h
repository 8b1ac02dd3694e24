/* SPDX-License-Identifier: ISC */
/*
 * One address form for the whole server.  IPv4 is held as ::ffff:a.b.c.d, so
 * that an IPv4-mapped IPv6 source and its IPv4 form are the same 16 bytes
 * (ocm-protocol(7), "Ports"): comparing hosts is one memcmp.
 */
#ifndef OCM_ADDR_H
#define OCM_ADDR_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr {
	uint8_t		ip[16];		/* network order; IPv4 mapped */
	uint32_t	scope;		/* of link-local IPv6, else 0 */
	uint16_t	port;		/* host order */
	uint16_t	pad;		/* 0 */
};

/* "[ffff:...:ffff%4294967295]:65535" and its NUL. */
enum { ADDR_TEXT = 64 };

/* 0, or -1 (EAFNOSUPPORT) when it is neither IPv4 nor IPv6. */
int	addr_from_sockaddr(struct addr *, const struct sockaddr *, socklen_t);
/*
 * Writes the form that a socket of the given family takes: sockaddr_in for
 * AF_INET (only of an IPv4 address), sockaddr_in6 for AF_INET6 (an IPv4
 * address becomes mapped).  Returns its length, or 0 if it cannot be had.
 */
socklen_t addr_to_sockaddr(const struct addr *, int family,
	    struct sockaddr_storage *);
bool	addr_is_v4(const struct addr *);
int	addr_family(const struct addr *);	/* AF_INET or AF_INET6 */
bool	addr_is_loopback(const struct addr *);
bool	addr_is_any(const struct addr *);
bool	addr_same_host(const struct addr *, const struct addr *);
bool	addr_equal(const struct addr *, const struct addr *);
/*
 * Numeric "127.0.0.1:9001", "[::1]:9001", "*:9001" (any IPv4), and a bare
 * address where default_port != 0.  0, or -1 (EINVAL).  No name look-up.
 */
int	addr_parse(struct addr *, const char *, uint16_t default_port);
/* "127.0.0.1:9001" or "[::1]:9001"; returns buf. */
char	*addr_format(const struct addr *, char buf[ADDR_TEXT]);
/* The same without the port and the brackets. */
char	*addr_format_host(const struct addr *, char buf[ADDR_TEXT]);
/* What limits count by: the IPv4 address or the IPv6 /64, zeros after. */
void	addr_source(const struct addr *, uint8_t out[16]);

#endif
