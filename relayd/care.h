/* SPDX-License-Identifier: ISC */
/*
 * What relayd does about members without hearing from them: it finds the
 * idle and the unreachable, asks roomd to remove them, keeps asking until it
 * is done, and tells what the table says has happened.
 */
#ifndef RELAYD_CARE_H
#define RELAYD_CARE_H

#include <stdbool.h>
#include <stdint.h>

#include "relay.h"

/* Asks roomd to remove a member; again and again until it has. */
void	care_wish(struct relay *, uint32_t slot, enum ending);
/* Whether what it says does not count any more: it left, or is harmful. */
bool	care_going(const struct member *);
/*
 * After relayd's last life: where that ended by its own doing and over a
 * member's datagram, this is counted against the member, which has to go
 * after the third time within a minute.  Call after the first look at the
 * tables.
 */
void	care_post_mortem(struct relay *, bool crashed);
/* It spoke: takes back a wish that was not its own. */
void	care_withdraw(struct relay *, uint32_t slot);

/* For struct peers_events and struct outlet; the context is the relay. */
void	care_added(void *, uint32_t slot, bool is_new);
void	care_leaving(void *, uint32_t slot, enum ending);
void	care_closing(void *, uint32_t room, enum ending);
void	care_moving(void *, uint32_t room, const struct receiver *,
	    bool for_good);
/* For struct lobby_events. */
void	care_lobby_coming(void *);
void	care_lobby_moving(void *, const struct receiver *, bool for_good);
void	care_lobby_leaving(void *, uint32_t client);
void	care_unreachable(void *, const struct addr *);
void	care_lobby_unreachable(void *, const struct addr *);

/* What the time has brought; call once a turn. */
void	care_tick(struct relay *);
/* Milliseconds until care_tick has something to do, -1: nothing. */
int	care_wait(const struct relay *);

/* CTL_SETTINGS, and CTL_STOP where members are to be told. */
void	care_settings(struct relay *, const struct ctl_settings *);
void	care_goodbye(struct relay *, uint64_t asked_ms);

#endif
