/* SPDX-License-Identifier: ISC */
/*
 * Making all that the children will inherit, and giving it back at the end.
 * Called by main.c around server_run.
 */
#include <sys/resource.h>

#include <event2/event.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf_apart.h"
#include "control.h"
#include "logsink.h"
#include "place.h"
#include "seg.h"
#include "selfdir.h"
#include "server.h"

enum {
	SPARE_DESCRIPTORS = 256,
	LEAST_DESCRIPTORS = 192,	/* child.c moves some beyond 128 */
	PORT_PAUSE_MS = 20,
	PORT_TRIES = 50,
};

static int
complain(char err[CONF_ERROR], const char *what)
{
	(void)snprintf(err, CONF_ERROR, "%s: %s", what, strerror(errno));
	return -1;
}

/* ---- what all share ---- */

/* A member may keep its connection, and each takes a descriptor of roomd. */
static int
raise_descriptor_limit(const struct conf *c, char err[CONF_ERROR])
{
	rlim_t want = (rlim_t)c->max_members + c->settings.half_open +
	    SPARE_DESCRIPTORS;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur >= want)
		return 0;
	r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur >= LEAST_DESCRIPTORS)
		return 0;
	(void)snprintf(err, CONF_ERROR, "%u open files are too few, %d are "
	    "needed (ulimit -n)", (unsigned)r.rlim_cur, LEAST_DESCRIPTORS);
	return -1;
}

static int
open_segment(struct server *s, char err[CONF_ERROR])
{
	struct seg_maps maps;

	(void)snprintf(s->start.sem_name, sizeof(s->start.sem_name),
	    "/ocm-%08x%08x", arc4random(), arc4random());
	if (seg_create(&s->start.limits, s->start.sem_name, &s->shm_rw,
	    &s->shm_ro) == -1)
		return complain(err, "shared memory");
	if (seg_map(&s->start.limits, s->shm_rw, s->shm_ro, ROLE_OCMD, 0,
	    &maps) == -1 || (s->lock = shmlock_open(maps.control,
	    s->start.sem_name, -1)) == NULL)
		return complain(err, "shared lock");
	return 0;
}

static int
open_peers(struct server *s, char err[CONF_ERROR])
{
	uint32_t k;

	for (k = 0; k < s->conf.workers; k++)
		if (ctl_pair(s->peers[k]) == -1)
			return complain(err, "socketpair");
	return 0;
}

static int
fill_start(struct server *s, char err[CONF_ERROR])
{
	struct ctl_start *st = &s->start;
	const struct sockets *so = &s->sockets;
	uint32_t i;

	st->rooms_count = so->rooms.count;
	st->relay_count = so->relay.count;
	st->lobby_count = so->lobby.count;
	memcpy(st->rooms, so->rooms.addr, sizeof(st->rooms));
	memcpy(st->relay, so->relay.addr, sizeof(st->relay));
	memcpy(st->lobby, so->lobby.addr, sizeof(st->lobby));
	for (i = 0; i < so->rooms.count; i++)
		st->relay_of_rooms[i] = sockets_relay_of(so, i);
	arc4random_buf(st->token_key, sizeof(st->token_key));
	arc4random_buf(st->bucket_key, sizeof(st->bucket_key));
	arc4random_buf(st->password_key, sizeof(st->password_key));
	st->drop = s->drop;
	st->strict = s->strict;
	st->parent = (int32_t)getpid();
	if (s->drop)
		return place_empty_dir(st->empty_dir, sizeof(st->empty_dir),
		    err);
	return 0;
}

/*
 * The children of an ocmd that was killed die at once, but not in no time;
 * until then they hold the ports.
 */
static int
open_sockets(struct server *s, char err[CONF_ERROR])
{
	const struct timespec pause = { 0, PORT_PAUSE_MS * 1000000L };
	int i, tries = s->unclean ? PORT_TRIES : 0;

	for (i = 0; sockets_open(&s->sockets, &s->conf, err) == -1; i++) {
		if (errno != EADDRINUSE || i == tries)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- one child ---- */

static void
give(struct child *c, int fd)
{
	c->fds[c->nfds++] = fd;
}

static int
make_child(struct server *s, enum role role, uint32_t index,
    const char *argv0, char err[CONF_ERROR])
{
	struct child *c = &s->child[s->children];

	c->role = role;
	c->index = index;
	c->server = s;
	c->ctl = -1;
	c->uid = s->drop ? s->uid[role] : geteuid();
	c->gid = s->drop ? s->gid[role] : getegid();
	if (role == ROLE_ROOMD)
		(void)strlcpy(c->name, role_name(role), sizeof(c->name));
	else
		(void)snprintf(c->name, sizeof(c->name), "%s %u",
		    role_name(role), index);
	if (selfdir_find(argv0, role_name(role), OCM_LIBEXECDIR, c->path,
	    sizeof(c->path)) == NULL) {
		(void)snprintf(err, CONF_ERROR, "there is no %s, neither "
		    "beside ocmd nor here: %s: %s", role_name(role), c->path,
		    strerror(errno));
		return -1;
	}
	if ((c->log = logpipe_new(s->base, c->name)) == NULL)
		return complain(err, c->name);
	s->children++;
	give(c, s->shm_rw);
	give(c, s->shm_ro);
	return 0;
}

static int
make_roomd(struct server *s, const char *argv0, char err[CONF_ERROR])
{
	struct child *c = &s->child[s->children];
	uint32_t i;

	if (make_child(s, ROLE_ROOMD, 0, argv0, err) == -1)
		return -1;
	for (i = 0; i < s->conf.workers; i++)
		give(c, s->peers[i][0]);
	for (i = 0; i < s->sockets.rooms.count; i++)
		give(c, s->sockets.rooms_fd[i]);
	return 0;
}

static int
make_relayd(struct server *s, uint32_t index, const char *argv0,
    char err[CONF_ERROR])
{
	struct child *c = &s->child[s->children];
	uint32_t i;

	if (make_child(s, ROLE_RELAYD, index, argv0, err) == -1)
		return -1;
	give(c, s->peers[index][1]);
	for (i = 0; i < s->sockets.relay.count; i++)
		give(c, s->sockets.relay_fd[index][i]);
	for (i = 0; index == 0 && i < s->sockets.lobby.count; i++)
		give(c, s->sockets.lobby_fd[i]);
	return 0;
}

/* ---- all of it ---- */

static void
nothing_open(struct server *s)
{
	s->shm_rw = s->shm_ro = -1;
	memset(s->peers, -1, sizeof(s->peers));
	memset(&s->sockets, 0, sizeof(s->sockets));
	memset(s->sockets.rooms_fd, -1, sizeof(s->sockets.rooms_fd));
	memset(s->sockets.relay_fd, -1, sizeof(s->sockets.relay_fd));
	memset(s->sockets.lobby_fd, -1, sizeof(s->sockets.lobby_fd));
}

int
server_open(struct server *s, const char *argv0, char err[CONF_ERROR])
{
	uint32_t k;

	nothing_open(s);
	s->start.limits = conf_limits(&s->conf);
	if (raise_descriptor_limit(&s->conf, err) == -1)
		return -1;
	if ((s->base = event_base_new()) == NULL)
		return complain(err, "event loop");
	if ((s->control = control_open(s, err)) == NULL ||
	    open_sockets(s, err) == -1 ||
	    fill_start(s, err) == -1 || open_segment(s, err) == -1 ||
	    open_peers(s, err) == -1 || make_roomd(s, argv0, err) == -1)
		return -1;
	for (k = 0; k < s->conf.workers; k++)
		if (make_relayd(s, k, argv0, err) == -1)
			return -1;
	return 0;
}

static void
close_if_open(int fd)
{
	if (fd != -1)
		(void)close(fd);
}

static void
close_child(struct child *c)
{
	if (c->ev_timer != NULL)
		event_free(c->ev_timer);
	logpipe_free(c->log);
}

void
server_close(struct server *s)
{
	uint32_t k;

	conf_apart_cancel();
	for (k = 0; k < s->children; k++)
		close_child(&s->child[k]);
	for (k = 0; k < OCM_WORKERS_MAX; k++) {
		close_if_open(s->peers[k][0]);
		close_if_open(s->peers[k][1]);
	}
	sockets_close(&s->sockets);
	if (s->lock != NULL)
		shmlock_unlink(s->start.sem_name);
	shmlock_close(s->lock);
	close_if_open(s->shm_rw);
	close_if_open(s->shm_ro);
	for (k = 0; k < sizeof(s->ev_signal) / sizeof(s->ev_signal[0]); k++)
		if (s->ev_signal[k] != NULL)
			event_free(s->ev_signal[k]);
	if (s->ev_phase != NULL)
		event_free(s->ev_phase);
	if (s->ev_pulse != NULL)
		event_free(s->ev_pulse);
	/* Last: whoever asked for the end is told that all is gone. */
	control_close(s->control);
	if (s->base != NULL)
		event_base_free(s->base);
	explicit_bzero(&s->start, sizeof(s->start));
}
