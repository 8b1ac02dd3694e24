/* SPDX-License-Identifier: ISC */
/*
 * Turns of work: see turn.h.  They are measured in bytes and not in steps,
 * because a step may be a status or a list of ten thousand members.
 */
#include "turn.h"

void
turn_make(struct turn *t, struct event_base *base, event_callback_fn fn,
    void *arg)
{
	(void)event_assign(&t->rest, base, -1, 0, fn, arg);
	(void)event_priority_set(&t->rest, PRIORITY_REST);
	t->left = 0;
}

void
turn_begin(struct turn *t)
{
	t->left = TURN_BYTES;
}

void
turn_spend(struct turn *t, size_t bytes)
{
	t->left -= bytes < t->left ? bytes : t->left;
}

bool
turn_over(const struct turn *t)
{
	return t->left == 0;
}

void
turn_rest(struct turn *t)
{
	event_active(&t->rest, EV_TIMEOUT, 0);
}

void
turn_end(struct turn *t)
{
	(void)event_del(&t->rest);
}
