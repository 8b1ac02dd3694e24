/* SPDX-License-Identifier: ISC */
/*
 * Clients of a roomd that runs in the test's own process: the test's end of
 * a connection is a socketpair.  Included by check_session.c,
 * check_seats.c and check_lists.c.
 */
#ifndef ROOMD_CLIENT_H
#define ROOMD_CLIENT_H

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../roomd/session.h"
#include "../../roomd/turn.h"
#include "limit_count.h"
#include "roomd_fixture.h"

/* The zeros of a size field in front of its last bytes. */
#define Z3	"\0\0\0"
#define Z4	"\0\0\0\0"
#define Z25	Z4 Z4 Z4 Z4 Z4 Z4 "\0"
#define Z28	Z25 Z3
#define BYTES(s)	(s), sizeof(s) - 1

enum { PLACES_MAX = 1000 };		/* for connections */

static struct event_base *base;
static struct desk desk;
static struct sessions *sessions;

/* ---- roomd, put together as setup.c does it ---- */

static void
on_changed(void *arg)
{
	(void)arg;
	fx.changed++;
}

static void
on_joined(void *arg, const struct member_made *m)
{
	(void)arg;
	lists_changed(desk.lists, m->room);
	audience_joined(desk.audience, m);
}

static void
on_left(void *arg, const struct member_info *m, enum ending why)
{
	(void)arg;
	lists_changed(desk.lists, m->room);
	audience_left(desk.audience, m, why);
}

static void
on_closed(void *arg, const struct room_info *room, enum ending why)
{
	(void)arg;
	audience_closed(desk.audience, room, why);
}

static const struct rooms_events events = {
	NULL, on_changed, on_joined, on_left, on_closed
};

static void
setup(void)
{
	fx_table();
	json_object_seed(1);
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(event_base_priority_init(base, PRIORITIES), 0);
	fx_rooms(&events);
	memset(&desk, 0, sizeof(desk));
	desk.rooms = fx.rooms;
	desk.settings = &fx.set;
	desk.counters = roomtab_counters(fx.tab);
	desk.seats_max = 100;
	desk.lists = lists_new(fx.rooms);
	desk.limit = limit_new(1000);
	desk.audience = audience_new(base, fx.rooms, &fx.set, &session_voice);
	sessions = sessions_new(base, &desk, PLACES_MAX);
	ck_assert(desk.lists != NULL && desk.limit != NULL &&
	    desk.audience != NULL && sessions != NULL);
}

static void
teardown(void)
{
	ck_assert_uint_le(limit_count(desk.limit),
	    sessions_count(sessions));
	sessions_free(sessions);
	ck_assert_uint_eq(limit_count(desk.limit), 0);
	ck_assert_uint_eq(audience_size(desk.audience), 0);
	audience_free(desk.audience);
	lists_free(desk.lists);
	limit_free(desk.limit);
	ck_assert_uint_eq(blob_total(), 0);
	event_base_free(base);
	fx_free();
}

/* ---- clients ---- */

struct client {
	int	fd;
	uint8_t	got[1 << 16];	/* what was received */
	size_t	len;
	bool	ended;		/* by roomd */
};

static void
turn(void)
{
	int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_ne(event_base_loop(base, EVLOOP_NONBLOCK), -1);
}

static struct client *
arrive_from(const char *from)
{
	struct client *c = calloc(1, sizeof(*c));
	struct addr a = fx_addr(from);
	int pair[2];

	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair), 0);
	c->fd = pair[0];
	session_start(sessions, pair[1], &a, 0);
	return c;
}

static struct client *
arrive(void)
{
	return arrive_from("127.0.0.1");
}

/* Goes for good: whatever its connection was to it. */
static void
go(struct client *c)
{
	(void)close(c->fd);
	free(c);
	turn();
}

static void
hear(struct client *c)
{
	ssize_t n;

	turn();
	while ((n = recv(c->fd, c->got + c->len, sizeof(c->got) - c->len,
	    0)) > 0)
		c->len += (size_t)n;
	if (n == 0 || (n == -1 && errno != EAGAIN))
		c->ended = true;
}

static void
say(struct client *c, const void *bytes, size_t len)
{
	ck_assert_int_eq(send(c->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	turn();
}

/* A frame by hand, in a codec. */
static size_t
frame(uint8_t *out, enum codec codec, uint8_t op, const char *room,
    const char *payload)
{
	struct writer w = writer_make(out, 8192);

	tcrp_write_frame(&w, codec, op, STATE_REQUEST, room, strlen(room),
	    payload, strlen(payload));
	ck_assert(!w.bad);
	return w.len;
}

static void
ask(struct client *c, enum codec codec, uint8_t op, const char *room,
    const char *payload)
{
	uint8_t buf[8192];

	say(c, buf, frame(buf, codec, op, room, payload));
	hear(c);
}

/* Takes the next whole frame out of what was heard. */
static struct tcrp_frame
next(struct client *c, char payload[8192])
{
	static uint8_t bytes[1 << 16];
	struct tcrp_frame f;
	size_t len;

	ck_assert_uint_ge(c->len, TCRP_HEADER);
	memcpy(bytes, c->got, c->len);
	memset(&f, 0, sizeof(f));
	ck_assert_int_eq(tcrp_read_frame(&f, bytes), 0);
	len = TCRP_HEADER + tcrp_body_len(&f.head);
	ck_assert_uint_ge(c->len, len);
	c->len -= len;
	memmove(c->got, c->got + len, c->len);
	ck_assert_uint_lt(f.payload_len, 8192);
	memcpy(payload, f.payload, f.payload_len);
	payload[f.payload_len] = '\0';
	return f;
}

static void
expect(struct client *c, uint8_t op, uint8_t state, const char *room,
    char payload[8192])
{
	struct tcrp_frame f = next(c, payload);

	ck_assert_uint_eq(f.head.op, op);
	ck_assert_uint_eq(f.head.state, state);
	ck_assert_uint_eq(f.room_len, strlen(room));
	ck_assert_mem_eq(f.room, room, f.room_len);
}

static void
expect_status(struct client *c, uint8_t op, const char *room, enum status st)
{
	char p[8192];

	expect(c, op, STATE_STATUS, room, p);
	ck_assert_uint_eq((uint8_t)p[0] & 0xf, st);	/* byte or digit */
}

/* A plain member, whose connection is closed again. */
static inline void
member(uint8_t op, const char *room, const char *user, char token[8192])
{
	const uint32_t others = sessions_count(sessions);
	struct client *c = arrive();

	ask(c, CODEC_BE, op, room, user);
	expect_status(c, op, room, ST_OK);
	expect(c, op, STATE_DONE, room, token);
	hear(c);
	ck_assert(c->ended);
	ck_assert_uint_eq(c->len, 0);
	go(c);
	ck_assert_uint_eq(sessions_count(sessions), others);
}

/* Runs the loop with its timers for so long. */
static inline void
wait_ms(uint64_t ms)
{
	uint64_t end = clock_ms() + ms;
	struct timeval tv = { 0, 5000 };

	while (clock_ms() < end) {
		(void)event_base_loopexit(base, &tv);
		ck_assert_int_ne(event_base_dispatch(base), -1);
	}
}

#endif
