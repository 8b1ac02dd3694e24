/* SPDX-License-Identifier: ISC */
/*
 * Load generator for a running server: members talk in rooms at a rate, or
 * as fast as a closed window of messages allows, and every delivery is
 * checked, counted and timed.  One table row per run; with -v the exit
 * status says whether everything arrived exactly once.  Linux only.
 */
#include <sys/types.h>
#include <sys/prctl.h>

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "load.h"
#include "options.h"
#include "procs.h"

#define SECOND UINT64_C(1000000000)

enum {
	NAP_NS = 100000,		/* between two looks */
	BURST = 8,			/* late messages said at once */
	REMEMBERED_S = 8,		/* of an open rate */
	QUIET_MEMBERS = 10,
	QUIET_BYTES = 100,
};
#define STALL_NS (SECOND / 2)		/* nothing at all comes */
#define PATIENCE_NS (15 * SECOND)	/* with one message */
/* A server less busy than this was not saturated. */
#define BUSY 0.9

struct plan {
	const char	*ocmctl, *socket, *label;
	struct crowd_plan crowd;
	unsigned	 talking;	/* rooms; 0: all */
	double		 rate;		/* of each room per second; 0: window */
	double		 quiet;		/* of one more room */
	unsigned	 window;	/* messages of a room in flight */
	double		 seconds;
	bool		 verify, header, json;
	const char	*peer;		/* another relay */
	const char	*peer_rooms;	/* where one joins its rooms */
	pid_t		 pid;		/* its process */
};

/* What was measured. */
struct result {
	struct load_row	row;
	struct crowd_counts counts, quiet;
	struct procs_relayed before, after;
	double	wanted;			/* seconds that relayd ran or waited */
};

static void
usage(void)
{
	fprintf(stderr, "usage: bench_relay -s socket [-c ocmctl] [-Hjv] "
	    "[-l label]\n"
	    "\t[-R rooms] [-N members] [-T talking-rooms] [-S talkers] "
	    "[-a members-per-socket]\n"
	    "\t[-r rate | -w window] [-q quiet-rate] [-b bytes] [-d seconds] "
	    "[-gkm]\n"
	    "       bench_relay -p address -P pid [...]  (speaks as in the "
	    "lobby)\n"
	    "       bench_relay -p address -t tcp-address -P pid [...]\n");
	exit(64);
}

static void
parse(struct plan *p, int argc, char **argv)
{
	struct crowd_plan *c = &p->crowd;
	const struct option_row rows[] = {
		{ 'H', OPTION_FLAG, &p->header, 0, 0 },
		{ 'N', OPTION_WHOLE, &c->size, 2, 65536 },
		{ 'P', OPTION_WHOLE, &p->pid, 1, 1e9 },
		{ 'R', OPTION_WHOLE, &c->rooms, 1, 100000 },
		{ 'S', OPTION_WHOLE, &c->talkers, 1, 65536 },
		{ 'T', OPTION_WHOLE, &p->talking, 1, 100000 },
		{ 'a', OPTION_WHOLE, &c->share, 1, CROWD_SHARE_MAX },
		{ 'b', OPTION_SIZE, &c->bytes, CROWD_BYTES_MIN,
		    CROWD_BYTES_MAX },
		{ 'c', OPTION_TEXT, &p->ocmctl, 0, 0 },
		{ 'd', OPTION_REAL, &p->seconds, 0.1, 86400 },
		{ 'g', OPTION_FLAG, &c->bundles, 0, 0 },
		{ 'j', OPTION_FLAG, &p->json, 0, 0 },
		{ 'k', OPTION_FLAG, &c->stamps, 0, 0 },
		{ 'l', OPTION_TEXT, &p->label, 0, 0 },
		{ 'm', OPTION_FLAG, &c->mixed, 0, 0 },
		{ 'p', OPTION_TEXT, &p->peer, 0, 0 },
		{ 'q', OPTION_REAL, &p->quiet, 0.01, 1e6 },
		{ 'r', OPTION_REAL, &p->rate, 0.01, 1e6 },
		{ 's', OPTION_TEXT, &p->socket, 0, 0 },
		{ 't', OPTION_TEXT, &p->peer_rooms, 0, 0 },
		{ 'v', OPTION_FLAG, &p->verify, 0, 0 },
		{ 'w', OPTION_WHOLE, &p->window, 1, 4096 },
	};

	options_take(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, usage);
	if (optind != argc || (p->socket == NULL && p->peer == NULL) ||
	    (p->peer != NULL && p->pid == 0) || (p->quiet > 0 &&
	    p->rate <= 0) || p->talking > c->rooms)
		usage();
}

static void
nap(uint64_t ns)
{
	const struct timespec ts = { .tv_nsec = (long)ns };

	(void)nanosleep(&ts, NULL);
}

/* ---- at a rate ---- */

/* The rooms take turns, evenly spread over each period. */
struct pacer {
	struct crowd	*crowd;		/* NULL: says nothing */
	unsigned	 rooms, step;	/* rooms that talk, every so many */
	double		 gap;
	uint64_t	 begin, i;
};

static struct pacer
pacer_make(struct crowd *c, unsigned rooms, unsigned talking, double rate)
{
	return (struct pacer){ .crowd = c, .rooms = talking,
	    .step = rooms / talking, .gap = (double)SECOND / (rate * talking),
	    .begin = crowd_now() };
}

static uint64_t
pacer_due(const struct pacer *p)
{
	if (p->crowd == NULL)
		return UINT64_MAX;
	return p->begin + (uint64_t)((double)p->i * p->gap);
}

static void
pacer_say(struct pacer *p, uint64_t now)
{
	unsigned n;

	for (n = 0; n < BURST && pacer_due(p) <= now; n++)
		crowd_say(p->crowd, (unsigned)(p->i++ % p->rooms) * p->step);
}

/* One crowd is waited for as a client waits; two are looked at in turns. */
static void
wait_until(struct crowd *c, struct crowd *quiet, uint64_t due)
{
	const uint64_t now = crowd_now();

	if (due <= now)
		return;
	if (quiet == NULL)
		(void)crowd_hear(c, due - now);
	else
		nap(due - now < NAP_NS ? due - now : NAP_NS);
}

static void
run_paced(const struct plan *p, struct crowd *c, struct crowd *quiet)
{
	struct pacer loud, calm = { .crowd = NULL };
	uint64_t now, end, due;
	bool heard;

	loud = pacer_make(c, p->crowd.rooms, p->talking > 0 ? p->talking :
	    p->crowd.rooms, p->rate);
	if (quiet != NULL)
		calm = pacer_make(quiet, 1, 1, p->quiet);
	end = loud.begin + (uint64_t)(p->seconds * (double)SECOND);
	while ((now = crowd_now()) < end) {
		pacer_say(&loud, now);
		pacer_say(&calm, now);
		heard = quiet != NULL && crowd_hear(quiet, 0);
		heard = crowd_hear(c, 0) || heard;
		due = pacer_due(&loud);
		if (pacer_due(&calm) < due)
			due = pacer_due(&calm);
		if (!heard)
			wait_until(c, quiet, due < end ? due : end);
	}
}

/* ---- as fast as it goes ---- */

/*
 * Nobody waits for a saturated server: it is looked at after a nap, so that
 * waking this process is none of its work.
 */
static void
run_window(const struct plan *p, struct crowd *c)
{
	uint64_t now = crowd_now(), seen = 0, last = now, looked = now;
	const uint64_t end = now + (uint64_t)(p->seconds * (double)SECOND);

	for (; now < end; now = crowd_now()) {
		crowd_fill(c, p->window);
		if (!crowd_hear(c, 0))
			nap(NAP_NS);
		if (crowd_counts(c)->delivered != seen) {
			seen = crowd_counts(c)->delivered;
			last = now;
		}
		if (now - last > STALL_NS) {
			crowd_give_up(c, 0);
			last = now;
		} else if (now - looked > STALL_NS) {
			crowd_give_up(c, PATIENCE_NS);
			looked = now;
		}
	}
}

/* Waits for what is on its way, until nothing has come for a while. */
static void
drain(struct crowd *c)
{
	uint64_t last = crowd_now(), seen = crowd_counts(c)->delivered;
	const uint64_t end = last + PATIENCE_NS;

	while (crowd_in_flight(c) > 0 && crowd_now() < end &&
	    crowd_now() - last < SECOND / 2) {
		(void)crowd_hear(c, SECOND / 10);
		if (crowd_counts(c)->delivered != seen) {
			seen = crowd_counts(c)->delivered;
			last = crowd_now();
		}
	}
}

/* ---- what came of it ---- */

/*
 * Copies in one send; 0 where nobody tells.  Only bundles are counted, so
 * this says nothing where messages often go alone.
 */
static double
bundle(const struct plan *p, const struct result *r)
{
	const uint64_t copies = r->after.deliveries - r->before.deliveries;
	const uint64_t sends = r->after.bundles - r->before.bundles;

	return p->rate <= 0 && sends > 0 ? (double)copies / (double)sends : 0;
}

static void
print_json(const struct plan *p, const struct result *r,
    const struct crowd *quiet)
{
	const struct load_row *w = &r->row;
	const double relayd = w->after.relayd - w->before.relayd;
	const double self = w->after.self - w->before.self;
	const double copies = (double)r->counts.delivered;
	struct load calm = { .counts = &r->quiet };

	printf("{");
	load_print_heard(w->load, w->seconds);
	printf(",\"share\":%.3f,\"wanted\":%.3f,\"roomd\":%.3f,"
	    "\"self\":%.3f", relayd / w->seconds, r->wanted / w->seconds,
	    (w->after.roomd - w->before.roomd) / w->seconds,
	    self / w->seconds);
	printf(",\"cpu\":%.4f,\"self_cpu\":%.4f,\"bundle\":%.2f,"
	    "\"rss\":%" PRIu64, copies > 0 ? relayd * 1e6 / copies : 0,
	    copies > 0 ? self * 1e6 / copies : 0, bundle(p, r),
	    procs_resident(w->procs));
	if (quiet != NULL) {
		printf(",\"quiet\":{");
		calm.latency = crowd_latency(quiet);
		load_print_heard(&calm, w->seconds);
		printf("}");
	}
	printf("}\n");
}

static void
print_text(const struct plan *p, const struct result *r,
    const struct crowd *quiet)
{
	const struct load_row *w = &r->row;
	const double wanted = r->wanted / w->seconds;
	const struct histogram *h;

	if (p->header)
		load_print_header();
	load_print(w);
	if (bundle(p, r) > 0)
		printf("%-22s messages in one send: %.1f\n", "", bundle(p, r));
	if (quiet != NULL) {
		h = crowd_latency(quiet);
		printf("%-22s quiet room: %" PRIu64 " of %" PRIu64 " heard, "
		    "p50 %.0f us, p99 %.0f us\n", "",
		    r->quiet.delivered, r->quiet.expected,
		    (double)histogram_at(h, 0.5) / 1e3,
		    (double)histogram_at(h, 0.99) / 1e3);
	}
	if (p->rate <= 0 && wanted < BUSY)
		printf("%-22s (the server had work for %.0f %% of the time "
		    "only: not its limit)\n", "", 100 * wanted);
}

/* ---- the run ---- */

static struct crowd *
open_main(const struct plan *p, const struct procs *ps)
{
	struct crowd_plan c = p->crowd;
	double remembered = p->rate > 0 ? p->rate * REMEMBERED_S :
	    4.0 * p->window;

	c.name = "bench";
	c.rooms_addr = p->peer != NULL ? p->peer_rooms : ps->rooms;
	c.relay_addr = p->peer != NULL ? p->peer : ps->relay;
	c.lobby = p->peer != NULL && p->peer_rooms == NULL;
	if (remembered > CROWD_REMEMBERED_MAX)
		remembered = CROWD_REMEMBERED_MAX;
	c.remembered = (unsigned)remembered;
	return crowd_open(&c);
}

static struct crowd *
open_quiet(const struct procs *ps)
{
	const struct crowd_plan c = { .name = "quiet",
	    .rooms_addr = ps->rooms, .relay_addr = ps->relay, .rooms = 1,
	    .size = QUIET_MEMBERS, .bytes = QUIET_BYTES, .stamps = true };

	return crowd_open(&c);
}

static int
count_relayed(const struct plan *p, struct procs_relayed *n)
{
	if (p->peer == NULL)
		return procs_relayed(n, p->ocmctl, p->socket);
	memset(n, 0, sizeof(*n));
	return 0;
}

static struct crowd_counts
settle(struct crowd *c, uint64_t delivered)
{
	drain(c);
	return load_settled(crowd_counts(c), delivered);
}

static int
measure(const struct plan *p, const struct procs *ps, struct crowd *c,
    struct crowd *quiet, struct result *r)
{
	uint64_t begin, delivered, calm = 0;

	if (count_relayed(p, &r->before) == -1)
		return -1;
	r->row.before = load_cpu(ps);
	r->wanted = -procs_wanted(ps, "relayd");
	begin = crowd_now();
	if (p->rate > 0)
		run_paced(p, c, quiet);
	else
		run_window(p, c);
	r->row.after = load_cpu(ps);
	r->wanted += procs_wanted(ps, "relayd");
	r->row.seconds = (double)(crowd_now() - begin) / (double)SECOND;
	delivered = crowd_counts(c)->delivered;
	if (quiet != NULL)
		calm = crowd_counts(quiet)->delivered;
	r->counts = settle(c, delivered);
	if (quiet != NULL)
		r->quiet = settle(quiet, calm);
	return count_relayed(p, &r->after);
}

int
main(int argc, char **argv)
{
	struct plan p = { .ocmctl = "build/ocmctl", .label = "",
	    .crowd = { .rooms = 1, .size = 10, .bytes = 100 }, .window = 16,
	    .seconds = 5 };
	struct crowd *c, *quiet = NULL;
	struct load load;
	struct procs ps;
	struct result r;
	bool good;

	parse(&p, argc, argv);
	load_raise_files((uint64_t)p.crowd.rooms * p.crowd.size /
	    (p.crowd.share > 0 ? p.crowd.share : 1) + 128);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	if (p.peer != NULL)
		procs_one(&ps, "relayd", p.pid);
	else if (procs_find(&ps, p.ocmctl, p.socket) == -1)
		return 1;
	if ((c = open_main(&p, &ps)) == NULL ||
	    (p.quiet > 0 && (quiet = open_quiet(&ps)) == NULL))
		return 1;
	load = (struct load){ .counts = &r.counts,
	    .latency = crowd_latency(c) };
	r.row = (struct load_row){ .label = p.label, .load = &load,
	    .procs = &ps };
	if (measure(&p, &ps, c, quiet, &r) == -1)
		return 1;
	if (p.json)
		print_json(&p, &r, quiet);
	else
		print_text(&p, &r, quiet);
	good = load_good(&load);
	crowd_close(c);
	if (quiet != NULL)
		crowd_close(quiet);
	return p.verify && !good ? 1 : 0;
}
