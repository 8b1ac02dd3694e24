/* SPDX-License-Identifier: ISC */
/*
 * Members who speak without a token and whose connection died with an
 * earlier roomd.  Their clients may not have noticed, so they live on; but
 * one that comes back, at the same address and port, takes the place of what
 * it left behind.  Called by rooms.c.
 */
#ifndef ROOMD_ORPHANS_H
#define ROOMD_ORPHANS_H

#include "rooms.h"

struct orphans;

/*
 * Whoever is in the table now, which is before anybody can come.  NULL when
 * memory is short.
 */
struct orphans *orphans_new(struct rooms *);
void	orphans_free(struct orphans *);
/*
 * Removes the orphans of a member's room that are just where it registers,
 * which m.addr says, if it is one who speaks without a token, too: each
 * message would come to it twice, and what it says would be theirs.
 */
void	orphans_replace(struct orphans *, const struct member_info *m);

#endif
