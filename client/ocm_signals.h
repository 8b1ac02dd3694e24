/* SPDX-License-Identifier: ISC */
/*
 * Signals that end the client: the room is told first, then the signal does
 * what it always does.
 */
#ifndef OCM_SIGNALS_H
#define OCM_SIGNALS_H

#include <stdbool.h>

struct chat;
struct event_base;

/*
 * SIGTERM, SIGHUP and SIGQUIT leave the chat, and SIGINT if it is to; but not
 * one that was ignored by whoever started us.
 */
void	signals_start(struct chat *, struct event_base *, bool interrupt);
/*
 * Handlers are gone.  Where a signal came, it is raised again and ends the
 * process; call it when nothing is left to be cleaned up.
 */
void	signals_stop(void);

#endif
