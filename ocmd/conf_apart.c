/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration in a process of its own (see conf_apart.h).
 * Called by server_orders.c.
 */
#include <sys/wait.h>

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "conf_apart.h"
#include "fault.h"
#include "server.h"

enum {
	READER_MS = 5000,		/* it is killed after that, */
	DYING_MS = 500,			/* given up for good after this more; */
	ALONE_S = 10,			/* it ends itself: its parent may die */
	FD_REPORT = STDERR_FILENO + 1,
};

struct report {
	int		rc;
	struct conf	conf;
	char		err[CONF_ERROR];
};

/* The one reader that there may be. */
static struct {
	pid_t		 pid;		/* 0: none, or it was waited for */
	uint64_t	 born_ms;
	int		 fd;		/* its report comes from there, or -1 */
	size_t		 got;		/* bytes of it */
	union {
		struct report	 r;
		char		 bytes[sizeof(struct report) + 1];
	} u;				/* a byte more: it says too much */
	bool		 killed;
	struct event	*ev_report, *ev_death, *ev_time;
	struct conf_asker asker;	/* done: NULL, it was called */
} reader = { .fd = -1 };

/* ---- the reader ---- */

static void __attribute__((__noreturn__))
read_and_report(int fd, const struct conf_source *from)
{
	static struct report r;
	const char *p = (const char *)&r;
	size_t left = sizeof(r);
	ssize_t n;

	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(ALONE_S);
	/* Of ports and children it keeps nothing, however long it takes. */
	if (dup2(fd, FD_REPORT) == -1)
		_exit(1);
	closefrom(FD_REPORT + 1);
	FAULT(conf_reading);
	r.rc = conf_load(&r.conf, from, r.err);
	while (left > 0 && (n = write(FD_REPORT, p, left)) > 0) {
		p += n;
		left -= (size_t)n;
	}
	_exit(left > 0);
}

/* ---- its parent ---- */

static void
free_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

/* Nothing more is awaited but, maybe, a death. */
static void
be_done(const struct conf *c, const char *err)
{
	const struct conf_asker asker = reader.asker;

	free_event(&reader.ev_report);
	free_event(&reader.ev_time);
	if (reader.pid == 0)
		free_event(&reader.ev_death);
	if (reader.fd != -1)
		(void)close(reader.fd);
	reader.fd = -1;
	reader.asker.done = NULL;
	if (asker.done != NULL)
		asker.done(asker.arg, c, err);
}

static void
fail(const char *why)
{
	char err[CONF_ERROR];

	(void)snprintf(err, sizeof(err), "the configuration cannot be read: "
	    "its reader %s", why);
	be_done(NULL, err);
}

/* What there is of the report; false: there is nothing more just now. */
static bool
take_some(void)
{
	ssize_t n;

	if (reader.fd == -1 || reader.got == sizeof(reader.u))
		return false;
	n = read(reader.fd, reader.u.bytes + reader.got,
	    sizeof(reader.u) - reader.got);
	if (n > 0)
		reader.got += (size_t)n;
	return n > 0 || (n == -1 && errno == EINTR);
}

static void
on_report(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	/* Its end is the end of all of it, and its death says how it was. */
	if (!take_some())
		(void)event_del(reader.ev_report);
}

static void
judge(int status)
{
	const struct report *r = &reader.u.r;
	char why[CHILD_OBITUARY], text[CHILD_OBITUARY + 8];

	while (take_some())
		;
	reader.u.r.err[CONF_ERROR - 1] = '\0';
	(void)snprintf(text, sizeof(text), "died: %s", child_obituary(why,
	    status, clock_ms() - reader.born_ms));
	if (reader.killed)
		fail("took too long, and was killed");
	else if (status != 0)
		fail(text);
	else if (reader.got != sizeof(*r))
		fail(reader.got < sizeof(*r) ? "gave half an answer" :
		    "gave more than an answer");
	else
		be_done(r->rc == 0 ? &r->conf : NULL,
		    r->rc == 0 ? NULL : r->err);
}

/* Whether it has died, and been waited for. */
static bool
reap(int *status)
{
	if (reader.pid == 0 ||
	    waitpid(reader.pid, status, WNOHANG) != reader.pid)
		return false;
	reader.pid = 0;
	return true;
}

static void
on_death(evutil_socket_t sig, short what, void *arg)
{
	int status;

	(void)sig;
	(void)what;
	(void)arg;
	if (!reap(&status))
		return;
	if (reader.asker.done != NULL)
		judge(status);
	else
		free_event(&reader.ev_death);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	/* The kernel may be waiting for a disk that does not answer. */
	if (reader.killed) {
		fail("took too long, and cannot be killed yet");
		return;
	}
	reader.killed = true;
	(void)kill(reader.pid, SIGKILL);
	server_set_timer(reader.ev_time, DYING_MS);
}

static int
watch(struct event_base *base, int fd)
{
	reader.fd = fd;
	reader.got = 0;
	reader.killed = false;
	reader.ev_report = event_new(base, fd, EV_READ | EV_PERSIST,
	    on_report, NULL);
	reader.ev_death = evsignal_new(base, SIGCHLD, on_death, NULL);
	reader.ev_time = evtimer_new(base, on_time, NULL);
	if (reader.ev_report == NULL || reader.ev_death == NULL ||
	    reader.ev_time == NULL ||
	    evutil_make_socket_nonblocking(fd) == -1 ||
	    event_add(reader.ev_report, NULL) == -1 ||
	    evsignal_add(reader.ev_death, NULL) == -1)
		return -1;
	server_set_timer(reader.ev_time, READER_MS);
	return 0;
}

static int
cannot(char err[CONF_ERROR], const char *why)
{
	(void)snprintf(err, CONF_ERROR, "the configuration cannot be read: "
	    "%s", why);
	return -1;
}

int
conf_apart_load(struct event_base *base, const struct conf_source *from,
    const struct conf_asker *asker, char err[CONF_ERROR])
{
	int fds[2], saved;

	if (reader.asker.done != NULL || reader.pid != 0)
		return cannot(err, "the last reader has not ended yet");
	if (pipe2(fds, O_CLOEXEC) == -1)
		return cannot(err, strerror(errno));
	(void)fflush(NULL);		/* else the reader might, too */
	if (watch(base, fds[0]) == 0)
		reader.pid = fork();
	else
		reader.pid = -1;
	if (reader.pid == -1) {
		saved = errno;
		reader.pid = 0;
		be_done(NULL, NULL);
		(void)close(fds[1]);
		return cannot(err, strerror(saved));
	}
	if (reader.pid == 0)
		read_and_report(fds[1], from);
	(void)close(fds[1]);
	reader.born_ms = clock_ms();
	reader.asker = *asker;
	return 0;
}

void
conf_apart_cancel(void)
{
	if (reader.pid != 0)
		(void)kill(reader.pid, SIGKILL);
	if (reader.asker.done != NULL)
		fail("was given up");
	free_event(&reader.ev_death);
}
