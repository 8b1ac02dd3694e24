/* SPDX-License-Identifier: ISC */
/*
 * The front end without a terminal.  Called by the words create, join, lobby
 * and send.
 */
#include <sys/types.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "ocm_chat.h"
#include "ocm_lines.h"
#include "ocm_pipe.h"
#include "ocm_show.h"

/*
 * A file has more lines than the buffers on the way hold datagrams: not more
 * than PACE_BURST at once, and then PACE_LINES every PACE_US.
 */
enum {
	PACE_BURST = 64,
	PACE_LINES = 10,
	PACE_US = 10000,
	READ_SIZE = 16384,
};

static struct {
	struct chat	*chat;
	struct event	*ev_in, *ev_pace;
	struct lines	 lines;
	char		 buf[READ_SIZE];
	size_t		 have, used;
	bool		 eof;
	unsigned	 budget;
	unsigned long	 number;	/* of the line */
	int		 status;
} in;

static void
say_line(bool too_long)
{
	char		why[128];
	enum unsendable	bad = TEXT_TOO_LONG;

	in.number++;
	if (!too_long)
		bad = chat_check(in.chat, in.lines.buf, in.lines.len);
	if (bad == TEXT_EMPTY)
		return;
	if (bad != TEXT_FITS) {
		show_error("line %lu was not sent: %s", in.number,
		    text_why(bad, chat_limit(in.chat), why, sizeof(why)));
		in.status = EX_DATAERR;
		return;
	}
	in.budget--;
	if (chat_say(in.chat, in.lines.buf, in.lines.len) == 0)
		return;
	show_error("line %lu was not sent: %s", in.number, strerror(errno));
	in.status = EX_UNAVAILABLE;
}

/* Whether a line may be said now; otherwise an event goes on later. */
static bool
may_say(void)
{
	static const struct timeval	pace = { 0, PACE_US };

	if (!chat_ready(in.chat))
		return false;		/* on_ready goes on */
	if (in.budget > 0)
		return true;
	(void)event_add(in.ev_pace, &pace);
	return false;
}

static void
finish(void)
{
	bool	too_long;

	if (lines_end(&in.lines, &too_long))
		say_line(too_long);
	chat_leave(in.chat, in.status);
}

/* Says what was read, then asks for more. */
static void
pump(void)
{
	bool	whole, too_long;

	while (in.used < in.have) {
		if (!may_say())
			return;
		in.used += lines_feed(&in.lines, in.buf + in.used,
		    in.have - in.used, &whole, &too_long);
		if (whole) {
			say_line(too_long);
			lines_next(&in.lines);
		}
	}
	if (!in.eof)
		(void)event_add(in.ev_in, NULL);
	else if (may_say())
		finish();
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	ssize_t	n;

	(void)what;
	(void)arg;
	if ((n = read(fd, in.buf, sizeof(in.buf))) == -1) {
		if (errno == EINTR || errno == EAGAIN) {
			(void)event_add(in.ev_in, NULL);
			return;
		}
		show_error("standard input: %s", strerror(errno));
		in.status = EX_NOINPUT;
		n = 0;
	}
	in.eof = n == 0;
	in.have = (size_t)n;
	in.used = 0;
	pump();
}

static void
on_pace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	in.budget = in.budget + PACE_LINES < PACE_BURST ?
	    in.budget + PACE_LINES : PACE_BURST;
	pump();
}

static void
on_ready(void *arg)
{
	(void)arg;
	if (in.used < in.have || in.eof)
		pump();
}

void
pipe_run(struct chat *chat, struct event_base *base)
{
	in.chat = chat;
	in.budget = PACE_BURST;
	in.ev_in = event_new(base, STDIN_FILENO, EV_READ, on_input, NULL);
	in.ev_pace = evtimer_new(base, on_pace, NULL);
	if (in.ev_in == NULL || in.ev_pace == NULL)
		errx(EX_OSERR, "out of memory");
	chat_on_ready(chat, on_ready, NULL);
	(void)event_add(in.ev_in, NULL);
	while (!chat_over(chat))
		(void)event_base_loop(base, EVLOOP_ONCE);
	chat_on_ready(chat, NULL, NULL);
	event_free(in.ev_in);
	event_free(in.ev_pace);
}
