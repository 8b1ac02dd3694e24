/* SPDX-License-Identifier: ISC */
/*
 * The inside of a connection, for session.c, which leads it through its
 * phases, and sessions.c, which begins and ends it.  Nothing else includes
 * this file.
 */
#ifndef OCM_SESSION_OWN_H
#define OCM_SESSION_OWN_H

#include <sys/queue.h>

#include <event2/event_struct.h>
#include <stddef.h>

#include "inbox.h"
#include "outbox.h"
#include "session.h"
#include "turn.h"

enum phase { READING, ANSWERING, PARTING, PHASES };
/* What a step came to. */
enum step { WAIT, AGAIN, LATER, GONE };

struct session {
	TAILQ_ENTRY(session)	 link;
	struct sessions		*all;
	int			 fd;
	enum phase		 phase;
	struct event		 readable, writable, timer;
	struct turn		 turn;
	struct limit_conn	 place;		/* unless it is seated */
	struct caller		 caller;
	struct seat		 seat;
	struct seat_id		 entered;	/* whose port may follow */

	struct inbox		 in;
	struct outbox		 out;
	struct blob		*second;	/* part of an answer, after */
	unsigned		 gap_ms;	/* this time */
	uint64_t		 gap_until;	/* 0: not begun */
	bool			 stay;		/* another frame may follow */
	bool			 last;		/* nothing more is served */
	bool			 slow;		/* its outbox ran over */
};

/* Whose member that is. */
#define SESSION_OF(p, member) ((struct session *)(void *)((char *)(p) -	\
	offsetof(struct session, member)))

struct sessions {
	struct event_base	*base;
	struct desk		*desk;
	TAILQ_HEAD(, session)	 list;
	uint32_t		 count, max;
};

/* ---- session.c ---- */

/* GONE: the limits hit this very connection. */
enum step session_begin(struct session *);
/* Makes steps, for an event of the socket or for another turn. */
void	session_run(evutil_socket_t, short, void *);
void	session_on_timer(evutil_socket_t, short, void *);
/*
 * It is to be closed.  Where all its answer is sent, reads what has come, so
 * that closing takes nothing of it along; GONE: its client was done anyway.
 */
enum step session_settle(struct session *);

/* ---- sessions.c ---- */

/* Is it somebody's membership? */
bool	session_seated(const struct session *);
/* Closes it; a membership ends by that.  GONE. */
enum step session_close(struct session *);
enum step session_fail(struct session *, enum room_counter why);
/* Counts for its source in this phase; a membership does not. */
bool	session_count(struct session *, enum limit_phase);

#endif
