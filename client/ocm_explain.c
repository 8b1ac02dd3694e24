/* SPDX-License-Identifier: ISC */
/*
 * An answer of the server in words, and as an exit status.  Called wherever
 * a request did not succeed and a person has to know why.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ocm_explain.h"
#include "ocm_show.h"

static int
explain_denied(enum tcrp_op op, const char *room, const struct options *o)
{
	if (op != OP_JOIN)
		show_error("the server does not know us in \"%s\" any more",
		    room);
	else if (o->password[0] == '\0')
		show_error("room \"%s\" wants a password (-P asks for one)",
		    room);
	else
		show_error("wrong password for room \"%s\"", room);
	return EX_NOPERM;
}

static int
explain_status(const struct options *o, enum tcrp_op op, const char *room,
    enum status status)
{
	switch (status) {
	case ST_EXISTS:
		show_error("room \"%s\" exists; 'ocm join %s' enters it",
		    room, room);
		return EX_CANTCREAT;
	case ST_NO_ROOM:
		show_error("no such room %s; 'ocm create %s' makes it",
		    room, room);
		return EX_NOINPUT;
	case ST_DENIED:
		return explain_denied(op, room, o);
	case ST_MALFORMED:
		show_error("the server does not accept the request");
		return EX_PROTOCOL;
	case ST_UNABLE:
		show_error("the server cannot do that now: it is full, or "
		    "shutting down");
		return EX_UNAVAILABLE;
	case ST_SLOW_DOWN:
		show_error("the server says: slow down; try again later");
		return EX_TEMPFAIL;
	case ST_OK:
		break;
	}
	show_error("the server answers with the unknown status %u",
	    (unsigned)status);
	return EX_PROTOCOL;
}

int
explain(const struct options *o, enum tcrp_op op, const char *room,
    const struct tcrp_answer *a)
{
	char	 where[SERVER_TEXT];
	char	*harmless;
	int	 status = EX_UNAVAILABLE;

	(void)server_text(&o->server, where);
	switch (a->outcome) {
	case TCRP_STATUS:
		harmless = show_harmless(room, strlen(room));
		status = explain_status(o, op, harmless, a->status);
		free(harmless);
		break;
	case TCRP_UNREACHABLE:
		if (a->error == ECONNREFUSED)
			show_error("no server at %s (connection refused); is "
			    "it running?", where);
		else
			show_error("no answer from %s: %s", where,
			    strerror(a->error));
		break;
	case TCRP_SILENT:
		show_error("no answer from %s within %u s", where,
		    o->timeout_ms / 1000);
		break;
	case TCRP_GARBLED:
		show_error("what answers at %s does not speak this protocol",
		    where);
		status = EX_PROTOCOL;
		break;
	case TCRP_OK:
		break;
	}
	return status;
}

int
explain_no_host(const struct options *o, const char *why)
{
	show_error("no host %s: %s", o->server.host, why);
	return EX_NOHOST;
}
