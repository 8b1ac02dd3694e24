/* SPDX-License-Identifier: ISC */
/*
 * What ocmctl asks about rooms and members: ocmd hands over its connection,
 * and the answer of control.h goes out here.  Called by control.c.
 */
#ifndef OCM_QUERY_H
#define OCM_QUERY_H

#include <event2/event.h>

#include "rooms.h"

struct queries;

/* NULL when memory is short. */
struct queries *queries_new(struct event_base *, struct rooms *);
void	queries_free(struct queries *);
/* Does and answers one; the descriptor is closed in the end. */
void	queries_take(struct queries *, int fd, const struct ctl_query *);

#endif
