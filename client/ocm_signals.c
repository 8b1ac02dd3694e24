/* SPDX-License-Identifier: ISC */
/*
 * Signals that end the client.  Called by the words that chat; on a terminal
 * SIGINT belongs to ocm_tty.c.
 */
#include <err.h>
#include <signal.h>
#include <stddef.h>
#include <sysexits.h>

#include <event2/event.h>

#include "ocm_chat.h"
#include "ocm_signals.h"

static const int numbers[] = { SIGTERM, SIGHUP, SIGQUIT, SIGINT };
enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };

static struct event	*events[COUNT];
static int		 caught;

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct chat	*c = arg;

	(void)what;
	caught = (int)number;
	chat_leave(c, EX_OK);
}

/* nohup(1), say, means it so. */
static bool
is_ignored(int number)
{
	struct sigaction	now;

	return sigaction(number, NULL, &now) == 0 &&
	    now.sa_handler == SIG_IGN;
}

void
signals_start(struct chat *c, struct event_base *base, bool interrupt)
{
	size_t	i;

	caught = 0;
	for (i = 0; i < COUNT; i++) {
		if ((numbers[i] == SIGINT && !interrupt) ||
		    is_ignored(numbers[i]))
			continue;
		events[i] = evsignal_new(base, numbers[i], on_signal, c);
		if (events[i] == NULL || event_add(events[i], NULL) == -1)
			errx(EX_OSERR, "out of memory");
	}
}

void
signals_stop(void)
{
	size_t	i;

	for (i = 0; i < COUNT; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (caught != 0) {
		(void)signal(caught, SIG_DFL);
		(void)raise(caught);
	}
}
