/* SPDX-License-Identifier: ISC */
/*
 * The front end without a terminal: lines of standard input are said, what
 * is heard goes to standard output.
 */
#ifndef OCM_PIPE_H
#define OCM_PIPE_H

struct chat;
struct event_base;

/* Runs the chat until it is over. */
void	pipe_run(struct chat *, struct event_base *);

#endif
