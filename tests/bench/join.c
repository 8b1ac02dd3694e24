/* SPDX-License-Identifier: ISC */
/* See join.h. */
#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "join.h"
#include "wire.h"

/* Many connections to one place come from an address with few ports. */
static int
come_from(int fd, const struct addr *to, const char *from)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len;
	const int on = 1;

	if (addr_parse(&a, from, 0) == -1 ||
	    (len = addr_to_sockaddr(&a, addr_family(to), &ss)) == 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on)) == -1)
		return -1;
	return bind(fd, (struct sockaddr *)&ss, len);
}

/* A socket connected to a numeric address, or -1. */
static int
connect_to(const char *text, int type, const char *from)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len;
	int fd;

	if (addr_parse(&a, text, 0) == -1) {
		warn("%s", text);
		return -1;
	}
	len = addr_to_sockaddr(&a, addr_family(&a), &ss);
	fd = socket(addr_family(&a), type | SOCK_CLOEXEC, 0);
	if (fd == -1 || (from != NULL && come_from(fd, &a, from) == -1) ||
	    connect(fd, (struct sockaddr *)&ss, len) == -1) {
		warn("%s", text);
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

int
join_connect(const char *rooms_addr, const char *from)
{
	return connect_to(rooms_addr, SOCK_STREAM, from);
}

size_t
join_ask(uint8_t out[JOIN_REQUEST], const char *room, const char *name,
    bool create)
{
	const size_t room_len = strlen(room), len = strlen(name);

	memset(out, 0, TCRP_HEADER);
	out[0] = (uint8_t)room_len;
	out[1] = create ? OP_CREATE : OP_JOIN;
	out[TCRP_HEADER - 1] = (uint8_t)len;
	memcpy(out + TCRP_HEADER, room, room_len);
	memcpy(out + TCRP_HEADER + room_len, name, len);
	return TCRP_HEADER + room_len + len;
}

/* One frame of that state and payload: 1 and its payload, 0, -1 as above. */
static int
read_frame(const uint8_t *p, size_t len, const char *room, uint8_t op,
    uint8_t state, size_t payload, const uint8_t **at)
{
	const size_t room_len = strlen(room);

	if (len < TCRP_HEADER)
		return 0;
	if (p[0] != room_len || p[1] != op || p[2] != state ||
	    p[TCRP_HEADER - 2] != 0 || p[TCRP_HEADER - 1] != payload)
		return -1;
	if (len < TCRP_HEADER + room_len + payload)
		return 0;
	if (memcmp(p + TCRP_HEADER, room, room_len) != 0)
		return -1;
	*at = p + TCRP_HEADER + room_len;
	return 1;
}

int
join_answer(const uint8_t *p, size_t len, const char *room, bool create,
    const uint8_t **token)
{
	const uint8_t op = create ? OP_CREATE : OP_JOIN, *st;
	size_t used;
	int rv;

	if ((rv = read_frame(p, len, room, op, STATE_STATUS, 1, &st)) != 1)
		return rv;
	if (*st != ST_OK) {
		warnx("%s: status %u", room, *st);
		return -1;
	}
	used = (size_t)(st + 1 - p);
	return read_frame(p + used, len - used, room, op, STATE_DONE,
	    TOKEN_TEXT, token);
}

/* Sends the request, takes status and token. */
static int
talk(int fd, const char *room, const char *name, bool create,
    char token[TOKEN_TEXT])
{
	uint8_t ask[JOIN_REQUEST], got[JOIN_ANSWER];
	const size_t len = join_ask(ask, room, name, create);
	const uint8_t *at;
	size_t have = 0;
	ssize_t n;
	int rv;

	if (write(fd, ask, len) != (ssize_t)len)
		return -1;
	while ((rv = join_answer(got, have, room, create, &at)) == 0) {
		if ((n = read(fd, got + have, sizeof(got) - have)) <= 0)
			return -1;
		have += (size_t)n;
	}
	if (rv == 1)
		memcpy(token, at, TOKEN_TEXT);
	return rv == 1 ? 0 : -1;
}

int
join_room(struct joined *j, const char *rooms_addr, const char *from,
    const char *room, const char *name, bool create)
{
	char token[TOKEN_TEXT];
	size_t room_len = strlen(room);
	int tcp, rv;

	if (room_len > JOIN_NAME || strlen(name) > JOIN_NAME)
		return -1;
	if ((tcp = connect_to(rooms_addr, SOCK_STREAM, from)) == -1)
		return -1;
	rv = talk(tcp, room, name, create, token);
	close(tcp);
	if (rv == -1) {
		warnx("%s could not enter %s", name, room);
		return -1;
	}
	j->prefix[0] = (char)room_len;
	j->prefix[1] = TOKEN_TEXT;
	memcpy(j->prefix + 2, room, room_len);
	memcpy(j->prefix + 2 + room_len, token, TOKEN_TEXT);
	j->prefix_len = 2 + room_len + TOKEN_TEXT;
	return 0;
}

int
join_lobby(struct joined *j, const char *name)
{
	const size_t len = strlen(name);

	if (len > JOIN_NAME)
		return -1;
	j->prefix[0] = (char)len;
	memcpy(j->prefix + 1, name, len);
	j->prefix_len = 1 + len;
	return 0;
}

int
join_socket(struct joined *j, const char *relay_addr)
{
	j->udp = connect_to(relay_addr, SOCK_DGRAM, NULL);
	return j->udp == -1 ? -1 : 0;
}

int
join_open_shared(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	const int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&any,
	    sizeof(any)) == -1 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on,
	    sizeof(on)) == -1) {
		warn("socket");
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

static int
parse_v4(struct sockaddr_in *sin, const char *text)
{
	struct sockaddr_storage ss;
	struct addr a;

	if (addr_parse(&a, text, 0) == -1 ||
	    addr_to_sockaddr(&a, AF_INET, &ss) == 0) {
		warnx("%s: not an IPv4 address", text);
		return -1;
	}
	memcpy(sin, &ss, sizeof(*sin));
	return 0;
}

int
join_share(struct joined *j, int fd, const char *relay_addr, const char *from)
{
	struct sockaddr_in sin;

	if (parse_v4(&j->to, relay_addr) == -1 || parse_v4(&sin, from) == -1)
		return -1;
	j->from = sin.sin_addr;
	j->udp = fd;
	j->shared = true;
	return 0;
}

/* From the address of this member, over a socket that has none. */
static ssize_t
send_shared(const struct joined *j, char *p, size_t len)
{
	union {
		struct cmsghdr	 align;
		unsigned char	 bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { .bytes = { 0 } };
	const struct in_pktinfo info = { .ipi_spec_dst = j->from };
	struct sockaddr_in to = j->to;
	struct iovec iov = { .iov_base = p, .iov_len = len };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to),
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };

	control.align.cmsg_len = CMSG_LEN(sizeof(info));
	control.align.cmsg_level = IPPROTO_IP;
	control.align.cmsg_type = IP_PKTINFO;
	memcpy(CMSG_DATA(&control.align), &info, sizeof(info));
	return sendmsg(j->udp, &m, 0);
}

int
join_send(const struct joined *j, const char *message, size_t len)
{
	char all[DATAGRAM_MAX];
	ssize_t n;

	if (j->prefix_len + len > sizeof(all)) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(all, j->prefix, j->prefix_len);
	memcpy(all + j->prefix_len, message, len);
	len += j->prefix_len;
	n = j->shared ? send_shared(j, all, len) : send(j->udp, all, len, 0);
	return n == -1 ? -1 : 0;
}
