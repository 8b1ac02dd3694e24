/* SPDX-License-Identifier: ISC */
/*
 * One request over TCP and its answer, with a deadline.  Every request has a
 * connection of its own, as the protocol has it.
 */
#ifndef OCM_TCRP_H
#define OCM_TCRP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ocm_server.h"
#include "wire.h"

struct event_base;
struct tcrp_call;

struct tcrp_question {
	enum tcrp_op	 op;
	const char	*room;		/* "" where the operation has none */
	const void	*payload;
	size_t		 payload_len;	/* <= TCRP_PAYLOAD_MAX */
	unsigned	 timeout_ms;	/* for everything together */
	bool		 head_only;	/* whether, not what: skip the body */
	size_t		 most;		/* a longer body, too; 0: none is */
};

enum tcrp_outcome {
	TCRP_OK,		/* payload is that of state 2, if any */
	TCRP_STATUS,		/* the server says no: status */
	TCRP_UNREACHABLE,	/* error is the errno of the connection */
	TCRP_SILENT,		/* no whole answer in time */
	TCRP_GARBLED,		/* something else answers there */
};

struct tcrp_answer {
	enum tcrp_outcome outcome;
	enum status	 status;
	int		 error;
	const char	*payload;	/* until the callback returns */
	size_t		 len;		/* of a skipped one: what it is */
};

typedef void	tcrp_fn(const struct tcrp_answer *, void *arg);

/*
 * Asks, and calls fn exactly once, later, from the event loop.  Tries the
 * server's addresses in turn, from the current one on, and makes the one that
 * takes the connection the current one.  The question is copied; the server
 * must outlive the call.
 */
struct tcrp_call *tcrp_ask(struct event_base *, struct server *,
	    const struct tcrp_question *, tcrp_fn *, void *arg);
/* Ends a call whose fn was not called yet, without calling it. */
void	tcrp_cancel(struct tcrp_call *);

/*
 * The same, waiting for the answer (runs the event loop, which must have no
 * other purpose at that time).  The payload is a copy to free() (NULL
 * without one).
 */
void	tcrp_ask_wait(struct event_base *, struct server *,
	    const struct tcrp_question *, struct tcrp_answer *,
	    char **payload);

#endif
