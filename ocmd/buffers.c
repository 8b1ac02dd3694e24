/* SPDX-License-Identifier: ISC */
/* Sizes of the UDP sockets' buffers (see buffers.h). */
#include <stdio.h>
#include <unistd.h>

#include "buffers.h"

/*
 * A receive buffer holds what comes while the relay is busy with copies or
 * has no processor.  A datagram takes up to 1 KiB of it, and one member in
 * four may speak in that time: 256 bytes for each of them.  It is also what a
 * flood has to fill before it costs anybody a datagram: bundles of rubbish
 * fill 8 MiB in two milliseconds.
 *
 * Over loopback a copy is with its receiver before the call returns, and any
 * send buffer will do.  A real device sends later, and until then all copies
 * lie here: 64 messages of 200 bytes to a room of 1000 are 20 MiB as bundles,
 * with what the kernel spends on them, and the limit is on half of that
 * (Linux counts double).  16 MiB hold them, and are gone within 0.2 s at
 * 1 Gbit/s; smaller servers cannot have such rooms.
 *
 * All of it is a limit and taken only where it is needed, but a flood must
 * not take a small machine's memory: no buffer is more than 1/128 of that.
 */
enum {
	RECEIVE_PER_MEMBER = 256,
	SEND_PER_MEMBER = 16 << 10,
	LEAST = 256 << 10,
	MOST = 16 << 20,
	SHARE_OF_MEMORY = 128,
};

static uint32_t
between(uint64_t n, uint64_t least, uint64_t most)
{
	if (n > most)
		n = most;
	return (uint32_t)(n < least ? least : n);
}

uint64_t
buffers_memory(void)
{
	const long pages = sysconf(_SC_PHYS_PAGES);
	const long size = sysconf(_SC_PAGESIZE);

	return pages < 1 || size < 1 ? 0 : (uint64_t)pages * (uint64_t)size;
}

void
buffers_want(struct buffers *b, const struct conf *c, uint64_t memory)
{
	const uint64_t limit = between(MOST, LEAST, net_buffer_most());
	const uint64_t most = memory == 0 ? limit :
	    between(memory / SHARE_OF_MEMORY, LEAST, limit);
	const uint64_t members = c->max_members;

	b->have[NET_RECEIVE] = b->have[NET_SEND] = UINT32_MAX;
	if (c->socket_buffer != 0) {
		b->want[NET_RECEIVE] = c->socket_buffer * 1024;
		b->want[NET_SEND] = c->socket_buffer * 1024;
		return;
	}
	b->want[NET_RECEIVE] = between(members * RECEIVE_PER_MEMBER, LEAST,
	    most);
	b->want[NET_SEND] = between(members * SEND_PER_MEMBER, LEAST, most);
}

void
buffers_set(struct buffers *b, int fd)
{
	uint32_t got;
	int side;

	for (side = NET_RECEIVE; side <= NET_SEND; side++) {
		net_set_buffer(fd, (enum net_side)side, b->want[side]);
		got = net_buffer(fd, (enum net_side)side);
		if (got < b->have[side])
			b->have[side] = got;
	}
}

bool
buffers_short(const struct buffers *b)
{
	return b->have[NET_RECEIVE] < b->want[NET_RECEIVE] ||
	    b->have[NET_SEND] < b->want[NET_SEND];
}

const char *
buffers_text(const struct buffers *b, char text[BUFFERS_TEXT])
{
	static const char *const words[] = { "receive", "send" };
	const char *before = "the kernel gives ";
	int side, n = 0;

	text[0] = '\0';
	for (side = NET_RECEIVE; side <= NET_SEND; side++) {
		if (b->have[side] >= b->want[side])
			continue;
		n += snprintf(text + n, BUFFERS_TEXT - (size_t)n,
		    "%s%u of %u KiB of %s buffer (raise %s)", before,
		    b->have[side] / 1024, b->want[side] / 1024, words[side],
		    net_buffer_limit((enum net_side)side));
		before = ", ";
	}
	return text;
}
