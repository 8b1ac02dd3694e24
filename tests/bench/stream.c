/* SPDX-License-Identifier: ISC */
/*
 * See stream.h.  A stream keeps its order, so a listener knows the very next
 * bytes it should read: each is compared with what was said, and only where
 * they differ does the protocol have to be understood.
 */
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "join.h"
#include "stream.h"

enum {
	RING = 2 * STREAM_WINDOW_MAX,	/* messages of a room kept */
	READ_BYTES = 256 << 10,
	REST = 8192,			/* of a read: what is not whole yet */
	STAMP = 12 + 1 + 4 + 1,
	PATTERN = 64,			/* period of the filler */
};

struct conn {
	int		 fd;		/* -1: the server ended it */
	unsigned	 room, who;
	uint64_t	 next;		/* the number to be heard next */
	bool		 ready;
	size_t		 rest_len;
	char		 rest[REST];
};

struct room {
	uint64_t	 next;		/* number of the next message */
	char		 first[CROWD_BYTES_MAX];	/* until it is heard */
	char		*ring;		/* RING messages as they are heard */
	size_t		 head, len;	/* before the message; in all, or 0 */
	uint64_t	 sent_ns[RING];
	unsigned	 missing[RING];	/* deliveries still to come */
	unsigned	 in_flight;
	char		*out;
	size_t		 out_len;
	bool		 blocked;	/* the server takes no more for now */
};

struct stream {
	const struct peer_wire *wire;
	unsigned	 rooms, size, ready;
	size_t		 bytes;
	size_t		 most;		/* of a room, kept or unsent */
	int		 epoll;
	struct conn	*conn;		/* rooms * size; `who` 0 talks */
	struct room	*room;
	uint64_t	 in_flight;
	struct crowd_counts counts;
	struct histogram latency;
	char		*buf;		/* REST + READ_BYTES */
};

static void
watch(struct stream *s, struct conn *c, int how, bool output)
{
	struct epoll_event ev = { .data.ptr = c,
	    .events = output ? EPOLLIN | EPOLLOUT : EPOLLIN };

	if (epoll_ctl(s->epoll, how, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* ---- talking ---- */

/* Its number and its room, then anything that can be printed. */
static void
write_message(const struct stream *s, unsigned room, uint64_t number,
    char *out)
{
	char stamp[STAMP + 1];
	size_t i;

	snprintf(stamp, sizeof(stamp), "%012jx %04x ",
	    (uintmax_t)number & 0xffffffffffff, room & 0xffff);
	memcpy(out, stamp, STAMP);
	for (i = STAMP; i < s->bytes; i++)
		out[i] = (char)('!' + (number + i) % PATTERN);
}

static void
flush_room(struct stream *s, unsigned room)
{
	struct room *r = &s->room[room];
	struct conn *c = &s->conn[room * s->size];
	ssize_t n;

	if (r->out_len == 0 || c->fd == -1)
		return;
	n = send(c->fd, r->out, r->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		err(1, "the one that talks in room %u", room);
	if (n > 0) {
		r->out_len -= (size_t)n;
		memmove(r->out, r->out + n, r->out_len);
	}
	if (r->blocked != (r->out_len > 0)) {
		r->blocked = !r->blocked;
		watch(s, c, EPOLL_CTL_MOD, r->blocked);
	}
}

/* Everybody has heard it, or it is lost. */
static void
settled(struct stream *s, struct room *r)
{
	r->in_flight--;
	s->in_flight--;
}

void
stream_say(struct stream *s, unsigned room)
{
	struct room *r = &s->room[room];
	const uint64_t slot = r->next % RING;
	const size_t after = strlen(s->wire->after);
	char head[PEER_WIRE_EXTRA], *message;
	size_t n = s->wire->before(head, room, s->bytes);

	if (r->missing[slot] != 0)		/* long lost */
		settled(s, r);
	s->counts.sent++;
	s->counts.expected += s->size - 1;
	if (r->out_len + n + s->bytes + after > s->most) {
		s->counts.unsent++;
		return;
	}
	message = r->len == 0 ? r->first : r->ring + slot * r->len + r->head;
	r->sent_ns[slot] = crowd_now();
	write_message(s, room, r->next++, message);
	memcpy(r->out + r->out_len, head, n);
	memcpy(r->out + r->out_len + n, message, s->bytes);
	memcpy(r->out + r->out_len + n + s->bytes, s->wire->after, after);
	r->out_len += n + s->bytes + after;
	r->missing[slot] = s->size - 1;
	r->in_flight++;
	s->in_flight++;
}

void
stream_fill(struct stream *s, unsigned window)
{
	unsigned room;

	for (room = 0; room < s->rooms; room++)
		while (s->room[room].in_flight < window)
			stream_say(s, room);
}

/* ---- listening ---- */

static void
delivered(struct stream *s, struct conn *c, uint64_t number, uint64_t now)
{
	struct room *r = &s->room[c->room];
	unsigned *missing = &r->missing[number % RING];

	s->counts.delivered++;
	histogram_add(&s->latency, now - r->sent_ns[number % RING]);
	if (*missing > 0 && --*missing == 0)
		settled(s, r);
	c->next = number + 1;
}

static bool
is_message(const struct room *r, uint64_t number, const char *p)
{
	return memcmp(p, r->ring + number % RING * r->len, r->len) == 0;
}

/* What surrounds the first message surrounds all: their sizes are alike. */
static void
learn(const struct stream *s, struct room *r, const char *p, size_t len)
{
	const char *at = memmem(p, len, r->first, s->bytes);
	size_t i;

	if (at == NULL || len > s->bytes + PEER_WIRE_EXTRA)
		return;
	r->head = (size_t)(at - p);
	r->len = len;
	for (i = 0; i < RING; i++)
		memcpy(r->ring + i * len, p, len);
}

/* A message that is not the one that should come next. */
static void
judge(struct stream *s, struct conn *c, const char *p, size_t len,
    uint64_t now)
{
	struct room *r = &s->room[c->room];
	uint64_t number = r->next > RING ? r->next - RING : 0;

	if (r->len == 0)
		learn(s, r, p, len);
	for (; len == r->len && number < r->next; number++)
		if (is_message(r, number, p)) {
			if (number < c->next)
				s->counts.duplicates++;
			else
				delivered(s, c, number, now);
			return;
		}
	s->counts.wrong++;
}

static void
tell(struct stream *s, struct conn *c, const char *text, size_t len)
{
	/* A few bytes on a connection that carries nothing else. */
	if (c->fd != -1 && send(c->fd, text, len, MSG_DONTWAIT |
	    MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "%s: answering the server", s->wire->name);
}

static void
act(struct stream *s, struct conn *c, enum unit unit, const char *p,
    size_t len, uint64_t now)
{
	char text[PEER_WIRE_EXTRA];

	switch (unit) {
	case UNIT_WELCOME:
		tell(s, c, text, s->wire->follow(text, c->room, c->who));
		break;
	case UNIT_READY:
		s->ready += !c->ready;
		c->ready = true;
		break;
	case UNIT_MESSAGE:
		if (c->who == 0)
			s->counts.own++;
		else
			judge(s, c, p, len, now);
		break;
	case UNIT_PING:
		tell(s, c, s->wire->pong, strlen(s->wire->pong));
		break;
	case UNIT_REFUSAL:
		errx(1, "%s says: %.*s", s->wire->name, len < 200 ? (int)len :
		    200, p);
	default:
		break;
	}
}

/* Takes what is whole; returns how many bytes that was. */
static size_t
take(struct stream *s, struct conn *c, const char *p, size_t len)
{
	const struct room *r = &s->room[c->room];
	const uint64_t now = crowd_now();
	size_t used = 0, n;
	enum unit unit;

	while (used < len) {
		if (r->len > 0 && len - used >= r->len &&
		    c->next < r->next && is_message(r, c->next, p + used)) {
			delivered(s, c, c->next, now);
			used += r->len;
			continue;
		}
		unit = s->wire->next(p + used, len - used, &n);
		if (unit == UNIT_PART)
			break;
		act(s, c, unit, p + used, n, now);
		used += n;
	}
	return used;
}

static void
hear_one(struct stream *s, struct conn *c)
{
	size_t len = c->rest_len, used;
	ssize_t n;

	memcpy(s->buf, c->rest, len);
	n = recv(c->fd, s->buf + len, READ_BYTES, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		warnx("room %u: the server ended number %u", c->room, c->who);
		close(c->fd);
		c->fd = -1;
		return;
	}
	len += (size_t)n;
	used = take(s, c, s->buf, len);
	if ((c->rest_len = len - used) > REST)
		errx(1, "%s: nothing that can be read", s->wire->name);
	memcpy(c->rest, s->buf + used, c->rest_len);
}

bool
stream_hear(struct stream *s, uint64_t wait_ns)
{
	struct epoll_event events[256];
	struct pollfd pfd = { .fd = s->epoll, .events = POLLIN };
	struct timespec ts = {
		.tv_sec = (time_t)(wait_ns / 1000000000U),
		.tv_nsec = (long)(wait_ns % 1000000000U),
	};
	struct conn *c;
	unsigned room;
	int i, n;

	for (room = 0; room < s->rooms; room++)
		if (!s->room[room].blocked)
			flush_room(s, room);
	/* poll on the epoll descriptor: its timeout has nanoseconds. */
	if (wait_ns > 0 && ppoll(&pfd, 1, &ts, NULL) <= 0)
		return false;
	n = epoll_wait(s->epoll, events, 256, 0);
	for (i = 0; i < n; i++) {
		c = events[i].data.ptr;
		if (events[i].events & EPOLLOUT)
			flush_room(s, c->room);
		if (events[i].events & ~(uint32_t)EPOLLOUT)
			hear_one(s, c);
	}
	return n > 0;
}

uint64_t
stream_in_flight(const struct stream *s)
{
	return s->in_flight;
}

void
stream_give_up(struct stream *s)
{
	unsigned i;

	for (i = 0; i < s->rooms; i++) {
		memset(s->room[i].missing, 0, sizeof(s->room[i].missing));
		s->room[i].in_flight = 0;
	}
	s->in_flight = 0;
}

void
stream_reset(struct stream *s)
{
	memset(&s->counts, 0, sizeof(s->counts));
	memset(&s->latency, 0, sizeof(s->latency));
}

const struct crowd_counts *
stream_counts(const struct stream *s)
{
	return &s->counts;
}

const struct histogram *
stream_latency(const struct stream *s)
{
	return &s->latency;
}

/* ---- entering ---- */

/* Hears until so many are ready and no message is on its way. */
static int
wait_for(struct stream *s, unsigned ready)
{
	const uint64_t end = crowd_now() + UINT64_C(10000000000);

	while (s->ready < ready || s->in_flight > 0) {
		if (crowd_now() > end) {
			warnx("%s: %u of %u are in, %ju messages unheard",
			    s->wire->name, s->ready, s->rooms * s->size,
			    (uintmax_t)s->in_flight);
			return -1;
		}
		(void)stream_hear(s, 100000000U);
	}
	return 0;
}

static int
enter_all(struct stream *s, const struct stream_plan *p)
{
	char text[PEER_WIRE_EXTRA];
	const int yes = 1;
	struct conn *c;
	unsigned i;

	for (i = 0; i < s->rooms * s->size; i++) {
		c = &s->conn[i];
		c->room = i / s->size;
		c->who = i % s->size;
		if ((c->fd = join_connect(p->address, NULL)) == -1)
			return -1;
		if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes,
		    sizeof(yes)) == -1)
			err(1, "TCP_NODELAY");
		watch(s, c, EPOLL_CTL_ADD, false);
		tell(s, c, text, s->wire->enter(text, c->room, c->who));
		if (wait_for(s, i < p->entering ? 0 : i - p->entering) == -1)
			return -1;
	}
	return wait_for(s, s->rooms * s->size);
}

/* One message in each room that everybody must hear. */
static int
meet(struct stream *s)
{
	unsigned i;

	for (i = 0; i < s->rooms; i++)
		stream_say(s, i);
	return wait_for(s, 0);
}

struct stream *
stream_open(const struct stream_plan *p)
{
	struct stream *s;
	unsigned i;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		err(1, NULL);
	s->wire = p->wire;
	s->rooms = p->rooms;
	s->size = p->size;
	s->bytes = p->bytes;
	s->most = RING * (p->bytes + PEER_WIRE_EXTRA);
	s->buf = malloc(REST + READ_BYTES);
	s->conn = calloc((size_t)p->rooms * p->size, sizeof(*s->conn));
	s->room = calloc(p->rooms, sizeof(*s->room));
	if (s->buf == NULL || s->conn == NULL || s->room == NULL)
		err(1, NULL);
	for (i = 0; i < p->rooms; i++) {
		s->room[i].ring = malloc(s->most);
		s->room[i].out = malloc(s->most);
		if (s->room[i].ring == NULL || s->room[i].out == NULL)
			err(1, NULL);
	}
	for (i = 0; i < p->rooms * p->size; i++)
		s->conn[i].fd = -1;
	if ((s->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	if (enter_all(s, p) == -1 || meet(s) == -1) {
		stream_close(s);
		return NULL;
	}
	return s;
}

void
stream_close(struct stream *s)
{
	unsigned i;

	for (i = 0; i < s->rooms * s->size; i++)
		if (s->conn[i].fd != -1)
			close(s->conn[i].fd);
	for (i = 0; i < s->rooms; i++) {
		free(s->room[i].ring);
		free(s->room[i].out);
	}
	close(s->epoll);
	free(s->buf);
	free(s->conn);
	free(s->room);
	free(s);
}
