/* SPDX-License-Identifier: ISC */
/*
 * Background start (see launch.h).  What the second process says travels
 * over a pipe as lines "o TEXT" and "e TEXT", and at last "x CODE".
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"
#include "log.h"

enum { LINE_MAX_BYTES = 2048 };

static int report = -1;			/* to the first process */
static pid_t second;			/* the first one's only child */

/* ---- the first process ---- */

/* One whole line: prints it, or exits. */
static void
take_line(const char *line)
{
	if (line[0] == 'x')
		exit(atoi(line + 1));
	if (line[0] != '\0' && line[1] != '\0')
		(void)fprintf(line[0] == 'o' ? stdout : stderr, "%s\n",
		    line + 2);
}

/* Takes the lines in buf and keeps the rest there. */
static size_t
take_lines(char *buf, size_t len)
{
	char *end;
	size_t n;

	while ((end = memchr(buf, '\n', len)) != NULL) {
		*end = '\0';
		take_line(buf);
		n = (size_t)(end - buf) + 1;
		len -= n;
		memmove(buf, buf + n, len);
	}
	return len;
}

/*
 * Who does not want to wait does not want it started: the second process, in
 * a session of its own, hears no ^C.  It then ends, and says so.
 */
static void
on_interrupt(int sig)
{
	const int saved = errno;

	(void)sig;
	(void)kill(second, SIGTERM);
	errno = saved;
}

static void __attribute__((__noreturn__))
wait_for(int fd, const char *log)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now, end = clock_ms() + LAUNCH_WAIT_MS;
	char buf[LINE_MAX_BYTES];
	size_t len = 0;
	ssize_t n;

	while ((now = clock_ms()) < end) {
		if (poll(&p, 1, (int)(end - now)) != 1)
			continue;
		n = read(fd, buf + len, sizeof(buf) - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len = take_lines(buf, len + (size_t)n);
		if (len == sizeof(buf))
			break;
	}
	if (now >= end)
		(void)fprintf(stderr, "ocmd: not ready within %d s\n",
		    LAUNCH_WAIT_MS / 1000);
	else
		(void)fprintf(stderr, "ocmd: died before it was ready; its "
		    "log: %s\n", log);
	(void)kill(second, SIGTERM);
	exit(1);
}

void
launch_background(const char *log)
{
	static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_interrupt }, was;
	sigset_t wait, before;
	int fds[2];
	size_t i;

	if (pipe2(fds, O_CLOEXEC) == -1)
		fatal("pipe");
	(void)fflush(NULL);
	/* One that comes between the fork and the handlers waits for them. */
	(void)sigemptyset(&wait);
	for (i = 0; i < sizeof(interrupts) / sizeof(interrupts[0]); i++)
		(void)sigaddset(&wait, interrupts[i]);
	(void)sigprocmask(SIG_BLOCK, &wait, &before);
	if ((second = fork()) == -1)
		fatal("fork");
	if (second != 0) {
		/* nohup, say, means the start, too. */
		for (i = 0; i < sizeof(interrupts) / sizeof(interrupts[0]);
		    i++)
			if (sigaction(interrupts[i], NULL, &was) == 0 &&
			    was.sa_handler != SIG_IGN)
				(void)sigaction(interrupts[i], &act, NULL);
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		(void)close(fds[1]);
		wait_for(fds[0], log);
	}
	(void)close(fds[0]);
	report = fds[1];
	(void)setsid();
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- the second process, or the only one ---- */

bool
launch_waiting(void)
{
	return report != -1;
}

static void __attribute__((__format__(__printf__, 2, 0)))
say(char how, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES - 16];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (report != -1)
		(void)dprintf(report, "%c %s\n", how, text);
	else
		(void)fprintf(how == 'o' ? stdout : stderr, "%s\n", text);
}

void
launch_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say('o', fmt, ap);
	va_end(ap);
}

void
launch_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say('e', fmt, ap);
	va_end(ap);
}

void
launch_done(int code, bool keep_stderr)
{
	int fd;

	if (report == -1)
		return;
	(void)dprintf(report, "x %d\n", code);
	(void)close(report);
	report = -1;
	if ((fd = open("/dev/null", O_RDWR)) == -1)
		return;
	(void)dup2(fd, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	if (!keep_stderr)
		(void)dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}
