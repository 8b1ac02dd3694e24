/* SPDX-License-Identifier: ISC */
/*
 * The words of the command line.  Called by main through its table.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <event2/event.h>

#include "name.h"
#include "ocm_ask.h"
#include "ocm_chat.h"
#include "ocm_explain.h"
#include "ocm_options.h"
#include "ocm_pipe.h"
#include "ocm_show.h"
#include "ocm_signals.h"
#include "ocm_tty.h"
#include "ocm_words.h"

static void
need_name(const struct options *o)
{
	if (o->name[0] == '\0')
		usage_error("NAME is missing: use -n NAME, or set OCM_NAME");
}

/* " as bob", ", probably as bob~2", or nothing; free() it. */
static char *
as_whom(const struct chat *c)
{
	const char	*name;
	char		*harmless, *text;
	bool		 sure;

	if ((name = chat_name(c, &sure)) == NULL)
		return show_harmless("", 0);
	harmless = show_harmless(name, strlen(name));
	if (asprintf(&text, "%s as %s", sure ? "" : ", probably", harmless) ==
	    -1)
		err(EX_OSERR, NULL);
	free(harmless);
	return text;
}

/* Those who are not in the room yet need to know how they get there. */
static void
tell_entered(const struct options *o, const char *room, const struct chat *c)
{
	char	where[SERVER_TEXT], spec[SERVER_TEXT];
	char	*harmless = show_harmless(room, strlen(room));
	char	*as = as_whom(c);
	bool	 created = chat_is_host(c);

	show_info("%s room \"%s\" on %s%s", created ? "created" : "joined",
	    harmless, server_text(&o->server, where), as);
	free(as);
	/* A command that its reader would have to quote helps nobody. */
	if (created && strpbrk(room, " \"$&'()*;<>?[\\]`{|}~#!") == NULL) {
		(void)server_spec(&o->server, spec);
		show_info("others enter it with: ocm %s%s%sjoin %s",
		    *spec != '\0' ? "-s " : "", spec,
		    *spec != '\0' ? " " : "", harmless);
	}
	free(harmless);
}

static void
tell_lobby(const struct options *o)
{
	char	where[SERVER_TEXT];

	show_info("in the lobby of %s as %s", server_text(&o->server, where),
	    o->name);
}

/* Runs a chat to its end with whichever front end there is. */
static int
converse(struct chat *c, struct event_base *base, bool at_terminal)
{
	int	status;

	signals_start(c, base, !at_terminal);
	if (at_terminal)
		tty_run(c, base);
	else
		pipe_run(c, base);
	status = chat_status(c);
	chat_close(c);
	signals_stop();
	event_base_free(base);
	return status;
}

static int
chat(struct options *o, const char *room, enum entrance how)
{
	struct event_base	*base = chat_base_new();
	struct chat		*c;
	bool			 at_terminal = ask_possible() && !o->json;
	int			 status;

	if (at_terminal)
		show_init(SHOW_TERMINAL);
	if ((status = chat_open(&c, base, o, room, how)) != EX_OK) {
		event_base_free(base);
		return status;
	}
	if (how == ENTER_LOBBY)
		tell_lobby(o);
	else
		tell_entered(o, room, c);
	return converse(c, base, at_terminal);
}

int
word_create(struct options *o, const struct operands *ops)
{
	need_name(o);
	return chat(o, ops->room, ENTER_CREATE);
}

int
word_join(struct options *o, const struct operands *ops)
{
	need_name(o);
	return chat(o, ops->room, ENTER_JOIN);
}

int
word_lobby(struct options *o, const struct operands *ops)
{
	(void)ops;
	need_name(o);
	return chat(o, "", ENTER_LOBBY);
}

int
word_bare(struct options *o)
{
	char	room[NAME_MAX_BYTES + 1];

	if (!ask_possible() || o->json)
		usage_error("WORD is missing (create, join, lobby, rooms, "
		    "who, send, listen), and there is no terminal to ask at");
	ask_everything(o, room);
	return chat(o, room, ENTER_EITHER);
}

/* One question outside of any chat. */
static int
question(struct options *o, struct event_base *base,
    const struct tcrp_question *q, char **payload, size_t *len)
{
	struct tcrp_answer	 a = { .outcome = TCRP_SILENT };
	const char		*wrong = server_resolve(&o->server);

	*payload = NULL;
	if (wrong != NULL)
		return explain_no_host(o, wrong);
	tcrp_ask_wait(base, &o->server, q, &a, payload);
	if (a.outcome != TCRP_OK)
		return explain(o, q->op, q->room, &a);
	*len = a.len;
	return EX_OK;
}

static int
unreadable(void)
{
	show_error("the server's list cannot be read");
	return EX_PROTOCOL;
}

static int
show_rooms(const char *payload, size_t len)
{
	struct entries	all;
	size_t		i;

	if (json_entries(&all, payload != NULL ? payload : "", len) == -1)
		return unreadable();
	for (i = 0; i < all.count; i++)
		show_room(&all.list[i]);
	entries_free(&all);
	return EX_OK;
}

int
word_rooms(struct options *o, const struct operands *ops)
{
	struct tcrp_question	 q = { .op = OP_PORT_OR_LIST, .room = "",
	    .payload = "", .timeout_ms = o->timeout_ms };
	struct event_base	*base = chat_base_new();
	char			*payload;
	size_t			 len = 0;
	int			 status;

	(void)ops;
	status = question(o, base, &q, &payload, &len);
	if (status == EX_OK)
		status = show_rooms(payload, len);
	free(payload);
	event_base_free(base);
	return status;
}

/*
 * Only members may ask who is there.  A name that nobody else has tells us
 * afterwards which of them we are.
 */
static void
disguise(char name[NAME_MAX_BYTES + 1])
{
	char	suffix[16];
	size_t	room, len = strlen(name);

	(void)snprintf(suffix, sizeof(suffix), "-who%04x",
	    (unsigned)arc4random_uniform(0x10000));
	room = NAME_MAX_BYTES - strlen(suffix);
	while (len > room || !utf8_valid(name, len))
		len--;
	(void)strlcpy(name + len, suffix, NAME_MAX_BYTES + 1 - len);
}

static int
show_members(const char *room, const char *me, const char *payload, size_t len)
{
	struct entries	all;
	size_t		i;

	if (json_entries(&all, payload != NULL ? payload : "", len) == -1)
		return unreadable();
	for (i = 0; i < all.count; i++)
		if (strcmp(all.list[i].name, me) != 0)
			show_member(room, &all.list[i]);
	entries_free(&all);
	return EX_OK;
}

/* Joins, asks, leaves; a failed leave changes nothing about the answer. */
static int
who(struct options *o, struct event_base *base, const char *room)
{
	struct tcrp_question	 q = { .op = OP_JOIN, .room = room,
	    .timeout_ms = o->timeout_ms };
	struct tcrp_answer	 ignored = { .outcome = TCRP_SILENT };
	char			*request, *token, *list = NULL, *none;
	size_t			 token_len = 0, len = 0;
	int			 status;

	disguise(o->name);
	if ((request = json_request(o->name, o->password)) == NULL)
		errx(EX_OSERR, "out of memory");
	q.payload = request;
	q.payload_len = strlen(request);
	status = question(o, base, &q, &token, &token_len);
	free(request);
	if (status == EX_OK && token != NULL) {
		q.payload = token;
		q.payload_len = token_len;
		q.op = OP_MEMBERS;
		status = question(o, base, &q, &list, &len);
		q.op = OP_LEAVE;
		tcrp_ask_wait(base, &o->server, &q, &ignored, &none);
		free(none);
	}
	if (status == EX_OK)
		status = show_members(room, o->name, list, len);
	free(list);
	free(token);
	return status;
}

int
word_who(struct options *o, const struct operands *ops)
{
	struct event_base	*base = chat_base_new();
	int			 status;

	need_name(o);
	status = who(o, base, ops->room);
	event_base_free(base);
	return status;
}

/* The operands with a space between them; free() it. */
static char *
join_words(char **words, int count)
{
	size_t	size = 1;
	char	*text;
	int	i;

	for (i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	if ((text = malloc(size)) == NULL)
		err(EX_OSERR, NULL);
	*text = '\0';
	for (i = 0; i < count; i++) {
		if (i > 0)
			(void)strlcat(text, " ", size);
		(void)strlcat(text, words[i], size);
	}
	return text;
}

/* Before anybody is told that we joined. */
static int
check_text(const struct options *o, const char *room, const char *text)
{
	size_t		limit = text_limit_room(strlen(room), TOKEN_TEXT,
			    strlen(o->name));
	enum unsendable	bad = text_check(text, strlen(text), limit);
	char		why[128];

	if (bad == TEXT_FITS)
		return EX_OK;
	show_error("the text was not sent: %s",
	    text_why(bad, limit, why, sizeof(why)));
	return EX_DATAERR;
}

static int
send_one(struct options *o, const char *room, const char *text)
{
	struct event_base	*base;
	struct chat		*c;
	int			 status = check_text(o, room, text);

	if (status != EX_OK)
		return status;
	base = chat_base_new();
	if ((status = chat_open(&c, base, o, room, ENTER_BRIEFLY)) == EX_OK) {
		chat_hear_nothing(c);
		if (chat_say(c, text, strlen(text)) == -1) {
			warn("the text was not sent");
			status = EX_UNAVAILABLE;
		}
		chat_leave(c, status);
		while (!chat_over(c))
			(void)event_base_loop(base, EVLOOP_ONCE);
		status = chat_status(c);
		chat_close(c);
	}
	event_base_free(base);
	return status;
}

static int
send_input(struct options *o, const char *room)
{
	struct event_base	*base = chat_base_new();
	struct chat		*c;
	int			 status;

	if ((status = chat_open(&c, base, o, room, ENTER_BRIEFLY)) == EX_OK) {
		chat_hear_nothing(c);
		return converse(c, base, false);
	}
	event_base_free(base);
	return status;
}

int
word_send(struct options *o, const struct operands *ops)
{
	char	*text;
	int	 status;

	need_name(o);
	if (ops->count == 0)
		return send_input(o, ops->room);
	text = join_words(ops->rest, ops->count);
	status = send_one(o, ops->room, text);
	free(text);
	return status;
}

int
word_listen(struct options *o, const struct operands *ops)
{
	struct event_base	*base = chat_base_new();
	struct chat		*c;
	int			 status;

	need_name(o);
	status = chat_open(&c, base, o, ops->room, ENTER_JOIN);
	if (status != EX_OK) {
		event_base_free(base);
		return status;
	}
	tell_entered(o, ops->room, c);
	chat_leave_after(c, o->count);
	signals_start(c, base, true);
	while (!chat_over(c))
		(void)event_base_loop(base, EVLOOP_ONCE);
	status = chat_status(c);
	chat_close(c);
	signals_stop();
	event_base_free(base);
	return status;
}
