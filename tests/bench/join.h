/* SPDX-License-Identifier: ISC */
/*
 * One member of a room as a client is one: create or join over TCP in the
 * plain dialect, then a UDP socket.  Used by crowd.c; bench_join has many
 * requests on their way and uses the parts.
 */
#ifndef OCM_BENCH_JOIN_H
#define OCM_BENCH_JOIN_H

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JOIN_NAME = 32,			/* bytes of a room's or user's name */
	JOIN_PREFIX = 2 + 32 + 32,	/* R, T, room, token */
	JOIN_REQUEST = 32 + 2 * JOIN_NAME,
	JOIN_ANSWER = 2 * (32 + JOIN_NAME) + 1 + 32,
};

struct joined {
	int	udp;
	bool	shared;			/* else it is connected */
	struct sockaddr_in to;		/* the relay; where it is shared */
	struct in_addr from;
	size_t	prefix_len;
	char	prefix[JOIN_PREFIX];	/* what precedes each message */
};

/*
 * Addresses as "127.0.0.1:9001" or "[::1]:9001"; `from` is where it comes
 * from, NULL: from anywhere; names of at most JOIN_NAME bytes.  0, or -1
 * with a message printed.
 */
int	join_room(struct joined *, const char *rooms_addr, const char *from,
	    const char *room, const char *name, bool create);
/* A client of the lobby. */
int	join_lobby(struct joined *, const char *name);
/* A socket of its own. */
int	join_socket(struct joined *, const char *relay_addr);
/* The socket of several, of whom each has an IPv4 address; or -1. */
int	join_open_shared(void);
int	join_share(struct joined *, int fd, const char *relay_addr,
	    const char *from);
/* Sends one message.  0, or -1 with errno. */
int	join_send(const struct joined *, const char *message, size_t len);

/* A connection to roomd, or -1 with a message printed. */
int	join_connect(const char *rooms_addr, const char *from);
/* The request; returns its length. */
size_t	join_ask(uint8_t out[JOIN_REQUEST], const char *room,
	    const char *name, bool create);
/*
 * Reads the answer to it: 1 when it is whole and grants a token (at *token),
 * 0 while more must come, -1 where it refuses or is none.
 */
int	join_answer(const uint8_t *p, size_t len, const char *room,
	    bool create, const uint8_t **token);

#endif
