/* SPDX-License-Identifier: ISC */
/*
 * The only place that writes for people or for the next program of a pipe.
 * Texts of others are made harmless here.
 *
 *			terminal	pipe		--json
 *	a message	stdout		stdout		stdout, one object
 *	a notice	stdout, "* "	stderr		stdout, from null
 *	our own words	stdout, "* "	stderr		stderr
 *	what failed	stdout, "! "	stderr		stderr
 */
#ifndef OCM_SHOW_H
#define OCM_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "ocm_json.h"
#include "ocm_text.h"

enum show_mode { SHOW_PLAIN, SHOW_TERMINAL, SHOW_JSON };

/* Until it is called: SHOW_PLAIN.  Styles need a terminal and no NO_COLOR. */
void	show_init(enum show_mode);
/* Called before every write to the terminal; the line editor gives way. */
void	show_before(void (*)(void));

/* room NULL is the lobby. */
void	show_said(const char *room, const struct said *);
void	show_notice(const char *room, const void *, size_t len);
/* One room, or (room and) one member of it. */
void	show_room(const struct entry *);
void	show_member(const char *room, const struct entry *);

#define SHOW_PRINTF __attribute__((__format__(__printf__, 1, 2)))
void	show_info(const char *, ...) SHOW_PRINTF;
void	show_error(const char *, ...) SHOW_PRINTF;

/* A name or text of somebody else for use in a line; free() it. */
char	*show_harmless(const void *, size_t len);
/* Whether standard output cannot be written any more; *error is its errno. */
bool	show_broken(int *error);

#endif
