/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration anew in a process of its own, for one that must
 * neither die of it nor wait for it: where memory is short, libconfuse's
 * scanner ends the process that it is in, and a file may lie on a disk that
 * does not answer.
 */
#ifndef OCMD_CONF_APART_H
#define OCMD_CONF_APART_H

#include "conf.h"

struct event_base;

/* Who wants it: done is called from the loop, with NULL for the conf or err. */
struct conf_asker {
	void	(*done)(void *arg, const struct conf *, const char *err);
	void	*arg;
};

/*
 * Begins to read, for one asker at a time; what it is read from is used at
 * once.  done comes within six seconds, when nothing is left of the reader
 * but what cannot be killed.  0, or -1 and one line in err.
 */
int	conf_apart_load(struct event_base *, const struct conf_source *,
	    const struct conf_asker *, char err[CONF_ERROR]);
/* The loop ends: kills the reader, and calls done where it is awaited. */
void	conf_apart_cancel(void);

#endif
