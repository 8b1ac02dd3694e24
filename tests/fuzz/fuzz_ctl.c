/* SPDX-License-Identifier: ISC */
/*
 * Control messages of a hostile sender: any bytes, any number of descriptors,
 * from every role to every role, also where there is no room for one more.
 * What is taken is what the list allows, and no descriptor stays behind.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "fuzz.h"

enum { MESSAGES = 16, FDS_MOST = 4, WORD = sizeof(uint32_t) };

static const struct {
	size_t		size;
	enum role	from, to;	/* ROLE_COUNT: any child */
	bool		fd;
} list[CTL_COUNT] = {
#define ENTRY(name, body, from, to, fd) { sizeof(struct body), from, to, fd },
	CTL_MESSAGES(ENTRY)
};

static int pair[2] = { -1, -1 };

/* The number that the n-th new descriptor would get. */
static int
next_fd(int n)
{
	int fd = fcntl(pair[0], F_DUPFD, 0), last = fd;

	MUST(fd != -1);
	if (n > 1)
		last = next_fd(n - 1);
	MUST(close(fd) == 0);
	return last;
}

static void
send_hostile(const uint8_t *p, size_t len, size_t word, unsigned fds)
{
	union {
		struct cmsghdr	 align;
		unsigned char	 bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} space;
	static uint8_t buf[sizeof(union ctl_body) + 64];
	struct iovec iov = { buf, 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	unsigned i;

	/* The bytes come again until the length is reached. */
	for (iov.iov_len = 0; iov.iov_len < word; iov.iov_len++)
		buf[iov.iov_len] = len > 0 ? p[iov.iov_len % len] : 0;
	if (fds > 0) {
		memset(&space, 0, sizeof(space));
		m.msg_control = space.bytes;
		m.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		for (i = 0; i < fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0],
			    sizeof(int));
	}
	MUST(sendmsg(pair[0], &m, MSG_DONTWAIT | MSG_NOSIGNAL) != -1);
}

static bool
may(enum role listed, enum role role)
{
	return listed == role || (listed == ROLE_COUNT &&
	    (role == ROLE_ROOMD || role == ROLE_RELAYD));
}

/* No descriptor beyond those that are open; or as many as before. */
static void
fill_up(bool full, int spare)
{
	static struct rlimit usual;
	struct rlimit none;

	if (usual.rlim_cur == 0)
		MUST(getrlimit(RLIMIT_NOFILE, &usual) == 0);
	none = usual;
	none.rlim_cur = (rlim_t)spare;
	MUST(setrlimit(RLIMIT_NOFILE, full ? &none : &usual) == 0);
}

static void
receive(enum role from, enum role to, size_t len, unsigned fds, bool full)
{
	enum ctl_type type = CTL_COUNT;
	union ctl_body body;
	enum ctl_result r;
	int fd;

	r = ctl_recv(pair[1], from, to, false, &type, &body, &fd);
	/* What does not fit our table is lost, or was bad anyway. */
	MUST(r == CTL_GOT || r == CTL_BAD || (r == CTL_CLOSED && len == 0 &&
	    (fds == 0 || full)) || (r == CTL_NOTHING && full && fds > 0));
	MUST((fd != -1) == (r == CTL_GOT && list[type].fd));
	if (fd != -1)
		MUST(close(fd) == 0);
	if (r == CTL_GOT) {
		MUST(len == WORD + list[type].size);
		MUST(fds == (list[type].fd ? 1u : 0u));
		MUST(may(list[type].from, from) && may(list[type].to, to));
		MUST(ctl_type_name(type) != NULL);
	}
	MUST(ctl_recv(pair[1], from, to, false, &type, &body, &fd) ==
	    CTL_NOTHING);
}

/*
 * A message: who, to whom and how many descriptors; how long, and whether
 * there is room for them; the bytes.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	size_t n, most = sizeof(union ctl_body) + 64, bytes;
	unsigned i, fds;
	uint8_t head;
	static int far;
	bool full;
	int spare;

	if (pair[0] == -1) {
		MUST(ctl_pair(pair) == 0);
		far = next_fd(FDS_MOST);
	}
	spare = next_fd(1);
	for (i = 0; i < MESSAGES && len > 3; i++) {
		head = p[0];
		fds = (head >> 4) % (FDS_MOST + 1);
		/* A type is told by its list's length as often as not. */
		n = (p[1] & 0x80) != 0 ? WORD + list[p[2] % CTL_COUNT].size :
		    ((size_t)p[1] << 8 | p[2]) % most;
		full = (p[1] & 0x40) != 0;
		bytes = p[3] < len - 4 ? p[3] : len - 4;
		send_hostile(p + 4, bytes, n, fds);
		if (full)
			fill_up(true, spare);
		receive(head % (ROLE_COUNT + 1), head / 4 % (ROLE_COUNT + 1),
		    n, fds, full);
		if (full)
			fill_up(false, spare);
		p += 4 + bytes;
		len -= 4 + bytes;
	}
	/* One that stayed may have left a lower number free. */
	MUST(next_fd(FDS_MOST) == far);
	return 0;
}
