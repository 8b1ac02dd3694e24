/* SPDX-License-Identifier: ISC */
/*
 * What roomd is told and tells the other processes: orders of ocmd, bells
 * from and to the relayds.  Used by setup.c and main.c.
 */
#include <sys/types.h>

#include <event2/event.h>

#include "log.h"
#include "roomd.h"
#include "turn.h"

enum {
	BELLS_PER_TURN = 64,
	WISHES_PAUSE_MS = 1,
	GOODBYE_MS = 100,		/* for the last notices to go out */
};

/* ---- to the relayds ---- */

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct roomd *d = arg;
	struct ctl_bell bell = { 0 };
	uint32_t k;

	(void)fd;
	(void)what;
	for (k = 0; k < d->workers; k++)
		if (ctl_send(FD_PEERS + (int)k, CTL_CHANGED, &bell, -1) == -1)
			counter_add(&d->desk.counters[RC_bells_lost], 1);
}

/* Rung once for all that one turn of the loop has changed. */
static void
changed(void *arg)
{
	struct roomd *d = arg;

	event_active(d->bell, EV_TIMEOUT, 0);
}

/* ---- what follows from the rules ---- */

static void
joined(void *arg, const struct member_made *m)
{
	struct roomd *d = arg;

	lists_changed(d->desk.lists, m->room);
	audience_joined(d->desk.audience, m);
}

static void
left(void *arg, const struct member_info *m, enum ending why)
{
	struct roomd *d = arg;

	lists_changed(d->desk.lists, m->room);
	audience_left(d->desk.audience, m, why);
}

static void
closed(void *arg, const struct room_info *room, enum ending why)
{
	struct roomd *d = arg;

	audience_closed(d->desk.audience, room, why);
	event_active(d->reap, EV_TIMEOUT, 0);
}

const struct rooms_events control_events = {
	NULL, changed, joined, left, closed
};

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct roomd *d = arg;

	(void)fd;
	(void)what;
	if (rooms_reap(d->rooms))
		event_active(d->reap, EV_TIMEOUT, 0);
}

/*
 * With a pause, so that a relayd that wishes for ever costs little; or
 * without one where there is no memory for it, which is better than never.
 */
static void
on_wish(evutil_socket_t fd, short what, void *arg)
{
	struct timeval pause = { 0, WISHES_PAUSE_MS * 1000 };
	struct roomd *d = arg;

	(void)fd;
	(void)what;
	if (!wishes_grant(d->wishes) || event_add(d->wish, &pause) == 0)
		return;
	counter_add(&d->desk.counters[RC_no_memory], 1);
	event_active(d->wish, EV_TIMEOUT, 0);
}

/* ---- from the relayds ---- */

/* Bells; true where there may be more. */
static bool
hear_bell(struct roomd *d, int sock)
{
	union ctl_body body;
	enum ctl_type type;
	int fd;

	switch (ctl_recv(sock, ROLE_RELAYD, ROLE_ROOMD, false, &type, &body,
	    &fd)) {
	case CTL_GOT:
		return true;
	case CTL_BAD:
	case CTL_CLOSED:
		/*
		 * What reads as the end is an empty message: ocmd holds the
		 * other end as long as it lives, and so for the next relayd.
		 */
		break;
	case CTL_NOTHING:
		return false;
	}
	/* A relayd that lies must not end us: what it sent is lost. */
	if (!d->bad_peer)
		log_warnx("a relayd sends what it may not; ignored");
	d->bad_peer = true;
	return true;
}

static void
on_peer(evutil_socket_t fd, short what, void *arg)
{
	struct roomd *d = arg;
	int i;

	(void)what;
	for (i = 0; i < BELLS_PER_TURN && hear_bell(d, fd); i++)
		continue;
	event_active(d->wish, EV_TIMEOUT, 0);
}

/* ---- from ocmd ---- */

void
control_receive_start(union ctl_body *body)
{
	enum ctl_type type;
	int fd;

	if (ctl_recv(FD_CTL, ROLE_OCMD, ROLE_ROOMD, true, &type, body, &fd) !=
	    CTL_GOT || type != CTL_START || body->START.role != ROLE_ROOMD ||
	    body->START.limits.workers > OCM_WORKERS_MAX ||
	    body->START.rooms_count > OCM_ADDRS_MAX)
		fatalx("no good start message; ocmd starts this program");
}

void
control_settings(struct roomd *d, const struct ctl_settings *set)
{
	d->settings = *set;
	log_set_verbose(set->verbose != 0);
}

static void
stop(struct roomd *d, const struct ctl_stop *how)
{
	struct timeval goodbye = { 0, GOODBYE_MS * 1000 };

	listeners_free(d->listeners);
	d->listeners = NULL;
	if (how->say != 0)
		audience_goodbye(d->desk.audience);
	if (sessions_count(d->sessions) == 0)
		(void)event_base_loopbreak(d->base);
	else
		(void)event_base_loopexit(d->base, &goodbye);
}

static void
pong(void)
{
	const struct ctl_bell bell = { 0 };

	/* One that is lost is asked for again. */
	(void)ctl_send(FD_CTL, CTL_PONG, &bell, -1);
}

static void
on_ctl(evutil_socket_t sock, short what, void *arg)
{
	struct roomd *d = arg;
	union ctl_body body;
	enum ctl_type type;
	int fd;

	(void)what;
	switch (ctl_recv(sock, ROLE_OCMD, ROLE_ROOMD, false, &type, &body,
	    &fd)) {
	case CTL_NOTHING:
		return;
	case CTL_CLOSED:
		fatalx("ocmd is gone");
	case CTL_BAD:
		fatalx("bad control message");
	case CTL_GOT:
		break;
	}
	if (type == CTL_PING)
		pong();
	else if (type == CTL_SETTINGS)
		control_settings(d, &body.SETTINGS);
	else if (type == CTL_STOP)
		stop(d, &body.STOP);
	else if (type == CTL_QUERY)
		queries_take(d->queries, fd, &body.QUERY);
	else
		fatalx("control message %s out of turn", ctl_type_name(type));
}

void
control_stuck(void *arg)
{
	struct ctl_stuck stuck = { 0 };

	(void)arg;
	(void)ctl_send(FD_CTL, CTL_STUCK, &stuck, -1);
}

/* ---- the events ---- */

static struct event *
make_event(struct roomd *d, int fd, event_callback_fn fn)
{
	struct event *e;

	e = event_new(d->base, fd, fd == -1 ? 0 : EV_READ | EV_PERSIST, fn,
	    d);
	if (e == NULL || (fd != -1 && event_add(e, NULL) == -1))
		fatal("event");
	return e;
}

void
control_make(struct roomd *d)
{
	uint32_t k;

	d->ctl = make_event(d, FD_CTL, on_ctl);
	if (event_priority_set(d->ctl, PRIORITY_CONTROL) == -1)
		fatal("event");
	d->bell = make_event(d, -1, on_bell);
	d->reap = make_event(d, -1, on_reap);
	d->wish = make_event(d, -1, on_wish);
	for (k = 0; k < d->workers; k++)
		d->peers[k] = make_event(d, FD_PEERS + (int)k, on_peer);
	/* What was left to do when the last roomd died, maybe unrung. */
	event_active(d->bell, EV_TIMEOUT, 0);
	event_active(d->reap, EV_TIMEOUT, 0);
	event_active(d->wish, EV_TIMEOUT, 0);
}
