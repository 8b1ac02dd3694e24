/* SPDX-License-Identifier: ISC */
/*
 * Room and user names (ocm-protocol(7), "Names and tokens"), and text of
 * others made harmless for a terminal.
 */
#ifndef OCM_NAME_H
#define OCM_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Well-formed UTF-8 as in RFC 3629: no overlong form, no surrogate, nothing
 * above U+10FFFF.  The empty string is valid.
 */
bool	utf8_valid(const void *, size_t len);
/*
 * Decodes one code point at p (len > 0).  Returns its bytes (1..4) and sets
 * *cp, or 0 where the bytes are not well-formed.
 */
size_t	utf8_decode(const uint8_t *p, size_t len, uint32_t *cp);

/*
 * Copies text with U+FFFD in the place of each byte that is not UTF-8 and,
 * without `controls`, of each control character.  Stops at a whole character
 * when cap is reached.  Returns bytes written; there is no NUL.  A buffer of
 * 3 * len always suffices.
 */
size_t	utf8_mend(char *out, size_t cap, const void *text, size_t len,
	    bool controls);

/* 1..255 bytes, valid UTF-8, no C0, no DEL, no C1. */
bool	name_valid(const void *, size_t len);

/*
 * Copies text so that no terminal acts on it: C0 (but for tab), DEL, C1,
 * bytes that are not UTF-8, and what shows nothing or reorders a line
 * (U+00AD, U+061C, U+200B..200F, U+2028..202E, U+2060..2064, U+2066..206F,
 * U+FEFF, U+FFF9..FFFB, U+E0000..E007F) become visible escapes such as \x1b
 * or \u{202e}.  Always ends with a NUL; stops at a whole character when cap
 * is reached.  Returns bytes written without the NUL.  A buffer of
 * 8 * len + 1 always suffices.
 */
size_t	text_harmless(char *out, size_t cap, const void *text, size_t len);

#endif
