/* SPDX-License-Identifier: ISC */
/*
 * Which server: the text after -s, and the addresses behind it.  Called by
 * the options, by requests over TCP and by the chat's datagram socket.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ocm_server.h"
#include "wire.h"

/* One decimal port of 1..65535, not followed by anything else. */
static const char *
parse_port(uint16_t *port, const char *text)
{
	const char	*wrong;

	*port = (uint16_t)strtonum(text, 1, UINT16_MAX, &wrong);
	if (wrong != NULL)
		return "a port is a number of 1 to 65535";
	return NULL;
}

/* ":TCP" or ":TCP:UDP"; changes the text. */
static const char *
parse_ports(struct server *s, char *text)
{
	const char	*wrong;
	char		*udp;

	if (*text++ != ':')
		return "after the host comes :PORT";
	if ((udp = strchr(text, ':')) != NULL)
		*udp++ = '\0';
	if ((wrong = parse_port(&s->tcp, text)) != NULL)
		return wrong;
	return udp == NULL ? NULL : parse_port(&s->udp, udp);
}

/* With or without the zone of a link-local one, as in fe80::1%eth0. */
static bool
is_ipv6(const char *text)
{
	struct in6_addr	ip;
	char		host[INET6_ADDRSTRLEN];
	size_t		len = strcspn(text, "%");

	if (len >= sizeof(host) || (text[len] == '%' && text[len + 1] == '\0'))
		return false;
	(void)strlcpy(host, text, len + 1);
	return inet_pton(AF_INET6, host, &ip) == 1;
}

const char *
server_parse(struct server *s, const char *spec)
{
	char	 text[SERVER_TEXT], *host = text, *rest;

	memset(s, 0, sizeof(*s));
	s->tcp = WIRE_TCP_PORT;
	s->udp = WIRE_RELAY_PORT;
	if (strlcpy(text, spec, sizeof(text)) >= sizeof(text))
		return "the name of the server is too long";
	if (*host == '[') {
		host++;
		if ((rest = strchr(host, ']')) == NULL)
			return "the ] after the IPv6 address is missing";
		*rest++ = '\0';
	} else if (is_ipv6(host))
		rest = host + strlen(host);
	else
		rest = host + strcspn(host, ":");
	if (*rest != '\0') {
		const char *wrong = parse_ports(s, rest);

		if (wrong != NULL)
			return wrong;
		*rest = '\0';
	}
	if (*host == '\0')
		return "the host is missing";
	if (strlcpy(s->host, host, sizeof(s->host)) >= sizeof(s->host))
		return "the name of the host is too long";
	return NULL;
}

const char *
server_resolve(struct server *s)
{
	struct addrinfo	 hints, *list, *ai;
	int		 error;

	if (s->addrs > 0)
		return NULL;
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	if ((error = getaddrinfo(s->host, NULL, &hints, &list)) != 0)
		return gai_strerror(error);
	for (ai = list; ai != NULL && s->addrs < SERVER_ADDRS;
	    ai = ai->ai_next) {
		struct addr *a = &s->addr[s->addrs];

		if (addr_from_sockaddr(a, ai->ai_addr, ai->ai_addrlen) == 0)
			s->addrs++;
	}
	freeaddrinfo(list);
	return s->addrs > 0 ? NULL : "it has no address";
}

socklen_t
server_sockaddr(const struct server *s, uint16_t port,
    struct sockaddr_storage *ss)
{
	struct addr	a = s->addr[s->current];

	a.port = port;
	return addr_to_sockaddr(&a, addr_family(&a), ss);
}

char *
server_text(const struct server *s, char buf[SERVER_TEXT])
{
	(void)snprintf(buf, SERVER_TEXT, is_ipv6(s->host) ?
	    "[%s]:%u" : "%s:%u", s->host, s->tcp);
	return buf;
}

char *
server_spec(const struct server *s, char buf[SERVER_TEXT])
{
	size_t	len;

	if (s->tcp == WIRE_TCP_PORT && s->udp == WIRE_RELAY_PORT) {
		(void)strlcpy(buf, strcmp(s->host, SERVER_DEFAULT) == 0 ?
		    "" : s->host, SERVER_TEXT);
		return buf;
	}
	len = strlen(server_text(s, buf));
	if (s->udp != WIRE_RELAY_PORT)
		(void)snprintf(buf + len, SERVER_TEXT - len, ":%u", s->udp);
	return buf;
}
