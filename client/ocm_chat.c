/* SPDX-License-Identifier: ISC */
/*
 * Being in a room or the lobby: the datagrams both ways.  Called by the words
 * of ocm_words.c and by the front ends.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "cursor.h"
#include "net.h"
#include "ocm_session.h"
#include "ocm_show.h"
#include "wire_udp.h"

enum {
	RECEIVE_BATCH = 64,		/* receives before other work */
	BUNDLE_MAX = 65536,		/* bytes of one */
	KEEPALIVE_MS = 25000,		/* shorter than usual NAT bindings */
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

/* One receive: a datagram, or several of one size that came as a bundle. */
static ssize_t
receive(struct chat *c)
{
	static uint8_t		 buf[BUNDLE_MAX];
	struct net_control	 control;
	struct iovec		 iov = { buf, sizeof(buf) };
	struct msghdr		 m;
	size_t			 at, size, len;
	ssize_t			 n;

	memset(&m, 0, sizeof(m));
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof(control.bytes);
	if ((n = recvmsg(c->fd, &m, MSG_DONTWAIT)) == -1)
		return -1;
	if ((size = net_bundle_got(&m)) == 0)
		size = sizeof(buf);
	at = 0;
	do {
		len = (size_t)n - at < size ? (size_t)n - at : size;
		if (len <= DATAGRAM_MAX)
			on_datagram(c, buf + at, len);
		at += len;
	} while (at < (size_t)n && c->state != CHAT_OVER);
	return n;
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct chat	*c = arg;
	ssize_t		 n;
	unsigned	 i;
	int		 error;

	(void)fd;
	(void)what;
	for (i = 0; i < RECEIVE_BATCH && c->state != CHAT_OVER; i++) {
		n = receive(c);
		if (n == -1 && errno == ECONNREFUSED)
			watch_refused(c);
		else if (n == -1)
			break;
	}
	/* A reader that went away (head(1), say) is no failure of ours. */
	if (show_broken(&error) && c->state != CHAT_LEAVING)
		chat_leave(c, error == EPIPE ? EX_OK : EX_IOERR);
}

/* Inside, with a socket: from now on events do the work. */
static void
begin(struct chat *c)
{
	c->ev_read = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_read,
	    c);
	if (c->ev_read == NULL || event_add(c->ev_read, NULL) == -1)
		errx(EX_OSERR, "out of memory");
	c->proof_ms = clock_ms();
	session_register(c);
	watch_start(c);
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
	int		 status;

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
	if ((status = session_enter(c, how)) != EX_OK) {
		chat_close(c);
		return status;
	}
	begin(c);
	*out = c;
	return EX_OK;
}

void
chat_close(struct chat *c)
{
	if (c->call != NULL)
		tcrp_cancel(c->call);
	if (c->who.call != NULL)
		tcrp_cancel(c->who.call);
	if (c->rooms.call != NULL)
		tcrp_cancel(c->rooms.call);
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

const char *
chat_name(const struct chat *c, bool *sure)
{
	*sure = c->name_sure;
	return c->name[0] != '\0' ? c->name : NULL;
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
