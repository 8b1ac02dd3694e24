/* SPDX-License-Identifier: ISC */
/*
 * Is the server still there, and are we still in the room?  Datagrams get
 * lost and anybody can type "room closed: ...", so the question is put to
 * the server over TCP, with our token: when a text looks like an ending,
 * when the datagram port refuses, and after a time without a word.
 * Called by ocm_chat.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <event2/event.h>

#include "clock.h"
#include "ocm_doubt.h"
#include "ocm_explain.h"
#include "ocm_session.h"
#include "ocm_show.h"

enum {
	QUIET_MS = 30000,	/* without a word before we ask */
	SPREAD_MS = 3000,	/* so that a whole room does not ask at once */
	REFUSED_MS = 50,	/* let the refusals of one moment come in */
	REFUSALS_MAX = 3,
	WAIT_MIN_MS = 500,	/* between tries while the server is away */
	WAIT_MAX_MS = 8000,
	LEAST_TIMEOUT_MS = 1000,
	LIST_STEP = 64 * 1024,	/* bytes of a members list per QUIET_MS */
};

/* What the lobby's port says in place of an answer over TCP. */
static const struct tcrp_answer refusal = {
	.outcome = TCRP_UNREACHABLE, .error = ECONNREFUSED
};

static void	rejoin(struct chat *);

static uint64_t
spread(uint32_t ms)
{
	return arc4random_uniform(ms);
}

static void
arm(struct chat *c, uint64_t ms)
{
	session_timer(c->ev_watch, ms);
}

static void
begin_away(struct chat *c, const struct tcrp_answer *a)
{
	const char	*why = "";

	if (a->outcome == TCRP_UNREACHABLE)
		why = strerror(a->error);
	else if (a->outcome == TCRP_STATUS)
		why = "it is busy";
	c->away_since = clock_ms();
	c->wait_ms = WAIT_MIN_MS;
	show_info("the server has fallen silent%s%s%s; trying again for %u s",
	    *why != '\0' ? " (" : "", why, *why != '\0' ? ")" : "",
	    c->opt->retry_ms / 1000);
}

/* Too long without an answer is the end, otherwise try again, more slowly. */
static void
away(struct chat *c, const struct tcrp_answer *a)
{
	uint64_t	now = clock_ms(), passed;

	if (c->away_since == 0)
		begin_away(c, a);
	c->state = CHAT_AWAY;
	passed = now - c->away_since;
	if (passed >= c->opt->retry_ms) {
		show_error("the server did not come back; giving up");
		session_end(c, EX_UNAVAILABLE);
		return;
	}
	if (c->wait_ms > c->opt->retry_ms - passed)
		c->wait_ms = c->opt->retry_ms - passed;
	arm(c, c->wait_ms);
	c->wait_ms = c->wait_ms * 2 < WAIT_MAX_MS ?
	    c->wait_ms * 2 : WAIT_MAX_MS;
}

/* The held text was no ending, or nobody can tell: show it all the same. */
static void
release_held(struct chat *c, bool as_notice)
{
	size_t	len = c->held_len;

	c->held_len = 0;
	if (len == 0)
		return;
	if (as_notice)
		show_notice(c->room, c->held, len);
	else
		session_deliver(c, c->held, len);
}

static void
back(struct chat *c)
{
	show_info("the server answers again");
	session_live(c);
	session_register(c);
}

/* TCP answers, the datagram port does not: once may be chance. */
static void
still_refused(struct chat *c)
{
	c->refused = false;
	if (++c->refusals < REFUSALS_MAX) {
		session_register(c);
		return;
	}
	show_error("UDP port %u of the server refuses our datagrams; "
	    "-s HOST:TCP:UDP names the right one", c->opt->server.udp);
	c->said_ms = 0;		/* leave over TCP: that works */
	chat_leave(c, EX_UNAVAILABLE);
}

/* A long list of members is dear: ask for it less often. */
static uint64_t
quiet_ms(const struct chat *c)
{
	return QUIET_MS * (1 + (uint64_t)c->list_len / LIST_STEP);
}

static void
false_ending(struct chat *c)
{
	uint64_t	now = clock_ms();

	c->doubt_ms = doubt_after_ms(c->doubt_ms, now - c->doubt_until);
	c->doubt_until = now + c->doubt_ms;
	release_held(c, false);
}

static void
alive(struct chat *c)
{
	if (c->held_len > 0)
		false_ending(c);
	if (c->state == CHAT_AWAY)
		back(c);
	c->proof_ms = clock_ms();
	if (c->state != CHAT_LIVE)
		return;
	arm(c, quiet_ms(c) + spread(SPREAD_MS));
	if (c->refused)
		still_refused(c);
	else
		c->refusals = 0;
}

/* Our token opens nothing any more.  Who ended it, and may we come back? */
static void
dead(struct chat *c)
{
	enum notice	ending = text_notice(c->held, c->held_len);

	release_held(c, true);
	if (ending == NOTICE_KICKED) {
		session_end(c, EX_NOPERM);
	} else if (ending == NOTICE_SHUTDOWN) {
		session_end(c, EX_UNAVAILABLE);
	} else if (c->host) {
		show_error("room \"%s\" is gone: the server does not know us "
		    "as its host any more", c->room);
		session_end(c, EX_UNAVAILABLE);
	} else if (ending == NOTICE_CLOSED) {
		session_end(c, EX_OK);
	} else
		rejoin(c);
}

static void
unanswered(struct chat *c, const struct tcrp_answer *a)
{
	bool	shutdown = a->outcome == TCRP_UNREACHABLE &&
		    text_notice(c->held, c->held_len) == NOTICE_SHUTDOWN;

	release_held(c, true);
	if (shutdown)
		session_end(c, EX_UNAVAILABLE);
	else
		away(c, a);
}

static void
on_probe(const struct tcrp_answer *a, void *arg)
{
	struct chat	*c = arg;

	c->call = NULL;
	if (a->outcome == TCRP_OK) {
		c->list_len = a->len;
		alive(c);
	} else if (a->outcome == TCRP_STATUS) {
		if (a->status == ST_DENIED || a->status == ST_NO_ROOM)
			dead(c);
		else
			alive(c);	/* busy, but there */
	} else
		unanswered(c, a);
}

static void
probe(struct chat *c)
{
	struct tcrp_question	q = session_question(c, OP_MEMBERS);
	uint64_t		end, now = clock_ms();

	if (c->call != NULL)
		return;
	if (c->away_since != 0) {
		end = c->away_since + c->opt->retry_ms;
		if (end < now + LEAST_TIMEOUT_MS)
			end = now + LEAST_TIMEOUT_MS;
		if (q.timeout_ms > end - now)
			q.timeout_ms = (unsigned)(end - now);
	}
	q.head_only = true;
	c->call = tcrp_ask(c->base, &c->opt->server, &q, on_probe, c);
}

/* Texts that were sent after the server last knew us went nowhere. */
static void
tell_losses(const struct chat *c, uint64_t proof_ms)
{
	if (c->said_ms > proof_ms)
		show_info("what was said in the last %u s may be lost",
		    (unsigned)((clock_ms() - proof_ms) / 1000 + 1));
}

static void
rejoined(struct chat *c)
{
	uint64_t	proof_ms = c->proof_ms;

	show_info("the server had dropped us; joined \"%s\" again", c->room);
	tell_losses(c, proof_ms);
	session_live(c);
	session_register(c);
	arm(c, QUIET_MS + spread(SPREAD_MS));
	if (c->leave_wanted)
		chat_leave(c, c->leave_status);
}

static void
not_rejoined(struct chat *c, const struct tcrp_answer *a)
{
	if (a->outcome != TCRP_STATUS || a->status == ST_SLOW_DOWN ||
	    a->status == ST_UNABLE) {
		away(c, a);
	} else if (a->status == ST_NO_ROOM) {
		show_info("room \"%s\" is gone", c->room);
		session_end(c, c->away_since != 0 ? EX_UNAVAILABLE : EX_OK);
	} else
		session_end(c, explain(c->opt, OP_JOIN, c->room, a));
	if (c->leave_wanted)
		session_end(c, c->leave_status);
}

static void
on_rejoin(const struct tcrp_answer *a, void *arg)
{
	struct chat	*c = arg;

	c->call = NULL;
	if (a->outcome == TCRP_OK && session_take_token(c, a))
		rejoined(c);
	else
		not_rejoined(c, a);
}

static void
rejoin(struct chat *c)
{
	struct tcrp_question	 q = session_question(c, OP_JOIN);
	char			*request;

	request = json_request(c->opt->name, c->opt->password);
	if (request == NULL) {
		show_error("out of memory");
		session_end(c, EX_OSERR);
		return;
	}
	c->state = CHAT_REJOINING;
	q.payload = request;
	q.payload_len = strlen(request);
	c->call = tcrp_ask(c->base, &c->opt->server, &q, on_rejoin, c);
	explicit_bzero(request, strlen(request));
	free(request);
}

/* The lobby has no token to ask about: try, and see whether it refuses. */
static void
lobby_timer(struct chat *c)
{
	if (c->state != CHAT_AWAY)
		return;
	if (!c->refused) {
		back(c);
		return;
	}
	c->refused = false;
	away(c, &refusal);
	if (c->state == CHAT_AWAY)
		(void)session_send(c, "", 0);
}

void
watch_timer(struct chat *c)
{
	uint64_t	now = clock_ms();

	if (c->lobby)
		lobby_timer(c);
	else if (c->state == CHAT_AWAY || c->held_len > 0 || c->refused ||
	    now - c->proof_ms >= quiet_ms(c))
		probe(c);
	else
		arm(c, c->proof_ms + quiet_ms(c) - now + spread(SPREAD_MS));
}

void
watch_start(struct chat *c)
{
	if (!c->lobby)
		arm(c, quiet_ms(c) + spread(SPREAD_MS));
}

void
watch_heard(struct chat *c)
{
	c->proof_ms = clock_ms();
	c->refused = false;
	c->refusals = 0;
	if (c->state == CHAT_AWAY && c->call == NULL)
		arm(c, 0);
}

/* Speaking into a long silence: make sure that somebody is there. */
void
watch_said(struct chat *c)
{
	if (!c->lobby && c->call == NULL &&
	    clock_ms() - c->proof_ms >= QUIET_MS)
		probe(c);
}

bool
watch_hold(struct chat *c, const char *text, size_t len)
{
	if (!notice_ends(text_notice(text, len)) || c->held_len > 0 ||
	    c->state != CHAT_LIVE || clock_ms() < c->doubt_until)
		return false;
	/* A question already on its way may be older than the ending. */
	if (c->call != NULL)
		tcrp_cancel(c->call);
	c->call = NULL;
	memcpy(c->held, text, len);
	c->held_len = len;
	arm(c, spread(doubt_spread_ms(c->list_len)));
	return true;
}

void
watch_refused(struct chat *c)
{
	c->refused = true;
	if (c->state != CHAT_LIVE)
		return;
	if (c->lobby)
		away(c, &refusal);
	else if (c->call == NULL)
		arm(c, REFUSED_MS);
}
