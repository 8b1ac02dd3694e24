/* SPDX-License-Identifier: ISC */
/*
 * The dialects of the protocol (ocm-protocol(7), "Dialects"): one row each.
 * A row says how its request is recognised, how its answers are written, and
 * how its members get messages.  roomd and relayd read rows; neither names a
 * dialect.  The row's index is stored with the member.
 */
#ifndef OCM_DIALECT_H
#define OCM_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "wire.h"
#include "wire_tcp.h"

enum {
	DIALECT_TCP_OPEN = 1 << 0,	/* the connection is the membership */
	DIALECT_KEEPS_ROOM = 1 << 1,	/* its room outlives its host */
	DIALECT_INVITES = 1 << 2,	/* create mints invites, join spends */
	DIALECT_FIXED_PORT = 1 << 3,	/* source port is never learned */
	DIALECT_SHORT_TOKEN = 1 << 4,	/* 16 characters */
	DIALECT_BARE = 1 << 5,		/* speaks without a token */
	DIALECT_JSON_DATAGRAM = 1 << 6,	/* speaks in JSON datagrams */
	DIALECT_ECHO_STATUS = 1 << 7,	/* each datagram is answered */
	DIALECT_NOTICE_TCP = 1 << 8,	/* notices over its connection */
};
enum { DIALECT_INVITE_COUNT = 4 };

/* How a relayed message looks to its receiver. */
enum form {
	FORM_TEXT,		/* user: msg */
	FORM_ULEN,		/* [ulen][user]msg */
	FORM_BRACKET,		/* [user]: msg */
	FORM_JSON,		/* {"message": "..."} */
	FORM_BARE,		/* R M room msg */
	FORM_COUNT
};

/* What a create, join, or token request asks, out of any dialect. */
struct request {
	const struct dialect *dialect;	/* never NULL after dialect_read */
	enum codec	 codec;
	uint8_t		 op;
	const uint8_t	*room;		/* view into the frame */
	size_t		 room_len;
	char		 user[NAME_MAX_BYTES + 1];
	size_t		 user_len;
	bool		 has_password;	/* a non-empty one was given */
	char		 password[NAME_MAX_BYTES + 1];
	size_t		 password_len;
	bool		 has_port;
	uint16_t	 udp_port;
	const uint8_t	*token;		/* ops 4, 5 and invites: a view */
	size_t		 token_len;
};

/* What the rules answered; token[0] is the member's own. */
struct reply {
	enum codec	 codec;
	uint8_t		 op;
	enum status	 status;
	const uint8_t	*room;
	size_t		 room_len;
	const char	*user;		/* as made unique */
	size_t		 user_len;
	const char	*token[1 + DIALECT_INVITE_COUNT];
	size_t		 token_len;
	unsigned	 tokens;
};

/* One message on its way to the members of a room. */
struct utterance {
	const uint8_t	*room, *user, *msg;
	size_t		 room_len, user_len, msg_len;
	bool		 message_only;	/* setting format = "message" */
};

enum ending {			/* why a member or room is gone */
	END_NONE,
	END_LEFT,		/* its own word, operation 4, TCP close */
	END_HOST_LEFT,
	END_IDLE,
	END_UNREACHABLE,
	END_OPERATOR,
	END_SHUTDOWN,
	END_HARMFUL,		/* its datagrams killed relayd */
	END_COUNT
};

struct opening;			/* a request on its way through the rows */

struct dialect {
	const char	*name;
	enum codec	 codec;		/* under which it appears */
	unsigned	 flags;		/* DIALECT_* */
	enum form	 form;
	enum form	 form_registered;	/* once enrolled */
	unsigned	 gap_ms;	/* least time between status and done */
	const char	*leave[2];	/* whole messages that mean "leave" */
	const char	*enroll;	/* registration word, or NULL */
	/*
	 * Fills user, password, port, token; 1 mine, 0 not mine, -1 mine but
	 * malformed.  Called by dialect_read, for frames of `codec` only.
	 */
	int		(*recognise)(const struct opening *, struct request *);
	/*
	 * The first part of an answer: the status, or the whole refusal.
	 * Writes nothing where a success is one frame.
	 */
	void		(*status)(const struct reply *, struct writer *);
	/* The second part of a success: the token. */
	void		(*done)(const struct reply *, struct writer *);
	/*
	 * The words for the end of a room (only utterance.room is read);
	 * NULL, or returning 0: the plain notice.  enrolled: the member's
	 * registration word came.
	 */
	size_t		(*closed)(const struct utterance *, bool enrolled,
			    uint8_t out[DELIVERY_MAX]);
};

/* Bytes that status() and done() need at the most. */
enum { DIALECT_ANSWER_MAX = 4096 };

unsigned dialect_count(void);			/* <= 32 */
const struct dialect *dialect_row(unsigned id);	/* id >= count: row 0 */
unsigned dialect_id(const struct dialect *);
const struct dialect *dialect_by_name(const char *);	/* or NULL */

/*
 * Decodes a request frame of operation 1 or 2 (R > 0), 4 or 5.  The rows are
 * tried in order; `accepted` has a bit per row id.  Returns ST_OK,
 * ST_MALFORMED, or ST_MALFORMED for a row not accepted; rq->dialect says in
 * whose words to answer in each case.  Operations 4 and 5 are row 0's in
 * every codec, so status() answers them with one status frame of rq->codec.
 * JSON is read with jansson, whose hash must have been seeded
 * (json_object_seed) by a process that may no longer open files.
 */
enum status dialect_read(struct request *rq, const struct tcrp_frame *,
	    uint32_t accepted);

/*
 * Writes a message in a form into out[DELIVERY_MAX].  What does not fit
 * with its user name goes out alone rather than cut.  Returns its length,
 * or 0 where the form cannot carry it at all.
 */
size_t	dialect_message(enum form, const struct utterance *,
	    uint8_t out[DELIVERY_MAX]);
/* The same for a text of the server itself, which has no user. */
size_t	dialect_notice(enum form, const struct utterance *,
	    uint8_t out[DELIVERY_MAX]);
/*
 * The words of section 9 for an ending, as a member is told: a static text,
 * or buf where idle_s (the setting, for END_IDLE) stands in it.
 */
enum { DIALECT_ENDING_TEXT = 64 };
const char *dialect_ending_text(enum ending, uint32_t idle_s,
	    char buf[DIALECT_ENDING_TEXT]);

#endif
