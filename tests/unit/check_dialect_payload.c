/* SPDX-License-Identifier: ISC */
/*
 * Recognition of dialects: payloads, rooms and operations, codec by codec,
 * and what is nearly a request of one.
 */
#include <stdio.h>
#include <string.h>

#include "dialect.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1
#define ALL UINT32_MAX

static const struct {
	const char	*what;
	enum codec	 codec;
	uint8_t		 op;
	const char	*payload;
	size_t		 len;
	const char	*dialect;	/* who answers */
	const char	*user;		/* NULL: malformed */
	uint16_t	 port;
} payloads[] = {
	/* Names that look like something else. */
	{ "digits", CODEC_BE, 1, BYTES("12345"), "plain", "12345", 0 },
	{ "spaces", CODEC_BE, 1, BYTES("   "), "plain", "   ", 0 },
	{ "array", CODEC_BE, 1, BYTES("[bob]"), "plain", "[bob]", 0 },
	{ "null", CODEC_BE, 1, BYTES("null"), "plain", "null", 0 },
	{ "closing brace", CODEC_BE, 1, BYTES("}"), "plain", "}", 0 },
	{ "quote inside", CODEC_BE, 1, BYTES("a\"b"), "plain", "a\"b", 0 },
	{ "name with a comma", CODEC_BE, 1, BYTES("a,5"), "plain", "a,5",
	    0 },
	{ "looks like TOKEN NAME", CODEC_BE, 2, BYTES("tok bob"), "plain",
	    "tok bob", 0 },
	{ "Japanese", CODEC_BE, 1, BYTES("\xe5\xb1\xb1\xe7\x94\xb0"),
	    "plain", "\xe5\xb1\xb1\xe7\x94\xb0", 0 },
	{ "braces", CODEC_BE, 1, BYTES("{}"), "plain", "{}", 0 },
	{ "a brace", CODEC_BE, 1, BYTES("{"), "plain", "{", 0 },
	{ "brace and spaces", CODEC_BE, 1, BYTES("  {  "), "plain", "  {  ",
	    0 },
	{ "name in braces", CODEC_BE, 1, BYTES("{bob}"), "plain", "{bob}",
	    0 },
	{ "name in braces and a port", CODEC_BE, 1, BYTES("{bob}\x92\xf9"),
	    "port-suffix", "{bob}", 0x92f9 },
	{ "an object's beginning", CODEC_BE, 1, BYTES("{ \"bob"), "plain",
	    NULL, 0 },
	{ "a quote", CODEC_BE, 1, BYTES("\""), "plain", NULL, 0 },
	{ "nothing", CODEC_BE, 1, BYTES(""), "plain", NULL, 0 },
	{ "control bytes", CODEC_BE, 1, BYTES("\1\2\3"), "plain", NULL, 0 },

	/* Two bytes of port. */
	{ "port of two high bytes", CODEC_BE, 1, BYTES("bob\xee\x48"),
	    "port-suffix", "bob", 0xee48 },
	{ "port with a NUL", CODEC_BE, 1, BYTES("bob\0\x50"),
	    "port-suffix", "bob", 80 },
	{ "port 0 is none yet", CODEC_BE, 1, BYTES("bob\0\0"),
	    "port-suffix", "bob", 0 },
	{ "port that is two letters is a name", CODEC_BE, 1,
	    BYTES("bobAB"), "plain", "bobAB", 0 },
	{ "port that is a character is a name", CODEC_BE, 1,
	    BYTES("bob\xc3\xa9"), "plain", "bob\xc3\xa9", 0 },
	{ "port after a digit name", CODEC_BE, 1, BYTES("123\xff\xff"),
	    "port-suffix", "123", 0xffff },
	{ "port without a name", CODEC_BE, 1, BYTES("\xee\x48"), "plain",
	    NULL, 0 },
	{ "port after a bad name", CODEC_BE, 1, BYTES("\xff\xff\xee\x48"),
	    "plain", NULL, 0 },
	{ "port after a brace", CODEC_BE, 1, BYTES("{\xee\x48"),
	    "port-suffix", "{", 0xee48 },

	/* decimal */
	{ "decimal: digits", CODEC_DECIMAL, 1, BYTES("12345"), "decimal",
	    "12345", 0 },
	{ "decimal: braces", CODEC_DECIMAL, 1, BYTES("{\"user_name\":1}"),
	    "decimal", "{\"user_name\":1}", 0 },
	{ "decimal: spaces", CODEC_DECIMAL, 1, BYTES("   "), "decimal",
	    "   ", 0 },
	{ "decimal: no name", CODEC_DECIMAL, 1, BYTES(""), "decimal", NULL,
	    0 },
	{ "decimal: bad name", CODEC_DECIMAL, 1, BYTES("a\n"), "decimal",
	    NULL, 0 },
	{ "decimal join: name with spaces", CODEC_DECIMAL, 2,
	    BYTES("tok my name "), "decimal", "my name ", 0 },
	{ "decimal join: name of spaces", CODEC_DECIMAL, 2,
	    BYTES("tok   "), "decimal", "  ", 0 },
	{ "decimal join: empty token", CODEC_DECIMAL, 2, BYTES(" bob"),
	    "decimal", "bob", 0 },
	{ "decimal join: no token", CODEC_DECIMAL, 2, BYTES("bob"),
	    "decimal", NULL, 0 },
	{ "decimal join: no name", CODEC_DECIMAL, 2, BYTES("tok "),
	    "decimal", NULL, 0 },
	{ "decimal join: nothing", CODEC_DECIMAL, 2, BYTES(""), "decimal",
	    NULL, 0 },

	/* digits */
	{ "digits: name of digits", CODEC_DIGITS, 1, BYTES("12345"),
	    "digits", "12345", 0 },
	{ "digits: highest port", CODEC_DIGITS, 1, BYTES("bob,65535"),
	    "digits", "bob", 65535 },
	{ "digits: port too high", CODEC_DIGITS, 1, BYTES("bob,65536"),
	    "digits", NULL, 0 },
	{ "digits: leading zeros", CODEC_DIGITS, 1, BYTES("bob,00080"),
	    "digits", "bob", 80 },
	{ "digits: port 0 is none yet", CODEC_DIGITS, 1, BYTES("bob,0"),
	    "digits", "bob", 0 },
	{ "digits: six digits are a name", CODEC_DIGITS, 1,
	    BYTES("bob,123456"), "digits", "bob,123456", 0 },
	{ "digits: two commas", CODEC_DIGITS, 1, BYTES("a,b,5"), "digits",
	    "a,b", 5 },
	{ "digits: comma at the end", CODEC_DIGITS, 1, BYTES("bob,"),
	    "digits", "bob,", 0 },
	{ "digits: comma and word", CODEC_DIGITS, 1, BYTES("bob,x5"),
	    "digits", "bob,x5", 0 },
	{ "digits: port alone", CODEC_DIGITS, 1, BYTES(",5"), "digits",
	    NULL, 0 },
	{ "digits: braces", CODEC_DIGITS, 1, BYTES("{}"), "digits", "{}",
	    0 },
	{ "digits: nothing", CODEC_DIGITS, 1, BYTES(""), "digits", NULL,
	    0 },
	{ "digits: bad name", CODEC_DIGITS, 1, BYTES("b\xff,5"), "digits",
	    NULL, 0 },

	/* inline */
	{ "inline: braces", CODEC_INLINE, 1, BYTES("{}"), "inline", "{}",
	    0 },
	{ "inline: digits", CODEC_INLINE, 1, BYTES("1234567890"), "inline",
	    "1234567890", 0 },
	{ "inline: nothing", CODEC_INLINE, 1, BYTES(""), "inline", NULL,
	    0 },
	{ "inline: cut character", CODEC_INLINE, 1, BYTES("\xb1" "a"),
	    "inline", NULL, 0 },

	{ "refused codec", CODEC_NONE, 1, BYTES("bob"), "plain", NULL, 0 },
};

static struct tcrp_frame
frame(enum codec codec, uint8_t op, const void *payload, size_t len)
{
	struct tcrp_frame f = { .head = { .codec = codec, .op = op },
	    .room = (const uint8_t *)"room", .room_len = 4,
	    .payload = payload, .payload_len = len };

	return f;
}

START_TEST(test_payloads)
{
	struct tcrp_frame f = frame(payloads[_i].codec, payloads[_i].op,
	    payloads[_i].payload, payloads[_i].len);
	const char *want = payloads[_i].user;
	struct request rq;

	ck_assert_msg(dialect_read(&rq, &f, ALL) ==
	    (want != NULL ? ST_OK : ST_MALFORMED), "%s", payloads[_i].what);
	ck_assert_msg(strcmp(rq.dialect->name, payloads[_i].dialect) == 0,
	    "%s: %s", payloads[_i].what, rq.dialect->name);
	if (want == NULL)
		return;
	ck_assert_msg(strcmp(rq.user, want) == 0, "%s: %s",
	    payloads[_i].what, rq.user);
	ck_assert_uint_eq(rq.user_len, strlen(want));
	ck_assert_int_eq(rq.has_port, payloads[_i].port != 0);
	ck_assert_uint_eq(rq.udp_port, payloads[_i].port);
}
END_TEST

/* Names of 255 bytes in every codec, and of one more in none. */
START_TEST(test_longest_name)
{
	static const struct {
		enum codec	 codec;
		const char	*before, *after, *dialect;
	} forms[] = {
		{ CODEC_BE, "", "", "plain" },
		{ CODEC_BE, "\"", "\"", "json-string" },
		{ CODEC_BE, "{\"username\":\"", "\"}", "plain-json" },
		{ CODEC_BE, "", "\xee\x48", "port-suffix" },
		/* Both bytes of the port are letters: too long to be all. */
		{ CODEC_BE, "", "AB", "port-suffix" },
		{ CODEC_DECIMAL, "", "", "decimal" },
		{ CODEC_DIGITS, "", ",5", "digits" },
	};
	char name[NAME_MAX_BYTES + 2], payload[2 * NAME_MAX_BYTES];
	struct tcrp_frame f;
	struct request rq;
	size_t len;
	int n;

	for (len = NAME_MAX_BYTES; len <= NAME_MAX_BYTES + 1; len++) {
		memset(name, 'n', len);
		name[len] = '\0';
		n = snprintf(payload, sizeof(payload), "%s%s%s",
		    forms[_i].before, name, forms[_i].after);
		f = frame(forms[_i].codec, OP_CREATE, payload, (size_t)n);
		if (len == NAME_MAX_BYTES) {
			ck_assert_int_eq(dialect_read(&rq, &f, ALL), ST_OK);
			ck_assert_str_eq(rq.dialect->name,
			    forms[_i].dialect);
			ck_assert_str_eq(rq.user, name);
		} else if (_i != 0) {
			ck_assert_int_eq(dialect_read(&rq, &f, ALL),
			    ST_MALFORMED);
		}
	}
}
END_TEST

/* ---- rooms, states and the other operations ---- */

static const struct {
	const char	*what;
	const char	*room;
	size_t		 len;
	enum status	 status;
} rooms[] = {
	{ "digits", BYTES("12345"), ST_OK },
	{ "braces", BYTES("{}"), ST_OK },
	{ "spaces", BYTES("  "), ST_OK },
	{ "empty", BYTES(""), ST_MALFORMED },
	{ "newline", BYTES("a\n"), ST_MALFORMED },
	{ "NUL", BYTES("a\0"), ST_MALFORMED },
	{ "not UTF-8", BYTES("\xff"), ST_MALFORMED },
};

START_TEST(test_rooms)
{
	static const enum codec codecs[] = { CODEC_BE, CODEC_DECIMAL,
	    CODEC_DIGITS, CODEC_INLINE };
	struct request rq;
	size_t i;

	for (i = 0; i < COUNT(codecs); i++) {
		struct tcrp_frame f = frame(codecs[i], OP_CREATE, "bob", 3);

		f.room = (const uint8_t *)rooms[_i].room;
		f.room_len = rooms[_i].len;
		ck_assert_msg(dialect_read(&rq, &f, ALL) ==
		    rooms[_i].status, "%s", rooms[_i].what);
		ck_assert_int_eq(rq.dialect->codec, codecs[i]);
	}
}
END_TEST

/* Leave and members: the token as it came, whatever the codec. */
START_TEST(test_token_operations)
{
	static const uint8_t ops[] = { OP_LEAVE, OP_MEMBERS };
	static const enum codec codecs[] = { CODEC_BE, CODEC_DECIMAL,
	    CODEC_DIGITS, CODEC_INLINE };
	struct tcrp_frame f;
	struct request rq;
	size_t i;

	for (i = 0; i < COUNT(codecs); i++) {
		f = frame(codecs[i], ops[_i], "{token}", 7);
		f.room_len = 0;
		ck_assert_int_eq(dialect_read(&rq, &f, 0), ST_OK);
		ck_assert_str_eq(rq.dialect->name, "plain");
		ck_assert_int_eq(rq.codec, codecs[i]);
		ck_assert_uint_eq(rq.token_len, 7);
		ck_assert_mem_eq(rq.token, "{token}", 7);
	}
}
END_TEST

START_TEST(test_other_operations)
{
	struct tcrp_frame f;
	struct request rq;
	int op;

	for (op = 0; op < 256; op++) {
		f = frame(CODEC_BE, (uint8_t)op, "bob", 3);
		ck_assert_int_eq(dialect_read(&rq, &f, ALL), op == 1 ||
		    op == 2 || op == 4 || op == 5 ? ST_OK : ST_MALFORMED);
		ck_assert_ptr_nonnull(rq.dialect);
		f.head.state = STATE_STATUS;
		ck_assert_int_eq(dialect_read(&rq, &f, ALL), ST_MALFORMED);
		f.head.state = 255;
		ck_assert_int_eq(dialect_read(&rq, &f, ALL), ST_MALFORMED);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dialect_payload");
	TCase *tc = tcase_create("payload");

	tcase_add_loop_test(tc, test_payloads, 0, COUNT(payloads));
	tcase_add_loop_test(tc, test_longest_name, 0, 7);
	tcase_add_loop_test(tc, test_rooms, 0, COUNT(rooms));
	tcase_add_loop_test(tc, test_token_operations, 0, 2);
	tcase_add_test(tc, test_other_operations);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
