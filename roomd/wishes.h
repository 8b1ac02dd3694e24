/* SPDX-License-Identifier: ISC */
/*
 * What the relayds wish: members to be removed who left by a word, fell
 * silent or cannot be reached.  Called by control.c when a bell rings.
 */
#ifndef OCM_WISHES_H
#define OCM_WISHES_H

#include <stdbool.h>

#include "rooms.h"

struct wishes;

/* NULL when memory is short.  A new one looks at every slot once. */
struct wishes *wishes_new(struct rooms *);
void	wishes_free(struct wishes *);
/* Grants some; true where more may wait. */
bool	wishes_grant(struct wishes *);

#endif
