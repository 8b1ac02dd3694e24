/* SPDX-License-Identifier: ISC */
/*
 * Members who hold a TCP connection: who they are, and what they are told
 * over it (ocm-protocol(7), "decimal": joined, left, closed).  control.c
 * feeds it the events of rooms.c; session.c takes and leaves the seats and
 * lends the voice.  Members of other dialects are relayd's to tell.  One
 * whose connection died with an earlier roomd goes on talking without
 * notices, until it leaves, falls idle, or its client is back (orphans.h).
 */
#ifndef OCM_AUDIENCE_H
#define OCM_AUDIENCE_H

#include <sys/queue.h>

#include <event2/event.h>
#include <stdbool.h>

#include "blob.h"
#include "rooms.h"

struct audience;

struct seat {			/* one connection; owned by the session */
	LIST_ENTRY(seat)	link;
	struct seat_id		id;	/* row NULL: not seated */
};

/* Neither may call back into this module, nor free the seat. */
struct audience_voice {
	/* Send this; the callee takes its own reference. */
	void	(*say)(struct seat *, struct blob *);
	/* Its member is gone and the seat taken: close when all is sent. */
	void	(*end)(struct seat *);
};

/* NULL when memory is short.  Everything named is kept. */
struct audience *audience_new(struct event_base *, struct rooms *,
	    const struct ctl_settings *, const struct audience_voice *);
void	audience_free(struct audience *);

/* false when memory is short: the member lives without notices. */
bool	audience_sit(struct audience *, struct seat *, const struct seat_id *);
void	audience_stand(struct audience *, struct seat *);
uint32_t audience_size(const struct audience *);

/* The events of struct rooms_events. */
void	audience_joined(struct audience *, const struct member_made *);
void	audience_left(struct audience *, const struct member_info *,
	    enum ending);
void	audience_closed(struct audience *, const struct room_info *,
	    enum ending);
/* The server stops: everybody is told. */
void	audience_goodbye(struct audience *);

#endif
