/* SPDX-License-Identifier: ISC */
/*
 * Between peers.c, which keeps the records, and peers_follow.c, which feeds
 * them from the shared memory.  Nobody else includes this.
 */
#ifndef RELAYD_PEERS_PRIVATE_H
#define RELAYD_PEERS_PRIVATE_H

#include "peers.h"

/* Takes the tails of the rings, from which the first scan is followed. */
void	peers_follow_start(struct peers *);

/* A live member of a live room, both checked to be in range. */
void	peers_add(struct peers *, const struct roomtab_change *);
/* Operation 3: its UDP port came over TCP. */
void	peers_register(struct peers *, uint32_t slot, uint16_t port);
/* Its port, socket and enrolment are these from now on. */
void	peers_move(struct peers *, uint32_t slot, struct live_where);
/* Forgets a member, and with its last one the room. */
void	peers_forget(struct peers *, uint32_t slot);

#endif
