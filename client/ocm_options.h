/* SPDX-License-Identifier: ISC */
/*
 * The command line: options may stand before the word, after it, and after
 * the room; the text of send is taken as it is.
 */
#ifndef OCM_OPTIONS_H
#define OCM_OPTIONS_H

#include "ocm.h"

/* Flag before environment before default; the name may stay "". */
void	options_init(struct options *);
/*
 * Reads options up to the next operand and returns that, or NULL where there
 * is none left.  Exits with EX_USAGE and a line on a wrong option.
 */
const char *options_operand(struct options *, int argc, char **argv);
/* What follows the operands read so far, untouched; returns how many. */
int	options_rest(int argc, char **argv, char ***rest);

/* Says what is wrong with the command line, and exits with EX_USAGE. */
void	usage_error(const char *, ...)
	    __attribute__((__format__(__printf__, 1, 2), __noreturn__));

/* NULL, or why text is no name (static). */
const char *name_wrong(const char *);

#endif
