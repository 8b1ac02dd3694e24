/* SPDX-License-Identifier: ISC */
/*
 * Being in a room or the lobby: entering, and the datagrams both ways.
 * Called by the words of ocm_words.c and by the front ends.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "cursor.h"
#include "ocm_ask.h"
#include "ocm_explain.h"
#include "ocm_session.h"
#include "ocm_show.h"
#include "wire_udp.h"

enum {
	RECEIVE_BUFFER = 4 * 1024 * 1024,	/* bytes; a hint */
	RECEIVE_BATCH = 64,		/* datagrams before other work */
	KEEPALIVE_MS = 25000,		/* shorter than usual NAT bindings */
	ENTER_TRIES = 4,
	REFUSAL_MS = 100,		/* for a lobby to say no */
};

/* A lost registration would leave us deaf: it goes out more than once. */
static const unsigned register_after_ms[] = { 250, 750, 2000 };
enum { REGISTRATIONS = sizeof(register_after_ms) / sizeof(unsigned) };

struct event_base *
chat_base_new(void)
{
	struct event_config	*config = event_config_new();
	struct event_base	*base = NULL;

	/* epoll refuses regular files, which standard input may well be. */
	if (config != NULL &&
	    event_config_require_features(config, EV_FEATURE_FDS) == 0)
		base = event_base_new_with_config(config);
	if (base == NULL)
		errx(EX_OSERR, "no event loop");
	event_config_free(config);
	return base;
}

void
session_timer(struct event *ev, uint64_t ms)
{
	struct timeval	tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	(void)event_add(ev, &tv);
}

struct tcrp_question
session_question(const struct chat *c, enum tcrp_op op)
{
	struct tcrp_question	q = { .op = op, .room = c->room,
	    .payload = c->token, .payload_len = c->token_len,
	    .timeout_ms = c->opt->timeout_ms };

	return q;
}

void
session_end(struct chat *c, int status)
{
	if (c->state == CHAT_OVER)
		return;
	c->state = CHAT_OVER;
	c->status = status;
	(void)event_base_loopbreak(c->base);
}

void
session_live(struct chat *c)
{
	c->state = CHAT_LIVE;
	c->away_since = 0;
	c->refused = false;
	c->refusals = 0;
	c->proof_ms = clock_ms();
	if (c->on_ready != NULL)
		c->on_ready(c->ready_arg);
}

/* Room and token, or name, before what is said. */
static size_t
write_datagram(const struct chat *c, uint8_t buf[DATAGRAM_MAX],
    const void *text, size_t len)
{
	struct writer	w = writer_make(buf, DATAGRAM_MAX);

	if (c->lobby) {
		writer_u8(&w, (uint8_t)strlen(c->opt->name));
		writer_string(&w, c->opt->name);
	} else {
		writer_u8(&w, (uint8_t)strlen(c->room));
		writer_u8(&w, (uint8_t)c->token_len);
		writer_string(&w, c->room);
		writer_bytes(&w, c->token, c->token_len);
	}
	writer_bytes(&w, text, len);
	return w.bad ? 0 : w.len;
}

int
session_send(struct chat *c, const void *text, size_t len)
{
	uint8_t	buf[DATAGRAM_MAX];
	size_t	n = write_datagram(c, buf, text, len);

	if (n == 0) {
		errno = EMSGSIZE;
		return -1;
	}
	if (send(c->fd, buf, n, 0) != -1)
		return 0;
	/* That was the answer to an earlier datagram; this one stayed here. */
	if (errno != ECONNREFUSED)
		return -1;
	watch_refused(c);
	return send(c->fd, buf, n, 0) == -1 && errno != ECONNREFUSED ? -1 : 0;
}

void
session_register(struct chat *c)
{
	c->registered = 0;
	(void)session_send(c, "", 0);
	session_timer(c->ev_keep, register_after_ms[0]);
}

static void
on_keep(evutil_socket_t fd, short what, void *arg)
{
	struct chat	*c = arg;

	(void)fd;
	(void)what;
	(void)session_send(c, "", 0);
	if (++c->registered < REGISTRATIONS)
		session_timer(c->ev_keep, register_after_ms[c->registered]);
	else
		session_timer(c->ev_keep, KEEPALIVE_MS);
}

static void
deliver(struct chat *c, const char *room, const struct said *said)
{
	if (c->deaf)
		return;
	show_said(room, said);
	if (c->to_hear > 0 && --c->to_hear == 0) {
		c->deaf = true;
		chat_leave(c, EX_OK);
	}
}

void
session_deliver(struct chat *c, const char *bytes, size_t len)
{
	struct said	said;

	if (text_notice(bytes, len) == NOTICE_PRESENCE) {
		if (!c->deaf)
			show_notice(c->room, bytes, len);
		return;
	}
	text_split(&said, bytes, len);
	deliver(c, c->room, &said);
}

static void
deliver_lobby(struct chat *c, const uint8_t *bytes, size_t len)
{
	struct lobby_datagram	d;
	struct said		said;

	if (!udp_split_lobby(&d, bytes, len) || d.msg_len == 0)
		return;
	said.from = (const char *)d.user;
	said.from_len = d.user_len;
	said.text = (const char *)d.msg;
	said.text_len = d.msg_len;
	deliver(c, NULL, &said);
}

static void
on_datagram(struct chat *c, const uint8_t *bytes, size_t len)
{
	const char	*text = (const char *)bytes;

	watch_heard(c);
	if (c->lobby)
		deliver_lobby(c, bytes, len);
	else if (len > 0 && !watch_hold(c, text, len))
		session_deliver(c, text, len);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct chat	*c = arg;
	uint8_t		 buf[DATAGRAM_MAX];
	ssize_t		 n;
	unsigned	 i;
	int		 error;

	(void)what;
	for (i = 0; i < RECEIVE_BATCH && c->state != CHAT_OVER; i++) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n >= 0)
			on_datagram(c, buf, (size_t)n);
		else if (errno == ECONNREFUSED)
			watch_refused(c);
		else
			break;
	}
	/* A reader that went away (head(1), say) is no failure of ours. */
	if (show_broken(&error) && c->state != CHAT_LEAVING)
		chat_leave(c, error == EPIPE ? EX_OK : EX_IOERR);
}

/* 0, or -1 with errno; the descriptor is closed with the chat. */
static int
open_socket(struct chat *c)
{
	struct sockaddr_storage	 ss;
	const struct server	*s = &c->opt->server;
	socklen_t		 len;
	int			 size = RECEIVE_BUFFER;

	len = server_sockaddr(s, c->lobby ? s->tcp : s->udp, &ss);
	c->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&ss, len) == -1)
		return -1;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

bool
session_take_token(struct chat *c, const struct tcrp_answer *a)
{
	if (a->len == 0 || a->len > sizeof(c->token))
		return false;
	memcpy(c->token, a->payload, a->len);
	c->token_len = a->len;
	return true;
}

/* What to do about a refusal: the other operation, or 0 to give up. */
static enum tcrp_op
other_way(struct chat *c, enum tcrp_op op, enum entrance how,
    enum status status)
{
	if (how == ENTER_EITHER && op == OP_JOIN && status == ST_NO_ROOM)
		return OP_CREATE;
	if (how == ENTER_EITHER && op == OP_CREATE && status == ST_EXISTS)
		return OP_JOIN;
	if (op == OP_JOIN && status == ST_DENIED && !c->opt->json &&
	    c->opt->password[0] == '\0' && ask_possible()) {
		show_info("room \"%s\" wants a password", c->room);
		if (ask_password_now(c->opt))
			return OP_JOIN;
	}
	return 0;
}

static void
ask_to_enter(struct chat *c, enum tcrp_op op, struct tcrp_answer *a)
{
	struct tcrp_question	 q = session_question(c, op);
	char			*request, *payload;

	request = json_request(c->opt->name, c->opt->password);
	if (request == NULL)
		errx(EX_OSERR, "out of memory");
	q.payload = request;
	q.payload_len = strlen(request);
	tcrp_ask_wait(c->base, &c->opt->server, &q, a, &payload);
	if (a->outcome == TCRP_OK && !session_take_token(c, a))
		a->outcome = TCRP_GARBLED;
	explicit_bzero(request, strlen(request));
	free(request);
	free(payload);
}

static int
enter(struct chat *c, enum entrance how)
{
	enum tcrp_op		 op, next;
	struct tcrp_answer	 a;
	unsigned		 i;
	const char		*wrong = server_resolve(&c->opt->server);

	if (wrong != NULL)
		return explain_no_host(c->opt, wrong);
	next = how == ENTER_CREATE ? OP_CREATE : OP_JOIN;
	for (i = 0; i < ENTER_TRIES && next != 0; i++) {
		op = next;
		ask_to_enter(c, op, &a);
		if (a.outcome == TCRP_OK) {
			c->host = op == OP_CREATE;
			return EX_OK;
		}
		next = a.outcome == TCRP_STATUS ?
		    other_way(c, op, how, a.status) : 0;
	}
	return explain(c->opt, op, c->room, &a);
}

/* Whether the address takes datagrams, as far as it says so. */
static bool
takes_datagrams(struct chat *c)
{
	struct pollfd	pfd = { .fd = c->fd, .events = POLLIN };
	char		byte;

	(void)session_send(c, "", 0);
	if (poll(&pfd, 1, REFUSAL_MS) <= 0)
		return true;
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != -1 ||
	    errno != ECONNREFUSED;
}

/* The lobby has no TCP that would find the right one of several addresses. */
static int
find_lobby(struct chat *c)
{
	struct server	*s = &c->opt->server;
	const char	*wrong = server_resolve(s);

	if (wrong != NULL)
		return explain_no_host(c->opt, wrong);
	for (s->current = 0; s->current < s->addrs; s->current++) {
		if (open_socket(c) == 0 && takes_datagrams(c)) {
			c->refused = false;
			return EX_OK;
		}
		if (c->fd != -1)
			(void)close(c->fd);
		c->fd = -1;
	}
	show_error("no lobby at %s port %u (connection refused)", s->host,
	    s->tcp);
	return EX_UNAVAILABLE;
}

static int
begin(struct chat *c)
{
	int	status;

	if (c->lobby) {
		if ((status = find_lobby(c)) != EX_OK)
			return status;
	} else if (open_socket(c) == -1) {
		show_error("no way to the server's UDP port: %s",
		    strerror(errno));
		return EX_UNAVAILABLE;
	}
	c->ev_read = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_read,
	    c);
	if (c->ev_read == NULL || event_add(c->ev_read, NULL) == -1)
		errx(EX_OSERR, "out of memory");
	c->proof_ms = clock_ms();
	session_register(c);
	watch_start(c);
	return EX_OK;
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct chat	*c = arg;

	(void)fd;
	(void)what;
	if (c->state == CHAT_LEAVING)
		leave_timer(c);
	else
		watch_timer(c);
}

int
chat_open(struct chat **out, struct event_base *base, struct options *opt,
    const char *room, enum entrance how)
{
	struct chat	*c = calloc(1, sizeof(*c));
	int		 status = EX_OK;

	if (c == NULL)
		err(EX_OSERR, NULL);
	c->base = base;
	c->opt = opt;
	c->fd = -1;
	c->lobby = how == ENTER_LOBBY;
	(void)strlcpy(c->room, room, sizeof(c->room));
	c->ev_keep = evtimer_new(base, on_keep, c);
	c->ev_watch = evtimer_new(base, on_watch, c);
	if (c->ev_keep == NULL || c->ev_watch == NULL)
		errx(EX_OSERR, "out of memory");
	if (!c->lobby)
		status = enter(c, how);
	if (status == EX_OK)
		status = begin(c);
	if (status == EX_OK)
		*out = c;
	else
		chat_close(c);
	return status;
}

void
chat_close(struct chat *c)
{
	if (c->call != NULL)
		tcrp_cancel(c->call);
	if (c->list_call != NULL)
		tcrp_cancel(c->list_call);
	if (c->ev_read != NULL)
		event_free(c->ev_read);
	event_free(c->ev_keep);
	event_free(c->ev_watch);
	if (c->fd != -1)
		(void)close(c->fd);
	explicit_bzero(c->token, sizeof(c->token));
	free(c);
}

size_t
chat_limit(const struct chat *c)
{
	size_t	name = strlen(c->opt->name);

	return c->lobby ? text_limit_lobby(name) :
	    text_limit_room(strlen(c->room), c->token_len, name);
}

enum unsendable
chat_check(const struct chat *c, const void *text, size_t len)
{
	enum unsendable	why = text_check(text, len, chat_limit(c));

	return c->lobby && why == TEXT_RESERVED ? TEXT_FITS : why;
}

int
chat_say(struct chat *c, const void *text, size_t len)
{
	if (!chat_ready(c)) {
		errno = EAGAIN;
		return -1;
	}
	if (session_send(c, text, len) == -1)
		return -1;
	c->said_ms = clock_ms();
	if (c->registered >= REGISTRATIONS)
		session_timer(c->ev_keep, KEEPALIVE_MS);
	watch_said(c);
	return 0;
}

bool
chat_ready(const struct chat *c)
{
	return c->state == CHAT_LIVE;
}

void
chat_on_ready(struct chat *c, void (*fn)(void *), void *arg)
{
	c->on_ready = fn;
	c->ready_arg = arg;
}

void
chat_leave_after(struct chat *c, unsigned messages)
{
	c->to_hear = messages;
}

void
chat_hear_nothing(struct chat *c)
{
	c->deaf = true;
}

bool
chat_is_host(const struct chat *c)
{
	return c->host;
}

bool
chat_is_lobby(const struct chat *c)
{
	return c->lobby;
}

bool
chat_leaving(const struct chat *c)
{
	return c->leave_wanted || c->state >= CHAT_LEAVING;
}

bool
chat_over(const struct chat *c)
{
	return c->state == CHAT_OVER;
}

int
chat_status(const struct chat *c)
{
	return c->status;
}
