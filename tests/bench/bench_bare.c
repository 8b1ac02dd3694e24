/* SPDX-License-Identifier: ISC */
/*
 * What the kernel can do, to compare a relay with: a loop that does nothing
 * but send to N receivers, k datagrams in one piece, while another process
 * drains them; and a relay that checks nothing and knows one room, for
 * bench_relay -p.  Linux only.
 */
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

enum { MOST = 65536, BATCH = 64, BUFFER = 65536, QUEUE = 4 << 20 };

static struct sockaddr_in at[MOST];
static struct mmsghdr out[MOST], in[BATCH];
static struct sockaddr_in from[BATCH];
static struct iovec out_iov, in_iov[BATCH];
static struct net_control control;
static char bytes[BATCH][BUFFER], packed[BATCH * 1500];
static int fds[MOST];

static void
prepare(int i)
{
	out[i].msg_hdr.msg_name = &at[i];
	out[i].msg_hdr.msg_namelen = sizeof(at[i]);
	out[i].msg_hdr.msg_iov = &out_iov;
	out[i].msg_hdr.msg_iovlen = 1;
	out[i].msg_hdr.msg_control = control.bytes;
	out[i].msg_hdr.msg_controllen = control.len;
}

static int
udp(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = QUEUE;
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)a, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)a, &len) == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/* One piece of k datagrams to receivers from..to-1. */
static unsigned long
send_all(int fd, char *p, size_t len, unsigned k, int from_i, int to)
{
	unsigned long sent = 0;
	int n;

	out_iov.iov_base = p;
	out_iov.iov_len = len * k;
	net_bundle_size(&control, (uint16_t)(k > 1 ? len : 0));
	for (; from_i < to; from_i += n) {
		n = sendmmsg(fd, out + from_i, (unsigned)(to - from_i < 1024 ?
		    to - from_i : 1024), MSG_DONTWAIT);
		if (n <= 0)
			n = 1;
		else
			sent += (unsigned long)n * k;
	}
	return sent;
}

static double
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the loop ---- */

/* Takes whatever comes until its parent is gone. */
static void
drain(int n)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[256];
	int ep = epoll_create1(0), i, k;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < n; i++) {
		ev.data.fd = fds[i];
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
	}
	for (;;) {
		k = epoll_wait(ep, got, 256, -1);
		for (i = 0; i < k; i++)
			(void)recvmmsg(got[i].data.fd, in, BATCH,
			    MSG_DONTWAIT, NULL);
	}
}

static void
loop(int n, size_t len, unsigned k, double seconds, int gro)
{
	struct sockaddr_in self;
	double begin, cpu;
	unsigned long sent = 0;
	int i, fd = udp(&self);
	pid_t child;

	for (i = 0; i < n; i++) {
		fds[i] = udp(&at[i]);
		if (gro)
			(void)net_want_bundles(fds[i]);
		prepare(i);
	}
	if ((child = fork()) == 0)
		drain(n);
	begin = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	while (now(CLOCK_MONOTONIC) < begin + seconds)
		sent += send_all(fd, packed, len, k, 0, n);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	begin = now(CLOCK_MONOTONIC) - begin;
	(void)kill(child, SIGKILL);
	printf("%-22s %9.0f deliv/s %9.3f s/Mdeliv\n",
	    gro ? "loop, GRO" : "loop", (double)sent / begin,
	    cpu * 1e6 / (double)sent);
}

/* ---- the relay ---- */

static int
find(const struct sockaddr_in *a, int *n)
{
	static int by_port[65536];	/* + 1; all are on loopback */
	int *i = &by_port[a->sin_port];

	if (*i == 0) {
		at[*n] = *a;
		prepare(*n);
		*i = ++*n;
	}
	return *i - 1;
}

static void
relay(unsigned most)
{
	struct sockaddr_in self;
	int n = 0, i, j, got, who, fd = udp(&self);
	unsigned k;
	size_t len, user;

	printf("127.0.0.1:%u %ld\n", ntohs(self.sin_port), (long)getpid());
	(void)fflush(stdout);
	for (;;) {
		for (i = 0; i < BATCH; i++)
			in[i].msg_hdr.msg_namelen = sizeof(from[i]);
		got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
		for (i = 0; i < got; i = j) {
			who = find(&from[i], &n);
			len = in[i].msg_len;
			user = (size_t)(unsigned char)bytes[i][0];
			j = i + 1;
			if (len <= 1 + user)
				continue;
			if (most == 1 || len > 1500) {
				(void)send_all(fd, bytes[i], len, 1, 0, who);
				(void)send_all(fd, bytes[i], len, 1, who + 1,
				    n);
				continue;
			}
			memcpy(packed, bytes[i], len);
			for (k = 1; j < got && k < most &&
			    in[j].msg_len == len; j++, k++)
				memcpy(packed + k * len, bytes[j], len);
			(void)send_all(fd, packed, len, k, 0, n);
		}
	}
}

int
main(int argc, char **argv)
{
	int ch, n = 1000, i, gro = 0;
	double seconds = 3;
	size_t len = 200;
	struct rlimit rl;
	unsigned k = 1;

	while ((ch = getopt(argc, argv, "N:b:d:gk:")) != -1)
		switch (ch) {
		case 'N': n = atoi(optarg); break;
		case 'b': len = (size_t)atol(optarg); break;
		case 'd': seconds = atof(optarg); break;
		case 'g': gro = 1; break;
		case 'k': k = (unsigned)atol(optarg); break;
		default: n = 0;
		}
	if (optind != argc - 1 || n < 1 || n > MOST || len < 1 ||
	    len > 1500 || k < 1 || k > NET_BUNDLE_PIECES ||
	    k * len > NET_BUNDLE_BYTES || seconds <= 0)
		errx(64, "usage: bench_bare [-k pieces] relay\n"
		    "       bench_bare [-g] [-k pieces] [-N receivers] "
		    "[-b bytes] [-d seconds] loop");
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	net_bundle_make(&control);
	for (i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ bytes[i], BUFFER };
		in[i].msg_hdr.msg_iov = &in_iov[i];
		in[i].msg_hdr.msg_iovlen = 1;
		in[i].msg_hdr.msg_name = &from[i];
	}
	if (strcmp(argv[optind], "loop") == 0)
		loop(n, len, k, seconds, gro);
	else
		relay(k);
	return 0;
}
