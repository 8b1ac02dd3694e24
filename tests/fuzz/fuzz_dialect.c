/* SPDX-License-Identifier: ISC */
/* A frame through recognition, and every answer to it. */
#include <jansson.h>

#include "dialect.h"
#include "fuzz.h"
#include "name.h"

static void
answer(const struct request *rq, enum status status)
{
	static const char token[] = "0123456789abcdefghijklmnopqrstuv";
	bool is_short = (rq->dialect->flags & DIALECT_SHORT_TOKEN) != 0;
	struct reply re = { .codec = rq->codec, .op = rq->op,
	    .status = status, .room = rq->room, .room_len = rq->room_len,
	    .user = rq->user, .user_len = rq->user_len, .token = { token },
	    .token_len = is_short ? TOKEN_SHORT_TEXT : TOKEN_TEXT,
	    .tokens = 1 };
	uint8_t buf[DIALECT_ANSWER_MAX];
	struct writer w = writer_make(buf, sizeof(buf));

	rq->dialect->status(&re, &w);
	if (status == ST_OK && rq->op <= OP_JOIN)
		rq->dialect->done(&re, &w);
	MUST(!w.bad && w.len >= TCRP_HEADER);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct tcrp_header head;
	struct tcrp_frame f;
	struct request rq;
	enum status st;

	json_object_seed(1);
	if (len < TCRP_HEADER)
		return 0;
	tcrp_read_header(&head, p);
	if (tcrp_body_len(&head) > len - TCRP_HEADER ||
	    tcrp_read_frame(&f, p) == -1)
		return 0;
	st = dialect_read(&rq, &f, UINT32_MAX);
	MUST(st == ST_OK || st == ST_MALFORMED);
	MUST(dialect_row(dialect_id(rq.dialect)) == rq.dialect);
	if (st == ST_OK && rq.op <= OP_JOIN)
		MUST(name_valid(rq.user, rq.user_len) &&
		    name_valid(rq.room, rq.room_len));
	MUST(rq.token_len == 0 || (rq.token >= p &&
	    rq.token + rq.token_len <= p + len));
	for (answer(&rq, st); st <= ST_SLOW_DOWN; st++)
		answer(&rq, st);
	return 0;
}
