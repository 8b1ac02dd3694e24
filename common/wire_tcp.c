/* SPDX-License-Identifier: ISC */
/*
 * TCRP frames.  roomd reads requests and writes answers with it, the client
 * the other way round.
 */
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "wire_tcp.h"

enum {
	BE_ZEROS = TCRP_SIZE_FIELD - 4,	/* rule 1: bytes before the integer */
	DECIMAL_DIGITS = 9,		/* rule 3: at most so many digits */
};

/* Bytes of a field without the NULs and spaces at its end. */
static size_t
trimmed_len(const uint8_t *field)
{
	size_t len = TCRP_SIZE_FIELD;

	while (len > 0 && (field[len - 1] == '\0' || field[len - 1] == ' '))
		len--;
	return len;
}

static size_t
leading_digits(const uint8_t *field)
{
	size_t n = 0;

	while (n < TCRP_SIZE_FIELD && field[n] >= '0' && field[n] <= '9')
		n++;
	return n;
}

static uint32_t
decimal_value(const uint8_t *digits, size_t len)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		v = v * 10 + (uint64_t)(digits[i] - '0');
		if (v > UINT32_MAX)
			return UINT32_MAX;
	}
	return (uint32_t)v;
}

/* Section 3, rule by rule; sets *size where the codec has one. */
static enum codec
size_read(const uint8_t *field, uint32_t *size)
{
	static const uint8_t zeros[BE_ZEROS];
	struct reader r = reader_make(field + BE_ZEROS, 4);
	size_t digits = leading_digits(field), trimmed = trimmed_len(field);

	*size = 0;
	if (memcmp(field, zeros, BE_ZEROS) == 0) {
		*size = reader_be32(&r);
		return CODEC_BE;
	}
	if (digits == TCRP_SIZE_FIELD) {
		*size = decimal_value(field, digits);
		return CODEC_DIGITS;
	}
	if (digits > 0 && digits <= DECIMAL_DIGITS && trimmed == digits) {
		*size = decimal_value(field, digits);
		return CODEC_DECIMAL;
	}
	/* Printable is what a name may hold. */
	if (name_valid(field, trimmed))
		return CODEC_INLINE;
	return CODEC_NONE;
}

void
tcrp_read_header(struct tcrp_header *head, const uint8_t h[TCRP_HEADER])
{
	head->room_len = h[0];
	head->op = h[1];
	head->state = h[2];
	head->codec = size_read(h + 3, &head->payload_len);
}

size_t
tcrp_body_len(const struct tcrp_header *head)
{
	size_t payload = head->payload_len;

	if (head->codec == CODEC_INLINE || head->codec == CODEC_NONE)
		return 0;
	if (payload > SIZE_MAX - head->room_len)
		return SIZE_MAX;
	return head->room_len + payload;
}

int
tcrp_read_frame(struct tcrp_frame *f, const uint8_t *bytes)
{
	size_t body;

	tcrp_read_header(&f->head, bytes);
	f->room_len = f->head.room_len;
	if (f->head.codec == CODEC_INLINE) {
		f->room = bytes + 3;
		body = trimmed_len(f->room);
		if (f->room_len > body)
			return -1;
	} else {
		f->room = bytes + TCRP_HEADER;
		body = tcrp_body_len(&f->head);
		if (f->head.codec == CODEC_NONE)
			f->room_len = 0;
	}
	f->payload = f->room + f->room_len;
	f->payload_len = body - f->room_len;
	return 0;
}

static void
size_write(struct writer *w, enum codec codec, uint32_t len)
{
	char text[TCRP_SIZE_FIELD + 1];
	int n;

	switch (codec) {
	case CODEC_DIGITS:
		snprintf(text, sizeof(text), "%0*u", TCRP_SIZE_FIELD,
		    (unsigned)len);
		writer_bytes(w, text, TCRP_SIZE_FIELD);
		break;
	case CODEC_DECIMAL:
		n = snprintf(text, sizeof(text), "%u", (unsigned)len);
		writer_bytes(w, text, (size_t)n);
		writer_zeros(w, TCRP_SIZE_FIELD - (size_t)n);
		break;
	case CODEC_BE:
	case CODEC_INLINE:
	case CODEC_NONE:
		writer_zeros(w, BE_ZEROS);
		writer_be32(w, len);
		break;
	}
}

static void
inline_write(struct writer *w, uint8_t op, uint8_t state,
    const void *payload, size_t payload_len)
{
	if (payload_len > TCRP_SIZE_FIELD) {
		w->bad = true;
		return;
	}
	writer_u8(w, 0);
	writer_u8(w, op);
	writer_u8(w, state);
	writer_bytes(w, payload, payload_len);
	writer_zeros(w, TCRP_SIZE_FIELD - payload_len);
}

void
tcrp_write_frame(struct writer *w, enum codec codec, uint8_t op,
    uint8_t state, const void *room, size_t room_len, const void *payload,
    size_t payload_len)
{
	if (codec == CODEC_INLINE) {
		inline_write(w, op, state, payload, payload_len);
		return;
	}
	if (room_len > TCRP_ROOM_MAX || payload_len > UINT32_MAX) {
		w->bad = true;
		return;
	}
	writer_u8(w, (uint8_t)room_len);
	writer_u8(w, op);
	writer_u8(w, state);
	size_write(w, codec, (uint32_t)payload_len);
	writer_bytes(w, room, room_len);
	writer_bytes(w, payload, payload_len);
}

void
tcrp_write_status(struct writer *w, enum codec codec, uint8_t op,
    const void *room, size_t room_len, enum status status)
{
	bool binary = codec == CODEC_BE || codec == CODEC_NONE;
	uint8_t byte = (uint8_t)(binary ? status : status + '0');

	static_assert(ST_SLOW_DOWN <= 9, "a status is one digit");
	tcrp_write_frame(w, codec, op, STATE_STATUS, room, room_len, &byte,
	    1);
}
