/* SPDX-License-Identifier: ISC */
/* Tokens: there and back, every wrong text, and every changed bit. */
#include <check.h>
#include <sodium.h>
#include <string.h>

#include "token.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t key[TOKEN_KEY] = "sixteen bytes of";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789-_";

static const struct {
	const char	*what;
	struct token	 t;
	uint32_t	 gen;		/* as it is read back */
} minted[] = {
	{ "zeros", { 0, 0, false }, 0 },
	{ "ones", { 1, 1, false }, 1 },
	{ "all bits", { UINT32_MAX, UINT32_MAX, false }, UINT32_MAX },
	{ "byte order", { 0x01020304, 0x05060708, false }, 0x05060708 },
	{ "short zeros", { 0, 0, true }, 0 },
	{ "short, all bits", { 0xffffff, 0xff, true }, 0xff },
	{ "short, byte order", { 0x010203, 0x0a0b0c0d, true }, 0x0d },
};

START_TEST(test_roundtrip)
{
	const struct token *t = &minted[_i].t;
	size_t len = token_text_len(t->is_short), i;
	uint8_t tag[TOKEN_TAG], again[TOKEN_TAG];
	char text[TOKEN_TEXT + 1];
	struct token got;

	memset(text, '#', sizeof(text));
	token_mint(t, key, text, tag);
	for (i = 0; i < len; i++)
		ck_assert_msg(strchr(alphabet, text[i]) != NULL, "%s: %c",
		    minted[_i].what, text[i]);
	ck_assert_int_eq(text[len], '#');
	ck_assert_int_eq(token_parse(&got, text, len), 0);
	ck_assert_uint_eq(got.slot, t->slot);
	ck_assert_uint_eq(got.gen, minted[_i].gen);
	ck_assert_int_eq(got.is_short, t->is_short);
	token_tag(text, len, key, again);
	ck_assert(token_tag_equal(tag, again));
	ck_assert(token_gen_matches(&got, t->gen));
	ck_assert(!token_gen_matches(&got, t->gen + 1));
}
END_TEST

START_TEST(test_known_bytes)
{
	struct token t;

	ck_assert_int_eq(token_parse(&t,
	    "AQIDBAUGBwgAAAAAAAAAAAAAAAAAAAAA", 32), 0);
	ck_assert_uint_eq(t.slot, 0x01020304);
	ck_assert_uint_eq(t.gen, 0x05060708);
	ck_assert(!t.is_short);
	ck_assert_int_eq(token_parse(&t, "_-8BAgAAAAAAAAAA", 16), 0);
	ck_assert_uint_eq(t.slot, 0xffef01);
	ck_assert_uint_eq(t.gen, 2);
	ck_assert(t.is_short);
}
END_TEST

/* The short form knows eight bits of a generation. */
START_TEST(test_generations)
{
	struct token t = { 5, 0x01, true };

	ck_assert(token_gen_matches(&t, 1));
	ck_assert(token_gen_matches(&t, 0x101));
	ck_assert(!token_gen_matches(&t, 0x103));
	t.is_short = false;
	ck_assert(!token_gen_matches(&t, 0x101));
}
END_TEST

/* Two tokens of one slot share what is not random, and nothing else. */
START_TEST(test_random_part)
{
	const struct token t = { 7, 9, false };
	uint8_t tag[2][TOKEN_TAG];
	char text[2][TOKEN_TEXT];

	token_mint(&t, key, text[0], tag[0]);
	token_mint(&t, key, text[1], tag[1]);
	ck_assert_mem_eq(text[0], text[1], 10);
	ck_assert_mem_ne(text[0] + 11, text[1] + 11, TOKEN_TEXT - 11);
	ck_assert(!token_tag_equal(tag[0], tag[1]));
}
END_TEST

START_TEST(test_wrong_length)
{
	char text[256];
	struct token t;
	size_t len;

	memset(text, 'A', sizeof(text));
	for (len = 0; len < sizeof(text); len++)
		ck_assert_int_eq(token_parse(&t, text, len),
		    len == TOKEN_TEXT || len == TOKEN_SHORT_TEXT ? 0 : -1);
	/* Padding is no part of the form. */
	memset(text + 10, '=', 2);
	ck_assert_int_eq(token_parse(&t, text, TOKEN_TEXT), -1);
}
END_TEST

/*
 * Every byte that is not of the alphabet, at every place that says slot or
 * generation; elsewhere the tag is another one.
 */
START_TEST(test_wrong_alphabet)
{
	static const size_t lens[] = { TOKEN_TEXT, TOKEN_SHORT_TEXT };
	static const size_t heads[] = { 12, 8 };
	uint8_t tag[TOKEN_TAG], plain[TOKEN_TAG];
	char text[TOKEN_TEXT];
	struct token t;
	bool fine;
	size_t at;
	int v;

	memset(text, 'A', sizeof(text));
	token_tag(text, lens[_i], key, plain);
	for (v = 0; v < 256; v++) {
		fine = v != 0 && strchr(alphabet, v) != NULL;
		for (at = 0; at < lens[_i]; at++) {
			memset(text, 'A', sizeof(text));
			text[at] = (char)v;
			ck_assert_msg(token_parse(&t, text, lens[_i]) ==
			    (fine || at >= heads[_i] ? 0 : -1),
			    "byte %d at %zu", v, at);
			token_tag(text, lens[_i], key, tag);
			ck_assert_msg(token_tag_equal(tag, plain) ==
			    (v == 'A'), "byte %d at %zu", v, at);
		}
	}
}
END_TEST

/* No two texts mean the same bytes: each changed character reads anew. */
START_TEST(test_canonical)
{
	char text[TOKEN_SHORT_TEXT];
	struct token a, b;
	size_t i, j;

	memset(text, 'A', sizeof(text));
	for (i = 0; i < 64; i++)
		for (j = 0; j < 64; j++) {
			text[5] = alphabet[i];
			ck_assert_int_eq(token_parse(&a, text,
			    sizeof(text)), 0);
			text[5] = alphabet[j];
			ck_assert_int_eq(token_parse(&b, text,
			    sizeof(text)), 0);
			/* Characters 4 and 5 hold the generation's bits. */
			ck_assert_int_eq(a.gen == b.gen, i / 16 == j / 16);
		}
}
END_TEST

START_TEST(test_tag_bits)
{
	uint8_t a[TOKEN_TAG], b[TOKEN_TAG];
	int bit;

	randombytes_buf(a, sizeof(a));
	memcpy(b, a, sizeof(b));
	ck_assert(token_tag_equal(a, b));
	for (bit = 0; bit < 8 * TOKEN_TAG; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(!token_tag_equal(a, b), "bit %d", bit);
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

/* A tag depends on every bit of the text and of the key. */
START_TEST(test_tag_inputs)
{
	uint8_t tag[TOKEN_TAG], other[TOKEN_TAG], k[TOKEN_KEY];
	const struct token t = { 3, 5, false };
	char text[TOKEN_TEXT];
	int bit;

	token_mint(&t, key, text, tag);
	for (bit = 0; bit < 8 * TOKEN_TEXT; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		token_tag(text, TOKEN_TEXT, key, other);
		ck_assert_msg(!token_tag_equal(tag, other), "bit %d", bit);
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	for (bit = 0; bit < 8 * TOKEN_KEY; bit++) {
		memcpy(k, key, sizeof(k));
		k[bit / 8] ^= (uint8_t)(1 << bit % 8);
		token_tag(text, TOKEN_TEXT, k, other);
		ck_assert_msg(!token_tag_equal(tag, other), "bit %d", bit);
	}
	token_tag(text, TOKEN_TEXT - 1, key, other);
	ck_assert(!token_tag_equal(tag, other));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("token");
	TCase *tc = tcase_create("token");

	if (sodium_init() == -1)
		return 1;
	tcase_add_loop_test(tc, test_roundtrip, 0, COUNT(minted));
	tcase_add_test(tc, test_known_bytes);
	tcase_add_test(tc, test_generations);
	tcase_add_test(tc, test_random_part);
	tcase_add_test(tc, test_wrong_length);
	tcase_add_loop_test(tc, test_wrong_alphabet, 0, 2);
	tcase_add_test(tc, test_canonical);
	tcase_add_test(tc, test_tag_bits);
	tcase_add_test(tc, test_tag_inputs);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
