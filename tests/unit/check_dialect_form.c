/* SPDX-License-Identifier: ISC */
/* Messages, notices and last words in every form, up to the last byte. */
#include <check.h>
#include <jansson.h>
#include <string.h>

#include "dialect.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1

static struct utterance
utterance(const void *msg, size_t len)
{
	struct utterance u = {
		.room = (const uint8_t *)"room820791", .room_len = 10,
		.user = (const uint8_t *)"alice", .user_len = 5,
		.msg = msg, .msg_len = len,
	};

	return u;
}

static const struct {
	const char	*what;
	enum form	 form;
	bool		 message_only;
	const char	*msg;
	size_t		 msg_len;
	const char	*want;
	size_t		 len;
	const char	*notice;	/* the same text from the server */
	size_t		 notice_len;
} said[] = {
	{ "text", FORM_TEXT, false, BYTES("hello-317399"),
	    BYTES("alice: hello-317399"), BYTES("hello-317399") },
	{ "text, message only", FORM_TEXT, true, BYTES("hello"),
	    BYTES("hello"), BYTES("hello") },
	{ "text, any bytes", FORM_TEXT, false, BYTES("\0\xff"),
	    BYTES("alice: \0\xff"), BYTES("\0\xff") },
	{ "ulen", FORM_ULEN, false, BYTES("hello-727029"),
	    BYTES("\5" "alicehello-727029"), BYTES("\0hello-727029") },
	{ "ulen has its own way to name", FORM_ULEN, true, BYTES("hello"),
	    BYTES("\5" "alicehello"), BYTES("\0hello") },
	{ "bracket", FORM_BRACKET, false, BYTES("hello-192412"),
	    BYTES("[alice]: hello-192412"),
	    BYTES("[system]: hello-192412") },
	{ "bracket has its own way too", FORM_BRACKET, true, BYTES("hello"),
	    BYTES("[alice]: hello"), BYTES("[system]: hello") },
	{ "json", FORM_JSON, false, BYTES("hello-212366"),
	    BYTES("{\"message\": \"hello-212366\"}"),
	    BYTES("{\"message\": \"hello-212366\"}") },
	{ "json escapes", FORM_JSON, false,
	    BYTES("a\"b\\c\n\r\t\b\x1b\0\x7f/"),
	    BYTES("{\"message\": \"a\\\"b\\\\c\\n\\r\\t\\u0008\\u001b"
	    "\\u0000\\u007f/\"}"),
	    BYTES("{\"message\": \"a\\\"b\\\\c\\n\\r\\t\\u0008\\u001b"
	    "\\u0000\\u007f/\"}") },
	{ "json, Japanese", FORM_JSON, false,
	    BYTES("ohayo-\xe3\x81\x8a\xe3\x81\xaf"),
	    BYTES("{\"message\": \"ohayo-\xe3\x81\x8a\xe3\x81\xaf\"}"),
	    BYTES("{\"message\": \"ohayo-\xe3\x81\x8a\xe3\x81\xaf\"}") },
	{ "json, not UTF-8", FORM_JSON, false, BYTES("a\xff\xe3\x81"),
	    BYTES("{\"message\": \"a\\ufffd\\ufffd\\ufffd\"}"),
	    BYTES("{\"message\": \"a\\ufffd\\ufffd\\ufffd\"}") },
	{ "bare", FORM_BARE, false, BYTES("hello-257777"),
	    BYTES("\n\x0c" "room820791hello-257777"),
	    BYTES("\n\x0c" "room820791hello-257777") },
	{ "bare, Japanese", FORM_BARE, true,
	    BYTES("ohayo-\xe3\x81\x8a\xe3\x81\xaf\xe3\x82\x88\xe3\x81\x86"
	    "-39332"), BYTES("\n\x18room820791ohayo-\xe3\x81\x8a\xe3\x81"
	    "\xaf\xe3\x82\x88\xe3\x81\x86-39332"),
	    BYTES("\n\x18room820791ohayo-\xe3\x81\x8a\xe3\x81\xaf\xe3\x82"
	    "\x88\xe3\x81\x86-39332") },
};

START_TEST(test_said)
{
	struct utterance u = utterance(said[_i].msg, said[_i].msg_len);
	uint8_t out[DELIVERY_MAX];
	size_t n;

	u.message_only = said[_i].message_only;
	n = dialect_message(said[_i].form, &u, out);
	ck_assert_msg(n == said[_i].len && memcmp(out, said[_i].want, n) ==
	    0, "%s: %.*s", said[_i].what, (int)n, (char *)out);
	u.user = NULL;
	u.user_len = 0;
	n = dialect_notice(said[_i].form, &u, out);
	ck_assert_msg(n == said[_i].notice_len && memcmp(out,
	    said[_i].notice, n) == 0, "notice, %s: %.*s", said[_i].what,
	    (int)n, (char *)out);
}
END_TEST

/*
 * The longest message of each form with its user's name (five bytes), the
 * longest alone, and what no form carries.
 */
static const struct {
	enum form	 form;
	size_t		 named, alone;
} limits[] = {
	{ FORM_TEXT, DELIVERY_MAX - 7, DELIVERY_MAX },
	{ FORM_ULEN, DELIVERY_MAX - 6, DELIVERY_MAX - 1 },
	{ FORM_BRACKET, DELIVERY_MAX - 9, DELIVERY_MAX },
	{ FORM_JSON, DELIVERY_MAX - 15, DELIVERY_MAX - 15 },
	{ FORM_BARE, 255, 255 },
};

START_TEST(test_limits)
{
	static uint8_t msg[DELIVERY_MAX + 2], out[DELIVERY_MAX];
	struct utterance u = utterance(msg, 0);
	enum form form = limits[_i].form;
	size_t overhead, len, n;

	memset(msg, 'm', sizeof(msg));
	u.msg_len = 1;
	overhead = dialect_message(form, &u, out) - 1;
	for (len = 1; len <= sizeof(msg); len++) {
		u.msg_len = len;
		n = dialect_message(form, &u, out);
		ck_assert_uint_le(n, DELIVERY_MAX);
		if (len <= limits[_i].named)
			ck_assert_uint_eq(n, len + overhead);
		else if (len <= limits[_i].alone)
			ck_assert_uint_eq(n, len + (form == FORM_ULEN));
		else
			ck_assert_uint_eq(n, 0);
		/* Never cut: the message is there whole, at its end. */
		if (n != 0 && form != FORM_JSON)
			ck_assert_int_eq(memcmp(out + n - len, msg, len), 0);
	}
}
END_TEST

/* A name too long for its byte leaves the message, without a name. */
START_TEST(test_long_names)
{
	uint8_t user[256], out[DELIVERY_MAX];
	struct utterance u = utterance("hi", 2);

	memset(user, 'u', sizeof(user));
	u.user = user;
	u.user_len = 255;
	ck_assert_uint_eq(dialect_message(FORM_ULEN, &u, out), 258);
	ck_assert_uint_eq(out[0], 255);
	u.user_len = 256;
	ck_assert_uint_eq(dialect_message(FORM_ULEN, &u, out), 3);
	ck_assert_mem_eq(out, "\0hi", 3);
	u.room_len = 256;
	ck_assert_uint_eq(dialect_message(FORM_BARE, &u, out), 0);
	ck_assert_uint_eq(dialect_message(FORM_COUNT, &u, out), 0);
}
END_TEST

/* Quotes double: half a datagram of them is all that JSON can carry. */
START_TEST(test_json_of_quotes)
{
	static uint8_t msg[DELIVERY_MAX], out[DELIVERY_MAX];
	size_t most = (DELIVERY_MAX - 15) / 2;
	struct utterance u = utterance(msg, most);

	memset(msg, '"', sizeof(msg));
	ck_assert_uint_eq(dialect_message(FORM_JSON, &u, out),
	    15 + 2 * most);
	u.msg_len = most + 1;
	ck_assert_uint_eq(dialect_message(FORM_JSON, &u, out), 0);
}
END_TEST

/* UTF-8 of a code point, with a NUL; returns its bytes. */
static size_t
encode(uint32_t cp, char out[5])
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	size_t i;

	out[len] = '\0';
	for (i = len - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(lead[len] | cp);
	return len;
}

/* Code points of every length come out of a JSON reader as they went in. */
START_TEST(test_json_reads_back)
{
	uint8_t out[DELIVERY_MAX];
	struct utterance u;
	const char *got;
	char text[5];
	json_t *json;
	uint32_t cp;
	size_t n;

	for (cp = 1; cp <= 0x10ffff; cp += cp < 0x3000 ? 1 : 37) {
		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		u = utterance(text, encode(cp, text));
		n = dialect_message(FORM_JSON, &u, out);
		json = json_loadb((char *)out, n, 0, NULL);
		ck_assert_msg(json != NULL, "U+%X", (unsigned)cp);
		got = json_string_value(json_object_get(json, "message"));
		ck_assert_msg(got != NULL && strcmp(got, text) == 0,
		    "U+%X", (unsigned)cp);
		json_decref(json);
	}
}
END_TEST

/* What one dialect says, another may hear: a 300-byte text, bare. */
START_TEST(test_cannot_carry)
{
	uint8_t msg[300], out[DELIVERY_MAX];
	struct utterance u = utterance(msg, sizeof(msg));

	memset(msg, 'm', sizeof(msg));
	ck_assert_uint_eq(dialect_message(FORM_BARE, &u, out), 0);
	ck_assert_uint_eq(dialect_notice(FORM_BARE, &u, out), 0);
	ck_assert_uint_eq(dialect_message(FORM_TEXT, &u, out), 307);
}
END_TEST

START_TEST(test_closed)
{
	struct utterance u = utterance(NULL, 0);
	const struct dialect *d;
	uint8_t out[DELIVERY_MAX];
	unsigned id;
	size_t n;

	for (id = 0; id < dialect_count(); id++) {
		d = dialect_row(id);
		if (strcmp(d->name, "json-string") == 0) {
			n = d->closed(&u, false, out);
			ck_assert_uint_eq(n, 15);
			ck_assert_mem_eq(out, "__ROOM_CLOSED__", n);
			ck_assert_uint_eq(d->closed(&u, true, out), n);
		} else if (strcmp(d->name, "port-suffix") == 0) {
			ck_assert_uint_eq(d->closed(&u, false, out), 0);
			n = d->closed(&u, true, out);
			ck_assert_uint_eq(n, 23);
			ck_assert_mem_eq(out, "ROOM_CLOSED: room820791", n);
		} else {
			ck_assert(d->closed == NULL);
		}
	}
}
END_TEST

START_TEST(test_endings)
{
	static const struct {
		enum ending	 ending;
		const char	*text;
	} want[] = {
		{ END_NONE, "disconnected" },
		{ END_LEFT, "disconnected: you left" },
		{ END_HOST_LEFT, "room closed: the host left" },
		{ END_IDLE, "disconnected: idle for 300 s" },
		{ END_UNREACHABLE, "disconnected: port unreachable" },
		{ END_OPERATOR, "disconnected: removed by the operator" },
		{ END_SHUTDOWN, "server is shutting down" },
		{ END_HARMFUL, "disconnected: removed" },
	};
	char buf[DIALECT_ENDING_TEXT];
	size_t i;

	ck_assert_uint_eq(COUNT(want), END_COUNT);
	for (i = 0; i < COUNT(want); i++)
		ck_assert_str_eq(dialect_ending_text(want[i].ending, 300,
		    buf), want[i].text);
	ck_assert_str_eq(dialect_ending_text(END_IDLE, UINT32_MAX, buf),
	    "disconnected: idle for 4294967295 s");
	ck_assert_str_eq(dialect_ending_text(END_COUNT, 0, buf),
	    "disconnected");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dialect_form");
	TCase *tc = tcase_create("dialect_form");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_said, 0, COUNT(said));
	tcase_add_loop_test(tc, test_limits, 0, COUNT(limits));
	tcase_add_test(tc, test_long_names);
	tcase_add_test(tc, test_json_of_quotes);
	tcase_add_test(tc, test_json_reads_back);
	tcase_add_test(tc, test_cannot_carry);
	tcase_add_test(tc, test_closed);
	tcase_add_test(tc, test_endings);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
