/* SPDX-License-Identifier: ISC */
/*
 * Load generator for a running server: members talk in rooms at a rate, or
 * as fast as a closed window of messages allows, and every delivery is
 * checked, counted and timed.  One table row per run; with -v the exit
 * status says whether everything arrived exactly once.  Linux only (epoll).
 */
#include <sys/types.h>
#include <sys/resource.h>

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "procs.h"

#define SECOND UINT64_C(1000000000)

struct plan {
	const char	*ocmctl, *socket, *label;
	unsigned	 rooms, size;
	double		 rate;		/* of each room per second; 0: window */
	unsigned	 window;	/* messages in flight */
	size_t		 bytes;
	double		 seconds;
	bool		 mixed, bundles, verify, header;
	const char	*peer;		/* another relay of the lobby's kind */
	pid_t		 pid;		/* its process */
};

struct cpu {
	double	relayd, roomd, ocmd, self;
};

static void
usage(void)
{
	fprintf(stderr, "usage: bench_relay -s socket [-c ocmctl] [-Hv] "
	    "[-l label]\n"
	    "\t[-R rooms] [-N members] [-r rate | -w window] [-b bytes] "
	    "[-d seconds] [-gm]\n"
	    "       bench_relay -p address -P pid [...]  (speaks as in the "
	    "lobby)\n");
	exit(64);
}

static double
number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max))
		errx(64, "%s: not between %g and %g", text, min, max);
	return value;
}

static void
parse(struct plan *p, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "HP:R:N:b:c:d:gl:mp:r:s:vw:")) != -1)
		switch (ch) {
		case 'H':
			p->header = true;
			break;
		case 'R':
			p->rooms = (unsigned)number(optarg, 1, 100000);
			break;
		case 'N':
			p->size = (unsigned)number(optarg, 2, 65536);
			break;
		case 'P':
			p->pid = (pid_t)number(optarg, 1, 1e9);
			break;
		case 'g':
			p->bundles = true;
			break;
		case 'm':
			p->mixed = true;
			break;
		case 'p':
			p->peer = optarg;
			break;
		case 'b':
			p->bytes = (size_t)number(optarg, CROWD_BYTES_MIN,
			    CROWD_BYTES_MAX);
			break;
		case 'c':
			p->ocmctl = optarg;
			break;
		case 'd':
			p->seconds = number(optarg, 0.1, 86400);
			break;
		case 'l':
			p->label = optarg;
			break;
		case 'r':
			p->rate = number(optarg, 0.01, 1e6);
			break;
		case 's':
			p->socket = optarg;
			break;
		case 'v':
			p->verify = true;
			break;
		case 'w':
			p->window = (unsigned)number(optarg, 1, 4096);
			break;
		default:
			usage();
		}
	if (optind != argc || (p->socket == NULL && p->peer == NULL))
		usage();
}

/* Each member has a socket of its own. */
static void
raise_files(const struct plan *p)
{
	rlim_t want = (rlim_t)p->rooms * p->size + 64;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	if (rl.rlim_cur >= want)
		return;
	rl.rlim_cur = want;
	if (rl.rlim_max < want)
		rl.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "%ju descriptors", (uintmax_t)want);
}

/* Waits for what is on its way, until nothing has come for so long. */
static void
drain(struct crowd *c, uint64_t quiet_ns)
{
	uint64_t last = crowd_now(), seen = crowd_counts(c)->delivered;

	while (crowd_in_flight(c) > 0 && crowd_now() - last < quiet_ns) {
		crowd_hear(c, quiet_ns / 10);
		if (crowd_counts(c)->delivered != seen) {
			seen = crowd_counts(c)->delivered;
			last = crowd_now();
		}
	}
}

/* The rooms take turns, evenly spread over each period. */
static void
run_paced(const struct plan *p, struct crowd *c)
{
	uint64_t begin = crowd_now(), i, due, now, total;
	double gap = (double)SECOND / (p->rate * p->rooms);

	total = (uint64_t)(p->seconds * p->rate * p->rooms + 0.5);
	for (i = 0; i < total; i++) {
		due = begin + (uint64_t)((double)i * gap);
		crowd_hear(c, 0);
		while ((now = crowd_now()) < due)
			crowd_hear(c, due - now);
		crowd_say(c, (unsigned)(i % p->rooms));
	}
}

/* As many messages in flight as the window has, round after round. */
static void
run_window(const struct plan *p, struct crowd *c)
{
	uint64_t end = crowd_now() + (uint64_t)(p->seconds * (double)SECOND);
	uint64_t last = crowd_now(), seen = 0;
	unsigned room = 0;

	while (crowd_now() < end) {
		while (crowd_in_flight(c) < p->window) {
			crowd_say(c, room);
			room = (room + 1) % p->rooms;
		}
		crowd_hear(c, SECOND / 100);
		if (crowd_counts(c)->delivered != seen) {
			seen = crowd_counts(c)->delivered;
			last = crowd_now();
		} else if (crowd_now() - last > SECOND / 20) {
			crowd_give_up(c);
			last = crowd_now();
		}
	}
}

static struct cpu
cpu_now(const struct procs *ps)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (struct cpu){
		.relayd = procs_cpu(ps, "relayd"),
		.roomd = procs_cpu(ps, "roomd"),
		.ocmd = procs_cpu(ps, "ocmd"),
		.self = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
	};
}

static void
print_header(void)
{
	printf("%-22s %9s %8s %10s %6s %4s %4s %6s %7s %7s %7s %7s %7s %6s "
	    "%6s %6s %9s %8s\n", "run", "deliv/s", "sent", "delivered",
	    "lost", "dup", "own", "wrong", "p50 us", "p90 us", "p99 us",
	    "p999 us", "max us", "relayd", "roomd", "ocmd", "s/Mdeliv",
	    "RSS KiB");
}

static void
print_row(const struct plan *p, const struct crowd *c,
    const struct procs *ps, double seconds, const struct cpu *a,
    const struct cpu *b)
{
	const struct crowd_counts *n = crowd_counts(c);
	const struct histogram *h = crowd_latency(c);
	double relayd = b->relayd - a->relayd;

	printf("%-22s %9.0f %8" PRIu64 " %10" PRIu64 " %6" PRIu64 " %4" PRIu64
	    " %4" PRIu64 " %6" PRIu64, p->label,
	    (double)n->delivered / seconds, n->sent, n->delivered,
	    n->expected - n->delivered, n->duplicates, n->own,
	    n->wrong + n->wrong_room);
	printf(" %7.0f %7.0f %7.0f %7.0f %7.0f",
	    (double)histogram_at(h, 0.5) / 1e3,
	    (double)histogram_at(h, 0.9) / 1e3,
	    (double)histogram_at(h, 0.99) / 1e3,
	    (double)histogram_at(h, 0.999) / 1e3, (double)h->max / 1e3);
	printf(" %5.1f%% %5.1f%% %5.1f%% %9.3f %8" PRIu64 "\n",
	    100 * relayd / seconds, 100 * (b->roomd - a->roomd) / seconds,
	    100 * (b->ocmd - a->ocmd) / seconds,
	    n->delivered > 0 ? relayd * 1e6 / (double)n->delivered : 0.0,
	    procs_resident(ps));
	if (b->self - a->self > 0.9 * seconds)
		printf("%-22s (this program used %.0f %% of its core: the "
		    "rate is its own limit)\n", "",
		    100 * (b->self - a->self) / seconds);
}

static bool
all_right(const struct crowd_counts *n)
{
	return n->sent > 0 && n->delivered == n->expected &&
	    n->duplicates + n->own + n->wrong + n->wrong_room +
	    n->unsent == 0;
}

int
main(int argc, char **argv)
{
	struct plan p = { .ocmctl = "build/ocmctl", .label = "", .rooms = 1,
	    .size = 10, .window = 16, .bytes = 100, .seconds = 5 };
	struct cpu before, after;
	struct crowd_plan cp;
	struct procs ps;
	struct crowd *c;
	uint64_t begin, end;
	bool good;

	parse(&p, argc, argv);
	raise_files(&p);
	if (p.peer != NULL)
		procs_one(&ps, "relayd", p.pid);
	else if (procs_find(&ps, p.ocmctl, p.socket) == -1)
		return 1;
	cp = (struct crowd_plan){ .rooms_addr = ps.rooms,
	    .relay_addr = p.peer != NULL ? p.peer : ps.relay,
	    .lobby = p.peer != NULL, .rooms = p.rooms, .size = p.size,
	    .bytes = p.bytes, .mixed = p.mixed, .bundles = p.bundles };
	if ((c = crowd_open(&cp)) == NULL)
		return 1;
	crowd_reset(c);
	before = cpu_now(&ps);
	begin = crowd_now();
	if (p.rate > 0)
		run_paced(&p, c);
	else
		run_window(&p, c);
	end = crowd_now();
	after = cpu_now(&ps);
	drain(c, SECOND);
	if (p.header)
		print_header();
	print_row(&p, c, &ps, (double)(end - begin) / (double)SECOND, &before,
	    &after);
	good = all_right(crowd_counts(c));
	crowd_close(c);
	return p.verify && !good ? 1 : 0;
}
