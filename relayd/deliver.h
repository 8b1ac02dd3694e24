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

#include <stdbool.h>
#include <stdint.h>

#include "fanout.h"

struct relay;

enum { DELIVER_SLICE_US = 150 };

/* Rooms that are sent to in slices: one of each kind at a time, in turns. */
enum deliver_kind { DELIVER_MIDDLING, DELIVER_LARGE, DELIVER_KINDS };

/* The lobby's number among the rooms of the queue. */
uint32_t deliver_lobby(const struct relay *);
/*
 * So much as may be sent before the sockets are looked at again: for about
 * slice_us.
 */
void	deliver_some(struct relay *);
/*
 * A receiver is about to leave its place in the fan-out of a room, or its lack
 * of one, for another one or for good.  What is on its way is sent to it as
 * if it stayed, or no more; nobody else notices.
 */
void	deliver_moving(struct relay *, uint32_t room, const struct receiver *,
	    bool for_good);
/*
 * What waits for a room, if it is little: before somebody comes to whom it
 * was not said.  Where it is much, or many come in this turn of the loop,
 * nobody else is to wait for that, and who comes hears it, too.
 */
void	deliver_earlier(struct relay *, uint32_t room);
/* A speaker is about to go; what it said is still sent in its name. */
void	deliver_leaving(struct relay *, uint32_t room, uint32_t speaker);
/*
 * Everything that is on its way to a room, and what waits for it: before its
 * end.  What would keep all others waiting for long is dropped (drop_busy).
 */
void	deliver_room(struct relay *, uint32_t room);
/* Everything, but nothing more after the deadline. */
void	deliver_all(struct relay *, uint64_t deadline_ms);

#endif
