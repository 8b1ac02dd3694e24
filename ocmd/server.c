/* SPDX-License-Identifier: ISC */
/*
 * The life of the server (see server.h): start all children and wait for
 * READY, serve and restart who dies, stop all.  Everything here runs in
 * ocmd's one event loop.
 */
#include <sys/wait.h>

#include <event2/event.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "launch.h"
#include "log.h"
#include "logsink.h"
#include "sandbox.h"
#include "server.h"

enum { MESSAGES_AT_ONCE = 16, STUCK_PAUSE_MS = 100, HANG_UP_MS = 100 };

void
server_set_timer(struct event *ev, uint32_t ms)
{
	const struct timeval tv = { ms / 1000, (long)(ms % 1000) * 1000 };

	if (evtimer_add(ev, &tv) == -1)
		log_warnx("a timer cannot be set");
}

static bool
any_alive(const struct server *s)
{
	unsigned i;

	for (i = 0; i < s->children; i++)
		if (s->child[i].pid > 0)
			return true;
	return false;
}

static void
kill_all(struct server *s)
{
	unsigned i;

	for (i = 0; i < s->children; i++)
		child_kill(&s->child[i]);
}

/* ---- starting ---- */

/*
 * If this is still the start, it has failed: says so, and ends whatever
 * already lives.
 */
static void __attribute__((__format__(__printf__, 2, 3)))
fail_start(struct server *s, const char *fmt, ...)
{
	char why[CONF_ERROR];
	va_list ap;

	if (s->phase != SERVER_STARTING)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_warnx("%s", why);
	if (!logsink_is_stderr())
		launch_complain("ocmd: %s", why);
	s->phase = SERVER_STOPPING;
	s->exit_code = 1;
	kill_all(s);
	server_set_timer(s->ev_phase, SERVER_STOP_MS);
	if (!any_alive(s))
		(void)event_base_loopbreak(s->base);
}

static void
tell_addresses(const char *what, const char *how,
    const struct conf_addrs *list)
{
	char text[ADDR_TEXT];
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		(void)addr_format(&list->addr[i], text);
		if (launch_waiting())
			launch_say("%-8s %s (%s)", what, text, how);
		log_info("%s listens on %s (%s)", what, text, how);
	}
}

/* What somebody who typed `ocmctl start` wants to know. */
static void
announce(const struct server *s)
{
	char text[BUFFERS_TEXT];

	tell_addresses("rooms", "TCP", &s->sockets.rooms);
	tell_addresses("relay", "UDP", &s->sockets.relay);
	tell_addresses("lobby", "UDP", &s->sockets.lobby);
	if (buffers_short(&s->sockets.buffers))
		log_warnx("bursts may be lost: %s",
		    buffers_text(&s->sockets.buffers, text));
	if (!launch_waiting())
		return;			/* the log is in front of them */
	launch_say("control  %s", s->control_path);
	launch_say("log      %s", s->log_path);
	if (buffers_short(&s->sockets.buffers))
		launch_say("Bursts may be lost: %s.",
		    buffers_text(&s->sockets.buffers, text));
	if (sockets_loopback_only(&s->sockets))
		launch_say("Only this machine can reach it; for a network: "
		    "ocmctl start -o rooms=0.0.0.0:%d -o relay=0.0.0.0:%d",
		    WIRE_TCP_PORT, WIRE_RELAY_PORT);
}

static void
on_all_ready(struct server *s)
{
	struct sandbox sb = { .caps = SANDBOX_SUPERVISE,
	    .strict = s->strict };

	(void)evtimer_del(s->ev_phase);
	s->layers = sandbox_enter(&sb);
	s->phase = SERVER_SERVING;
	log_info("ready in %llu ms",
	    (unsigned long long)(clock_ms() - s->born_ms));
	announce(s);
	launch_done(0, strcmp(s->log_path, "stderr") == 0);
}

static void
on_ready(struct server *s, struct child *c, uint32_t layers)
{
	unsigned i;

	c->layers = layers;
	c->state = CHILD_READY;
	c->late = 0;
	(void)evtimer_del(c->ev_timer);
	log_info("%s: ready in %llu ms, process %ld", c->name,
	    (unsigned long long)(clock_ms() - c->born_ms), (long)c->pid);
	if (s->phase != SERVER_STARTING)
		return;
	for (i = 0; i < s->children; i++)
		if (s->child[i].state != CHILD_READY)
			return;
	on_all_ready(s);
}

/* ---- messages of a child ---- */

/* What c could do to deserve it, others must not suffer for. */
static void
punish(struct child *c, const char *why)
{
	log_warnx("%s: %s; killing it", c->name, why);
	(void)event_del(c->ev_ctl);
	child_kill(c);
}

/* Who dies hangs up first: SIGCHLD tells more, if it comes. */
static void
on_hang_up(struct child *c)
{
	(void)event_del(c->ev_ctl);
	if (c->state == CHILD_STOPPING)
		return;
	c->state = CHILD_LOST;
	server_set_timer(c->ev_timer, HANG_UP_MS);
}

static void
on_stuck(struct server *s, const struct child *c)
{
	if (s->phase != SERVER_SERVING ||
	    clock_ms() < s->repaired_ms + STUCK_PAUSE_MS)
		return;
	log_warnx("%s: cannot get the lock", c->name);
	server_repair(s, 0);
}

void
server_hear(struct child *c)
{
	const int fd = c->ctl;
	union ctl_body body;
	enum ctl_result r;
	enum ctl_type type;
	int i, stray;

	/* A repair may have ended this very child: then its ctl is -1. */
	for (i = 0; i < MESSAGES_AT_ONCE && c->ctl == fd; i++) {
		r = ctl_recv(fd, c->role, ROLE_OCMD, false, &type, &body,
		    &stray);
		if (r == CTL_NOTHING)
			return;
		if (r == CTL_GOT && type == CTL_PONG)
			server_answered(c);
		else if (r == CTL_GOT && type == CTL_STUCK)
			on_stuck(c->server, c);
		else if (r == CTL_GOT && type == CTL_READY &&
		    c->state == CHILD_STARTING)
			on_ready(c->server, c, body.READY.layers);
		else if (r == CTL_GOT && type == CTL_READY &&
		    c->state == CHILD_STOPPING)
			continue;	/* crossed the order to end */
		else {
			if (r == CTL_CLOSED)
				on_hang_up(c);
			else
				punish(c, "sent a bad control message");
			return;
		}
	}
}

static void
on_ctl(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_hear(arg);
}

/* ---- births ---- */

static void
send_start(struct server *s, struct child *c)
{
	struct ctl_start start = s->start;

	start.role = c->role;
	start.index = c->index;
	start.uid = (uint32_t)c->uid;
	start.gid = (uint32_t)c->gid;
	start.crashed = c->crashed;
	start.settings = s->conf.settings;
	if (c->role != ROLE_ROOMD) {
		explicit_bzero(start.bucket_key, sizeof(start.bucket_key));
		explicit_bzero(start.password_key,
		    sizeof(start.password_key));
		if (c->index != 0)
			start.lobby_count = 0;
	}
	(void)child_send(c, CTL_START, &start);
	explicit_bzero(&start, sizeof(start));
}

static int
spawn(struct server *s, struct child *c)
{
	if (child_spawn(c) == -1)
		return -1;
	c->ev_ctl = event_new(s->base, c->ctl, EV_READ | EV_PERSIST, on_ctl,
	    c);
	if (c->ev_ctl == NULL || event_add(c->ev_ctl, NULL) == -1)
		log_warnx("%s: cannot be heard", c->name);
	c->unanswered = 0;
	server_set_timer(c->ev_timer, server_birth_ms(s, c));
	send_start(s, c);
	return 0;
}

/* A child's timer: time to live again, or it did not do what it should. */
static void
on_child_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CHILD_STARTING) {
		log_warnx("%s: was not ready within %u s; killing it",
		    c->name, server_birth_ms(c->server, c) / 1000);
		c->late++;
		child_kill(c);
	} else if (c->state == CHILD_LOST) {
		log_warnx("%s: closed its control socket; killing it",
		    c->name);
		child_kill(c);
	} else if (c->state == CHILD_DOWN && spawn(c->server, c) == -1) {
		log_warn("%s: cannot be started", c->name);
		c->lived_ms = 0;
		server_restart(c->server, c);
	}
}

static void
start_all(struct server *s)
{
	struct child *c;
	unsigned i;

	for (i = 0; i < s->children; i++) {
		c = &s->child[i];
		c->ev_timer = evtimer_new(s->base, on_child_timer, c);
		if (c->ev_timer == NULL || spawn(s, c) == -1) {
			fail_start(s, "%s: cannot be started: %s", c->name,
			    strerror(errno));
			return;
		}
	}
}

/* ---- deaths ---- */

bool
server_reap(struct server *s, struct child *c)
{
	char obituary[CHILD_OBITUARY];
	const char *words;
	int status = 0;

	if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	c->lived_ms = clock_ms() - c->born_ms;
	c->crashed = c->condemned || child_own_doing(status);
	logpipe_finish(c->log);
	(void)child_obituary(obituary, status, c->lived_ms);
	if (c->state == CHILD_STOPPING && status == 0)
		log_info("%s: ended, process %ld", c->name, (long)c->pid);
	else
		log_warnx("%s: process %ld died: %s", c->name, (long)c->pid,
		    obituary);
	if (c->ev_ctl != NULL)
		event_free(c->ev_ctl);
	c->ev_ctl = NULL;
	(void)close(c->ctl);
	c->ctl = -1;
	c->pid = 0;
	c->state = CHILD_DOWN;
	(void)evtimer_del(c->ev_timer);
	words = logpipe_last_words(c->log);
	fail_start(s, "%s did not start: %s%s(%s)", c->name, words,
	    words[0] != '\0' ? " " : "", obituary);
	return true;
}

/* Orders roomd to end once no relayd needs it, and ends the loop at last. */
static void
go_on_stopping(struct server *s)
{
	const struct ctl_stop stop = { .say = 1 };
	struct child *roomd = &s->child[0];
	unsigned i;

	for (i = 1; i < s->children; i++)
		if (s->child[i].pid > 0)
			return;
	if (roomd->pid <= 0) {
		(void)event_base_loopbreak(s->base);
		return;
	}
	if (roomd->state == CHILD_STOPPING)
		return;
	roomd->state = CHILD_STOPPING;
	if (child_send(roomd, CTL_STOP, &stop) == -1)
		child_kill(roomd);
}

static void
on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	struct server *s = arg;
	uint32_t dead = 0;
	unsigned i;

	(void)sig;
	(void)what;
	for (i = 0; i < s->children; i++)
		if (server_reap(s, &s->child[i]))
			dead |= UINT32_C(1) <<
			    child_lock_role(&s->child[i]);
	if (dead == 0)
		return;
	if (s->phase == SERVER_STOPPING)
		go_on_stopping(s);
	else
		server_repair(s, dead);
}

/* ---- stopping ---- */

void
server_stop(struct server *s)
{
	const struct ctl_stop stop = { .say = 1 };
	struct child *c;
	unsigned i;

	if (s->phase == SERVER_STARTING)
		fail_start(s, "was stopped before it was ready");
	if (s->phase == SERVER_STOPPING)
		return;
	log_info("stopping");
	s->phase = SERVER_STOPPING;
	for (i = 0; i < s->children; i++) {
		c = &s->child[i];
		(void)evtimer_del(c->ev_timer);
		if (c->role != ROLE_RELAYD || c->pid <= 0)
			continue;
		c->state = CHILD_STOPPING;
		if (child_send(c, CTL_STOP, &stop) == -1)
			child_kill(c);
	}
	server_set_timer(s->ev_phase, SERVER_STOP_RELAY_MS);
	go_on_stopping(s);
}

/* The deadline of the phase: start failed, or the living must go. */
static void
on_phase_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	unsigned i;

	(void)fd;
	(void)what;
	if (s->phase == SERVER_STARTING) {
		for (i = 0; i < s->children; i++)
			if (s->child[i].state != CHILD_READY)
				break;
		fail_start(s, "%s was not ready in time", s->child[i].name);
		return;
	}
	for (i = s->children; i-- > 0;) {
		if (s->child[i].pid <= 0)
			continue;
		/* roomd is last, and had no time of its own yet. */
		if (i == 0 && s->child[i].state != CHILD_STOPPING)
			break;
		log_warnx("%s: did not end in time; killing it",
		    s->child[i].name);
		child_kill(&s->child[i]);
	}
	server_set_timer(s->ev_phase, SERVER_STOP_MS - SERVER_STOP_RELAY_MS);
}

/* ---- the loop ---- */

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	const struct server_asker nobody = { 0 };
	struct server *s = arg;

	(void)what;
	if (sig != SIGHUP)
		server_stop(s);
	else if (s->phase == SERVER_SERVING)
		server_reload(s, &nobody);
}

static int
watch_signals(struct server *s)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	size_t i, n = sizeof(signals) / sizeof(signals[0]);

	for (i = 0; i < n; i++)
		s->ev_signal[i] = evsignal_new(s->base, signals[i],
		    on_signal, s);
	s->ev_signal[n++] = evsignal_new(s->base, SIGCHLD, on_sigchld, s);
	s->ev_phase = evtimer_new(s->base, on_phase_timer, s);
	for (i = 0; i < n; i++)
		if (s->ev_signal[i] == NULL ||
		    evsignal_add(s->ev_signal[i], NULL) == -1)
			return -1;
	return s->ev_phase == NULL ? -1 : server_watch(s);
}

int
server_run(struct server *s)
{
	s->born_ms = clock_ms();
	s->phase = SERVER_STARTING;
	if (watch_signals(s) == -1) {
		log_warn("cannot watch signals and children");
		if (!logsink_is_stderr())
			launch_complain("ocmd: cannot watch its children");
		return 1;
	}
	server_set_timer(s->ev_phase, SERVER_START_MS);
	start_all(s);
	if (s->exit_code == 0 || any_alive(s))
		(void)event_base_dispatch(s->base);
	log_info("stopped");
	return s->exit_code;
}
