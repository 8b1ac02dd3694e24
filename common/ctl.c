/* SPDX-License-Identifier: ISC */
/*
 * Control messages over SOCK_SEQPACKET socketpairs: see ctl.h for the list.
 * Every role uses this file; nobody else touches those sockets.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* What the list in ctl.h says of each type. */
static const struct rule {
	const char	*name;
	size_t		 size;
	enum role	 from, to;
	bool		 carries_fd;
} rules[CTL_COUNT] = {
#define CTL_RULE(name, body, from, to, fd)				\
	[CTL_##name] = { #name, sizeof(struct body), from, to, fd },
	CTL_MESSAGES(CTL_RULE)
};

/* One more than allowed, so that a surplus descriptor is seen and closed. */
enum { FDS_SEEN = 2 };

union fd_space {		/* aligned as a cmsghdr must be */
	struct cmsghdr	 align;
	unsigned char	 bytes[CMSG_SPACE(FDS_SEEN * sizeof(int))];
};

static bool
may(enum role rule, enum role role)
{
	if (rule == ROLE_COUNT)
		return role != ROLE_OCMD && role < ROLE_COUNT;
	return rule == role;
}

const char *
ctl_type_name(enum ctl_type type)
{
	return (unsigned)type < CTL_COUNT ? rules[type].name : "unknown";
}

int
ctl_pair(int pair[2])
{
	return socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
}

int
ctl_send(int sock, enum ctl_type type, const void *body, int fd)
{
	uint32_t word = type;
	union fd_space space;
	struct iovec iov[2];
	struct msghdr msg;
	struct cmsghdr *c;
	ssize_t n;

	if ((unsigned)type >= CTL_COUNT ||
	    (fd != -1) != rules[type].carries_fd) {
		errno = EINVAL;
		return -1;
	}
	iov[0].iov_base = &word;
	iov[0].iov_len = sizeof(word);
	/* sendmsg only reads, but its struct cannot say so. */
	memcpy(&iov[1].iov_base, &body, sizeof(body));
	iov[1].iov_len = rules[type].size;
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	if (fd != -1) {
		memset(&space, 0, sizeof(space));
		msg.msg_control = space.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(fd));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

/* The first descriptor of a message, or -1; the others are closed. */
static int
take_fds(struct msghdr *msg, unsigned *count)
{
	const unsigned char *data;
	struct cmsghdr *c;
	size_t i, n;
	int fd, first = -1;

	*count = 0;
	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		data = CMSG_DATA(c);
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < n; i++) {
			memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
			if ((*count)++ == 0)
				first = fd;
			else
				(void)close(fd);
		}
	}
	return first;
}

static bool
acceptable(uint32_t type, size_t len, enum role from, enum role to,
    unsigned fds)
{
	const struct rule *r;

	if (type >= CTL_COUNT)
		return false;
	r = &rules[type];
	return len == r->size && may(r->from, from) && may(r->to, to) &&
	    fds == (r->carries_fd ? 1u : 0u);
}

/*
 * One recvmsg.  A message whose descriptor did not fit our own full table is
 * skipped as if it had been lost: that is not its sender's fault.
 */
static enum ctl_result
recv_one(int sock, enum role from, enum role to, enum ctl_type *type,
    union ctl_body *body, int *fd, bool *skipped)
{
	union fd_space space;
	struct iovec iov[2];
	struct msghdr msg;
	unsigned fds;
	uint32_t word = CTL_COUNT;
	ssize_t n;

	*skipped = false;
	*fd = -1;
	iov[0].iov_base = &word;
	iov[0].iov_len = sizeof(word);
	iov[1].iov_base = body;
	iov[1].iov_len = sizeof(*body);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	msg.msg_control = space.bytes;
	msg.msg_controllen = sizeof(space.bytes);
	do
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	/* A kernel short of memory is no other side that is gone. */
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == ENOBUFS || errno == ENOMEM ? CTL_NOTHING :
		    CTL_CLOSED;
	*fd = take_fds(&msg, &fds);
	if (n == 0 && fds == 0)
		return CTL_CLOSED;
	if (fds == 0 && (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) ==
	    MSG_CTRUNC && (size_t)n >= sizeof(word) &&
	    acceptable(word, (size_t)n - sizeof(word), from, to, 1)) {
		*skipped = true;
		return CTL_NOTHING;
	}
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    (size_t)n < sizeof(word) ||
	    !acceptable(word, (size_t)n - sizeof(word), from, to, fds)) {
		if (*fd != -1)
			(void)close(*fd);
		*fd = -1;
		return CTL_BAD;
	}
	*type = (enum ctl_type)word;
	return CTL_GOT;
}

enum ctl_result
ctl_recv(int sock, enum role from, enum role to, bool wait,
    enum ctl_type *type, union ctl_body *body, int *fd)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	enum ctl_result result;
	bool skipped;

	for (;;) {
		result = recv_one(sock, from, to, type, body, fd, &skipped);
		if (skipped)
			continue;
		if (result != CTL_NOTHING || !wait)
			return result;
		if (poll(&p, 1, -1) == -1 && errno != EINTR)
			return CTL_CLOSED;
	}
}

struct sandbox
ctl_sandbox(const struct ctl_start *start, unsigned caps)
{
	return (struct sandbox){
		.caps = caps,
		.drop = start->drop != 0,
		.uid = start->uid,
		.gid = start->gid,
		.empty_dir = start->empty_dir,
		.parent = start->parent,
		.strict = start->strict != 0,
	};
}
