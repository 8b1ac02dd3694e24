/* SPDX-License-Identifier: ISC */
/*
 * Questions to the person at the terminal, before the chat begins.
 */
#ifndef OCM_ASK_H
#define OCM_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "ocm.h"

/* Whether somebody is there to be asked. */
bool	ask_possible(void);
/* Server and name where the options do not say them, and a room. */
void	ask_everything(struct options *, char room[NAME_MAX_BYTES + 1]);
/*
 * The password of the options: from the file, or asked for without echo.
 * Exits with a line where that fails.
 */
void	ask_password(struct options *);
/* Asks for one without echo; false without a terminal, or for "". */
bool	ask_password_now(struct options *);

#endif
