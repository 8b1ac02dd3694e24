/* SPDX-License-Identifier: ISC */
/*
 * See crowd.h: what is said, and what is heard.  Joining is in join.c and
 * crowd_open.c, receiving in ears.c.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crowd_private.h"

enum {
	STAMP = CROWD_NUMBER + CROWD_ROOM + 1,
	HEAR_SOCKETS = 32,
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
	char text[CROWD_PREFIX + 1];

	snprintf(text, sizeof(text), "m%05u: ", talker % 100000);
	if (c->plan.lobby)
		*out++ = (char)(CROWD_PREFIX - 2);
	memcpy(out, text, c->plan.lobby ? CROWD_PREFIX - 2 : CROWD_PREFIX);
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
	put_digits(p, number, CROWD_NUMBER);
	put_digits(p + CROWD_NUMBER, room, CROWD_ROOM);
	p[CROWD_NUMBER + CROWD_ROOM] = ' ';
	memcpy(p + STAMP, c->filler + number % CROWD_PATTERN, len - STAMP);
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
	number = get_digits(p + c->prefix, CROWD_NUMBER);
	room = get_digits(p + c->prefix + CROWD_NUMBER, CROWD_ROOM);
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
	s = said(c, m->room, get_digits(p + c->prefix + CROWD_NUMBER - 3, 3));
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

/*
 * Those of one socket have addresses of their own (crowd_open.c); the first
 * one of the socket if it is none.
 */
static unsigned
member_at(const struct crowd *c, uint32_t to)
{
	const unsigned i = (to >> 8 & 255) * CROWD_HOSTS + (to & 255) - 1;

	return i < c->plan.share ? i : 0;
}

void
crowd_take(void *ctx, const struct heard *h)
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
