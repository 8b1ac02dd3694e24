/* SPDX-License-Identifier: ISC */
/*
 * TCRP frames: the 32-byte header and its three ways to write a size
 * (ocm-protocol(7), "TCRP frame" and "The 29-byte size field").  Pure: bytes
 * in, struct out, and the other way round.
 */
#ifndef OCM_WIRE_TCP_H
#define OCM_WIRE_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "wire.h"

/* The rules of section 3, in the order in which they are tried. */
enum codec {
	CODEC_BE,		/* 1: big-endian in the last four bytes */
	CODEC_DIGITS,		/* 2: 29 ASCII digits */
	CODEC_DECIMAL,		/* 3: 1..9 digits, then NUL or space */
	CODEC_INLINE,		/* 4: the field is the payload */
	CODEC_NONE,		/* 5: refused, answered as BE */
};

struct tcrp_header {
	uint8_t		room_len;	/* R */
	uint8_t		op;
	uint8_t		state;
	enum codec	codec;
	uint32_t	payload_len;	/* P; saturates at UINT32_MAX */
};

/* One whole frame; the pointers are views into the caller's bytes. */
struct tcrp_frame {
	struct tcrp_header head;
	const uint8_t	*room;		/* room_len bytes */
	size_t		 room_len;
	const uint8_t	*payload;
	size_t		 payload_len;
};

/* Reads TCRP_HEADER bytes.  Never fails: rule 5 is CODEC_NONE. */
void	tcrp_read_header(struct tcrp_header *, const uint8_t h[TCRP_HEADER]);
/* Bytes that follow the header: R + P, or 0 for CODEC_INLINE and _NONE. */
size_t	tcrp_body_len(const struct tcrp_header *);
/*
 * Points a frame at header and body, which lie one after the other
 * (TCRP_HEADER + tcrp_body_len() bytes).  For CODEC_INLINE room and payload
 * are views into the size field, trailing NULs and spaces trimmed.
 * 0, or -1 where R is longer than what an inline field holds.
 */
int	tcrp_read_frame(struct tcrp_frame *, const uint8_t *bytes);

/*
 * Writes one frame in a codec.  With CODEC_INLINE the frame is 32 bytes, its
 * last 29 the payload (NUL-padded; the writer turns bad where it does not
 * fit), R is 0 and no room follows the header.  CODEC_NONE is written as
 * CODEC_BE.
 */
void	tcrp_write_frame(struct writer *, enum codec, uint8_t op,
	    uint8_t state, const void *room, size_t room_len,
	    const void *payload, size_t payload_len);
/* A status as payload: one byte (BE, NONE) or ASCII decimal. */
void	tcrp_write_status(struct writer *, enum codec, uint8_t op,
	    const void *room, size_t room_len, enum status);

#endif
