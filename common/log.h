/* SPDX-License-Identifier: ISC */
/*
 * The only copy of the log functions.  A line goes to standard error in one
 * write(2); in a child that is a pipe whose other end ocmd reads, stamps and
 * stores.  Control characters in a line are written as escapes, so that a
 * client's name cannot forge one.
 */
#ifndef OCM_LOG_H
#define OCM_LOG_H

#include <stdbool.h>

enum { LOG_LINE = 1024 };	/* bytes, with the newline; cut beyond */

/* name is kept, not copied: "roomd", "relayd 0". */
void	log_init(const char *name);
void	log_set_verbose(bool);
/* Called for the text of every line instead of write(2) (ocmd's own). */
void	log_set_sink(void (*)(const char *line));

#define LOG_PRINTF __attribute__((__format__(__printf__, 1, 2)))
void	log_debug(const char *, ...) LOG_PRINTF;	/* only when verbose */
void	log_info(const char *, ...) LOG_PRINTF;
void	log_warn(const char *, ...) LOG_PRINTF;		/* with strerror */
void	log_warnx(const char *, ...) LOG_PRINTF;
/* Cannot go on: exit status 1. */
void	fatal(const char *, ...) LOG_PRINTF __attribute__((__noreturn__));
void	fatalx(const char *, ...) LOG_PRINTF __attribute__((__noreturn__));

#endif
