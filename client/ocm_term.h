/* SPDX-License-Identifier: ISC */
/*
 * The terminal's own state, given back on every way out: normal, exit() from
 * anywhere, and signals that kill.
 */
#ifndef OCM_TERM_H
#define OCM_TERM_H

#include <stdbool.h>

/* Remembers how the terminal is, once, and sees that it will be so again. */
void	term_save(void);
void	term_restore(void);
/* Whether the cursor can be moved (TERM is neither unset nor dumb). */
bool	term_moves(void);

#endif
