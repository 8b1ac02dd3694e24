/* SPDX-License-Identifier: ISC */
/*
 * One request over TCP and its answer, with a deadline.  Called by the words
 * that ask one thing and by the chat, which keeps talking meanwhile.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "clock.h"
#include "cursor.h"
#include "ocm_tcrp.h"
#include "wire_tcp.h"

/* 65536 members with the longest names, and some. */
enum { ANSWER_MAX = 32 * 1024 * 1024 };

struct tcrp_call {
	struct event_base	*base;
	struct server		*server;
	struct bufferevent	*bev;
	struct event		*timer;
	enum tcrp_op		 op;
	bool			 head_only;
	size_t			 most;
	bool			 connected;
	bool			 starting;	/* inside tcrp_ask */
	bool			 decided;	/* the timer will say so */
	unsigned		 tried;		/* addresses */
	uint64_t		 deadline;
	struct tcrp_answer	 answer;
	tcrp_fn			*fn;
	void			*arg;
	size_t			 frame_len;
	uint8_t			 frame[TCRP_HEADER + TCRP_ROOM_MAX +
				    TCRP_PAYLOAD_MAX];
};

static void	attempt(struct tcrp_call *);

void
tcrp_cancel(struct tcrp_call *call)
{
	if (call->bev != NULL)
		bufferevent_free(call->bev);
	if (call->timer != NULL)
		event_free(call->timer);
	free(call);
}

static void
set_timer(struct tcrp_call *call, uint64_t ms)
{
	struct timeval	tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	(void)evtimer_add(call->timer, &tv);
}

static uint64_t
time_left(const struct tcrp_call *call)
{
	uint64_t	now = clock_ms();

	return now < call->deadline ? call->deadline - now : 0;
}

/* The callback may well ask the next question: the call must be gone. */
static void
decide(struct tcrp_call *call, enum tcrp_outcome outcome, int error)
{
	call->answer.outcome = outcome;
	call->answer.error = error;
	if (call->starting) {
		call->decided = true;
		set_timer(call, 0);
		return;
	}
	call->fn(&call->answer, call->arg);
	tcrp_cancel(call);
}

/* This address does not work: the next one, or the end. */
static void
next_address(struct tcrp_call *call, int error)
{
	if (call->bev != NULL)
		bufferevent_free(call->bev);
	call->bev = NULL;
	if (call->tried >= call->server->addrs || time_left(call) == 0) {
		decide(call, error == ETIMEDOUT ? TCRP_SILENT :
		    TCRP_UNREACHABLE, error);
		return;
	}
	call->server->current =
	    (call->server->current + 1) % call->server->addrs;
	attempt(call);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tcrp_call	*call = arg;

	(void)fd;
	(void)what;
	if (call->decided)
		decide(call, call->answer.outcome, call->answer.error);
	else if (call->connected)
		decide(call, TCRP_SILENT, ETIMEDOUT);
	else
		next_address(call, ETIMEDOUT);
}

/* Judges one whole frame.  Returns whether that was the answer. */
static bool
take_frame(struct tcrp_call *call, const uint8_t *bytes)
{
	struct tcrp_frame	f;

	if (tcrp_read_frame(&f, bytes) == -1) {
		decide(call, TCRP_GARBLED, 0);
	} else if (f.head.state == STATE_DONE) {
		call->answer.payload = (const char *)f.payload;
		call->answer.len = f.payload_len;
		decide(call, TCRP_OK, 0);
	} else if (f.head.state != STATE_STATUS || f.payload_len != 1) {
		decide(call, TCRP_GARBLED, 0);
	} else if (f.payload[0] != ST_OK) {
		call->answer.status = (enum status)f.payload[0];
		decide(call, TCRP_STATUS, 0);
	} else if (call->op == OP_LEAVE) {
		decide(call, TCRP_OK, 0);
	} else
		return false;
	return true;
}

/* Judges a header alone.  Returns whether that was the answer. */
static bool
take_header(struct tcrp_call *call, const struct tcrp_header *head)
{
	if (head->op != call->op || head->codec != CODEC_BE ||
	    head->payload_len > ANSWER_MAX) {
		decide(call, TCRP_GARBLED, 0);
		return true;
	}
	if (head->state == STATE_DONE && (call->head_only ||
	    (call->most > 0 && head->payload_len > call->most))) {
		call->answer.len = head->payload_len;
		decide(call, TCRP_OK, 0);
		return true;
	}
	return false;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct tcrp_call	*call = arg;
	struct evbuffer		*in = bufferevent_get_input(bev);
	struct tcrp_header	 head;
	uint8_t			 bytes[TCRP_HEADER];
	const uint8_t		*whole;
	size_t			 size;

	while (evbuffer_copyout(in, bytes, sizeof(bytes)) == TCRP_HEADER) {
		tcrp_read_header(&head, bytes);
		if (take_header(call, &head))
			return;
		size = TCRP_HEADER + tcrp_body_len(&head);
		if (evbuffer_get_length(in) < size)
			return;
		if ((whole = evbuffer_pullup(in, (ev_ssize_t)size)) == NULL)
			errx(EX_OSERR, "out of memory");
		if (take_frame(call, whole))
			return;
		(void)evbuffer_drain(in, size);
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct tcrp_call	*call = arg;
	int			 error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED) {
		call->connected = true;
		set_timer(call, time_left(call));
		(void)bufferevent_write(bev, call->frame, call->frame_len);
	} else if (call->connected) {
		/* Closed without an answer is as bad as reset. */
		decide(call, TCRP_UNREACHABLE, what & BEV_EVENT_ERROR ?
		    error : ECONNRESET);
	} else
		next_address(call, error);
}

/* Connects to the current address; a slow one leaves time for the others. */
static void
attempt(struct tcrp_call *call)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	unsigned		 left = call->server->addrs - call->tried;

	call->tried++;
	len = server_sockaddr(call->server, call->server->tcp, &ss);
	call->bev = bufferevent_socket_new(call->base, -1,
	    BEV_OPT_CLOSE_ON_FREE);
	if (call->bev == NULL)
		errx(EX_OSERR, "out of memory");
	bufferevent_setcb(call->bev, on_read, NULL, on_event, call);
	(void)bufferevent_enable(call->bev, EV_READ | EV_WRITE);
	set_timer(call, time_left(call) / left);
	if (bufferevent_socket_connect(call->bev, (struct sockaddr *)&ss,
	    (int)len) == -1)
		next_address(call, errno);
}

struct tcrp_call *
tcrp_ask(struct event_base *base, struct server *server,
    const struct tcrp_question *q, tcrp_fn *fn, void *arg)
{
	struct tcrp_call	*call = calloc(1, sizeof(*call));
	struct writer		 w;

	if (call == NULL)
		err(EX_OSERR, NULL);
	call->base = base;
	call->server = server;
	call->op = q->op;
	call->head_only = q->head_only;
	call->most = q->most;
	call->deadline = clock_ms() + q->timeout_ms;
	call->fn = fn;
	call->arg = arg;
	w = writer_make(call->frame, sizeof(call->frame));
	tcrp_write_frame(&w, CODEC_BE, (uint8_t)q->op, STATE_REQUEST, q->room,
	    strlen(q->room), q->payload, q->payload_len);
	if (w.bad)
		errx(EX_SOFTWARE, "request too long");
	call->frame_len = w.len;
	if ((call->timer = evtimer_new(base, on_timer, call)) == NULL)
		errx(EX_OSERR, "out of memory");
	call->starting = true;
	attempt(call);
	call->starting = false;
	return call;
}

struct waiter {
	struct tcrp_answer	*answer;
	char			**payload;
	bool			 done;
};

static void
on_awaited(const struct tcrp_answer *answer, void *arg)
{
	struct waiter	*w = arg;

	*w->answer = *answer;
	w->done = true;
	*w->payload = NULL;
	if (answer->payload == NULL)
		return;
	if ((*w->payload = malloc(answer->len + 1)) == NULL)
		err(EX_OSERR, NULL);
	memcpy(*w->payload, answer->payload, answer->len);
	(*w->payload)[answer->len] = '\0';
	w->answer->payload = *w->payload;
}

void
tcrp_ask_wait(struct event_base *base, struct server *server,
    const struct tcrp_question *q, struct tcrp_answer *answer, char **payload)
{
	struct waiter	w = { answer, payload, false };

	(void)tcrp_ask(base, server, q, on_awaited, &w);
	while (!w.done)
		(void)event_base_loop(base, EVLOOP_ONCE);
}
