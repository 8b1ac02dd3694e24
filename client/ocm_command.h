/* SPDX-License-Identifier: ISC */
/*
 * What a line typed in a chat means: a text, or a command after a slash.
 */
#ifndef OCM_COMMAND_H
#define OCM_COMMAND_H

struct chat;

/* Says the text or does what the command says; errors are shown. */
void	command_line(struct chat *, const char *line);

#endif
