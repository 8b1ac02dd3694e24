/* SPDX-License-Identifier: ISC */
/*
 * The relay: everything that relayd knows, and the path of a datagram from
 * the socket to every member of its room.  One process has one of these.
 */
#ifndef RELAYD_RELAY_H
#define RELAYD_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl.h"
#include "deliver.h"
#include "inbox.h"
#include "lobby.h"
#include "notice.h"
#include "often.h"
#include "peers.h"
#include "queue.h"
#include "send.h"
#include "timers.h"
#include "token.h"
#include "train.h"
#include "window.h"

struct relay {
	struct ctl_settings	 set;
	uint8_t			 token_key[TOKEN_KEY];
	uint64_t		 now_ms;	/* of this turn of the loop */
	struct live		*live;		/* our region */
	_Atomic uint64_t	*counters;	/* in it */
	struct peers		 peers;
	struct outlet		 out;		/* relay sockets */
	struct wheel		 care;		/* over slots: idle, wishes */
	bool			 speaks;	/* worker 0: for the server */
	/* Called in the midst of very many copies (send.h). */
	void			 (*breathe)(void *);
	void			*breathe_arg;
	bool			 bell;		/* roomd is to look at wishes */
	struct notices		 notices;	/* worker 0 */
	struct lobby		 lobby;		/* worker 0 */
	struct outlet		 lobby_out;
	struct inbox		 inbox;
	struct often		 often;
	struct queue		 queue;		/* accepted, not yet sent */
	struct window		 small;		/* being sent in one go */
	struct window		 busy[DELIVER_KINDS];	/* in slices */
	uint32_t		 busy_turn;	/* of active rooms */
	uint32_t		 earlier;	/* copies by deliver_earlier */
	uint64_t		 slice_us;	/* that sending takes at once */
	unsigned		 chunks;	/* of deliver.c, at a time */
	uint8_t			 scratch[DATAGRAM_MAX];
};

/*
 * Makes all tables and reads the shared ones.  fds: the relay sockets, then
 * the lobby's, as ctl_start counts them.  fatal where memory is short.
 */
void	relay_make(struct relay *, const struct ctl_start *,
	    const struct seg_maps *, struct roomtab *, const int *fds);
/* A new turn of the loop: takes the time, and begins to count anew. */
void	relay_turn(struct relay *);
/* Takes what changed in the tables; relay_receive does so itself. */
void	relay_follow(struct relay *);
/*
 * Something of a member's is in hand from now on until live_done: if it is
 * the death of us, the next relayd knows whose it was.
 */
void	relay_in_hand(struct relay *, uint32_t slot, size_t len);
/* For struct outlet; the context is the relay. */
void	relay_breathe(void *);
/*
 * Takes what waits in a relay or lobby socket into the queue, from where
 * deliver_some sends it; also after an error event on it.
 */
void	relay_receive(struct relay *, unsigned sock);
void	relay_receive_lobby(struct relay *, unsigned sock);

#endif
