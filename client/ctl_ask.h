/* SPDX-License-Identifier: ISC */
/*
 * Asking the running server (what is said: common/control.h).  Used by every
 * word of ocmctl that is an order or a question.
 */
#ifndef OCM_CTL_ASK_H
#define OCM_CTL_ASK_H

#include <jansson.h>

#include "common/control.h"

enum {
	ASK_STATUS_MS = 2000,		/* ocmd answers at once */
	ASK_COUNTS_MS = 500,		/* roomd may be dead or hung */
	ASK_ROOMD_MS = 5000,
	ASK_ORDER_MS = 10000,		/* stop, reload */
};

enum ask_result {
	ASK_OK,
	ASK_REFUSED,		/* `error` is what the server said */
	ASK_NOT_RUNNING,	/* nobody listens there */
	ASK_UNKNOWN,		/* cannot tell: `error` says why */
};

struct ask_answer {
	char	*error;		/* from malloc, or NULL */
	json_t	*json;		/* or NULL where the verb has none */
};

/* room, member: "" where the verb needs none; at most 255 bytes. */
void	ask_request(struct control_request *, enum control_verb,
	    const char *room, const char *member);
/* The answer is the caller's: ask_free. */
enum ask_result ask(const char *socket_path, const struct control_request *,
	    int timeout_ms, struct ask_answer *);
void	ask_free(struct ask_answer *);

#endif
