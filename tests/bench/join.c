/* SPDX-License-Identifier: ISC */
/* See join.h. */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <err.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "join.h"
#include "wire.h"

enum { RECEIVE_BUFFER = 1 << 20 };	/* a burst waits here for its turn */

/* A socket connected to a numeric address, or -1. */
static int
connect_to(const char *text, int type)
{
	struct addrinfo hints = { .ai_socktype = type,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *ai;
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t skip = text[0] == '[', len;
	int fd;

	if (colon == NULL || (len = (size_t)(colon - text)) < 1 + 2 * skip ||
	    len >= sizeof(host)) {
		warnx("%s: not an address", text);
		return -1;
	}
	memcpy(host, text + skip, len - 2 * skip);
	host[len - 2 * skip] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0) {
		warnx("%s: not an address", text);
		return -1;
	}
	fd = socket(ai->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
		warn("%s", text);
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

static int
read_all(int fd, void *out, size_t len)
{
	uint8_t *p = out;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = read(fd, p, len)) <= 0)
			return -1;
	return 0;
}

/* Reads one BE frame; its payload's length, or -1. */
static int
read_frame(int fd, size_t room_len, uint8_t *op_state, uint8_t payload[64])
{
	uint8_t head[TCRP_HEADER];
	uint8_t room[NAME_MAX_BYTES];
	size_t len;

	if (read_all(fd, head, sizeof(head)) == -1)
		return -1;
	len = head[TCRP_HEADER - 1];
	if (head[0] != room_len || len > 64 || head[TCRP_HEADER - 2] != 0 ||
	    read_all(fd, room, room_len) == -1 ||
	    read_all(fd, payload, len) == -1)
		return -1;
	op_state[0] = head[1];
	op_state[1] = head[2];
	return (int)len;
}

/* Sends the request, takes status and token. */
static int
talk(int fd, const char *room, const char *name, uint8_t op,
    char token[TOKEN_TEXT])
{
	uint8_t ask[TCRP_HEADER + 64] = { 0 }, got[64], op_state[2];
	size_t room_len = strlen(room), len = strlen(name);
	int n;

	ask[0] = (uint8_t)room_len;
	ask[1] = op;
	ask[TCRP_HEADER - 1] = (uint8_t)len;
	memcpy(ask + TCRP_HEADER, room, room_len);
	memcpy(ask + TCRP_HEADER + room_len, name, len);
	len += TCRP_HEADER + room_len;
	if (write(fd, ask, len) != (ssize_t)len)
		return -1;
	n = read_frame(fd, room_len, op_state, got);
	if (n != 1 || op_state[0] != op || op_state[1] != STATE_STATUS)
		return -1;
	if (got[0] != ST_OK) {
		warnx("%s in %s: status %u", name, room, got[0]);
		return -1;
	}
	n = read_frame(fd, room_len, op_state, got);
	if (n != TOKEN_TEXT || op_state[1] != STATE_DONE)
		return -1;
	memcpy(token, got, TOKEN_TEXT);
	return 0;
}

static int
open_udp(struct joined *j, const char *addr)
{
	int size = RECEIVE_BUFFER;

	if ((j->udp = connect_to(addr, SOCK_DGRAM)) == -1)
		return -1;
	if (setsockopt(j->udp, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1)
		setsockopt(j->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

int
join_room(struct joined *j, const char *rooms_addr, const char *relay_addr,
    const char *room, const char *name, bool create)
{
	char token[TOKEN_TEXT];
	size_t room_len = strlen(room);
	int tcp, rv;

	if (room_len > 32 || strlen(name) > 32)
		return -1;
	if ((tcp = connect_to(rooms_addr, SOCK_STREAM)) == -1)
		return -1;
	rv = talk(tcp, room, name, create ? OP_CREATE : OP_JOIN, token);
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
	return open_udp(j, relay_addr);
}

int
join_lobby(struct joined *j, const char *lobby_addr, const char *name)
{
	const size_t len = strlen(name);

	if (len > 32)
		return -1;
	j->prefix[0] = (char)len;
	memcpy(j->prefix + 1, name, len);
	j->prefix_len = 1 + len;
	return open_udp(j, lobby_addr);
}

int
join_send(const struct joined *j, const char *message, size_t len)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)j->prefix,
		    .iov_len = j->prefix_len },
		{ .iov_base = (void *)(uintptr_t)message, .iov_len = len },
	};

	return writev(j->udp, iov, 2) == -1 ? -1 : 0;
}
