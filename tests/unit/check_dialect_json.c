/* SPDX-License-Identifier: ISC */
/* Requests in JSON: every key of every row, and what must be refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1
#define USER "\"user_name\": \"bob\""

static const struct {
	const char	*what;
	const char	*json;
	size_t		 len;
	const char	*dialect;	/* who answers */
	const char	*user;		/* NULL: malformed */
	uint16_t	 port;
	const char	*password;
} requests[] = {
	/* json-string */
	{ "string", BYTES("\"bob\""), "json-string", "bob", 0, NULL },
	{ "white space around", BYTES(" \"bob\"\r\n"), "json-string", "bob",
	    0, NULL },
	{ "string of braces", BYTES("\"{}\""), "json-string", "{}", 0,
	    NULL },
	{ "string of digits", BYTES("\"12\""), "json-string", "12", 0,
	    NULL },
	{ "string of spaces", BYTES("\"  \""), "json-string", "  ", 0,
	    NULL },
	{ "escaped Japanese", BYTES("\"\\u5c71\\u7530\""), "json-string",
	    "\xe5\xb1\xb1\xe7\x94\xb0", 0, NULL },
	{ "raw Japanese", BYTES("\"\xe5\xb1\xb1\xe7\x94\xb0\""),
	    "json-string", "\xe5\xb1\xb1\xe7\x94\xb0", 0, NULL },
	{ "quotes in it", BYTES("\"a\\\"b\""), "json-string", "a\"b", 0,
	    NULL },
	{ "empty string", BYTES("\"\""), "json-string", NULL, 0, NULL },
	{ "escaped newline", BYTES("\"a\\nb\""), "json-string", NULL, 0,
	    NULL },
	{ "escaped NUL", BYTES("\"a\\u0000b\""), "plain", NULL, 0, NULL },
	{ "lone half of a pair", BYTES("\"\\ud800\""), "plain", NULL, 0,
	    NULL },
	{ "string not closed", BYTES("\"bob"), "plain", NULL, 0, NULL },
	{ "two strings", BYTES("\"bob\" \"b\""), "plain", NULL, 0, NULL },
	{ "not UTF-8", BYTES("\"b\xff\""), "plain", NULL, 0, NULL },

	/* plain-json */
	{ "either key", BYTES("{\"username\":\"bob\"}"), "plain-json",
	    "bob", 0, NULL },
	{ "the other key", BYTES("{" USER "}"), "plain-json", "bob", 0,
	    NULL },
	{ "both keys", BYTES("{" USER ",\"username\":\"bob\"}"),
	    "plain-json", NULL, 0, NULL },
	{ "a key twice", BYTES("{" USER "," USER "}"), "plain", NULL, 0,
	    NULL },
	{ "password", BYTES("{" USER ",\"password\":\"s3cret\"}"),
	    "plain-json", "bob", 0, "s3cret" },
	{ "password of spaces", BYTES("{" USER ",\"password\":\" \"}"),
	    "plain-json", "bob", 0, " " },
	{ "password with a newline",
	    BYTES("{" USER ",\"password\":\"a\\nb\"}"), "plain-json", "bob",
	    0, "a\nb" },
	{ "password null", BYTES("{" USER ",\"password\":null}"),
	    "plain-json", "bob", 0, NULL },
	{ "password empty", BYTES("{" USER ",\"password\":\"\"}"),
	    "plain-json", "bob", 0, NULL },
	{ "password number", BYTES("{" USER ",\"password\":5}"),
	    "plain-json", NULL, 0, NULL },
	{ "password false", BYTES("{" USER ",\"password\":false}"),
	    "plain-json", NULL, 0, NULL },
	{ "password with NUL", BYTES("{" USER ",\"password\":\"\\u0000\"}"),
	    "plain", NULL, 0, NULL },
	{ "password twice", BYTES("{" USER ",\"password\":\"a\","
	    "\"password\":\"b\"}"), "plain", NULL, 0, NULL },
	{ "other keys", BYTES("{" USER ",\"operation\":1,\"x\":[1,{}]}"),
	    "plain-json", "bob", 0, NULL },
	{ "name of braces", BYTES("{\"user_name\":\"{}\"}"), "plain-json",
	    "{}", 0, NULL },
	{ "name is a number", BYTES("{\"user_name\":5}"), "plain-json",
	    NULL, 0, NULL },
	{ "name is null", BYTES("{\"username\":null}"), "plain-json", NULL,
	    0, NULL },
	{ "name is empty", BYTES("{\"username\":\"\"}"), "plain-json", NULL,
	    0, NULL },
	{ "name has an escape", BYTES("{\"username\":\"\\u001b[2J\"}"),
	    "plain-json", NULL, 0, NULL },
	{ "no name", BYTES("{\"name\":\"bob\"}"), "plain", NULL, 0, NULL },
	{ "empty object", BYTES("{}"), "plain", "{}", 0, NULL },
	{ "comma at the end", BYTES("{" USER ",}"), "plain", NULL, 0,
	    NULL },
	{ "not closed", BYTES("{" USER), "plain", NULL, 0, NULL },
	{ "text after it", BYTES("{" USER "} x"), "plain", NULL, 0, NULL },
	{ "two objects", BYTES("{" USER "}{" USER "}"), "plain", NULL, 0,
	    NULL },
	{ "NUL after it", BYTES("{" USER "}\0"), "plain", NULL, 0, NULL },
	{ "NUL inside", BYTES("{" USER ",\"x\":\"\0\"}"), "plain", NULL, 0,
	    NULL },
	{ "single quotes", BYTES("{'user_name': 'bob'}"), "plain", NULL, 0,
	    NULL },
	{ "a port after it", BYTES("{" USER "}\xee\x48"), "plain", NULL, 0,
	    NULL },

	/* json-address and json-udp */
	{ "address", BYTES("{" USER ",\"user_address\":[\"::1\",65535]}"),
	    "json-address", "bob", 65535, NULL },
	{ "address with password", BYTES("{" USER ",\"user_address\":"
	    "[\"h\",1],\"password\":\"p\"}"), "json-address", "bob", 1,
	    "p" },
	{ "address, other name key", BYTES("{\"username\":\"bob\","
	    "\"user_address\":[\"h\",1]}"), "json-address", "bob", 1, NULL },
	{ "port 0 is none yet", BYTES("{" USER ",\"user_address\":"
	    "[\"0.0.0.0\",0]}"), "json-address", "bob", 0, NULL },
	{ "port too high", BYTES("{" USER ",\"user_address\":"
	    "[\"h\",65536]}"), "json-address", NULL, 0, NULL },
	{ "port negative", BYTES("{" USER ",\"user_address\":[\"h\",-1]}"),
	    "json-address", NULL, 0, NULL },
	{ "port beyond 64 bits", BYTES("{" USER ",\"user_address\":"
	    "[\"h\",18446744073709551617]}"), "plain", NULL, 0, NULL },
	{ "port real", BYTES("{" USER ",\"user_address\":[\"h\",1.0]}"),
	    "json-address", NULL, 0, NULL },
	{ "port string", BYTES("{" USER ",\"user_address\":"
	    "[\"h\",\"1\"]}"), "json-address", NULL, 0, NULL },
	{ "address without port", BYTES("{" USER ",\"user_address\":"
	    "[\"h\"]}"), "json-address", NULL, 0, NULL },
	{ "address of three", BYTES("{" USER ",\"user_address\":"
	    "[\"h\",1,0]}"), "json-address", NULL, 0, NULL },
	{ "address null", BYTES("{" USER ",\"user_address\":null}"),
	    "json-address", NULL, 0, NULL },
	{ "address string", BYTES("{" USER ",\"user_address\":\"h:1\"}"),
	    "json-address", NULL, 0, NULL },
	{ "host number", BYTES("{" USER ",\"user_address\":[1,1]}"),
	    "json-address", NULL, 0, NULL },
	{ "address without name", BYTES("{\"user_address\":[\"h\",1]}"),
	    "json-address", NULL, 0, NULL },
	{ "udp_address", BYTES("{" USER ",\"udp_address\":[\"h\",9]}"),
	    "json-udp", "bob", 9, NULL },
	{ "udp_address without name", BYTES("{\"udp_address\":[\"h\",9]}"),
	    "json-udp", NULL, 0, NULL },
	{ "udp_address empty", BYTES("{" USER ",\"udp_address\":[]}"),
	    "json-udp", NULL, 0, NULL },
	{ "bad password there", BYTES("{" USER ",\"udp_address\":[\"h\",9],"
	    "\"password\":[]}"), "json-udp", NULL, 0, NULL },

	/* json-port */
	{ "port", BYTES("{" USER ",\"udp_port\":1}"), "json-port", "bob", 1,
	    NULL },
	{ "port 0, never learned", BYTES("{" USER ",\"udp_port\":0}"),
	    "json-port", NULL, 0, NULL },
	{ "port above", BYTES("{" USER ",\"udp_port\":65536}"),
	    "json-port", NULL, 0, NULL },
	{ "port null", BYTES("{" USER ",\"udp_port\":null}"), "json-port",
	    NULL, 0, NULL },
	{ "port without name", BYTES("{\"udp_port\":5}"), "json-port", NULL,
	    0, NULL },
};

static enum status
read_json(struct request *rq, const char *json, size_t len)
{
	struct tcrp_frame f = {
		.head = { .codec = CODEC_BE, .op = OP_JOIN },
		.room = (const uint8_t *)"room", .room_len = 4,
	};
	uint8_t *copy = malloc(len);
	enum status status;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, json, len);
	f.payload = copy;
	f.payload_len = len;
	status = dialect_read(rq, &f, UINT32_MAX);
	free(copy);
	return status;
}

START_TEST(test_requests)
{
	const char *want = requests[_i].user, *what = requests[_i].what;
	struct request rq;

	ck_assert_msg(read_json(&rq, requests[_i].json, requests[_i].len) ==
	    (want != NULL ? ST_OK : ST_MALFORMED), "%s", what);
	ck_assert_msg(strcmp(rq.dialect->name, requests[_i].dialect) == 0,
	    "%s: %s", what, rq.dialect->name);
	if (want == NULL)
		return;
	ck_assert_msg(strcmp(rq.user, want) == 0, "%s: %s", what, rq.user);
	ck_assert_uint_eq(rq.user_len, strlen(want));
	ck_assert_int_eq(rq.has_port, requests[_i].port != 0);
	ck_assert_uint_eq(rq.udp_port, requests[_i].port);
	ck_assert_int_eq(rq.has_password, requests[_i].password != NULL);
	if (requests[_i].password != NULL) {
		ck_assert_str_eq(rq.password, requests[_i].password);
		ck_assert_uint_eq(rq.password_len,
		    strlen(requests[_i].password));
	}
}
END_TEST

START_TEST(test_password_length)
{
	char json[512], password[257];
	struct request rq;
	int n;

	memset(password, 'p', sizeof(password) - 1);
	password[256] = '\0';
	n = snprintf(json, sizeof(json), "{" USER ",\"password\":\"%s\"}",
	    password + 1);
	ck_assert_int_eq(read_json(&rq, json, (size_t)n), ST_OK);
	ck_assert_uint_eq(rq.password_len, 255);
	n = snprintf(json, sizeof(json), "{" USER ",\"password\":\"%s\"}",
	    password);
	ck_assert_int_eq(read_json(&rq, json, (size_t)n), ST_MALFORMED);
	ck_assert_str_eq(rq.dialect->name, "plain-json");
}
END_TEST

/* As deep as a payload can go: refused before anything recurses. */
START_TEST(test_depth)
{
	static const struct {
		const char	*head;
		char		 open, close;
		size_t		 levels;
		enum status	 status;
	} deep[] = {
		{ "{" USER ",\"x\":", '[', ']', 7, ST_OK },
		{ "{" USER ",\"x\":", '[', ']', 8, ST_MALFORMED },
		{ "{" USER ",\"x\":", '[', ']', 2000, ST_MALFORMED },
		{ "{\"x\":", '{', '}', 2000, ST_MALFORMED },
		/* Brackets in a string open nothing. */
		{ "{" USER ",\"x\":\"\\\"[[[[[[[[[[{{{{\",\"y\":", '[', ']',
		    7, ST_OK },
	};
	static char json[TCRP_PAYLOAD_MAX];
	struct request rq;
	size_t len = strlen(deep[_i].head);

	memcpy(json, deep[_i].head, len);
	memset(json + len, deep[_i].open, deep[_i].levels);
	len += deep[_i].levels;
	memset(json + len, deep[_i].close, deep[_i].levels);
	len += deep[_i].levels;
	json[len++] = '}';
	ck_assert_uint_le(len, sizeof(json));
	ck_assert_int_eq(read_json(&rq, json, len), deep[_i].status);
}
END_TEST

/*
 * Whatever is cut off the end, what is left is refused; but a brace alone is
 * a name.
 */
START_TEST(test_cut)
{
	static const char whole[] = "{" USER ", \"user_address\": "
	    "[\"127.0.0.1\", 46317], \"password\": \"\\u3042\"}";
	struct request rq;
	size_t len;

	for (len = 2; len < sizeof(whole) - 1; len++)
		ck_assert_msg(read_json(&rq, whole, len) == ST_MALFORMED,
		    "cut to %zu", len);
	ck_assert_int_eq(read_json(&rq, whole, len), ST_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dialect_json");
	TCase *tc = tcase_create("dialect_json");

	tcase_add_loop_test(tc, test_requests, 0, COUNT(requests));
	tcase_add_test(tc, test_password_length);
	tcase_add_loop_test(tc, test_depth, 0, 5);
	tcase_add_test(tc, test_cut);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
