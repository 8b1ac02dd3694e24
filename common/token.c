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

/* All ones where low <= c <= high, else 0, without a branch. */
static uint32_t
in_range(uint32_t c, uint32_t low, uint32_t high)
{
	return 0U - (((low - 1 - c) & (c - high - 1)) >> 31);
}

/* What a character of base64url is worth, plus one; 0 if it is none. */
static uint32_t
sextet(uint32_t c)
{
	return (in_range(c, 'A', 'Z') & (c - 'A' + 1)) |
	    (in_range(c, 'a', 'z') & (c - 'a' + 27)) |
	    (in_range(c, '0', '9') & (c - '0' + 53)) |
	    (in_range(c, '-', '-') & 63) | (in_range(c, '_', '_') & 64);
}

/*
 * Strict base64url of a length that four divides, in a time that does not
 * depend on the text; sodium_base642bin of 1.0.18 takes bytes above 0x7f
 * too.  0, or -1.
 */
static int
decode(uint8_t *raw, const uint8_t *text, size_t len)
{
	uint32_t v, four, alien = 0;
	size_t i, j;

	for (i = 0; i < len; i += 4, raw += 3) {
		for (four = 0, j = 0; j < 4; j++) {
			v = sextet(text[i + j]) - 1;
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
