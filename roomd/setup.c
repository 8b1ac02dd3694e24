/* SPDX-License-Identifier: ISC */
/*
 * Puts roomd together before it drops its rights: attaches to the shared
 * segment, recovers what a dead predecessor left half done, and allocates
 * what all the connections share.  Called by main.c.
 */
#include <sys/types.h>
#include <sys/resource.h>

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "roomd.h"
#include "turn.h"

enum {
	CONNECTIONS_MAX = 65536,
	SPARE_FDS = 64,			/* our own, and ocmctl's */
	CALLBACKS_PER_TURN = 16,	/* then new events are looked for */
};

void
setup_attach(struct roomd *d, const struct ctl_start *start)
{
	int rc;

	if (seg_map(&start->limits, FD_SHM_RW, FD_SHM_RO, ROLE_ROOMD, 0,
	    &d->maps) == -1)
		fatal("cannot map the shared segment");
	(void)close(FD_SHM_RW);
	(void)close(FD_SHM_RO);
	d->lock = shmlock_open(d->maps.control, start->sem_name, 0);
	if (d->lock == NULL)
		fatal("cannot open the lock");
	shmlock_on_stuck(d->lock, control_stuck, NULL);
	d->table = roomtab_open(d->maps.rooms, &start->limits.table, d->lock,
	    start->bucket_key, start->token_key);
	if (d->table == NULL)
		fatal("cannot open the room table");
	if ((rc = roomtab_recover(d->table)) == -1)
		fatalx("the room table is beyond repair");
	d->desk.counters = roomtab_counters(d->table);
	if (rc == 1) {
		counter_add(&d->desk.counters[RC_recoveries], 1);
		log_info("undid a half-done change");
	}
}

/* As many descriptors as we may have; the limit on connections. */
static uint32_t
connections_max(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (rl.rlim_cur > CONNECTIONS_MAX + SPARE_FDS)
		rl.rlim_cur = CONNECTIONS_MAX + SPARE_FDS;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("setrlimit");
	if (rl.rlim_cur < 2 * SPARE_FDS)
		fatalx("%u descriptors are too few", (unsigned)rl.rlim_cur);
	return (uint32_t)rl.rlim_cur - SPARE_FDS;
}

static struct event_base *
make_base(void)
{
	struct event_config *cfg;
	struct event_base *base;

	if ((cfg = event_config_new()) == NULL)
		return NULL;
	(void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK |
	    EVENT_BASE_FLAG_IGNORE_ENV);
	/* Work that makes itself active again must not keep others out. */
	(void)event_config_set_max_dispatch_interval(cfg, NULL,
	    CALLBACKS_PER_TURN, 0);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (base != NULL && event_base_priority_init(base, PRIORITIES) == -1) {
		event_base_free(base);
		return NULL;
	}
	return base;
}

static struct rooms *
make_rooms(struct roomd *d, const struct ctl_start *start)
{
	struct rooms_setup set = {
		.table = d->table,
		.limits = start->limits,
		.live = d->maps.live,
		.settings = &d->settings,
		.events = control_events,
	};
	struct rooms *rooms;

	set.events.arg = d;
	memcpy(set.password_key, start->password_key,
	    sizeof(set.password_key));
	rooms = rooms_new(&set);
	explicit_bzero(&set, sizeof(set));
	return rooms;
}

/* What answers requests. */
static void
make_desk(struct roomd *d, uint32_t connections)
{
	struct desk *desk = &d->desk;

	desk->rooms = d->rooms;
	desk->settings = &d->settings;
	/* Neither those who stay nor those who say nothing keep others out. */
	desk->seats_max = connections / 4 * 3;
	desk->lists = lists_new(d->rooms);
	desk->limit = limit_new(connections / 2);
	desk->audience = audience_new(d->base, d->rooms, desk->settings,
	    &session_voice);
	if (desk->lists == NULL || desk->limit == NULL ||
	    desk->audience == NULL)
		fatal("start");
}

void
setup_make(struct roomd *d, const struct ctl_start *start)
{
	const uint32_t connections = connections_max();
	uint32_t i;

	control_settings(d, &start->settings);
	d->workers = start->limits.workers;
	if ((d->base = make_base()) == NULL ||
	    (d->rooms = make_rooms(d, start)) == NULL)
		fatal("start");
	make_desk(d, connections);
	d->wishes = wishes_new(d->rooms);
	d->queries = queries_new(d->base, d->rooms);
	d->sessions = sessions_new(d->base, &d->desk, connections);
	if (d->wishes == NULL || d->queries == NULL || d->sessions == NULL)
		fatal("start");
	d->listeners = listeners_new(d->base, d->sessions, d->desk.counters);
	if (d->listeners == NULL)
		fatal("start");
	control_make(d);
	for (i = 0; i < start->rooms_count; i++)
		if (listeners_add(d->listeners, FD_PEERS +
		    (int)(d->workers + i), (uint8_t)i) == -1)
			fatal("start");
	rooms_repair(d->rooms);
}

void
setup_free(struct roomd *d)
{
	uint32_t k;

	listeners_free(d->listeners);
	sessions_free(d->sessions);
	queries_free(d->queries);
	audience_free(d->desk.audience);
	lists_free(d->desk.lists);
	limit_free(d->desk.limit);
	wishes_free(d->wishes);
	rooms_free(d->rooms);
	for (k = 0; k < d->workers; k++) {
		event_free(d->peers[k]);
		live_close(d->maps.live[k]);
	}
	event_free(d->ctl);
	event_free(d->bell);
	event_free(d->reap);
	event_free(d->wish);
	event_base_free(d->base);
	roomtab_close_handle(d->table);
	shmlock_close(d->lock);
}
