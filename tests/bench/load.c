/* SPDX-License-Identifier: ISC */
/* See load.h. */
#include <sys/types.h>
#include <sys/resource.h>

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

struct load_cpu
load_cpu(const struct procs *ps)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (struct load_cpu){
		.relayd = procs_cpu(ps, "relayd"),
		.roomd = procs_cpu(ps, "roomd"),
		.ocmd = procs_cpu(ps, "ocmd"),
		.self = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
	};
}

void
load_print_header(void)
{
	printf("%-22s %9s %8s %10s %6s %4s %4s %6s %7s %7s %7s %7s %7s %6s "
	    "%6s %6s %9s %8s %6s\n", "run", "deliv/s", "sent", "delivered",
	    "lost", "dup", "own", "wrong", "p50 us", "p90 us", "p99 us",
	    "p999 us", "max us", "relayd", "roomd", "ocmd", "s/Mdeliv",
	    "RSS KiB", "self");
}

void
load_print(const struct load_row *row)
{
	const struct crowd_counts *n = row->load->counts;
	const struct histogram *h = row->load->latency;
	const struct load_cpu *a = &row->before, *b = &row->after;
	const double relayd = b->relayd - a->relayd;

	printf("%-22s %9.0f %8" PRIu64 " %10" PRIu64 " %6" PRIu64 " %4" PRIu64
	    " %4" PRIu64 " %6" PRIu64, row->label,
	    (double)n->delivered / row->seconds, n->sent, n->delivered,
	    n->expected - n->delivered, n->duplicates, n->own,
	    n->wrong + n->wrong_room);
	printf(" %7.0f %7.0f %7.0f %7.0f %7.0f",
	    (double)histogram_at(h, 0.5) / 1e3,
	    (double)histogram_at(h, 0.9) / 1e3,
	    (double)histogram_at(h, 0.99) / 1e3,
	    (double)histogram_at(h, 0.999) / 1e3, (double)h->max / 1e3);
	printf(" %5.1f%% %5.1f%% %5.1f%% %9.3f %8" PRIu64 " %5.1f%%\n",
	    100 * relayd / row->seconds,
	    100 * (b->roomd - a->roomd) / row->seconds,
	    100 * (b->ocmd - a->ocmd) / row->seconds,
	    n->delivered > 0 ? relayd * 1e6 / (double)n->delivered : 0.0,
	    procs_resident(row->procs),
	    100 * (b->self - a->self) / row->seconds);
}

void
load_print_heard(const struct load *l, double seconds)
{
	const struct crowd_counts *n = l->counts;
	const struct histogram *h = l->latency;

	printf("\"rate\":%.0f,\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64
	    ",\"lost\":%" PRIu64 ",\"dup\":%" PRIu64 ",\"own\":%" PRIu64
	    ",\"wrong\":%" PRIu64 ",\"wrong_room\":%" PRIu64
	    ",\"late\":%" PRIu64 ",\"unsent\":%" PRIu64,
	    (double)n->delivered / seconds, n->sent, n->delivered,
	    n->expected - n->delivered, n->duplicates, n->own, n->wrong,
	    n->wrong_room, n->late, n->unsent);
	printf(",\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
	    "\"max\":%.1f", (double)histogram_at(h, 0.5) / 1e3,
	    (double)histogram_at(h, 0.9) / 1e3,
	    (double)histogram_at(h, 0.99) / 1e3,
	    (double)histogram_at(h, 0.999) / 1e3, (double)h->max / 1e3);
}

void
load_print_json(const struct load_row *row)
{
	const struct crowd_counts *n = row->load->counts;
	const struct load_cpu *a = &row->before, *b = &row->after;
	const double relayd = b->relayd - a->relayd;

	load_print_heard(row->load, row->seconds);
	printf(",\"share\":%.3f,\"self\":%.3f,\"cpu\":%.4f,\"rss\":%"
	    PRIu64, relayd / row->seconds, (b->self - a->self) / row->seconds,
	    n->delivered > 0 ? relayd * 1e6 / (double)n->delivered : 0.0,
	    procs_resident(row->procs));
}

struct crowd_counts
load_settled(const struct crowd_counts *now, uint64_t delivered)
{
	struct crowd_counts n = *now;

	n.expected -= n.delivered - delivered;
	n.delivered = delivered;
	return n;
}

bool
load_good(const struct load *l)
{
	const struct crowd_counts *n = l->counts;

	return n->sent > 0 && n->delivered == n->expected &&
	    n->duplicates + n->own + n->wrong + n->wrong_room +
	    n->unsent == 0;
}

double
load_number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max))
		errx(64, "%s: not between %g and %g", text, min, max);
	return value;
}

void
load_raise_files(uint64_t want)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	if (rl.rlim_cur >= want)
		return;
	rl.rlim_cur = want;
	if (rl.rlim_max < want)
		rl.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "%" PRIu64 " descriptors", want);
}
