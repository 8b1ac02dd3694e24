/* SPDX-License-Identifier: ISC */
/*
 * From the queue to the receivers: what waits for a room is framed once in
 * each form, arranged into trains, and sent to everybody but its senders.
 */
#ifndef RELAYD_DELIVER_H
#define RELAYD_DELIVER_H

#include <stdint.h>

struct relay;

/*
 * Up to TRAIN_WINDOW messages of every room for which that is little work,
 * and of one of the others: between two of those, what has come meanwhile
 * for quiet rooms is to be looked at.
 */
void	deliver_some(struct relay *);
/* Sends what there is until the queue can take one more for that room. */
void	deliver_make_room(struct relay *, uint32_t room);
/*
 * Everything that waits for a room: before its members change, so that what
 * was said earlier comes earlier and is said by who said it.
 */
void	deliver_room(struct relay *, uint32_t room);
/* Everything, but nothing more after the deadline. */
void	deliver_all(struct relay *, uint64_t deadline_ms);

#endif
