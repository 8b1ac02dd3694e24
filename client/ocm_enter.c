/* SPDX-License-Identifier: ISC */
/*
 * Entering: the create or join over TCP, and the datagram socket.  Called by
 * chat_open.
 */
#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "net.h"
#include "ocm_ask.h"
#include "ocm_explain.h"
#include "ocm_json.h"
#include "ocm_session.h"
#include "ocm_show.h"

enum {
	RECEIVE_BUFFER = 4 * 1024 * 1024,	/* bytes; a hint */
	ENTER_TRIES = 4,
	REFUSAL_MS = 100,		/* for a lobby to say no */
};

bool
session_take_token(struct chat *c, const struct tcrp_answer *a)
{
	if (a->len == 0 || a->len > sizeof(c->token))
		return false;
	memcpy(c->token, a->payload, a->len);
	c->token_len = a->len;
	return true;
}

/* What to do about a refusal: the other operation, or 0 to give up. */
static enum tcrp_op
other_way(struct chat *c, enum tcrp_op op, enum entrance how,
    enum status status)
{
	if (how == ENTER_EITHER && op == OP_JOIN && status == ST_NO_ROOM)
		return OP_CREATE;
	if (how == ENTER_EITHER && op == OP_CREATE && status == ST_EXISTS)
		return OP_JOIN;
	if (op == OP_JOIN && status == ST_DENIED && !c->opt->json &&
	    c->opt->password[0] == '\0' && ask_possible()) {
		show_info("room \"%s\" wants a password", c->room);
		if (ask_password_now(c->opt))
			return OP_JOIN;
	}
	return 0;
}

static void
ask_to_enter(struct chat *c, enum tcrp_op op, struct tcrp_answer *a)
{
	struct tcrp_question	 q = session_question(c, op);
	char			*request, *payload;

	request = json_request(c->opt->name, c->opt->password);
	if (request == NULL)
		errx(EX_OSERR, "out of memory");
	q.payload = request;
	q.payload_len = strlen(request);
	tcrp_ask_wait(c->base, &c->opt->server, &q, a, &payload);
	if (a->outcome == TCRP_OK && !session_take_token(c, a))
		a->outcome = TCRP_GARBLED;
	explicit_bzero(request, strlen(request));
	free(request);
	free(payload);
}

static int
enter_room(struct chat *c, enum entrance how)
{
	enum tcrp_op		 op, next;
	struct tcrp_answer	 a = { .outcome = TCRP_SILENT };
	unsigned		 i;
	const char		*wrong = server_resolve(&c->opt->server);

	if (wrong != NULL)
		return explain_no_host(c->opt, wrong);
	next = how == ENTER_CREATE ? OP_CREATE : OP_JOIN;
	for (i = 0; i < ENTER_TRIES && next != 0; i++) {
		op = next;
		ask_to_enter(c, op, &a);
		if (a.outcome == TCRP_OK) {
			c->host = op == OP_CREATE;
			return EX_OK;
		}
		next = a.outcome == TCRP_STATUS ?
		    other_way(c, op, how, a.status) : 0;
	}
	return explain(c->opt, op, c->room, &a);
}

/* 0, or -1 with errno; the descriptor is closed with the chat. */
static int
open_socket(struct chat *c)
{
	struct sockaddr_storage	 ss;
	const struct server	*s = &c->opt->server;
	socklen_t		 len;
	int			 size = RECEIVE_BUFFER;

	len = server_sockaddr(s, c->lobby ? s->tcp : s->udp, &ss);
	c->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&ss, len) == -1)
		return -1;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)net_want_bundles(c->fd);
	return 0;
}

/* Whether the address takes datagrams, as far as it says so. */
static bool
takes_datagrams(struct chat *c)
{
	struct pollfd	pfd = { .fd = c->fd, .events = POLLIN };
	char		byte;

	(void)session_send(c, "", 0);
	if (poll(&pfd, 1, REFUSAL_MS) <= 0)
		return true;
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != -1 ||
	    errno != ECONNREFUSED;
}

/* The lobby has no TCP that would find the right one of several addresses. */
static int
find_lobby(struct chat *c)
{
	struct server	*s = &c->opt->server;
	const char	*wrong = server_resolve(s);

	if (wrong != NULL)
		return explain_no_host(c->opt, wrong);
	for (s->current = 0; s->current < s->addrs; s->current++) {
		if (open_socket(c) == 0 && takes_datagrams(c)) {
			c->refused = false;
			return EX_OK;
		}
		if (c->fd != -1)
			(void)close(c->fd);
		c->fd = -1;
	}
	show_error("no lobby at %s port %u (connection refused)", s->host,
	    s->tcp);
	return EX_UNAVAILABLE;
}

int
session_enter(struct chat *c, enum entrance how)
{
	int	status;

	if (c->lobby)
		return find_lobby(c);
	if ((status = enter_room(c, how)) != EX_OK)
		return status;
	if (how != ENTER_BRIEFLY)
		session_learn_name(c);
	if (open_socket(c) == -1) {
		show_error("no way to the server's UDP port: %s",
		    strerror(errno));
		return EX_UNAVAILABLE;
	}
	return EX_OK;
}
