/* SPDX-License-Identifier: ISC */
/*
 * Room and lobby datagrams (ocm-protocol(7), "Room datagrams" and "Lobby").
 * Pure splits; who may speak is decided by relayd.
 */
#ifndef OCM_WIRE_UDP_H
#define OCM_WIRE_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* Views into the datagram. */
struct room_datagram {
	const uint8_t	*room, *token, *msg;
	size_t		 room_len, token_len, msg_len;
};

struct lobby_datagram {
	const uint8_t	*user, *msg;
	size_t		 user_len, msg_len;
};

/* R, T, room, token, rest: false unless 2 + R + T <= len <= DATAGRAM_MAX. */
bool	udp_split_token(struct room_datagram *, const uint8_t *, size_t len);
/* R, M, room, message without a token: false unless 2 + R + M == len. */
bool	udp_split_bare(struct room_datagram *, const uint8_t *, size_t len);
/*
 * Two bytes, then a JSON object whose strings room_name, token and message
 * are each there once; other members are skipped.  Escapes are undone into
 * scratch, into which the views point.  No allocation.
 */
bool	udp_split_json(struct room_datagram *, const uint8_t *, size_t len,
	    uint8_t scratch[DATAGRAM_MAX]);
/*
 * Where such a datagram seems to say its token, from *at on, which moves: a
 * quick look that decides nothing, for only udp_split_json knows what an
 * escape means and which object a member is in.  FOUND: the token alone is a
 * view into the bytes.  UNCLEAR: there is a member of that name, or a text,
 * and no short plain string after it.
 */
enum udp_token { UDP_TOKEN_NONE, UDP_TOKEN_FOUND, UDP_TOKEN_UNCLEAR };
enum { UDP_TOKEN_NEAR = 64 };		/* bytes that are looked at for it */
enum udp_token udp_json_token(struct room_datagram *, const uint8_t *,
	    size_t len, size_t *at);
/* U, user, rest: false unless U > 0, 1 + U <= len, and a valid user name. */
bool	udp_split_lobby(struct lobby_datagram *, const uint8_t *, size_t len);

#endif
