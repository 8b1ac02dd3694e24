/* SPDX-License-Identifier: ISC */
/*
 * An answer of the server in words, and as an exit status.
 */
#ifndef OCM_EXPLAIN_H
#define OCM_EXPLAIN_H

#include "ocm.h"
#include "ocm_tcrp.h"

/*
 * Says why a request about a room ("" for none) did not succeed and returns
 * the exit status for it.  Not for TCRP_OK.
 */
int	explain(const struct options *, enum tcrp_op, const char *room,
	    const struct tcrp_answer *);
/* The same for a host without an address: what the resolver said. */
int	explain_no_host(const struct options *, const char *why);

#endif
