/* SPDX-License-Identifier: ISC */
/*
 * Bounded reader and writer over bytes that somebody else owns.  After the
 * first access that does not fit, `bad` is set and stays set, every later
 * read gives zeros and every later write does nothing: a codec checks once,
 * at its end.
 */
#ifndef OCM_CURSOR_H
#define OCM_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t	*p;		/* next byte */
	size_t		 left;
	bool		 bad;
};

struct writer {
	uint8_t		*base;
	size_t		 cap;
	size_t		 len;		/* bytes written so far */
	bool		 bad;
};

struct reader	reader_make(const void *, size_t len);
uint8_t		reader_u8(struct reader *);
uint16_t	reader_be16(struct reader *);
uint32_t	reader_be32(struct reader *);
/* A view of the next len bytes, or NULL (and bad) where there are fewer. */
const uint8_t	*reader_bytes(struct reader *, size_t len);

struct writer	writer_make(void *, size_t cap);
void		writer_u8(struct writer *, uint8_t);
void		writer_be16(struct writer *, uint16_t);
void		writer_be32(struct writer *, uint32_t);
void		writer_bytes(struct writer *, const void *, size_t len);
void		writer_zeros(struct writer *, size_t len);
void		writer_string(struct writer *, const char *);

#endif
