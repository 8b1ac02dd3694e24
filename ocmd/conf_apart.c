/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration in a process of its own (see conf.h): where
 * memory is short, libconfuse's scanner ends the process that it is in, and
 * that must not be the supervisor of a running server.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "conf.h"

enum {
	READER_MS = 5000,		/* it is ended after that, */
	ALONE_S = 10,			/* or by itself: its parent may die */
};

struct report {
	int		rc;
	struct conf	conf;
	char		err[CONF_ERROR];
};

static void __attribute__((__noreturn__))
read_and_report(int fd, const struct conf_source *from)
{
	static struct report r;
	const char *p = (const char *)&r;
	size_t left = sizeof(r);
	ssize_t n;

	/* What it has inherited, the ports too, is not to be kept for ever. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(ALONE_S);
	r.rc = conf_load(&r.conf, from, r.err);
	while (left > 0 && (n = write(fd, p, left)) > 0) {
		p += n;
		left -= (size_t)n;
	}
	_exit(left > 0);
}

/* All of it, in time; 0 or -1. */
static int
take_report(int fd, struct report *r)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const uint64_t end = clock_ms() + READER_MS;
	uint64_t now;
	size_t got = 0;
	ssize_t n;

	while (got < sizeof(*r)) {
		if ((now = clock_ms()) >= end)
			return -1;
		/* 0: in vain; errno is then of some call before. */
		if ((n = poll(&p, 1, (int)(end - now))) == 1)
			n = read(fd, (char *)r + got, sizeof(*r) - got);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		got += (size_t)n;
	}
	return 0;
}

int
conf_load_apart(struct conf *c, const struct conf_source *from,
    char err[CONF_ERROR])
{
	static struct report r;
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		goto fail;
	(void)fflush(NULL);		/* else the reader might, too */
	if ((pid = fork()) == -1) {
		rc = errno;
		(void)close(fds[0]);
		(void)close(fds[1]);
		errno = rc;
		goto fail;
	}
	if (pid == 0)
		read_and_report(fds[1], from);
	(void)close(fds[1]);
	if ((rc = take_report(fds[0], &r)) == -1)
		(void)kill(pid, SIGKILL);
	(void)close(fds[0]);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
	if (rc == -1) {
		(void)snprintf(err, CONF_ERROR, "the configuration cannot be "
		    "read: its reader died, or took longer than %d s",
		    READER_MS / 1000);
		return -1;
	}
	*c = r.conf;
	memcpy(err, r.err, CONF_ERROR);
	return r.rc;
fail:
	(void)snprintf(err, CONF_ERROR, "the configuration cannot be read: %s",
	    strerror(errno));
	return -1;
}
