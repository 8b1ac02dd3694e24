/* SPDX-License-Identifier: ISC */
/*
 * A room that talks, and tells what was lost and how late the rest was.
 * Called by test_attack.py.  Linux only.
 *
 * usage: talkers ADDRESS RATE HEX...
 *	ADDRESS	of the relay
 *	HEX	for each member, what precedes its messages: R, T, room, token;
 *		the first one is called m0, the next one m1
 *
 * Says "ready" when everybody hears everybody.  Then each line of standard
 * input is a number of messages to be said, RATE a second, each by the next
 * member, and answered by one line of figures.
 *
 * A delay is from just before the call that sends until the kernel has the
 * copy for its receiver (SO_TIMESTAMPNS): what the server and the kernel take,
 * wherever the processor was when this program wanted it.  The copies are
 * read only afterwards, so that listening takes nothing from the server.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

enum {
	MEMBERS_MAX = 1000,
	/* They wait in a receiver's buffer: 1 KiB each, of 400 at least. */
	MESSAGES_MAX = 400,
	MEET_ROUNDS = 50,
	PATIENCE_NS = 500000000,	/* after the last message */
	TEXT = 16,			/* digits of a number */
	PREFIX = 2 + 32 + 32,
	RECEIVE_BUFFER = 1 << 20,
};

struct member {
	int		 udp;		/* connected to the relay */
	size_t		 prefix_len;
	uint8_t		 prefix[PREFIX];
};

struct talk {
	unsigned	 size;
	unsigned	 rate;
	struct member	 member[MEMBERS_MAX];
	uint64_t	 first;		/* number of this turn's first */
	unsigned	 count;		/* messages of this turn */
	int64_t		 sent_ns[MESSAGES_MAX];
	bool		 heard[MEMBERS_MAX][MESSAGES_MAX];
	int64_t		*delay;		/* of each copy */
	unsigned	 delays, duplicates, wrong, unsent;
};

static int64_t
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
send_text(struct member *m, char *text, size_t len)
{
	struct iovec iov[2] = { { m->prefix, m->prefix_len }, { text, len } };

	return writev(m->udp, iov, 2) == -1 ? -1 : 0;
}

static void
say(struct talk *t, unsigned i)
{
	const uint64_t number = t->first + i;
	char text[TEXT + 1];

	snprintf(text, sizeof(text), "%016" PRIu64, number);
	t->sent_ns[i] = now(CLOCK_REALTIME);
	if (send_text(&t->member[number % t->size], text, TEXT) == -1)
		t->unsent++;
}

/* When the kernel had it, or -1. */
static int64_t
stamp_of(struct msghdr *m)
{
	struct cmsghdr *c;
	struct timespec ts;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET ||
		    c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	}
	return -1;
}

/* "m7: 0000000000000042", from the seventh to everybody else. */
static void
judge(struct talk *t, unsigned who, const char *p, int64_t stamp)
{
	const char *colon = strchr(p, ':');
	char good[64];
	uint64_t number;
	unsigned i;

	number = colon == NULL ? 0 : strtoull(colon + 1, NULL, 10);
	if (colon != NULL && number < t->first)
		return;				/* late, of an earlier turn */
	snprintf(good, sizeof(good), "m%u: %016" PRIu64,
	    (unsigned)(number % t->size), number);
	i = (unsigned)(number - t->first);
	if (strcmp(p, good) != 0 || number >= t->first + t->count ||
	    number % t->size == who || stamp == -1) {
		t->wrong++;
		return;
	}
	if (t->heard[who][i]) {
		t->duplicates++;
		return;
	}
	t->heard[who][i] = true;
	t->delay[t->delays++] = stamp - t->sent_ns[i];
}

/* False when nothing is there. */
static bool
hear(struct talk *t, unsigned who)
{
	union {
		struct cmsghdr	align;
		char		bytes[256];
	} control;
	char buf[256];
	struct iovec iov = { buf, sizeof(buf) - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	n = recvmsg(t->member[who].udp, &m, MSG_DONTWAIT);
	if (n == -1)
		return errno == ECONNREFUSED;
	buf[n] = '\0';
	judge(t, who, buf, stamp_of(&m));
	return true;
}

/* How many others say something in this turn. */
static unsigned
due_to(const struct talk *t, unsigned who)
{
	unsigned i, due = 0;

	for (i = 0; i < t->count; i++)
		due += (t->first + i) % t->size != who;
	return due;
}

/* Everything that was said, or what has come by then. */
static void
hear_all(struct talk *t, int64_t end)
{
	unsigned who, due, before;
	struct pollfd pfd = { .events = POLLIN };
	int64_t left;

	for (who = 0; who < t->size; who++) {
		due = due_to(t, who);
		before = t->delays;
		pfd.fd = t->member[who].udp;
		for (;;) {
			while (hear(t, who))
				;
			left = end - now(CLOCK_MONOTONIC);
			if (t->delays - before >= due || left <= 0)
				break;
			(void)poll(&pfd, 1, (int)(left / 1000000) + 1);
		}
	}
}

/* One turn: that many messages. */
static void
talk(struct talk *t, unsigned count)
{
	const int64_t begin = now(CLOCK_MONOTONIC);
	struct timespec at;
	int64_t next;
	unsigned i;

	t->first += t->count;
	t->count = count;
	t->delays = t->duplicates = t->wrong = t->unsent = 0;
	memset(t->heard, 0, sizeof(t->heard));
	for (i = 0; i < count; i++) {
		next = begin + (int64_t)i * 1000000000 / t->rate;
		at.tv_sec = (time_t)(next / 1000000000);
		at.tv_nsec = (long)(next % 1000000000);
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at,
		    NULL) == EINTR)
			;
		say(t, i);
	}
	hear_all(t, now(CLOCK_MONOTONIC) + PATIENCE_NS);
}

static int
by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double
percentile(const struct talk *t, unsigned percent)
{
	uint64_t i;

	if (t->delays == 0)
		return 0;
	i = (uint64_t)(t->delays - 1) * percent / 100;
	return (double)t->delay[i] / 1e6;
}

static void
tell(struct talk *t)
{
	qsort(t->delay, t->delays, sizeof(*t->delay), by_value);
	printf("{\"expected\": %u, \"heard\": %u, \"duplicates\": %u, "
	    "\"wrong\": %u, \"unsent\": %u, \"p50_ms\": %.3f, "
	    "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	    t->count * (t->size - 1), t->delays, t->duplicates, t->wrong,
	    t->unsent, percentile(t, 50), percentile(t, 99),
	    percentile(t, 100));
	fflush(stdout);
}

/* The relay learns everybody's port. */
static void
meet(struct talk *t)
{
	unsigned i, round;

	for (round = 0; round < MEET_ROUNDS; round++) {
		for (i = 0; i < t->size; i++)
			(void)send_text(&t->member[i], NULL, 0);
		t->rate = 1000;
		talk(t, 2);
		if (t->delays == t->count * (t->size - 1))
			return;
	}
	errx(1, "not everybody hears everybody");
}

static struct sockaddr_in
address(char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char *colon = strchr(text, ':');

	if (colon != NULL)
		*colon = '\0';
	if (colon == NULL || inet_pton(AF_INET, text, &sin.sin_addr) != 1)
		errx(1, "%s: not an address and port", text);
	sin.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return sin;
}

static void
open_member(struct member *m, const struct sockaddr_in *relay,
    const char *hex)
{
	const int on = 1, size = RECEIVE_BUFFER;
	unsigned byte;

	for (; hex[0] != '\0' && m->prefix_len < PREFIX; hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1)
			errx(1, "%s: not hexadecimal", hex);
		m->prefix[m->prefix_len++] = (uint8_t)byte;
	}
	if ((m->udp = socket(AF_INET, SOCK_DGRAM, 0)) == -1 ||
	    connect(m->udp, (const struct sockaddr *)relay,
	    sizeof(*relay)) == -1 ||
	    setsockopt(m->udp, SOL_SOCKET, SO_RCVBUF, &size,
	    sizeof(size)) == -1 ||
	    setsockopt(m->udp, SOL_SOCKET, SO_TIMESTAMPNS, &on,
	    sizeof(on)) == -1)
		err(1, "socket");
}

int
main(int argc, char *argv[])
{
	static struct talk t;
	struct sockaddr_in relay;
	char line[32];
	unsigned i, rate;

	if (argc < 5 || argc - 3 > MEMBERS_MAX)
		errx(1, "usage: talkers ADDRESS RATE HEX...");
	relay = address(argv[1]);
	if ((rate = (unsigned)strtoul(argv[2], NULL, 10)) == 0)
		errx(1, "they are to say something");
	t.size = (unsigned)argc - 3;
	t.delay = calloc((size_t)MESSAGES_MAX * t.size, sizeof(*t.delay));
	if (t.delay == NULL)
		err(1, NULL);
	for (i = 0; i < t.size; i++)
		open_member(&t.member[i], &relay, argv[3 + i]);
	meet(&t);
	t.rate = rate;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		i = (unsigned)strtoul(line, NULL, 10);
		if (i == 0 || i > MESSAGES_MAX)
			errx(1, "1 to %d messages", MESSAGES_MAX);
		talk(&t, i);
		tell(&t);
	}
	return 0;
}
