/* SPDX-License-Identifier: ISC */
/*
 * The lobby: one open room without tokens (ocm-protocol(7), "Lobby").  Its
 * clients are kept in region L as well, so that they are still known when
 * relayd is started anew.  Relay worker 0 alone has one.
 */
#ifndef RELAYD_LOBBY_H
#define RELAYD_LOBBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "fanout.h"
#include "index.h"
#include "live.h"
#include "own.h"
#include "send.h"
#include "timers.h"

enum { LOBBY_STRIKES = 3 };	/* in a row: malformed, or unreachable */

struct lobby_client {
	struct receiver	to;		/* an entry of the fan-out names it */
	struct addr	addr;
	uint64_t	seen_ms;	/* 0: free */
	struct fanout_place place;
	uint32_t	next_free;	/* index + 1 */
	uint8_t		sock;
	uint8_t		malformed, refused;	/* strikes */
};

/* For whoever sends its messages; may be NULL.  ctx first. */
struct lobby_events {
	void	*ctx;
	/* before a client enters */
	void	(*coming)(void *);
	/* before a client leaves its place in the fan-out */
	void	(*moving)(void *, const struct receiver *, bool for_good);
	/* before a client is forgotten */
	void	(*leaving)(void *, uint32_t client);
};

#define LOBBY_NOTHING UINT32_MAX

struct lobby {
	struct outlet	*out;
	struct live	*live;
	int		 family[OCM_ADDRS_MAX];	/* of the sockets */
	uint32_t	 limit;
	uint64_t	 idle_ms;	/* 0: never */
	uint32_t	 count;
	uint32_t	 fresh, free;
	struct lobby_client *clients;
	struct fanout	 fanout;
	uint32_t	 groups;	/* list head */
	struct index	 at;
	struct wheel	 idle;
	struct lobby_events events;
	const struct own *own;		/* or NULL */
};

/*
 * limit: clients; family: of out's sockets.  Takes back the clients of an
 * earlier life from region L.  fatal where memory is short.
 */
void	lobby_make(struct lobby *, struct outlet *, struct live *,
	    const int family[OCM_ADDRS_MAX], uint32_t limit, uint32_t idle_s,
	    uint64_t now_ms);
/*
 * One datagram; a len above DATAGRAM_MAX says that it was longer.  The client
 * who said something that is to be sent to all others as it is, or
 * LOBBY_NOTHING.
 */
uint32_t lobby_datagram(struct lobby *, unsigned sock, const struct addr *,
	    const uint8_t *, size_t len, uint64_t now_ms);
/* A "port unreachable" answer came from there. */
void	lobby_unreachable(struct lobby *, const struct addr *);
void	lobby_set_idle(struct lobby *, uint32_t idle_s);
/* Removes who was idle, and who was unreachable too often. */
void	lobby_expire(struct lobby *, uint64_t now_ms);
/* Milliseconds until lobby_expire has something to do, -1: nothing. */
int	lobby_wait(const struct lobby *, uint64_t now_ms);
/* A text of the server to every client, from the user "server". */
void	lobby_say(struct lobby *, const char *);

#endif
