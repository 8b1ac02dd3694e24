/* SPDX-License-Identifier: ISC */
/*
 * A flood: the same datagrams to one address, as many as one core can send,
 * until standard input ends.  Called by test_attack.py.  Linux only.
 *
 * usage: flood [-b] [-h HOST] [-p PORT | -s FD] ADDRESS HEX...
 *	-b	in bundles, which the kernel takes apart: far more at a time
 *	-h, -p	where it sends from
 *	-s	the socket of a member: what it hears is no answer
 *
 * Says "flooding", and at the end how many it sent and in how many seconds.
 * Exit status 9 if anybody answered.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

enum {
	BATCH = 256,			/* or one of each kind */
	KINDS = 4096,
	ANSWERED = 9,
};

struct kind {
	uint8_t		*bytes;		/* of one datagram, or a bundle */
	size_t		 len, pieces;
	struct net_control control;
};

static struct kind kind[KINDS];
static unsigned kinds, batches;
static struct mmsghdr batch[KINDS];
static struct iovec iov[KINDS];

static struct sockaddr_in
address(const char *host, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		errx(1, "%s: not an address", host);
	sin.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	return sin;
}

static int
open_socket(const char *host, const char *port, int fd, char *to)
{
	struct sockaddr_in here = address(host, port), there;
	char *colon = strchr(to, ':');

	if (colon == NULL)
		errx(1, "%s: no port", to);
	*colon = '\0';
	there = address(to, colon + 1);
	if ((fd == -1 && ((fd = socket(AF_INET, SOCK_DGRAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) == -1)) ||
	    connect(fd, (struct sockaddr *)&there, sizeof(there)) == -1)
		err(1, "%s", to);
	return fd;
}

/* Datagrams of no byte, or very long ones, go singly in any case. */
static void
add_kind(const char *hex, bool bundle)
{
	struct kind *k = &kind[kinds];
	const size_t len = strlen(hex) / 2;
	unsigned byte;
	size_t i;

	k->pieces = 1;
	if (bundle && len > 0 && len <= NET_BUNDLE_BYTES / 2) {
		k->pieces = NET_BUNDLE_BYTES / len;
		if (k->pieces > NET_BUNDLE_PIECES)
			k->pieces = NET_BUNDLE_PIECES;
	}
	k->len = len * k->pieces;
	if ((k->bytes = malloc(k->len + 1)) == NULL)
		err(1, NULL);
	for (i = 0; i < len; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			errx(1, "%s: not hexadecimal", hex);
		k->bytes[i] = (uint8_t)byte;
	}
	for (i = 1; i < k->pieces; i++)
		memcpy(k->bytes + i * len, k->bytes, len);
	net_bundle_make(&k->control);
	net_bundle_size(&k->control, (uint16_t)len);
	iov[kinds].iov_base = k->bytes;
	iov[kinds].iov_len = k->len;
	kinds++;
}

static void
make_batch(void)
{
	struct msghdr *m;
	unsigned i;

	batches = kinds > BATCH ? kinds : BATCH;
	for (i = 0; i < batches; i++) {
		m = &batch[i].msg_hdr;
		m->msg_iov = &iov[i % kinds];
		m->msg_iovlen = 1;
		if (kind[i % kinds].pieces > 1) {
			m->msg_control = kind[i % kinds].control.bytes;
			m->msg_controllen = kind[i % kinds].control.len;
		}
	}
}

static bool
answered(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) != -1;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* How many datagrams one batch was; the kernel may take less of it. */
static uint64_t
send_batch(int fd)
{
	static unsigned at;
	uint64_t sent = 0;
	int i, n;

	if ((n = sendmmsg(fd, batch + at, batches - at, 0)) == -1) {
		if (errno != ECONNREFUSED && errno != ENOBUFS &&
		    errno != EAGAIN)
			err(1, "sendmmsg");
		return 0;
	}
	for (i = 0; i < n; i++)
		sent += kind[(at + (unsigned)i) % kinds].pieces;
	at = (at + (unsigned)n) % batches;
	return sent;
}

int
main(int argc, char *argv[])
{
	const char *host = "127.0.0.1", *port = "0";
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t sent = 0;
	bool bundle = false;
	double begin;
	int c, fd, member = -1;

	while ((c = getopt(argc, argv, "bh:p:s:")) != -1) {
		if (c == 'b')
			bundle = true;
		else if (c == 'h')
			host = optarg;
		else if (c == 'p')
			port = optarg;
		else if (c == 's')
			member = atoi(optarg);
		else
			errx(1, "usage: flood [-b] [-h HOST] "
			    "[-p PORT | -s FD] ADDRESS HEX...");
	}
	argv += optind;
	if (argc - optind < 2 || argc - optind > KINDS + 1)
		errx(1, "one address, and 1 to %d datagrams", KINDS);
	fd = open_socket(host, port, member, *argv++);
	for (; *argv != NULL; argv++)
		add_kind(*argv, bundle);
	make_batch();
	puts("flooding");
	fflush(stdout);
	begin = now();
	do {
		sent += send_batch(fd);
		if (answered(fd) && member == -1)
			return ANSWERED;
	} while (poll(&in, 1, 0) == 0);
	printf("%" PRIu64 " %f\n", sent, now() - begin);
	return 0;
}
