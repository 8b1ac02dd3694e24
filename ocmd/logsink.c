/* SPDX-License-Identifier: ISC */
/*
 * The end of every log line (see logsink.h); child.c gives each child its
 * pipe.  A captured child may write what it likes: its bytes are made
 * harmless, its lines cut, and what the file may hold is bounded.
 */
#include <sys/stat.h>

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "logsink.h"
#include "name.h"
#include "outlet.h"

enum { READS_AT_ONCE = 16, STAMP = 32 };

static enum { TO_STDERR, TO_SYSLOG, TO_FILE } kind;
static const char *path;
static struct outlet sink = { .fd = -1 };	/* standard error or a file */
static off_t file_size;

struct logpipe {
	struct event_base	*base;
	const char		*who;
	struct event		*ev;
	int			 fd;
	size_t			 len;		/* of the unfinished line */
	char			 line[LOG_LINE];
	char			 words[LOGSINK_WORDS];
};

/* ---- the file ---- */

static int
open_file(void)
{
	struct stat st;
	int fd;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK, 0640);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1) {
		(void)close(fd);
		return -1;
	}
	if (sink.fd != -1)
		(void)close(sink.fd);
	outlet_ours(&sink, fd);
	file_size = S_ISREG(st.st_mode) ? st.st_size : 0;
	return 0;
}

/* Without it the file could fill the disk; with it, twice the limit. */
static void
rotate(void)
{
	char old[1024];
	int n;

	file_size = 0;			/* whatever happens: not every line */
	n = snprintf(old, sizeof(old), "%s.1", path);
	if (n > 0 && (size_t)n < sizeof(old) && rename(path, old) == 0)
		(void)open_file();
}

/* ---- lines ---- */

static size_t
stamp(char out[STAMP])
{
	struct timespec now;
	struct tm tm;
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	n = strftime(out, STAMP, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, STAMP - n, ".%03ldZ ",
	    now.tv_nsec / 1000000);
	return strlen(out);
}

/* line: "who: text", already harmless.  False where there is no room. */
static bool
put_stamped(const char *line)
{
	char text[OUTLET_LINE];
	size_t n;

	n = stamp(text);
	n += strlcpy(text + n, line, sizeof(text) - 1 - n);
	if (n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';
	if (kind == TO_FILE && file_size + (off_t)n > LOGSINK_FILE_MAX)
		rotate();
	if (!outlet_line(&sink, text, n))
		return false;
	file_size += (off_t)n;
	return true;
}

/* What was lost is said first where there is room again. */
static void
put_line(const char *line)
{
	const uint64_t lost = sink.lost;
	char text[LOG_LINE];

	if (kind == TO_SYSLOG) {
		syslog(LOG_INFO, "%s", line);
		return;
	}
	if (lost > 0) {
		(void)snprintf(text, sizeof(text), "ocmd: lines lost here, "
		    "since nobody took them: %llu", (unsigned long long)lost);
		/* Room that there is only now is for that, not for the line. */
		if (!put_stamped(text)) {
			sink.lost = lost + 1;
			return;
		}
		sink.lost = 0;
	}
	(void)put_stamped(line);
}

int
logsink_open(const char *where)
{
	if (strcmp(where, "syslog") == 0) {
		kind = TO_SYSLOG;
		openlog("ocm", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	} else if (strcmp(where, "stderr") != 0) {
		path = where;
		if (open_file() == -1)
			return -1;
		kind = TO_FILE;
	} else {
		kind = TO_STDERR;
		outlet_shared(&sink, STDERR_FILENO);
	}
	log_set_sink(put_line);
	return 0;
}

bool
logsink_is_stderr(void)
{
	return kind == TO_STDERR;
}

void
logsink_reopen(void)
{
	if (kind == TO_FILE && open_file() == -1)
		log_warn("log: cannot open %s anew", path);
}

/* ---- a child's pipe ---- */

static void
put_childs_line(struct logpipe *p)
{
	char line[2 * LOG_LINE];
	const char *text = p->line;
	size_t who = strlen(p->who), n, skip = 0;

	/* A child puts its name before its lines, as log.h does for all. */
	if (p->len > who + 2 && memcmp(text, p->who, who) == 0 &&
	    memcmp(text + who, ": ", 2) == 0)
		skip = who + 2;
	n = (size_t)snprintf(line, sizeof(line), "%s: ", p->who);
	(void)text_harmless(line + n, sizeof(line) - n, text + skip,
	    p->len - skip);
	(void)strlcpy(p->words, line + n, sizeof(p->words));
	p->len = 0;
	put_line(line);
}

static void
take_bytes(struct logpipe *p, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] != '\n') {
			p->line[p->len++] = bytes[i];
			if (p->len < sizeof(p->line))
				continue;
		}
		if (p->len > 0)
			put_childs_line(p);
	}
}

/* false: the pipe is at its end. */
static bool
read_some(struct logpipe *p, int reads)
{
	char bytes[4096];
	ssize_t n;

	while (reads-- > 0) {
		n = read(p->fd, bytes, sizeof(bytes));
		if (n == -1)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		take_bytes(p, bytes, (size_t)n);
	}
	return true;
}

static void
detach(struct logpipe *p)
{
	if (p->len > 0)
		put_childs_line(p);
	if (p->ev != NULL)
		event_free(p->ev);
	p->ev = NULL;
	if (p->fd != -1)
		(void)close(p->fd);
	p->fd = -1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct logpipe *p = arg;

	(void)fd;
	(void)what;
	if (!read_some(p, READS_AT_ONCE))
		detach(p);
}

struct logpipe *
logpipe_new(struct event_base *base, const char *who)
{
	struct logpipe *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->base = base;
	p->who = who;
	p->fd = -1;
	return p;
}

int
logpipe_attach(struct logpipe *p, int fd)
{
	detach(p);
	p->words[0] = '\0';
	p->fd = fd;
	p->ev = event_new(p->base, fd, EV_READ | EV_PERSIST, on_readable, p);
	if (p->ev == NULL || event_add(p->ev, NULL) == -1) {
		detach(p);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void
logpipe_finish(struct logpipe *p)
{
	/* Bounded: the dead cannot add to what a pipe holds. */
	if (p->fd != -1)
		(void)read_some(p, 1024);
	detach(p);
}

const char *
logpipe_last_words(const struct logpipe *p)
{
	return p->words;
}

void
logpipe_free(struct logpipe *p)
{
	if (p == NULL)
		return;
	detach(p);
	free(p);
}
