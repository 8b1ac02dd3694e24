/* SPDX-License-Identifier: ISC */
/*
 * UDP sockets on Linux (see net.h).  ocmd prepares them, relayd sends bundles
 * over them and reads their error queues; the client receives bundles.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

/* After those of the C library, whose structs they would replace. */
#include <linux/errqueue.h>
#include <linux/icmp.h>

#include "net.h"

/* Of the kernel's interface; older C libraries do not name them. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
static_assert(CMSG_SPACE(sizeof(uint16_t)) <= NET_CONTROL, "fits");
static_assert(CMSG_SPACE(sizeof(int)) <= NET_CONTROL, "fits");

enum { ERRORS_SKIPPED = 256 };	/* of other kinds, in one call */

int
net_want_unreachable(int fd, int family)
{
	const int on = 1;

	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on,
		    sizeof(on));
	return setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
}

void
net_set_buffer(int fd, enum net_side side, uint32_t bytes)
{
	const int size = (int)bytes;

	if (setsockopt(fd, SOL_SOCKET, side == NET_SEND ? SO_SNDBUFFORCE :
	    SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, side == NET_SEND ?
		    SO_SNDBUF : SO_RCVBUF, &size, sizeof(size));
}

/* Twice that is the most it counts to. */
uint32_t
net_buffer_most(void)
{
	return INT32_MAX / 2;
}

/*
 * The kernel counts what it spends on a datagram, not only its bytes, and so
 * doubles what is asked for and says the double.
 */
uint32_t
net_buffer(int fd, enum net_side side)
{
	socklen_t len = sizeof(int);
	int got = 0;

	if (getsockopt(fd, SOL_SOCKET, side == NET_SEND ? SO_SNDBUF :
	    SO_RCVBUF, &got, &len) == -1 || got < 0)
		return 0;
	return (uint32_t)got / 2;
}

const char *
net_buffer_limit(enum net_side side)
{
	return side == NET_SEND ? "net.core.wmem_max (sysctl)" :
	    "net.core.rmem_max (sysctl)";
}

int
net_share_port(int fd)
{
	const int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

bool
net_can_share_port(void)
{
	return true;
}

static bool
is_port_unreachable(const struct cmsghdr *c)
{
	struct sock_extended_err e;

	if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
	    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
		return false;
	if (c->cmsg_len < CMSG_LEN(sizeof(e)))
		return false;
	memcpy(&e, CMSG_DATA(c), sizeof(e));
	if (e.ee_origin == SO_EE_ORIGIN_ICMP)
		return e.ee_type == ICMP_DEST_UNREACH &&
		    e.ee_code == ICMP_PORT_UNREACH;
	if (e.ee_origin == SO_EE_ORIGIN_ICMP6)
		return e.ee_type == ICMP6_DST_UNREACH &&
		    e.ee_code == ICMP6_DST_UNREACH_NOPORT;
	return false;
}

/* One entry of the queue: 1 it is one, 0 it is another kind, -1 no more. */
static int
next_error(int fd, struct addr *a)
{
	union {
		struct cmsghdr	 align;
		unsigned char	 bytes[512];
	} space;
	struct sockaddr_storage ss;
	struct iovec iov = { NULL, 0 };
	struct msghdr msg;
	struct cmsghdr *c;

	memset(&msg, 0, sizeof(msg));
	msg.msg_name = &ss;
	msg.msg_namelen = sizeof(ss);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = space.bytes;
	msg.msg_controllen = sizeof(space.bytes);
	if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
		return errno == EINTR ? 0 : -1;
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (is_port_unreachable(c))
			return addr_from_sockaddr(a, msg.msg_name,
			    msg.msg_namelen) == 0;
	return 0;
}

bool
net_next_unreachable(int fd, struct addr *a)
{
	int i, n;

	for (i = 0; i < ERRORS_SKIPPED; i++)
		if ((n = next_error(fd, a)) != 0)
			return n == 1;
	return false;
}

/* ---- where we are ---- */

/* The control message that says from which address to send. */
static void
set_source(struct msghdr *msg, const struct addr *a,
    const struct sockaddr_storage *ss)
{
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };
	struct cmsghdr *c = msg->msg_control;

	if (addr_is_v4(a)) {
		v4.ipi_spec_dst = ((const struct sockaddr_in *)ss)->sin_addr;
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v4));
		memcpy(CMSG_DATA(c), &v4, sizeof(v4));
	} else {
		memcpy(&v6.ipi6_addr, a->ip, sizeof(v6.ipi6_addr));
		v6.ipi6_ifindex = a->scope;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v6));
		memcpy(CMSG_DATA(c), &v6, sizeof(v6));
	}
	msg->msg_controllen = CMSG_ALIGN(c->cmsg_len);
}

/*
 * Only this machine's addresses can be a source.  This flag, which the kernel
 * calls MSG_PROBE, has it find the way for a datagram and then send none.
 */
bool
net_is_here(int fd, const struct addr *a)
{
	union {
		struct cmsghdr	 align;
		unsigned char	 bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} space;
	struct sockaddr_storage ss;
	struct msghdr msg;

	memset(&space, 0, sizeof(space));
	memset(&msg, 0, sizeof(msg));
	msg.msg_name = &ss;
	msg.msg_namelen = addr_to_sockaddr(a, addr_family(a), &ss);
	msg.msg_control = &space;
	set_source(&msg, a, &ss);
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_PROXY) != -1)
		return true;
	return errno != EINVAL && errno != ENETUNREACH &&
	    errno != EADDRNOTAVAIL && errno != ENODEV;
}

/* ---- bundles ---- */

bool
net_can_bundle(int fd)
{
	const int none = 0;

	return setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &none,
	    sizeof(none)) == 0;
}

void
net_bundle_make(struct net_control *c)
{
	struct cmsghdr h;

	memset(c, 0, sizeof(*c));
	memset(&h, 0, sizeof(h));
	h.cmsg_len = CMSG_LEN(sizeof(uint16_t));
	h.cmsg_level = IPPROTO_UDP;
	h.cmsg_type = UDP_SEGMENT;
	memcpy(c->bytes, &h, sizeof(h));
	c->len = CMSG_SPACE(sizeof(uint16_t));
}

void
net_bundle_size(struct net_control *c, uint16_t size)
{
	memcpy(c->bytes + CMSG_LEN(0), &size, sizeof(size));
}

bool
net_want_bundles(int fd)
{
	const int on = 1;

	return setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) == 0;
}

size_t
net_bundle_got(const struct msghdr *m)
{
	struct cmsghdr h;
	int size;

	/* Nothing else was asked for, so it is the first or none. */
	if (m->msg_controllen < CMSG_LEN(sizeof(size)))
		return 0;
	memcpy(&h, m->msg_control, sizeof(h));
	if (h.cmsg_level != IPPROTO_UDP || h.cmsg_type != UDP_GRO ||
	    h.cmsg_len < CMSG_LEN(sizeof(size)))
		return 0;
	memcpy(&size, (const char *)m->msg_control + CMSG_LEN(0),
	    sizeof(size));
	return size > 0 ? (size_t)size : 0;
}
