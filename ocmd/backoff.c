/* SPDX-License-Identifier: ISC */
/* The delay before a child's next life (see backoff.h); used by watch.c. */
#include <string.h>

#include "backoff.h"

static void
count(struct backoff *b, uint64_t second)
{
	if (second - b->second >= BACKOFF_WINDOW_S) {
		memset(b->deaths, 0, sizeof(b->deaths));
		b->second = second;
	}
	while (b->second < second)
		b->deaths[++b->second % BACKOFF_WINDOW_S] = 0;
	b->deaths[second % BACKOFF_WINDOW_S]++;
}

uint32_t
backoff_deaths(const struct backoff *b)
{
	uint32_t i, n = 0;

	for (i = 0; i < BACKOFF_WINDOW_S; i++)
		n += b->deaths[i];
	return n;
}

uint32_t
backoff_delay(struct backoff *b, uint64_t now_ms, uint64_t lived_ms,
    uint32_t limit)
{
	uint32_t delay = b->next_ms;

	count(b, now_ms / 1000);
	if (lived_ms >= BACKOFF_FORGET_MS)
		delay = 0;
	if (delay == 0 && backoff_deaths(b) > limit)
		delay = BACKOFF_FIRST_MS;
	b->next_ms = delay > BACKOFF_MAX_MS / 2 ? BACKOFF_MAX_MS : delay * 2;
	return delay;
}
