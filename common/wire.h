/* SPDX-License-Identifier: ISC */
/*
 * The wire contract: every number that a client can see, and nothing else.
 * ocm-protocol(7) says the same in prose.  Used by every program.
 */
#ifndef OCM_WIRE_H
#define OCM_WIRE_H

#include <assert.h>
#include <stdint.h>

enum {
	WIRE_TCP_PORT = 9001,		/* rooms and tokens */
	WIRE_RELAY_PORT = 9002,		/* chat inside rooms, UDP */
	WIRE_LOBBY_PORT = 9001,		/* the open room, UDP */

	TCRP_HEADER = 32,		/* bytes: R, operation, state, size */
	TCRP_SIZE_FIELD = 29,		/* bytes of OperationPayloadSize */
	TCRP_ROOM_MAX = 255,		/* bytes, what one length byte holds */
	TCRP_PAYLOAD_MAX = 4096,	/* bytes, default of max-payload */

	NAME_MAX_BYTES = 255,		/* room and user names */

	TOKEN_TEXT = 32,		/* characters of base64url */
	TOKEN_RAW = 24,			/* slot 4, generation 4, random 16 */
	TOKEN_SHORT_TEXT = 16,		/* inline dialect */
	TOKEN_SHORT_RAW = 12,		/* slot 3, generation 1, random 8 */

	DATAGRAM_MAX = 4096,		/* bytes, from a client */
	DELIVERY_MAX = 4094,		/* bytes, to a client of a room */
	DATAGRAM_HEADER = 2,		/* R and T of a room datagram */
};

static_assert(3 + TCRP_SIZE_FIELD == TCRP_HEADER, "TCRP header");
static_assert(TOKEN_RAW * 4 == TOKEN_TEXT * 3, "token has no padding");
static_assert(TOKEN_SHORT_RAW * 4 == TOKEN_SHORT_TEXT * 3, "short token");

enum tcrp_op {
	OP_CREATE = 1,
	OP_JOIN = 2,
	OP_PORT_OR_LIST = 3,		/* R > 0: UDP port; R = 0: room list */
	OP_LEAVE = 4,
	OP_MEMBERS = 5,
	OP_SECURE = 0x70,		/* reserved: native secure handshake */
};

enum tcrp_state {
	STATE_REQUEST = 0,
	STATE_STATUS = 1,
	STATE_DONE = 2,
};

enum status {
	ST_OK = 0,			/* done */
	ST_EXISTS = 1,			/* a room of that name exists */
	ST_NO_ROOM = 2,			/* no such room */
	ST_DENIED = 3,			/* password, or token opens nothing */
	ST_MALFORMED = 4,		/* frame, name, JSON, size, operation */
	ST_UNABLE = 5,			/* table full, shutting down */
	ST_SLOW_DOWN = 6,		/* a rate limit of this source */
};

#endif
