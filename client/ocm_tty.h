/* SPDX-License-Identifier: ISC */
/*
 * The front end on a terminal: line editing, history, commands; messages
 * appear above the line that is being typed.
 */
#ifndef OCM_TTY_H
#define OCM_TTY_H

struct chat;
struct event_base;

/* Runs the chat until it is over; the terminal is then as it was. */
void	tty_run(struct chat *, struct event_base *);

#endif
