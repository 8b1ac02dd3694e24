/* SPDX-License-Identifier: ISC */
/* See crowd.h.  Joining is in join.c, receiving in ears.c. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "ears.h"
#include "join.h"

enum {
	LINE = 64,			/* of the cache */
	PATTERN = 64,			/* period of the filler */
	NUMBER = 6, ROOM = 3,		/* digits of 6 bits */
	STAMP = NUMBER + ROOM + 1,
	PREFIX = sizeof("m00000: ") - 1,
	HEAR_SOCKETS = 32,
	RECEIVE_BUFFER = 4 << 20,	/* a burst waits here for its turn */
	HOSTS = 250,			/* 127.1.0.1 and so on */
	MEET_ROUNDS = 20,
	MEET_IN_FLIGHT = 64,
};
#define MEET_NS 200000000U		/* of silence */
#define KEPT_BYTES ((size_t)64 << 20)	/* more only if it must be */

struct member {
	struct joined	joined;
	unsigned	room, index;
};

/* A message as it is to be heard; two arrays of varying size follow it. */
struct said {
	uint64_t	number, at_ns;
	unsigned	missing;	/* deliveries still to come */
	unsigned	len;		/* of the whole datagram; 0: unsaid */
	uint64_t	heard[];	/* bit per member */
};

struct room {
	uint64_t	next;		/* number of the next message */
	uint64_t	oldest;		/* none before it is in flight */
	unsigned	in_flight;
	bool		listed;		/* in crowd.wanting */
};

struct crowd {
	struct crowd_plan plan;
	unsigned	 people;
	size_t		 prefix;	/* bytes before a message */
	size_t		 words;		/* of said.heard */
	size_t		 stride;
	unsigned	 remembered;	/* a power of two */
	char		*kept;		/* struct said of each room */
	struct member	*member;
	struct room	*room;
	unsigned	*wanting, wants;	/* rooms: one came through */
	struct ears	*ears;
	uint64_t	 in_flight;
	struct crowd_counts counts;
	struct histogram latency;
	char		 filler[CROWD_BYTES_MAX + PATTERN];
};

uint64_t
crowd_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* ---- messages ---- */

static struct said *
said(const struct crowd *c, unsigned room, uint64_t number)
{
	size_t i = (size_t)room * c->remembered +
	    (number & (c->remembered - 1));

	return (struct said *)(void *)(c->kept + i * c->stride);
}

static char *
bytes_of(const struct crowd *c, struct said *s)
{
	return (char *)(s->heard + c->words);
}

/* 64 digits from '0' on, all of them printable. */
static void
put_digits(char *out, uint64_t value, unsigned digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + value % 64);
		value /= 64;
	}
}

static uint64_t
get_digits(const char *p, unsigned digits)
{
	uint64_t value = 0;

	for (; digits > 0; digits--)
		value = value << 6 | ((unsigned char)(*p++ - '0') & 63);
	return value;
}

/* Sizes that look like chance and are known to everybody. */
static size_t
length_of(const struct crowd *c, uint64_t number)
{
	const size_t most = c->plan.bytes;

	if (!c->plan.mixed)
		return most;
	return CROWD_BYTES_MIN + (size_t)((number + 1) *
	    UINT64_C(0x9e3779b97f4a7c15) >> 33) %
	    (most - CROWD_BYTES_MIN + 1);
}

static unsigned
talker_of(const struct crowd *c, uint64_t number)
{
	return (unsigned)(number % c->plan.talkers);
}

/* "m00012: " before a message; in the lobby its length and the name. */
static void
put_prefix(const struct crowd *c, char *out, unsigned talker)
{
	char text[PREFIX + 1];

	snprintf(text, sizeof(text), "m%05u: ", talker % 100000);
	if (c->plan.lobby)
		*out++ = (char)(PREFIX - 2);
	memcpy(out, text, c->plan.lobby ? PREFIX - 2 : PREFIX);
}

static struct said *
write_message(struct crowd *c, unsigned room, uint64_t number)
{
	struct said *s = said(c, room, number);
	const unsigned talker = talker_of(c, number);
	const size_t len = length_of(c, number);
	char *p = bytes_of(c, s);

	s->number = number;
	s->len = (unsigned)(c->prefix + len);
	put_prefix(c, p, talker);
	p += c->prefix;
	put_digits(p, number, NUMBER);
	put_digits(p + NUMBER, room, ROOM);
	p[NUMBER + ROOM] = ' ';
	memcpy(p + STAMP, c->filler + number % PATTERN, len - STAMP);
	memset(s->heard, 0, c->words * sizeof(*s->heard));
	s->heard[talker / 64] = UINT64_C(1) << talker % 64;
	return s;
}

/* Everybody has heard it, or it is lost. */
static void
settled(struct crowd *c, unsigned room)
{
	struct room *r = &c->room[room];

	r->in_flight--;
	c->in_flight--;
	if (!r->listed) {
		r->listed = true;
		c->wanting[c->wants++] = room;
	}
}

void
crowd_say(struct crowd *c, unsigned room)
{
	struct room *r = &c->room[room];
	struct said *s = said(c, room, r->next);
	struct member *m;

	if (s->missing != 0)		/* long lost */
		settled(c, room);
	s = write_message(c, room, r->next);
	m = &c->member[room * c->plan.size + talker_of(c, r->next)];
	r->next++;
	s->missing = c->plan.size - 1;
	r->in_flight++;
	c->in_flight++;
	c->counts.sent++;
	c->counts.expected += s->missing;
	s->at_ns = ears_now(c->ears);
	if (join_send(&m->joined, bytes_of(c, s) + c->prefix,
	    s->len - c->prefix) == -1)
		c->counts.unsent++;
}

void
crowd_fill(struct crowd *c, unsigned window)
{
	unsigned room;

	while (c->wants > 0) {
		room = c->wanting[--c->wants];
		c->room[room].listed = false;
		while (c->room[room].in_flight < window)
			crowd_say(c, room);
	}
}

/* ---- deliveries ---- */

/* The bytes are not those of a message of this room that is remembered. */
static void
judge_odd(struct crowd *c, const struct member *m, const char *p, size_t len)
{
	struct said *s;
	uint64_t number, room;

	if (len < c->prefix + STAMP) {
		c->counts.wrong++;
		return;
	}
	number = get_digits(p + c->prefix, NUMBER);
	room = get_digits(p + c->prefix + NUMBER, ROOM);
	if (room >= c->plan.rooms || number >= c->room[room].next) {
		c->counts.wrong++;
		return;
	}
	s = said(c, (unsigned)room, number);
	if (s->number == number &&
	    (s->len != len || memcmp(p, bytes_of(c, s), len) != 0))
		c->counts.wrong++;
	else if (room != m->room)
		c->counts.wrong_room++;
	else
		c->counts.late++;
}

static void
judge_again(struct crowd *c, const struct member *m, const struct said *s)
{
	if (talker_of(c, s->number) == m->index)
		c->counts.own++;
	else
		c->counts.duplicates++;
}

static void
judge(struct crowd *c, const struct member *m, const char *p, size_t len,
    uint64_t now)
{
	const uint64_t bit = UINT64_C(1) << m->index % 64;
	struct said *s;
	uint64_t *word;

	if (len < c->prefix + STAMP) {
		judge_odd(c, m, p, len);
		return;
	}
	/* Its last digits say where it would be. */
	s = said(c, m->room, get_digits(p + c->prefix + NUMBER - 3, 3));
	if (s->len != len || memcmp(p, bytes_of(c, s), len) != 0) {
		judge_odd(c, m, p, len);
		return;
	}
	word = &s->heard[m->index / 64];
	if ((*word & bit) != 0) {
		judge_again(c, m, s);
		return;
	}
	*word |= bit;
	c->counts.delivered++;
	histogram_add(&c->latency, now > s->at_ns ? now - s->at_ns : 0);
	if (s->missing > 0 && --s->missing == 0)
		settled(c, m->room);
}

/* Those of one socket have addresses of their own. */
static void
address_of(unsigned i, char text[32])
{
	snprintf(text, 32, "127.1.%u.%u:0", i / HOSTS & 255, 1 + i % HOSTS);
}

/* The other way round; the first one of the socket if it is none. */
static unsigned
member_at(const struct crowd *c, uint32_t to)
{
	const unsigned i = (to >> 8 & 255) * HOSTS + (to & 255) - 1;

	return i < c->plan.share ? i : 0;
}

static void
hear(void *ctx, const struct heard *h)
{
	const struct crowd *c = ctx;
	const struct member *m = h->who;
	const char *p = h->p;
	size_t left = h->len, len;

	if (c->plan.share > 0)
		m += member_at(c, h->to);
	do {
		len = left < h->size ? left : h->size;
		judge(ctx, m, p, len, h->now_ns);
		p += len;
		left -= len;
	} while (left > 0);
}

bool
crowd_hear(struct crowd *c, uint64_t wait_ns)
{
	return ears_listen(c->ears, HEAR_SOCKETS, wait_ns) > 0;
}

uint64_t
crowd_in_flight(const struct crowd *c)
{
	return c->in_flight;
}

static void
give_up_in(struct crowd *c, unsigned room, uint64_t before_ns)
{
	struct room *r = &c->room[room];
	struct said *s;

	if (r->oldest + c->remembered < r->next)
		r->oldest = r->next - c->remembered;
	for (; r->oldest < r->next; r->oldest++) {
		s = said(c, room, r->oldest);
		if (s->missing > 0 && s->at_ns > before_ns)
			break;
		if (s->missing > 0)
			settled(c, room);
		s->missing = 0;
	}
}

void
crowd_give_up(struct crowd *c, uint64_t age_ns)
{
	const uint64_t now = ears_now(c->ears);
	unsigned i;

	for (i = 0; i < c->plan.rooms; i++)
		if (c->room[i].in_flight > 0)
			give_up_in(c, i, now - age_ns);
}

void
crowd_reset(struct crowd *c)
{
	memset(&c->counts, 0, sizeof(c->counts));
	memset(&c->latency, 0, sizeof(c->latency));
}

const struct crowd_counts *
crowd_counts(const struct crowd *c)
{
	return &c->counts;
}

const struct histogram *
crowd_latency(const struct crowd *c)
{
	return &c->latency;
}

/* ---- beginning and end ---- */

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
	const size_t longest = PREFIX + p->bytes;
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
	return p->rooms > 0 && p->rooms < 1 << 6 * ROOM && p->size >= 2 &&
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
	c->prefix = p->lobby ? PREFIX - 1 : PREFIX;
	if (p->talkers == 0)
		c->plan.talkers = p->size;
	c->member = array((size_t)c->people + p->share, sizeof(*c->member));
	c->room = array(p->rooms, sizeof(*c->room));
	c->wanting = array(p->rooms, sizeof(*c->wanting));
	remember(c);
	for (i = 0; i < c->people; i++)
		c->member[i].joined.udp = -1;
	for (i = 0; i < sizeof(c->filler); i++)
		c->filler[i] = (char)('!' + i % PATTERN);
	c->ears = ears_open(p->bundles ? EARS_BUNDLES : p->stamps ?
	    EARS_STAMPS : p->share > 0 ? EARS_SHARED : EARS_PLAIN,
	    PREFIX + p->bytes, hear, c);
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
