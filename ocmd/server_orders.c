/* SPDX-License-Identifier: ISC */
/*
 * What ocmctl and SIGHUP may ask of the running server (see server.h).
 * Called by control.c and server.c.
 */
#include "conf_apart.h"
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

static void
note_change(void *arg, const char *name, bool live)
{
	const struct server_asker *asker = arg;

	log_info("reload: %s %s", name,
	    live ? "applied" : "needs a restart");
	if (asker->each != NULL)
		asker->each(asker->arg, name, live);
}

static void
apply(struct server *s, const struct conf *read)
{
	struct conf fresh = *read;

	fresh.settings.verbose = s->conf.settings.verbose;
	conf_diff(&s->conf, &fresh, note_change, &s->reload);
	s->conf.settings = fresh.settings;
	s->conf.restart_limit = fresh.restart_limit;
	s->conf.hang_limit = fresh.hang_limit;
	tell_settings(s);
	logsink_reopen();
}

static void
on_read(void *arg, const struct conf *fresh, const char *err)
{
	static const struct server_asker nobody;
	struct server *s = arg;
	const bool again = s->reload_again;

	if (err == NULL && s->phase == SERVER_STOPPING)
		err = "the server is ending";
	if (err == NULL && fresh != NULL)
		apply(s, fresh);
	else
		log_warnx("reload: nothing changed: %s", err);
	s->reloading = s->reload_again = false;
	if (s->reload.done != NULL)
		s->reload.done(s->reload.arg, err);
	if (again && s->phase == SERVER_SERVING)
		server_reload(s, &nobody);
}

void
server_reload(struct server *s, const struct server_asker *asker)
{
	const struct conf_asker me = { on_read, s };
	char err[CONF_ERROR];

	if (s->reloading && asker->done != NULL) {
		asker->done(asker->arg, "another reload is going on: try "
		    "again");
		return;
	}
	if (s->reloading) {
		s->reload_again = true;
		return;
	}
	s->reload = *asker;
	s->reloading = true;
	if (conf_apart_load(s->base, &s->source, &me, err) == -1)
		on_read(s, NULL, err);
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
