/* SPDX-License-Identifier: ISC */
/*
 * Makes the relay out of what ocmd's START says (see relay.h).  Everything
 * relayd will ever need is allocated here.
 */
#include <string.h>

#include "care.h"
#include "clock.h"
#include "log.h"
#include "relay.h"

/* The lock may be taken: the first look at the table waits this often. */
enum { FIRST_TRIES = 20, CARE_TICK_MS = 1000 };

static void
make_outlet(struct relay *r, struct outlet *o, const int *fds, unsigned n,
    void (*unreachable)(void *, const struct addr *))
{
	unsigned i;

	memcpy(o->fd, fds, n * sizeof(*fds));
	o->count = n;
	o->counters = r->counters;
	o->ctx = r;
	o->unreachable = unreachable;
	o->breathe = relay_breathe;
	o->most_ever = r->set.bundle != 0 ? NET_BUNDLE_BYTES : 0;
	for (i = 0; i < n; i++)
		if (!net_can_bundle(fds[i]))
			o->most_ever = 0;
	o->most = o->most_ever;
	net_bundle_make(&o->control);
}

static void
families(int out[OCM_ADDRS_MAX], const struct addr *a, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		out[i] = addr_family(&a[i]);
}

static void
make_peers(struct relay *r, const struct ctl_start *start,
    const struct seg_maps *maps, struct roomtab *tab, const int *fds)
{
	struct peers_config cf;
	unsigned i;

	memset(&cf, 0, sizeof(cf));
	cf.limits = start->limits.table;
	cf.tab = tab;
	memcpy(cf.live, maps->live, sizeof(cf.live));
	cf.workers = start->limits.workers;
	cf.me = start->index;
	cf.socks = start->relay_count;
	families(cf.family, start->relay, start->relay_count);
	for (i = 0; i < OCM_ADDRS_MAX; i++)
		cf.relay_of_rooms[i] = start->relay_of_rooms[i];
	cf.control = &r->out.control;
	own_make(&cf.own, start, fds);
	cf.events.ctx = r;
	cf.events.added = care_added;
	cf.events.leaving = care_leaving;
	cf.events.closing = care_closing;
	cf.events.moving = care_moving;
	peers_make(&r->peers, &cf);
}

void
relay_make(struct relay *r, const struct ctl_start *start,
    const struct seg_maps *maps, struct roomtab *tab, const int *fds)
{
	const uint32_t members = start->limits.table.members;
	const uint32_t receivers = members > start->limits.lobby ? members :
	    start->limits.lobby;
	int lobby_family[OCM_ADDRS_MAX] = { 0 }, i;

	memset(r, 0, sizeof(*r));
	r->set = start->settings;
	log_set_verbose(r->set.verbose != 0);
	memcpy(r->token_key, start->token_key, sizeof(r->token_key));
	r->now_ms = clock_ms();
	r->live = maps->live[start->index];
	r->counters = live_counters(r->live);
	r->speaks = start->index == 0;
	inbox_make(&r->inbox);
	queue_make(&r->queue, start->limits.table.rooms + 1,
	    start->limits.table.members + start->limits.lobby, r->counters);
	trains_make(&r->small.trains);
	r->slice_us = DELIVER_SLICE_US;
	r->chunks = 1;
	for (i = 0; i < DELIVER_KINDS; i++) {
		trains_make(&r->busy[i].trains);
		still_make(&r->busy[i].still, receivers);
	}
	make_outlet(r, &r->out, fds, start->relay_count, care_unreachable);
	wheel_make(&r->care, start->limits.table.members, CARE_TICK_MS,
	    r->now_ms);
	make_peers(r, start, maps, tab, fds);
	if (r->speaks) {
		make_outlet(r, &r->lobby_out, fds + start->relay_count,
		    start->lobby_count, care_lobby_unreachable);
		families(lobby_family, start->lobby, start->lobby_count);
		notice_make(&r->notices, &r->peers, &r->out, &r->set,
		    r->now_ms);
		lobby_make(&r->lobby, &r->lobby_out, r->live, lobby_family,
		    start->limits.lobby, r->set.idle_s, r->now_ms);
		r->lobby.events = (struct lobby_events){ r,
		    care_lobby_coming, care_lobby_moving,
		    care_lobby_leaving };
		r->lobby.own = &r->peers.cf.own;
	}
	if (peers_refresh(&r->peers, r->now_ms, FIRST_TRIES) == -1)
		log_warnx("the table of rooms cannot be read yet");
	care_post_mortem(r, start->crashed != 0);
}
