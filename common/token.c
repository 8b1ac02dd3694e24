/* SPDX-License-Identifier: ISC */
/*
 * Tokens.  roomd mints them; relayd reads one out of every datagram and
 * compares its tag with the table's.
 */
#include <sodium.h>
#include <string.h>

#include "cursor.h"
#include "token.h"

enum {
	TOKEN_VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
	/* Characters, in fours, that hold slot and generation. */
	TOKEN_LONG_HEAD = 12,
	TOKEN_SHORT_HEAD = 8,
};

static_assert(crypto_shorthash_siphashx24_BYTES == TOKEN_TAG, "tag");
static_assert(crypto_shorthash_siphashx24_KEYBYTES == TOKEN_KEY, "key");

size_t
token_text_len(bool is_short)
{
	return is_short ? TOKEN_SHORT_TEXT : TOKEN_TEXT;
}

void
token_mint(const struct token *t, const uint8_t key[TOKEN_KEY],
    char text[TOKEN_TEXT], uint8_t tag[TOKEN_TAG])
{
	size_t len = token_text_len(t->is_short);
	char with_nul[TOKEN_TEXT + 1];
	uint8_t raw[TOKEN_RAW];
	struct writer w;

	w = writer_make(raw, t->is_short ? TOKEN_SHORT_RAW : TOKEN_RAW);
	if (t->is_short) {
		writer_u8(&w, (uint8_t)(t->slot >> 16));
		writer_be16(&w, (uint16_t)t->slot);
		writer_u8(&w, (uint8_t)t->gen);
	} else {
		writer_be32(&w, t->slot);
		writer_be32(&w, t->gen);
	}
	randombytes_buf(raw + w.len, w.cap - w.len);

	/* Both sizes are multiples of three, so nothing is left over. */
	sodium_bin2base64(with_nul, len + 1, raw, w.cap, TOKEN_VARIANT);
	memcpy(text, with_nul, len);
	token_tag(text, len, key, tag);
	sodium_memzero(raw, sizeof(raw));
	sodium_memzero(with_nul, sizeof(with_nul));
}

/* What a character of base64url is worth, plus one; 0 if it is none. */
static const uint8_t sextet[UINT8_MAX + 1] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
	['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17,
	['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
	['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,
	['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47,
	['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
	['-'] = 63, ['_'] = 64,
};

/*
 * Strict base64url of a length that four divides; sodium_base642bin of 1.0.18
 * takes bytes above 0x7f too.  How long it takes may depend on the text: what
 * is secret of a token is its random rest, which is never decoded.  0, or -1.
 */
static int
decode(uint8_t *raw, const uint8_t *text, size_t len)
{
	uint32_t v, four, alien = 0;
	size_t i, j;

	for (i = 0; i < len; i += 4, raw += 3) {
		for (four = 0, j = 0; j < 4; j++) {
			v = sextet[text[i + j]] - 1U;
			alien |= v >> 31;
			four = four << 6 | (v & 63);
		}
		raw[0] = (uint8_t)(four >> 16);
		raw[1] = (uint8_t)(four >> 8);
		raw[2] = (uint8_t)four;
	}
	return alien == 0 ? 0 : -1;
}

/*
 * This is done for every datagram, also of strangers, so the random rest is
 * not decoded: nobody needs its bytes.
 */
int
token_parse(struct token *t, const void *text, size_t len)
{
	uint8_t raw[TOKEN_LONG_HEAD / 4 * 3];
	size_t head = len == TOKEN_TEXT ? TOKEN_LONG_HEAD : TOKEN_SHORT_HEAD;
	struct reader r;

	if (len != TOKEN_TEXT && len != TOKEN_SHORT_TEXT)
		return -1;
	if (decode(raw, text, head) == -1)
		return -1;
	r = reader_make(raw, head / 4 * 3);
	t->is_short = len == TOKEN_SHORT_TEXT;
	if (t->is_short) {
		t->slot = (uint32_t)reader_u8(&r) << 16;
		t->slot |= reader_be16(&r);
		t->gen = reader_u8(&r);
	} else {
		t->slot = reader_be32(&r);
		t->gen = reader_be32(&r);
	}
	return r.bad ? -1 : 0;
}

void
token_tag(const void *text, size_t len, const uint8_t key[TOKEN_KEY],
    uint8_t tag[TOKEN_TAG])
{
	crypto_shorthash_siphashx24(tag, text, len, key);
}

bool
token_tag_equal(const uint8_t a[TOKEN_TAG], const uint8_t b[TOKEN_TAG])
{
	return crypto_verify_16(a, b) == 0;
}

bool
token_gen_matches(const struct token *t, uint32_t live_gen)
{
	return t->gen == (t->is_short ? live_gen & 0xff : live_gen);
}
