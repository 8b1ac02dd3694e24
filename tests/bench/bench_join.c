/* SPDX-License-Identifier: ISC */
/*
 * Creates rooms and joins them over TCP, at a rate or as fast as some
 * requests that are on their way at once allow, and times each from the
 * connection to the token.  In each room one creates and the others join.
 * Linux only (epoll).
 */
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "histogram.h"
#include "join.h"
#include "load.h"
#include "options.h"
#include "procs.h"

#define SECOND UINT64_C(1000000000)

enum { MOST = 256, EVENTS = 64 };

struct plan {
	const char	*ocmctl, *socket;
	unsigned	 size;		/* members of a room */
	unsigned	 rooms;		/* no more than so many */
	unsigned	 at_once;
	double		 rate;		/* 0: as fast as they go */
	double		 seconds;
	bool		 json;
};

struct request {
	int		 fd;
	bool		 create;
	unsigned	 room;
	uint64_t	 begin_ns;
	size_t		 have;
	uint8_t		 got[JOIN_ANSWER];
	struct request	*next;		/* where it is free */
};

struct bench {
	struct plan	 plan;
	struct procs	 procs;
	int		 epoll;
	struct request	 request[MOST], *free;
	unsigned	 under_way;
	uint64_t	 begun, done, failed;
	unsigned	 created;	/* rooms that are there */
	struct histogram latency[2];	/* join, create */
};

static void
usage(void)
{
	fprintf(stderr, "usage: bench_join -s socket [-c ocmctl] [-j] "
	    "[-N members] [-R rooms]\n"
	    "\t[-r rate | -w at-once] [-d seconds]\n");
	exit(64);
}

static void
parse(struct plan *p, int argc, char **argv)
{
	const struct option_row rows[] = {
		{ 'N', OPTION_WHOLE, &p->size, 2, 65536 },
		{ 'R', OPTION_WHOLE, &p->rooms, 1, 1e6 },
		{ 'c', OPTION_TEXT, &p->ocmctl, 0, 0 },
		{ 'd', OPTION_REAL, &p->seconds, 0.1, 86400 },
		{ 'j', OPTION_FLAG, &p->json, 0, 0 },
		{ 'r', OPTION_REAL, &p->rate, 0.01, 1e6 },
		{ 's', OPTION_TEXT, &p->socket, 0, 0 },
		{ 'w', OPTION_WHOLE, &p->at_once, 1, MOST },
	};

	options_take(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, usage);
	if (optind != argc || p->socket == NULL)
		usage();
}

static void
name_room(char out[JOIN_NAME], unsigned room)
{
	snprintf(out, JOIN_NAME, "join-%u", room);
}

/* Every so many is a create, the others join what is there already. */
static void
begin(struct bench *b, uint64_t begin_ns)
{
	struct request *r = b->free;
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = r };
	uint8_t ask[JOIN_REQUEST];
	char room[JOIN_NAME], name[JOIN_NAME];
	size_t len;

	b->free = r->next;
	b->under_way++;
	r->create = b->created == 0 || b->begun % b->plan.size == 0;
	r->room = (unsigned)(b->begun / b->plan.size);
	if (!r->create && r->room >= b->created)
		r->room = b->created - 1;
	r->begin_ns = begin_ns;
	r->have = 0;
	name_room(room, r->room);
	snprintf(name, sizeof(name), "m%" PRIu64, b->begun++);
	len = join_ask(ask, room, name, r->create);
	if ((r->fd = join_connect(b->procs.rooms, NULL)) == -1 ||
	    send(r->fd, ask, len, MSG_NOSIGNAL) != (ssize_t)len ||
	    epoll_ctl(b->epoll, EPOLL_CTL_ADD, r->fd, &ev) == -1)
		err(1, "request");
}

static void
finish(struct bench *b, struct request *r, bool good)
{
	if (good)
		histogram_add(&b->latency[r->create], crowd_now() -
		    r->begin_ns);
	if (good && r->create && r->room >= b->created)
		b->created = r->room + 1;
	b->done += good;
	b->failed += !good;
	close(r->fd);
	r->next = b->free;
	b->free = r;
	b->under_way--;
}

static void
take_answer(struct bench *b, struct request *r)
{
	const uint8_t *token;
	char room[JOIN_NAME];
	ssize_t n;
	int rv;

	n = recv(r->fd, r->got + r->have, sizeof(r->got) - r->have,
	    MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		finish(b, r, false);
		return;
	}
	r->have += (size_t)n;
	name_room(room, r->room);
	if ((rv = join_answer(r->got, r->have, room, r->create, &token)) != 0)
		finish(b, r, rv == 1);
}

static void
take_answers(struct bench *b, uint64_t wait_ns)
{
	struct epoll_event events[EVENTS];
	struct pollfd pfd = { .fd = b->epoll, .events = POLLIN };
	struct timespec ts = { .tv_sec = (time_t)(wait_ns / SECOND),
	    .tv_nsec = (long)(wait_ns % SECOND) };
	int i, n;

	if (wait_ns > 0 && ppoll(&pfd, 1, &ts, NULL) <= 0)
		return;
	n = epoll_wait(b->epoll, events, EVENTS, 0);
	for (i = 0; i < n; i++)
		take_answer(b, events[i].data.ptr);
}

static bool
full(const struct bench *b)
{
	return b->begun >= (uint64_t)b->plan.rooms * b->plan.size;
}

/* The first room must be there before anybody can join it. */
static bool
may_begin(const struct bench *b)
{
	return b->under_way < b->plan.at_once && !full(b) &&
	    (b->created > 0 || b->begun == 0);
}

static void
run(struct bench *b)
{
	const uint64_t start = crowd_now();
	const uint64_t end = start + (uint64_t)(b->plan.seconds *
	    (double)SECOND);
	const double gap = b->plan.rate > 0 ? (double)SECOND / b->plan.rate :
	    0;
	uint64_t now, due;

	while ((now = crowd_now()) < end && !(full(b) && b->under_way == 0)) {
		due = start + (uint64_t)((double)b->begun * gap);
		if (due <= now && may_begin(b)) {
			/* Timed from when it was due: late is late. */
			begin(b, gap > 0 ? due : now);
			take_answers(b, 0);
		} else {
			if (due <= now || due > end)
				due = end;
			take_answers(b, due - now);
		}
	}
}

static void
print_times(const struct bench *b, const char *what,
    const struct histogram *h)
{
	const double p50 = (double)histogram_at(h, 0.5) / 1e3;
	const double p99 = (double)histogram_at(h, 0.99) / 1e3;
	const char *join = *what == '\0' ? "" : "_";

	if (b->plan.json)
		printf(",\"%s%sp50\":%.1f,\"%s%sp99\":%.1f", what, join, p50,
		    what, join, p99);
	else
		printf("%s p50 %.1f us, p99 %.1f us\n", *what == '\0' ?
		    "join" : what, p50, p99);
}

static void
print(const struct bench *b, double seconds, double roomd, double self)
{
	const double n = (double)b->done;

	if (b->plan.json)
		printf("{\"rate\":%.0f,\"failed\":%" PRIu64 ",\"share\":%.3f,"
		    "\"self\":%.3f,\"per_core\":%.0f,\"rooms\":%u,"
		    "\"rss\":%" PRIu64, n / seconds, b->failed, roomd / seconds,
		    self / seconds, n / roomd, b->created,
		    procs_resident(&b->procs));
	else
		printf("%.0f/s, %" PRIu64 " failed, roomd's share of a core "
		    "%.2f, this one's %.2f\n%.0f per second of roomd's core, "
		    "%u rooms, %" PRIu64 " KiB resident\n", n / seconds,
		    b->failed, roomd / seconds, self / seconds, n / roomd,
		    b->created, procs_resident(&b->procs));
	print_times(b, "", &b->latency[0]);
	print_times(b, "create", &b->latency[1]);
	if (b->plan.json)
		printf("}\n");
}

int
main(int argc, char **argv)
{
	static struct bench b = { .plan = { .ocmctl = "build/ocmctl",
	    .size = 16, .rooms = 4000, .at_once = 32, .seconds = 3 } };
	struct load_cpu before, after;
	uint64_t start;
	unsigned i;

	parse(&b.plan, argc, argv);
	load_raise_files(MOST + 64);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	if (procs_find(&b.procs, b.plan.ocmctl, b.plan.socket) == -1)
		return 1;
	if ((b.epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	for (i = 0; i < MOST; i++) {
		b.request[i].next = b.free;
		b.free = &b.request[i];
	}
	before = load_cpu(&b.procs);
	start = crowd_now();
	run(&b);
	after = load_cpu(&b.procs);
	print(&b, (double)(crowd_now() - start) / (double)SECOND,
	    after.roomd - before.roomd, after.self - before.self);
	return b.failed > 0;
}
