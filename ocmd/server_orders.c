/* SPDX-License-Identifier: ISC */
/*
 * What ocmctl and SIGHUP may ask of the running server (see server.h).
 * Called by control.c and server.c.
 */
#include "log.h"
#include "logsink.h"
#include "server.h"

static void
tell_settings(struct server *s)
{
	unsigned i;

	for (i = 0; i < s->children; i++)
		if (s->child[i].pid > 0)
			(void)child_send(&s->child[i], CTL_SETTINGS,
			    &s->conf.settings);
}

struct changes {
	void	(*each)(void *, const char *, bool);
	void	*arg;
};

static void
note_change(void *arg, const char *name, bool live)
{
	const struct changes *c = arg;

	log_info("reload: %s %s", name,
	    live ? "applied" : "needs a restart");
	if (c->each != NULL)
		c->each(c->arg, name, live);
}

int
server_reload(struct server *s, void (*each)(void *, const char *, bool),
    void *arg, char err[CONF_ERROR])
{
	struct changes changes = { each, arg };
	struct conf fresh;

	if (conf_load_apart(&fresh, &s->source, err) == -1) {
		log_warnx("reload: nothing changed: %s", err);
		return -1;
	}
	fresh.settings.verbose = s->conf.settings.verbose;
	conf_diff(&s->conf, &fresh, note_change, &changes);
	s->conf.settings = fresh.settings;
	s->conf.restart_limit = fresh.restart_limit;
	s->conf.hang_limit = fresh.hang_limit;
	tell_settings(s);
	logsink_reopen();
	return 0;
}

void
server_set_verbose(struct server *s, bool verbose)
{
	log_set_verbose(verbose);
	s->conf.settings.verbose = verbose;
	tell_settings(s);
}

int
server_query(struct server *s, const struct ctl_query *q, int fd)
{
	const struct child *roomd = &s->child[0];

	if (roomd->state != CHILD_READY)
		return -1;
	if (ctl_send(roomd->ctl, CTL_QUERY, q, fd) == 0)
		return 0;
	log_warn("a question of ocmctl cannot be passed on");
	return -1;
}
