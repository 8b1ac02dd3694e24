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
#include "options.h"
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
	struct stream_plan *s = &p->stream;
	const char *kind = "";
	const struct option_row rows[] = {
		{ 'H', OPTION_FLAG, &p->header, 0, 0 },
		{ 'N', OPTION_WHOLE, &s->size, 2, 65536 },
		{ 'P', OPTION_WHOLE, &p->pid, 1, 1e9 },
		{ 'R', OPTION_WHOLE, &s->rooms, 1, 1000 },
		{ 'b', OPTION_SIZE, &s->bytes, CROWD_BYTES_MIN,
		    CROWD_BYTES_MAX },
		{ 'd', OPTION_REAL, &p->seconds, 0.1, 86400 },
		{ 'e', OPTION_WHOLE, &s->entering, 1, 65536 },
		{ 'j', OPTION_FLAG, &p->json, 0, 0 },
		{ 'k', OPTION_TEXT, &kind, 0, 0 },
		{ 'l', OPTION_TEXT, &p->label, 0, 0 },
		{ 'p', OPTION_TEXT, &s->address, 0, 0 },
		{ 'r', OPTION_REAL, &p->rate, 0.01, 1e6 },
		{ 'v', OPTION_FLAG, &p->verify, 0, 0 },
		{ 'w', OPTION_WHOLE, &p->window, 1, STREAM_WINDOW_MAX },
	};

	options_take(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, usage);
	s->wire = peer_wire_find(kind);
	if (optind != argc || s->wire == NULL || p->pid == 0 ||
	    s->address == NULL)
		usage();
	if (s->bytes > s->wire->bytes_max)
		errx(64, "%s takes %zu bytes at most", s->wire->name,
		    s->wire->bytes_max);
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

static struct crowd_counts
settle(struct stream *s)
{
	const uint64_t delivered = stream_counts(s)->delivered;

	drain(s);
	return load_settled(stream_counts(s), delivered);
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
