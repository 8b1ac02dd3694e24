/* SPDX-License-Identifier: ISC */
/*
 * The file through which a test orders faults and learns what was passed:
 * mapped by every process of the server before it enters its sandbox, and by
 * tests/faults/faulty.py, which knows this layout too.
 */
#ifndef OCM_ORDERS_H
#define OCM_ORDERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	ORDERS = 16, SITES = 2048,
	ROLE_BYTES = 16, SITE_BYTES = 104,
};
enum action {
	ACT_NONE, ACT_DIE, ACT_HANG, ACT_FAIL, ACT_PAUSE, ACT_SPIN,
};

struct order {
	_Atomic uint32_t action;
	_Atomic uint32_t countdown;	/* passes; at the last it happens */
	_Atomic uint32_t done;		/* how often it happened */
	uint32_t	 pad;
	char		 role[ROLE_BYTES];
	char		 name[SITE_BYTES];
};

struct site {				/* a point or call that was passed */
	_Atomic uint32_t state;		/* 0 free, 1 being written, 2 valid */
	_Atomic uint32_t passes;
	char		 role[ROLE_BYTES];
	char		 name[SITE_BYTES];
};

struct orders {
	struct order	 order[ORDERS];
	struct site	 site[SITES];
};

/*
 * Writes down that a site was passed, and what is ordered for this pass.
 * A null site is nowhere, for which nothing is ever ordered.
 */
enum action	 fault_pass(struct site *);
/* The site of a name, NULL where there is no test or no room. */
struct site	*fault_site(const char *name);

#endif
