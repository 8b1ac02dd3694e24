/* SPDX-License-Identifier: ISC */
/*
 * Writing lines without waiting (see outlet.h).
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "outlet.h"

static void
use(struct outlet *o, int fd, enum outlet_how how)
{
	o->fd = fd;
	o->how = how;
	o->rest_len = 0;	/* that was for another place */
}

void
outlet_ours(struct outlet *o, int fd)
{
	use(o, fd, OUTLET_OURS);
}

/* The same terminal once more, without waiting; -1 where that may not be. */
static int
open_terminal(int fd)
{
	const char *name = ttyname(fd);

	return name == NULL ? -1 : open(name, O_WRONLY | O_NOCTTY |
	    O_NONBLOCK | O_CLOEXEC);
}

void
outlet_shared(struct outlet *o, int fd)
{
	struct stat st;
	int own;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		use(o, fd, OUTLET_SOCKET);
	else if ((own = open_terminal(fd)) != -1)
		use(o, own, OUTLET_OURS);
	else
		use(o, fd, OUTLET_SHARED);
}

/* Also where it is broken: a write says so and does not wait. */
static bool
has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1;
}

static ssize_t
write_once(const struct outlet *o, const char *text, size_t len)
{
	switch (o->how) {
	case OUTLET_SOCKET:
		return send(o->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OUTLET_SHARED:
		if (!has_room(o->fd)) {
			errno = EAGAIN;
			return -1;
		}
		/* A pipe that has room has room for that much. */
		return write(o->fd, text, len < PIPE_BUF ? len : PIPE_BUF);
	default:
		return write(o->fd, text, len);
	}
}

/* How many bytes were taken; a full disk must not stop us, either. */
static size_t
write_some(const struct outlet *o, const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write_once(o, text + done, len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

bool
outlet_line(struct outlet *o, const char *line, size_t len)
{
	size_t n;

	if (o->rest_len > 0) {
		n = write_some(o, o->rest, o->rest_len);
		o->rest_len -= n;
		memmove(o->rest, o->rest + n, o->rest_len);
	}
	if (o->rest_len > 0 || (n = write_some(o, line, len)) == 0) {
		o->lost++;
		return false;
	}
	o->rest_len = len - n;
	memcpy(o->rest, line + n, o->rest_len);
	return true;
}
