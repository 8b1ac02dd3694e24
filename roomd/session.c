/* SPDX-License-Identifier: ISC */
/*
 * One TCP connection: see session.h.  It is always in one of three phases,
 * and a step of a phase says whether another can be made at once.  Where
 * connections begin and end is sessions.c.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <stddef.h>
#include <string.h>

#include "clock.h"
#include "session_own.h"

enum {
	PORT_WAIT_MS = 2000,		/* for two more bytes; section 4 */
	STAY_MS = 60000,		/* a person chooses a room */
	SLOWEST = 256 * 1024 / 1000,	/* bytes per ms of a long answer */
};

static void
deadline(struct session *s, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
	    (suseconds_t)(ms % 1000 * 1000) };

	if (evtimer_add(&s->timer, &tv) == -1)	/* then it is over now */
		event_active(&s->timer, EV_TIMEOUT, 0);
}

static uint32_t
request_timeout(const struct session *s)
{
	return s->all->desk->settings->request_timeout_ms;
}

static enum step
await(struct session *s, struct event *ready)
{
	return event_add(ready, NULL) == 0 ? WAIT :
	    session_fail(s, RC_no_memory);
}

/*
 * It holds a place from now on only because it was answered.  Without memory
 * for the counting it does so uncounted, but not for long.
 */
static void
answered(struct session *s)
{
	if (!session_count(s, LIMIT_ANSWERED))
		counter_add(&s->all->desk->counters[RC_no_memory], 1);
}

/* ---- sending ---- */

static void
enqueue(struct session *s, struct blob *b)
{
	if (!outbox_add(&s->out, b))
		s->slow = true;
}

/* AGAIN: all is sent.  LATER: enough for this turn. */
static enum step
flush(struct session *s)
{
	if (s->slow)
		return session_fail(s, RC_closed_slow);
	switch (outbox_flush(&s->out, s->fd, &s->turn.left)) {
	case OUTBOX_EMPTY:
		return AGAIN;
	case OUTBOX_BLOCKED:
		return await(s, &s->writable);
	case OUTBOX_MORE:
		return LATER;
	case OUTBOX_ERROR:
		break;
	}
	return session_fail(s, RC_closed_error);
}

static void
say(struct seat *seat, struct blob *b)
{
	struct session *s = SESSION_OF(seat, seat);

	/* Never between the two parts of an answer: no reader expects it. */
	if (s->second == NULL)
		enqueue(s, blob_ref(b));
	event_active(&s->writable, EV_WRITE, 0);
}

static void
end(struct seat *seat)
{
	struct session *s = SESSION_OF(seat, seat);

	blob_unref(s->second);
	s->second = NULL;
	s->last = true;
	answered(s);
	event_active(&s->writable, EV_WRITE, 0);
}

const struct audience_voice session_voice = { say, end };

/* ---- reading ---- */

/*
 * Waits for a frame: a member as long as it likes, others for ms, and they
 * count as half-open.  GONE: the limits hit this very connection.
 */
static enum step
begin_reading(struct session *s, unsigned ms)
{
	const struct desk *desk = s->all->desk;
	struct limit_conn *conn;
	struct session *victim;

	s->phase = READING;
	if (!session_count(s, LIMIT_HALF_OPEN))
		return session_fail(s, RC_no_memory);
	if (session_seated(s)) {
		(void)evtimer_del(&s->timer);
		return AGAIN;
	}
	deadline(s, ms);
	while ((conn = limit_victim(desk->limit, &s->place,
	    desk->settings->half_open,
	    desk->settings->half_open_source)) != NULL) {
		victim = SESSION_OF(conn, place);
		(void)session_fail(victim, RC_closed_half_open);
		if (victim == s)
			return GONE;
	}
	return AGAIN;
}

/* The answer is to be sent within a time that grows with its length. */
static void
begin_answering(struct session *s, struct answer *a)
{
	size_t len = a->first != NULL ? a->first->len : 0;

	inbox_clear(&s->in);
	s->phase = ANSWERING;
	s->stay = a->stay;
	/* Who sends what is no request is not understood any further. */
	s->last = s->last || a->status == ST_MALFORMED;
	if (a->entered.row != NULL)
		s->entered = a->entered;
	if (a->entered.row != NULL &&
	    (a->entered.row->flags & DIALECT_TCP_OPEN) != 0)
		(void)audience_sit(s->all->desk->audience, &s->seat,
		    &a->entered);
	answered(s);
	enqueue(s, a->first);
	s->gap_ms = a->gap_ms;
	s->gap_until = 0;
	if (s->gap_ms == 0)
		enqueue(s, a->second);
	else
		s->second = a->second;
	deadline(s, request_timeout(s) + len / SLOWEST);
}

static enum step
serve(struct session *s)
{
	const struct asker who = { s->caller, s->seat.id };
	struct tcrp_frame f;
	struct answer a;

	turn_spend(&s->turn, TURN_REQUEST);
	if (tcrp_read_frame(&f, s->in.frame) == -1)
		answer_refuse(s->all->desk, &f.head, ST_MALFORMED, &a);
	else
		answer_frame(s->all->desk, &f, &who, &a);
	begin_answering(s, &a);
	return AGAIN;
}

/* Refused by its header; what follows is no frame and is not served. */
static enum step
refuse(struct session *s, enum status st)
{
	struct tcrp_header head;
	struct answer a;

	tcrp_read_header(&head, s->in.head);
	answer_refuse(s->all->desk, &head, st, &a);
	begin_answering(s, &a);
	s->last = true;
	return AGAIN;
}

static enum step
step_reading(struct session *s)
{
	const size_t before = s->in.got;
	enum step step;

	/* Notices for a member who only listens. */
	if ((step = flush(s)) == GONE || step == LATER)
		return step;
	if (s->last) {
		s->phase = ANSWERING;
		deadline(s, request_timeout(s));
		return AGAIN;
	}
	switch (inbox_read(&s->in, s->fd,
	    s->all->desk->settings->max_payload)) {
	case INBOX_FRAME:
		return serve(s);
	case INBOX_REFUSED:
		return refuse(s, ST_MALFORMED);
	case INBOX_NO_MEMORY:
		counter_add(&s->all->desk->counters[RC_no_memory], 1);
		return refuse(s, ST_UNABLE);
	case INBOX_END:
	case INBOX_ERROR:
		return s->in.got > 0 ? session_fail(s, RC_closed_error) :
		    session_close(s);
	case INBOX_PART:
		break;
	}
	/* One that was waited for without haste has begun. */
	if (before == 0 && s->in.got > 0 && (s->stay || session_seated(s)))
		deadline(s, request_timeout(s));
	return await(s, &s->readable);
}

/* ---- after the answer ---- */

/* Between the two parts: AGAIN where the second is on its way. */
static enum step
wait_gap(struct session *s)
{
	uint64_t now = clock_ms();

	if (s->gap_until == 0)
		s->gap_until = now + s->gap_ms + 1;	/* now: cut down */
	if (now < s->gap_until) {
		/* A timer may run early by what the loop took so far. */
		deadline(s, s->gap_until - now);
		return WAIT;
	}
	enqueue(s, s->second);
	s->second = NULL;
	deadline(s, request_timeout(s));
	return AGAIN;
}

static enum step
begin_parting(struct session *s)
{
	(void)shutdown(s->fd, SHUT_WR);
	s->phase = PARTING;
	deadline(s, PORT_WAIT_MS);
	return AGAIN;
}

/*
 * The answer is out.  What has come in meanwhile decides: three bytes or
 * more are the beginning of another frame, which is served before we stop
 * speaking, because a port is exactly two bytes and the end.  Fewer can
 * only be a port, or a frame whose client was slow to go on: we stop
 * speaking, as the protocol wants it after state 2, and wait for the end.
 * So a frame sent ahead wins over the port, and no frame is taken for one.
 */
static enum step
after_answer(struct session *s)
{
	ssize_t n;

	if (s->last)
		return begin_parting(s);
	if (s->stay || session_seated(s))
		return begin_reading(s, STAY_MS);
	n = inbox_take(s->fd, s->in.head, sizeof(s->in.head));
	if (n == -2)
		return session_fail(s, RC_closed_error);
	s->in.got = n > 0 ? (size_t)n : 0;
	return s->in.got > 2 ? begin_reading(s, request_timeout(s)) :
	    begin_parting(s);
}

static enum step
step_answering(struct session *s)
{
	enum step step;

	(void)event_del(&s->readable);
	if ((step = flush(s)) != AGAIN)
		return step;
	return s->second != NULL ? wait_gap(s) : after_answer(s);
}

/*
 * Reads to the end, for at most PORT_WAIT_MS: two bytes are the port of the
 * member made here.
 */
static enum step
step_parting(struct session *s)
{
	enum inbox_state state = inbox_drain(&s->in, s->fd);

	if (state == INBOX_PART)
		return await(s, &s->readable);
	if (state == INBOX_END && s->in.got == 2 && !s->last &&
	    s->entered.row != NULL)
		(void)rooms_set_port(s->all->desk->rooms, s->entered.slot,
		    s->entered.gen,
		    (uint16_t)(s->in.head[0] << 8 | s->in.head[1]));
	return session_close(s);
}

enum step
session_settle(struct session *s)
{
	return s->phase == PARTING ? step_parting(s) : WAIT;
}

/* ---- events ---- */

static enum step (*const steps[PHASES])(struct session *) = {
	[READING] = step_reading,
	[ANSWERING] = step_answering,
	[PARTING] = step_parting,
};

void
session_run(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	enum step step;

	(void)fd;
	(void)what;
	turn_begin(&s->turn);
	do
		step = steps[s->phase](s);
	while (step == AGAIN && !turn_over(&s->turn));
	if (step == WAIT || step == GONE)
		return;
	/* Others first, also where it has sent more meanwhile. */
	(void)event_del(&s->readable);
	turn_rest(&s->turn);
}

void
session_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	if (s->phase == ANSWERING && s->gap_until != 0 && s->second != NULL)
		session_run(fd, what, s);
	else if (s->phase == ANSWERING)
		(void)session_fail(s, RC_closed_slow);
	else if (s->phase == READING && !(s->stay && s->in.got == 0))
		(void)session_fail(s, RC_closed_timeout);
	else
		(void)session_close(s);
}

enum step
session_begin(struct session *s)
{
	return begin_reading(s, request_timeout(s));
}
