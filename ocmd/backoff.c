/* SPDX-License-Identifier: ISC */
/* The delay before a child's next life (see backoff.h); used by server.c. */
#include "backoff.h"

uint32_t
backoff_delay(struct backoff *b, uint64_t lived_ms)
{
	uint32_t delay;

	if (lived_ms >= BACKOFF_FORGET_MS)
		b->next_ms = 0;
	delay = b->next_ms;
	if (delay == 0)
		b->next_ms = BACKOFF_FIRST_MS;
	else if (delay > BACKOFF_MAX_MS / 2)
		b->next_ms = BACKOFF_MAX_MS;
	else
		b->next_ms = delay * 2;
	return delay;
}
