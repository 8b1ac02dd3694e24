/* SPDX-License-Identifier: ISC */
/* TCRP frames: the views lie inside, and what is read writes back. */
#include <string.h>

#include "fuzz.h"
#include "wire_tcp.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	uint8_t buf[2 * TCRP_HEADER + TCRP_ROOM_MAX + TCRP_PAYLOAD_MAX];
	struct writer w = writer_make(buf, sizeof(buf));
	struct tcrp_header head;
	struct tcrp_frame f, g;

	if (len < TCRP_HEADER)
		return 0;
	tcrp_read_header(&head, p);
	if (tcrp_body_len(&head) > len - TCRP_HEADER ||
	    tcrp_read_frame(&f, p) == -1)
		return 0;
	MUST(f.room >= p && f.room + f.room_len == f.payload);
	MUST(f.payload + f.payload_len <= p + len);
	if (f.head.codec == CODEC_INLINE || f.payload_len > TCRP_PAYLOAD_MAX)
		return 0;
	tcrp_write_frame(&w, head.codec, head.op, head.state, f.room,
	    f.room_len, f.payload, f.payload_len);
	MUST(!w.bad && tcrp_read_frame(&g, buf) == 0);
	MUST(g.room_len == f.room_len && g.payload_len == f.payload_len);
	MUST(memcmp(g.room, f.room, f.room_len + f.payload_len) == 0);
	return 0;
}
