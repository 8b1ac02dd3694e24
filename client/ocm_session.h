/* SPDX-License-Identifier: ISC */
/*
 * The inside of a chat, for its own files: ocm_enter.c, ocm_name.c,
 * ocm_chat.c (the datagrams), ocm_watch.c (is the server still there, are we
 * still in the room?), ocm_list.c and ocm_leave.c.  Nobody else includes it.
 */
#ifndef OCM_SESSION_H
#define OCM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ocm_chat.h"
#include "ocm_tcrp.h"
#include "wire.h"

struct event;

enum chat_state {
	CHAT_LIVE,		/* in the room, as far as we know */
	CHAT_AWAY,		/* the server does not answer */
	CHAT_REJOINING,		/* our token is dead; a join is under way */
	CHAT_LEAVING,
	CHAT_OVER,
};

struct chat {
	struct event_base	*base;
	struct options		*opt;
	enum chat_state		 state;
	int			 status;	/* when over */
	bool			 lobby;
	bool			 host;
	char			 name[NAME_MAX_BYTES + 1]; /* "": unknown */
	bool			 name_sure;
	char			 room[NAME_MAX_BYTES + 1];
	char			 token[TCRP_ROOM_MAX];
	size_t			 token_len;

	/* datagrams */
	int			 fd;
	struct event		*ev_read;
	struct event		*ev_keep;	/* registers, keeps alive */
	unsigned		 registered;	/* empty datagrams sent */
	uint64_t		 said_ms;	/* last text; 0 none */
	uint64_t		 proof_ms;	/* the server had us then */
	unsigned		 to_hear;	/* messages until we leave */
	bool			 deaf;		/* show no more messages */
	void			(*on_ready)(void *);
	void			*ready_arg;

	/* watch and leave: one request at a time, one timer */
	struct tcrp_call	*call;
	struct event		*ev_watch;
	char			 held[DATAGRAM_MAX];	/* may be an ending */
	size_t			 held_len;
	uint64_t		 doubt_until;		/* hold nothing */
	uint64_t		 doubt_ms;		/* how long that was */
	uint64_t		 away_since;		/* 0: not away */
	uint64_t		 wait_ms;		/* to the next try */
	size_t			 list_len;	/* bytes: what a probe costs */
	bool			 refused;		/* by its UDP port */
	unsigned		 refusals;		/* in a row */
	bool			 leave_wanted;
	int			 leave_status;
	uint64_t		 leave_by;

	struct list {			/* one of /who and /rooms */
		struct chat		*chat;
		struct tcrp_call	*call;	/* under way, or NULL */
		enum tcrp_op		 op;
	}			 who, rooms;
};

/* ocm_chat.c */
int	session_send(struct chat *, const void *, size_t len);
void	session_register(struct chat *);	/* afresh, several times */
void	session_deliver(struct chat *, const char *, size_t len);
void	session_live(struct chat *);		/* tells the front end */
void	session_end(struct chat *, int status);	/* over, now */
void	session_timer(struct event *, uint64_t ms);
struct tcrp_question session_question(const struct chat *, enum tcrp_op);

/* ocm_enter.c: an exit status; not EX_OK: what is wrong has been said */
int	session_enter(struct chat *, enum entrance);
bool	session_take_token(struct chat *, const struct tcrp_answer *);

/* ocm_name.c: asks which name the server has given us */
void	session_learn_name(struct chat *);

/* ocm_watch.c; none of it is for the lobby but watch_refused */
void	watch_start(struct chat *);
void	watch_timer(struct chat *);
void	watch_heard(struct chat *);
void	watch_said(struct chat *);
/* A text that looks like an ending; true when it is held for proof. */
bool	watch_hold(struct chat *, const char *, size_t len);
void	watch_refused(struct chat *);

/* ocm_leave.c */
void	leave_timer(struct chat *);

#endif
