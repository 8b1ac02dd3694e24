/* SPDX-License-Identifier: ISC */
/*
 * The loop of relayd (see loop.h).  Called by main.c.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "care.h"
#include "clock.h"
#include "deliver.h"
#include "log.h"
#include "loop.h"

enum {
	POLL_CTL,			/* ocmd */
	POLL_PEER,			/* roomd */
	POLL_SOCKS,			/* relay sockets, then the lobby's */
	POLL_MAX = POLL_SOCKS + 2 * OCM_ADDRS_MAX,
	BELLS_AT_ONCE = 64,
	STUCK_MISSES = 40,		/* refreshes in a row that failed */
};

struct loop {
	struct relay	*relay;
	struct pollfd	 fds[POLL_MAX];
	nfds_t		 count;
	bool		 stop;
	uint64_t	 say;		/* when that was to be told, or 0 */
	bool		 complained;	/* of roomd's messages */
};

static void
add_fd(struct loop *l, int fd)
{
	l->fds[l->count].fd = fd;
	l->fds[l->count++].events = POLLIN;
}

static void
add_fds(struct loop *l)
{
	const struct relay *r = l->relay;
	unsigned i;

	add_fd(l, FD_CTL);
	add_fd(l, FD_PEERS);
	for (i = 0; i < r->out.count; i++)
		add_fd(l, r->out.fd[i]);
	for (i = 0; i < r->lobby_out.count; i++)
		add_fd(l, r->lobby_out.fd[i]);
}

/* ---- ocmd ---- */

static void
obey(struct loop *l, enum ctl_type type, const union ctl_body *body)
{
	const struct ctl_bell pong = { 0 };

	switch (type) {
	case CTL_PING:
		/* One that is lost is asked for again. */
		(void)ctl_send(FD_CTL, CTL_PONG, &pong, -1);
		break;
	case CTL_SETTINGS:
		care_settings(l->relay, &body->SETTINGS);
		break;
	case CTL_STOP:
		/* Not from here: it may be in the midst of a change. */
		l->say = body->STOP.say ? clock_ms() : 0;
		l->stop = true;
		break;
	default:
		fatalx("ocmd sent %s", ctl_type_name(type));
	}
}

static void
hear_ocmd(struct loop *l)
{
	union ctl_body body;
	enum ctl_type type;
	int fd;

	while (!l->stop) {
		switch (ctl_recv(FD_CTL, ROLE_OCMD, ROLE_RELAYD, false, &type,
		    &body, &fd)) {
		case CTL_GOT:
			obey(l, type, &body);
			break;
		case CTL_NOTHING:
			return;
		case CTL_CLOSED:
			fatalx("ocmd is gone");
		case CTL_BAD:
			fatalx("ocmd sent what it may not send");
		}
	}
}

static void
breathe(void *arg)
{
	hear_ocmd(arg);
}

/* ---- roomd ---- */

/* A bell says nothing: the head of the ring of changes says it all. */
static void
hear_roomd(struct loop *l)
{
	union ctl_body body;
	enum ctl_result got = CTL_GOT;
	enum ctl_type type;
	int fd, i;

	for (i = 0; i < BELLS_AT_ONCE && got == CTL_GOT; i++)
		got = ctl_recv(FD_PEERS, ROLE_ROOMD, ROLE_RELAYD, false,
		    &type, &body, &fd);
	if (got == CTL_CLOSED)
		l->fds[POLL_PEER].fd = -1;
	if ((got == CTL_CLOSED || got == CTL_BAD) && !l->complained) {
		log_warnx("roomd's socket: %s", got == CTL_BAD ?
		    "a message it may not send" : "closed");
		l->complained = true;
	}
}

static void
ring(struct loop *l)
{
	const struct ctl_bell bell = { 0 };
	const struct ctl_stuck stuck = { 0 };
	struct relay *r = l->relay;

	if (r->bell && ctl_send(FD_PEERS, CTL_WISH, &bell, -1) == -1)
		counter_add(&r->counters[LC_bells_lost], 1);
	r->bell = false;
	if (r->peers.misses >= STUCK_MISSES) {
		r->peers.misses = 0;
		(void)ctl_send(FD_CTL, CTL_STUCK, &stuck, -1);
	}
}

/* ---- everything ---- */

static void
receive(struct loop *l)
{
	struct relay *r = l->relay;
	const struct pollfd *p = &l->fds[POLL_SOCKS];
	unsigned i;

	for (i = 0; i < r->out.count; i++, p++) {
		if ((p->revents & (POLLERR | POLLNVAL)) != 0)
			(void)send_drain_errors(&r->out, i);
		if (p->revents != 0)
			relay_receive(r, i);
	}
	for (i = 0; i < r->lobby_out.count; i++, p++) {
		if ((p->revents & (POLLERR | POLLNVAL)) != 0)
			(void)send_drain_errors(&r->lobby_out, i);
		if (p->revents != 0)
			relay_receive_lobby(r, i);
	}
}

/*
 * Until the table was read once nobody is known, and datagrams wait where
 * they are: whoever began to change it died, and its successor will mend it.
 */
static nfds_t
heeded(const struct loop *l)
{
	return l->relay->peers.started ? l->count : POLL_SOCKS;
}

int
loop_run(struct relay *r)
{
	static struct loop l;	/* r keeps its address */
	nfds_t n;

	memset(&l, 0, sizeof(l));
	l.relay = r;
	r->breathe = breathe;
	r->breathe_arg = &l;
	add_fds(&l);
	relay_turn(r);
	ring(&l);	/* for the wishes of an earlier life */
	while (!l.stop) {
		n = heeded(&l);
		if (poll(l.fds, n, r->queue.count > 0 ? 0 :
		    care_wait(r)) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		if (l.fds[POLL_CTL].revents != 0)
			hear_ocmd(&l);
		if (l.fds[POLL_PEER].revents != 0)
			hear_roomd(&l);
		if (l.stop)
			break;
		relay_turn(r);
		if (n == l.count)
			receive(&l);
		if (r->queue.count > 0)
			deliver_some(r);
		relay_follow(r);
		care_tick(r);
		ring(&l);
	}
	if (l.say != 0)
		care_goodbye(r, l.say);
	return 0;
}
