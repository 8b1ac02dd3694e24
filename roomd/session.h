/* SPDX-License-Identifier: ISC */
/*
 * TCP connections: reading whole frames within their time, and sending
 * answers at the reader's pace.  Made by setup.c, started by listener.c; what
 * a frame means is answer.c's business.
 */
#ifndef OCM_SESSION_H
#define OCM_SESSION_H

#include <event2/event.h>
#include <stdint.h>

#include "answer.h"
#include "audience.h"

struct sessions;

/* How connections hear what the audience is told. */
extern const struct audience_voice session_voice;

/*
 * Everything named is kept.  max: connections at a time, below the limit of
 * descriptors by a few; beyond it each new one costs another its place.
 * NULL when memory is short.
 */
struct sessions *sessions_new(struct event_base *, struct desk *,
	    uint32_t max);
/* Closes every connection; no member leaves by it. */
void	sessions_free(struct sessions *);
uint32_t sessions_count(const struct sessions *);
/*
 * Serves a connected, non-blocking socket from now on and closes it in the
 * end.  via: index of the `rooms` address it came by.
 */
void	session_start(struct sessions *, int fd, const struct addr *from,
	    uint8_t via);

#endif
