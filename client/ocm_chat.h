/* SPDX-License-Identifier: ISC */
/*
 * Being in a room, or in the lobby: entering, saying, hearing, leaving.  It
 * runs on an event loop that its front end drives (ocm_tty.c, ocm_pipe.c)
 * and shows what it hears through ocm_show.c.
 */
#ifndef OCM_CHAT_H
#define OCM_CHAT_H

#include <stdbool.h>
#include <stddef.h>

#include "ocm.h"
#include "ocm_text.h"

struct chat;
struct event_base;

enum entrance {
	ENTER_CREATE,
	ENTER_JOIN,
	ENTER_BRIEFLY,		/* join, to say something: see chat_name */
	ENTER_EITHER,		/* join, or create what is not there */
	ENTER_LOBBY,		/* no room, no token */
};

/* The event loop of the client; takes files as well as sockets. */
struct event_base *chat_base_new(void);

/*
 * Enters.  Returns EX_OK and the chat, or says what went wrong and returns
 * the exit status for it.  The options must outlive the chat; a password may
 * be asked for where somebody can answer.
 */
int	chat_open(struct chat **, struct event_base *, struct options *,
	    const char *room, enum entrance);
/* Frees it; does not tell the server (chat_leave does). */
void	chat_close(struct chat *);

/* Whether a text can be sent at all, and the longest one in bytes. */
enum unsendable chat_check(const struct chat *, const void *, size_t len);
size_t	chat_limit(const struct chat *);
/*
 * Sends a text that chat_check found fitting.  0, or -1: errno is EAGAIN
 * while the server is away, else what the socket says.
 */
int	chat_say(struct chat *, const void *, size_t len);
/* Whether chat_say makes sense now; fn is called when that becomes true. */
bool	chat_ready(const struct chat *);
void	chat_on_ready(struct chat *, void (*fn)(void *), void *arg);
/* Leave after so many messages heard; 0 is never. */
void	chat_leave_after(struct chat *, unsigned messages);
/* Show no messages, only what concerns us. */
void	chat_hear_nothing(struct chat *);

/* Shows who is in the room, or which rooms there are, soon. */
void	chat_who(struct chat *);
void	chat_rooms(struct chat *);
bool	chat_is_host(const struct chat *);
/*
 * Under which name we are in the room, or NULL where that was not to be
 * learnt (or not asked for, ENTER_BRIEFLY).  *sure: nobody else in it has one
 * that the server could have made of ours.
 */
const char *chat_name(const struct chat *, bool *sure);

/*
 * Leaves: tells the server, makes sure that what was just said went before,
 * and is over within some seconds.  A second call is over at once.
 */
void	chat_leave(struct chat *, int status);
bool	chat_leaving(const struct chat *);	/* or over */
bool	chat_over(const struct chat *);
/* The exit status, once it is over. */
int	chat_status(const struct chat *);

#endif
