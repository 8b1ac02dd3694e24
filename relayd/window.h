/* SPDX-License-Identifier: ISC */
/*
 * Some messages of one room on their way to everybody but their senders:
 * framed once in each form, arranged into trains, and sent to one group of
 * receivers after the other, as much at a time as deliver.c wants.
 */
#ifndef RELAYD_WINDOW_H
#define RELAYD_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "fanout.h"
#include "still.h"
#include "train.h"

struct relay;

/* Messages of one room, on their way. */
struct window {
	uint32_t	 room;
	unsigned	 n;		/* messages; 0: there is no window */
	unsigned	 forms;		/* still to be sent, a bit for each */
	uint32_t	 group;		/* + 1, being sent to; 0: next form */
	unsigned	 train;		/* being sent to it */
	uint32_t	 entry;		/* of the group, the next one */
	unsigned	 misfits;	/* that the form cannot carry */
	struct trains	 trains;
	/* Since somebody moved: the receivers, and where the speakers are. */
	bool		 stands;
	struct still	 still;
	struct fanout_place place[TRAIN_WINDOW];
	uint32_t	 portless;
};

/* So many there are in a room, or in the lobby. */
uint32_t window_audience(struct relay *, uint32_t room);
/* The oldest messages that wait in a room are on their way from now on. */
void	window_open(struct relay *, struct window *, uint32_t room);
/*
 * Sends what the budget allows, in copies of one bundle; what is left of it.
 * A copy that goes by itself costs five.
 */
int	window_advance(struct relay *, struct window *, int budget);
/* All of it, however long that takes. */
void	window_complete(struct relay *, struct window *);
/*
 * From now on a window is sent to its receivers as they are now.  To copy one
 * of them takes a small part of the time of sending to it, once a window.
 */
void	window_stand(struct relay *, struct window *);

#endif
