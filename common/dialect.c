/* SPDX-License-Identifier: ISC */
/*
 * The table of dialects, and the recognition of a request.  To add a dialect,
 * add a row (at the end: a row's index is its id in shared memory) and the
 * functions that no other row has yet.
 */
#include <string.h>

#include "dialect_row.h"
#include "name.h"

enum { JSON_UDP_GAP_MS = 20 };	/* its clients read one frame per recv */

int
row_take_user(struct request *rq, const void *name, size_t len)
{
	if (!name_valid(name, len))
		return -1;
	memcpy(rq->user, name, len);
	rq->user[len] = '\0';
	rq->user_len = len;
	return 1;
}

static int
recognise_plain(const struct opening *o, struct request *rq)
{
	const struct tcrp_frame *f = o->frame;

	if (o->looks_json || !name_valid(f->payload, f->payload_len))
		return 0;
	return row_take_user(rq, f->payload, f->payload_len);
}

/* A name and nothing else, in a codec that has no other shape. */
static int
recognise_name(const struct opening *o, struct request *rq)
{
	return row_take_user(rq, o->frame->payload, o->frame->payload_len);
}

/* Create: NAME.  Join: TOKEN NAME. */
static int
recognise_decimal(const struct opening *o, struct request *rq)
{
	const struct tcrp_frame *f = o->frame;
	const uint8_t *space;

	if (rq->op == OP_CREATE)
		return recognise_name(o, rq);
	if (f->payload_len == 0)
		return -1;
	space = memchr(f->payload, ' ', f->payload_len);
	if (space == NULL)
		return -1;
	rq->token = f->payload;
	rq->token_len = (size_t)(space - f->payload);
	return row_take_user(rq, space + 1,
	    f->payload_len - rq->token_len - 1);
}

/*
 * NAME, or NAME,PORT.  One to five digits after the last comma are a port;
 * anything else there belongs to the name.
 */
static int
recognise_digits(const struct opening *o, struct request *rq)
{
	const uint8_t *name = o->frame->payload;
	size_t len = o->frame->payload_len, i = len;
	unsigned port = 0, unit = 1;

	while (i > 0 && len - i < 5 && name[i - 1] >= '0' &&
	    name[i - 1] <= '9') {
		port += unit * (unsigned)(name[--i] - '0');
		unit *= 10;
	}
	if (i == len || i == 0 || name[i - 1] != ',')
		return row_take_user(rq, name, len);
	if (port > UINT16_MAX)
		return -1;
	rq->has_port = port != 0;
	rq->udp_port = (uint16_t)port;
	return row_take_user(rq, name, i - 1);
}

/* NAME and two bytes of port, which together are no name. */
static int
recognise_port_suffix(const struct opening *o, struct request *rq)
{
	const uint8_t *name = o->frame->payload;
	size_t len = o->frame->payload_len;
	struct reader r;

	if (o->looks_json || len <= 2 || name_valid(name, len) ||
	    !name_valid(name, len - 2))
		return 0;
	r = reader_make(name + len - 2, 2);
	rq->udp_port = reader_be16(&r);
	rq->has_port = rq->udp_port != 0;
	return row_take_user(rq, name, len - 2);
}

/*
 * Tried from first to last, so what recognises less stands first: plain-json
 * takes any object with a user name, after those that want another key too.
 */
static const struct dialect rows[] = {
	{
		.name = "plain",
		.codec = CODEC_BE,
		.form = FORM_TEXT,
		.form_registered = FORM_TEXT,
		.leave = { "/exit" },
		.recognise = recognise_plain,
		.status = row_status_always,
		.done = row_done_token,
	},
	{
		.name = "decimal",
		.codec = CODEC_DECIMAL,
		.flags = DIALECT_TCP_OPEN | DIALECT_KEEPS_ROOM |
		    DIALECT_INVITES | DIALECT_BARE | DIALECT_NOTICE_TCP,
		.form = FORM_BARE,
		.form_registered = FORM_BARE,
		.recognise = recognise_decimal,
		.status = row_status_refusal,
		.done = row_done_decimal,
	},
	{
		.name = "inline",
		.codec = CODEC_INLINE,
		.flags = DIALECT_SHORT_TOKEN | DIALECT_ECHO_STATUS,
		.form = FORM_TEXT,
		.form_registered = FORM_TEXT,
		.leave = { "/exit" },
		.recognise = recognise_name,
		.status = row_status_always,
		.done = row_done_token,
	},
	{
		.name = "digits",
		.codec = CODEC_DIGITS,
		.form = FORM_TEXT,
		.form_registered = FORM_TEXT,
		.leave = { "/exit" },
		.recognise = recognise_digits,
		.status = row_status_refusal,
		.done = row_done_token,
	},
	{
		.name = "json-string",
		.codec = CODEC_BE,
		.form = FORM_ULEN,
		.form_registered = FORM_ULEN,
		.leave = { "__LEAVE__" },
		.enroll = "__REGISTER__",
		.recognise = row_recognise_json_string,
		.status = row_status_json_string,
		.done = row_done_json_string,
		.closed = row_closed_json_string,
	},
	{
		.name = "json-address",
		.codec = CODEC_BE,
		.form = FORM_TEXT,
		.form_registered = FORM_TEXT,
		.leave = { "exit" },
		.recognise = row_recognise_json_address,
		.status = row_status_json_address,
		.done = row_done_json_address,
	},
	{
		.name = "json-port",
		.codec = CODEC_BE,
		.flags = DIALECT_FIXED_PORT,
		.form = FORM_BRACKET,
		.form_registered = FORM_BRACKET,
		.leave = { "/quit" },
		.recognise = row_recognise_json_port,
		.status = row_status_json_port,
		.done = row_done_json_port,
	},
	{
		.name = "json-udp",
		.codec = CODEC_BE,
		.flags = DIALECT_JSON_DATAGRAM,
		.form = FORM_JSON,
		.form_registered = FORM_JSON,
		.gap_ms = JSON_UDP_GAP_MS,
		.recognise = row_recognise_json_udp,
		.status = row_status_json_udp,
		.done = row_done_json_udp,
	},
	{
		.name = "plain-json",
		.codec = CODEC_BE,
		.form = FORM_TEXT,
		.form_registered = FORM_TEXT,
		.leave = { "/exit" },
		.recognise = row_recognise_plain_json,
		.status = row_status_always,
		.done = row_done_token,
	},
	{
		.name = "port-suffix",
		.codec = CODEC_BE,
		.form = FORM_TEXT,
		.form_registered = FORM_ULEN,
		.leave = { "__LEAVE__", "@quit" },
		.enroll = "@join",
		.recognise = recognise_port_suffix,
		.status = row_status_word,
		.done = row_done_word,
		.closed = row_closed_port_suffix,
	},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static_assert(ROWS <= 32, "accepted dialects are bits of 32");

unsigned
dialect_count(void)
{
	return ROWS;
}

const struct dialect *
dialect_row(unsigned id)
{
	return &rows[id < ROWS ? id : 0];
}

unsigned
dialect_id(const struct dialect *d)
{
	return (unsigned)(d - rows);
}

const struct dialect *
dialect_by_name(const char *name)
{
	unsigned id;

	for (id = 0; id < ROWS; id++)
		if (strcmp(rows[id].name, name) == 0)
			return &rows[id];
	return NULL;
}

/*
 * Finds the row of a create or join and fills in what it reads.  A codec
 * that only one dialect has is that dialect's, whatever the payload.
 */
static enum status
read_opening(struct request *rq, const struct opening *o, uint32_t accepted)
{
	unsigned id;
	int mine;

	for (id = 0; id < ROWS; id++) {
		if (rows[id].codec != rq->codec)
			continue;
		mine = rows[id].recognise(o, rq);
		if (mine == 0)
			continue;
		rq->dialect = &rows[id];
		if (mine < 0 || (accepted & UINT32_C(1) << id) == 0)
			return ST_MALFORMED;
		return ST_OK;
	}
	return ST_MALFORMED;
}

enum status
dialect_read(struct request *rq, const struct tcrp_frame *f,
    uint32_t accepted)
{
	struct opening o = { .frame = f };
	enum status status;

	memset(rq, 0, sizeof(*rq));
	rq->dialect = &rows[0];
	rq->codec = f->head.codec;
	rq->op = f->head.op;
	rq->room = f->room;
	rq->room_len = f->room_len;
	if (rq->codec == CODEC_NONE)
		return ST_MALFORMED;

	switch (rq->op) {
	case OP_CREATE:
	case OP_JOIN:
		if (rq->codec == CODEC_BE) {
			o.looks_json = row_json_begins(f->payload,
			    f->payload_len);
			if (o.looks_json)
				o.json = row_json_parse(f->payload,
				    f->payload_len);
		}
		status = read_opening(rq, &o, accepted);
		json_decref(o.json);
		if (!name_valid(rq->room, rq->room_len))
			status = ST_MALFORMED;
		break;
	case OP_LEAVE:
	case OP_MEMBERS:
		rq->token = f->payload;
		rq->token_len = f->payload_len;
		status = ST_OK;
		break;
	default:
		return ST_MALFORMED;
	}
	return f->head.state == STATE_REQUEST ? status : ST_MALFORMED;
}
