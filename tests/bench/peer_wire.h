/* SPDX-License-Identifier: ISC */
/*
 * What clients of other servers say and hear: Redis pub/sub, IRC, MQTT
 * 3.1.1 and NATS, as far as somebody needs them who enters a room and
 * listens or talks there.  Bytes in, bytes out.  Used by stream.c.
 */
#ifndef OCM_BENCH_PEER_WIRE_H
#define OCM_BENCH_PEER_WIRE_H

#include <stddef.h>

enum { PEER_WIRE_EXTRA = 256 };	/* no more bytes surround a message */

/* What a server says next, as a listener needs to know it. */
enum unit {
	UNIT_PART,		/* the rest of it is not here yet */
	UNIT_WELCOME,		/* now say what `follow` gives */
	UNIT_READY,		/* hears whatever is said from now on */
	UNIT_MESSAGE,
	UNIT_PING,		/* now say `pong` */
	UNIT_REFUSAL,		/* or nothing that this protocol knows */
	UNIT_OTHER,
};

/*
 * `who` 0 is the one that talks, all others listen.  `out` has room for
 * PEER_WIRE_EXTRA bytes; what is returned is how many were written.
 */
struct peer_wire {
	const char	*name;
	size_t		 bytes_max;	/* of a message */
	/* The first thing to say, and what to say once welcome. */
	size_t		(*enter)(char *out, unsigned room, unsigned who);
	size_t		(*follow)(char *out, unsigned room, unsigned who);
	/* What precedes a message of len bytes when it is said. */
	size_t		(*before)(char *out, unsigned room, size_t len);
	const char	*after;		/* what follows it */
	const char	*pong;
	/* Tells what is at p, and unless UNIT_PART how long it is. */
	enum unit	(*next)(const char *p, size_t len, size_t *unit_len);
};

/* NULL if there is none of that name. */
const struct peer_wire *peer_wire_find(const char *name);

#endif
