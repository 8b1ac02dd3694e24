/* SPDX-License-Identifier: ISC */
/* See crowd.h.  Joining is in join.c; here is what follows it. */
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "join.h"
#include "net.h"

enum {
	PENDING = 1024,			/* messages of a room kept track of */
	BATCH = 64,			/* receives per recvmmsg */
	BUFFER = 65536,			/* one datagram, or a bundle */
	PATTERN = 64,			/* period of the filler */
	MEET_ROUNDS = 50,
};

struct member {
	struct joined	joined;
	unsigned	room, index;
	uint64_t	next;		/* one after the highest number heard */
	uint64_t	heard[PENDING / 64];	/* bit per number below it */
};

struct room {
	uint64_t	next;		/* number of the next message */
	unsigned	speaker;	/* who says it: next % size */
	unsigned	missing[PENDING];	/* deliveries still to come */
};

struct crowd {
	unsigned	 rooms, size;
	size_t		 bytes;
	bool		 lobby, mixed, bundles;
	int		 epoll;
	struct member	*member;	/* rooms * size */
	struct room	*room;
	uint64_t	 in_flight;
	struct crowd_counts counts;
	struct histogram latency;
	char		 filler[CROWD_BYTES_MAX + PATTERN];
	struct mmsghdr	 batch[BATCH];
	struct iovec	 iov[BATCH];
	struct net_control control[BATCH];
	char		 *buf;		/* BUFFER each */
};

/* What a message says about itself. */
struct stamp {
	uint64_t	room, sender, number, sent_ns;
};

uint64_t
crowd_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void
put_hex(char *out, uint64_t value, unsigned digits)
{
	out[digits] = ' ';
	while (digits-- > 0) {
		out[digits] = "0123456789abcdef"[value % 16];
		value /= 16;
	}
}

static int
get_hex(const char *p, unsigned digits, uint64_t *value)
{
	unsigned i, d;

	*value = 0;
	for (i = 0; i < digits; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			d = (unsigned)(p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			d = (unsigned)(p[i] - 'a') + 10;
		else
			return -1;
		*value = *value * 16 + d;
	}
	return p[digits] == ' ' ? 0 : -1;
}

static void
write_stamp(char *out, const struct stamp *s)
{
	put_hex(out, s->room, 8);
	put_hex(out + 9, s->sender, 8);
	put_hex(out + 18, s->number, 16);
	put_hex(out + 35, s->sent_ns, 16);
}

static int
read_stamp(const char *p, struct stamp *s)
{
	if (get_hex(p, 8, &s->room) == -1 ||
	    get_hex(p + 9, 8, &s->sender) == -1 ||
	    get_hex(p + 18, 16, &s->number) == -1 ||
	    get_hex(p + 35, 16, &s->sent_ns) == -1)
		return -1;
	return 0;
}

/* Sizes that look like chance and are known to everybody. */
static size_t
length_of(const struct crowd *c, uint64_t number)
{
	if (!c->mixed)
		return c->bytes;
	return CROWD_BYTES_MIN + (size_t)((number + 1) *
	    UINT64_C(0x9e3779b97f4a7c15) >> 33) %
	    (c->bytes - CROWD_BYTES_MIN + 1);
}

void
crowd_say(struct crowd *c, unsigned room)
{
	struct room *r = &c->room[room];
	struct stamp s = { .room = room, .number = r->next };
	struct member *m;
	char message[CROWD_BYTES_MAX];
	const size_t len = length_of(c, s.number);
	unsigned *missing = &r->missing[s.number % PENDING];

	s.sender = r->speaker;
	m = &c->member[room * c->size + r->speaker];
	memcpy(message + CROWD_BYTES_MIN, c->filler + s.number % PATTERN,
	    len - CROWD_BYTES_MIN);
	s.sent_ns = crowd_now();
	write_stamp(message, &s);
	if (*missing != 0) {		/* long lost */
		*missing = 0;
		c->in_flight--;
	}
	r->next++;
	if (++r->speaker == c->size)
		r->speaker = 0;
	if (join_send(&m->joined, message, len) == -1)
		c->counts.unsent++;
	c->counts.sent++;
	c->counts.expected += c->size - 1;
	if ((*missing = c->size - 1) != 0)
		c->in_flight++;
}

/* Returns 1 when a number is heard for the first time. */
static int
mark_heard(struct crowd *c, struct member *m, uint64_t number)
{
	uint64_t bit = UINT64_C(1) << number % 64;
	uint64_t *w = &m->heard[number % PENDING / 64];

	if (number + PENDING < m->next) {
		c->counts.wrong++;
		return 0;
	}
	for (; m->next <= number; m->next++)
		m->heard[m->next % PENDING / 64] &=
		    ~(UINT64_C(1) << m->next % 64);
	if (*w & bit) {
		c->counts.duplicates++;
		return 0;
	}
	*w |= bit;
	return 1;
}

static void
delivered(struct crowd *c, struct member *m, const struct stamp *s,
    uint64_t now)
{
	unsigned *missing = &c->room[m->room].missing[s->number % PENDING];

	if (!mark_heard(c, m, s->number))
		return;
	c->counts.delivered++;
	histogram_add(&c->latency, now - s->sent_ns);
	if (s->number + PENDING >= c->room[m->room].next && *missing > 0 &&
	    --*missing == 0)
		c->in_flight--;
}

/* Bytes before the message: "m<sender>: ", in the lobby its length and it. */
static size_t
prefix_of(const struct crowd *c, unsigned sender, char out[32])
{
	if (!c->lobby)
		return (size_t)snprintf(out, 32, "m%u: ", sender);
	out[0] = (char)snprintf(out + 1, 31, "m%u", sender);
	return 1 + (size_t)out[0];
}

/* Where the message begins, as far as that can be told from the bytes. */
static size_t
skip_prefix(const struct crowd *c, const char *p, size_t len)
{
	const char *colon;

	if (c->lobby)
		return len > 0 ? 1 + (size_t)(unsigned char)p[0] : 0;
	colon = memchr(p, ':', len < 16 ? len : 16);
	return colon == NULL ? len : (size_t)(colon - p) + 2;
}

/* The prefix and the message, exactly as it was said. */
static void
judge(struct crowd *c, struct member *m, const char *p, size_t len,
    uint64_t now)
{
	const size_t skip = skip_prefix(c, p, len);
	struct stamp s;
	char name[32];
	size_t n, bytes;

	if (len < skip + CROWD_BYTES_MIN || read_stamp(p + skip, &s) == -1) {
		c->counts.wrong++;
		return;
	}
	n = prefix_of(c, (unsigned)s.sender, name);
	bytes = length_of(c, s.number);
	if (s.room != m->room)
		c->counts.wrong_room++;
	else if (s.sender == m->index)
		c->counts.own++;
	else if (n + bytes != len || memcmp(p, name, n) != 0 ||
	    s.number >= c->room[m->room].next ||
	    s.sender != s.number % c->size || s.sent_ns > now ||
	    memcmp(p + n + CROWD_BYTES_MIN, c->filler + s.number % PATTERN,
	    bytes - CROWD_BYTES_MIN) != 0)
		c->counts.wrong++;
	else
		delivered(c, m, &s, now);
}

/* One receive: a datagram, or several of one size. */
static void
judge_bundle(struct crowd *c, struct member *m, int i, uint64_t now)
{
	const char *p = c->buf + (size_t)i * BUFFER;
	size_t left = c->batch[i].msg_len, size, len;

	if ((size = net_bundle_got(&c->batch[i].msg_hdr)) == 0)
		size = BUFFER;
	do {
		len = left < size ? left : size;
		judge(c, m, p, len, now);
		p += len;
		left -= len;
	} while (left > 0);
}

static void
hear_member(struct crowd *c, struct member *m)
{
	uint64_t now;
	int i, n;

	do {
		for (i = 0; c->bundles && i < BATCH; i++) {
			c->batch[i].msg_hdr.msg_control = c->control[i].bytes;
			c->batch[i].msg_hdr.msg_controllen =
			    sizeof(c->control[i].bytes);
		}
		n = recvmmsg(m->joined.udp, c->batch, BATCH, MSG_DONTWAIT,
		    NULL);
		now = crowd_now();
		for (i = 0; i < n; i++)
			judge_bundle(c, m, i, now);
	} while (n == BATCH);
}

void
crowd_hear(struct crowd *c, uint64_t wait_ns)
{
	struct epoll_event events[256];
	struct pollfd pfd = { .fd = c->epoll, .events = POLLIN };
	struct timespec ts = {
		.tv_sec = (time_t)(wait_ns / 1000000000U),
		.tv_nsec = (long)(wait_ns % 1000000000U),
	};
	int i, n;

	/* poll on the epoll descriptor: its timeout has nanoseconds. */
	if (wait_ns > 0 && ppoll(&pfd, 1, &ts, NULL) <= 0)
		return;
	n = epoll_wait(c->epoll, events, 256, 0);
	for (i = 0; i < n; i++)
		hear_member(c, events[i].data.ptr);
}

uint64_t
crowd_in_flight(const struct crowd *c)
{
	return c->in_flight;
}

void
crowd_give_up(struct crowd *c)
{
	unsigned i;

	for (i = 0; i < c->rooms; i++)
		memset(c->room[i].missing, 0, sizeof(c->room[i].missing));
	c->in_flight = 0;
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

/*
 * Every member says hello until a message of each room reaches everybody:
 * several workers may take the hellos later than the message.
 */
static int
meet(struct crowd *c)
{
	unsigned i, round;
	uint64_t end;

	for (round = 0; round < MEET_ROUNDS; round++) {
		for (i = 0; i < c->rooms * c->size; i++) {
			if (join_send(&c->member[i].joined, "", 0) == -1)
				return -1;
			/* A pause now and then: the queue is short. */
			if (i % 64 == 63)
				crowd_hear(c, 100000);
		}
		crowd_reset(c);
		for (i = 0; i < c->rooms; i++) {
			crowd_say(c, i);
			crowd_hear(c, 0);
		}
		end = crowd_now() + 200000000U;
		while (c->in_flight > 0 && crowd_now() < end)
			crowd_hear(c, 10000000U);
		if (c->in_flight == 0)
			return 0;
		crowd_give_up(c);
	}
	warnx("not everybody hears everybody");
	return -1;
}

static int
enter(const struct crowd *c, struct member *m, const struct crowd_plan *p)
{
	char room[32], name[32];

	snprintf(room, sizeof(room), "bench-%u", m->room);
	snprintf(name, sizeof(name), "m%u", m->index);
	if (c->lobby ? join_lobby(&m->joined, p->relay_addr, name) == -1 :
	    join_room(&m->joined, p->rooms_addr, p->relay_addr, room, name,
	    m->index == 0) == -1)
		return -1;
	if (c->bundles && !net_want_bundles(m->joined.udp)) {
		warn("bundles");
		return -1;
	}
	return 0;
}

static int
enter_all(struct crowd *c, const struct crowd_plan *p)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct member *m;
	unsigned i;

	for (i = 0; i < c->rooms * c->size; i++) {
		m = &c->member[i];
		m->room = i / c->size;
		m->index = i % c->size;
		if (enter(c, m, p) == -1)
			return -1;
		ev.data.ptr = m;
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->joined.udp, &ev) ==
		    -1) {
			warn("epoll_ctl");
			return -1;
		}
	}
	return 0;
}

struct crowd *
crowd_open(const struct crowd_plan *p)
{
	const unsigned rooms = p->rooms, size = p->size;
	struct crowd *c;
	unsigned i;

	if (rooms == 0 || size < 2 || p->bytes < CROWD_BYTES_MIN ||
	    p->bytes > CROWD_BYTES_MAX || (p->lobby && rooms != 1)) {
		warnx("nobody would hear anything");
		return NULL;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(1, NULL);
	c->rooms = rooms;
	c->size = size;
	c->bytes = p->bytes;
	c->lobby = p->lobby;
	c->mixed = p->mixed;
	c->bundles = p->bundles;
	if ((c->buf = calloc(BATCH, BUFFER)) == NULL)
		err(1, NULL);
	c->member = calloc((size_t)rooms * size, sizeof(*c->member));
	c->room = calloc(rooms, sizeof(*c->room));
	if (c->member == NULL || c->room == NULL)
		err(1, NULL);
	for (i = 0; i < rooms * size; i++)
		c->member[i].joined.udp = -1;
	for (i = 0; i < sizeof(c->filler); i++)
		c->filler[i] = (char)('!' + i % PATTERN);
	for (i = 0; i < BATCH; i++) {
		c->iov[i].iov_base = c->buf + (size_t)i * BUFFER;
		c->iov[i].iov_len = BUFFER;
		c->batch[i].msg_hdr.msg_iov = &c->iov[i];
		c->batch[i].msg_hdr.msg_iovlen = 1;
	}
	if ((c->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	if (enter_all(c, p) == -1 || meet(c) == -1) {
		crowd_close(c);
		return NULL;
	}
	return c;
}

void
crowd_close(struct crowd *c)
{
	unsigned i;

	for (i = 0; i < c->rooms * c->size; i++)
		if (c->member[i].joined.udp != -1)
			close(c->member[i].joined.udp);
	close(c->epoll);
	free(c->member);
	free(c->room);
	free(c->buf);
	free(c);
}
