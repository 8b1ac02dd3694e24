/* SPDX-License-Identifier: ISC */
/*
 * Accepting connections, as many as there may be.  Made by setup.c.
 */
#ifndef OCM_LISTENER_H
#define OCM_LISTENER_H

#include <event2/event.h>
#include <stdint.h>

#include "session.h"

struct listeners;

/* Everything named is kept.  NULL: no memory. */
struct listeners *listeners_new(struct event_base *, struct sessions *,
	    _Atomic uint64_t *counters);
/*
 * Accepts from a listening socket (non-blocking; stays the caller's), which
 * is number `via` of the `rooms` addresses.  0, or -1.
 */
int	listeners_add(struct listeners *, int fd, uint8_t via);
/* Accepts no more. */
void	listeners_free(struct listeners *);

#endif
