/* SPDX-License-Identifier: ISC */
/*
 * Bounded reader and writer: the only place where the codecs do arithmetic
 * on pointers.
 */
#include <string.h>

#include "cursor.h"

struct reader
reader_make(const void *bytes, size_t len)
{
	return (struct reader){ .p = bytes, .left = len };
}

const uint8_t *
reader_bytes(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	if (len > 0) {
		r->p += len;
		r->left -= len;
	}
	return p;
}

uint8_t
reader_u8(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
reader_be16(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 2);

	if (p == NULL)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
reader_be32(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 4);

	return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

struct writer
writer_make(void *buf, size_t cap)
{
	return (struct writer){ .base = buf, .cap = cap };
}

/* The next len bytes to fill, or NULL. */
static uint8_t *
writer_room(struct writer *w, size_t len)
{
	uint8_t *p;

	if (w->bad || len > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	if (len == 0)
		return NULL;
	p = w->base + w->len;
	w->len += len;
	return p;
}

void
writer_bytes(struct writer *w, const void *bytes, size_t len)
{
	uint8_t *p = writer_room(w, len);

	if (p != NULL)
		memcpy(p, bytes, len);
}

void
writer_zeros(struct writer *w, size_t len)
{
	uint8_t *p = writer_room(w, len);

	if (p != NULL)
		memset(p, 0, len);
}

void
writer_u8(struct writer *w, uint8_t v)
{
	writer_bytes(w, &v, 1);
}

void
writer_be16(struct writer *w, uint16_t v)
{
	const uint8_t be[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	writer_bytes(w, be, sizeof(be));
}

void
writer_be32(struct writer *w, uint32_t v)
{
	const uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };

	writer_bytes(w, be, sizeof(be));
}

void
writer_string(struct writer *w, const char *s)
{
	writer_bytes(w, s, strlen(s));
}
