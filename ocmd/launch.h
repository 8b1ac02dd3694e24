/* SPDX-License-Identifier: ISC */
/*
 * Starting in the background: the first process stays with the person who
 * typed the command until the server is up or has failed, and passes on what
 * the second one has to say.  In the foreground the same calls just print.
 */
#ifndef OCMD_LAUNCH_H
#define OCMD_LAUNCH_H

#include <stdbool.h>

enum { LAUNCH_WAIT_MS = 10000 };	/* then it has failed */

/*
 * Forks.  The caller goes on in a session of its own; the first process
 * never returns from here: it exits with launch_done's code, or 1.
 * log: where the reason is when the second one dies without a word.
 */
void	launch_background(const char *log);
/* Whether a first process waits; otherwise the log may be all there is. */
bool	launch_waiting(void);
/* A line for the person: to standard output, or to standard error. */
void	launch_say(const char *, ...)
	    __attribute__((__format__(__printf__, 1, 2)));
void	launch_complain(const char *, ...)
	    __attribute__((__format__(__printf__, 1, 2)));
/* Nothing more to say; keep_stderr: the log goes there. */
void	launch_done(int code, bool keep_stderr);

#endif
