/* SPDX-License-Identifier: ISC */
/*
 * For the tests of what a relay sends in slices: a crowd in one room, who
 * number what they say, and each of whom must get all of it in order.
 */
#ifndef OCM_CROWD_H
#define OCM_CROWD_H

#include <stdlib.h>

#include "relay_clients.h"

enum {
	CROWD = 40,
	SAID = 300,
	SLICE_COPIES = 1024,	/* no slice makes more */
};

static struct client crowd[CROWD];
static unsigned said[CROWD];

static inline void
raise_queue(int fd)
{
	const int size = 8 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
}

static inline struct client
loud_member(const char *room, const char *name)
{
	struct client c = member(room, name);

	raise_queue(c.fd);
	return c;
}

static inline void
gather(const char *room)
{
	char name[16];
	unsigned i;

	raise_queue(relay.out.fd[0]);
	for (i = 0; i < CROWD; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		crowd[i] = loud_member(room, name);
	}
	memset(said, 0, sizeof(said));
}

static inline void
leave_number(unsigned who)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%u%s", said[who]++,
	    who % 3 == 0 ? " of a longer kind" : "");

	leave_said(&crowd[who], text, (size_t)n);
}

/* Into the queue, without sending anything. */
static inline void
receive(void)
{
	relay_turn(&relay);
	relay_receive(&relay, 0);
}

/* One turn's sending; it is not too much. */
static inline void
slice(void)
{
	(void)grown(LC_deliveries);
	deliver_some(&relay);
	ck_assert_uint_le(grown(LC_deliveries), SLICE_COPIES);
}

static inline void
finish(void)
{
	while (relay.queue.count > 0)
		slice();
}

/*
 * What a member got of each other one: every number from where it began to
 * where it ends, in order.
 */
static inline void
got_numbers(const struct client *c, unsigned begin[CROWD],
    unsigned end[CROWD])
{
	bool first[CROWD] = { false };
	unsigned who, n;
	char got[DATAGRAM_MAX + 1];
	ssize_t len;

	memset(begin, 0, CROWD * sizeof(*begin));
	memset(end, 0, CROWD * sizeof(*end));
	while ((len = recv(c->fd, got, sizeof(got) - 1, 0)) != -1) {
		got[len] = '\0';
		ck_assert_int_eq(sscanf(got, "m%u: %u", &who, &n), 2);
		ck_assert_uint_lt(who, CROWD);
		if (!first[who])
			begin[who] = end[who] = n;
		first[who] = true;
		ck_assert_uint_eq(n, end[who]++);
	}
}

static inline void
got_all(unsigned self)
{
	unsigned begin[CROWD], end[CROWD], i;

	got_numbers(&crowd[self], begin, end);
	for (i = 0; i < CROWD; i++) {
		ck_assert_uint_eq(begin[i], 0);
		ck_assert_uint_eq(end[i], i == self ? 0 : said[i]);
	}
}

static inline void
follow(void)
{
	relay_turn(&relay);
	relay_follow(&relay);
}

static inline void
remove_member(struct client *c)
{
	ck_assert_int_eq(roomtab_remove(fx.tab, c->made.slot, c->made.gen,
	    END_LEFT), 0);
	follow();
}

#endif
