/* SPDX-License-Identifier: ISC */
/*
 * Tokens: what a client shows to speak.  The text carries the member's slot
 * and generation, so that looking one up is an array access; the table keeps
 * only a keyed tag of it.
 */
#ifndef OCM_TOKEN_H
#define OCM_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { TOKEN_KEY = 16, TOKEN_TAG = 16 };

/* What can be read out of a token's text without believing it. */
struct token {
	uint32_t	slot;
	uint32_t	gen;		/* short form: its low 8 bits only */
	bool		is_short;
};

/*
 * Mints a token for a slot and generation: TOKEN_TEXT characters, or
 * TOKEN_SHORT_TEXT where is_short (slot < 2^24), without a NUL; and its tag.
 */
void	token_mint(const struct token *, const uint8_t key[TOKEN_KEY],
	    char text[TOKEN_TEXT], uint8_t tag[TOKEN_TAG]);
/*
 * Reads slot and generation out of a text of exactly TOKEN_TEXT or
 * TOKEN_SHORT_TEXT characters, of which the first ones, that say these, have
 * to be base64url.  0 and *t, or -1.  Whether it is a token at all is told by
 * its tag alone, which is of every character.
 */
int	token_parse(struct token *t, const void *text, size_t len);
/* The tag of a text that token_parse took (SipHash-2-4, 128 bits). */
void	token_tag(const void *text, size_t len,
	    const uint8_t key[TOKEN_KEY], uint8_t tag[TOKEN_TAG]);
/* In constant time. */
bool	token_tag_equal(const uint8_t a[TOKEN_TAG], const uint8_t b[TOKEN_TAG]);
/* Whether gen of a parsed token can mean the live generation. */
bool	token_gen_matches(const struct token *, uint32_t live_gen);
size_t	token_text_len(bool is_short);

#endif
