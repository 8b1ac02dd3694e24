/* SPDX-License-Identifier: ISC */
/*
 * Leaving.  Texts travel as datagrams and the leave over TCP, to different
 * processes of the server: a leave that overtakes the last text would make
 * the server drop it.  So, when something was said just now, we leave by the
 * protocol's own word on the same path and wait until our token is dead,
 * which also proves that the path works.  Called by the front ends.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <event2/event.h>

#include "clock.h"
#include "ocm_session.h"
#include "ocm_show.h"

enum {
	RECENT_MS = 3000,	/* said so lately that it may be on its way */
	LEAVE_MS = 2000,	/* for the word to take effect */
	GOODBYE_MS = 2000,	/* for the answer to the leave over TCP */
	ASK_MIN_MS = 10,	/* between two looks at our token */
	ASK_MAX_MS = 160,
	LOBBY_MS = 50,		/* for a refusal to come back */
};

static void
on_goodbye(const struct tcrp_answer *a, void *arg)
{
	struct chat	*c = arg;

	(void)a;	/* the server may be gone as well: we are leaving */
	c->call = NULL;
	session_end(c, c->leave_status);
}

static void
goodbye(struct chat *c)
{
	struct tcrp_question	q = session_question(c, OP_LEAVE);

	if (q.timeout_ms > GOODBYE_MS)
		q.timeout_ms = GOODBYE_MS;
	c->call = tcrp_ask(c->base, &c->opt->server, &q, on_goodbye, c);
}

static void
unconfirmed(struct chat *c)
{
	show_error("the server did not confirm the last texts: datagrams to "
	    "its UDP port %u do not get through", c->opt->server.udp);
	if (c->leave_status == EX_OK)
		c->leave_status = EX_UNAVAILABLE;
}

static void
on_look(const struct tcrp_answer *a, void *arg)
{
	struct chat	*c = arg;

	c->call = NULL;
	if (a->outcome == TCRP_STATUS &&
	    (a->status == ST_DENIED || a->status == ST_NO_ROOM)) {
		session_end(c, c->leave_status);
	} else if (clock_ms() < c->leave_by) {
		session_timer(c->ev_watch, c->wait_ms);
		if (c->wait_ms < ASK_MAX_MS)
			c->wait_ms *= 2;
	} else {
		unconfirmed(c);
		goodbye(c);
	}
}

/* Says the leaving word, again if need be, and looks whether it worked. */
static void
say_goodbye(struct chat *c)
{
	struct tcrp_question	q = session_question(c, OP_MEMBERS);

	(void)session_send(c, TEXT_LEAVE, strlen(TEXT_LEAVE));
	q.head_only = true;
	if (q.timeout_ms > LEAVE_MS)
		q.timeout_ms = LEAVE_MS;
	c->call = tcrp_ask(c->base, &c->opt->server, &q, on_look, c);
}

static void
leave_lobby(struct chat *c)
{
	if (c->refused) {
		show_error("nobody at UDP port %u of the server takes our "
		    "datagrams", c->opt->server.tcp);
		session_end(c, EX_UNAVAILABLE);
	} else
		session_end(c, c->leave_status);
}

void
leave_timer(struct chat *c)
{
	if (c->lobby)
		leave_lobby(c);
	else
		say_goodbye(c);
}

/* There is nobody to say goodbye to. */
static void
leave_unreachable(struct chat *c)
{
	if (c->leave_status == EX_OK && c->said_ms > c->proof_ms) {
		show_error("the last texts may not have arrived");
		c->leave_status = EX_UNAVAILABLE;
	}
	session_end(c, c->leave_status);
}

void
chat_leave(struct chat *c, int status)
{
	if (c->state == CHAT_OVER)
		return;
	if (c->state == CHAT_LEAVING) {
		session_end(c, c->leave_status);
		return;
	}
	c->leave_status = status;
	if (c->state == CHAT_REJOINING && !c->leave_wanted) {
		c->leave_wanted = true;
		return;
	}
	if (c->state != CHAT_LIVE) {
		leave_unreachable(c);
		return;
	}
	if (c->call != NULL)
		tcrp_cancel(c->call);
	c->call = NULL;
	c->state = CHAT_LEAVING;
	c->wait_ms = ASK_MIN_MS;
	c->leave_by = clock_ms() + LEAVE_MS;
	(void)event_del(c->ev_keep);
	(void)event_del(c->ev_watch);
	if (c->lobby)
		session_timer(c->ev_watch, LOBBY_MS);
	else if (c->said_ms != 0 && clock_ms() - c->said_ms < RECENT_MS)
		say_goodbye(c);
	else
		goodbye(c);
}
