/* SPDX-License-Identifier: ISC */
/*
 * One request frame in, one answer out: table of operations, no socket.
 * Called by session.c, which sends the answer.
 */
#ifndef OCM_ANSWER_H
#define OCM_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "audience.h"
#include "blob.h"
#include "limit.h"
#include "list.h"
#include "rooms.h"
#include "wire_tcp.h"

/* What answering needs; one for the process. */
struct desk {
	struct rooms			*rooms;
	struct lists			*lists;
	struct limit			*limit;
	const struct ctl_settings	*settings;
	_Atomic uint64_t		*counters;
	struct audience			*audience;
	/* How many connections may stay open as memberships. */
	uint32_t			 seats_max;
};

struct asker {
	struct caller	caller;
	struct seat_id	holds;		/* who lives by this connection */
};

struct answer {
	enum status	 status;	/* ST_MALFORMED: the last answer */
	struct blob	*first;		/* status or refusal, or NULL */
	struct blob	*second;	/* another write, or NULL */
	unsigned	 gap_ms;	/* least time between the two */
	bool		 stay;		/* another request may follow */
	struct seat_id	 entered;	/* whom a create or join made */
};

/*
 * Answers a whole frame.  The blobs' references are the caller's.  An answer
 * without a first and a second is silence, as operation 3 has it.
 */
void	answer_frame(struct desk *, const struct tcrp_frame *,
	    const struct asker *, struct answer *);
/* The refusal of a frame that is not read: judged by its header alone. */
void	answer_refuse(struct desk *, const struct tcrp_header *, enum status,
	    struct answer *);

#endif
