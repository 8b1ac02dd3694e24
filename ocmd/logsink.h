/* SPDX-License-Identifier: ISC */
/*
 * Where every log line ends: a file, standard error, or syslog.  ocmd's own
 * lines come through log.h; those of a child through the pipe that is its
 * standard error.  Lines are stamped with the time (UTC) and, whatever a
 * child claims, with the name of the process that wrote them.
 */
#ifndef OCMD_LOGSINK_H
#define OCMD_LOGSINK_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

enum {
	LOGSINK_FILE_MAX = 16 << 20,	/* bytes; then it becomes FILE.1 */
	LOGSINK_WORDS = 256,		/* bytes of a child's last words */
};

/*
 * Sends log.h's lines here.  where: "syslog", "stderr" or a path (kept).
 * 0, or -1 with errno.
 */
int	logsink_open(const char *where);
/* Whether that is where they go, and so need not be said there again. */
bool	logsink_is_stderr(void);
/* Opens a file anew, after somebody moved it away. */
void	logsink_reopen(void);

struct logpipe;			/* one child's lines, over all its lives */

/* who is kept.  NULL with errno. */
struct logpipe *logpipe_new(struct event_base *, const char *who);
/* Reads from fd, which becomes ours, until its end. 0, or -1 with errno. */
int	logpipe_attach(struct logpipe *, int fd);
/* Takes what a dead child left in its pipe, and closes it. */
void	logpipe_finish(struct logpipe *);
/* The last line of the present or last life, or "". */
const char *logpipe_last_words(const struct logpipe *);
void	logpipe_free(struct logpipe *);

#endif
