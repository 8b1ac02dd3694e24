/* SPDX-License-Identifier: ISC */
/*
 * From the queue to the receivers: what waits for a room is framed once in
 * each form, arranged into trains, and sent to everybody but its senders.
 *
 * Rooms for which that is little work go first.  The others are sent a window
 * of messages at a time, and that in slices: between two slices the loop
 * looks at its sockets, so that a busy room costs a quiet one a fraction of a
 * millisecond, and no datagram is lost for want of somebody to read it.
 * Rooms with much work do not keep those with less waiting, since these have
 * a window of their own.
 */
#ifndef RELAYD_DELIVER_H
#define RELAYD_DELIVER_H

#include <stdint.h>

#include "train.h"

struct relay;

enum { DELIVER_SLICE_US = 150 };

/* Rooms that are sent to in slices: one of each kind at a time, in turns. */
enum deliver_kind { DELIVER_MIDDLING, DELIVER_LARGE, DELIVER_KINDS };

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
};

/* The lobby's number among the rooms of the queue. */
uint32_t deliver_lobby(const struct relay *);
/*
 * So much as may be sent before the sockets are looked at again: for about
 * slice_us.
 */
void	deliver_some(struct relay *);
/*
 * Everything that is on its way to a room: before a receiver leaves its
 * place, since places are what is being worked through.
 */
void	deliver_settle(struct relay *, uint32_t room);
/*
 * What waits for a room, if it is little: before somebody comes to whom it
 * was not said.  Where it is much nobody else is to wait for that.
 */
void	deliver_earlier(struct relay *, uint32_t room);
/* And what a speaker has waiting there: before it goes with its name. */
void	deliver_speaker(struct relay *, uint32_t room, uint32_t speaker);
/* Everything that waits for a room as well: before its end. */
void	deliver_room(struct relay *, uint32_t room);
/* Everything, but nothing more after the deadline. */
void	deliver_all(struct relay *, uint64_t deadline_ms);

#endif
