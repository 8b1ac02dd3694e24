/* SPDX-License-Identifier: ISC */
/*
 * Addresses of peers and listeners.  Called wherever one enters (accept,
 * recvmsg, the configuration) or leaves (sendmsg, the log).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"

static const uint8_t v4_prefix[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};
static const uint8_t v6_loopback[16] = { [15] = 1 };

static bool
is_link_local(const uint8_t ip[16])
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

int
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(a, 0, sizeof(*a));
	if (sa->sa_family == AF_INET && len >= (socklen_t)sizeof(v4)) {
		memcpy(&v4, sa, sizeof(v4));
		memcpy(a->ip, v4_prefix, sizeof(v4_prefix));
		memcpy(a->ip + 12, &v4.sin_addr, 4);
		a->port = ntohs(v4.sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6 && len >= (socklen_t)sizeof(v6)) {
		memcpy(&v6, sa, sizeof(v6));
		memcpy(a->ip, &v6.sin6_addr, 16);
		if (is_link_local(a->ip))
			a->scope = v6.sin6_scope_id;
		a->port = ntohs(v6.sin6_port);
		return 0;
	}
	errno = EAFNOSUPPORT;
	return -1;
}

socklen_t
addr_to_sockaddr(const struct addr *a, int family,
    struct sockaddr_storage *ss)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(ss, 0, sizeof(*ss));
	if (family == AF_INET && addr_is_v4(a)) {
		memset(&v4, 0, sizeof(v4));
		v4.sin_family = AF_INET;
		v4.sin_port = htons(a->port);
		memcpy(&v4.sin_addr, a->ip + 12, 4);
		memcpy(ss, &v4, sizeof(v4));
		return (socklen_t)sizeof(v4);
	}
	if (family == AF_INET6) {
		memset(&v6, 0, sizeof(v6));
		v6.sin6_family = AF_INET6;
		v6.sin6_port = htons(a->port);
		v6.sin6_scope_id = a->scope;
		memcpy(&v6.sin6_addr, a->ip, 16);
		memcpy(ss, &v6, sizeof(v6));
		return (socklen_t)sizeof(v6);
	}
	return 0;
}

bool
addr_is_v4(const struct addr *a)
{
	return memcmp(a->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

int
addr_family(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

bool
addr_is_loopback(const struct addr *a)
{
	if (addr_is_v4(a))
		return a->ip[12] == 127;
	return memcmp(a->ip, v6_loopback, sizeof(v6_loopback)) == 0;
}

bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zeros[16];
	size_t from = addr_is_v4(a) ? 12 : 0;

	return memcmp(a->ip + from, zeros, 16 - from) == 0;
}

bool
addr_same_host(const struct addr *a, const struct addr *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 &&
	    a->scope == b->scope;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && a->port == b->port;
}

/* Decimal digits and nothing else, up to max.  0, or -1. */
static int
parse_number(const char *s, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return -1;
	}
	*out = (uint32_t)n;
	return 0;
}

/* A numeric host without brackets and port. */
static int
parse_host(struct addr *a, char *host)
{
	char *percent;

	if (strcmp(host, "*") == 0) {
		memcpy(a->ip, v4_prefix, sizeof(v4_prefix));
		return 0;
	}
	if (inet_pton(AF_INET, host, a->ip + 12) == 1) {
		memcpy(a->ip, v4_prefix, sizeof(v4_prefix));
		return 0;
	}
	if ((percent = strchr(host, '%')) != NULL)
		*percent++ = '\0';
	if (inet_pton(AF_INET6, host, a->ip) != 1)
		return -1;
	if (percent == NULL)
		return 0;
	if (!is_link_local(a->ip))
		return -1;
	return parse_number(percent, UINT32_MAX, &a->scope);
}

/*
 * Cuts text into host and port, where port is NULL if none is written.
 * Without brackets, more than one colon is an IPv6 address and no port.
 */
static int
split_port(char *text, char **host, char **port)
{
	char *colon;

	*host = text;
	*port = NULL;
	if (*text == '[') {
		*host = text + 1;
		if ((text = strchr(text, ']')) == NULL)
			return -1;
		/* Brackets are for IPv6 alone. */
		*text++ = '\0';
		if (strchr(*host, ':') == NULL)
			return -1;
		if (*text == '\0')
			return 0;
		if (*text != ':')
			return -1;
		*port = text + 1;
		return 0;
	}
	colon = strchr(text, ':');
	if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
		*port = colon + 1;
	}
	return 0;
}

int
addr_parse(struct addr *a, const char *s, uint16_t default_port)
{
	char text[ADDR_TEXT], *host, *port;
	uint32_t n = default_port;

	memset(a, 0, sizeof(*a));
	if (strlen(s) >= sizeof(text))
		goto bad;
	memcpy(text, s, strlen(s) + 1);
	if (split_port(text, &host, &port) == -1)
		goto bad;
	if (port == NULL && default_port == 0)
		goto bad;
	if (port != NULL && parse_number(port, UINT16_MAX, &n) == -1)
		goto bad;
	if (parse_host(a, host) == -1)
		goto bad;
	a->port = (uint16_t)n;
	return 0;
bad:
	memset(a, 0, sizeof(*a));
	errno = EINVAL;
	return -1;
}

char *
addr_format_host(const struct addr *a, char buf[ADDR_TEXT])
{
	size_t len;

	if (addr_is_v4(a)) {
		inet_ntop(AF_INET, a->ip + 12, buf, ADDR_TEXT);
		return buf;
	}
	inet_ntop(AF_INET6, a->ip, buf, ADDR_TEXT);
	if (a->scope != 0) {
		len = strlen(buf);
		snprintf(buf + len, ADDR_TEXT - len, "%%%u",
		    (unsigned)a->scope);
	}
	return buf;
}

char *
addr_format(const struct addr *a, char buf[ADDR_TEXT])
{
	char host[ADDR_TEXT];
	bool v4 = addr_is_v4(a);

	/* 58 bytes at the most: brackets, 39 of IPv6, scope, port. */
	snprintf(buf, ADDR_TEXT, "%s%.55s%s:%u", v4 ? "" : "[",
	    addr_format_host(a, host), v4 ? "" : "]", (unsigned)a->port);
	return buf;
}

void
addr_source(const struct addr *a, uint8_t out[16])
{
	size_t keep = addr_is_v4(a) ? 16 : 8;

	memset(out, 0, 16);
	memcpy(out, a->ip, keep);
}
