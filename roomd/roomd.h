/* SPDX-License-Identifier: ISC */
/*
 * The one roomd of this process, put together by setup.c, told things by
 * control.c, started by main.c.  Nothing else includes this file.
 */
#ifndef OCM_ROOMD_H
#define OCM_ROOMD_H

#include <event2/event.h>

#include "answer.h"
#include "ctl.h"
#include "listener.h"
#include "query.h"
#include "rooms.h"
#include "seg.h"
#include "session.h"
#include "wishes.h"

struct roomd {
	struct seg_maps		 maps;
	struct ctl_settings	 settings;
	struct shmlock		*lock;
	struct roomtab		*table;
	struct rooms		*rooms;
	struct wishes		*wishes;
	struct desk		 desk;
	struct sessions		*sessions;
	struct listeners	*listeners;	/* NULL: it is stopping */
	struct queries		*queries;
	struct event_base	*base;
	struct event		*ctl, *bell, *reap, *wish;
	struct event		*peers[OCM_WORKERS_MAX];
	uint32_t		 workers;
	bool			 bad_peer;	/* said once */
};

/* setup.c; fatal where something cannot be had. */
void	setup_attach(struct roomd *, const struct ctl_start *);
void	setup_make(struct roomd *, const struct ctl_start *);
void	setup_free(struct roomd *);

/* control.c */
/* The first message; it holds keys, which its caller wipes. */
void	control_receive_start(union ctl_body *);
void	control_settings(struct roomd *, const struct ctl_settings *);
/* The events: from ocmd, from the relayds, to the relayds, and work. */
void	control_make(struct roomd *);
/* What rooms.c tells; the argument is struct roomd. */
extern const struct rooms_events control_events;
/* Told by the lock; the argument is not used. */
void	control_stuck(void *);

#endif
