/* SPDX-License-Identifier: ISC */
/*
 * Load generator for servers that fan messages out over TCP: Redis, IRC,
 * NATS and MQTT.  One talks in each room, the others listen, at a rate or as
 * fast as a closed window of messages allows; every delivery is checked,
 * counted and timed.  Prints a row like that of bench_relay, the server
 * standing under "relayd"; with -v the exit status says whether everything
 * arrived exactly once.  Linux only.
 */
#include <sys/types.h>
#include <sys/prctl.h>

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "procs.h"
#include "stream.h"

#define SECOND UINT64_C(1000000000)

enum { NAP_NS = 100000 };		/* between two looks */

struct plan {
	const char		*label;
	struct stream_plan	 stream;
	pid_t			 pid;		/* the server's process */
	double			 rate;		/* of each room; 0: window */
	unsigned		 window;	/* of each room */
	double			 seconds;
	bool			 verify, header, json;
};

static void
usage(void)
{
	fprintf(stderr, "usage: bench_stream -k redis|irc|nats|mqtt "
	    "-p address -P pid [-Hjv] [-l label]\n"
	    "\t[-R rooms] [-N people] [-e at-a-time] [-r rate | -w window] "
	    "[-b bytes]\n\t[-d seconds]\n");
	exit(64);
}

static void
parse(struct plan *p, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "HN:P:R:b:d:e:jk:l:p:r:vw:")) != -1)
		switch (ch) {
		case 'H':
			p->header = true;
			break;
		case 'N':
			p->stream.size = (unsigned)load_number(optarg, 2,
			    65536);
			break;
		case 'P':
			p->pid = (pid_t)load_number(optarg, 1, 1e9);
			break;
		case 'R':
			p->stream.rooms = (unsigned)load_number(optarg, 1,
			    1000);
			break;
		case 'b':
			p->stream.bytes = (size_t)load_number(optarg,
			    CROWD_BYTES_MIN, CROWD_BYTES_MAX);
			break;
		case 'd':
			p->seconds = load_number(optarg, 0.1, 86400);
			break;
		case 'e':
			p->stream.entering = (unsigned)load_number(optarg, 1,
			    65536);
			break;
		case 'j':
			p->json = true;
			break;
		case 'k':
			p->stream.wire = peer_wire_find(optarg);
			break;
		case 'l':
			p->label = optarg;
			break;
		case 'p':
			p->stream.address = optarg;
			break;
		case 'r':
			p->rate = load_number(optarg, 0.01, 1e6);
			break;
		case 'v':
			p->verify = true;
			break;
		case 'w':
			p->window = (unsigned)load_number(optarg, 1,
			    STREAM_WINDOW_MAX);
			break;
		default:
			usage();
		}
	if (optind != argc || p->stream.wire == NULL || p->pid == 0 ||
	    p->stream.address == NULL)
		usage();
	if (p->stream.bytes > p->stream.wire->bytes_max)
		errx(64, "%s takes %zu bytes at most", p->stream.wire->name,
		    p->stream.wire->bytes_max);
}

/* The rooms take turns, evenly spread over each period. */
static void
run_paced(const struct plan *p, struct stream *s)
{
	const unsigned rooms = p->stream.rooms;
	const double gap = (double)SECOND / (p->rate * rooms);
	const uint64_t begin = crowd_now();
	const uint64_t end = begin + (uint64_t)(p->seconds * (double)SECOND);
	uint64_t i = 0, due = begin, now;

	while ((now = crowd_now()) < end) {
		if (now >= due) {
			stream_say(s, (unsigned)(i++ % rooms));
			due = begin + (uint64_t)((double)i * gap);
		}
		if (due > end)
			due = end;
		now = crowd_now();
		(void)stream_hear(s, due > now ? due - now : 0);
	}
}

/*
 * Nobody waits for a saturated server: it is looked at after a nap, so that
 * waking this process is none of its work.
 */
static void
run_window(const struct plan *p, struct stream *s)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	uint64_t now = crowd_now(), last = now, seen = 0;
	const uint64_t end = now + (uint64_t)(p->seconds * (double)SECOND);

	for (; now < end; now = crowd_now()) {
		stream_fill(s, p->window);
		if (!stream_hear(s, 0))
			(void)nanosleep(&nap, NULL);
		if (stream_counts(s)->delivered != seen) {
			seen = stream_counts(s)->delivered;
			last = now;
		} else if (now - last > SECOND) {
			stream_give_up(s);
			last = now;
		}
	}
}

/* Waits for what is on its way, until nothing has come for a while. */
static void
drain(struct stream *s)
{
	uint64_t last = crowd_now(), seen = stream_counts(s)->delivered;

	while (stream_in_flight(s) > 0 && crowd_now() - last < SECOND) {
		(void)stream_hear(s, SECOND / 10);
		if (stream_counts(s)->delivered != seen) {
			seen = stream_counts(s)->delivered;
			last = crowd_now();
		}
	}
}

/*
 * The rate is that of the run; of what was still on its way then is only
 * known whether it came.
 */
static struct crowd_counts
settle(struct stream *s)
{
	const uint64_t delivered = stream_counts(s)->delivered;
	struct crowd_counts n;

	drain(s);
	n = *stream_counts(s);
	n.expected -= n.delivered - delivered;
	n.delivered = delivered;
	return n;
}

static bool
measure(const struct plan *p, struct stream *s, const struct procs *ps)
{
	struct crowd_counts counts;
	const struct load load = { &counts, stream_latency(s) };
	struct load_row row = { .label = p->label, .load = &load,
	    .procs = ps };
	uint64_t begin;

	stream_reset(s);
	row.before = load_cpu(ps);
	begin = crowd_now();
	if (p->rate > 0)
		run_paced(p, s);
	else
		run_window(p, s);
	row.after = load_cpu(ps);
	row.seconds = (double)(crowd_now() - begin) / (double)SECOND;
	counts = settle(s);
	if (p->header)
		load_print_header();
	if (p->json) {
		printf("{");
		load_print_json(&row);
		printf("}\n");
	} else
		load_print(&row);
	return load_good(&load);
}

int
main(int argc, char **argv)
{
	struct plan p = { .label = "", .window = 64, .seconds = 5,
	    .stream = { .rooms = 1, .size = 10, .entering = 32,
	    .bytes = 100 } };
	struct procs ps;
	struct stream *s;
	bool good;

	parse(&p, argc, argv);
	load_raise_files((uint64_t)p.stream.rooms * p.stream.size + 64);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	procs_one(&ps, "relayd", p.pid);
	if ((s = stream_open(&p.stream)) == NULL)
		return 1;
	good = measure(&p, s, &ps);
	stream_close(s);
	return p.verify && !good ? 1 : 0;
}
