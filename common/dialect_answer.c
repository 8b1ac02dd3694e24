/* SPDX-License-Identifier: ISC */
/*
 * Answers to create and join, in the words of each dialect.  Called by roomd
 * through the rows: first status, then, if all went well, done.
 */
#include <stdio.h>
#include <string.h>

#include "dialect_row.h"

enum {
	HTTP_LIKE_DONE = 202,		/* what json-address calls done */
	HTTP_LIKE_REFUSED = 400,
};

/* For people; the codes are what programs read. */
static const char *
status_text(enum status status)
{
	switch (status) {
	case ST_OK:
		return "request accepted";
	case ST_EXISTS:
		return "the room exists already";
	case ST_NO_ROOM:
		return "no such room";
	case ST_DENIED:
		return "wrong or missing password or token";
	case ST_MALFORMED:
		return "malformed request";
	case ST_UNABLE:
		return "the server cannot take more now";
	case ST_SLOW_DOWN:
		return "too many requests, slow down";
	}
	return "refused";
}

static const char *
done_text(const struct reply *re)
{
	return re->op == OP_CREATE ? "room created" : "room joined";
}

/* One frame with the room's bytes. */
static void
frame_room(const struct reply *re, struct writer *w, uint8_t state,
    const void *payload, size_t len)
{
	tcrp_write_frame(w, re->codec, re->op, state, re->room, re->room_len,
	    payload, len);
}

/* One frame with R = 0. */
static void
frame_roomless(const struct reply *re, struct writer *w, uint8_t op,
    uint8_t state, const void *payload, size_t len)
{
	tcrp_write_frame(w, re->codec, op, state, NULL, 0, payload, len);
}

/* {"key": is left to the caller; this is the string and what precedes it. */
static void
put_member(struct writer *w, const char *prefix, const char *text, size_t len)
{
	writer_string(w, prefix);
	writer_json(w, text, len);
}

static void
put_message(struct writer *w, const char *prefix, const char *text)
{
	put_member(w, prefix, text, strlen(text));
}

void
row_status_always(const struct reply *re, struct writer *w)
{
	tcrp_write_status(w, re->codec, re->op, re->room, re->room_len,
	    re->status);
}

void
row_status_refusal(const struct reply *re, struct writer *w)
{
	if (re->status != ST_OK)
		row_status_always(re, w);
}

void
row_done_token(const struct reply *re, struct writer *w)
{
	frame_room(re, w, STATE_DONE, re->token[0], re->token_len);
}

/* Create: a frame for each token.  Join: the token, and a line to read. */
void
row_done_decimal(const struct reply *re, struct writer *w)
{
	char line[NAME_MAX_BYTES + 32];
	unsigned i;
	int n;

	for (i = 0; i < re->tokens; i++)
		frame_room(re, w, STATE_DONE, re->token[i], re->token_len);
	if (re->op != OP_JOIN)
		return;
	n = snprintf(line, sizeof(line), "room joined as %.*s",
	    (int)re->user_len, re->user);
	frame_room(re, w, STATE_REQUEST, line, (size_t)n);
}

void
row_status_json_string(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));
	int n;

	if (re->status == ST_OK) {
		writer_string(&p, "{\"success\": 1}");
	} else {
		n = snprintf(buf, sizeof(buf),
		    "{\"success\": 0, \"status\": %d", (int)re->status);
		p.len = (size_t)n;
		put_message(&p, ", \"message\": ", status_text(re->status));
		writer_string(&p, "}");
	}
	frame_room(re, w, STATE_STATUS, buf, p.len);
}

void
row_done_json_string(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));

	put_member(&p, "{\"token\": ", re->token[0], re->token_len);
	writer_string(&p, "}");
	frame_room(re, w, STATE_DONE, buf, p.len);
}

/* Its clients read no room bytes, and expect state 0 to be a refusal. */
void
row_status_json_address(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));

	if (re->status == ST_OK)
		return;
	p.len = (size_t)snprintf(buf, sizeof(buf), "{\"status\": %d",
	    HTTP_LIKE_REFUSED);
	put_message(&p, ", \"message\": ", status_text(re->status));
	writer_string(&p, "}");
	frame_roomless(re, w, re->op, STATE_REQUEST, buf, p.len);
}

void
row_done_json_address(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));

	p.len = (size_t)snprintf(buf, sizeof(buf), "{\"status\": %d",
	    HTTP_LIKE_DONE);
	put_message(&p, ", \"message\": ", done_text(re));
	put_member(&p, ", \"token\": ", re->token[0], re->token_len);
	writer_string(&p, "}");
	frame_roomless(re, w, re->op, STATE_DONE, buf, p.len);
}

void
row_status_json_port(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));

	if (re->status == ST_OK)
		return;
	put_message(&p,
	    "{\"state\": 1, \"status\": \"error\", \"message\": ",
	    status_text(re->status));
	writer_string(&p, "}");
	frame_room(re, w, STATE_DONE, buf, p.len);
}

void
row_done_json_port(const struct reply *re, struct writer *w)
{
	/* A quote or backslash of the name takes two bytes. */
	char buf[256 + 2 * NAME_MAX_BYTES];
	struct writer p = writer_make(buf, sizeof(buf));

	put_member(&p,
	    "{\"state\": 2, \"status\": \"success\", \"token\": ",
	    re->token[0], re->token_len);
	put_member(&p, ", \"user_name\": ", re->user, re->user_len);
	put_message(&p, ", \"message\": ", done_text(re));
	writer_string(&p, "}");
	frame_room(re, w, STATE_DONE, buf, p.len);
}

/* Its clients expect operation 0. */
void
row_status_json_udp(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));

	put_message(&p, "{\"message\": ", status_text(re->status));
	writer_string(&p, "}");
	frame_roomless(re, w, 0, STATE_STATUS, buf, p.len);
}

void
row_done_json_udp(const struct reply *re, struct writer *w)
{
	char buf[256];
	struct writer p = writer_make(buf, sizeof(buf));

	put_message(&p, "{\"message\": ", done_text(re));
	put_member(&p, ", \"token\": ", re->token[0], re->token_len);
	writer_string(&p, "}");
	frame_roomless(re, w, 0, STATE_DONE, buf, p.len);
}

void
row_status_word(const struct reply *re, struct writer *w)
{
	static const char *const words[] = {
		[ST_OK] = "OK",
		[ST_EXISTS] = "ROOM_EXISTS",
		[ST_NO_ROOM] = "ROOM_NOT_FOUND",
		[ST_DENIED] = "INVALID_PASSWORD",
		[ST_MALFORMED] = "INVALID_REQUEST",
		[ST_UNABLE] = "SERVER_UNABLE",
		[ST_SLOW_DOWN] = "SLOW_DOWN",
	};
	const char *word = words[re->status];

	frame_roomless(re, w, re->op, STATE_STATUS, word, strlen(word));
}

void
row_done_word(const struct reply *re, struct writer *w)
{
	frame_roomless(re, w, re->op, STATE_DONE, re->token[0],
	    re->token_len);
}
