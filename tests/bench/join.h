/* SPDX-License-Identifier: ISC */
/*
 * One member of a room as a client is one: create or join over TCP in the
 * plain dialect, then a UDP socket.  Used by crowd.c.
 */
#ifndef OCM_BENCH_JOIN_H
#define OCM_BENCH_JOIN_H

#include <stdbool.h>
#include <stddef.h>

enum { JOIN_PREFIX = 2 + 32 + 32 };	/* R, T, room, token */

struct joined {
	int	udp;			/* connected to the relay */
	size_t	prefix_len;
	char	prefix[JOIN_PREFIX];	/* what precedes each message */
};

/*
 * Addresses as "127.0.0.1:9001" or "[::1]:9001"; a room name of at most 32
 * bytes.  0, or -1 with a message printed.
 */
int	join_room(struct joined *, const char *rooms_addr,
	    const char *relay_addr, const char *room, const char *name,
	    bool create);
/* A client of the lobby; a name of at most 32 bytes. */
int	join_lobby(struct joined *, const char *lobby_addr, const char *name);
/* Sends one message.  0, or -1 with errno. */
int	join_send(const struct joined *, const char *message, size_t len);

#endif
