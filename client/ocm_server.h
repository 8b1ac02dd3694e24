/* SPDX-License-Identifier: ISC */
/*
 * Which server: the text after -s, and the addresses behind it.
 */
#ifndef OCM_SERVER_H
#define OCM_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define SERVER_DEFAULT	"127.0.0.1"
enum { SERVER_HOST_MAX = 255, SERVER_ADDRS = 8, SERVER_TEXT = 320 };

struct server {
	char		 host[SERVER_HOST_MAX + 1];
	uint16_t	 tcp, udp;		/* host order */
	struct addr	 addr[SERVER_ADDRS];	/* port 0 */
	unsigned	 addrs;			/* 0: not looked up yet */
	unsigned	 current;		/* the one that answered */
};

/*
 * Reads HOST, HOST:TCP, HOST:TCP:UDP, where HOST is a name, an IPv4 address
 * or an IPv6 address in brackets (without ports also bare).  A port that is
 * not named has its default.  Returns NULL, or what is wrong (static).
 */
const char *server_parse(struct server *, const char *);
/*
 * Looks the host up, once.  Returns NULL, or what is wrong (static).  May
 * take as long as the resolver takes.
 */
const char *server_resolve(struct server *);
/* The current address with a port, as a socket of its family takes it. */
socklen_t server_sockaddr(const struct server *, uint16_t port,
	    struct sockaddr_storage *);
/* HOST:TCP for people; returns buf. */
char	*server_text(const struct server *, char buf[SERVER_TEXT]);
/* What stands after -s for this server, or "" for the default; returns buf. */
char	*server_spec(const struct server *, char buf[SERVER_TEXT]);

#endif
