/* SPDX-License-Identifier: ISC */
/*
 * Answers of every dialect, byte for byte: the documented frames with the
 * texts around which the captures show them.
 */
#include <check.h>
#include <jansson.h>
#include <string.h>

#include "dialect.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1
#define ZEROS25 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS27 ZEROS25 "\0\0"
#define ZEROS28 ZEROS25 "\0\0\0"
#define TOKEN "0123456789abcdefghijklmnopqrstuv"
#define TOKEN16 "0123456789abcdef"

static const char *const invites[] = {
	"invite-1-3456789abcdefghijklmnop", "invite-2-3456789abcdefghijklmnop",
	"invite-3-3456789abcdefghijklmnop", "invite-4-3456789abcdefghijklmnop",
};

#define D32 "\4\1\2" "32" ZEROS27 "room"

/* A success: what status and done write. */
static const struct {
	const char	*dialect;
	uint8_t		 op;
	const char	*status;
	size_t		 status_len;
	const char	*done;
	size_t		 done_len;
} successes[] = {
	{ "plain", 1, BYTES("\4\1\1" ZEROS28 "\1" "room\0"),
	    BYTES("\4\1\2" ZEROS28 "\x20" "room" TOKEN) },
	{ "plain", 2, BYTES("\4\2\1" ZEROS28 "\1" "room\0"),
	    BYTES("\4\2\2" ZEROS28 "\x20" "room" TOKEN) },
	{ "plain-json", 1, BYTES("\4\1\1" ZEROS28 "\1" "room\0"),
	    BYTES("\4\1\2" ZEROS28 "\x20" "room" TOKEN) },
	{ "decimal", 1, BYTES(""), BYTES(D32 TOKEN
	    D32 "invite-1-3456789abcdefghijklmnop"
	    D32 "invite-2-3456789abcdefghijklmnop"
	    D32 "invite-3-3456789abcdefghijklmnop"
	    D32 "invite-4-3456789abcdefghijklmnop") },
	{ "decimal", 2, BYTES(""), BYTES("\4\2\2" "32" ZEROS27 "room" TOKEN
	    "\4\2\0" "18" ZEROS27 "room" "room joined as bob") },
	{ "inline", 1, BYTES("\0\1\1" "0" ZEROS28),
	    BYTES("\0\1\2" TOKEN16 "\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "digits", 1, BYTES(""), BYTES("\4\1\2"
	    "00000000000000000000000000032" "room" TOKEN) },
	{ "json-string", 1, BYTES("\4\1\1" ZEROS28 "\x0e"
	    "room{\"success\": 1}"), BYTES("\4\1\2" ZEROS28 "\x2d"
	    "room{\"token\": \"" TOKEN "\"}") },
	{ "json-address", 1, BYTES(""), BYTES("\0\1\2" ZEROS28 "\x57"
	    "{\"status\": 202, \"message\": \"room created\", "
	    "\"token\": \"" TOKEN "\"}") },
	{ "json-address", 2, BYTES(""), BYTES("\0\2\2" ZEROS28 "\x56"
	    "{\"status\": 202, \"message\": \"room joined\", "
	    "\"token\": \"" TOKEN "\"}") },
	{ "json-port", 1, BYTES(""), BYTES("\4\1\2" ZEROS28 "\x7d"
	    "room{\"state\": 2, \"status\": \"success\", \"token\": \""
	    TOKEN "\", \"user_name\": \"bob\", "
	    "\"message\": \"room created\"}") },
	{ "json-udp", 2, BYTES("\0\0\1" ZEROS28 "\x1f"
	    "{\"message\": \"request accepted\"}"),
	    BYTES("\0\0\2" ZEROS28 "\x47" "{\"message\": \"room joined\", "
	    "\"token\": \"" TOKEN "\"}") },
	{ "port-suffix", 1, BYTES("\0\1\1" ZEROS28 "\2" "OK"),
	    BYTES("\0\1\2" ZEROS28 "\x20" TOKEN) },
};

static struct reply
reply(const struct dialect *d, uint8_t op, enum status status)
{
	bool is_short = (d->flags & DIALECT_SHORT_TOKEN) != 0;
	struct reply re = {
		.codec = d->codec, .op = op, .status = status,
		.room = (const uint8_t *)"room", .room_len = 4,
		.user = "bob", .user_len = 3,
		.token = { is_short ? TOKEN16 : TOKEN }, .tokens = 1,
		.token_len = is_short ? TOKEN_SHORT_TEXT : TOKEN_TEXT,
	};
	unsigned i;

	if ((d->flags & DIALECT_INVITES) != 0 && op == OP_CREATE)
		for (i = 0; i < DIALECT_INVITE_COUNT; i++)
			re.token[re.tokens++] = invites[i];
	return re;
}

START_TEST(test_success)
{
	const struct dialect *d = dialect_by_name(successes[_i].dialect);
	struct reply re = reply(d, successes[_i].op, ST_OK);
	uint8_t buf[DIALECT_ANSWER_MAX];
	struct writer w = writer_make(buf, sizeof(buf));

	d->status(&re, &w);
	ck_assert(!w.bad);
	ck_assert_msg(w.len == successes[_i].status_len &&
	    memcmp(buf, successes[_i].status, w.len) == 0,
	    "%s: %.*s", d->name, (int)w.len, (char *)buf);

	w = writer_make(buf, sizeof(buf));
	d->done(&re, &w);
	ck_assert(!w.bad);
	ck_assert_msg(w.len == successes[_i].done_len &&
	    memcmp(buf, successes[_i].done, w.len) == 0,
	    "%s: %zu %.*s", d->name, w.len, (int)w.len - 35,
	    (char *)buf + 35);
}
END_TEST

/* A refusal is one frame; `want` is all of it but the text for people. */
static const struct {
	const char	*dialect;
	enum status	 status;
	const char	*want;
	size_t		 len;
} refusals[] = {
	{ "plain", ST_EXISTS, BYTES("\4\2\1" ZEROS28 "\1" "room\1") },
	{ "plain", ST_SLOW_DOWN, BYTES("\4\2\1" ZEROS28 "\1" "room\6") },
	{ "plain-json", ST_DENIED, BYTES("\4\2\1" ZEROS28 "\1" "room\3") },
	{ "decimal", ST_NO_ROOM, BYTES("\4\2\1" "1" ZEROS28 "room2") },
	{ "decimal", ST_MALFORMED, BYTES("\4\2\1" "1" ZEROS28 "room4") },
	{ "inline", ST_UNABLE, BYTES("\0\2\1" "5" ZEROS28) },
	{ "digits", ST_EXISTS, BYTES("\4\2\1"
	    "00000000000000000000000000001" "room1") },
	{ "json-string", ST_NO_ROOM, BYTES("\4\2\1" ZEROS28 "\x36"
	    "room{\"success\": 0, \"status\": 2, "
	    "\"message\": \"no such room\"}") },
	{ "json-address", ST_NO_ROOM, BYTES("\0\2\0" ZEROS28 "\x2a"
	    "{\"status\": 400, \"message\": \"no such room\"}") },
	{ "json-port", ST_NO_ROOM, BYTES("\4\2\2" ZEROS28 "\x3a"
	    "room{\"state\": 1, \"status\": \"error\", "
	    "\"message\": \"no such room\"}") },
	{ "json-udp", ST_NO_ROOM, BYTES("\0\0\1" ZEROS28 "\x1b"
	    "{\"message\": \"no such room\"}") },
	{ "port-suffix", ST_EXISTS, BYTES("\0\2\1" ZEROS28 "\x0b"
	    "ROOM_EXISTS") },
	{ "port-suffix", ST_NO_ROOM, BYTES("\0\2\1" ZEROS28 "\x0e"
	    "ROOM_NOT_FOUND") },
	{ "port-suffix", ST_DENIED, BYTES("\0\2\1" ZEROS28 "\x10"
	    "INVALID_PASSWORD") },
	{ "port-suffix", ST_MALFORMED, BYTES("\0\2\1" ZEROS28 "\x0f"
	    "INVALID_REQUEST") },
};

START_TEST(test_refusal)
{
	const struct dialect *d = dialect_by_name(refusals[_i].dialect);
	struct reply re = reply(d, OP_JOIN, refusals[_i].status);
	uint8_t buf[DIALECT_ANSWER_MAX];
	struct writer w = writer_make(buf, sizeof(buf));

	re.token[0] = NULL;
	re.tokens = 0;
	d->status(&re, &w);
	ck_assert(!w.bad);
	ck_assert_msg(w.len == refusals[_i].len &&
	    memcmp(buf, refusals[_i].want, w.len) == 0, "%s: %zu %.*s",
	    d->name, w.len, (int)w.len - 32, (char *)buf + 32);
}
END_TEST

/*
 * Every status of every row, with the longest room and a name that doubles
 * when it is escaped: it fits, is whole frames, and its JSON is JSON.
 */
START_TEST(test_all_rows)
{
	const struct dialect *d = dialect_row((unsigned)_i);
	char room[TCRP_ROOM_MAX], user[NAME_MAX_BYTES];
	uint8_t buf[DIALECT_ANSWER_MAX];
	enum status status;
	unsigned op;

	memset(room, 'r', sizeof(room));
	memset(user, '"', sizeof(user));
	for (op = OP_CREATE; op <= OP_JOIN; op++)
		for (status = ST_OK; status <= ST_SLOW_DOWN; status++) {
			struct reply re = reply(d, (uint8_t)op, status);
			struct writer w = writer_make(buf, sizeof(buf));
			struct tcrp_frame f;
			size_t at;
			json_t *json;

			re.room = (uint8_t *)room;
			re.room_len = sizeof(room);
			re.user = user;
			re.user_len = sizeof(user);
			d->status(&re, &w);
			if (status == ST_OK)
				d->done(&re, &w);
			ck_assert(!w.bad);
			ck_assert_uint_ge(w.len, TCRP_HEADER);
			/* An inline "0" reads like a decimal size. */
			if (d->codec == CODEC_INLINE) {
				ck_assert_uint_eq(w.len % TCRP_HEADER, 0);
				continue;
			}
			for (at = 0; at < w.len; at += TCRP_HEADER +
			    tcrp_body_len(&f.head)) {
				ck_assert_int_eq(tcrp_read_frame(&f,
				    buf + at), 0);
				ck_assert_int_eq(f.head.codec, d->codec);
				if (f.payload_len == 0 ||
				    f.payload[0] != '{')
					continue;
				json = json_loadb((const char *)f.payload,
				    f.payload_len, 0, NULL);
				ck_assert_msg(json != NULL, "%s", d->name);
				json_decref(json);
			}
			ck_assert_uint_eq(at, w.len);
		}
}
END_TEST

/* Leave and members answer with row 0 in the codec of the request. */
START_TEST(test_row_0_in_every_codec)
{
	const struct dialect *d = dialect_row(0);
	struct reply re = reply(d, OP_LEAVE, ST_OK);
	uint8_t buf[128];
	struct writer w = writer_make(buf, sizeof(buf));

	re.codec = CODEC_DECIMAL;
	d->status(&re, &w);
	ck_assert_uint_eq(w.len, 37);
	ck_assert_mem_eq(buf, "\4\4\1" "1" ZEROS28 "room0", 37);
	w = writer_make(buf, sizeof(buf));
	re.codec = CODEC_INLINE;
	re.status = ST_DENIED;
	d->status(&re, &w);
	ck_assert_uint_eq(w.len, 32);
	ck_assert_mem_eq(buf, "\0\4\1" "3" ZEROS28, 32);
}
END_TEST

/* What the rows promise to roomd and relayd. */
static const struct {
	const char	*name;
	unsigned	 flags;
	enum form	 form, registered;
	const char	*leave[2], *enroll;
	unsigned	 gap_ms;
} promises[] = {
	{ "plain", 0, FORM_TEXT, FORM_TEXT, { "/exit" }, NULL, 0 },
	{ "plain-json", 0, FORM_TEXT, FORM_TEXT, { "/exit" }, NULL, 0 },
	{ "decimal", DIALECT_TCP_OPEN | DIALECT_KEEPS_ROOM |
	    DIALECT_INVITES | DIALECT_BARE | DIALECT_NOTICE_TCP, FORM_BARE,
	    FORM_BARE, { NULL }, NULL, 0 },
	{ "inline", DIALECT_SHORT_TOKEN | DIALECT_ECHO_STATUS, FORM_TEXT,
	    FORM_TEXT, { "/exit" }, NULL, 0 },
	{ "digits", 0, FORM_TEXT, FORM_TEXT, { "/exit" }, NULL, 0 },
	{ "json-string", 0, FORM_ULEN, FORM_ULEN, { "__LEAVE__" },
	    "__REGISTER__", 0 },
	{ "json-address", 0, FORM_TEXT, FORM_TEXT, { "exit" }, NULL, 0 },
	{ "json-port", DIALECT_FIXED_PORT, FORM_BRACKET, FORM_BRACKET,
	    { "/quit" }, NULL, 0 },
	{ "json-udp", DIALECT_JSON_DATAGRAM, FORM_JSON, FORM_JSON, { NULL },
	    NULL, 20 },
	{ "port-suffix", 0, FORM_TEXT, FORM_ULEN, { "__LEAVE__", "@quit" },
	    "@join", 0 },
};

START_TEST(test_promises)
{
	const struct dialect *d = dialect_by_name(promises[_i].name);
	int i;

	ck_assert_uint_eq(COUNT(promises), dialect_count());
	ck_assert_uint_eq(d->flags, promises[_i].flags);
	ck_assert_int_eq(d->form, promises[_i].form);
	ck_assert_int_eq(d->form_registered, promises[_i].registered);
	ck_assert_uint_eq(d->gap_ms, promises[_i].gap_ms);
	for (i = 0; i < 2; i++)
		ck_assert_pstr_eq(d->leave[i], promises[_i].leave[i]);
	ck_assert_pstr_eq(d->enroll, promises[_i].enroll);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dialect_answer");
	TCase *tc = tcase_create("dialect_answer");

	tcase_add_loop_test(tc, test_success, 0, COUNT(successes));
	tcase_add_loop_test(tc, test_refusal, 0, COUNT(refusals));
	tcase_add_loop_test(tc, test_all_rows, 0, (int)dialect_count());
	tcase_add_test(tc, test_row_0_in_every_codec);
	tcase_add_loop_test(tc, test_promises, 0, COUNT(promises));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
