/* SPDX-License-Identifier: ISC */
/*
 * See crowd.h: the beginning of a crowd, until everybody hears everybody,
 * and its end.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd_private.h"

enum {
	LINE = 64,			/* of the cache */
	RECEIVE_BUFFER = 4 << 20,	/* a burst waits here for its turn */
	MEET_ROUNDS = 20,
	MEET_IN_FLIGHT = 64,
};
#define MEET_NS 200000000U		/* of silence */
#define KEPT_BYTES ((size_t)64 << 20)	/* more only if it must be */

/* Hears until so few are in flight: false if nothing comes any more. */
static bool
hear_until(struct crowd *c, uint64_t in_flight)
{
	uint64_t end = crowd_now() + MEET_NS;

	while (c->in_flight > in_flight && crowd_now() < end)
		if (crowd_hear(c, 10000000U))
			end = crowd_now() + MEET_NS;
	return c->in_flight <= in_flight;
}

/*
 * Every member says hello until a message of each room reaches everybody:
 * several workers may take the hellos later than the message.
 */
static int
meet(struct crowd *c)
{
	unsigned i, round;

	for (round = 0; round < MEET_ROUNDS; round++) {
		for (i = 0; i < c->people; i++) {
			if (join_send(&c->member[i].joined, "", 0) == -1)
				return -1;
			/* A pause now and then: the queue is short. */
			if (i % 64 == 63)
				crowd_hear(c, 100000);
		}
		crowd_reset(c);
		for (i = 0; i < c->plan.rooms; i++) {
			crowd_say(c, i);
			if (!hear_until(c, MEET_IN_FLIGHT))
				break;
		}
		if (i == c->plan.rooms && hear_until(c, 0))
			return 0;
		crowd_give_up(c, 0);
	}
	warnx("not everybody hears everybody: %ju of %ju, and %ju wrong",
	    (uintmax_t)c->counts.delivered, (uintmax_t)c->counts.expected,
	    (uintmax_t)(c->counts.wrong + c->counts.wrong_room +
	    c->counts.own + c->counts.duplicates + c->counts.late));
	return -1;
}

/* Those of one socket have addresses of their own; crowd.c reads them. */
static void
address_of(unsigned i, char text[32])
{
	snprintf(text, 32, "127.1.%u.%u:0", i / CROWD_HOSTS & 255,
	    1 + i % CROWD_HOSTS);
}

static int
find_socket(struct crowd *c, struct member *m, unsigned i, const char *from)
{
	const unsigned share = c->plan.share, first = i - i % share;
	int fd = c->member[first].joined.udp;

	if (i == first && ((fd = join_open_shared()) == -1 ||
	    ears_add(c->ears, fd, m) == -1))
		return -1;
	if (i == first)
		ears_buffer(fd, RECEIVE_BUFFER);
	return join_share(&m->joined, fd, c->plan.relay_addr, from);
}

static int
enter(struct crowd *c, unsigned i)
{
	const struct crowd_plan *p = &c->plan;
	struct member *m = &c->member[i];
	char room[32], name[32], from[32] = "";

	m->room = i / p->size;
	m->index = i % p->size;
	snprintf(room, sizeof(room), "%.15s-%u", p->name, m->room);
	snprintf(name, sizeof(name), "m%05u", m->index);
	if (p->share > 0)
		address_of(i % p->share, from);
	if (p->lobby ? join_lobby(&m->joined, name) == -1 :
	    join_room(&m->joined, p->rooms_addr, p->share > 0 ? from : NULL,
	    room, name, m->index == 0) == -1)
		return -1;
	if (p->share > 0)
		return find_socket(c, m, i, from);
	if (join_socket(&m->joined, p->relay_addr) == -1)
		return -1;
	ears_buffer(m->joined.udp, RECEIVE_BUFFER);
	return ears_add(c->ears, m->joined.udp, m);
}

static void *
array(size_t n, size_t size)
{
	void *p;

	if ((p = calloc(n, size)) == NULL)
		err(1, NULL);
	return p;
}

static void
remember(struct crowd *c)
{
	const struct crowd_plan *p = &c->plan;
	const size_t longest = CROWD_PREFIX + p->bytes;
	void *kept;

	c->words = (p->size + 63) / 64;
	c->stride = (sizeof(struct said) + 8 * c->words + longest + LINE - 1) /
	    LINE * LINE;
	for (c->remembered = 64; c->remembered < p->remembered ||
	    (c->remembered < 1024 && (size_t)2 * c->remembered * c->stride *
	    p->rooms <= KEPT_BYTES); c->remembered *= 2)
		;
	if (posix_memalign(&kept, LINE, (size_t)p->rooms * c->remembered *
	    c->stride) != 0)
		errx(1, "%u messages of %u rooms do not fit into memory",
		    c->remembered, p->rooms);
	memset(kept, 0, (size_t)p->rooms * c->remembered * c->stride);
	c->kept = kept;
}

static bool
makes_sense(const struct crowd_plan *p)
{
	return p->rooms > 0 && p->rooms < 1 << 6 * CROWD_ROOM && p->size >= 2 &&
	    p->size < 100000 && p->talkers <= p->size &&
	    p->bytes >= CROWD_BYTES_MIN && p->bytes <= CROWD_BYTES_MAX &&
	    p->remembered <= CROWD_REMEMBERED_MAX &&
	    p->share <= CROWD_SHARE_MAX &&
	    p->bundles + p->stamps + (p->share > 0) <= 1 &&
	    !(p->lobby && p->rooms != 1);
}

struct crowd *
crowd_open(const struct crowd_plan *p)
{
	struct crowd *c;
	unsigned i;

	if (!makes_sense(p)) {
		warnx("nobody would hear anything");
		return NULL;
	}
	c = array(1, sizeof(*c));
	c->plan = *p;
	c->people = p->rooms * p->size;
	c->prefix = p->lobby ? CROWD_PREFIX - 1 : CROWD_PREFIX;
	if (p->talkers == 0)
		c->plan.talkers = p->size;
	c->member = array((size_t)c->people + p->share, sizeof(*c->member));
	c->room = array(p->rooms, sizeof(*c->room));
	c->wanting = array(p->rooms, sizeof(*c->wanting));
	remember(c);
	for (i = 0; i < c->people; i++)
		c->member[i].joined.udp = -1;
	for (i = 0; i < sizeof(c->filler); i++)
		c->filler[i] = (char)('!' + i % CROWD_PATTERN);
	c->ears = ears_open(p->bundles ? EARS_BUNDLES : p->stamps ?
	    EARS_STAMPS : p->share > 0 ? EARS_SHARED : EARS_PLAIN,
	    CROWD_PREFIX + p->bytes, crowd_take, c);
	for (i = 0; i < c->people; i++)
		if (enter(c, i) == -1)
			break;
	if (i < c->people || meet(c) == -1) {
		crowd_close(c);
		return NULL;
	}
	crowd_reset(c);
	return c;
}

void
crowd_close(struct crowd *c)
{
	unsigned i;

	for (i = 0; i < c->people; i += c->plan.share > 0 ? c->plan.share : 1)
		if (c->member[i].joined.udp != -1)
			close(c->member[i].joined.udp);
	ears_close(c->ears);
	free(c->member);
	free(c->room);
	free(c->wanting);
	free(c->kept);
	free(c);
}
