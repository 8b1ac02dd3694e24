/* SPDX-License-Identifier: ISC */
/* Datagrams of rooms, with and without token and in JSON, and the lobby's. */
#include <string.h>

#include "exact.h"
#include "run_suite.h"
#include "wire.h"
#include "wire_udp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1

static void
same(const char *what, const uint8_t *got, size_t len, const char *want,
    size_t want_len)
{
	ck_assert_msg(len == want_len && memcmp(got, want, len) == 0,
	    "%s: %.*s", what, (int)len, (const char *)got);
}

static const struct {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	bool		 ok;
	const char	*room, *token, *msg;
} tokens[] = {
	{ "a message", BYTES("\4\3roomtokhello"), true, "room", "tok",
	    "hello" },
	{ "no message", BYTES("\4\3roomtok"), true, "room", "tok", "" },
	{ "no room", BYTES("\0\3tokhello"), true, "", "tok", "hello" },
	{ "no token", BYTES("\4\0roomhello"), true, "room", "", "hello" },
	{ "header alone", BYTES("\0\0"), true, "", "", "" },
	{ "empty", BYTES(""), false, NULL, NULL, NULL },
	{ "one byte", BYTES("\4"), false, NULL, NULL, NULL },
	{ "one byte short", BYTES("\4\3roomto"), false, NULL, NULL, NULL },
	{ "room cut", BYTES("\4\0roo"), false, NULL, NULL, NULL },
	{ "sizes that nothing fits", BYTES("\xff\xffroom"), false, NULL,
	    NULL, NULL },
};

START_TEST(test_token)
{
	struct room_datagram d;
	const uint8_t *p = exact(tokens[_i].bytes, tokens[_i].len);
	const char *what = tokens[_i].what;

	ck_assert_msg(udp_split_token(&d, p, tokens[_i].len) ==
	    tokens[_i].ok, "%s", what);
	if (!tokens[_i].ok)
		return;
	same(what, d.room, d.room_len, tokens[_i].room,
	    strlen(tokens[_i].room));
	same(what, d.token, d.token_len, tokens[_i].token,
	    strlen(tokens[_i].token));
	same(what, d.msg, d.msg_len, tokens[_i].msg, strlen(tokens[_i].msg));
}
END_TEST

static const struct {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	bool		 ok;
	const char	*room, *msg;
} bares[] = {
	{ "a message", BYTES("\4\5roomhello"), true, "room", "hello" },
	{ "no message", BYTES("\4\0room"), true, "room", "" },
	{ "nothing", BYTES("\0\0"), true, "", "" },
	{ "one byte left over", BYTES("\4\5roomhello!"), false, NULL, NULL },
	{ "one byte short", BYTES("\4\5roomhell"), false, NULL, NULL },
	{ "empty", BYTES(""), false, NULL, NULL },
	{ "one byte", BYTES("\0"), false, NULL, NULL },
};

START_TEST(test_bare)
{
	struct room_datagram d;
	const uint8_t *p = exact(bares[_i].bytes, bares[_i].len);
	const char *what = bares[_i].what;

	ck_assert_msg(udp_split_bare(&d, p, bares[_i].len) == bares[_i].ok,
	    "%s", what);
	if (!bares[_i].ok)
		return;
	same(what, d.room, d.room_len, bares[_i].room,
	    strlen(bares[_i].room));
	same(what, d.msg, d.msg_len, bares[_i].msg, strlen(bares[_i].msg));
	ck_assert_uint_eq(d.token_len, 0);
}
END_TEST

static const struct {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	bool		 ok;
	const char	*user, *msg;
} lobbies[] = {
	{ "a message", BYTES("\5alicehello"), true, "alice", "hello" },
	{ "an empty one registers", BYTES("\5alice"), true, "alice", "" },
	{ "Japanese", BYTES("\6\xe5\xb1\xb1\xe7\x94\xb0\xe3\x81\x8a"), true,
	    "\xe5\xb1\xb1\xe7\x94\xb0", "\xe3\x81\x8a" },
	{ "any bytes as message", BYTES("\1a\xff\x1b"), true, "a",
	    "\xff\x1b" },
	{ "empty", BYTES(""), false, NULL, NULL },
	{ "no name", BYTES("\0hello"), false, NULL, NULL },
	{ "name cut", BYTES("\6alice"), false, NULL, NULL },
	{ "control character in the name", BYTES("\5al\nce"), false, NULL,
	    NULL },
	{ "name not UTF-8", BYTES("\2\xe5\xb1"), false, NULL, NULL },
};

START_TEST(test_lobby)
{
	struct lobby_datagram d;
	const uint8_t *p = exact(lobbies[_i].bytes, lobbies[_i].len);
	const char *what = lobbies[_i].what;

	ck_assert_msg(udp_split_lobby(&d, p, lobbies[_i].len) ==
	    lobbies[_i].ok, "%s", what);
	if (!lobbies[_i].ok)
		return;
	same(what, d.user, d.user_len, lobbies[_i].user,
	    strlen(lobbies[_i].user));
	same(what, d.msg, d.msg_len, lobbies[_i].msg,
	    strlen(lobbies[_i].msg));
}
END_TEST

/* 4096 bytes are a datagram, one more is none. */
START_TEST(test_longest)
{
	static uint8_t bytes[DATAGRAM_MAX + 1], scratch[DATAGRAM_MAX];
	struct room_datagram d;
	struct lobby_datagram l;

	memset(bytes, 'x', sizeof(bytes));
	bytes[0] = bytes[1] = 255;
	ck_assert(udp_split_token(&d, bytes, DATAGRAM_MAX));
	ck_assert_uint_eq(d.msg_len, DATAGRAM_MAX - 2 - 255 - 255);
	ck_assert(!udp_split_token(&d, bytes, DATAGRAM_MAX + 1));
	ck_assert(udp_split_bare(&d, bytes, 2 + 255 + 255));
	ck_assert(!udp_split_bare(&d, bytes, DATAGRAM_MAX + 1));
	bytes[1] = 'x';
	ck_assert(udp_split_lobby(&l, bytes, DATAGRAM_MAX));
	ck_assert(!udp_split_lobby(&l, bytes, DATAGRAM_MAX + 1));

	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes + 2, BYTES("{\"room_name\":\"\",\"token\":\"\","
	    "\"message\":\"\"}"));
	ck_assert(udp_split_json(&d, bytes, DATAGRAM_MAX, scratch));
	ck_assert(!udp_split_json(&d, bytes, DATAGRAM_MAX + 1, scratch));
}
END_TEST

/* The same three members around each `%s` that a line gives. */
#define WITH(msg) "\n\x0b{\"room_name\": \"room\", \"token\": \"tok\", " \
    "\"message\": " msg "}"

static const struct {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	const char	*msg;		/* NULL: refused */
	size_t		 msg_len;
} jsons[] = {
	{ "as captured", BYTES(WITH("\"hello-212366\"")),
	    BYTES("hello-212366") },
	{ "escaped Japanese", BYTES(WITH("\"ohayo-\\u304a\\u306f\\u3088"
	    "\\u3046-697243\"")), BYTES("ohayo-\xe3\x81\x8a\xe3\x81\xaf"
	    "\xe3\x82\x88\xe3\x81\x86-697243") },
	{ "raw Japanese", BYTES(WITH("\"\xe3\x81\x8a\"")),
	    BYTES("\xe3\x81\x8a") },
	{ "empty", BYTES(WITH("\"\"")), BYTES("") },
	{ "every short escape",
	    BYTES(WITH("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")),
	    BYTES("\"\\/\b\f\n\r\t") },
	{ "one, two and three bytes", BYTES(WITH("\"\\u0041\\u00e9\\uFFFF"
	    "\"")), BYTES("A\xc3\xa9\xef\xbf\xbf") },
	{ "boundaries of lengths", BYTES(WITH("\"\\u007f\\u0080\\u07ff"
	    "\\u0800\"")), BYTES("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80") },
	{ "escaped NUL", BYTES(WITH("\"a\\u0000b\"")), BYTES("a\0b") },
	{ "first pair", BYTES(WITH("\"\\ud800\\udc00\"")),
	    BYTES("\xf0\x90\x80\x80") },
	{ "last pair", BYTES(WITH("\"\\uDBFF\\uDFFF\"")),
	    BYTES("\xf4\x8f\xbf\xbf") },
	{ "grin", BYTES(WITH("\"\\ud83d\\ude00\"")),
	    BYTES("\xf0\x9f\x98\x80") },
	{ "lone high half", BYTES(WITH("\"\\ud83d\"")), NULL, 0 },
	{ "lone high half, then text", BYTES(WITH("\"\\ud83dxxxxxx\"")),
	    NULL, 0 },
	{ "lone low half", BYTES(WITH("\"\\ude00\"")), NULL, 0 },
	{ "halves the wrong way", BYTES(WITH("\"\\ude00\\ud83d\"")), NULL,
	    0 },
	{ "two high halves", BYTES(WITH("\"\\ud83d\\ud83d\"")), NULL, 0 },
	{ "short hex", BYTES(WITH("\"\\u12\"")), NULL, 0 },
	{ "no hex", BYTES(WITH("\"\\u12g4\"")), NULL, 0 },
	{ "unknown escape", BYTES(WITH("\"\\x41\"")), NULL, 0 },
	{ "escape of NUL", BYTES(WITH("\"\\\0\"")), NULL, 0 },
	{ "raw control character", BYTES(WITH("\"a\nb\"")), NULL, 0 },
	{ "raw NUL", BYTES(WITH("\"a\0b\"")), NULL, 0 },
	{ "not UTF-8", BYTES(WITH("\"\xff\"")), NULL, 0 },
	{ "overlong", BYTES(WITH("\"\xc0\xaf\"")), NULL, 0 },
	{ "surrogate in UTF-8", BYTES(WITH("\"\xed\xa0\x80\"")), NULL, 0 },
	{ "number", BYTES(WITH("5")), NULL, 0 },
	{ "null", BYTES(WITH("null")), NULL, 0 },
	{ "object", BYTES(WITH("{}")), NULL, 0 },
	{ "nothing", BYTES(WITH("")), NULL, 0 },
	{ "string not closed", BYTES(WITH("\"abc")), NULL, 0 },
	{ "said twice", BYTES(WITH("\"a\", \"message\": \"b\"")), NULL, 0 },
	{ "said twice, once in escapes",
	    BYTES(WITH("\"a\", \"mess\\u0061ge\": \"b\"")), NULL, 0 },
	{ "key in escapes", BYTES("\n\x0b{\"room_nam\\u0065\":\"room\","
	    "\"token\":\"tok\",\"message\":\"m\"}"), BYTES("m") },
	{ "other order", BYTES("\n\x0b{\"message\":\"m\",\"token\":\"tok\","
	    "\"room_name\":\"room\"}"), BYTES("m") },
	{ "white space", BYTES("\n\x0b \t\r\n{ \"room_name\" : \"room\" ,\n"
	    "\"token\" :\"tok\",\t\"message\": \"m\" } \n"), BYTES("m") },
	{ "more members", BYTES(WITH("\"m\", \"a\": 1, \"b\": \"}\", "
	    "\"c\": [1, {\"d\": \"]\"}], \"e\": null, \"f\": -1.5e3, "
	    "\"g\": {}")), BYTES("m") },
	{ "member of the same name inside another",
	    BYTES(WITH("\"m\", \"x\": {\"message\": \"n\"}")), BYTES("m") },
	{ "other member not closed", BYTES(WITH("\"m\", \"x\": [")), NULL,
	    0 },
	{ "other member closed too often", BYTES(WITH("\"m\", \"x\": 1]")),
	    NULL, 0 },
	{ "other member empty", BYTES(WITH("\"m\", \"x\": ")), NULL, 0 },
	{ "other member's string broken", BYTES(WITH("\"m\", \"x\": \"\\q\""
	    )), NULL, 0 },
	{ "comma at the end", BYTES(WITH("\"m\",")), NULL, 0 },
	{ "text after it", BYTES(WITH("\"m\"") "x"), NULL, 0 },
	{ "NUL after it", BYTES(WITH("\"m\"") "\0"), NULL, 0 },
	{ "no room", BYTES("\n\x0b{\"token\":\"tok\",\"message\":\"m\"}"),
	    NULL, 0 },
	{ "no token", BYTES("\n\x0b{\"room_name\":\"r\",\"message\":\"m\"}"),
	    NULL, 0 },
	{ "no message", BYTES("\n\x0b{\"room_name\":\"r\",\"token\":\"t\"}"
	    ), NULL, 0 },
	{ "empty object", BYTES("\n\x0b{}"), NULL, 0 },
	{ "array", BYTES("\n\x0b[]"), NULL, 0 },
	{ "header alone", BYTES("\n\x0b"), NULL, 0 },
	{ "one byte", BYTES("{"), NULL, 0 },
	{ "empty datagram", BYTES(""), NULL, 0 },
	{ "key not quoted", BYTES("\n\x0b{room_name:\"r\"}"), NULL, 0 },
	{ "key ends the datagram", BYTES("\n\x0b{\"room_name\""), NULL, 0 },
};

START_TEST(test_json)
{
	const uint8_t *p = exact(jsons[_i].bytes, jsons[_i].len);
	const char *what = jsons[_i].what;
	uint8_t scratch[DATAGRAM_MAX];
	struct room_datagram d;

	ck_assert_msg(udp_split_json(&d, p, jsons[_i].len, scratch) ==
	    (jsons[_i].msg != NULL), "%s", what);
	if (jsons[_i].msg == NULL)
		return;
	same(what, d.room, d.room_len, "room", 4);
	same(what, d.token, d.token_len, "tok", 3);
	same(what, d.msg, d.msg_len, jsons[_i].msg, jsons[_i].msg_len);
}
END_TEST

/* Whatever is cut off the end, what is left is no datagram. */
START_TEST(test_json_cut)
{
	static const char whole[] = WITH("\"m\\u00e9\", \"x\": [1]");
	uint8_t scratch[DATAGRAM_MAX];
	struct room_datagram d;
	size_t len;

	for (len = 0; len < sizeof(whole) - 1; len++) {
		ck_assert_msg(!udp_split_json(&d, exact(whole, len), len,
		    scratch), "cut to %zu", len);
		teardown();
	}
	ck_assert(udp_split_json(&d, exact(whole, len), len, scratch));
}
END_TEST

/* As deep as a datagram can say, without a stack to overflow. */
START_TEST(test_json_deep)
{
	static uint8_t bytes[DATAGRAM_MAX], scratch[DATAGRAM_MAX];
	const char head[] = "\n\x0b{\"x\":";
	struct room_datagram d;

	memset(bytes, '[', sizeof(bytes));
	memcpy(bytes, head, sizeof(head) - 1);
	ck_assert(!udp_split_json(&d, bytes, sizeof(bytes), scratch));
}
END_TEST

static const struct {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	enum udp_token	 seen[2];	/* one after the other */
	const char	*token;		/* that was found */
} quick[] = {
	{ "as captured", BYTES(WITH("\"hello\"")),
	    { UDP_TOKEN_FOUND, UDP_TOKEN_NONE }, "tok" },
	{ "white space", BYTES("{\"token\" \t\r\n: \"tok\"}"),
	    { UDP_TOKEN_FOUND, UDP_TOKEN_NONE }, "tok" },
	{ "broken all around", BYTES("\"token\":\"tok\""),
	    { UDP_TOKEN_FOUND, UDP_TOKEN_NONE }, "tok" },
	{ "said twice", BYTES("\"token\":\"tok\"\"token\":\"tok\""),
	    { UDP_TOKEN_FOUND, UDP_TOKEN_FOUND }, "tok" },
	{ "a text before it", BYTES("{\"x\":\"token\",\"token\":\"tok\"}"),
	    { UDP_TOKEN_UNCLEAR, UDP_TOKEN_FOUND }, "tok" },
	{ "not a string", BYTES("\"token\":5,\"x\":\"y\""),
	    { UDP_TOKEN_UNCLEAR, UDP_TOKEN_NONE }, NULL },
	{ "too far away", BYTES("\"token\":                                "
	    "                                \"tok\""),
	    { UDP_TOKEN_UNCLEAR, UDP_TOKEN_NONE }, NULL },
	{ "not closed", BYTES("\"token\":\"tok"),
	    { UDP_TOKEN_UNCLEAR, UDP_TOKEN_NONE }, NULL },
	{ "the name alone", BYTES("\"token\""),
	    { UDP_TOKEN_UNCLEAR, UDP_TOKEN_NONE }, NULL },
	{ "name in escapes", BYTES("\"tok\\u0065n\":\"tok\""),
	    { UDP_TOKEN_NONE, UDP_TOKEN_NONE }, NULL },
	{ "empty", BYTES(""), { UDP_TOKEN_NONE, UDP_TOKEN_NONE }, NULL },
};

START_TEST(test_json_token)
{
	const uint8_t *p = exact(quick[_i].bytes, quick[_i].len);
	const char *what = quick[_i].what;
	struct room_datagram d;
	enum udp_token seen;
	size_t at = 0;
	int i;

	for (i = 0; i < 2; i++) {
		seen = udp_json_token(&d, p, quick[_i].len, &at);
		ck_assert_msg(seen == quick[_i].seen[i], "%s: %d, look %d",
		    what, (int)seen, i);
		if (seen == UDP_TOKEN_FOUND)
			same(what, d.token, d.token_len, quick[_i].token,
			    strlen(quick[_i].token));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wire_udp");
	TCase *tc = tcase_create("wire_udp");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, test_token, 0, COUNT(tokens));
	tcase_add_loop_test(tc, test_bare, 0, COUNT(bares));
	tcase_add_loop_test(tc, test_lobby, 0, COUNT(lobbies));
	tcase_add_test(tc, test_longest);
	tcase_add_loop_test(tc, test_json, 0, COUNT(jsons));
	tcase_add_test(tc, test_json_cut);
	tcase_add_test(tc, test_json_deep);
	tcase_add_loop_test(tc, test_json_token, 0, COUNT(quick));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
