/* SPDX-License-Identifier: ISC */
/*
 * The command line of a load generator, which is a table.  Called by the
 * mains of bench_*.c.
 */
#ifndef OCM_BENCH_OPTIONS_H
#define OCM_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
	OPTION_FLAG,			/* bool, and no argument */
	OPTION_TEXT,			/* const char * */
	OPTION_WHOLE,			/* unsigned; a pid_t is as good */
	OPTION_SIZE,			/* size_t */
	OPTION_REAL,			/* double */
};

struct option_row {
	char			 letter;
	enum option_kind	 kind;
	void			*to;	/* one of that kind */
	double			 min, max;	/* of a number */
};

/*
 * Stores what the command line says and leaves the operands at argv[optind].
 * A number out of range ends the program with a message, anything unknown
 * with usage(), which does not return.
 */
void	options_take(const struct option_row *, size_t count, int argc,
	    char **argv, void (*usage)(void));

#endif
