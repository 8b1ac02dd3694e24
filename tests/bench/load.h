/* SPDX-License-Identifier: ISC */
/*
 * What every load generator does alike around its run: numbers of the
 * command line, processor time, one row of the table.
 */
#ifndef OCM_BENCH_LOAD_H
#define OCM_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "crowd.h"
#include "histogram.h"
#include "procs.h"

/* What was heard. */
struct load {
	const struct crowd_counts *counts;
	const struct histogram *latency;
};

struct load_cpu {
	double	relayd, roomd, ocmd, self;	/* seconds up to now */
};

struct load_row {
	const char		*label;
	const struct load	*load;
	const struct procs	*procs;
	double			 seconds;
	struct load_cpu		 before, after;
};

struct load_cpu load_cpu(const struct procs *);
void	load_print_header(void);
void	load_print(const struct load_row *);
/* The same as members of a JSON object, without its brackets. */
void	load_print_json(const struct load_row *);
/* The part of it that tells what came, and how late. */
void	load_print_heard(const struct load *, double seconds);
/*
 * The rate is that of the run; of what was still on its way at its end, when
 * `delivered` had come, is only known whether it came.
 */
struct crowd_counts load_settled(const struct crowd_counts *,
	    uint64_t delivered);
/* Whether everything has arrived exactly once, as it was said. */
bool	load_good(const struct load *);

/* A number of the command line; exits with a message unless min..max. */
double	load_number(const char *text, double min, double max);
/* Lets this process open so many descriptors; exits if it may not. */
void	load_raise_files(uint64_t);

#endif
