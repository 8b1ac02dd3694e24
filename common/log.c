/* SPDX-License-Identifier: ISC */
/*
 * Writes log lines, one write(2) each, so that lines of several processes
 * never mix.  Called by every program; needs no memory but its stack.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "name.h"

static const char *log_name;
static bool log_verbose;
static void (*log_sink)(const char *);

void
log_init(const char *name)
{
	log_name = name;
}

void
log_set_verbose(bool verbose)
{
	log_verbose = verbose;
}

void
log_set_sink(void (*sink)(const char *))
{
	log_sink = sink;
}

/* Standard error may be a pipe whose reader is gone: nothing to do then. */
static void
log_write(const char *line, size_t len)
{
	while (write(STDERR_FILENO, line, len) == -1 && errno == EINTR)
		continue;
}

/* reason: a text after the message, or NULL. */
static void
log_line(const char *reason, const char *fmt, va_list ap)
{
	char text[LOG_LINE], line[LOG_LINE];
	size_t len = 0;
	int n;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(text) && reason != NULL)
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s", reason);
	if (n < 0)
		text[0] = '\0';

	/* One byte stays free for the newline. */
	if (log_name != NULL) {
		len = text_harmless(line, sizeof(line) - 1, log_name,
		    strlen(log_name));
		len += text_harmless(line + len, sizeof(line) - 1 - len, ": ",
		    2);
	}
	len += text_harmless(line + len, sizeof(line) - 1 - len, text,
	    strlen(text));
	if (log_sink != NULL) {
		log_sink(line);
		return;
	}
	line[len++] = '\n';
	log_write(line, len);
}

void
log_debug(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!log_verbose)
		return;
	va_start(ap, fmt);
	log_line(NULL, fmt, ap);
	va_end(ap);
	errno = saved;
}

void
log_info(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	log_line(NULL, fmt, ap);
	va_end(ap);
	errno = saved;
}

void
log_warn(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	log_line(strerror(saved), fmt, ap);
	va_end(ap);
	errno = saved;
}

void
log_warnx(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	log_line(NULL, fmt, ap);
	va_end(ap);
	errno = saved;
}

void
fatal(const char *fmt, ...)
{
	const char *reason = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	log_line(reason, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(NULL, fmt, ap);
	va_end(ap);
	exit(1);
}
