/* SPDX-License-Identifier: ISC */
/* The control socket of ocmd (see control.h). */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <event2/event.h>
#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "control.h"
#include "log.h"
#include "place.h"
#include "server.h"
#include "status.h"

/* One connection of ocmctl. */
struct conn {
	struct control		*control;
	int			 fd;		/* -1: unused */
	struct event		*ev;
	bool			 waits_for_end;	/* asked to stop */
	/* of a reload; NULL: out of memory */
	json_t			*applied, *needs_restart;
	size_t			 got;		/* bytes of the request */
	struct control_request	 request;
};

struct control {
	struct server		*server;
	const char		*path;
	int			 lock;
	int			 fd;
	bool			 grouped;	/* its group may ask */
	struct event		*ev;
	unsigned		 conns;
	struct conn		 conn[CONTROL_CONNECTIONS];
};

/* ---- connections ---- */

static void
conn_close(struct conn *n)
{
	if (n->ev != NULL)
		event_free(n->ev);
	n->ev = NULL;
	if (n->fd != -1)
		(void)close(n->fd);
	n->fd = -1;
	n->waits_for_end = false;
	n->control->conns--;
	if (event_add(n->control->ev, NULL) == -1)
		log_warnx("ocmctl cannot be heard");
}

/* An answer fits the socket's buffer, or its reader is not worth a wait. */
static void
answer(int fd, const char *text, size_t len)
{
	if (send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		log_warn("an answer to ocmctl is lost");
}

static void
answer_ok(struct conn *n)
{
	answer(n->fd, "ok\n", 3);
	conn_close(n);
}

static void
answer_error(struct conn *n, const char *why)
{
	char text[CONF_ERROR + 16];

	(void)snprintf(text, sizeof(text), "error %s\n", why);
	answer(n->fd, text, strlen(text));
	conn_close(n);
}

/* Takes the reference. */
static void
answer_json(struct conn *n, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT), *all = NULL;
	int len;

	json_decref(json);
	if (text == NULL || (len = asprintf(&all, "ok\n%s\n", text)) == -1) {
		free(text);
		answer_error(n, "out of memory");
		return;
	}
	answer(n->fd, all, (size_t)len);
	free(all);
	free(text);
	conn_close(n);
}

/* ---- what is asked ---- */

static void
do_status(struct conn *n)
{
	answer_json(n, status_json(n->control->server));
}

/* The answer takes its time, and whoever hangs up meanwhile is not heard. */
static void
wait_for_answer(struct conn *n)
{
	if (n->ev != NULL)
		event_free(n->ev);
	n->ev = NULL;
}

static void
do_stop(struct conn *n)
{
	n->waits_for_end = true;
	wait_for_answer(n);
	server_stop(n->control->server);
}

static void
note_change(void *arg, const char *name, bool live)
{
	struct conn *n = arg;
	json_t **list = live ? &n->applied : &n->needs_restart;

	*list = status_append(*list, json_string(name));
}

static void
on_reloaded(void *arg, const char *err)
{
	struct conn *n = arg;

	if (err == NULL) {
		answer_json(n, json_pack("{s:o, s:o}", "applied", n->applied,
		    "needs_restart", n->needs_restart));
		return;
	}
	json_decref(n->applied);
	json_decref(n->needs_restart);
	answer_error(n, err);
}

static void
do_reload(struct conn *n)
{
	const struct server_asker asker = { note_change, on_reloaded, n };

	wait_for_answer(n);
	n->applied = json_array();
	n->needs_restart = json_array();
	server_reload(n->control->server, &asker);
}

static void
do_log(struct conn *n)
{
	server_set_verbose(n->control->server, n->request.flag != 0);
	answer_ok(n);
}

/* Whom to ask what ocmd does not know, and as what. */
static void
do_query(struct conn *n)
{
	static const uint32_t query[CONTROL_COUNT] = {
		[CONTROL_ROOMS] = QUERY_ROOMS,
		[CONTROL_MEMBERS] = QUERY_MEMBERS,
		[CONTROL_CLOSE] = QUERY_CLOSE,
		[CONTROL_KICK] = QUERY_KICK,
		[CONTROL_STATS] = QUERY_STATS,
		[CONTROL_COUNTS] = QUERY_COUNTS,
	};
	struct ctl_query q;

	memset(&q, 0, sizeof(q));
	q.verb = query[n->request.verb];
	q.room_len = n->request.room_len;
	q.member_len = n->request.member_len;
	memcpy(q.room, n->request.room, sizeof(q.room));
	memcpy(q.member, n->request.member, sizeof(q.member));
	if (server_query(n->control->server, &q, n->fd) == 0)
		conn_close(n);		/* roomd has it now */
	else
		answer_error(n, "roomd does not answer now: try again");
}

static void
act(struct conn *n)
{
	static void (*const verbs[CONTROL_COUNT])(struct conn *) = {
		[CONTROL_STATUS] = do_status,
		[CONTROL_STOP] = do_stop,
		[CONTROL_RELOAD] = do_reload,
		[CONTROL_LOG] = do_log,
		[CONTROL_ROOMS] = do_query,
		[CONTROL_MEMBERS] = do_query,
		[CONTROL_CLOSE] = do_query,
		[CONTROL_KICK] = do_query,
		[CONTROL_STATS] = do_query,
		[CONTROL_COUNTS] = do_query,
	};
	const struct control_request *r = &n->request;

	if (r->magic != CONTROL_MAGIC || r->verb >= CONTROL_COUNT ||
	    r->room_len > NAME_MAX_BYTES || r->member_len > NAME_MAX_BYTES)
		answer_error(n, "malformed request: is this ocmctl of the "
		    "same version?");
	else
		verbs[r->verb](n);
}

static void
on_conn(evutil_socket_t fd, short what, void *arg)
{
	struct conn *n = arg;
	ssize_t got;

	if ((what & EV_TIMEOUT) != 0) {
		answer_error(n, "the request did not come in time");
		return;
	}
	got = recv(fd, (char *)&n->request + n->got,
	    sizeof(n->request) - n->got, MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		conn_close(n);
		return;
	}
	n->got += (size_t)got;
	if (n->got == sizeof(n->request))
		act(n);
}

/* ---- the listener ---- */

/*
 * The socket's mode lets in a group.  If that is `ocm`, that is meant; any
 * other one was nobody's choice: then only root and ourselves may.
 */
static bool
may_ask(const struct control *c, int fd)
{
	uid_t uid;
	gid_t gid;

	if (getpeereid(fd, &uid, &gid) == -1)
		return false;
	return uid == 0 || uid == geteuid() || c->grouped;
}

static void
on_connect(evutil_socket_t listener, short what, void *arg)
{
	static const struct timeval deadline = {
		CONTROL_REQUEST_MS / 1000,
		CONTROL_REQUEST_MS % 1000 * 1000
	};
	struct control *c = arg;
	struct conn *n = c->conn;
	int fd;

	(void)what;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno != EAGAIN && errno != ECONNABORTED)
			log_warn("cannot accept ocmctl");
		return;
	}
	while (n->fd != -1)
		n++;		/* one is free, else we were not called */
	memset(n, 0, sizeof(*n));
	n->control = c;
	n->fd = fd;
	if (++c->conns == CONTROL_CONNECTIONS)
		(void)event_del(c->ev);
	n->ev = event_new(c->server->base, fd, EV_READ | EV_PERSIST, on_conn,
	    n);
	if (!may_ask(c, fd))
		answer_error(n, "permission denied");
	else if (n->ev == NULL || event_add(n->ev, &deadline) == -1)
		conn_close(n);
}

static int
bind_socket(struct control *c, char err[CONF_ERROR])
{
	struct sockaddr_un sun;
	gid_t group = place_group();
	struct stat st;
	mode_t old;
	int rc;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, c->path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* We hold the lock: a socket that lies here is a dead one's. */
	if (lstat(c->path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		(void)snprintf(err, CONF_ERROR,
		    "control: %s exists and is not a socket", c->path);
		return -1;
	}
	(void)unlink(c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (c->fd == -1)
		return -1;
	old = umask(0177);
	rc = bind(c->fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(old);
	if (rc == -1)
		return -1;
	c->grouped = group != (gid_t)-1 &&
	    chown(c->path, (uid_t)-1, group) == 0;
	if (chmod(c->path, 0660) == -1)
		return -1;
	return listen(c->fd, CONTROL_CONNECTIONS);
}

struct control *
control_open(struct server *s, char err[CONF_ERROR])
{
	struct control *c;
	unsigned i;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		(void)snprintf(err, CONF_ERROR, "%s", strerror(errno));
		return NULL;
	}
	c->server = s;
	c->path = s->control_path;
	c->fd = -1;
	for (i = 0; i < CONTROL_CONNECTIONS; i++) {
		c->conn[i].control = c;
		c->conn[i].fd = -1;
	}
	if ((c->lock = place_lock(c->path, &s->unclean, err)) == -1) {
		free(c);
		return NULL;
	}
	err[0] = '\0';
	if (bind_socket(c, err) == 0)
		c->ev = event_new(s->base, c->fd, EV_READ | EV_PERSIST,
		    on_connect, c);
	if (c->ev == NULL || event_add(c->ev, NULL) == -1) {
		if (err[0] == '\0')
			(void)snprintf(err, CONF_ERROR, "control: cannot "
			    "listen on %.256s: %s", c->path, strerror(errno));
		control_close(c);
		return NULL;
	}
	return c;
}

void
control_close(struct control *c)
{
	unsigned i;

	if (c == NULL)
		return;
	if (c->ev != NULL)
		event_free(c->ev);
	if (c->fd != -1) {
		(void)close(c->fd);
		(void)unlink(c->path);
	}
	place_unlock(c->path, c->lock);
	for (i = 0; i < CONTROL_CONNECTIONS; i++) {
		if (c->conn[i].ev != NULL)
			event_free(c->conn[i].ev);
		/* Its end of file comes when this process is gone. */
		if (c->conn[i].waits_for_end)
			answer(c->conn[i].fd, "ok\n", 3);
		else if (c->conn[i].fd != -1)
			(void)close(c->conn[i].fd);
	}
	free(c);
}
