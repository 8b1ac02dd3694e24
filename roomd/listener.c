/* SPDX-License-Identifier: ISC */
/*
 * Accepting connections: see listener.h.
 *
 * Sockets are accepted non-blocking, and TCP_NODELAY (the two parts of an
 * answer are two writes) and SO_KEEPALIVE (a peer that vanished) are
 * inherited from the listener, where ocmd sets them: no socket option can be
 * set in the sandbox.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "listener.h"
#include "log.h"

enum {
	ACCEPTS_PER_TURN = 64,
	PAUSE_MS = 100,			/* when no descriptor is to be had */
	LOG_MS = 10000,			/* between two lines about it */
};

struct listener {
	struct listeners	*all;
	struct event		*event;
	uint8_t			 via;
};

struct listeners {
	struct event_base	*base;
	struct sessions		*sessions;
	_Atomic uint64_t	*counters;
	struct listener		 list[OCM_ADDRS_MAX];
	unsigned		 count;
	struct event		*pause;
	uint64_t		 logged_ms;
};

/* Deaf for ever is worse than a new life, which ocmd gives us at once. */
static void
add(struct event *ev, const struct timeval *tv)
{
	if (event_add(ev, tv) == -1)
		fatalx("cannot go on accepting connections");
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listeners *l = arg;
	unsigned i;

	(void)fd;
	(void)what;
	for (i = 0; i < l->count; i++)
		add(l->list[i].event, NULL);
}

/*
 * No descriptor or memory for another connection.  The queue of the kernel
 * holds it; asking again at once would only spin.
 */
static void
failed(struct listeners *l)
{
	struct timeval tv = { PAUSE_MS / 1000, PAUSE_MS % 1000 * 1000 };
	uint64_t now = clock_ms();
	unsigned i;

	counter_add(&l->counters[RC_accept_failed], 1);
	if (l->logged_ms == 0 || now - l->logged_ms >= LOG_MS) {
		l->logged_ms = now;
		log_warn("cannot accept beside %u connections",
		    sessions_count(l->sessions));
	}
	for (i = 0; i < l->count; i++)
		(void)event_del(l->list[i].event);
	add(l->pause, &tv);
}

/* Errors of one connection, which is gone; all others are ours. */
static bool
only_its_own(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

/* One connection taken: true where there may be more. */
static bool
accept_one(struct listener *one, int lfd)
{
	struct listeners *l = one->all;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr from;
	int fd;

	fd = accept4(lfd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (only_its_own(errno))
			return true;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			failed(l);
		return false;
	}
	if (addr_from_sockaddr(&from, (struct sockaddr *)&ss, len) == 0)
		session_start(l->sessions, fd, &from, one->via);
	else
		(void)close(fd);
	return true;
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	int i;

	(void)what;
	for (i = 0; i < ACCEPTS_PER_TURN; i++)
		if (!accept_one(arg, fd))
			return;
}

struct listeners *
listeners_new(struct event_base *base, struct sessions *sessions,
    _Atomic uint64_t *counters)
{
	struct listeners *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	l->base = base;
	l->sessions = sessions;
	l->counters = counters;
	if ((l->pause = evtimer_new(base, on_pause_over, l)) == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

int
listeners_add(struct listeners *l, int fd, uint8_t via)
{
	struct listener *one;

	if (l->count == OCM_ADDRS_MAX)
		return -1;
	one = &l->list[l->count];
	one->all = l;
	one->via = via;
	one->event = event_new(l->base, fd, EV_READ | EV_PERSIST,
	    on_acceptable, one);
	if (one->event == NULL)
		return -1;
	l->count++;
	return event_add(one->event, NULL);
}

void
listeners_free(struct listeners *l)
{
	if (l == NULL)
		return;
	while (l->count > 0)
		event_free(l->list[--l->count].event);
	event_free(l->pause);
	free(l);
}
